/**
 * Books, trades and tickers exactly as Advanced Trade writes them, the bulk of what it sends:
 *
 * {"channel":"l2_data","client_id":"","timestamp":"2026-04-07T14:30:01.456789Z","sequence_num":1,"events":[{
 * "type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-04-07T14:30:01.456789Z",
 * "price_level":"68900.00","new_quantity":"2.00000000"}]}]}
 * {"channel":"market_trades",...,"events":[{"type":"update","trades":[{"product_id":"ETH-USDT",
 * "trade_id":"22381691","price":"2375.56","size":"0.5","time":"2024-10-04T07:13:31.088388Z","side":"BUY"}]}]}
 *
 * Anything else is left to `decodeGeneric`, which would read the same out of these.
 */
import { FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { RigidReader, literal } from '../../codec/rigid-reader.ts';
import type { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import { dropEmptySide, isNewestFirst } from './channels.ts';
import { WaitingLevels } from './levels.ts';

const HEAD = literal('{"channel":"');
const BOOK = literal('l2_data","client_id":"","timestamp":"');
const TRADES = literal('market_trades","client_id":"","timestamp":"');
const TICKER = literal('ticker","client_id":"","timestamp":"');
const TICKER_BATCH = literal('ticker_batch","client_id":"","timestamp":"');
const NUMBER = literal(',"sequence_num":');
const UPDATE = literal(',"events":[{"type":"update",');
const SNAPSHOT = literal(',"events":[{"type":"snapshot",');
const TAIL = literal(']}]}');

const MARKET = literal('"product_id":"');
const UPDATES = literal('","updates":[');
const BID = literal('{"side":"bid","event_time":"');
const OFFER = literal('{"side":"offer","event_time":"');
const LEVEL_PRICE = literal(',"price_level":"');
const LEVEL_SIZE = literal('","new_quantity":"');

const TRADE_LIST = literal('"trades":[');
const TRADE = literal('{"product_id":"');
const TRADE_ID = literal('","trade_id":"');
const PRICE = literal('","price":"');
const SIZE = literal('","size":"');
const TIME = literal('","time":"');
const SOLD = literal(',"side":"BUY"}');
const BOUGHT = literal(',"side":"SELL"}');

const TICKER_LIST = literal('"tickers":[{"type":"ticker","product_id":"');
const SUMS = [
  [literal('","price":"'), FIELD.ticker.last_price],
  [literal('","volume_24_h":"'), FIELD.ticker.volume],
  [literal('","low_24_h":"'), FIELD.ticker.low],
  [literal('","high_24_h":"'), FIELD.ticker.high],
] as const;
const YEAR_LOW = literal('","low_52_w":"');
const YEAR_HIGH = literal(',"high_52_w":"');
const CHANGE = literal(',"price_percent_chg_24_h":"');
const BEST = [
  [literal('","best_bid":"'), FIELD.ticker.bid_price],
  [literal('","best_bid_quantity":"'), FIELD.ticker.bid_size],
  [literal('","best_ask":"'), FIELD.ticker.ask_price],
  [literal('","best_ask_quantity":"'), FIELD.ticker.ask_size],
] as const;
const TEXT_END = literal('"}');

const COMMA = 0x2c;
const QUOTE = 0x22;
const BRACKET_END = 0x5d;
/** Times are mostly of so many bytes: to the microsecond, and those of frames to the nanosecond. */
const MICROS_LENGTH = 27;
const NANOS_LENGTH = 30;

const reader = new RigidReader();
const { instant } = reader;
const asks = new WaitingLevels();

const BOOK_STREAM = 0;
const TRADES_STREAM = 1;
const TICKER_STREAM = 2;
const BATCH_STREAM = 3;
const CHANNELS = ['level2', 'market_trades', 'ticker', 'ticker_batch'] as const;
export const STREAMS = CHANNELS.length;

/** False where the frame is not written so, or not tried: then `out` holds nothing that counts. */
export function decodeRigid(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
  tries: RigidTries | null = null,
): boolean {
  reader.open(bytes, start);
  const stream = readStream();
  if (stream < 0 || tries?.worth(stream) === false) return false;
  const taken = readFrame(stream, symbols, out) && reader.is(TAIL) && reader.at === end;
  tries?.tried(stream, taken);
  return taken;
}

/** The frame's stream, -1 where it is none of these. */
function readStream(): number {
  if (!reader.is(HEAD)) return -1;
  if (reader.is(BOOK)) return BOOK_STREAM;
  if (reader.is(TRADES)) return TRADES_STREAM;
  if (reader.is(TICKER)) return TICKER_STREAM;
  return reader.is(TICKER_BATCH) ? BATCH_STREAM : -1;
}

/** What all frames begin with, then the inside of their one event. */
function readFrame(stream: number, symbols: SymbolTable, out: EventBuffer): boolean {
  if (!readTime(NANOS_LENGTH)) return false;
  const { hi: ts_hi, lo: ts_lo } = instant;
  if (!reader.is(NUMBER) || !reader.id()) return false;
  const { hi, lo } = reader;
  const whole = !reader.is(UPDATE);
  if (whole && !reader.is(SNAPSHOT)) return false;
  out.reset(reader.bytes);
  if (!readEvent(stream, symbols, out, whole)) return false;
  for (let event = 0; event < out.count; event++) {
    out.setSequence(event, hi, lo);
    const timed = out.ts_hi[event] !== 0 || out.ts_lo[event] !== 0;
    if (!timed) out.setTsEvent(event, ts_hi, ts_lo);
  }
  out.kind = 'data';
  out.channel = CHANNELS[stream] as string;
  out.frame_symbol = out.symbol[0] as number;
  out.frame_sequence = hi * 4294967296 + (lo >>> 0);
  return true;
}

function readEvent(
  stream: number,
  symbols: SymbolTable,
  out: EventBuffer,
  whole: boolean,
): boolean {
  if (stream === TRADES_STREAM) return readTrades(symbols, out, whole ? FLAG.HISTORY : 0);
  const flags = whole ? FLAG.SNAPSHOT : 0;
  return stream === BOOK_STREAM ? readBook(symbols, out, flags) : readTicker(symbols, out, flags);
}

/** An instant, and the quote behind it. */
function readTime(usual_length: number): boolean {
  const { bytes, at } = reader;
  const usual_end = at + usual_length;
  const end = bytes[usual_end] === QUOTE ? usual_end : reader.quoteAt();
  reader.at = end + 1;
  return end >= 0 && instant.fromIso(bytes, at, end);
}

function readBook(symbols: SymbolTable, out: EventBuffer, flags: number): boolean {
  if (!reader.is(MARKET)) return false;
  const market = reader.market(symbols);
  if (market < 0 || !reader.is(UPDATES)) return false;
  const event = out.begin(TYPE_BOOK, market, flags);
  asks.clear();
  if (reader.bytes[reader.at] !== BRACKET_END && !readUpdates(out, event)) return false;
  out.endBids(event);
  asks.writeAsks(out, event);
  // In a snapshot a level's time is when it last changed, or 1970; that of the state is the frame's.
  if (flags !== 0) out.setTsEvent(event, 0, 0);
  return true;
}

/** The levels up to the bracket that ends their list; the event gets the latest of their times. */
function readUpdates(out: EventBuffer, event: number): boolean {
  const { bytes } = reader;
  let time_at = -1;
  for (;;) {
    const isBid = reader.is(BID);
    if (!isBid && !reader.is(OFFER)) return false;
    // Most levels of a message changed at once.
    if (time_at < 0 || !isTimeAgain(time_at)) {
      time_at = reader.at;
      if (!readTime(MICROS_LENGTH)) return false;
      keepLatest(out, event);
    }
    if (!reader.is(LEVEL_PRICE) || !reader.amount()) return false;
    const { hi, lo, exp } = reader;
    if (!reader.is(LEVEL_SIZE) || !reader.amount() || !reader.is(TEXT_END)) return false;
    if (isBid) out.level(hi, lo, exp, reader.hi, reader.lo, reader.exp);
    else asks.push(hi, lo, exp, reader.hi, reader.lo, reader.exp);
    const next = bytes[reader.at];
    if (next === BRACKET_END) return true;
    if (next !== COMMA) return false;
    reader.at++;
  }
}

/** Consumes the instant that begins at `from` where it stands here once more, with its quote; else nothing. */
function isTimeAgain(from: number): boolean {
  const { at } = reader;
  if (!reader.again(from)) return false;
  const ends = reader.bytes[reader.at] === QUOTE;
  reader.at = ends ? reader.at + 1 : at;
  return ends;
}

function keepLatest(out: EventBuffer, event: number): void {
  const later_hi = (instant.hi >>> 0) - ((out.ts_hi[event] as number) >>> 0);
  const later_lo = (instant.lo >>> 0) - ((out.ts_lo[event] as number) >>> 0);
  if (later_hi > 0 || (later_hi === 0 && later_lo > 0)) {
    out.setTsEvent(event, instant.hi, instant.lo);
  }
}

/** Trades of one market, newest first. */
function readTrades(symbols: SymbolTable, out: EventBuffer, flags: number): boolean {
  if (!reader.is(TRADE_LIST) || !reader.is(TRADE)) return false;
  const market_at = reader.at;
  const market = reader.market(symbols);
  if (market < 0) return false;
  for (;;) {
    if (!readTrade(out, out.begin(TYPE_CODE.trade, market, flags))) return false;
    if (reader.bytes[reader.at] === BRACKET_END) break;
    if (reader.bytes[reader.at++] !== COMMA) return false;
    if (!reader.is(TRADE) || !reader.again(market_at)) return false;
  }
  if (isNewestFirst(out, 0)) out.reverse(0);
  return true;
}

function readTrade(out: EventBuffer, event: number): boolean {
  if (!reader.is(TRADE_ID)) return false;
  const id_from = reader.at;
  if (!reader.id()) return false;
  out.setTextRange(event, FIELD.trade.trade_id, id_from, reader.at);
  if (!reader.is(PRICE) || !reader.amount()) return false;
  out.set(event, FIELD.trade.price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(SIZE) || !reader.amount()) return false;
  out.set(event, FIELD.trade.size, reader.hi, reader.lo, reader.exp);
  if (!reader.is(TIME) || !readTime(MICROS_LENGTH)) return false;
  out.setTsEvent(event, instant.hi, instant.lo);
  // The side on the wire is the maker's.
  const bought = reader.is(BOUGHT);
  if (!bought && !reader.is(SOLD)) return false;
  out.setSide(event, FIELD.trade.side, bought ? 1 : 2);
  return true;
}

function readTicker(symbols: SymbolTable, out: EventBuffer, flags: number): boolean {
  if (!reader.is(TICKER_LIST)) return false;
  const market = reader.market(symbols);
  if (market < 0) return false;
  const event = out.begin(TYPE_CODE.ticker, market, flags);
  if (!readAmounts(out, event, SUMS)) return false;
  if (!reader.is(YEAR_LOW) || !reader.text() || !reader.is(YEAR_HIGH) || !reader.text())
    return false;
  if (!reader.is(CHANGE) || !reader.signed()) return false;
  out.set(event, FIELD.ticker.change_percent, reader.hi, reader.lo, reader.exp);
  if (reader.is(TEXT_END)) return true;
  if (!readAmounts(out, event, BEST)) return false;
  const slot = out.slot[event] as number;
  dropEmptySide(out, slot + FIELD.ticker.bid_price, slot + FIELD.ticker.bid_size);
  dropEmptySide(out, slot + FIELD.ticker.ask_price, slot + FIELD.ticker.ask_size);
  return reader.is(TEXT_END);
}

function readAmounts(
  out: EventBuffer,
  event: number,
  fields: readonly (readonly [name: ReturnType<typeof literal>, field: number])[],
): boolean {
  for (let at = 0; at < fields.length; at++) {
    const [name, field] = fields[at] as (typeof fields)[number];
    if (!reader.is(name) || !reader.amount()) return false;
    out.set(event, field, reader.hi, reader.lo, reader.exp);
  }
  return true;
}
