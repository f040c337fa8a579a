/**
 * What OKX's data channels carry, one function a channel: each reads one element of `data` and appends
 * its event. Keys may come in any order, unknown ones are skipped. A reader returns the market's index,
 * -1 where the market is not ours (its event is taken back) or on a fault: the element's own `instId`
 * where it has one, else that of the frame's `arg`.
 * Source: OKX v5 documentation, "Order book trading / Market data", "Public data", read 2026-11. What
 * each field becomes, and how we know, is in `evidence.ts`.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { readInt32, readIntegerOrNone } from './frame-reader.ts';
import type { FrameReader } from './frame-reader.ts';

/** Reads one element of `data`. `market` is that of `arg`; `flags` are those of the action. */
export type ElementReader = (
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  market: number,
  flags: number,
) => number;

const BOOK_KEYS = keyTable('asks', 'bids', 'ts', 'checksum', 'seqId', 'prevSeqId');
const HAS_BOOK = 1 | 2 | 4;

/**
 * `{asks, bids, ts, checksum, seqId, prevSeqId}`. The checksum was retired in 2026 and is 0 or absent
 * since; the ids were not sent before 2023.
 */
export function readBook(
  reader: FrameReader,
  _symbols: SymbolTable,
  out: EventBuffer,
  market: number,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.book, market, flags);
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(BOOK_KEYS); key !== KEY_END; key = reader.nextKey(BOOK_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) {
      out.beginAsks(event);
      readLevels(reader, out);
      out.endAsks(event);
    } else if (key === 1) {
      out.beginBids(event);
      readLevels(reader, out);
      out.endBids(event);
    } else if (key === 2) {
      if (reader.time()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else if (key === 3) {
      if (readInt32(reader) && reader.lo !== 0) out.setU32(event, FIELD.book.checksum, reader.lo);
    } else if (key === 4) {
      if (reader.integer()) out.setSequence(event, reader.hi, reader.lo);
    } else if (readIntegerOrNone(reader)) {
      out.set(event, FIELD.book.prev_sequence, reader.hi, reader.lo, 1);
    }
  }
  if ((seen & HAS_BOOK) !== HAS_BOOK) reader.refuse('missing_field', start);
  return settle(out, event, market);
}

/** `[["83725.8","7.69","0","5"],...]`: price, size, a retired field, orders at that price. */
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

const BBO_KEYS = keyTable('asks', 'bids', 'ts', 'seqId');
const HAS_BBO = 1 | 2 | 4;

/** The best level a side, whole each time; an empty side is absent. */
export function readBbo(
  reader: FrameReader,
  _symbols: SymbolTable,
  out: EventBuffer,
  market: number,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.quote, market, flags);
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(BBO_KEYS); key !== KEY_END; key = reader.nextKey(BBO_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) readBest(reader, out, event, FIELD.quote.ask_price, FIELD.quote.ask_size);
    else if (key === 1) readBest(reader, out, event, FIELD.quote.bid_price, FIELD.quote.bid_size);
    else if (key === 2) {
      if (reader.time()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else if (reader.integer()) out.setSequence(event, reader.hi, reader.lo);
  }
  if ((seen & HAS_BBO) !== HAS_BBO) reader.refuse('missing_field', start);
  return settle(out, event, market);
}

/** The first of a side's levels; the channel sends one at most. */
function readBest(
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

const TRADE_KEYS = keyTable('instId', 'tradeId', 'px', 'sz', 'side', 'ts', 'seqId');
const HAS_TRADE = 0b111110;
const SIDE_BUY = new TextEncoder().encode('buy');
const SIDE_SELL = new TextEncoder().encode('sell');

/**
 * What one taker did at one price: `count` trades, of which `tradeId` is the last. `side` is the
 * taker's.
 */
export function readTrade(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  frame_market: number,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.trade, frame_market, flags);
  let market = frame_market;
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
    } else if (key === 4) readSide(reader, out, event);
    else if (key === 5) {
      if (reader.time()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
    } else if (reader.integer()) out.setSequence(event, reader.hi, reader.lo);
  }
  if ((seen & HAS_TRADE) !== HAS_TRADE) reader.refuse('missing_field', start);
  return settle(out, event, market);
}

function readSide(reader: FrameReader, out: EventBuffer, event: number): void {
  if (!reader.words()) return;
  const word = reader.escaped ? reader.text() : '';
  if (reader.textIs(SIDE_BUY) || word === 'buy') out.setSide(event, FIELD.trade.side, 1);
  else if (reader.textIs(SIDE_SELL) || word === 'sell') out.setSide(event, FIELD.trade.side, 2);
  else reader.refuse('bad_side', reader.from);
}

const FUNDING_KEYS = keyTable('instId', 'fundingRate', 'fundingTime', 'ts');
const HAS_FUNDING = 2 | 4;

/**
 * The rate that is settled at `fundingTime`, the next settlement; `nextFundingTime` is the one after
 * it. `ts` came later than the channel, and is absent in old recordings.
 */
export function readFunding(
  reader: FrameReader,
  symbols: SymbolTable,
  out: EventBuffer,
  frame_market: number,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.mark, frame_market, flags);
  let market = frame_market;
  let seen = 0;
  reader.beginObject();
  for (
    let key = reader.nextKey(FUNDING_KEYS);
    key !== KEY_END;
    key = reader.nextKey(FUNDING_KEYS)
  ) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) market = reader.market(symbols);
    else if (key === 1) {
      if (reader.decimal()) out.setDecimal(event, FIELD.mark.funding_rate, reader);
    } else if (key === 2) {
      if (reader.time()) out.set(event, FIELD.mark.next_funding, reader.ts_hi, reader.ts_lo, 1);
    } else if (reader.time()) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
  }
  if ((seen & HAS_FUNDING) !== HAS_FUNDING) reader.refuse('missing_field', start);
  return settle(out, event, market);
}

const CANDLE_PRICES = [0, FIELD.ohlc.open, FIELD.ohlc.high, FIELD.ohlc.low, FIELD.ohlc.close];
const VOLUME = 5;
const QUOTE_VOLUME = 7;
const CONFIRM = 8;
/** Up to `volCcy`; `volCcyQuote` and `confirm` were added in 2022. */
const CANDLE_FIELDS_MIN = 7;

/** `[ts, o, h, l, c, vol, volCcy, volCcyQuote, confirm]`; `ts` is where the bar begins. */
export function readCandle(
  reader: FrameReader,
  _symbols: SymbolTable,
  out: EventBuffer,
  market: number,
  flags: number,
): number {
  const start = reader.at;
  const event = out.begin(TYPE_CODE.ohlc, market, flags);
  let fields = 0;
  reader.beginArray();
  for (; reader.nextElement(); fields++) {
    if (fields === 0) {
      if (reader.time()) out.set(event, FIELD.ohlc.interval_begin, reader.ts_hi, reader.ts_lo, 1);
    } else if (fields < VOLUME) {
      if (reader.amount()) out.setDecimal(event, CANDLE_PRICES[fields] as number, reader);
    } else if (fields === VOLUME) {
      if (reader.amount()) out.setDecimal(event, FIELD.ohlc.volume, reader);
    } else if (fields === QUOTE_VOLUME) {
      if (reader.amount()) out.setDecimal(event, FIELD.ohlc.quote_volume, reader);
    } else if (fields === CONFIRM) readConfirm(reader, out, event);
    else reader.skip();
  }
  if (fields < CANDLE_FIELDS_MIN) reader.refuse('missing_field', start);
  return settle(out, event, market);
}

/** `"1"`: the bar is complete; `"0"`: it goes on. */
function readConfirm(reader: FrameReader, out: EventBuffer, event: number): void {
  if (!reader.words()) return;
  const isDigit = reader.to - reader.from === 1 && !reader.escaped;
  const digit = isDigit ? (reader.bytes[reader.from] as number) - 0x30 : -1;
  if (digit === 0 || digit === 1) out.setU32(event, FIELD.ohlc.closed, digit);
  else reader.refuse('bad_flag', reader.from);
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
