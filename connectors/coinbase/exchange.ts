/**
 * Coinbase Exchange frames (`ws-feed`, once Coinbase Pro) to events, for the days on which this feed was
 * recorded from there: total, stateless, one pass after a look for `type`. A frame is taken whole or
 * not at all. Codes of rejections: `ReadFault` (`codec/quoted-reader.ts`) and `OwnFault`.
 *
 * | frame by `type` | kind | events |
 * |---|---|---|
 * | `snapshot`, `l2update` | data | `book` |
 * | `match`, `last_match` | data | `trade`, the latter flagged `HISTORY` |
 * | `ticker` | data | `ticker` |
 * | the same, for another market | ignored `symbol_not_configured` | |
 * | `heartbeat` | heartbeat | |
 * | `subscriptions` | ack of all it names | |
 * | `error` | refused, reason = the venue's words | |
 * | any other | ignored `type_not_supported:<name>` | |
 *
 * Frames have no number. `sequence` counts everything of a product, of which these channels tell a
 * part: it only grows. Source: docs.cdp.coinbase.com "Exchange WebSocket Channels", read 2026-11;
 * recording of 2021-04-17.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { findKey, KEY_END, keyTable } from '../../codec/key-table.ts';
import { QuotedReader } from '../../codec/quoted-reader.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import { dropEmptySide, isOneOf, setTakerSide, settle } from './channels.ts';
import { rejectFrame } from './decode.ts';
import { readInstant } from './frame-reader.ts';
import type { OwnFault } from './frame-reader.ts';
import { WaitingLevels } from './levels.ts';
import { isName, readChannels, refuse } from './reply.ts';

type TypeReader = (symbols: SymbolTable, out: EventBuffer, start: number) => void;

const utf8 = new TextEncoder();
const reader = new QuotedReader<OwnFault>();
const asks = new WaitingLevels();
const TYPE_ONLY = keyTable('type');
const BUY = utf8.encode('buy');
const SELL = utf8.encode('sell');

const READERS: Readonly<Record<string, TypeReader>> = {
  snapshot: readSnapshot,
  l2update: readChanges,
  match: (symbols, out, start) => readMatch(symbols, out, start, 0),
  last_match: (symbols, out, start) => readMatch(symbols, out, start, FLAG.HISTORY),
  ticker: readTicker,
  subscriptions: readStatement,
  error: readError,
};
const NAMES = Object.keys(READERS);
const NAME_TABLE = keyTable(...NAMES);

export function decodeExchange(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  out.reset(bytes);
  reader.reset(bytes, start, end);
  const type = readType(start);
  if (type !== null) {
    reader.reset(bytes, start, end);
    const known = READERS[type];
    if (known !== undefined) known(symbols, out, start);
    else {
      reader.skip();
      if (type === 'heartbeat') out.kind = 'heartbeat';
      else out.ignore(`type_not_supported:${isName(type) ? type : 'other'}`);
    }
    if (!reader.failed && !reader.atEnd()) reader.fail();
  }
  if (reader.failed) rejectFrame(reader, out, start);
}

/** The frame's `type`, wherever it stands; null on a fault. */
function readType(start: number): string | null {
  if (reader.peek() !== 0x7b) {
    reader.refuse('not_object', start);
    return null;
  }
  reader.beginObject();
  for (let key = reader.nextKey(TYPE_ONLY); key !== KEY_END; key = reader.nextKey(TYPE_ONLY)) {
    if (key !== 0) reader.skip();
    else {
      if (!reader.words()) return null;
      const known = reader.escaped ? -1 : findKey(NAME_TABLE, reader.bytes, reader.from, reader.to);
      return NAMES[known] ?? reader.text();
    }
  }
  reader.refuse('unknown_shape', start);
  return null;
}

/** Says what a frame of one event was. */
function concludeData(out: EventBuffer, event: number, market: number, channel: string): void {
  if (reader.failed) return;
  out.channel = channel;
  out.frame_symbol = market;
  out.kind = 'data';
  if (settle(out, event, market) < 0) out.ignore('symbol_not_configured');
}

function need(seen: number, needed: number, start: number): void {
  if ((seen & needed) !== needed) reader.refuse('missing_field', start);
}

const SNAPSHOT_KEYS = keyTable('type', 'product_id', 'bids', 'asks', 'time');

/** `{"type":"snapshot","product_id":...,"asks":[["80691.53","0.2"],...],"bids":[...]}` */
function readSnapshot(symbols: SymbolTable, out: EventBuffer, start: number): void {
  const event = out.begin(TYPE_CODE.book, -1, FLAG.SNAPSHOT);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (
    let key = reader.nextKey(SNAPSHOT_KEYS);
    key !== KEY_END;
    key = reader.nextKey(SNAPSHOT_KEYS)
  ) {
    if (key >= 0) seen = reader.once(seen, key);
    if (key === 1) market = reader.market(symbols);
    else if (key === 2) {
      out.beginBids(event);
      readLevels(out);
      out.endBids(event);
    } else if (key === 3) {
      out.beginAsks(event);
      readLevels(out);
      out.endAsks(event);
    } else if (key === 4) readTime(out, event);
    else reader.skip();
  }
  need(seen, 0b1111, start);
  concludeData(out, event, market, 'level2');
}

function readTime(out: EventBuffer, event: number): void {
  if (readInstant(reader)) out.setTsEvent(event, reader.ts_hi, reader.ts_lo);
}

function readLevels(out: EventBuffer): void {
  reader.beginArray();
  while (reader.nextElement()) {
    reader.beginArray();
    if (!readPrice()) return;
    out.level(price.hi, price.lo, price.exp, reader.hi, reader.lo, reader.exp);
    while (reader.nextElement()) reader.skip();
  }
}

/** The price of the level being read; one, reused. */
const price = { hi: 0, lo: 0, exp: 0 };

/** A price into `price`, and the size behind it into the reader's number. */
function readPrice(): boolean {
  const start = reader.at;
  if (!reader.nextElement()) return reader.refuse('missing_field', start);
  reader.amount();
  price.hi = reader.hi;
  price.lo = reader.lo;
  price.exp = reader.exp;
  if (!reader.nextElement()) return reader.refuse('missing_field', start);
  return reader.amount();
}

const CHANGE_KEYS = keyTable('type', 'product_id', 'changes', 'time');

/** `{"type":"l2update","product_id":...,"changes":[["buy","80688.08","0.59"]],"time":...}` */
function readChanges(symbols: SymbolTable, out: EventBuffer, start: number): void {
  const event = out.begin(TYPE_CODE.book, -1, 0);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(CHANGE_KEYS); key !== KEY_END; key = reader.nextKey(CHANGE_KEYS)) {
    if (key >= 0) seen = reader.once(seen, key);
    if (key === 1) market = reader.market(symbols);
    else if (key === 2) readBothSides(out, event);
    else if (key === 3) readTime(out, event);
    else reader.skip();
  }
  need(seen, 0b111, start);
  concludeData(out, event, market, 'level2');
}

function readBothSides(out: EventBuffer, event: number): void {
  asks.clear();
  out.beginBids(event);
  reader.beginArray();
  while (reader.nextElement()) {
    const start = reader.at;
    reader.beginArray();
    if (!reader.nextElement()) {
      reader.refuse('missing_field', start);
      return;
    }
    const isBid = isOneOf(reader, BUY, SELL);
    if (!readPrice()) return;
    const { hi, lo, exp } = reader;
    if (isBid) out.level(price.hi, price.lo, price.exp, hi, lo, exp);
    else asks.push(price.hi, price.lo, price.exp, hi, lo, exp);
    while (reader.nextElement()) reader.skip();
  }
  out.endBids(event);
  asks.writeAsks(out, event);
}

const MATCH_KEYS = keyTable(
  ...['type', 'product_id', 'trade_id', 'price', 'size', 'side', 'time', 'sequence'],
);

/** One execution. `side` is the maker's: the taker did the opposite. */
function readMatch(symbols: SymbolTable, out: EventBuffer, start: number, flags: number): void {
  const event = out.begin(TYPE_CODE.trade, -1, flags);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(MATCH_KEYS); key !== KEY_END; key = reader.nextKey(MATCH_KEYS)) {
    if (key >= 0) seen = reader.once(seen, key);
    if (key === 1) market = reader.market(symbols);
    else if (key === 2) {
      if (reader.integer()) out.setTextRange(event, FIELD.trade.trade_id, reader.from, reader.to);
    } else if (key === 3) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.price, reader);
    } else if (key === 4) {
      if (reader.amount()) out.setDecimal(event, FIELD.trade.size, reader);
    } else if (key === 5) setTakerSide(reader, out, event, BUY, SELL);
    else if (key === 6) readTime(out, event);
    else if (key === 7) readSequence(out, event);
    else reader.skip();
  }
  need(seen, 0b1111111, start);
  concludeData(out, event, market, 'matches');
}

function readSequence(out: EventBuffer, event: number): void {
  if (reader.integer()) out.setSequence(event, reader.hi, reader.lo);
}

const TICKER_KEYS = keyTable(
  ...['type', 'product_id', 'price', 'open_24h', 'volume_24h', 'low_24h', 'high_24h', 'last_size'],
  ...['best_bid', 'best_bid_size', 'best_ask', 'best_ask_size', 'time', 'sequence'],
);
const TICKER_FIELDS = [
  ...[0, 0, FIELD.ticker.last_price, FIELD.ticker.open, FIELD.ticker.volume, FIELD.ticker.low],
  ...[FIELD.ticker.high, FIELD.ticker.last_size, FIELD.ticker.bid_price, FIELD.ticker.bid_size],
  ...[FIELD.ticker.ask_price, FIELD.ticker.ask_size],
];

/** The rolling summary. `side` is the taker's here, of the last match: that is told by `matches`. */
function readTicker(symbols: SymbolTable, out: EventBuffer, start: number): void {
  const event = out.begin(TYPE_CODE.ticker, -1, 0);
  let market = -1;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(TICKER_KEYS); key !== KEY_END; key = reader.nextKey(TICKER_KEYS)) {
    if (key >= 0) seen = reader.once(seen, key);
    if (key <= 0) reader.skip();
    else if (key === 1) market = reader.market(symbols);
    else if (key === 12) readTime(out, event);
    else if (key === 13) readSequence(out, event);
    else if (!reader.isNone() && reader.amount()) {
      out.setDecimal(event, TICKER_FIELDS[key] as number, reader);
    }
  }
  need(seen, 0b111, start);
  const slot = out.slot[event] as number;
  dropEmptySide(out, slot + FIELD.ticker.bid_price, slot + FIELD.ticker.bid_size);
  dropEmptySide(out, slot + FIELD.ticker.ask_price, slot + FIELD.ticker.ask_size);
  concludeData(out, event, market, 'ticker');
}

const STATEMENT_KEYS = keyTable('type', 'channels');

/** `{"type":"subscriptions","channels":[{"name":"level2","product_ids":["BTC-USD"]}]}` */
function readStatement(symbols: SymbolTable, out: EventBuffer, start: number): void {
  let seen = 0;
  reader.beginObject();
  for (
    let key = reader.nextKey(STATEMENT_KEYS);
    key !== KEY_END;
    key = reader.nextKey(STATEMENT_KEYS)
  ) {
    if (key >= 0) seen = reader.once(seen, key);
    if (key === 1) out.subscribed = readChannels(reader, symbols);
    else reader.skip();
  }
  need(seen, 0b11, start);
  out.kind = 'ack';
}

const ERROR_KEYS = keyTable('type', 'message', 'reason');

function readError(symbols: SymbolTable, out: EventBuffer): void {
  let seen = 0;
  let message = '';
  let reason = '';
  reader.beginObject();
  for (let key = reader.nextKey(ERROR_KEYS); key !== KEY_END; key = reader.nextKey(ERROR_KEYS)) {
    if (key >= 0) seen = reader.once(seen, key);
    if (key < 1) reader.skip();
    else if (!reader.words()) continue;
    else if (key === 1) message = reader.text();
    else reason = reader.text();
  }
  refuse(message, reason, symbols, out);
}
