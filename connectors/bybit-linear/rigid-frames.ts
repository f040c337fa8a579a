/**
 * Books, trades and tickers exactly as Bybit writes them, the bulk of what it sends:
 *
 * {"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1687940967466,"data":{"s":"BTCUSDT","b":[["30247.20",
 * "30.028"]],"a":[],"u":177400507,"seq":66544703342},"cts":1687940967464}
 * {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,
 * "s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af",
 * "BT":false,"RPI":false,"seq":1783284617}]}
 * {"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","lastPrice":"66666.60",
 * "bid1Size":"23789.165"},"cs":9532239429,"ts":1760325052630}
 *
 * `RPI` and `seq` of trades are not in all years. Anything else is left to `decodeGeneric`, which would
 * read the same out of these.
 */
import { FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { rigidLevels } from '../../codec/rigid-levels.ts';
import { RigidReader, literal } from '../../codec/rigid-reader.ts';
import type { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import { MARK, dropSizeWithoutPrice, keepMark, writeMark } from './ticker.ts';

const HEAD = literal('{"topic":"');
const BOOK = literal('orderbook.');
const TRADES = literal('publicTrade.');
const TICKERS = literal('tickers.');
const DEPTHS = [50, 200, 1000, 500, 1].map((levels) => ({ name: literal(`${levels}.`), levels }));

const DELTA = literal('","type":"delta",');
const SNAPSHOT = literal('","type":"snapshot",');
const TS = literal('"ts":');
const MARKET = literal(',"data":{"s":"');
const BIDS = literal('","b":[');
const ASKS = literal('],"a":[');
const UPDATE_ID = literal('],"u":');
const SEQUENCE = literal(',"seq":');
const MATCHED = literal('},"cts":');
const TAIL = literal('}');
const LEVEL = literal('["');
const BETWEEN = literal('","');
const LEVEL_END = literal('"]');

const LIST = literal(',"data":[');
const TRADED = literal('{"T":');
const TRADE_MARKET = literal(',"s":"');
const BUY = literal('","S":"Buy","v":"');
const SELL = literal('","S":"Sell","v":"');
const PRICE = literal('","p":"');
const TICK = literal('","L":"');
const TRADE_ID = literal(',"i":"');
const NOT_BLOCK = literal(',"BT":false');
const NOT_IMPROVED = literal(',"RPI":false');
const IMPROVED = literal(',"RPI":true');
const LIST_END = literal(']}');
const ID_BYTES_MAX = 64;

const TICKER = literal('"data":{"symbol":"');
const CROSS = literal('},"cs":');
const TICKER_TS = literal(',"ts":');
/** How a field of a ticker is read: a text that nobody asks for; and as numbers are. */
const SKIPPED = -1;
type Reading = 'amount' | 'place' | 'percent' | 'rate' | 'time' | 'mark' | 'skip';
const { ticker } = FIELD;
/** In the order they are written; a delta leaves out those that did not change. */
const TICKER_FIELDS = (
  [
    ['tickDirection', 'skip', SKIPPED],
    ['price24hPcnt', 'percent', ticker.change_percent],
    ['lastPrice', 'amount', ticker.last_price],
    ['prevPrice24h', 'amount', ticker.open],
    ['highPrice24h', 'amount', ticker.high],
    ['lowPrice24h', 'amount', ticker.low],
    ['prevPrice1h', 'skip', SKIPPED],
    ['markPrice', 'mark', MARK.mark_price],
    ['indexPrice', 'mark', MARK.index_price],
    ['openInterest', 'skip', SKIPPED],
    ['openInterestValue', 'skip', SKIPPED],
    ['turnover24h', 'amount', ticker.quote_volume],
    ['volume24h', 'amount', ticker.volume],
    ['fundingIntervalHour', 'skip', SKIPPED],
    ['fundingCap', 'skip', SKIPPED],
    ['nextFundingTime', 'time', MARK.next_funding],
    ['fundingRate', 'rate', MARK.funding_rate],
    ['bid1Price', 'place', ticker.bid_price],
    ['bid1Size', 'amount', ticker.bid_size],
    ['ask1Price', 'place', ticker.ask_price],
    ['ask1Size', 'amount', ticker.ask_size],
    ['preOpenPrice', 'skip', SKIPPED],
    ['preQty', 'skip', SKIPPED],
    ['curPreListingPhase', 'skip', SKIPPED],
  ] as const
).map(([name, reading, field]) => ({
  name: literal(`,"${name}":"`),
  beginning: name,
  reading: reading as Reading,
  field,
}));

/** Where a field's name begins, and its first four bytes: to find it among those that are left out. */
const NAME_AT = 2;
const TICKER_BEGINNINGS = Int32Array.from(
  TICKER_FIELDS,
  ({ beginning }) => literal(beginning.slice(0, 4)).last_word,
);

const COMMA = 0x2c;
const QUOTE = 0x22;
const BRACE_END = 0x7d;
const BRACKET_END = 0x5d;

const reader = new RigidReader();
/** Where the name of the frame's market begins. */
let market_at = 0;

const BOOK_STREAM = 0;
const BEST_STREAM = 1;
const TRADES_STREAM = 2;
const TICKERS_STREAM = 3;
const CHANNELS = ['orderbook', 'orderbook.1', 'publicTrade', 'tickers'] as const;
export const STREAMS = CHANNELS.length;
/** Levels a side of the frame's book. */
let depth = 0;

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
  if (!begin(symbols, out, CHANNELS[stream] as string)) return false;
  const taken = readData(stream, out) && reader.at === end;
  tries?.tried(stream, taken);
  return taken;
}

/** The frame's stream, and `depth` of a book; -1 where it is none of these. */
function readStream(): number {
  if (!reader.is(HEAD)) return -1;
  if (reader.is(TRADES)) return TRADES_STREAM;
  if (reader.is(TICKERS)) return TICKERS_STREAM;
  if (!reader.is(BOOK)) return -1;
  for (let at = 0; at < DEPTHS.length; at++) {
    const { name, levels } = DEPTHS[at] as (typeof DEPTHS)[number];
    if (!reader.is(name)) continue;
    depth = levels;
    return levels === 1 ? BEST_STREAM : BOOK_STREAM;
  }
  return -1;
}

function readData(stream: number, out: EventBuffer): boolean {
  if (stream === BOOK_STREAM) return readBook(out);
  if (stream === TRADES_STREAM) return readTrades(out);
  return stream === BEST_STREAM ? readBest(out) : readTicker(out);
}

function begin(symbols: SymbolTable, out: EventBuffer, channel: string): boolean {
  market_at = reader.at;
  const market = reader.market(symbols);
  if (market < 0) return false;
  out.reset(reader.bytes);
  out.kind = 'data';
  out.channel = channel;
  out.frame_symbol = market;
  return true;
}

function readBook(out: EventBuffer): boolean {
  const whole = !reader.is(DELTA);
  if (whole && !reader.is(SNAPSHOT)) return false;
  const event = out.begin(TYPE_BOOK, out.frame_symbol, whole ? FLAG.SNAPSHOT : 0);
  out.setU32(event, FIELD.book.depth, depth);
  if (!readHead() || !reader.is(BIDS) || !rigidLevels(reader, out)) return false;
  out.bid_to[event] = out.levels;
  if (!reader.is(ASKS)) return false;
  out.ask_from[event] = out.levels;
  if (!rigidLevels(reader, out)) return false;
  out.ask_to[event] = out.levels;
  if (!readPlace(out, event)) return false;
  // The venue's service began anew: what it sends is the whole book.
  const restarted = out.seq_hi[event] === 0 && out.seq_lo[event] === 1;
  if (restarted) out.flags[event] = FLAG.SNAPSHOT;
  return true;
}

/** Up to the market within `data`. */
function readHead(): boolean {
  if (!reader.is(TS) || !reader.skipMs() || !reader.is(MARKET)) return false;
  return reader.again(market_at);
}

/** What stands behind the levels. */
function readPlace(out: EventBuffer, event: number): boolean {
  if (!reader.is(UPDATE_ID) || !reader.id()) return false;
  out.setSequence(event, reader.hi, reader.lo);
  if (!reader.is(SEQUENCE) || !reader.id() || !reader.is(MATCHED) || !reader.ms()) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  return reader.is(TAIL);
}

/** Whole each time; what a delta of it says is not kept. */
function readBest(out: EventBuffer): boolean {
  if (!reader.is(SNAPSHOT)) return false;
  const event = out.begin(TYPE_CODE.quote, out.frame_symbol, 0);
  if (!readHead() || !reader.is(BIDS)) return false;
  if (!readTop(out, event, FIELD.quote.bid_price, FIELD.quote.bid_size)) return false;
  if (!reader.is(ASKS)) return false;
  if (!readTop(out, event, FIELD.quote.ask_price, FIELD.quote.ask_size)) return false;
  return readPlace(out, event);
}

/** A level, or none. */
function readTop(out: EventBuffer, event: number, price: number, size: number): boolean {
  if (reader.bytes[reader.at] === BRACKET_END) return true;
  if (!reader.is(LEVEL) || !reader.amount()) return false;
  out.set(event, price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(BETWEEN) || !reader.amount()) return false;
  out.set(event, size, reader.hi, reader.lo, reader.exp);
  return reader.is(LEVEL_END);
}

function readTrades(out: EventBuffer): boolean {
  if (!reader.is(SNAPSHOT) || !reader.is(TS) || !reader.skipMs() || !reader.is(LIST)) return false;
  for (;;) {
    if (!readTrade(out)) return false;
    if (reader.bytes[reader.at] !== COMMA) return reader.is(LIST_END);
    reader.at++;
  }
}

function readTrade(out: EventBuffer): boolean {
  const event = out.begin(TYPE_CODE.trade, out.frame_symbol, 0);
  if (!reader.is(TRADED) || !reader.ms()) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  if (!reader.is(TRADE_MARKET) || !reader.again(market_at)) return false;
  const bought = reader.is(BUY);
  if (!bought && !reader.is(SELL)) return false;
  out.setSide(event, FIELD.trade.side, bought ? 1 : 2);
  if (!reader.amount()) return false;
  out.set(event, FIELD.trade.size, reader.hi, reader.lo, reader.exp);
  if (!reader.is(PRICE) || !reader.amount()) return false;
  out.set(event, FIELD.trade.price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(TICK) || !reader.text() || !reader.is(TRADE_ID)) return false;
  const from = reader.at;
  if (!reader.text()) return false;
  const to = reader.at - 1;
  if (to === from || to - from > ID_BYTES_MAX) return false;
  out.setTextRange(event, FIELD.trade.trade_id, from, to);
  if (!reader.is(NOT_BLOCK)) return false;
  if (!reader.is(NOT_IMPROVED)) reader.is(IMPROVED);
  if (reader.is(SEQUENCE)) {
    if (!reader.id()) return false;
    out.setSequence(event, reader.hi, reader.lo);
  }
  return reader.bytes[reader.at++] === BRACE_END;
}

function readTicker(out: EventBuffer): boolean {
  const whole = !reader.is(DELTA);
  if (whole && !reader.is(SNAPSHOT)) return false;
  if (!reader.is(TICKER) || !reader.again(market_at)) return false;
  if (reader.bytes[reader.at++] !== QUOTE) return false;
  const flags = whole ? FLAG.SNAPSHOT : 0;
  const event = out.begin(TYPE_CODE.ticker, out.frame_symbol, flags);
  const told = readTickerFields(out, event);
  if (told < 0) return false;
  if (whole && (told & HAS_TICKER) !== 0) dropSizeWithoutPrice(out, event);
  if ((told & HAS_TICKER) === 0) out.takeBack(event);
  if (told >> 1 !== 0) writeMark(out, out.frame_symbol, told >> 1);
  if (!reader.is(CROSS) || !reader.id()) return false;
  const { hi, lo } = reader;
  if (!reader.is(TICKER_TS) || !reader.ms() || !reader.is(TAIL)) return false;
  for (let at = 0; at < out.count; at++) {
    out.flags[at] = flags;
    out.setSequence(at, hi, lo);
    out.setTsEvent(at, reader.instant.hi, reader.instant.lo);
  }
  return true;
}

const HAS_TICKER = 1;

/** What the fields tell of: bit 0 the ticker, the others the mark's; -1 where one is written otherwise. */
function readTickerFields(out: EventBuffer, event: number): number {
  const { bytes } = reader;
  let told = 0;
  for (let at = 0; bytes[reader.at] === COMMA; at++) {
    const begins = reader.word(NAME_AT);
    while (at < TICKER_FIELDS.length && TICKER_BEGINNINGS[at] !== begins) at++;
    if (at === TICKER_FIELDS.length) return -1;
    const { name, reading, field } = TICKER_FIELDS[at] as (typeof TICKER_FIELDS)[number];
    if (!reader.is(name)) continue;
    if (reading === 'skip') {
      if (!reader.text()) return -1;
      continue;
    }
    if (!(reading === 'percent' || reading === 'rate' ? reader.signed() : reader.amount()))
      return -1;
    const { hi, lo, exp } = reader;
    if (bytes[reader.at++] !== QUOTE) return -1;
    if (reading === 'mark' || reading === 'rate') {
      keepMark(field, hi, lo, exp);
      told |= 2 << field;
    } else if (reading === 'time') {
      // Futures have no funding.
      if (exp !== 0 || !reader.instant.fromMs(hi, lo)) return -1;
      if (hi === 0 && lo === 0) continue;
      keepMark(field, reader.instant.hi, reader.instant.lo, 1);
      told |= 2 << field;
    } else if (reading !== 'place' || hi !== 0 || lo !== 0) {
      // A side that is not there is priced 0.
      out.set(event, field, hi, lo, reading === 'percent' ? exp + 2 : exp);
      told |= HAS_TICKER;
    }
  }
  return told;
}
