/**
 * Reads a segment's plain content as it streams by and says everything that is wrong with it: a line
 * that is not ours, `t` that does not increase, an end that disagrees. Where the archive stops at the
 * first fault (`codec/segment-check.ts`), this goes on as far as lines make sense, for people to see.
 * Pure; the hash arrives as an argument. Held at any time: one line and the first faults.
 */
import { LogLine, parseLogLine } from '../../codec/log-line.ts';
import type { Capture, SegmentEnd } from '../../schema/log.ts';
import { NS_PER_MINUTE, formatIso } from '../../schema/time.ts';

/** A running SHA-256; `digest` may be asked more than once. Lower-case hex. */
export type RunningHash = {
  readonly update: (bytes: Uint8Array) => void;
  readonly digest: () => string;
};

/**
 * - `empty`: no byte at all
 * - `foreign`: not a segment of the log
 * - `newer`: written by a newer version, refused
 * - `frame`: the zstd frame is cut, damaged, or something follows it
 * - `cut`: the content stops before its `_end`
 * - `invalid`: a line is not ours
 * - `order`: `t` does not increase
 * - `minute`: a line of another minute
 * - `end`: `_end` does not agree with the content
 * - `after_end`: something follows `_end`
 * - `key`: the segment is not the one its name says
 * - `sequence`: a number of the epoch's sequence is missing or comes twice
 * - `chain`: it does not follow the segment before it
 */
export type FaultKind =
  | 'empty'
  | 'foreign'
  | 'newer'
  | 'frame'
  | 'cut'
  | 'invalid'
  | 'order'
  | 'minute'
  | 'end'
  | 'after_end'
  | 'key'
  | 'sequence'
  | 'chain';

export type SegmentFault = {
  readonly kind: FaultKind;
  /** Counts from 1; null where no line is at fault. */
  readonly line: number | null;
  /** Offset in the plain content; of `frame`, in the file as stored. */
  readonly at: number | null;
  readonly expected: string | null;
  readonly received: string | null;
  readonly detail: string;
};

/** Where a line lies in the plain content; `bytes` without its line feed. */
export type LinePlace = { readonly line: number; readonly at: number; readonly bytes: number };

export type SegmentVisitor = {
  /** Every line of ours, `_capture` and `_end` too; valid until the next one. */
  readonly line?: (line: LogLine, place: LinePlace) => void;
  readonly fault?: (fault: SegmentFault) => void;
};

/** A line's JSON may be six times its frame; above this it is passed over as a fault. */
export const LINE_BYTES_MAX = 128 * 1024 * 1024;
/** Faults of one segment kept; the rest are counted. */
export const SEGMENT_FAULTS_MAX = 20;
/** A first line of ours is far shorter: what has none by then is not a segment. */
const HEAD_BYTES_MAX = 1024 * 1024;
const HEADS = ['{"_capture":', '{"t":'].map((text) => new TextEncoder().encode(text));
const LINE_FEED = 10;

export class SegmentReader {
  capture: Capture | null = null;
  end: SegmentEnd | null = null;
  /** Whole lines, `_capture` and `_end` among them, and all bytes. */
  lines = 0;
  bytes = 0;
  first: bigint | null = null;
  last: bigint | null = null;
  readonly faults: SegmentFault[] = [];
  fault_count = 0;
  /** Reading on makes no sense: foreign, or of a newer version. */
  refused = false;
  /** It has no `_end` yet, and may be waiting for it. */
  open = false;
  readonly #visitor: SegmentVisitor;
  readonly #hash: RunningHash;
  readonly #line = new LogLine();
  /** `#held[0, #used)`: what was not read yet, of it `[0, #hashed)` in the hash. */
  #held = new Uint8Array(256 * 1024);
  #used = 0;
  #hashed = 0;
  /** A line over the limit is being passed over. */
  #skipping = false;
  #after_end: LinePlace | null = null;
  #other_minute = false;

  constructor(hash: RunningHash, visitor: SegmentVisitor = {}) {
    this.#hash = hash;
    this.#visitor = visitor;
  }

  /** Of the whole content, once `finish` was called. */
  get sha256(): string {
    return this.#hash.digest();
  }

  push(chunk: Uint8Array): void {
    if (this.refused) return;
    // What was held already has no line feed in it.
    let from = this.#used;
    this.#keep(chunk);
    const held = this.#held.subarray(0, this.#used);
    let start = 0;
    for (;;) {
      const end = held.indexOf(LINE_FEED, from);
      if (end < 0) break;
      this.#take(start, end);
      if (this.refused) return;
      start = end + 1;
      from = start;
    }
    this.#release(start);
  }

  /**
   * No more comes. `frame`: why the file's zstd frame broke off, if it did. `growing`: a connector may
   * be writing to it, so that a missing `_end` is no fault.
   */
  finish(frame: SegmentFault | null = null, growing = false): void {
    if (this.refused) return;
    this.#hash.update(this.#held.subarray(this.#hashed, this.#used));
    if (frame !== null) this.note(frame);
    if (this.bytes + this.#used === 0) {
      if (frame !== null) return;
      this.note(faultOf('empty', null, null, 'no byte in it: no line was ever written'));
      return;
    }
    const partial = this.#used;
    if (this.lines === 0 && !startsLikeOurs(this.#held.subarray(0, partial))) {
      this.#refuseForeign(partial);
      return;
    }
    if (this.end !== null && partial > 0) {
      this.#after_end ??= { line: this.lines + 1, at: this.bytes, bytes: partial };
    }
    if (this.#after_end !== null) {
      const { line, at } = this.#after_end;
      const fault = faultOf('after_end', line, at, 'something follows _end');
      this.note({ ...fault, expected: 'the end of the file', received: 'more bytes' });
    } else if (this.end === null && growing && partial === 0) {
      this.open = true;
    } else if (this.end === null) {
      const detail =
        partial > 0 ? `the last ${partial} bytes are a part of a line` : 'it stops before its end';
      const fault = faultOf('cut', this.lines + 1, this.bytes, detail);
      this.note({ ...fault, expected: 'an _end line', received: 'the end of the file' });
    }
    this.bytes += partial;
  }

  /** Adds a fault that was found elsewhere. */
  note(fault: SegmentFault): void {
    this.fault_count += 1;
    if (this.faults.length >= SEGMENT_FAULTS_MAX) return;
    this.faults.push(fault);
    this.#visitor.fault?.(fault);
  }

  #keep(chunk: Uint8Array): void {
    if (this.#used + chunk.length > this.#held.length) {
      const larger = new Uint8Array(Math.max(this.#held.length * 2, this.#used + chunk.length));
      larger.set(this.#held.subarray(0, this.#used));
      this.#held = larger;
    }
    this.#held.set(chunk, this.#used);
    this.#used += chunk.length;
  }

  /** Forgets `#held[0, start)`, hashed first; a line that grows without end is passed over. */
  #release(start: number): void {
    this.#hash.update(this.#held.subarray(this.#hashed, start));
    this.#held.copyWithin(0, start, this.#used);
    this.#used -= start;
    this.#hashed = 0;
    if (this.lines === 0 && this.#used > HEAD_BYTES_MAX) return this.#refuseForeign(this.#used);
    if (this.#used <= LINE_BYTES_MAX && !this.#skipping) return;
    if (!this.#skipping) {
      const detail = `a line over ${LINE_BYTES_MAX} bytes is passed over`;
      this.note(faultOf('invalid', this.lines + 1, this.bytes, detail));
    }
    this.#skipping = true;
    this.#hash.update(this.#held.subarray(0, this.#used));
    this.bytes += this.#used;
    this.#used = 0;
  }

  /** The whole line `#held[start, end)`. */
  #take(start: number, end: number): void {
    const place = { line: this.lines + 1, at: this.bytes, bytes: end - start };
    if (this.#skipping) this.#skipping = false;
    else if (this.end !== null) this.#after_end ??= place;
    else this.#read(start, end, place);
    this.lines += 1;
    this.bytes += end + 1 - start;
  }

  #read(start: number, end: number, place: LinePlace): void {
    const line = this.#line;
    if (!parseLogLine(this.#held, start, end, line)) return this.#readInvalid(start, end, place);
    if ((place.line === 1) !== (line.kind === 'capture')) {
      const fault = faultOf('invalid', place.line, place.at, 'a segment has one _capture, first');
      const [expected, received] =
        place.line === 1 ? ['_capture', nameOf(line)] : ['a frame or a fact', '_capture'];
      this.note({ ...fault, expected, received });
    }
    if (line.kind === 'capture') this.capture ??= line.capture;
    else if (line.kind === 'end') this.#readEnd(line, start, place);
    else this.#readTimed(line.t, place);
    this.#visitor.line?.(line, place);
  }

  #readTimed(t: bigint, { line, at }: LinePlace): void {
    if (this.last !== null && t <= this.last) {
      const detail = 't does not increase';
      const expected = `above ${this.last}`;
      this.note({ ...faultOf('order', line, at, detail), expected, received: `${t}` });
    } else this.last = t;
    this.first ??= t;
    if (t / NS_PER_MINUTE === this.first / NS_PER_MINUTE || this.#other_minute) return;
    this.#other_minute = true;
    const fault = faultOf('minute', line, at, 'a segment holds one UTC minute');
    const expected = formatIso(this.first).slice(0, 16);
    this.note({ ...fault, expected, received: formatIso(t).slice(0, 16) });
  }

  #readEnd(line: LogLine, start: number, { line: number, at }: LinePlace): void {
    this.#hash.update(this.#held.subarray(this.#hashed, start));
    this.#hashed = start;
    const end = line.end as SegmentEnd;
    this.end = end;
    const found: SegmentEnd = {
      lines: this.lines,
      bytes: this.bytes,
      first: this.first?.toString() ?? null,
      last: this.last?.toString() ?? null,
      sha256: this.#hash.digest(),
    };
    for (const name of ['lines', 'bytes', 'first', 'last', 'sha256'] as const) {
      if (end[name] === found[name]) continue;
      const fault = faultOf('end', number, at, `_end.${name} does not agree with the content`);
      this.note({ ...fault, expected: `${end[name]}`, received: `${found[name]}` });
    }
  }

  #readInvalid(start: number, end: number, place: LinePlace): void {
    const { reason, at } = this.#line;
    const bytes = this.#held.subarray(start, end);
    if (place.line === 1 && !startsLikeOurs(bytes)) return this.#refuseForeign(end - start);
    const newer = reason.includes('newer version');
    const offset = at >= start && at <= end ? at - start : 0;
    const received = excerpt(bytes.subarray(Math.max(0, offset - 8)));
    this.note({
      ...faultOf(newer ? 'newer' : 'invalid', place.line, place.at + offset, reason),
      expected: 'a line of the log',
      received,
    });
    if (newer && place.line === 1) this.refused = true;
  }

  #refuseForeign(bytes: number): void {
    const fault = faultOf('foreign', 1, 0, 'not a segment of the log');
    const received = bytes === 0 ? 'nothing' : excerpt(this.#held.subarray(0, bytes));
    this.note({ ...fault, expected: '{"_capture":{...}}', received });
    this.refused = true;
  }
}

export function faultOf(
  kind: FaultKind,
  line: number | null,
  at: number | null,
  detail: string,
): SegmentFault {
  return { kind, line, at, expected: null, received: null, detail };
}

function startsLikeOurs(bytes: Uint8Array): boolean {
  return HEADS.some((head) => {
    const length = Math.min(head.length, bytes.length);
    return head.subarray(0, length).every((byte, at) => byte === bytes[at]);
  });
}

function nameOf(line: LogLine): string {
  if (line.kind === 'frame') return 'a frame';
  return line.kind === 'fact' ? (line.key ?? 'a fact') : `_${line.kind}`;
}

const EXCERPT_BYTES = 40;

/** A few bytes as printable text. */
function excerpt(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, EXCERPT_BYTES));
  const plain = printable(text);
  return bytes.length > EXCERPT_BYTES ? `${plain}...` : plain;
}

/** Text without a control character: a terminal shows it and does nothing else. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (found) => {
    const code = found.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
