/**
 * The `tickers` channel: one element becomes a `ticker` event. Best bid and offer as quotes come from
 * `bbo-tbt`, not from here: this channel is slower and would tell the same thing twice.
 *
 * `vol24h` counts contracts on derivatives and the base currency on spot, as sizes of trades do.
 * `volCcy24h` is in the quote currency on spot only; on derivatives it is in the base currency, for
 * which there is no field. `""` is "none", as on an empty book.
 * Source: OKX v5 documentation, "WS / Tickers channel", read 2026-11; capture of 2022-05-13.
 */
import { ABSENT, FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { settle } from './channels.ts';
import type { FrameReader } from './frame-reader.ts';

const KEYS = keyTable(
  'instId',
  'ts',
  'instType',
  'volCcy24h',
  'last',
  'lastSz',
  'askPx',
  'askSz',
  'bidPx',
  'bidSz',
  'open24h',
  'high24h',
  'low24h',
  'vol24h',
);
const INSTRUMENT = 0;
const TIME = 1;
const KIND = 2;
const CURRENCY_VOLUME = 3;
const FIELDS = [
  0,
  0,
  0,
  0,
  FIELD.ticker.last_price,
  FIELD.ticker.last_size,
  FIELD.ticker.ask_price,
  FIELD.ticker.ask_size,
  FIELD.ticker.bid_price,
  FIELD.ticker.bid_size,
  FIELD.ticker.open,
  FIELD.ticker.high,
  FIELD.ticker.low,
  FIELD.ticker.volume,
];
const SPOT = new TextEncoder().encode('SPOT');

export function readTicker(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  frame_market: number,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.ticker, frame_market, flags);
  let market = frame_market;
  let seen = 0;
  let spot = false;
  reader.beginObject();
  for (let key = reader.nextKey(KEYS); key !== KEY_END; key = reader.nextKey(KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === INSTRUMENT) market = reader.market(symbols);
    else if (key === TIME) {
      if (reader.time()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else if (key === KIND) {
      if (reader.words()) spot = reader.textIs(SPOT);
    } else if (!reader.isNone() && reader.amount()) {
      const field = key === CURRENCY_VOLUME ? FIELD.ticker.quote_volume : (FIELDS[key] as number);
      out.setDecimal(event, field, reader);
    }
  }
  if ((seen & (1 << TIME)) === 0) reader.refuse('missing_field', start);
  const slot = out.slot[event] as number;
  if (!spot) out.aux[slot + FIELD.ticker.quote_volume] = ABSENT;
  dropSizeWithoutPrice(out, slot, FIELD.ticker.bid_price, FIELD.ticker.bid_size);
  dropSizeWithoutPrice(out, slot, FIELD.ticker.ask_price, FIELD.ticker.ask_size);
  return settle(out, event, market);
}

/** A side that is not there has no size either, whatever stands in its place. */
function dropSizeWithoutPrice(out: EventBuffer, slot: number, price: number, size: number): void {
  if (out.aux[slot + price] === ABSENT) out.aux[slot + size] = ABSENT;
}
