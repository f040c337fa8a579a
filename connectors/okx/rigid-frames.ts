/**
 * Books, trades, best levels and tickers exactly as OKX writes them, the bulk of what it sends:
 *
 * {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["83725.9","1712.41",
 * "0","92"]],"bids":[],"ts":"1791369351001","checksum":0,"seqId":344430848984,"prevSeqId":344430848971}]}
 * {"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["8476.98","415","0","13"]],"bids":[[
 * "8476.97","256","0","12"]],"ts":"1597026383085","seqId":123456}]}
 * {"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"2978601964",
 * "px":"83725.9","sz":"5","side":"buy","ts":"1791369350776","count":"1","source":"0","seqId":344430848209}]}
 *
 * Checksum, ids, count and source are not in all years. Anything else is left to `decodeGeneric`, which
 * would read the same out of these.
 */
import { FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { rigidLevels } from '../../codec/rigid-levels.ts';
import { RigidReader, literal } from '../../codec/rigid-reader.ts';
import type { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';

const HEAD = literal('{"arg":{"channel":"');
const BOOKS = literal('books","instId":"');
const BBO = literal('bbo-tbt","instId":"');
const TRADES = literal('trades","instId":"');
const TICKERS = literal('tickers","instId":"');

const UPDATE = literal('"},"action":"update","data":[{"asks":[');
const SNAPSHOT = literal('"},"action":"snapshot","data":[{"asks":[');
const BIDS = literal('],"bids":[');
const TS = literal('],"ts":"');
const CHECKSUM = literal('","checksum":');
const BOOK_ID = literal(',"seqId":');
const BOOK_ID_AFTER_TS = literal('","seqId":');
const PREVIOUS_ID = literal(',"prevSeqId":');
const NO_ID = literal('-1');
const TAIL = literal('}]}');
const TAIL_AFTER_TEXT = literal('"}]}');

const LEVEL = literal('["');
const BETWEEN = literal('","');
const RETIRED = literal('","0","');

const BEST_ASK = literal('"},"data":[{"asks":[');
const TRADE = literal('"},"data":[{"instId":"');
const TRADE_ID = literal('","tradeId":"');
const PRICE = literal('","px":"');
const SIZE = literal('","sz":"');
const BUY = literal('","side":"buy","ts":"');
const SELL = literal('","side":"sell","ts":"');
const COUNT = literal('","count":"');
const SOURCE = literal(',"source":"');

const TICKER = literal('"},"data":[{"instType":"');
const SPOT = literal('SPOT"');
const TICKER_MARKET = literal(',"instId":"');
/** Between these stand the days' openings, which nobody asks for. */
const TICKER_FIELDS = [
  [literal('","last":"'), FIELD.ticker.last_price],
  [literal('","lastSz":"'), FIELD.ticker.last_size],
  [literal('","askPx":"'), FIELD.ticker.ask_price],
  [literal('","askSz":"'), FIELD.ticker.ask_size],
  [literal('","bidPx":"'), FIELD.ticker.bid_price],
  [literal('","bidSz":"'), FIELD.ticker.bid_size],
  [literal('","open24h":"'), FIELD.ticker.open],
  [literal('","high24h":"'), FIELD.ticker.high],
  [literal('","low24h":"'), FIELD.ticker.low],
] as const;
const UTC_OPENING = literal('","sodUtc0":"');
const HONG_KONG_OPENING = literal(',"sodUtc8":"');
const CURRENCY_VOLUME = literal(',"volCcy24h":"');
const VOLUME = literal('","vol24h":"');
const TICKER_TS = literal('","ts":"');

const MINUS = 0x2d;
const BRACKET_END = 0x5d;

const reader = new RigidReader();

const BOOKS_STREAM = 0;
const BBO_STREAM = 1;
const TRADES_STREAM = 2;
const TICKERS_STREAM = 3;
const CHANNELS = ['books', 'bbo-tbt', 'trades', 'tickers'] as const;
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
  if (!begin(symbols, out, CHANNELS[stream] as string)) return false;
  const taken = readData(stream, out) && reader.at === end;
  tries?.tried(stream, taken);
  return taken;
}

/** The frame's stream, -1 where it is none of these. */
function readStream(): number {
  if (!reader.is(HEAD)) return -1;
  if (reader.is(BOOKS)) return BOOKS_STREAM;
  if (reader.is(TRADES)) return TRADES_STREAM;
  if (reader.is(BBO)) return BBO_STREAM;
  return reader.is(TICKERS) ? TICKERS_STREAM : -1;
}

function readData(stream: number, out: EventBuffer): boolean {
  if (stream === BOOKS_STREAM) return readBook(out);
  if (stream === TRADES_STREAM) return readTrade(out);
  return stream === BBO_STREAM ? readBbo(out) : readTicker(out);
}

/** Where the name of the frame's market begins. */
let market_at = 0;

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
  const whole = !reader.is(UPDATE);
  if (whole && !reader.is(SNAPSHOT)) return false;
  const event = out.begin(TYPE_BOOK, out.frame_symbol, whole ? FLAG.SNAPSHOT : 0);
  if (!rigidLevels(reader, out, true)) return false;
  out.ask_to[event] = out.levels;
  if (!reader.is(BIDS)) return false;
  out.bid_from[event] = out.levels;
  if (!rigidLevels(reader, out, true)) return false;
  out.bid_to[event] = out.levels;
  if (!readTime(out, event)) return false;
  let named = reader.is(BOOK_ID_AFTER_TS);
  if (!named) {
    if (!reader.is(CHECKSUM) || !readChecksum(out, event)) return false;
    named = reader.is(BOOK_ID);
  }
  if (named) {
    if (!reader.id()) return false;
    out.setSequence(event, reader.hi, reader.lo);
    if (!reader.is(PREVIOUS_ID)) return false;
    if (!reader.is(NO_ID)) {
      if (!reader.id()) return false;
      out.set(event, FIELD.book.prev_sequence, reader.hi, reader.lo, 1);
    }
  }
  return reader.is(TAIL);
}

function readTime(out: EventBuffer, event: number): boolean {
  if (!reader.is(TS) || !reader.ms()) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  return true;
}

/** Signed; 0 is none. */
function readChecksum(out: EventBuffer, event: number): boolean {
  const negative = reader.bytes[reader.at] === MINUS;
  if (negative) reader.at++;
  if (!reader.u32() || reader.lo < 0) return false;
  if (reader.lo !== 0) out.setU32(event, FIELD.book.checksum, negative ? -reader.lo : reader.lo);
  return true;
}

function readBbo(out: EventBuffer): boolean {
  const event = out.begin(TYPE_CODE.quote, out.frame_symbol, 0);
  if (!reader.is(BEST_ASK)) return false;
  if (!readBest(out, event, FIELD.quote.ask_price, FIELD.quote.ask_size)) return false;
  if (!reader.is(BIDS)) return false;
  if (!readBest(out, event, FIELD.quote.bid_price, FIELD.quote.bid_size)) return false;
  if (!readTime(out, event) || !reader.is(BOOK_ID_AFTER_TS) || !reader.id()) return false;
  out.setSequence(event, reader.hi, reader.lo);
  return reader.is(TAIL);
}

/** A level, or none. */
function readBest(out: EventBuffer, event: number, price: number, size: number): boolean {
  if (reader.bytes[reader.at] === BRACKET_END) return true;
  if (!reader.is(LEVEL) || !reader.amount()) return false;
  out.set(event, price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(BETWEEN) || !reader.amount()) return false;
  out.set(event, size, reader.hi, reader.lo, reader.exp);
  if (!reader.is(RETIRED) || !reader.text()) return false;
  return reader.bytes[reader.at++] === BRACKET_END;
}

function readTrade(out: EventBuffer): boolean {
  const event = out.begin(TYPE_CODE.trade, out.frame_symbol, 0);
  if (!reader.is(TRADE) || !reader.again(market_at) || !reader.is(TRADE_ID)) return false;
  const id_from = reader.at;
  if (!reader.id()) return false;
  out.setTextRange(event, FIELD.trade.trade_id, id_from, reader.at);
  if (!reader.is(PRICE) || !reader.amount()) return false;
  out.set(event, FIELD.trade.price, reader.hi, reader.lo, reader.exp);
  if (!reader.is(SIZE) || !reader.amount()) return false;
  out.set(event, FIELD.trade.size, reader.hi, reader.lo, reader.exp);
  const bought = reader.is(BUY);
  if (!bought && !reader.is(SELL)) return false;
  out.setSide(event, FIELD.trade.side, bought ? 1 : 2);
  if (!reader.ms()) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  if (reader.is(TAIL_AFTER_TEXT)) return true;
  if (!reader.is(COUNT) || !reader.text()) return false;
  if (reader.is(SOURCE) && !reader.text()) return false;
  if (!reader.is(BOOK_ID) || !reader.id()) return false;
  out.setSequence(event, reader.hi, reader.lo);
  return reader.is(TAIL);
}

function readTicker(out: EventBuffer): boolean {
  const event = out.begin(TYPE_CODE.ticker, out.frame_symbol, 0);
  if (!reader.is(TICKER)) return false;
  const spot = reader.is(SPOT);
  if (!spot && !reader.text()) return false;
  if (!reader.is(TICKER_MARKET) || !reader.again(market_at)) return false;
  for (let at = 0; at < TICKER_FIELDS.length; at++) {
    const [name, field] = TICKER_FIELDS[at] as (typeof TICKER_FIELDS)[number];
    if (!reader.is(name) || !reader.amount()) return false;
    out.set(event, field, reader.hi, reader.lo, reader.exp);
  }
  if (!reader.is(UTC_OPENING) || !reader.text()) return false;
  if (!reader.is(HONG_KONG_OPENING) || !reader.text()) return false;
  if (!reader.is(CURRENCY_VOLUME) || !reader.amount()) return false;
  if (spot) out.set(event, FIELD.ticker.quote_volume, reader.hi, reader.lo, reader.exp);
  if (!reader.is(VOLUME) || !reader.amount()) return false;
  out.set(event, FIELD.ticker.volume, reader.hi, reader.lo, reader.exp);
  if (!reader.is(TICKER_TS) || !reader.ms()) return false;
  out.setTsEvent(event, reader.instant.hi, reader.instant.lo);
  return reader.is(TAIL_AFTER_TEXT);
}
