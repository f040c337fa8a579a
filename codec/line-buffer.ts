/**
 * Writes lines of the log (`schema/log.ts`) as bytes. A frame's bytes are copied, never turned into
 * text and back; the buffer is reused. `log-line.ts` is the reader.
 */
import type { Capture, FactKey, Facts, SegmentEnd } from '../schema/log.ts';
import { base64Length, encodeBase64 } from './base64.ts';
import { frameForm } from './frame-form.ts';
import type { FrameForm } from './frame-form.ts';

/** Growing bytes of whole lines: `bytes[0, used)`. The consumer writes them out and calls `clear`. */
export class LineBuffer {
  bytes: Uint8Array;
  used = 0;

  constructor(bytes = 64 * 1024) {
    this.bytes = new Uint8Array(bytes);
  }

  /** Makes room for `bytes` more; views taken before are stale. */
  reserve(bytes: number): void {
    const needed = this.used + bytes;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }

  /** What was written since `clear`; valid until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.used);
  }

  clear(): void {
    this.used = 0;
  }
}

const utf8 = new TextEncoder();
const T_KEY = utf8.encode('{"t":"');
const C_KEY = utf8.encode('","c":');
const FORM_KEY: { readonly [F in FrameForm]: Uint8Array } = {
  raw: utf8.encode(',"raw":'),
  text: utf8.encode(',"text":"'),
  base64: utf8.encode(',"base64":"'),
};
/** Room for `{"t":"<19>","c":<10>,"base64":"` and `"}\n`. */
const FRAME_OVERHEAD = 80;
const HEX = utf8.encode('0123456789abcdef');

/**
 * Appends the line of frame `frame[start, end)` received at `t` on connection `c`. Returns the form it
 * was given: `raw` (exact bytes) for one line of valid JSON, else `text`, else `base64`.
 */
export function encodeFrameLine(
  out: LineBuffer,
  t: bigint,
  c: number,
  frame: Uint8Array,
  start: number,
  end: number,
): FrameForm {
  const form = frameForm(frame, start, end);
  const length = end - start;
  const most = form === 'raw' ? length : form === 'text' ? length * 6 : base64Length(length);
  out.reserve(FRAME_OVERHEAD + most);
  const { bytes } = out;
  let at = put(bytes, out.used, T_KEY);
  at = putDigits(bytes, at, t.toString());
  at = put(bytes, at, C_KEY);
  at = putDigits(bytes, at, String(c));
  at = put(bytes, at, FORM_KEY[form]);
  if (form === 'raw') {
    bytes.set(start === 0 && end === frame.length ? frame : frame.subarray(start, end), at);
    at += length;
  } else {
    at =
      form === 'text'
        ? putEscaped(bytes, at, frame, start, end)
        : encodeBase64(frame, start, end, bytes, at);
    bytes[at++] = 0x22;
  }
  bytes[at++] = 0x7d;
  bytes[at++] = 0x0a;
  out.used = at;
  return form;
}

/** Appends one fact of our own: `{"t":"<ns>","_open":{...}}`. */
export function encodeFactLine<K extends FactKey>(
  out: LineBuffer,
  t: bigint,
  key: K,
  fact: Facts[K],
): void {
  putText(out, `{"t":"${t}","${key}":${JSON.stringify(fact)}}\n`);
}

/** Appends the first line of a segment. */
export function encodeCaptureLine(out: LineBuffer, capture: Capture): void {
  putText(out, `{"_capture":${JSON.stringify(capture)}}\n`);
}

/** Appends the last line of a segment. */
export function encodeEndLine(out: LineBuffer, end: SegmentEnd): void {
  putText(out, `{"_end":${JSON.stringify(end)}}\n`);
}

function putText(out: LineBuffer, text: string): void {
  out.reserve(text.length * 3);
  out.used += utf8.encodeInto(text, out.bytes.subarray(out.used)).written;
}

function put(bytes: Uint8Array, at: number, piece: Uint8Array): number {
  for (let from = 0; from < piece.length; from++) bytes[at + from] = piece[from] as number;
  return at + piece.length;
}

function putDigits(bytes: Uint8Array, at: number, digits: string): number {
  for (let from = 0; from < digits.length; from++) bytes[at + from] = digits.charCodeAt(from);
  return at + digits.length;
}

/** UTF-8 text as the content of a JSON string; only what JSON demands is escaped, as `\u00xx`. */
function putEscaped(
  bytes: Uint8Array,
  start: number,
  frame: Uint8Array,
  from: number,
  to: number,
): number {
  let at = start;
  for (let next = from; next < to; next++) {
    const byte = frame[next] as number;
    if (byte === 0x22 || byte === 0x5c) {
      bytes[at++] = 0x5c;
      bytes[at++] = byte;
    } else if (byte < 0x20) {
      bytes[at++] = 0x5c;
      bytes[at++] = 0x75;
      bytes[at++] = 0x30;
      bytes[at++] = 0x30;
      bytes[at++] = HEX[byte >> 4] as number;
      bytes[at++] = HEX[byte & 15] as number;
    } else {
      bytes[at++] = byte;
    }
  }
  return at;
}
