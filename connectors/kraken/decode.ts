/**
 * Kraken WebSocket v2 frames to events: total, stateless, one pass over the frame's bytes. A frame
 * is taken whole or not at all. Codes of rejections are listed at `RejectCode` (`frame-reader.ts`).
 *
 * | frame | kind | events |
 * |---|---|---|
 * | `book`, `trade`, `ticker`, `ohlc`, `instrument` | data | of the markets configured |
 * | the same, for other markets only | ignored `symbol_not_configured` | |
 * | `instrument` with assets and no pairs | ignored `instrument_assets` | |
 * | `heartbeat` | heartbeat | |
 * | `status` | system, reason = the venue's `system` | |
 * | any other channel | ignored `channel_not_supported:<name>` | |
 * | `success: true` | ack; reason = `unsubscribe` for one of those, else the venue's warnings | |
 * | `success: false`, `error`, `Error` | refused, reason = the venue's words | |
 * | `method: "pong"` | pong | |
 *
 * One decoder serves all of version 2: what changed so far only added keys. Snapshots of books had
 * no `timestamp` before 2025 (`ts_event` is then absent), tickers had none before, and
 * `price_increment` was called `tick_size`; none of these gave an old key another meaning. A change
 * that does gets an entry of its own in `feed.ts`, and a decoder beside this one.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { KEY_END, keyTable } from '../../codec/key-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FLAG } from '../../schema/events.ts';
import { readBook, readOhlc, readPair, readTrade } from './channels.ts';
import type { ElementReader } from './channels.ts';
import { FrameReader } from './frame-reader.ts';
import { decodeBookUpdate } from './rigid-book.ts';
import { decodeRigid } from './rigid-channels.ts';
import { readReply } from './reply.ts';
import type { Reply } from './reply.ts';
import { readTicker } from './ticker.ts';

const utf8 = new TextEncoder();

type Channel = {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly read: ElementReader;
  /** Flags of the events of a snapshot. */
  readonly snapshot_flags: number;
};

function channel(name: string, read: ElementReader, snapshot_flags: number): Channel {
  return { name, bytes: utf8.encode(name), read, snapshot_flags };
}

const DATA_CHANNELS: readonly Channel[] = [
  channel('book', readBook, FLAG.SNAPSHOT),
  channel('trade', readTrade, FLAG.HISTORY),
  channel('ticker', readTicker, FLAG.SNAPSHOT),
  channel('ohlc', readOhlc, FLAG.SNAPSHOT | FLAG.HISTORY),
  channel('instrument', readPair, FLAG.SNAPSHOT),
];
const INSTRUMENT = DATA_CHANNELS[4] as Channel;

const KEYS = keyTable(
  'channel',
  'type',
  'data',
  'timestamp',
  'method',
  'result',
  'success',
  'error',
  'Error',
  'req_id',
  'symbol',
);
const SNAPSHOT = utf8.encode('snapshot');
const UPDATE = utf8.encode('update');
const CHANNEL_NAME_MAX = 32;

/** What the top level of a frame holds; one, reused. */
type Frame = {
  /** The channel's name, null where there is none; its entry where it carries data we read. */
  name: string | null;
  channel: Channel | null;
  type: 'none' | 'snapshot' | 'update' | 'other';
  type_at: number;
  /** Where `data` begins, -1 without; `done` once it is read. */
  data_at: number;
  done: boolean;
  /** Elements of `data`, and the first market among them. */
  elements: number;
  market: number;
  /** A time of the whole frame, for elements without one. */
  ts_hi: number;
  ts_lo: number;
  system: string;
};

const reader = new FrameReader();
const frame: Frame = {
  name: null,
  channel: null,
  type: 'none',
  type_at: -1,
  data_at: -1,
  done: false,
  elements: 0,
  market: -1,
  ts_hi: 0,
  ts_lo: 0,
  system: '',
};
const reply: Reply = {
  method: null,
  success: null,
  error: null,
  channel: null,
  market: -2,
  warnings: '',
};

/** Reads one frame: by the layout Kraken really sends, and at a surprise by that of JSON. */
export function decode(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  if (decodeBookUpdate(bytes, start, end, symbols, out)) return;
  if (decodeRigid(bytes, start, end, symbols, out)) return;
  decodeGeneric(bytes, start, end, symbols, out);
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
  reader.reset(bytes, start, end);
  begin();
  if (reader.peek() !== 0x7b) {
    const isValue = reader.skip() && reader.atEnd();
    if (isValue) reader.refuse('not_object', start);
    else reader.fail();
  } else {
    readTopLevel(symbols, out);
    if (!reader.failed && !reader.atEnd()) reader.fail();
    if (frame.data_at >= 0 && !frame.done) readLateData(symbols, out);
  }
  out.channel = channelName();
  if (reader.failed) return out.reject(reader.code ?? 'bad_json', reader.code_at - start);
  conclude(out, start);
}

function begin(): void {
  frame.name = null;
  frame.channel = null;
  frame.type = 'none';
  frame.type_at = -1;
  frame.data_at = -1;
  frame.done = false;
  frame.elements = 0;
  frame.market = -1;
  frame.ts_hi = 0;
  frame.ts_lo = 0;
  frame.system = '';
  reply.method = null;
  reply.success = null;
  reply.error = null;
  reply.channel = null;
  reply.market = -2;
  reply.warnings = '';
}

function readTopLevel(symbols: SymbolTable, out: EventBuffer): void {
  reader.beginObject();
  for (let key = reader.nextKey(KEYS); key !== KEY_END; key = reader.nextKey(KEYS)) {
    if (key === 0) {
      if (reader.words()) setChannel();
    } else if (key === 1) {
      if (reader.words()) setType();
    } else if (key === 2) {
      meetData(symbols, out);
    } else if (key === 3) {
      if (reader.instant()) {
        frame.ts_hi = reader.ts_hi;
        frame.ts_lo = reader.ts_lo;
      }
    } else if (key < 0) {
      reader.skip();
    } else {
      readReply(reader, key, symbols, out, reply);
    }
  }
}

function setChannel(): void {
  if (frame.name !== null) {
    reader.refuse('duplicate_key', reader.from);
    return;
  }
  for (const known of DATA_CHANNELS) {
    if (reader.textIs(known.bytes)) {
      frame.channel = known;
      frame.name = known.name;
      return;
    }
  }
  frame.name = reader.text();
  frame.channel = DATA_CHANNELS.find((known) => known.name === frame.name) ?? null;
}

function setType(): void {
  if (frame.type !== 'none') {
    reader.refuse('duplicate_key', reader.from);
    return;
  }
  frame.type_at = reader.from;
  if (reader.textIs(SNAPSHOT)) frame.type = 'snapshot';
  else if (reader.textIs(UPDATE)) frame.type = 'update';
  else frame.type = reader.escaped ? typeOf(reader.text()) : 'other';
}

function typeOf(text: string): Frame['type'] {
  return text === 'snapshot' || text === 'update' ? text : 'other';
}

/** Whether `data` can be read here. */
function isKnown(): boolean {
  return frame.channel !== null && (frame.type === 'snapshot' || frame.type === 'update');
}

/** Reads `data` where channel and type are known; else remembers where it is. */
function meetData(symbols: SymbolTable, out: EventBuffer): void {
  if (frame.data_at >= 0) {
    reader.refuse('duplicate_key', reader.at);
    return;
  }
  reader.peek();
  frame.data_at = reader.at;
  if (isKnown()) readData(symbols, out);
  else reader.glance();
}

/** `data` came before `channel` or `type`: goes back to it, if only to see that it is JSON. */
function readLateData(symbols: SymbolTable, out: EventBuffer): void {
  if (reader.failed) return;
  reader.at = frame.data_at;
  if (isKnown()) readData(symbols, out);
  else if (frame.name === 'status') readStatus();
  else reader.skip();
}

function readData(symbols: SymbolTable, out: EventBuffer): void {
  const from = frame.channel;
  if (from === null) return;
  frame.done = true;
  const flags = frame.type === 'snapshot' ? from.snapshot_flags : 0;
  if (from === INSTRUMENT) readInstruments(symbols, out, flags);
  else readElements(from.read, symbols, out, flags);
}

function readElements(
  read: ElementReader,
  symbols: SymbolTable,
  out: EventBuffer,
  flags: number,
): void {
  reader.beginArray();
  while (reader.nextElement()) {
    const market = read(reader, symbols, out, flags);
    if (frame.market < 0) frame.market = market;
    frame.elements++;
  }
}

const INSTRUMENT_KEYS = keyTable('pairs', 'assets');

/** `{assets: [...], pairs: [...]}`: of assets we keep nothing. */
function readInstruments(symbols: SymbolTable, out: EventBuffer, flags: number): void {
  reader.beginObject();
  let key = reader.nextKey(INSTRUMENT_KEYS);
  for (; key !== KEY_END; key = reader.nextKey(INSTRUMENT_KEYS)) {
    if (key === 0) readElements(readPair, symbols, out, flags);
    else reader.skip();
  }
}

const STATUS_KEYS = keyTable('system');

/** `[{version, system, api_version, connection_id}]`; the id exceeds 2^53 and is not kept. */
function readStatus(): void {
  reader.beginArray();
  while (reader.nextElement()) {
    reader.beginObject();
    for (
      let key = reader.nextKey(STATUS_KEYS);
      key !== KEY_END;
      key = reader.nextKey(STATUS_KEYS)
    ) {
      if (key !== 0) reader.skip();
      else if (reader.words()) frame.system = reader.text();
    }
  }
}

/** The channel a frame is about; null where it has none, or one that is no name. */
function channelName(): string | null {
  if (frame.channel !== null) return frame.channel.name;
  const name = frame.name ?? reply.channel;
  return name !== null && isName(name) ? name : null;
}

/** Everything was read and is sound: says what the frame was. */
function conclude(out: EventBuffer, start: number): void {
  const isReply = frame.name === null || (reply.error !== null && !frame.done);
  if (isReply) concludeReply(out);
  else concludeChannel(out, frame.name ?? '', start);
}

function concludeChannel(out: EventBuffer, name: string, start: number): void {
  if (frame.channel === null) {
    if (name === 'heartbeat') out.kind = 'heartbeat';
    else if (name === 'status') {
      out.kind = 'system';
      out.reason = frame.system;
    } else {
      out.ignore(`channel_not_supported:${isName(name) ? name : 'other'}`);
    }
    return;
  }
  if (frame.type === 'other') return out.reject('bad_type', frame.type_at - start);
  if (!frame.done) return out.reject('missing_field', 0);
  out.frame_symbol = frame.elements === 0 ? -2 : frame.market;
  if (frame.elements > 0 && out.count === 0) return out.ignore('symbol_not_configured');
  if (frame.elements === 0 && frame.channel === INSTRUMENT) return out.ignore('instrument_assets');
  out.kind = 'data';
  for (let event = 0; event < out.count; event++) {
    if (out.ts_hi[event] === 0 && out.ts_lo[event] === 0) {
      out.setTsEvent(event, frame.ts_hi, frame.ts_lo);
    }
  }
}

/** Reasons become names of counters: a channel's name is one only where it looks like one. */
function isName(name: string): boolean {
  return name.length <= CHANNEL_NAME_MAX && /^[a-z][a-z0-9_]*$/.test(name);
}

function concludeReply(out: EventBuffer): void {
  out.frame_symbol = reply.market;
  if (reply.error !== null || reply.success === false) {
    out.kind = 'refused';
    out.reason = reply.error ?? 'no reason given';
  } else if (reply.method === 'pong') {
    out.kind = 'pong';
  } else if (reply.success === true) {
    out.kind = 'ack';
    out.reason = reply.method === 'unsubscribe' ? 'unsubscribe' : reply.warnings;
  } else {
    out.reject('unknown_shape', 0);
  }
}
