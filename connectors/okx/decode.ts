/**
 * OKX v5 public frames to events: total, stateless, one pass over the frame's bytes. A frame is taken
 * whole or not at all. Codes of rejections: `ReadFault` (`codec/quoted-reader.ts`) and `OwnFault`.
 *
 * | frame | kind | events |
 * |---|---|---|
 * | `books`, `bbo-tbt`, `trades`, `tickers`, `candle...`, `funding-rate` | data | of the markets configured |
 * | the same, for other markets only | ignored `symbol_not_configured` | |
 * | any other channel | ignored `channel_not_supported:<name>` | |
 * | `event` `subscribe`, `unsubscribe` | ack; reason = `unsubscribe` for one of those | |
 * | `event` `error`, `channel-conn-count-error` | refused, reason = code and words of the venue | |
 * | `event` `notice` | system, reason = code and words of the venue | |
 * | any other `event` | ignored `event_not_supported:<name>` | |
 * | the text `pong`, which is no JSON | pong | |
 *
 * One decoder serves all of version 5: what changed so far only added keys (`seqId`, `count`, the last
 * two fields of a candle) or retired one (`checksum`, 0 since 2026); none gave an old key another
 * meaning. A change that does gets an entry of its own in `feed.ts`, and a decoder beside this one.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { FIELD } from '../../codec/event-buffer.ts';
import { findKey, KEY_END, keyTable } from '../../codec/key-table.ts';
import { QuotedReader } from '../../codec/quoted-reader.ts';
import { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG } from '../../schema/events.ts';
import { CANDLE_CHANNELS } from './bars.ts';
import { readBbo, readBook, readCandle, readFunding, readTrade } from './channels.ts';
import type { ElementReader } from './channels.ts';
import type { OwnFault } from './frame-reader.ts';
import { concludeReply, isName } from './reply.ts';
import type { Reply } from './reply.ts';
import { STREAMS, decodeRigid } from './rigid-frames.ts';
import { readTicker } from './ticker.ts';

const utf8 = new TextEncoder();

type Channel = {
  readonly name: string;
  readonly read: ElementReader;
  /** Its frames say `snapshot` or `update`. */
  readonly hasAction: boolean;
  /** Of a candle: its length in seconds. */
  readonly seconds: number | null;
};

function channel(name: string, read: ElementReader, hasAction = false): Channel {
  return { name, read, hasAction, seconds: null };
}

const CHANNELS: readonly Channel[] = [
  channel('books', readBook, true),
  channel('bbo-tbt', readBbo),
  channel('trades', readTrade),
  channel('tickers', readTicker),
  channel('funding-rate', readFunding),
  ...CANDLE_CHANNELS.map(({ name, seconds }) => ({ ...channel(name, readCandle), seconds })),
];
const CHANNEL_TABLE = keyTable(...CHANNELS.map(({ name }) => name));

const KEYS = keyTable('arg', 'action', 'data', 'event', 'code', 'msg', 'id', 'channel');
const ARG_KEYS = keyTable('channel', 'instId');
const SNAPSHOT = utf8.encode('snapshot');
const UPDATE = utf8.encode('update');
const PONG = utf8.encode('pong');
const ID_MAX = 64;

/** What the top level of a frame holds; one, reused. */
type Frame = {
  /** Keys seen, as bits. */
  seen: number;
  /** The channel's name, null where there is none; its entry where it carries data we read. */
  name: string | null;
  channel: Channel | null;
  /** Market of `arg`: -1 not one of ours, -2 not named. */
  market: number;
  action: 'none' | 'snapshot' | 'update' | 'other';
  action_at: number;
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
  action: 'none',
  action_at: -1,
  data_at: -1,
  done: false,
  elements: 0,
};
const reply: Reply = { event: null, code: '', msg: '', channel: null };

const tries = new RigidTries(STREAMS);

/** The bulk by what the venue really writes, the rest by its meaning. */
export function decodeOkx(
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
  if (isPong(bytes, start, end)) {
    out.kind = 'pong';
    return;
  }
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
  frame.action = 'none';
  frame.action_at = -1;
  frame.data_at = -1;
  frame.done = false;
  frame.elements = 0;
  reply.event = null;
  reply.code = '';
  reply.msg = '';
  reply.channel = null;
}

function isPong(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== PONG.length || bytes[start] !== PONG[0]) return false;
  return PONG.every((byte, at) => bytes[start + at] === byte);
}

function readTopLevel(symbols: SymbolTable, out: EventBuffer): void {
  reader.beginObject();
  for (let key = reader.nextKey(KEYS); key !== KEY_END; key = reader.nextKey(KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    frame.seen = reader.once(frame.seen, key);
    if (key === 0) readArg(symbols);
    else if (key === 1) readAction();
    else if (key === 2) meetData(symbols, out);
    else readReplyField(key, out);
  }
}

/** The value of key 3 `event` .. 7 `channel`. */
function readReplyField(key: number, out: EventBuffer): void {
  if (key === 6) {
    out.request_id = readRequestId();
    return;
  }
  if (!reader.words()) return;
  if (key === 3) reply.event = reader.text();
  else if (key === 4) reply.code = reader.text();
  else if (key === 5) reply.msg = reader.text();
  else reply.channel = isName(reader.text()) ? reader.text() : null;
}

function readRequestId(): string | null {
  if (!reader.words()) return null;
  const id = reader.text().slice(0, ID_MAX);
  return id === '' ? null : id;
}

/** `{"channel":"books","instId":"BTC-USDT"}`; other keys select by family or type. */
function readArg(symbols: SymbolTable): void {
  let seen = 0;
  reader.beginObject();
  for (let key = reader.nextKey(ARG_KEYS); key !== KEY_END; key = reader.nextKey(ARG_KEYS)) {
    if (key < 0) {
      reader.skip();
      continue;
    }
    seen = reader.once(seen, key);
    if (key === 1) frame.market = reader.market(symbols);
    else if (reader.words()) setChannel();
  }
}

function setChannel(): void {
  const known = reader.escaped ? -1 : findKey(CHANNEL_TABLE, reader.bytes, reader.from, reader.to);
  const entry = CHANNELS[known];
  if (entry !== undefined) {
    frame.channel = entry;
    frame.name = entry.name;
    return;
  }
  const name = reader.text();
  frame.name = name;
  frame.channel = CHANNELS.find((it) => it.name === name) ?? null;
}

function readAction(): void {
  if (!reader.words()) return;
  frame.action_at = reader.from;
  if (reader.textIs(SNAPSHOT)) frame.action = 'snapshot';
  else if (reader.textIs(UPDATE)) frame.action = 'update';
  else if (reader.escaped && reader.text() === 'snapshot') frame.action = 'snapshot';
  else if (reader.escaped && reader.text() === 'update') frame.action = 'update';
  else frame.action = 'other';
}

/** Whether `data` can be read here. */
function isKnown(): boolean {
  if (frame.channel === null) return false;
  const { action } = frame;
  return !frame.channel.hasAction || action === 'snapshot' || action === 'update';
}

/** Reads `data` where channel and action are known; else remembers where it is. */
function meetData(symbols: SymbolTable, out: EventBuffer): void {
  reader.peek();
  frame.data_at = reader.at;
  if (isKnown()) readData(symbols, out);
  else reader.glance();
}

/** `data` came before `arg` or `action`: goes back to it, if only to see that it is JSON. */
function readLateData(symbols: SymbolTable, out: EventBuffer): void {
  reader.at = frame.data_at;
  if (isKnown()) readData(symbols, out);
  else reader.skip();
}

function readData(symbols: SymbolTable, out: EventBuffer): void {
  const from = frame.channel;
  if (from === null) return;
  frame.done = true;
  const flags = from.hasAction && frame.action === 'snapshot' ? FLAG.SNAPSHOT : 0;
  reader.beginArray();
  while (reader.nextElement()) {
    const event = out.count;
    const market = from.read(reader, symbols, out, frame.market, flags);
    if (from.seconds !== null && market >= 0) {
      out.setU32(event, FIELD.ohlc.interval_s, from.seconds);
    }
    frame.elements++;
  }
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
  if (reply.event !== null) return concludeReply(reply, symbols, out);
  if ((frame.seen & 1) === 0) return out.reject('unknown_shape', 0);
  if (name === null) return out.reject('missing_field', 0);
  if (frame.channel === null) {
    return out.ignore(`channel_not_supported:${isName(name) ? name : 'other'}`);
  }
  if (frame.action === 'other') return out.reject('bad_action', frame.action_at - start);
  if (!frame.done) return out.reject('missing_field', 0);
  if (frame.elements > 0 && out.count === 0) return out.ignore('symbol_not_configured');
  out.kind = 'data';
}
