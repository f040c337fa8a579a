/**
 * What the Advanced Trade channels carry, one function a channel: each reads one element of a frame's
 * event and appends what it becomes. Keys may come in any order, unknown ones are skipped. A reader
 * returns the market's index, or -1 where the market is not ours (its event is taken back) or on a
 * fault. Source: docs.cdp.coinbase.com "Advanced Trade WebSocket Channels", read 2026-11. What each
 * field becomes, and how we know, is in `evidence.ts`.
 */
import { ABSENT, FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { readInstant, readSeconds } from './frame-reader.ts';
import type { FrameReader } from './frame-reader.ts';
import { WaitingLevels } from './levels.ts';

/** Reads one element of an event's list. */
export type ElementReader = (reader: FrameReader, symbols: SymbolTable, out: EventBuffer) => number;

const utf8 = new TextEncoder();
/** Bars of the `candles` channel are of five minutes; the wire does not say so. */
const CANDLE_SECONDS = 300;
const asks = new WaitingLevels();

const LEVEL_KEYS = keyTable('side', 'event_time', 'price_level', 'new_quantity');
const HAS_LEVEL = 1 | 4 | 8;
const BID = utf8.encode('bid');
const OFFER = utf8.encode('offer');

/**
 * `[{"side":"bid","event_time":"...","price_level":"68900.00","new_quantity":"2.0"},...]` into event
 * `event`, which gets the latest of its times. In a snapshot they are placeholders of 1970.
 */
export function readUpdates(reader: FrameReader, out: EventBuffer, event: number): void {
  asks.clear();
  out.beginBids(event);
  reader.beginArray();
  while (reader.nextElement()) readUpdate(reader, out, event);
  out.endBids(event);
  asks.writeAsks(out, event);
}

function readUpdate(reader: FrameReader, out: EventBuffer, event: number): void {
  const start = reader.at;
  let seen = 0;
  let isBid = false;
  let hi = 0;
  let lo = 0;
  let exp = 0;
  let size_hi = 0;
  let size_lo = 0;
  let size_exp = 0;
  reader.beginObject();
  for (let key = reader.nextKey(LEVEL_KEYS); key !== KEY_END; key = reader.nextKey(LEVEL_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) {
      isBid = isOneOf(reader, BID, OFFER);
    } else if (key === 1) {
      if (readInstant(reader)) keepLatest(reader, out, event);
    } else if (reader.amount()) {
      if (key === 2) ({ hi, lo, exp } = reader);
      else {
        size_hi = reader.hi;
        size_lo = reader.lo;
        size_exp = reader.exp;
      }
    }
  }
  if ((seen & HAS_LEVEL) !== HAS_LEVEL) reader.refuse('missing_field', start);
  else if (isBid) out.level(hi, lo, exp, size_hi, size_lo, size_exp);
  else asks.push(hi, lo, exp, size_hi, size_lo, size_exp);
}

function keepLatest({ ts_hi, ts_lo }: FrameReader, out: EventBuffer, event: number): void {
  const known_hi = (out.ts_hi[event] as number) >>> 0;
  const known_lo = (out.ts_lo[event] as number) >>> 0;
  const later = ts_hi >>> 0 === known_hi ? ts_lo >>> 0 > known_lo : ts_hi >>> 0 > known_hi;
  if (later) out.setTsEvent(event, ts_hi, ts_lo);
}

/** Whether the next string is `first`; false where it is `second`, a fault where it is neither. */
export function isOneOf(reader: FrameReader, first: Uint8Array, second: Uint8Array): boolean {
  if (!reader.words()) return false;
  if (reader.textIs(first)) return true;
  if (reader.textIs(second)) return false;
  if (reader.escaped) {
    const name = utf8.encode(reader.text());
    if (same(name, first)) return true;
    if (same(name, second)) return false;
  }
  reader.refuse('bad_side', reader.from);
  return false;
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

const TRADE_KEYS = keyTable('product_id', 'trade_id', 'price', 'size', 'side', 'time');
const HAS_TRADE = 0b111111;
const BUY = utf8.encode('BUY');
const SELL = utf8.encode('SELL');

/** One execution. `side` on the wire is the maker's: the taker, whom we tell of, did the opposite. */
export function readTrade(reader: FrameReader, symbols: SymbolTable, out: EventBuffer): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.trade, -1, 0);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(TRADE_KEYS); key !== KEY_END; key = reader.nextKey(TRADE_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) market = reader.market(symbols);
    else if (key === 1) {
      if (reader.integer()) out.setTextRange(event, FIELD.trade.trade_id, reader.from, reader.to);
    } else if (key === 2) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.price, reader);
    } else if (key === 3) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.size, reader);
    } else if (key === 4) setTakerSide(reader, out, event, BUY, SELL);
    else if (readInstant(reader)) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
  }
  if (seen !== HAS_TRADE) reader.refuse('missing_field', start);
  return settle(out, event, market);
}

/** Trades of a message are told newest first (capture of 2024-10-04): ours go in the order they were. */
export function isNewestFirst(out: EventBuffer, first: number): boolean {
  const last = out.count - 1;
  if (last <= first || out.type[first] !== TYPE_CODE.trade) return false;
  const by_hi = unsigned(out.ts_hi, first) - unsigned(out.ts_hi, last);
  const later = by_hi !== 0 ? by_hi : unsigned(out.ts_lo, first) - unsigned(out.ts_lo, last);
  return later !== 0 ? later > 0 : tradeId(out, first) > tradeId(out, last);
}

function unsigned(column: Int32Array, event: number): number {
  return (column[event] as number) >>> 0;
}

/** Near enough to tell which of two is the greater. */
function tradeId(out: EventBuffer, event: number): number {
  const slot = (out.slot[event] as number) + FIELD.trade.trade_id;
  let id = 0;
  for (let at = out.hi[slot] as number; at < (out.lo[slot] as number); at++) {
    id = id * 10 + (out.source[at] as number) - 0x30;
  }
  return id;
}

/** A maker that bought was sold to. */
export function setTakerSide(
  reader: FrameReader,
  out: EventBuffer,
  event: number,
  buy: Uint8Array,
  sell: Uint8Array,
): void {
  const maker_bought = isOneOf(reader, buy, sell);
  if (!reader.failed) out.setSide(event, FIELD.trade.side, maker_bought ? 2 : 1);
}

const CANDLE_KEYS = keyTable('product_id', 'start', 'open', 'high', 'low', 'close', 'volume');
const HAS_CANDLE = 0b1111111;
const CANDLE_FIELDS = [
  0,
  0,
  FIELD.ohlc.open,
  FIELD.ohlc.high,
  FIELD.ohlc.low,
  FIELD.ohlc.close,
  FIELD.ohlc.volume,
];

/** A bar of five minutes, again each second while it changes. The venue never says it is closed. */
export function readCandle(reader: FrameReader, symbols: SymbolTable, out: EventBuffer): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.ohlc, -1, 0);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(CANDLE_KEYS); key !== KEY_END; key = reader.nextKey(CANDLE_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) market = reader.market(symbols);
    else if (key === 1) {
      if (readSeconds(reader)) {
        out.set(event, FIELD.ohlc.interval_begin, reader.ts_hi, reader.ts_lo, 1);
      }
    } else if (reader.amount()) out.setDecimal(event, CANDLE_FIELDS[key] as number, reader);
  }
  if (seen !== HAS_CANDLE) reader.refuse('missing_field', start);
  out.setU32(event, FIELD.ohlc.interval_s, CANDLE_SECONDS);
  return settle(out, event, market);
}

const TICKER_KEYS = keyTable(
  'product_id',
  'price',
  'volume_24_h',
  'low_24_h',
  'high_24_h',
  'best_bid',
  'best_bid_quantity',
  'best_ask',
  'best_ask_quantity',
  'price_percent_chg_24_h',
);
const TICKER_FIELDS = [
  0,
  FIELD.ticker.last_price,
  FIELD.ticker.volume,
  FIELD.ticker.low,
  FIELD.ticker.high,
  FIELD.ticker.bid_price,
  FIELD.ticker.bid_size,
  FIELD.ticker.ask_price,
  FIELD.ticker.ask_size,
  FIELD.ticker.change_percent,
];
const CHANGE_PERCENT = 9;

/**
 * The rolling summary: of `ticker` with each match, of `ticker_batch` every five seconds and without
 * best bid and offer. `""` and a best price of zero are "none".
 */
export function readTicker(reader: FrameReader, symbols: SymbolTable, out: EventBuffer): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.ticker, -1, 0);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(TICKER_KEYS); key !== KEY_END; key = reader.nextKey(TICKER_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) market = reader.market(symbols);
    else if (reader.isNone()) continue;
    else if (key === CHANGE_PERCENT ? reader.decimal() : reader.amount()) {
      out.setDecimal(event, TICKER_FIELDS[key] as number, reader);
    }
  }
  if ((seen & 3) !== 3) reader.refuse('missing_field', start);
  const slot = out.slot[event] as number;
  dropEmptySide(out, slot + FIELD.ticker.bid_price, slot + FIELD.ticker.bid_size);
  dropEmptySide(out, slot + FIELD.ticker.ask_price, slot + FIELD.ticker.ask_size);
  return settle(out, event, market);
}

/** A side of an empty book is priced 0, and has no size. */
export function dropEmptySide(out: EventBuffer, price: number, size: number): void {
  const isZero = out.hi[price] === 0 && out.lo[price] === 0;
  if (out.aux[price] !== ABSENT && !isZero) return;
  out.aux[price] = ABSENT;
  out.aux[size] = ABSENT;
}

const PRODUCT_KEYS = keyTable(
  'id',
  'base_currency',
  'quote_currency',
  'base_increment',
  'quote_increment',
  'status',
  'min_market_funds',
);
const HAS_PRODUCT = 1;

/** A market's reference data. */
export function readProduct(reader: FrameReader, symbols: SymbolTable, out: EventBuffer): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.instrument, -1, 0);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (
    let key = reader.nextKey(PRODUCT_KEYS);
    key !== KEY_END;
    key = reader.nextKey(PRODUCT_KEYS)
  ) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) market = reader.market(symbols);
    else if (reader.isNone()) continue;
    else if (key === 1) setWords(reader, out, event, FIELD.instrument.base);
    else if (key === 2) setWords(reader, out, event, FIELD.instrument.quote);
    else if (key === 5) setWords(reader, out, event, FIELD.instrument.status);
    else if (reader.amount()) {
      const field =
        key === 3
          ? FIELD.instrument.size_increment
          : key === 4
            ? FIELD.instrument.price_increment
            : FIELD.instrument.cost_min;
      out.setDecimal(event, field, reader);
    }
  }
  if ((seen & HAS_PRODUCT) === 0) reader.refuse('missing_field', start);
  return settle(out, event, market);
}

function setWords(reader: FrameReader, out: EventBuffer, event: number, field: number): void {
  if (!reader.words()) return;
  if (reader.escaped) out.setText(event, field, reader.text());
  else out.setTextRange(event, field, reader.from, reader.to);
}

/** Ends an element: gives its event its market, or takes it back where that is not one of ours. */
export function settle(out: EventBuffer, event: number, market: number): number {
  if (market >= 0) {
    out.symbol[event] = market;
    return market;
  }
  out.takeBack(event);
  return -1;
}
