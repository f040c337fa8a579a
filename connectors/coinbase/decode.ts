/**
 * Coinbase Advanced Trade frames to events: total, stateless, one pass over the frame's bytes. A frame
 * is taken whole or not at all. Codes of rejections: `ReadFault` (`codec/quoted-reader.ts`) and `OwnFault`.
 *
 * | frame | kind | events |
 * |---|---|---|
 * | `l2_data`, `market_trades`, `ticker`, `ticker_batch`, `candles`, `status` | data | of the markets configured |
 * | the same, for other markets only | ignored `symbol_not_configured` | |
 * | `heartbeats` | heartbeat | |
 * | `subscriptions` | ack of all it names | |
 * | any other channel | ignored `channel_not_supported:<name>` | |
 * | `type` `error` | refused, reason = the venue's words | |
 * | any other `type` | ignored `type_not_supported:<name>` | |
 *
 * `sequence_num` counts the frames of a connection over all channels: it becomes the frame's number
 * (the fold looks for holes) and `sequence` of each event. What is subscribed to as `level2` comes as
 * `l2_data`: here it is called what it is subscribed to as.
 *
 * Before Advanced Trade this feed was the Exchange's (`exchange.ts`); `feed.ts` has the day of change.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { findKey, KEY_END, keyTable } from '../../codec/key-table.ts';
import { QuotedReader } from '../../codec/quoted-reader.ts';
import { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import { isNewestFirst, readCandle, readProduct, readTicker, readTrade } from './channels.ts';
import { readUpdates, settle } from './channels.ts';
import type { ElementReader } from './channels.ts';
import { readCount, readInstant } from './frame-reader.ts';
import type { FrameReader, OwnFault } from './frame-reader.ts';
import { isName, readSubscriptions, refuse } from './reply.ts';
import { STREAMS, decodeRigid } from './rigid-frames.ts';

const utf8 = new TextEncoder();

type Channel = {
  /** As it is subscribed to. */
  readonly name: string;
  /** Reads an element of the event's list; null: the event itself is a book. */
  readonly read: ElementReader | null;
  /** Flags of what comes in a `snapshot`. */
  readonly opening: number;
  /** Place of the list among `EVENT_KEYS`. */
  readonly list: number;
};

const EVENT_KEYS = keyTable(
  ...['type', 'product_id', 'updates', 'trades', 'tickers', 'candles', 'products'],
);
const CHANNELS: readonly Channel[] = [
  { name: 'level2', read: null, opening: FLAG.SNAPSHOT, list: 2 },
  { name: 'market_trades', read: readTrade, opening: FLAG.HISTORY, list: 3 },
  { name: 'ticker', read: readTicker, opening: FLAG.SNAPSHOT, list: 4 },
  { name: 'ticker_batch', read: readTicker, opening: FLAG.SNAPSHOT, list: 4 },
  { name: 'candles', read: readCandle, opening: FLAG.SNAPSHOT | FLAG.HISTORY, list: 5 },
  { name: 'status', read: readProduct, opening: FLAG.SNAPSHOT, list: 6 },
];
/** As frames call them. */
const CHANNEL_TABLE = keyTable(
  ...CHANNELS.map(({ name }) => (name === 'level2' ? 'l2_data' : name)),
);

const KEYS = keyTable(
  ...['channel', 'timestamp', 'sequence_num', 'events', 'type', 'message', 'reason'],
);
const SNAPSHOT = utf8.encode('snapshot');
const UPDATE = utf8.encode('update');

/** What the top level of a frame holds; one, reused. */
type Frame = {
  /** Keys seen, as bits. */
  seen: number;
  /** The channel's name on the wire, null where there is none; its entry where it carries data. */
  name: string | null;
  channel: Channel | null;
  number: number;
  number_hi: number;
  number_lo: number;
  ts_hi: number;
  ts_lo: number;
  /** Where `events` begins, -1 without; `done` once it is read. */
  events_at: number;
  done: boolean;
  elements: number;
  /** The first of our markets that an element was of. */
  market: number;
  type: string | null;
  message: string;
  reason: string;
};

const reader = new QuotedReader<OwnFault>();
const EMPTY: Readonly<Frame> = {
  seen: 0,
  name: null,
  channel: null,
  number: -1,
  number_hi: 0,
  number_lo: 0,
  ts_hi: 0,
  ts_lo: 0,
  events_at: -1,
  done: false,
  elements: 0,
  market: -2,
  type: null,
  message: '',
  reason: '',
};
const frame: Frame = { ...EMPTY };

const tries = new RigidTries(STREAMS);

/** The bulk by what the venue really writes, the rest by its meaning. */
export function decodeAdvanced(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  if (!decodeRigid(bytes, start, end, symbols, out, tries)) {
    decodeGeneric(bytes, start, end, symbols, out);
  }
}

/** Reads any valid JSON of a known meaning, whatever its order of keys, spacing and extra keys. */
export function decodeGeneric(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  out.reset(bytes);
  Object.assign(frame, EMPTY);
  reader.reset(bytes, start, end);
  if (reader.peek() === 0x7b) {
    readTopLevel(symbols, out);
    if (!reader.failed && !reader.atEnd()) reader.fail();
    if (!reader.failed && frame.events_at >= 0 && !frame.done) readLateEvents(symbols, out);
  } else {
    reader.refuse('not_object', start);
  }
  if (frame.channel !== null) out.channel = frame.channel.name;
  else if (frame.name !== null && isName(frame.name)) out.channel = frame.name;
  if (reader.failed) rejectFrame(reader, out, start);
  else conclude(symbols, out);
}

/** Invalid JSON outranks whatever seemed wrong before it showed. */
export function rejectFrame(of: FrameReader, out: EventBuffer, start: number): void {
  const { code, code_at } = of;
  if (of.isJson(start)) out.reject(code ?? 'unexpected_shape', code_at - start);
  else out.reject('bad_json', of.at - start);
}

function readTopLevel(symbols: SymbolTable, out: EventBuffer): void {
  reader.beginObject();
  for (let key = reader.nextKey(KEYS); key !== KEY_END; key = reader.nextKey(KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    frame.seen = reader.once(frame.seen, key);
    if (key === 0) readChannel();
    else if (key === 1) {
      if (!readInstant(reader)) continue;
      frame.ts_hi = reader.ts_hi;
      frame.ts_lo = reader.ts_lo;
    } else if (key === 2) {
      frame.number = readCount(reader);
      frame.number_hi = reader.hi;
      frame.number_lo = reader.lo;
    } else if (key === 3) meetEvents(symbols, out);
    else if (reader.words()) {
      if (key === 4) frame.type = reader.text();
      else if (key === 5) frame.message = reader.text();
      else frame.reason = reader.text();
    }
  }
}

function readChannel(): void {
  if (!reader.words()) return;
  const known = reader.escaped ? -1 : findKey(CHANNEL_TABLE, reader.bytes, reader.from, reader.to);
  frame.channel = CHANNELS[known] ?? null;
  frame.name = reader.text();
  if (frame.channel !== null || !reader.escaped) return;
  const name = utf8.encode(frame.name);
  frame.channel = CHANNELS[findKey(CHANNEL_TABLE, name, 0, name.length)] ?? null;
}

/** Reads `events` where the channel is known; else remembers where it is. */
function meetEvents(symbols: SymbolTable, out: EventBuffer): void {
  reader.peek();
  frame.events_at = reader.at;
  if (frame.channel !== null) readEvents(frame.channel, symbols, out);
  else if (frame.name === 'subscriptions') readSubscriptionEvents(symbols, out);
  else reader.glance();
}

/** `events` came before `channel`: goes back to it, if only to see that it is JSON. */
function readLateEvents(symbols: SymbolTable, out: EventBuffer): void {
  reader.at = frame.events_at;
  if (frame.channel !== null) readEvents(frame.channel, symbols, out);
  else if (frame.name === 'subscriptions') readSubscriptionEvents(symbols, out);
  else reader.skip();
}

function readSubscriptionEvents(symbols: SymbolTable, out: EventBuffer): void {
  frame.done = true;
  out.subscribed = readSubscriptions(reader, symbols);
}

function readEvents(channel: Channel, symbols: SymbolTable, out: EventBuffer): void {
  frame.done = true;
  reader.beginArray();
  while (reader.nextElement()) readEvent(channel, symbols, out);
}

/** `{"type":"snapshot","product_id":"BTC-USD","updates":[...]}`, or with a list of another name. */
function readEvent(channel: Channel, symbols: SymbolTable, out: EventBuffer): void {
  const start = reader.at;
  const first = out.count;
  const book = channel.read === null ? out.begin(TYPE_CODE.book, -1, 0) : -1;
  let market = -1;
  let flags = 0;
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(EVENT_KEYS); key !== KEY_END; key = reader.nextKey(EVENT_KEYS)) {
    if (key !== 0 && key !== 1 && key !== channel.list) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 0) flags = readType(channel.opening);
    else if (key === 1) market = reader.market(symbols);
    else if (channel.read !== null) readList(channel.read, symbols, out);
    else readUpdates(reader, out, book);
  }
  const needed = 1 | (1 << channel.list) | (book < 0 ? 0 : 2);
  if ((seen & needed) !== needed) reader.refuse('missing_field', start);
  if (reader.failed) return;
  if (book >= 0) {
    // In a snapshot a level's time is when it last changed, or 1970; that of the state is the frame's.
    if (flags !== 0) out.setTsEvent(book, 0, 0);
    count(settle(out, book, market));
  }
  for (let event = first; event < out.count; event++) out.flags[event] = flags;
  if (isNewestFirst(out, first)) out.reverse(first);
}

function readType(opening: number): number {
  if (!reader.words()) return 0;
  if (reader.textIs(SNAPSHOT)) return opening;
  if (reader.textIs(UPDATE)) return 0;
  const word = reader.escaped ? reader.text() : '';
  if (word === 'snapshot') return opening;
  if (word !== 'update') reader.refuse('bad_type', reader.from);
  return 0;
}

function readList(read: ElementReader, symbols: SymbolTable, out: EventBuffer): void {
  reader.beginArray();
  while (reader.nextElement()) count(read(reader, symbols, out));
}

function count(market: number): void {
  frame.elements++;
  if (market >= 0 && frame.market < 0) frame.market = market;
}

/** Everything was read and is sound: says what the frame was. */
function conclude(symbols: SymbolTable, out: EventBuffer): void {
  out.frame_sequence = frame.number;
  out.frame_symbol = frame.market;
  const { name, type } = frame;
  if (name === null) {
    if (type === null) return out.reject('unknown_shape', 0);
    if (type === 'error') return refuse(frame.message, frame.reason, symbols, out);
    return out.ignore(`type_not_supported:${isName(type) ? type : 'other'}`);
  }
  // Without its number nobody knows whether a frame before it was lost.
  if (frame.number < 0) return out.reject('missing_field', 0);
  if (name === 'heartbeats') {
    out.kind = 'heartbeat';
    return;
  }
  if (name !== 'subscriptions' && frame.channel === null) {
    return out.ignore(`channel_not_supported:${isName(name) ? name : 'other'}`);
  }
  if (!frame.done) return out.reject('missing_field', 0);
  if (frame.channel === null) {
    out.kind = 'ack';
    return;
  }
  if (frame.elements > 0 && out.count === 0) return out.ignore('symbol_not_configured');
  out.kind = 'data';
  for (let event = 0; event < out.count; event++) {
    out.setSequence(event, frame.number_hi, frame.number_lo);
    const timed = out.ts_hi[event] !== 0 || out.ts_lo[event] !== 0;
    if (!timed) out.setTsEvent(event, frame.ts_hi, frame.ts_lo);
  }
}
