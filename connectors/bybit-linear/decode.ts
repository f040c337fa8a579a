/**
 * Bybit v5 public frames of linear contracts to events: total, stateless, one pass over the frame's
 * bytes. A frame is taken whole or not at all. Codes of rejections are `ReadFault`
 * (`codec/quoted-reader.ts`) and `OwnFault`.
 *
 * | frame | kind | events |
 * |---|---|---|
 * | a topic of `CHANNELS` | data | of the markets configured |
 * | the same, for other markets only | ignored `symbol_not_configured` | |
 * | `orderbook.1` that says what changed (before 2024) | ignored `best_level_delta` | |
 * | any other topic | ignored `channel_not_supported:<name>` | |
 * | `op` `subscribe`, `unsubscribe` | ack, or refused: reason = the venue's words | |
 * | `op` `ping`, `pong` | pong | |
 * | any other `op` | ignored `op_not_supported:<name>` | |
 * | `type` `COMMAND_RESP` without topic: how options answer | ignored `answer_of_options` | |
 *
 * One decoder serves all of version 5: what changed so far only added keys (`cts`, `seq`, `RPI`) or
 * topics; none gave an old key another meaning. A change that does gets an entry of its own in
 * `feed.ts`, and a decoder beside this one.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { findKey, KEY_END, keyTable } from '../../codec/key-table.ts';
import { QuotedReader } from '../../codec/quoted-reader.ts';
import { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import { candleReader, readBest, readBook, readLiquidation, readTrade } from './channels.ts';
import type { ElementReader } from './channels.ts';
import { readFlag } from './frame-reader.ts';
import type { OwnFault } from './frame-reader.ts';
import { INTERVALS } from './intervals.ts';
import { concludeReply, isName } from './reply.ts';
import type { Reply } from './reply.ts';
import { STREAMS, decodeRigid } from './rigid-frames.ts';
import { dropSizeWithoutPrice, readTicker } from './ticker.ts';

const utf8 = new TextEncoder();

type Channel = {
  /** Its topics without the market. */
  readonly topic: string;
  readonly name: string;
  readonly read: ElementReader;
  /** `state`: a snapshot or a delta, with its time beside `data`; `event`: each element has its own. */
  readonly form: 'state' | 'candle' | 'event';
  /** Levels a side of a book. */
  readonly depth: number;
};

/** Depths of books that are kept; 500 was replaced by 1000. */
export const DEPTHS = [50, 200, 500, 1000];

const CHANNELS: readonly Channel[] = [
  ...DEPTHS.map((depth): Channel => {
    const topic = `orderbook.${depth}`;
    return { topic, name: 'orderbook', read: readBook, form: 'state', depth };
  }),
  channel('orderbook.1', readBest, 'state'),
  channel('tickers', readTicker, 'state'),
  channel('publicTrade', readTrade, 'event'),
  channel('allLiquidation', readLiquidation, 'event'),
  channel('liquidation', readLiquidation, 'event'),
  ...INTERVALS.map(({ name, word, seconds }) =>
    channel(name, candleReader(word, seconds), 'candle'),
  ),
];
const CHANNEL_TABLE = keyTable(...CHANNELS.map(({ topic }) => topic));

function channel(name: string, read: ElementReader, form: Channel['form']): Channel {
  return { topic: name, name, read, form, depth: 0 };
}

const KEYS = keyTable(
  ...['topic', 'type', 'ts', 'cts', 'cs', 'data'],
  ...['op', 'success', 'ret_msg', 'req_id'],
);
const SNAPSHOT = utf8.encode('snapshot');
const DELTA = utf8.encode('delta');
const DOT = 0x2e;
const ID_MAX = 64;

/** What the top level of a frame holds; one, reused. */
type Frame = {
  /** Keys seen, as bits. */
  seen: number;
  /** The topic without its market, null where there is none; its entry where it carries data we read. */
  name: string | null;
  channel: Channel | null;
  /** Market of the topic: -1 not one of ours, -2 not named. */
  market: number;
  type: 'none' | 'snapshot' | 'delta' | 'COMMAND_RESP' | 'other';
  type_at: number;
  /** `cts`, the matching engine's time, where there is one, else `ts`; ns, 0 where there is none. */
  ts_hi: number;
  ts_lo: number;
  /** `cs`, a count over all markets. */
  cross: boolean;
  cross_hi: number;
  cross_lo: number;
  /** Where `data` begins, -1 without; `done` once it is read. */
  data_at: number;
  done: boolean;
  elements: number;
};

const reader = new QuotedReader<OwnFault>();
const frame: Frame = {
  seen: 0,
  name: null,
  channel: null,
  market: -2,
  type: 'none',
  type_at: -1,
  ts_hi: 0,
  ts_lo: 0,
  cross: false,
  cross_hi: 0,
  cross_lo: 0,
  data_at: -1,
  done: false,
  elements: 0,
};
const reply: Reply = { op: null, success: null, msg: '' };

const tries = new RigidTries(STREAMS);

/** The bulk by what the venue really writes, the rest by its meaning. */
export function decodeBybitLinear(
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
  begin();
  reader.reset(bytes, start, end);
  if (reader.peek() === 0x7b) {
    readTopLevel(symbols, out);
    if (!reader.failed && !reader.atEnd()) reader.fail();
    if (!reader.failed && frame.data_at >= 0 && !frame.done) readLateData(symbols, out);
  } else {
    reader.refuse('not_object', start);
  }
  out.channel = channelName();
  if (reader.failed) reject(out, start);
  else conclude(symbols, out, start);
}

/** Invalid JSON outranks whatever seemed wrong before it showed. */
function reject(out: EventBuffer, start: number): void {
  const { code, code_at } = reader;
  if (reader.isJson(start)) out.reject(code ?? 'unexpected_shape', code_at - start);
  else out.reject('bad_json', reader.at - start);
}

function begin(): void {
  frame.seen = 0;
  frame.name = null;
  frame.channel = null;
  frame.market = -2;
  frame.type = 'none';
  frame.type_at = -1;
  frame.ts_hi = 0;
  frame.ts_lo = 0;
  frame.cross = false;
  frame.data_at = -1;
  frame.done = false;
  frame.elements = 0;
  reply.op = null;
  reply.success = null;
  reply.msg = '';
}

function readTopLevel(symbols: SymbolTable, out: EventBuffer): void {
  reader.beginObject();
  for (let key = reader.nextKey(KEYS); key !== KEY_END; key = reader.nextKey(KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    frame.seen = reader.once(frame.seen, key);
    if (key === 0) readTopic(symbols);
    else if (key === 1) readType();
    else if (key === 2 || key === 3) readTime(key === 3);
    else if (key === 4) readCross();
    else if (key === 5) meetData(symbols, out);
    else readReplyField(key, out);
  }
}

/** The value of key 6 `op` .. 9 `req_id`. */
function readReplyField(key: number, out: EventBuffer): void {
  if (key === 7) {
    reply.success = readFlag(reader);
    return;
  }
  if (!reader.words()) return;
  if (key === 6) reply.op = reader.text();
  else if (key === 8) reply.msg = reader.text();
  else out.request_id = reader.text().slice(0, ID_MAX) || null;
}

/** `orderbook.50.BTCUSDT`: the market is what follows the last point. */
function readTopic(symbols: SymbolTable): void {
  if (!reader.words()) return;
  const bytes = reader.escaped ? utf8.encode(reader.text()) : reader.bytes;
  const from = reader.escaped ? 0 : reader.from;
  const to = reader.escaped ? bytes.length : reader.to;
  let point = to - 1;
  while (point >= from && bytes[point] !== DOT) point--;
  if (point < from) {
    frame.name = reader.text();
    return;
  }
  frame.market = symbols.find(bytes, point + 1, to);
  frame.channel = CHANNELS[findKey(CHANNEL_TABLE, bytes, from, point)] ?? null;
  frame.name = frame.channel?.name ?? reader.text().slice(0, point - from);
}

function readType(): void {
  if (!reader.words()) return;
  frame.type_at = reader.from;
  if (reader.textIs(SNAPSHOT)) frame.type = 'snapshot';
  else if (reader.textIs(DELTA)) frame.type = 'delta';
  else {
    const word = reader.text();
    const known = ['snapshot', 'delta', 'COMMAND_RESP'] as const;
    frame.type = known.find((it) => it === word) ?? 'other';
  }
}

/** The time of the matching engine outranks that of sending. */
function readTime(outranks: boolean): void {
  if (!reader.time() || (!outranks && (frame.seen & 0b1000) !== 0)) return;
  frame.ts_hi = reader.ts_hi;
  frame.ts_lo = reader.ts_lo;
}

function readCross(): void {
  frame.cross = reader.integer();
  frame.cross_hi = reader.hi;
  frame.cross_lo = reader.lo;
}

/** Reads `data` where the channel is known; else remembers where it is. */
function meetData(symbols: SymbolTable, out: EventBuffer): void {
  reader.peek();
  frame.data_at = reader.at;
  if (frame.channel !== null) readData(symbols, out);
  else reader.glance();
}

/** `data` came before `topic`: goes back to it, if only to see that it is JSON. */
function readLateData(symbols: SymbolTable, out: EventBuffer): void {
  reader.at = frame.data_at;
  if (frame.channel !== null) readData(symbols, out);
  else reader.skip();
}

/** A list of elements, or one by itself. */
function readData(symbols: SymbolTable, out: EventBuffer): void {
  const from = frame.channel;
  if (from === null) return;
  frame.done = true;
  if (reader.peek() !== 0x5b) {
    readElement(from, symbols, out);
    return;
  }
  reader.beginArray();
  while (reader.nextElement()) readElement(from, symbols, out);
}

function readElement(from: Channel, symbols: SymbolTable, out: EventBuffer): void {
  frame.elements++;
  from.read(reader, symbols, out, frame.market);
}

/** The channel a frame is about; null where it has none, or one that is no name. */
function channelName(): string | null {
  if (frame.channel !== null) return frame.channel.name;
  return frame.name !== null && isName(frame.name) ? frame.name : null;
}

/** Everything was read and is sound: says what the frame was. */
function conclude(symbols: SymbolTable, out: EventBuffer, start: number): void {
  out.frame_symbol = frame.market;
  const { name } = frame;
  if (reply.op !== null) {
    if (!concludeReply(reply, symbols, out)) out.reject('missing_field', 0);
    return;
  }
  if (name === null) {
    if (frame.type === 'COMMAND_RESP') out.ignore('answer_of_options');
    else out.reject('unknown_shape', 0);
    return;
  }
  if (frame.channel === null) {
    return out.ignore(`channel_not_supported:${isName(name) ? name : 'other'}`);
  }
  if (!frame.done) return out.reject('missing_field', 0);
  if (frame.channel.form !== 'event' && !complete(frame.channel, out, start)) return;
  if (frame.elements > 0 && frame.market < 0) return out.ignore('symbol_not_configured');
  out.kind = 'data';
}

/** Gives events what stands beside `data`; false where that is amiss, and the frame is none. */
function complete(from: Channel, out: EventBuffer, start: number): boolean {
  if (frame.ts_hi === 0 && frame.ts_lo === 0) {
    out.reject('missing_field', 0);
    return false;
  }
  if (from.form === 'state' && frame.type !== 'snapshot' && frame.type !== 'delta') {
    if (frame.type === 'none') out.reject('missing_field', 0);
    else out.reject('bad_type', frame.type_at - start);
    return false;
  }
  if (from.read === readBest && frame.type === 'delta') {
    out.ignore('best_level_delta');
    return false;
  }
  for (let event = 0; event < out.count; event++) {
    out.setTsEvent(event, frame.ts_hi, frame.ts_lo);
    if (from.form === 'state') completeState(from, out, event);
  }
  return true;
}

function completeState(from: Channel, out: EventBuffer, event: number): void {
  const whole = frame.type === 'snapshot';
  if (from.read === readBook) {
    out.setU32(event, FIELD.book.depth, from.depth);
    // The venue's service began anew: what it sends is the whole book.
    const restarted = out.seq_hi[event] === 0 && out.seq_lo[event] === 1;
    out.flags[event] = whole || restarted ? FLAG.SNAPSHOT : 0;
  } else if (from.read === readTicker) {
    out.flags[event] = whole ? FLAG.SNAPSHOT : 0;
    if (frame.cross) out.setSequence(event, frame.cross_hi, frame.cross_lo);
    if (whole && out.type[event] === TYPE_CODE.ticker) dropSizeWithoutPrice(out, event);
  }
}
