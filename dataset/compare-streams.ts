/** Where two streams of one type and symbol part: the first event that is missing, extra or changed. */
import { wholeLength } from '../codec/capnp-read.ts';
import { readHeader } from '../codec/md2.ts';
import type { Schema } from './version.ts';

export type StreamDifference = {
  /** What the archived stream does, measured against the rebuilt one. */
  readonly kind: 'lacks' | 'adds' | 'changes' | 'breaks_off';
  /**
   * Identity of the event; null where the archived bytes are no message any more. Records of md1 have
   * none: `t` is null, `index` their place in the stream, from 0.
   */
  readonly t: bigint | null;
  readonly index: number | null;
};

/** The first difference, or null where the bytes are equal. Both in the order of their events. */
export function firstDifference(
  archived: Uint8Array,
  rebuilt: Uint8Array,
  schema: Schema,
): StreamDifference | null {
  return schema === 'md1'
    ? differenceByPlace(archived, rebuilt)
    : differenceById(archived, rebuilt);
}

function differenceByPlace(archived: Uint8Array, rebuilt: Uint8Array): StreamDifference | null {
  let at = 0;
  for (let index = 0; ; index++) {
    const [left, right] = [lengthAt(archived, at), lengthAt(rebuilt, at)];
    if (left === 'broken') return { kind: 'breaks_off', t: null, index: null };
    if (left === 0 && right === 0) return null;
    if (left === 0 || right === 0 || right === 'broken') {
      return { kind: left === 0 ? 'lacks' : 'adds', t: null, index };
    }
    if (left !== right || !equal(archived, rebuilt, at, left)) {
      return { kind: 'changes', t: null, index };
    }
    at += left;
  }
}

/** Bytes of the message at `at`; 0 at the end. */
function lengthAt(bytes: Uint8Array, at: number): number | 'broken' {
  if (at >= bytes.length) return 0;
  try {
    return wholeLength(bytes, at);
  } catch {
    return 'broken';
  }
}

function differenceById(archived: Uint8Array, rebuilt: Uint8Array): StreamDifference | null {
  let at = 0;
  for (;;) {
    const left = headOf(archived, at);
    const right = headOf(rebuilt, at);
    if (left === 'broken') return { kind: 'breaks_off', t: positionOf(right).t, index: null };
    if (right === 'broken') return { kind: 'breaks_off', t: null, index: null };
    if (left === null && right === null) return null;
    if (left === null || right === null) {
      const there = left ?? right;
      return { kind: left === null ? 'lacks' : 'adds', ...positionOf(there) };
    }
    if (left.length !== right.length || !equal(archived, rebuilt, at, left.length)) {
      const order = left.t === right.t ? left.index - right.index : left.t < right.t ? -1 : 1;
      if (order === 0) return { kind: 'changes', t: left.t, index: left.index };
      // The archive is ahead: it lacks what RAW yields here; behind: it has what RAW does not yield.
      return order > 0
        ? { kind: 'lacks', t: right.t, index: right.index }
        : { kind: 'adds', t: left.t, index: left.index };
    }
    at += left.length;
  }
}

type Head = { readonly t: bigint; readonly index: number; readonly length: number };

function headOf(bytes: Uint8Array, at: number): Head | 'broken' | null {
  if (at >= bytes.length) return null;
  try {
    return readHeader(bytes, at);
  } catch {
    return 'broken';
  }
}

function positionOf(head: Head | 'broken' | null): { t: bigint | null; index: number | null } {
  return head === null || head === 'broken'
    ? { t: null, index: null }
    : { t: head.t, index: head.index };
}

function equal(a: Uint8Array, b: Uint8Array, from: number, length: number): boolean {
  for (let at = from; at < from + length; at++) {
    if (a[at] !== b[at]) return false;
  }
  return true;
}
