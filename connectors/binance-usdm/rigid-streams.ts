/**
 * The streams that are the bulk of what Binance USD-M sends, exactly as it writes them in the wrapper of
 * a combined stream:
 *
 * {"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT",
 * "b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}}
 *
 * and likewise diffs and partial books, trades, aggregates and mark prices. Anything else is left to
 * `decodeGeneric`, which would read the same out of these.
 */
import { FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { rigidLevels } from '../../codec/rigid-levels.ts';
import { RigidReader, literal } from '../../codec/rigid-reader.ts';
import type { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';

const HEAD = literal('{"stream":"');
const TAIL = literal('}}');
/** The letter a stream's name goes on with after its `@`. */
const LETTER_AGG_TRADE = 0x61;
const LETTER_BOOK_TICKER = 0x62;
const LETTER_DEPTH = 0x64;
const LETTER_MARK_PRICE = 0x6d;
const LETTER_TRADE = 0x74;
const QUOTE = 0x22;
const AT = 0x40;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;

const reader = new RigidReader();

/** Streams are counted by their letter. */
export const STREAMS = 128;

/** False where the frame is not written so, or not tried: then `out` holds nothing that counts. */
export function decodeBulk(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
  tries: RigidTries | null = null,
): boolean {
  reader.open(bytes, start);
  if (!reader.is(HEAD)) return false;
  const stream = streamKind(bytes);
  if (!(stream >= 0 && stream < STREAMS) || tries?.worth(stream) === false) return false;
  out.reset(bytes);
  const taken = readStream(stream, symbols, out) && reader.is(TAIL) && reader.at === end;
  tries?.tried(stream, taken);
  if (!taken) return false;
  out.kind = 'data';
  out.frame_symbol = out.symbol[0] as number;
  return true;
}

/** The letter after the `@` of the stream's name, where the reader then stands; -1 without one. */
function streamKind(bytes: Uint8Array): number {
  let { at } = reader;
  let byte = bytes[at] as number;
  // Small letters, and digits: what a market's name is written in.
  while (byte > BACKSLASH || (byte >= 0x30 && byte <= 0x39)) byte = bytes[++at] as number;
  if (byte !== AT) return -1;
  reader.at = at + 1;
  return bytes[at + 1] as number;
}

function readStream(stream: number, symbols: SymbolTable, out: EventBuffer): boolean {
  switch (stream) {
    case LETTER_BOOK_TICKER:
      return readBookTicker(symbols, out);
    case LETTER_TRADE:
      return readTrade(symbols, out);
    case LETTER_AGG_TRADE:
      return readAggTrade(symbols, out);
    case LETTER_DEPTH:
      return readDepth(symbols, out);
    case LETTER_MARK_PRICE:
      return readMarkPrice(symbols, out);
    default:
      return false;
  }
}

const BOOK_TICKER = literal('bookTicker","data":{"e":"bookTicker","u":');
const SYMBOL = literal(',"s":"');
const BID = literal('","b":"');
const BID_SIZE = literal('","B":"');
const ASK = literal('","a":"');
const ASK_SIZE = literal('","A":"');
const QUOTED_TRADED = literal('","T":');
const SENT = literal(',"E":');
const QUOTE_FIELD = FIELD.quote;

function readBookTicker(symbols: SymbolTable, out: EventBuffer): boolean {
  if (!reader.is(BOOK_TICKER) || !reader.id()) return false;
  const { hi, lo } = reader;
  if (!reader.is(SYMBOL)) return false;
  const market = reader.market(symbols);
  if (market < 0) return false;
  out.channel = 'bookTicker';
  const event = out.begin(TYPE_CODE.quote, market, 0);
  out.setSequence(event, hi, lo);
  if (!reader.is(BID) || !reader.amount()) return false;
  out.set(event, QUOTE_FIELD.bid_price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(BID_SIZE) || !reader.amount()) return false;
  out.set(event, QUOTE_FIELD.bid_size, reader.hi, reader.lo, reader.exp);
  if (!reader.is(ASK) || !reader.amount()) return false;
  out.set(event, QUOTE_FIELD.ask_price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(ASK_SIZE) || !reader.amount()) return false;
  out.set(event, QUOTE_FIELD.ask_size, reader.hi, reader.lo, reader.exp);
  if (!reader.is(QUOTED_TRADED) || !reader.ms()) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  return reader.is(SENT) && reader.skipMs();
}

const TRADE = literal('trade","data":{"e":"trade","E":');
const TRADED = literal(',"T":');
const TRADE_ID = literal('","t":');
const PRICE = literal(',"p":"');
const SIZE = literal('","q":"');
const ON_BOOK = literal('","X":"MARKET","m":');
const TRUE = literal('true');
const FALSE = literal('false');

function readTrade(symbols: SymbolTable, out: EventBuffer): boolean {
  if (!reader.is(TRADE) || !reader.skipMs() || !reader.is(TRADED) || !reader.ms()) return false;
  const { hi, lo } = reader.instant;
  if (!reader.is(SYMBOL)) return false;
  const market = reader.market(symbols);
  if (market < 0 || !reader.is(TRADE_ID)) return false;
  out.channel = 'trade';
  const event = out.begin(TYPE_CODE.trade, market, 0);
  out.setTsEvent(event, hi, lo);
  if (!readTradeId(event, out) || !reader.is(PRICE) || !readFill(event, out)) return false;
  return reader.is(ON_BOOK) && readSide(event, out);
}

function readTradeId(event: number, out: EventBuffer): boolean {
  const from = reader.at;
  if (!reader.id()) return false;
  out.setTextRange(event, FIELD.trade.trade_id, from, reader.at);
  return true;
}

/** Price and size, from the price's first digit to the size's last. */
function readFill(event: number, out: EventBuffer): boolean {
  if (!reader.amount()) return false;
  out.set(event, FIELD.trade.price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(SIZE) || !reader.amount()) return false;
  out.set(event, FIELD.trade.size, reader.hi, reader.lo, reader.exp);
  return true;
}

/** Whether the buyer was the maker: then the aggressor sold. */
function readSide(event: number, out: EventBuffer): boolean {
  const sold = reader.is(TRUE);
  if (!sold && !reader.is(FALSE)) return false;
  out.setSide(event, FIELD.trade.side, sold ? 2 : 1);
  return true;
}

const AGG_TRADE = literal('aggTrade","data":{"e":"aggTrade","E":');
const AGGREGATE = literal(',"a":');
const QUOTED_PRICE = literal('","p":"');
const FIRST = literal('","f":');
const LAST = literal(',"l":');
const BUYER_MADE = literal(',"m":');

function readAggTrade(symbols: SymbolTable, out: EventBuffer): boolean {
  if (!reader.is(AGG_TRADE) || !reader.skipMs() || !reader.is(AGGREGATE)) return false;
  const id_from = reader.at;
  if (!reader.id()) return false;
  const id_to = reader.at;
  if (!reader.is(SYMBOL)) return false;
  const market = reader.market(symbols);
  if (market < 0 || !reader.is(QUOTED_PRICE)) return false;
  out.channel = 'aggTrade';
  const event = out.begin(TYPE_CODE.trade, market, 0);
  out.setTextRange(event, FIELD.trade.trade_id, id_from, id_to);
  if (!readFill(event, out) || !reader.is(FIRST) || !reader.id()) return false;
  out.set(event, FIELD.trade.first_trade_id, reader.hi, reader.lo, 1);
  if (!reader.is(LAST) || !reader.id()) return false;
  out.set(event, FIELD.trade.last_trade_id, reader.hi, reader.lo, 1);
  if (!reader.is(TRADED) || !reader.ms()) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  return reader.is(BUYER_MADE) && readSide(event, out);
}

const DEPTH = literal('depth');
const DEPTH_UPDATE = literal('","data":{"e":"depthUpdate","E":');
const FIRST_ID = literal('","U":');
const LAST_ID = literal(',"u":');
const PREVIOUS_ID = literal(',"pu":');
const BIDS = literal(',"b":[');
const ASKS = literal('],"a":[');

function readDepth(symbols: SymbolTable, out: EventBuffer): boolean {
  const depth = reader.is(DEPTH) ? partialDepth(reader.bytes) : -1;
  if (depth < 0 || !reader.is(DEPTH_UPDATE) || !reader.skipMs()) return false;
  if (!reader.is(TRADED) || !reader.ms() || !reader.is(SYMBOL)) return false;
  const market = reader.market(symbols);
  if (market < 0) return false;
  out.channel = 'depth';
  const event = out.begin(TYPE_BOOK, market, depth > 0 ? FLAG.SNAPSHOT : 0);
  if (depth > 0) out.setU32(event, FIELD.book.depth, depth);
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  if (!reader.is(FIRST_ID) || !reader.id()) return false;
  out.set(event, FIELD.book.first_sequence, reader.hi, reader.lo, 1);
  if (!reader.is(LAST_ID) || !reader.id()) return false;
  out.setSequence(event, reader.hi, reader.lo);
  if (!reader.is(PREVIOUS_ID) || !reader.id()) return false;
  out.set(event, FIELD.book.prev_sequence, reader.hi, reader.lo, 1);
  if (!reader.is(BIDS)) return false;
  out.bid_from[event] = out.levels;
  if (!rigidLevels(reader, out)) return false;
  out.bid_to[event] = out.levels;
  if (!reader.is(ASKS)) return false;
  out.ask_from[event] = out.levels;
  if (!rigidLevels(reader, out)) return false;
  out.ask_to[event] = out.levels;
  reader.at += 1;
  return true;
}

/** After `depth`: levels of a partial book, 0 of the diffs; the reader then stands at the name's end. */
function partialDepth(bytes: Uint8Array): number {
  let levels = 0;
  let { at } = reader;
  for (; bytes[at] !== QUOTE && bytes[at] !== AT; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (!(digit >= 0 && digit <= 9) || levels > 99 || (digit === 0 && levels === 0)) return -1;
    levels = levels * 10 + digit;
  }
  reader.at = at;
  const to = reader.quoteAt();
  reader.at = to;
  return to < 0 ? -1 : levels;
}

const MARK_PRICE = literal('markPrice');
const MARK_UPDATE = literal('","data":{"e":"markPriceUpdate","E":');
const INDEX = literal('","i":"');
const SETTLE = literal('","P":"');
const FUNDING = literal('","r":"');
const NEXT_FUNDING = QUOTED_TRADED;
const MARK_FIELD = FIELD.mark;

function readMarkPrice(symbols: SymbolTable, out: EventBuffer): boolean {
  if (!reader.is(MARK_PRICE)) return false;
  const name_end = reader.quoteAt();
  if (name_end < 0) return false;
  reader.at = name_end;
  if (!reader.is(MARK_UPDATE) || !reader.ms() || !reader.is(SYMBOL)) return false;
  const market = reader.market(symbols);
  if (market < 0 || !reader.is(QUOTED_PRICE)) return false;
  out.channel = 'markPrice';
  const event = out.begin(TYPE_CODE.mark, market, 0);
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  if (!reader.amount()) return false;
  out.set(event, MARK_FIELD.mark_price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(INDEX) || !reader.amount()) return false;
  out.set(event, MARK_FIELD.index_price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(SETTLE) || !reader.amount()) return false;
  out.set(event, MARK_FIELD.settle_price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(FUNDING) || !readRate(event, out)) return false;
  if (!reader.is(NEXT_FUNDING) || !reader.ms()) return false;
  out.set(event, MARK_FIELD.next_funding, reader.instant.hi, reader.instant.lo, 1);
  return true;
}

/** A funding rate, which may be below zero. */
function readRate(event: number, out: EventBuffer): boolean {
  const negative = reader.bytes[reader.at] === MINUS;
  if (negative) reader.at += 1;
  if (!reader.amount()) return false;
  const { hi, lo, exp } = reader;
  if (!negative) out.set(event, MARK_FIELD.funding_rate, hi, lo, exp);
  else if (hi !== 0) return false;
  else out.set(event, MARK_FIELD.funding_rate, lo === 0 ? 0 : -1, -lo | 0, exp);
  return true;
}
