/**
 * Frames of Binance USD-M futures to events: `{"stream":"btcusdt@depth@100ms","data":{...}}` of a
 * combined stream, the bare payload of a single one, acknowledgements and errors.
 *
 * What the venue mostly sends is read by its layout (`rigid-streams.ts`), anything else as JSON: one
 * pass in the order the venue sends (`stream` then `data`, `e` first in the payload); where the keys
 * come in another order, a look ahead finds those two first. All or nothing: a frame that fails
 * anywhere yields no event. Codes of rejections: `REJECTIONS` in `frame-reader.ts`. Reasons of what
 * is deliberately not normalized: `channel_not_supported:<e>`, `symbol_not_configured`,
 * `trade_not_on_book:<X>`, `result_not_null`.
 */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { bytesEqual, findKey, KEY_END, keyTable } from '../../codec/key-table.ts';
import { RigidTries } from '../../codec/rigid-tries.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { FrameReader } from './frame-reader.ts';
import { readForceOrder } from './liquidation.ts';
import { readBookTicker, readDepth, readKline, readMarkPrice, readTrade } from './payloads.ts';
import { STREAMS, decodeBulk } from './rigid-streams.ts';

/** Characters kept of a venue's own words in a reason. */
const WORDS_MAX = 200;
const NAME_MAX = 64;

const utf8 = new TextEncoder();
const ENVELOPE = keyTable('stream', 'data', 'e', 'id', 'result', 'error', 'code', 'msg');
const STREAM = 0;
const DATA = 1;
const ENVELOPE_NAMES = ['stream', 'data', 'e', 'id', 'result', 'error', 'code', 'msg'];
const EVENT_KEY = keyTable('e');
const ERROR_KEYS = keyTable('code', 'msg');
const EVENTS = keyTable(
  'depthUpdate',
  'bookTicker',
  'aggTrade',
  'trade',
  'kline',
  'markPriceUpdate',
  'forceOrder',
);
const DEPTH_WORD = utf8.encode('@depth');

const reader = new FrameReader();
const tries = new RigidTries(STREAMS);

/** `Decode` of this feed (`connectors/feed.ts`): total, stateless, never throws. */
export function decodeBinanceUsdm(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  if (decodeBulk(bytes, start, end, symbols, out, tries)) return;
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
  reader.open(bytes, start, end, symbols);
  const ignored = readFrame(out);
  settle(out, ignored);
}

/** Judges what was read: invalid JSON outranks a wrong value, which outranks a reason to ignore. */
function settle(out: EventBuffer, ignored: string): void {
  const { scanner } = reader;
  if (scanner.failed || !scanner.atEnd()) {
    const at = scanner.at - reader.start;
    out.reject(isJson() ? 'unexpected_shape' : 'invalid_json', at);
    return;
  }
  out.frame_symbol = reader.symbol;
  if (out.count === 0 && ignored === '') return;
  if (scanner.overflow) out.reject('number_overflow', -1);
  else if (reader.fault !== '') out.reject(reader.fault, reader.fault_at - reader.start);
  else if (ignored !== '') out.ignore(ignored);
  else speak(out);
}

function speak(out: EventBuffer): void {
  if (reader.symbol < 0) {
    out.ignore('symbol_not_configured');
    return;
  }
  out.kind = 'data';
  out.symbol[0] = reader.symbol;
}

function isJson(): boolean {
  const { scanner } = reader;
  scanner.reset(reader.bytes, reader.start, reader.end);
  return scanner.skip() && scanner.atEnd();
}

/** Returns the reason to ignore the frame, or ''. */
function readFrame(out: EventBuffer): string {
  const { scanner } = reader;
  if (!scanner.beginObject()) return '';
  if (scanner.nextKey(ENVELOPE) === STREAM && scanner.peek() === 0x22 && scanner.string()) {
    const { from, to } = scanner;
    if (scanner.nextKey(ENVELOPE) === DATA) {
      reader.stream_from = from;
      reader.stream_to = to;
      const ignored = readPayload(out);
      skipRest();
      return ignored;
    }
  }
  scanner.reset(reader.bytes, reader.start, reader.end);
  return readEnvelope(out);
}

/** What is left of the outer object: nothing, on the wire; `stream` or `data` again is refused. */
function skipRest(): void {
  const { scanner } = reader;
  for (;;) {
    const key = scanner.nextKey(ENVELOPE);
    if (key === KEY_END) return;
    if (key === STREAM || key === DATA)
      reader.wrong(`duplicate_field:${ENVELOPE_NAMES[key] ?? ''}`);
    scanner.skip();
  }
}

/** Where the value of each key of `ENVELOPE` begins, -1 where it is absent. */
const places = new Int32Array(ENVELOPE_NAMES.length);

/** Any other order of keys, or no combined stream: looks at the whole object, then goes back. */
function readEnvelope(out: EventBuffer): string {
  const { scanner } = reader;
  places.fill(-1);
  scanner.beginObject();
  for (;;) {
    const key = scanner.nextKey(ENVELOPE);
    if (key === KEY_END) break;
    if (key >= 0) {
      scanner.peek();
      if (places[key] !== -1) reader.wrong(`duplicate_field:${ENVELOPE_NAMES[key] ?? ''}`);
      places[key] = scanner.at;
    }
    if (key === DATA && reader.fault === '') scanner.glance();
    else scanner.skip();
  }
  // What was stepped over is read where it is a stream's, and nothing is wrong so far.
  const is_read = places[STREAM] !== -1 && reader.fault === '';
  if (!scanner.atEnd() || (places[DATA] !== -1 && !is_read && !isJson())) {
    scanner.fail();
    return '';
  }
  return dispatch(out);
}

function dispatch(out: EventBuffer): string {
  const { scanner } = reader;
  const done = scanner.at;
  const [stream = -1, data = -1, event = -1, , result = -1, error = -1, code = -1] = places;
  if (data >= 0 && stream >= 0) {
    scanner.at = stream;
    if (!scanner.string()) return '';
    reader.stream_from = scanner.from;
    reader.stream_to = scanner.to;
    scanner.at = data;
    const ignored = readPayload(out);
    if (!scanner.failed) scanner.at = done;
    return ignored;
  }
  if (event >= 0) {
    scanner.at = reader.start;
    return readPayload(out);
  }
  if (error >= 0 || code >= 0) refuse(out, error);
  else if (result >= 0) acknowledge(out, result);
  else out.reject('unknown_message', 0);
  if (!scanner.failed) scanner.at = done;
  return '';
}

/** `{"result":null,"id":1}`. Anything but null is no acknowledgement of a subscription. */
function acknowledge(out: EventBuffer, result: number): void {
  out.request_id = requestId();
  if (reader.bytes[result] === 0x6e) out.kind = 'ack';
  else out.ignore('result_not_null');
}

/**
 * `{"error":{"code":2,"msg":"..."},"id":1}` or `{"code":2,"msg":"..."}`: what the venue refuses.
 */
function refuse(out: EventBuffer, error: number): void {
  const { scanner } = reader;
  out.request_id = requestId();
  out.kind = 'refused';
  let code = places[6] as number;
  let msg = places[7] as number;
  if (error >= 0 && reader.bytes[error] === 0x7b) {
    code = -1;
    msg = -1;
    scanner.at = error;
    scanner.beginObject();
    for (;;) {
      const key = scanner.nextKey(ERROR_KEYS);
      if (key === KEY_END) break;
      scanner.peek();
      if (key === 0) code = scanner.at;
      else if (key === 1) msg = scanner.at;
      scanner.skip();
    }
  } else if (error >= 0) {
    msg = error;
  }
  out.reason = [valueText(code, NAME_MAX), valueText(msg, WORDS_MAX)].filter(Boolean).join(': ');
}

function requestId(): string | null {
  const id = places[3] as number;
  return id < 0 || reader.bytes[id] === 0x6e ? null : valueText(id, NAME_MAX);
}

/** A value as text: a string's content, else the JSON as it stands. */
function valueText(at: number, limit: number): string {
  if (at < 0) return '';
  const { scanner } = reader;
  scanner.at = at;
  if (reader.bytes[at] === 0x22) {
    scanner.string();
    return reader.textOf(scanner.from, scanner.to, limit);
  }
  scanner.skip();
  return new TextDecoder().decode(reader.bytes.subarray(at, scanner.at)).slice(0, limit);
}

/** The object at the scanner: `e` says what it is. Returns the reason to ignore it, or ''. */
function readPayload(out: EventBuffer): string {
  const { scanner } = reader;
  if (scanner.peek() !== 0x7b) return unsupported(out, reader.stream_from, reader.stream_to);
  const start = scanner.at;
  scanner.beginObject();
  if (scanner.nextKey(EVENT_KEY) === 0) {
    if (!scanner.string()) return '';
    // Every table of a payload's fields begins with `e`.
    reader.seen = 1;
    return readEvent(out, scanner.from, scanner.to);
  }
  scanner.at = start;
  scanner.beginObject();
  let key = scanner.nextKey(EVENT_KEY);
  for (; key !== KEY_END && key !== 0; key = scanner.nextKey(EVENT_KEY)) scanner.glance();
  if (key === 0) scanner.string();
  if (scanner.failed) return '';
  const { from, to } = scanner;
  scanner.at = start;
  if (key === KEY_END) return unsupported(out, reader.stream_from, reader.stream_to);
  scanner.beginObject();
  return readEvent(out, from, to);
}

/** The rest of the payload's object, by the kind of event its `e` (`bytes[from, to)`) names. */
function readEvent(out: EventBuffer, from: number, to: number): string {
  switch (findKey(EVENTS, reader.bytes, from, to)) {
    case 0: {
      const depth = streamDepth();
      if (depth < 0) break;
      readDepth(reader, out, depth);
      return '';
    }
    case 1:
      readBookTicker(reader, out);
      return '';
    case 2:
      return readTrade(reader, out, true);
    case 3:
      return readTrade(reader, out, false);
    case 4:
      readKline(reader, out);
      return '';
    case 5:
      readMarkPrice(reader, out);
      return '';
    case 6:
      readForceOrder(reader, out);
      return '';
    default:
      return unsupportedEvent(out, from, to);
  }
  const at = reader.bytes.indexOf(0x40, reader.stream_from);
  const named = at >= 0 && at < reader.stream_to;
  return unsupportedEvent(out, named ? at + 1 : reader.stream_from, reader.stream_to);
}

/**
 * 0 for the diff stream (`@depth`, `@depth@100ms`) and for a bare payload, which has no name to
 * tell; the number of levels for a partial one (`@depth20@100ms`); -1 for others
 * (`@rpiDepth@500ms`).
 */
function streamDepth(): number {
  const { bytes, stream_from, stream_to } = reader;
  if (stream_from < 0) return 0;
  const at = bytes.indexOf(0x40, stream_from);
  const after = at + DEPTH_WORD.length;
  if (at < 0 || after > stream_to || !bytesEqual(DEPTH_WORD, bytes, at, after)) return -1;
  let levels = 0;
  let digit = after;
  while (digit < stream_to && bytes[digit] !== 0x40) {
    const value = (bytes[digit] as number) - 0x30;
    if (value < 0 || value > 9 || digit - after >= 4) return -1;
    levels = levels * 10 + value;
    digit++;
  }
  return digit > after && levels === 0 ? -1 : levels;
}

/** Skips the rest of the payload's object. */
function unsupportedEvent(out: EventBuffer, from: number, to: number): string {
  const { scanner } = reader;
  const word = reader.textOf(from, to, NAME_MAX);
  while (scanner.nextKey(EVENT_KEY) !== KEY_END) scanner.skip();
  out.channel = word;
  return `channel_not_supported:${word}`;
}

/** A payload that has no `e` of its own (`!miniTicker@arr` is a list): its stream names it. */
function unsupported(out: EventBuffer, from: number, to: number): string {
  if (!reader.scanner.skip()) return '';
  if (from < 0) {
    out.reject('unknown_message', 0);
    return '';
  }
  const word = reader.textOf(from, to, NAME_MAX);
  out.channel = word;
  return `channel_not_supported:${word}`;
}
