/**
 * What Kraken's data channels carry, one function a channel: each reads one element of `data` and
 * appends its events. Keys may come in any order, unknown ones are skipped. A reader returns the
 * market's index, -1 where the market is not ours (its events are taken back) or on a fault.
 * Source: docs.kraken.com, "Spot WebSocket API v2" (book, trade, ticker, ohlc, instrument), read
 * 2026-11. What each field becomes, and how we know, is in `evidence.ts`.
 */
import { ABSENT, FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import type { FrameReader } from './frame-reader.ts';

/** Reads one element of `data`; `flags` are those of the message type. */
export type ElementReader = (
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  flags: number,
) => number;

const BOOK_KEYS = keyTable('symbol', 'bids', 'asks', 'checksum', 'timestamp');
const HAS_BIDS = 1;
const HAS_ASKS = 2;

/** `{symbol, bids, asks, checksum, timestamp}`: snapshots had no timestamp before 2025. */
export function readBook(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.book, -1, flags);
  let market = MISSING;
  let sides = 0;
  reader.beginObject();
  for (let key = reader.nextKey(BOOK_KEYS); key !== KEY_END; key = reader.nextKey(BOOK_KEYS)) {
    if (key === 0) {
      market = reader.market(symbols);
    } else if (key === 1) {
      out.beginBids(event);
      readLevels(reader, out);
      out.endBids(event);
      sides |= HAS_BIDS;
    } else if (key === 2) {
      out.beginAsks(event);
      readLevels(reader, out);
      out.endAsks(event);
      sides |= HAS_ASKS;
    } else if (key === 3) {
      readChecksum(reader, out, event);
    } else if (key === 4) {
      if (reader.instant()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else {
      reader.skip();
    }
  }
  // A snapshot without a side would silently empty it; an update may leave one out.
  const needed = (flags & FLAG.SNAPSHOT) === 0 ? 0 : HAS_BIDS | HAS_ASKS;
  if ((sides & needed) !== needed) reader.refuse('missing_field', start);
  return settle(reader, out, event, market, start);
}

const LEVEL_KEYS = keyTable('price', 'qty');

function readLevels(reader: FrameReader, out: EventBuffer): void {
  reader.beginArray();
  while (reader.nextElement()) {
    const start = reader.at;
    let price_hi = 0;
    let price_lo = 0;
    let price_exp = ABSENT;
    let size_hi = 0;
    let size_lo = 0;
    let size_exp = ABSENT;
    reader.beginObject();
    for (let key = reader.nextKey(LEVEL_KEYS); key !== KEY_END; key = reader.nextKey(LEVEL_KEYS)) {
      if (key === 0) {
        if (reader.amount()) price_exp = reader.exp;
        price_hi = reader.hi;
        price_lo = reader.lo;
      } else if (key === 1) {
        if (reader.amount()) size_exp = reader.exp;
        size_hi = reader.hi;
        size_lo = reader.lo;
      } else {
        reader.skip();
      }
    }
    if (price_exp === ABSENT || size_exp === ABSENT) {
      reader.refuse('missing_field', start);
      return;
    }
    out.level(price_hi, price_lo, price_exp, size_hi, size_lo, size_exp);
  }
}

/** Unsigned 32 bits; 0 is "not provided". */
function readChecksum(reader: FrameReader, out: EventBuffer, event: number): void {
  if (!reader.integer()) return;
  if (reader.hi !== 0) reader.refuse('bad_integer', reader.from);
  else if (reader.lo !== 0) out.setU32(event, FIELD.book.checksum, reader.lo);
}

const TRADE_KEYS = keyTable('symbol', 'side', 'price', 'qty', 'ord_type', 'trade_id', 'timestamp');
const HAS_TRADE = 1 | 2 | 4 | 8 | 16;
const SIDE_BUY = new TextEncoder().encode('buy');
const SIDE_SELL = new TextEncoder().encode('sell');

/** One execution; `side` is the taker's, `trade_id` counts by one per market. */
export function readTrade(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.trade, -1, flags);
  let market = MISSING;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(TRADE_KEYS); key !== KEY_END; key = reader.nextKey(TRADE_KEYS)) {
    if (key === 0) {
      market = reader.market(symbols);
    } else if (key === 1) {
      seen |= readSide(reader, out, event);
    } else if (key === 2) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.price, reader);
      seen |= 2;
    } else if (key === 3) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.size, reader);
      seen |= 4;
    } else if (key === 4) {
      setText(reader, out, event, FIELD.trade.order_type);
    } else if (key === 5) {
      if (reader.integer()) {
        out.setTextRange(event, FIELD.trade.trade_id, reader.from, reader.to);
      }
      seen |= 8;
    } else if (key === 6) {
      if (reader.instant()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
      seen |= 16;
    } else {
      reader.skip();
    }
  }
  if (seen !== HAS_TRADE) reader.refuse('missing_field', start);
  return settle(reader, out, event, market, start);
}

function readSide(reader: FrameReader, out: EventBuffer, event: number): number {
  if (!reader.words()) return 1;
  if (reader.textIs(SIDE_BUY)) out.setSide(event, FIELD.trade.side, 1);
  else if (reader.textIs(SIDE_SELL)) out.setSide(event, FIELD.trade.side, 2);
  else if (reader.escaped) readEscapedSide(reader, out, event);
  else reader.refuse('bad_side', reader.from);
  return 1;
}

function readEscapedSide(reader: FrameReader, out: EventBuffer, event: number): void {
  const side = reader.text();
  if (side === 'buy') out.setSide(event, FIELD.trade.side, 1);
  else if (side === 'sell') out.setSide(event, FIELD.trade.side, 2);
  else reader.refuse('bad_side', reader.from);
}

const OHLC_KEYS = keyTable(
  'symbol',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'trades',
  'interval_begin',
  'interval',
);
const OHLC_FIELDS = [
  0,
  FIELD.ohlc.open,
  FIELD.ohlc.high,
  FIELD.ohlc.low,
  FIELD.ohlc.close,
  FIELD.ohlc.volume,
  FIELD.ohlc.vwap,
];
/** Bits by key: open, high, low, close, interval_begin, interval. */
const HAS_OHLC = (1 << 1) | (1 << 2) | (1 << 3) | (1 << 4) | (1 << 8) | (1 << 9);
/** Minutes in the longest candle, 15 days; a thousandfold of it still fits the field in seconds. */
const INTERVAL_MINUTES_MAX = 21_600;

/** One candle. Kraken does not say when one is closed: a later `interval_begin` does. */
export function readOhlc(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.ohlc, -1, flags);
  let market = MISSING;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(OHLC_KEYS); key !== KEY_END; key = reader.nextKey(OHLC_KEYS)) {
    if (key > 0) seen |= 1 << key;
    if (key === 0) {
      market = reader.market(symbols);
    } else if (key >= 1 && key <= 6) {
      const field = OHLC_FIELDS[key] as number;
      if (key >= 5 && reader.isNull()) continue;
      if (reader.amount()) out.setDecimal(event, field, reader);
    } else if (key === 7) {
      setCount(reader, out, event, FIELD.ohlc.trades);
    } else if (key === 8) {
      if (reader.instant() && reader.ts_hi === 0 && reader.ts_lo === 0) seen &= ~(1 << 8);
      out.set(event, FIELD.ohlc.interval_begin, reader.ts_hi, reader.ts_lo, 1);
    } else if (key === 9) {
      if (reader.smallInteger(INTERVAL_MINUTES_MAX)) {
        out.setU32(event, FIELD.ohlc.interval_s, reader.lo * 60);
      }
    } else {
      reader.skip();
    }
  }
  if ((seen & HAS_OHLC) !== HAS_OHLC) reader.refuse('missing_field', start);
  return settle(reader, out, event, market, start);
}

const PAIR_KEYS = keyTable(
  'symbol',
  'base',
  'quote',
  'status',
  'price_increment',
  'tick_size',
  'qty_increment',
  'qty_min',
  'cost_min',
  'price_precision',
  'qty_precision',
);
/** Field of a decimal by key; `tick_size` is the older name of `price_increment`. */
const PAIR_DECIMALS = [
  0,
  0,
  0,
  0,
  FIELD.instrument.price_increment,
  FIELD.instrument.price_increment,
  FIELD.instrument.size_increment,
  FIELD.instrument.size_min,
  FIELD.instrument.cost_min,
];
const PAIR_TEXTS = [0, FIELD.instrument.base, FIELD.instrument.quote, FIELD.instrument.status];
const PRECISION_MAX = 64;

/** One pair of the `instrument` channel: reference data, increments in exponent form (`1e-08`). */
export function readPair(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.instrument, -1, flags);
  const increment = (out.slot[event] as number) + FIELD.instrument.price_increment;
  let market = MISSING;
  reader.beginObject();
  for (let key = reader.nextKey(PAIR_KEYS); key !== KEY_END; key = reader.nextKey(PAIR_KEYS)) {
    if (key === 0) {
      market = reader.market(symbols);
    } else if (key < 0) {
      reader.skip();
    } else if (reader.isNull()) {
      continue;
    } else if (key <= 3) {
      setText(reader, out, event, PAIR_TEXTS[key] as number);
    } else if (key <= 8) {
      const isNamedAnew = key === 5 && out.aux[increment] !== ABSENT;
      if (reader.amount() && !isNamedAnew) {
        out.setDecimal(event, PAIR_DECIMALS[key] as number, reader);
      }
    } else if (reader.smallInteger(PRECISION_MAX)) {
      const { price_precision, size_precision } = FIELD.instrument;
      out.setU32(event, key === 9 ? price_precision : size_precision, reader.lo);
    }
  }
  return settle(reader, out, event, market, start);
}

/** The element had no symbol yet. */
export const MISSING = -2;

/**
 * Ends an element: gives its events, from `event` on, their market, or takes them back where it is
 * not one of ours.
 */
export function settle(
  reader: FrameReader,
  out: EventBuffer,
  event: number,
  market: number,
  start: number,
): number {
  if (market === MISSING) {
    reader.refuse('missing_field', start);
    return -1;
  }
  if (market >= 0) {
    for (let index = event; index < out.count; index++) out.symbol[index] = market;
    return market;
  }
  out.takeBack(event);
  return -1;
}

/** A number of things, or nothing where it is null. */
export function setCount(
  reader: FrameReader,
  out: EventBuffer,
  event: number,
  field: number,
): void {
  if (!reader.isNull() && reader.integer()) out.set(event, field, reader.hi, reader.lo, 1);
}

export function setText(reader: FrameReader, out: EventBuffer, event: number, field: number): void {
  if (!reader.words()) return;
  if (reader.isPlain()) out.setTextRange(event, field, reader.from, reader.to);
  else if (reader.fitsDecoded()) out.setText(event, field, reader.text());
}
