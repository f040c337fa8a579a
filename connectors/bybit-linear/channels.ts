/**
 * What Bybit's data channels carry, one function a channel: each reads one element of `data` and appends
 * its events. Keys may come in any order, unknown ones are skipped. A reader returns the market's index,
 * -1 where the market is not ours (its events are taken back) or on a fault: the element's own market
 * where it names one, which has to be the topic's. Times that stand beside `data` are set at the end.
 * Source: Bybit v5 documentation, "WebSocket Stream / Public", read 2026-11. What each field becomes,
 * and how we know, is in `evidence.ts`.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { readFlag, readSide } from './frame-reader.ts';
import type { FrameReader } from './frame-reader.ts';

/** Reads one element of `data`. `market` is that of the topic. */
export type ElementReader = (
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  market: number,
) => number;

const BOOK_KEYS = keyTable('s', 'b', 'a', 'u', 'seq');
const HAS_BOOK = 0b1110;

/** `{s, b, a, u, seq}`: levels, the update id, and a count over all markets that is only checked. */
export function readBook(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  topic_market: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.book, topic_market, 0);
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(BOOK_KEYS); key !== KEY_END; key = reader.nextKey(BOOK_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) checkMarket(reader, symbols, topic_market);
    else if (key === 1) {
      out.beginBids(event);
      readLevels(reader, out);
      out.endBids(event);
    } else if (key === 2) {
      out.beginAsks(event);
      readLevels(reader, out);
      out.endAsks(event);
    } else if (reader.integer() && key === 3) out.setSequence(event, reader.hi, reader.lo);
  }
  if ((seen & HAS_BOOK) !== HAS_BOOK) reader.refuse('missing_field', start);
  return settle(out, event, topic_market);
}

/** `[["30247.20","30.028"],...]`: price and absolute size; `"0"` deletes. */
function readLevels(reader: FrameReader, out: EventBuffer): void {
  reader.beginArray();
  while (reader.nextElement()) {
    const start = reader.at;
    reader.beginArray();
    if (!reader.nextElement()) {
      reader.refuse('missing_field', start);
      return;
    }
    reader.amount();
    const { hi, lo, exp } = reader;
    if (!reader.nextElement()) {
      reader.refuse('missing_field', start);
      return;
    }
    reader.amount();
    out.level(hi, lo, exp, reader.hi, reader.lo, reader.exp);
    while (reader.nextElement()) reader.skip();
  }
}

/** A book of one level, whole each time; an empty side is absent. */
export function readBest(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  topic_market: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.quote, topic_market, 0);
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(BOOK_KEYS); key !== KEY_END; key = reader.nextKey(BOOK_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) checkMarket(reader, symbols, topic_market);
    else if (key === 1) readTop(reader, out, event, FIELD.quote.bid_price, FIELD.quote.bid_size);
    else if (key === 2) readTop(reader, out, event, FIELD.quote.ask_price, FIELD.quote.ask_size);
    else if (reader.integer() && key === 3) out.setSequence(event, reader.hi, reader.lo);
  }
  if ((seen & HAS_BOOK) !== HAS_BOOK) reader.refuse('missing_field', start);
  return settle(out, event, topic_market);
}

/** The first of a side's levels; the channel sends one at most. */
function readTop(
  reader: FrameReader,
  out: EventBuffer,
  event: number,
  price: number,
  size: number,
): void {
  reader.beginArray();
  for (let level = 0; reader.nextElement(); level++) {
    if (level > 0) {
      reader.skip();
      continue;
    }
    const start = reader.at;
    let fields = 0;
    reader.beginArray();
    for (; reader.nextElement(); fields++) {
      if (fields > 1) reader.skip();
      else if (reader.amount()) out.setDecimal(event, fields === 0 ? price : size, reader);
    }
    if (fields < 2) reader.refuse('missing_field', start);
  }
}

const TRADE_KEYS = keyTable('T', 's', 'S', 'v', 'p', 'i', 'BT', 'seq');
const HAS_TRADE = 0b111111;
const ID_BYTES_MAX = 64;

/** One execution; `S` is the taker's side, `BT` a trade agreed on beside the book. */
export function readTrade(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  topic_market: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.trade, topic_market, 0);
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(TRADE_KEYS); key !== KEY_END; key = reader.nextKey(TRADE_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) {
      if (reader.time()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else if (key === 1) checkMarket(reader, symbols, topic_market);
    else if (key === 2) {
      const side = readSide(reader);
      if (side !== 0) out.setSide(event, FIELD.trade.side, side);
    } else if (key === 3) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.size, reader);
    } else if (key === 4) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.price, reader);
    } else if (key === 5) readTradeId(reader, out, event);
    else if (key === 6) {
      if (readFlag(reader)) out.setText(event, FIELD.trade.order_type, 'block');
    } else if (reader.integer()) out.setSequence(event, reader.hi, reader.lo);
  }
  if ((seen & HAS_TRADE) !== HAS_TRADE) reader.refuse('missing_field', start);
  return settle(out, event, topic_market);
}

/** A UUID; whatever it is, it has to tell this trade from others. */
function readTradeId(reader: FrameReader, out: EventBuffer, event: number): void {
  if (!reader.words()) return;
  const { from, to } = reader;
  if (reader.escaped || to === from || to - from > ID_BYTES_MAX) reader.refuse('bad_text', from);
  else out.setTextRange(event, FIELD.trade.trade_id, from, to);
}

const CANDLE_KEYS = keyTable(
  'start',
  'interval',
  'confirm',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'turnover',
);
const HAS_CANDLE = 0b1_1111_1111;
const CANDLE_FIELDS = [
  FIELD.ohlc.open,
  FIELD.ohlc.high,
  FIELD.ohlc.low,
  FIELD.ohlc.close,
  FIELD.ohlc.volume,
  FIELD.ohlc.quote_volume,
];

/** A reader of the candles of one length; `word` is how topic and candle spell it. */
export function candleReader(word: string, seconds: number | null): ElementReader {
  const bytes = new TextEncoder().encode(word);
  return (reader, _symbols, out, market) => {
    const start = reader.at;
    const event = out.begin(TYPE_CODE.ohlc, market, 0);
    if (seconds !== null) out.setU32(event, FIELD.ohlc.interval_s, seconds);
    let seen = 0;
    reader.beginObject();
    for (
      let key = reader.nextKey(CANDLE_KEYS);
      key !== KEY_END;
      key = reader.nextKey(CANDLE_KEYS)
    ) {
      if (key < 0) {
        reader.skip();
        continue;
      }
      seen = reader.once(seen, key);
      if (key === 0) {
        if (reader.time()) out.set(event, FIELD.ohlc.interval_begin, reader.ts_hi, reader.ts_lo, 1);
      } else if (key === 1) {
        const same = reader.words() && (reader.textIs(bytes) || reader.text() === word);
        if (!same) reader.refuse('bad_interval', reader.from);
      } else if (key === 2) out.setU32(event, FIELD.ohlc.closed, readFlag(reader) ? 1 : 0);
      else if (reader.amount()) out.setDecimal(event, CANDLE_FIELDS[key - 3] as number, reader);
    }
    if ((seen & HAS_CANDLE) !== HAS_CANDLE) reader.refuse('missing_field', start);
    return settle(out, event, market);
  };
}

/** The five fields of a liquidation, as `allLiquidation` and as the older `liquidation` name them. */
const LIQUIDATION_KEYS = keyTable(
  ...['T', 's', 'S', 'v', 'p'],
  ...['updatedTime', 'symbol', 'side', 'size', 'price'],
);
const LIQUIDATION_FIELDS = 5;
const HAS_LIQUIDATION = 0b11111;

/**
 * A position closed by force. `S` is the side of the position: a long one (`Buy`) is closed by a forced
 * order that sells.
 */
export function readLiquidation(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  topic_market: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.liquidation, topic_market, 0);
  let seen = 0;
  reader.beginObject();
  for (
    let key = reader.nextKey(LIQUIDATION_KEYS);
    key !== KEY_END;
    key = reader.nextKey(LIQUIDATION_KEYS)
  ) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    const field = key % LIQUIDATION_FIELDS;
    seen = reader.once(seen, field);
    if (field === 0) {
      if (reader.time()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else if (field === 1) checkMarket(reader, symbols, topic_market);
    else if (field === 2) {
      const side = readSide(reader);
      if (side !== 0) out.setSide(event, FIELD.liquidation.side, side === 1 ? 2 : 1);
    } else if (reader.amount()) {
      const into = field === 3 ? FIELD.liquidation.size : FIELD.liquidation.price;
      out.setDecimal(event, into, reader);
    }
  }
  if ((seen & HAS_LIQUIDATION) !== HAS_LIQUIDATION) reader.refuse('missing_field', start);
  return settle(out, event, topic_market);
}

/** The market an element names has to be that of its topic. */
export function checkMarket(reader: FrameReader, symbols: SymbolTable, topic_market: number): void {
  const market = reader.market(symbols);
  if (!reader.failed && market !== topic_market) reader.refuse('bad_symbol', reader.from);
}

/** Ends an element: takes its event back where its market is not one of ours. */
export function settle(out: EventBuffer, event: number, market: number): number {
  if (market >= 0) return market;
  out.takeBack(event);
  return -1;
}
