/**
 * The events of USD-M futures, one reader per payload: each walks its object once, in whatever
 * order the keys come, and writes what it reads straight into the event. Unknown keys are skipped
 * (since 2026-06-30 payloads may carry `st`, `ps`, aggTrade `nq`, markPrice `ap`); required ones
 * that are missing, or given twice, reject the frame.
 *
 * Field meanings: developers.binance.com, USD-M futures, "Websocket Market Streams", read 2026-11;
 * captures of 2021-07-22 and 2024-08-08.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { KeyTable } from '../../codec/key-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import type { FrameReader } from './frame-reader.ts';

/** Which read is under way; the values of `E` and `T` compete for `ts_event`. */
type Fields = { readonly names: readonly string[]; readonly table: KeyTable };

function fields(...names: readonly string[]): Fields {
  return { names, table: keyTable(...names) };
}

function bits(all: Fields, ...names: readonly string[]): number {
  return names.reduce((sum, name) => sum | (1 << all.names.indexOf(name)), 0);
}

/** `ts_event` is the time of the transaction where the venue gives one, else that of sending. */
function takeTime(reader: FrameReader, out: EventBuffer, event: number, outranks: boolean): void {
  reader.time(outranks ? 'T' : 'E');
  const unset = out.ts_hi[event] === 0 && out.ts_lo[event] === 0;
  if (outranks || unset) out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
}

const DEPTH = fields('e', 's', 'E', 'T', 'U', 'u', 'pu', 'b', 'a');
const DIFF_REQUIRED = bits(DEPTH, 's', 'U', 'u', 'pu', 'b', 'a');
const PARTIAL_REQUIRED = bits(DEPTH, 's', 'u', 'b', 'a');

/**
 * A diff (`partial_depth` 0) or a partial book of that many levels a side. Both say
 * `"e":"depthUpdate"`: only the stream's name tells which.
 */
export function readDepth(reader: FrameReader, out: EventBuffer, partial_depth: number): void {
  const { scanner } = reader;
  out.channel = 'depth';
  const event = out.begin(TYPE_CODE.book, -1, partial_depth > 0 ? FLAG.SNAPSHOT : 0);
  if (partial_depth > 0) out.setU32(event, FIELD.book.depth, partial_depth);
  for (;;) {
    const key = scanner.nextKey(DEPTH.table);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, DEPTH.names);
    switch (key) {
      case 1:
        reader.readSymbol();
        break;
      case 2:
        takeTime(reader, out, event, false);
        break;
      case 3:
        takeTime(reader, out, event, true);
        break;
      case 4:
        reader.count(out, event, FIELD.book.first_sequence, 'U');
        break;
      case 5:
        reader.integer('u');
        out.setSequence(event, scanner.hi, scanner.lo);
        break;
      case 6:
        reader.count(out, event, FIELD.book.prev_sequence, 'pu');
        break;
      case 7:
        out.beginBids(event);
        readLevels(reader, out, 'b');
        out.endBids(event);
        break;
      case 8:
        out.beginAsks(event);
        readLevels(reader, out, 'a');
        out.endAsks(event);
        break;
      default:
        scanner.skip();
    }
  }
  reader.demand(partial_depth > 0 ? PARTIAL_REQUIRED : DIFF_REQUIRED, DEPTH.names);
}

/** `[["61800.20","2.507"],...]`: price and absolute size; `"0.000"` removes the level. */
function readLevels(reader: FrameReader, out: EventBuffer, name: string): void {
  const { scanner } = reader;
  if (!scanner.beginArray()) return;
  while (scanner.nextElement()) {
    if (!scanner.beginArray() || !scanner.nextElement() || !scanner.quotedNumber()) {
      scanner.fail();
      return;
    }
    const { hi, lo, exp } = scanner;
    if (!scanner.nextElement() || !scanner.quotedNumber()) {
      scanner.fail();
      return;
    }
    out.level(hi, lo, exp, scanner.hi, scanner.lo, scanner.exp);
    if (scanner.hi < 0) reader.wrong(`negative_size:${name}`);
    if (scanner.nextElement()) {
      scanner.fail();
      return;
    }
  }
}

const BOOK_TICKER = fields('e', 's', 'E', 'T', 'u', 'b', 'B', 'a', 'A');
const BOOK_TICKER_REQUIRED = bits(BOOK_TICKER, 's', 'u', 'b', 'B', 'a', 'A');

/** Best bid and offer; `u` is the update id of the same book the diffs count. */
export function readBookTicker(reader: FrameReader, out: EventBuffer): void {
  const { scanner } = reader;
  out.channel = 'bookTicker';
  const event = out.begin(TYPE_CODE.quote, -1, 0);
  for (;;) {
    const key = scanner.nextKey(BOOK_TICKER.table);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, BOOK_TICKER.names);
    switch (key) {
      case 1:
        reader.readSymbol();
        break;
      case 2:
        takeTime(reader, out, event, false);
        break;
      case 3:
        takeTime(reader, out, event, true);
        break;
      case 4:
        reader.integer('u');
        out.setSequence(event, scanner.hi, scanner.lo);
        break;
      case 5:
        reader.decimal(out, event, FIELD.quote.bid_price);
        break;
      case 6:
        reader.size(out, event, FIELD.quote.bid_size, 'B');
        break;
      case 7:
        reader.decimal(out, event, FIELD.quote.ask_price);
        break;
      case 8:
        reader.size(out, event, FIELD.quote.ask_size, 'A');
        break;
      default:
        scanner.skip();
    }
  }
  reader.demand(BOOK_TICKER_REQUIRED, BOOK_TICKER.names);
}

const TRADE = fields('e', 's', 'E', 'T', 'p', 'q', 'm', 'a', 'f', 'l', 't', 'X');
const AGG_TRADE_REQUIRED = bits(TRADE, 's', 'T', 'p', 'q', 'm', 'a', 'f', 'l');
const TRADE_REQUIRED = bits(TRADE, 's', 'T', 'p', 'q', 'm', 't');
const MARKET = new TextEncoder().encode('MARKET');

/**
 * An aggregate (`a`, of the trades `f..l`) or a single trade (`t`). `m`: the buyer was the maker,
 * so the aggressor sold. A single trade whose `X` is not `MARKET` (insurance fund,
 * auto-deleveraging) never met the book. Returns the reason to ignore the frame, or ''.
 */
export function readTrade(reader: FrameReader, out: EventBuffer, aggregate: boolean): string {
  const { scanner } = reader;
  out.channel = aggregate ? 'aggTrade' : 'trade';
  const event = out.begin(TYPE_CODE.trade, -1, 0);
  let ignored = '';
  for (;;) {
    const key = scanner.nextKey(TRADE.table);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, TRADE.names);
    switch (key) {
      case 1:
        reader.readSymbol();
        break;
      case 2:
        takeTime(reader, out, event, false);
        break;
      case 3:
        takeTime(reader, out, event, true);
        break;
      case 4:
        reader.decimal(out, event, FIELD.trade.price);
        break;
      case 5:
        reader.size(out, event, FIELD.trade.size, 'q');
        break;
      case 6:
        out.setSide(event, FIELD.trade.side, reader.flag() ? 2 : 1);
        break;
      case 7:
      case 10:
        if ((key === 7) === aggregate) readTradeId(reader, out, event, aggregate ? 'a' : 't');
        else scanner.skip();
        break;
      case 8:
      case 9:
        if (aggregate) readRange(reader, out, event, key === 8);
        else scanner.skip();
        break;
      case 11:
        if (aggregate) scanner.skip();
        else if (scanner.string() && !scanner.textIs(MARKET)) ignored = notOnBook(reader);
        break;
      default:
        scanner.skip();
    }
  }
  reader.demand(aggregate ? AGG_TRADE_REQUIRED : TRADE_REQUIRED, TRADE.names);
  return ignored;
}

function readTradeId(reader: FrameReader, out: EventBuffer, event: number, name: string): void {
  reader.integer(name);
  out.setTextRange(event, FIELD.trade.trade_id, reader.scanner.from, reader.scanner.to);
}

function readRange(reader: FrameReader, out: EventBuffer, event: number, first: boolean): void {
  const field = first ? FIELD.trade.first_trade_id : FIELD.trade.last_trade_id;
  reader.count(out, event, field, first ? 'f' : 'l');
}

function notOnBook(reader: FrameReader): string {
  const word = reader.scanner.text();
  return word === 'MARKET' ? '' : `trade_not_on_book:${word.slice(0, 32)}`;
}

const KLINE = fields('e', 's', 'E', 'k');
const KLINE_REQUIRED = bits(KLINE, 's', 'k');
const CANDLE = fields('t', 'i', 'o', 'h', 'l', 'c', 'v', 'q', 'n', 'x');
const CANDLE_REQUIRED = bits(CANDLE, 't', 'i', 'o', 'h', 'l', 'c', 'v', 'q', 'n', 'x');

/** Seconds of the documented intervals; a month has no fixed length. */
const INTERVALS: ReadonlyMap<string, number | null> = new Map([
  ['1m', 60],
  ['3m', 180],
  ['5m', 300],
  ['15m', 900],
  ['30m', 1800],
  ['1h', 3600],
  ['2h', 7200],
  ['4h', 14_400],
  ['6h', 21_600],
  ['8h', 28_800],
  ['12h', 43_200],
  ['1d', 86_400],
  ['3d', 259_200],
  ['1w', 604_800],
  ['1M', null],
]);

/** A candle. `k.T` is its closing time, not that of an event: `ts_event` is `E`. */
export function readKline(reader: FrameReader, out: EventBuffer): void {
  const { scanner } = reader;
  out.channel = 'kline';
  const event = out.begin(TYPE_CODE.ohlc, -1, 0);
  for (;;) {
    const key = scanner.nextKey(KLINE.table);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, KLINE.names);
    switch (key) {
      case 1:
        reader.readSymbol();
        break;
      case 2:
        takeTime(reader, out, event, false);
        break;
      case 3: {
        const { seen } = reader;
        reader.seen = 0;
        readCandle(reader, out, event);
        reader.seen = seen;
        break;
      }
      default:
        scanner.skip();
    }
  }
  reader.demand(KLINE_REQUIRED, KLINE.names);
}

const CANDLE_DECIMALS = [
  FIELD.ohlc.open,
  FIELD.ohlc.high,
  FIELD.ohlc.low,
  FIELD.ohlc.close,
  FIELD.ohlc.volume,
  FIELD.ohlc.quote_volume,
];

function readCandle(reader: FrameReader, out: EventBuffer, event: number): void {
  const { scanner } = reader;
  if (!scanner.beginObject()) return;
  for (;;) {
    const key = scanner.nextKey(CANDLE.table);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, CANDLE.names);
    if (key === 0) reader.instantField(out, event, FIELD.ohlc.interval_begin, 'k.t');
    else if (key === 1) readInterval(reader, out, event);
    else if (key === 8) reader.count(out, event, FIELD.ohlc.trades, 'k.n');
    else if (key === 9) out.setU32(event, FIELD.ohlc.closed, reader.flag() ? 1 : 0);
    else if (key >= 2) reader.decimal(out, event, CANDLE_DECIMALS[key - 2] as number);
    else scanner.skip();
  }
  reader.demand(CANDLE_REQUIRED, CANDLE.names);
}

function readInterval(reader: FrameReader, out: EventBuffer, event: number): void {
  if (!reader.scanner.string()) return;
  const word = reader.scanner.text();
  const seconds = INTERVALS.get(word);
  if (seconds === undefined) {
    reader.wrong('bad_interval:k.i');
    return;
  }
  out.channel = `kline_${word}`;
  if (seconds !== null) out.setU32(event, FIELD.ohlc.interval_s, seconds);
}

const MARK = fields('e', 's', 'E', 'p', 'i', 'P', 'r', 'T');
const MARK_REQUIRED = bits(MARK, 's', 'p');

/**
 * Mark and index price. `T` is the next funding time, not that of an event; delivery contracts have
 * none and send `"r":""` and `"T":0`.
 */
export function readMarkPrice(reader: FrameReader, out: EventBuffer): void {
  const { scanner } = reader;
  out.channel = 'markPrice';
  const event = out.begin(TYPE_CODE.mark, -1, 0);
  for (;;) {
    const key = scanner.nextKey(MARK.table);
    if (key === KEY_END) break;
    if (key >= 0) reader.see(key, MARK.names);
    switch (key) {
      case 1:
        reader.readSymbol();
        break;
      case 2:
        takeTime(reader, out, event, false);
        break;
      case 3:
        reader.decimal(out, event, FIELD.mark.mark_price);
        break;
      case 4:
        reader.optionalDecimal(out, event, FIELD.mark.index_price);
        break;
      case 5:
        reader.optionalDecimal(out, event, FIELD.mark.settle_price);
        break;
      case 6:
        reader.optionalDecimal(out, event, FIELD.mark.funding_rate);
        break;
      case 7:
        reader.instantField(out, event, FIELD.mark.next_funding, 'T');
        break;
      default:
        scanner.skip();
    }
  }
  reader.demand(MARK_REQUIRED, MARK.names);
}
