/**
 * The `ticker` channel: one element becomes a `ticker` event and, where it says anything of the
 * best bid or ask, a `quote` event. We subscribe with `event_trigger: "bbo"`, so every change of
 * the best bid or offer comes as one message.
 *
 * Zero as a placeholder: on an empty book Kraken sends price 0 (and quantity 0) for the side that
 * is not there, and on a market without trades 0 for last, vwap, low and high. No market trades at
 * a price of zero, so a price of 0 is absent, and so is its quantity. Volume, trades and changes of
 * 0 are values. Source: docs.kraken.com, "Ticker (Level 1)", read 2026-11; a recorded message of an
 * empty book.
 */
import { ABSENT, FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { MISSING, setCount, settle } from './channels.ts';
import type { FrameReader } from './frame-reader.ts';

const KEYS = keyTable(
  'symbol',
  'bid',
  'ask',
  'last',
  'vwap',
  'low',
  'high',
  'bid_qty',
  'ask_qty',
  'volume',
  'change',
  'change_pct',
  'trades',
  'timestamp',
);
const FIELDS = [
  0,
  FIELD.ticker.bid_price,
  FIELD.ticker.ask_price,
  FIELD.ticker.last_price,
  FIELD.ticker.vwap,
  FIELD.ticker.low,
  FIELD.ticker.high,
  FIELD.ticker.bid_size,
  FIELD.ticker.ask_size,
  FIELD.ticker.volume,
  FIELD.ticker.change,
  FIELD.ticker.change_percent,
];
const LAST_PRICE_KEY = 6;
const LAST_AMOUNT_KEY = 9;

export function readTicker(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.ticker, -1, flags);
  let market = MISSING;
  let quotes = false;
  reader.beginObject();
  for (let key = reader.nextKey(KEYS); key !== KEY_END; key = reader.nextKey(KEYS)) {
    if (key === 0) {
      market = reader.market(symbols);
    } else if (key < 0) {
      reader.skip();
    } else if (key === 12) {
      setCount(reader, out, event, FIELD.ticker.trades);
    } else if (key === 13) {
      if (reader.instant()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else {
      if (key <= 2) quotes = true;
      readValue(reader, out, event, key);
    }
  }
  finishTicker(out, event, quotes, flags);
  return settle(reader, out, event, market, start);
}

/** Takes sizes without a price from a ticker that was read, and appends its quote where it has one. */
export function finishTicker(
  out: EventBuffer,
  event: number,
  quotes: boolean,
  flags: number,
): void {
  dropSizeWithoutPrice(out, event, FIELD.ticker.bid_price, FIELD.ticker.bid_size);
  dropSizeWithoutPrice(out, event, FIELD.ticker.ask_price, FIELD.ticker.ask_size);
  if (quotes) appendQuote(out, event, flags);
}

function readValue(reader: FrameReader, out: EventBuffer, event: number, key: number): void {
  if (reader.isNull()) return;
  if (key <= LAST_AMOUNT_KEY ? !reader.amount() : !reader.decimal()) return;
  const isPlaceholder = key <= LAST_PRICE_KEY && reader.hi === 0 && reader.lo === 0;
  if (!isPlaceholder) out.setDecimal(event, FIELDS[key] as number, reader);
}

function dropSizeWithoutPrice(out: EventBuffer, event: number, price: number, size: number): void {
  const slot = out.slot[event] as number;
  if (out.aux[slot + price] === ABSENT) out.aux[slot + size] = ABSENT;
}

function appendQuote(out: EventBuffer, ticker: number, flags: number): void {
  const event = out.begin(TYPE_CODE.quote, -1, flags);
  out.setTsEvent(event, out.ts_hi[ticker] as number, out.ts_lo[ticker] as number);
  copy(out, ticker, FIELD.ticker.bid_price, event, FIELD.quote.bid_price);
  copy(out, ticker, FIELD.ticker.bid_size, event, FIELD.quote.bid_size);
  copy(out, ticker, FIELD.ticker.ask_price, event, FIELD.quote.ask_price);
  copy(out, ticker, FIELD.ticker.ask_size, event, FIELD.quote.ask_size);
}

function copy(out: EventBuffer, from: number, field: number, to: number, target: number): void {
  const slot = (out.slot[from] as number) + field;
  const { hi, lo, aux } = out;
  out.set(to, target, hi[slot] as number, lo[slot] as number, aux[slot] as number);
}
