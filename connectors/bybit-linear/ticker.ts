/**
 * The `tickers` channel: one element becomes a `ticker` and a `mark` event. A snapshot states all of it,
 * a delta what changed; what a delta leaves out is absent here, and an event of which nothing changed is
 * none. The fold tells both whole (`Feed.changes`). Best bid and offer as quotes come from `orderbook.1`.
 *
 * `price24hPcnt` is a fraction: a hundredth of the percentage it becomes. `volume24h` is in the base
 * currency, `turnover24h` in that of settlement. `""`, and 0 for the price of a side or for the time of
 * funding, are "none": futures with a day of delivery have no funding.
 * Source: Bybit v5 documentation, "WebSocket Stream / Ticker", read 2026-11.
 */
import { ABSENT, FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { checkMarket } from './channels.ts';
import type { FrameReader } from './frame-reader.ts';

const TICKER_FIELDS = [
  ['lastPrice', FIELD.ticker.last_price],
  ['prevPrice24h', FIELD.ticker.open],
  ['highPrice24h', FIELD.ticker.high],
  ['lowPrice24h', FIELD.ticker.low],
  ['turnover24h', FIELD.ticker.quote_volume],
  ['volume24h', FIELD.ticker.volume],
  ['bid1Price', FIELD.ticker.bid_price],
  ['bid1Size', FIELD.ticker.bid_size],
  ['ask1Price', FIELD.ticker.ask_price],
  ['ask1Size', FIELD.ticker.ask_size],
  ['price24hPcnt', FIELD.ticker.change_percent],
] as const;
const MARK_FIELDS = [
  ['markPrice', FIELD.mark.mark_price],
  ['indexPrice', FIELD.mark.index_price],
  ['fundingRate', FIELD.mark.funding_rate],
  ['nextFundingTime', FIELD.mark.next_funding],
] as const;
const NAMES = [...TICKER_FIELDS, ...MARK_FIELDS].map(([name]) => name);
const KEYS = keyTable('symbol', ...NAMES);
const BID_PRICE = 1 + NAMES.indexOf('bid1Price');
const ASK_PRICE = 1 + NAMES.indexOf('ask1Price');
const CHANGE = 1 + NAMES.indexOf('price24hPcnt');
const FUNDING_RATE = 1 + NAMES.indexOf('fundingRate');
const NEXT_FUNDING = 1 + NAMES.indexOf('nextFundingTime');
const MARK_FROM = 1 + TICKER_FIELDS.length;
const EXPONENT_MAX = 63;

/** Places of the mark's fields, as `keepMark` and `writeMark` count them. */
export const MARK = { mark_price: 0, index_price: 1, funding_rate: 2, next_funding: 3 } as const;

/** The mark's fields until it is known whether there is such an event: `hi`, `lo`, `aux` each. */
const marks = new Int32Array(3 * MARK_FIELDS.length);

export function readTicker(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  topic_market: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.ticker, topic_market, 0);
  let seen = 0;
  let tickers = 0;
  let marked = 0;
  reader.beginObject();
  for (let key = reader.nextKey(KEYS); key !== KEY_END; key = reader.nextKey(KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) checkMarket(reader, symbols, topic_market);
    else if (!readField(reader, key)) continue;
    else if (key < MARK_FROM) {
      const [, field] = TICKER_FIELDS[key - 1] as (typeof TICKER_FIELDS)[number];
      out.set(event, field, reader.hi, reader.lo, reader.exp);
      tickers++;
    } else {
      const { hi, lo, exp, ts_hi, ts_lo } = reader;
      if (key === NEXT_FUNDING) keepMark(key - MARK_FROM, ts_hi, ts_lo, 1);
      else keepMark(key - MARK_FROM, hi, lo, exp);
      marked |= 1 << (key - MARK_FROM);
    }
  }
  if ((seen & 1) === 0) reader.refuse('missing_field', start);
  if (topic_market < 0 || tickers === 0) out.takeBack(event);
  if (topic_market < 0) return -1;
  if (marked !== 0) writeMark(out, topic_market, marked);
  return topic_market;
}

/** Reads a value; false where there is none, or on a fault. */
function readField(reader: FrameReader, key: number): boolean {
  if (reader.isNone()) return false;
  if (key === NEXT_FUNDING) return reader.time() && (reader.ts_hi !== 0 || reader.ts_lo !== 0);
  if (key === CHANGE) {
    if (!reader.decimal()) return false;
    reader.exp += 2;
    return reader.exp <= EXPONENT_MAX || reader.refuse('overflow', reader.from);
  }
  if (key === FUNDING_RATE) return reader.decimal();
  const isPlace = key === BID_PRICE || key === ASK_PRICE;
  return reader.amount() && !(isPlace && reader.hi === 0 && reader.lo === 0);
}

/** A field of the mark that may follow. */
export function keepMark(index: number, hi: number, lo: number, aux: number): void {
  marks[3 * index] = hi;
  marks[3 * index + 1] = lo;
  marks[3 * index + 2] = aux;
}

/** The mark of those fields that were kept: bits of `marked`. */
export function writeMark(out: EventBuffer, market: number, marked: number): void {
  const event = out.begin(TYPE_CODE.mark, market, 0);
  for (let index = 0; index < MARK_FIELDS.length; index++) {
    if ((marked & (1 << index)) === 0) continue;
    const [, field] = MARK_FIELDS[index] as (typeof MARK_FIELDS)[number];
    const at = 3 * index;
    out.set(event, field, marks[at] as number, marks[at + 1] as number, marks[at + 2] as number);
  }
}

/** In a whole ticker a side that is not there has no size either, whatever stands in its place. */
export function dropSizeWithoutPrice(out: EventBuffer, event: number): void {
  const slot = out.slot[event] as number;
  const { bid_price, bid_size, ask_price, ask_size } = FIELD.ticker;
  if (out.aux[slot + bid_price] === ABSENT) out.aux[slot + bid_size] = ABSENT;
  if (out.aux[slot + ask_price] === ABSENT) out.aux[slot + ask_size] = ABSENT;
}
