/**
 * Judges a segment's plain content: is it whole and proven by its `_end`, and if not, how much of it
 * is good. This is also the repair after a power loss: a file cut anywhere yields its whole lines, in
 * order, and never a partial one. Pure; the hash arrives as an argument.
 */
import type { Capture, SegmentEnd } from '../schema/log.ts';
import { LineCursor, LogLine, parseLogLine, sliceLogLine } from './log-line.ts';

export type SegmentFault = {
  /**
   * - `cut`: the content stops before its `_end` (a crash, a torn file)
   * - `invalid`: a line is not one of ours
   * - `order`: `t` does not increase
   * - `end`: `_end` does not agree with the content; if only its hash differs, some byte changed and
   *   no line is proven
   * - `after_end`: something follows `_end`
   */
  readonly kind: 'cut' | 'invalid' | 'order' | 'end' | 'after_end';
  /** Where in the content. */
  readonly at: number;
  /** Counts from 1. */
  readonly line: number;
  readonly detail: string;
};

export type SegmentCheck = {
  readonly capture: Capture | null;
  /** `bytes[0, good_bytes)` are whole lines of ours in order, the `_end` line not included. */
  readonly good_bytes: number;
  readonly good_lines: number;
  /** First and last `t` of the good lines. */
  readonly first: bigint | null;
  readonly last: bigint | null;
  /** The `_end` line, where it is there and agrees. */
  readonly end: SegmentEnd | null;
  /** Bytes after the good ones, `_end` not counted where it agrees. */
  readonly lost_bytes: number;
  /** Null where the segment is whole and proven. */
  readonly fault: SegmentFault | null;
  /** Its last line is an `_end` with the hash of all before it: no byte changed since it was written. */
  readonly proven: boolean;
};

/** `sha256` of bytes as lower-case hex. Total: never throws, whatever the bytes. */
export function checkSegment(
  bytes: Uint8Array,
  sha256: (bytes: Uint8Array) => string,
): SegmentCheck {
  const walk = new SegmentWalk(bytes);
  const proven = walk.proveEnd(sha256);
  for (let more = true; more;) more = walk.step(proven);
  return walk.result(proven, sha256);
}

class SegmentWalk {
  readonly bytes: Uint8Array;
  readonly cursor: LineCursor;
  readonly line = new LogLine();
  capture: Capture | null = null;
  end: SegmentEnd | null = null;
  good_bytes = 0;
  good_lines = 0;
  first: bigint | null = null;
  last: bigint | null = null;
  fault: SegmentFault | null = null;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.cursor = new LineCursor(bytes);
  }

  /** Whether the last line is an `_end` whose hash proves all before it: frames need no scan. */
  proveEnd(sha256: (bytes: Uint8Array) => string): boolean {
    const { bytes } = this;
    if (bytes.length === 0 || bytes[bytes.length - 1] !== 10) return false;
    const start = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    if (!sliceLogLine(bytes, start, bytes.length - 1, this.line)) return false;
    return this.line.end !== null && this.line.end.sha256 === sha256(bytes.subarray(0, start));
  }

  /** Takes one line; false at the end or at the first fault. */
  step(proven: boolean): boolean {
    const { cursor, bytes, line } = this;
    if (!cursor.next()) {
      const partial = bytes.length - cursor.rest;
      if (this.end !== null) return partial > 0 && this.stop('after_end', 'bytes after _end');
      const detail = partial > 0 ? `the last ${partial} bytes are a partial line` : 'no _end line';
      return this.stop('cut', detail);
    }
    if (this.end !== null) return this.stop('after_end', 'a line after _end');
    const read = proven ? sliceLogLine : parseLogLine;
    if (!read(bytes, cursor.start, cursor.end, line))
      return this.stop('invalid', line.reason, line.at);
    if ((this.good_lines === 0) !== (line.kind === 'capture')) {
      return this.stop('invalid', 'a segment has one _capture, its first line', cursor.start);
    }
    if (line.kind === 'end') {
      this.end = line.end;
      return true;
    }
    if (line.kind === 'capture') this.capture = line.capture;
    else if (this.last !== null && line.t <= this.last) {
      return this.stop('order', `t ${line.t} does not follow ${this.last}`, cursor.start);
    } else {
      this.first ??= line.t;
      this.last = line.t;
    }
    this.good_lines++;
    this.good_bytes = cursor.rest;
    return true;
  }

  stop(kind: SegmentFault['kind'], detail: string, at = this.cursor.rest): false {
    const line = this.good_lines + (this.end === null ? 1 : 2);
    this.fault = { kind, at, line, detail };
    return false;
  }

  result(proven: boolean, sha256: (bytes: Uint8Array) => string): SegmentCheck {
    const { capture, good_bytes, good_lines, first, last } = this;
    if (this.end !== null && this.fault === null) {
      const hash = proven ? this.end.sha256 : sha256(this.bytes.subarray(0, good_bytes));
      this.fault = this.#endDisagrees(this.end, hash);
    }
    const end = this.fault === null || this.fault.kind === 'after_end' ? this.end : null;
    const taken = end === null ? good_bytes : (this.fault?.at ?? this.bytes.length);
    const lost_bytes = this.bytes.length - taken;
    const { fault } = this;
    return { capture, good_bytes, good_lines, first, last, end, lost_bytes, fault, proven };
  }

  #endDisagrees(end: SegmentEnd, sha256: string): SegmentFault | null {
    const { good_bytes, good_lines } = this;
    const found: SegmentEnd = {
      lines: good_lines,
      bytes: good_bytes,
      first: this.first?.toString() ?? null,
      last: this.last?.toString() ?? null,
      sha256,
    };
    const differs = (['lines', 'bytes', 'first', 'last', 'sha256'] as const).filter(
      (name) => end[name] !== found[name],
    );
    if (differs.length === 0) return null;
    const detail = differs
      .map((name) => `${name}: _end says ${end[name]}, the content has ${found[name]}`)
      .join('; ');
    return { kind: 'end', at: good_bytes, line: good_lines + 1, detail };
  }
}
