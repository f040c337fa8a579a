/**
 * Reads lines of the log (`schema/log.ts`) by offset: a frame is a slice of the input, nothing is
 * re-serialized. `line-buffer.ts` is the writer, `segment-check.ts` judges whole segments.
 *
 * Frame lines as our writer spells them take a fast path; any other order of keys or white space that
 * means the same is read too. What is not ours, or comes from a newer version, is `invalid` with where
 * and why: reading never throws.
 */
import type { Capture, FactKey, Facts, SegmentEnd } from '../schema/log.ts';
import { decodeBase64 } from './base64.ts';
import { QuotedReader } from './quoted-reader.ts';
import { KEY_END, keyTable } from './key-table.ts';
import type { FrameForm } from './frame-form.ts';
import { captureFault, endFault, factFault, isFactKey } from './log-shapes.ts';

/** Connection numbers are u32, as `status.connection` is. */
export const CONNECTION_MAX = 0xffff_ffff;

/** One line, reused: what it holds is valid until the next line is parsed into it. */
export class LogLine {
  kind: 'capture' | 'frame' | 'fact' | 'end' | 'invalid' = 'invalid';
  /** Of frames and facts. */
  t = 0n;

  /** Of frames: connection, form, and the frame's bytes `bytes[from, to)`; `bytes[to]` exists. */
  c = 0;
  form: FrameForm = 'raw';
  bytes: Uint8Array = new Uint8Array(1);
  from = 0;
  to = 0;

  /** Of facts; `factOf` gives them with their type. */
  key: FactKey | null = null;
  fact: Facts[FactKey] | null = null;
  capture: Capture | null = null;
  end: SegmentEnd | null = null;

  /** Of invalid lines: what is wrong, and the offset in the input. */
  reason = '';
  at = 0;

  /** Decoded `text` and `base64` frames. */
  scratch = new Uint8Array(1024);
  /** The last t's digits above 1e9, and their value: consecutive lines share them. */
  t_high = -1;
  t_base = 0n;
}

/** The fact of a line, typed by its key; null where the line is another one. */
export function factOf<K extends FactKey>(line: LogLine, key: K): Facts[K] | null {
  return line.kind === 'fact' && line.key === key ? (line.fact as Facts[K]) : null;
}

/** Steps over the whole lines of some bytes: `bytes[start, end)` without the line feed. */
export class LineCursor {
  readonly bytes: Uint8Array;
  start = 0;
  end = -1;

  constructor(bytes: Uint8Array, start = 0) {
    this.bytes = bytes;
    this.end = start - 1;
  }

  /** False when no whole line is left: `bytes[rest, length)` is then a partial line, or empty. */
  next(): boolean {
    const found = this.bytes.indexOf(10, this.end + 1);
    if (found < 0) return false;
    this.start = this.end + 1;
    this.end = found;
    return true;
  }

  /** Offset after the last whole line read. */
  get rest(): number {
    return this.end + 1;
  }
}

/**
 * Parses `bytes[start, end)`, a line without its line feed, and checks all of it, the frame's JSON
 * included. Returns whether it is valid. `bytes[end]` must exist (the line feed).
 */
export function parseLogLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: LogLine,
): boolean {
  if (!sliceLogLine(bytes, start, end, into)) return false;
  if (into.kind !== 'frame' || into.form !== 'raw') return true;
  scanner.reset(bytes, into.from, into.to);
  if (scanner.skip() && scanner.atEnd()) return true;
  return invalid(into, scanner.at, 'the raw frame is not one JSON value');
}

/**
 * The same for content that its segment's hash has proven (`checkSegment`): a raw frame is sliced by
 * the line's frame alone and not scanned again.
 */
export function sliceLogLine(
  bytes: Uint8Array,
  start: number,
  end: number,
  into: LogLine,
): boolean {
  into.bytes = bytes;
  into.key = null;
  into.fact = null;
  into.capture = null;
  into.end = null;
  if (sliceFrame(bytes, start, end, into)) return true;
  return parseGeneric(bytes, start, end, into);
}

const utf8 = new TextEncoder();
const T_KEY = utf8.encode('{"t":"');
const C_KEY = utf8.encode('","c":');
const RAW_KEY = utf8.encode(',"raw":');
const scanner = new QuotedReader<never>();

/** `{"t":"<ns>","c":<c>,"raw":<frame>}` exactly as written; anything else is left to the scanner. */
function sliceFrame(bytes: Uint8Array, start: number, end: number, into: LogLine): boolean {
  if (end - start < 24 || bytes[end - 1] !== 0x7d || !startsWith(bytes, start, T_KEY)) return false;
  const digits = start + T_KEY.length;
  let at = digits;
  while (isDigit(bytes[at] as number)) at++;
  if (!startsWith(bytes, at, C_KEY) || !readT(bytes, digits, at, into)) return false;
  at += C_KEY.length;
  const first = at;
  let c = 0;
  while (isDigit(bytes[at] as number)) c = c * 10 + (bytes[at++] as number) - 0x30;
  const plain = at > first && at - first <= 10 && (bytes[first] !== 0x30 || at === first + 1);
  if (!plain || c > CONNECTION_MAX || !startsWith(bytes, at, RAW_KEY)) return false;
  at += RAW_KEY.length;
  if (at >= end - 1) return false;
  into.kind = 'frame';
  into.form = 'raw';
  into.c = c;
  into.from = at;
  into.to = end - 1;
  return true;
}

function startsWith(bytes: Uint8Array, at: number, piece: Uint8Array): boolean {
  for (let next = 0; next < piece.length; next++) {
    if (bytes[at + next] !== piece[next]) return false;
  }
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** `bytes[from, to)`, known to be digits, as an instant of at most 19 digits without leading zeros. */
function readT(bytes: Uint8Array, from: number, to: number, into: LogLine): boolean {
  const length = to - from;
  if (length === 0 || length > 19 || (bytes[from] === 0x30 && length > 1)) return false;
  let high = 0;
  let low = 0;
  const split = to - 9;
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (at < split) high = high * 10 + digit;
    else low = low * 10 + digit;
  }
  if (high !== into.t_high) {
    into.t_high = high;
    into.t_base = BigInt(high) * 1_000_000_000n;
  }
  into.t = into.t_base + BigInt(low);
  return true;
}

const KEYS = keyTable('t', 'c', 'raw', 'text', 'base64');
const KEY_T = 0;
const KEY_C = 1;
const FORMS: readonly FrameForm[] = ['raw', 'text', 'base64'];

/** Any spelling of a line: one pass over its keys, in whatever order. */
function parseGeneric(bytes: Uint8Array, start: number, end: number, into: LogLine): boolean {
  const found = { t: false, c: false, form: -1, own: '', from: 0, to: 0 };
  scanner.reset(bytes, start, end);
  scanner.beginObject();
  for (;;) {
    const key = scanner.nextKey(KEYS);
    if (key === KEY_END) break;
    const name_from = scanner.from;
    const fault = 'a key comes twice, or two that exclude each other';
    if (key === KEY_T) {
      const twice = found.t;
      found.t = true;
      if (twice) return invalid(into, name_from, fault);
      if (!scanner.string()) break;
      if (
        !allDigits(bytes, scanner.from, scanner.to) ||
        !readT(bytes, scanner.from, scanner.to, into)
      ) {
        return invalid(into, scanner.from, 't is not an instant: decimal ns as text');
      }
    } else if (key === KEY_C) {
      if (found.c) return invalid(into, name_from, fault);
      found.c = true;
      if (!scanner.number()) break;
      const c = Number(latin(bytes, scanner.from, scanner.to));
      if (!Number.isInteger(c) || c < 0 || c > CONNECTION_MAX) {
        return invalid(
          into,
          scanner.from,
          `c is not a connection's number (0 to ${CONNECTION_MAX})`,
        );
      }
      into.c = c;
    } else {
      if (found.form >= 0 || found.own !== '') return invalid(into, name_from, fault);
      if (key > KEY_C) found.form = key - 2;
      else found.own = scanner.text();
      scanner.peek();
      found.from = scanner.at;
      if (!scanner.skip()) break;
      found.to = scanner.at;
    }
  }
  if (!scanner.atEnd()) return invalid(into, scanner.at, 'not one JSON object');
  if (found.form >= 0) {
    if (!found.t || !found.c) return invalid(into, start, 'a frame needs t and c');
    return readFrame(into, FORMS[found.form] as FrameForm, found.from, found.to);
  }
  if (found.c) return invalid(into, start, 'c without a frame');
  return readOwn(into, found.own, found.t, start, found.from, found.to);
}

function allDigits(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    if (!isDigit(bytes[at] as number)) return false;
  }
  return true;
}

/** The frame in `into.bytes[from, to)`, which holds a valid JSON value. */
function readFrame(into: LogLine, form: FrameForm, from: number, to: number): boolean {
  const { bytes } = into;
  into.kind = 'frame';
  into.form = form;
  into.from = from;
  into.to = to;
  if (form === 'raw') return true;
  if (bytes[from] !== 0x22) return invalid(into, from, `${form} is not a string`);
  if (into.scratch.length <= to - from) into.scratch = new Uint8Array((to - from) * 2);
  const length =
    form === 'base64'
      ? decodeBase64(bytes, from + 1, to - 1, into.scratch)
      : unescape(bytes, from + 1, to - 1, into.scratch);
  if (length < 0) return invalid(into, from, `${form} is not what the writer would write`);
  into.scratch[length] = 0;
  into.bytes = into.scratch;
  into.from = 0;
  into.to = length;
  return true;
}

/** A JSON string's content to UTF-8 bytes; plain runs are copied, text with escapes is decoded. */
function unescape(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  const view = bytes.subarray(from, to);
  if (view.indexOf(0x5c) < 0) {
    out.set(view);
    return view.length;
  }
  const text = decoded(bytes, from - 1, to + 1);
  if (typeof text !== 'string' || !text.isWellFormed()) return -1;
  return utf8.encodeInto(text, out).written;
}

/** `_capture`, `_end`, and facts. */
function readOwn(
  into: LogLine,
  name: string,
  timed: boolean,
  start: number,
  from: number,
  to: number,
): boolean {
  if (!name.startsWith('_')) return invalid(into, start, 'neither a frame nor a fact of the log');
  const untimed = name === '_capture' || name === '_end';
  if (!untimed && !isFactKey(name)) {
    return invalid(
      into,
      start,
      `${name} is not a fact this version knows: written by a newer version`,
    );
  }
  if (timed === untimed) return invalid(into, start, `${name} ${timed ? 'has' : 'needs'} a t`);
  const value = decoded(into.bytes, from, to);
  if (untimed) {
    const fault = name === '_capture' ? captureFault(value) : endFault(value);
    if (fault !== null) return invalid(into, from, fault);
    into.kind = name === '_capture' ? 'capture' : 'end';
    if (name === '_capture') into.capture = value as Capture;
    else into.end = value as SegmentEnd;
    return true;
  }
  const fault = factFault(name, value);
  if (fault !== null) return invalid(into, from, fault);
  into.kind = 'fact';
  into.key = name;
  into.fact = value as Facts[FactKey];
  return true;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A JSON value whose grammar the scanner has checked; undefined where it is not UTF-8. */
function decoded(bytes: Uint8Array, from: number, to: number): unknown {
  try {
    return JSON.parse(decoder.decode(bytes.subarray(from, to)));
  } catch {
    return undefined;
  }
}

function latin(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to));
}

function invalid(into: LogLine, at: number, reason: string): false {
  into.kind = 'invalid';
  into.at = at;
  into.reason = reason;
  return false;
}
