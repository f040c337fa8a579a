/**
 * The markets of a `SymbolTable` by their names' bytes, four at a time: the table's own hash, byte by byte,
 * costs a third of reading a quote.
 */
import type { SymbolTable } from './symbol-table.ts';

/**
 * A literal to compare with: eight bytes at a time as one double, which says the same of what is no NaN and
 * no zero, and text in UTF-8 is neither. The last eight end where the literal ends. One shorter than eight
 * is compared as two words, one from its first byte on and one up to its last; of one shorter than four,
 * only the upper bytes of that count.
 */
export type Literal = {
  readonly length: number;
  readonly doubles: Float64Array;
  readonly last_double: number;
  readonly first_word: number;
  readonly last_word: number;
  readonly mask: number;
};

export type RigidMarkets = {
  readonly names: readonly Literal[];
  /** Open addressing over `hashOf`: indexes of names, -1 for none. */
  readonly slots: Int32Array;
};

const utf8 = new TextEncoder();
/** Bytes in front of a text, for reads that begin before it. */
const PAD = 8;
/** A name that holds none of what a rigid reader does not read within a string; others are not found. */
const PLAIN = /^[^"\\\u0000-\u001f]+$/;

/** Of text without NULs, one byte at least. */
export function literal(text: string): Literal {
  const view = padded(text);
  const length = view.byteLength - PAD;
  const doubles = new Float64Array(Math.max(0, Math.ceil(length / 8) - 1));
  doubles.forEach((_, index) => {
    doubles[index] = view.getFloat64(PAD + index * 8, true);
  });
  const mask = length < 4 ? -1 << (32 - length * 8) : -1;
  return {
    length,
    doubles,
    last_double: view.getFloat64(length, true),
    first_word: length < 4 ? 0 : view.getInt32(PAD, true),
    last_word: view.getInt32(PAD + length - 4, true) & mask,
    mask,
  };
}

function padded(text: string): DataView {
  const bytes = utf8.encode(text);
  const view = new DataView(new ArrayBuffer(PAD + bytes.length));
  bytes.forEach((byte, at) => {
    view.setUint8(PAD + at, byte);
  });
  return view;
}

const NONE = literal(' ');

export function rigidMarkets({ symbols }: SymbolTable): RigidMarkets {
  let size = 16;
  while (size < symbols.length * 4) size *= 2;
  const slots = new Int32Array(size).fill(-1);
  const names = symbols.map(({ external }, index) => {
    if (!PLAIN.test(external)) return NONE;
    const view = padded(external);
    let slot = hashOf(view, PAD, view.byteLength) & (size - 1);
    while (slots[slot] !== -1) slot = (slot + 1) & (size - 1);
    slots[slot] = index;
    return literal(external);
  });
  return { names, slots };
}

/** Of the bytes `view[from, to)`, one at least; four bytes in front of `to` are read. */
export function hashOf(view: DataView, from: number, to: number): number {
  const length = to - from;
  let hash = length;
  for (let at = from; at + 4 <= to; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1);
  }
  const last = view.getInt32(to - 4, true);
  hash = Math.imul(hash ^ (length < 4 ? last >>> (32 - length * 8) : last), 0x85ebca6b);
  return hash ^ (hash >>> 15);
}
