/**
 * One field of many messages into one typed array: the loops behind `md2-columns.ts`. `from` holds where
 * each message, or its body, begins, in int32; `plus` is how far behind it the field lies.
 */
import { int64Of, int8Of, uint32Of, uint64Of } from './column-memory.ts';
import type { ColumnMemory } from './column-memory.ts';
import { ABSENT } from './event-buffer.ts';
import { AT, FOUND, KNOWN_MASK, ODD } from './md2-known.ts';
import type { KnownMessages } from './md2-known.ts';
import { LEVEL } from './md2-layout.ts';
import type { Rows } from './md2-rows.ts';

/** `mantissa * 10^exponent`; where it is absent the exponent is `ABSENT` (127), and the mantissa 0 or any. */
export type DecimalColumn = { readonly mantissa: BigInt64Array; readonly exponent: Int8Array };
/** `known` is 1, or 0 where it is absent, and the value then 0 or any. */
export type U64Column = { readonly value: BigUint64Array; readonly known: Uint8Array };
export type U32Column = { readonly value: Uint32Array; readonly known: Uint8Array };
/** The text of row `i` is `bytes[offset[i], offset[i + 1])`, UTF-8; `known` tells an empty one from none. */
export type TextColumn = {
  readonly bytes: Uint8Array;
  readonly offset: Uint32Array;
  readonly known: Uint8Array;
};
/** The levels of row `i` are `[offset[i], offset[i + 1])`; none is absent. */
export type LevelColumns = {
  readonly offset: Uint32Array;
  readonly price: DecimalColumn;
  readonly size: DecimalColumn;
};

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The text of a row, null where it is absent. */
export function textAt({ bytes, offset, known }: TextColumn, row: number): string | null {
  if (known[row] !== 1) return null;
  return utf8.decode(bytes.subarray(offset[row], offset[row + 1]));
}

export function copyInt64(
  memory: ColumnMemory,
  ints: Int32Array,
  from: Int32Array,
  count: number,
  plus: number,
): BigUint64Array {
  const halves = memory.int32(count * 2);
  for (let row = 0; row < count; row++) {
    const at = (from[row] as number) + plus;
    halves[row * 2] = ints[at] as number;
    halves[row * 2 + 1] = ints[at + 1] as number;
  }
  return uint64Of(halves);
}

export function copyInt32(
  memory: ColumnMemory,
  ints: Int32Array,
  from: Int32Array,
  count: number,
  plus: number,
): Uint32Array {
  const values = memory.int32(count);
  for (let row = 0; row < count; row++) values[row] = ints[(from[row] as number) + plus] as number;
  return uint32Of(values);
}

type HeadColumns = {
  readonly t: BigUint64Array;
  readonly ts_event: BigUint64Array;
  readonly index: Uint32Array;
  readonly flags: Uint32Array;
  readonly sequence: U64Column;
};

/** What every event has: in one loop, since it lies side by side. */
export function copyHeads(
  memory: ColumnMemory,
  ints: Int32Array,
  from: Int32Array,
  count: number,
): HeadColumns {
  const t = memory.int32(count * 2);
  const ts_event = memory.int32(count * 2);
  const sequence = memory.int32(count * 2);
  const index = memory.int32(count);
  const flags = memory.int32(count);
  const known = memory.bytes(count);
  for (let row = 0; row < count; row++) {
    const at = from[row] as number;
    t[row * 2] = ints[at + AT.t] as number;
    t[row * 2 + 1] = ints[at + AT.t + 1] as number;
    ts_event[row * 2] = ints[at + AT.ts_event] as number;
    ts_event[row * 2 + 1] = ints[at + AT.ts_event + 1] as number;
    sequence[row * 2] = ints[at + AT.sequence] as number;
    sequence[row * 2 + 1] = ints[at + AT.sequence + 1] as number;
    index[row] = ints[at + AT.index] as number;
    flags[row] = ints[at + AT.flags] as number;
    known[row] = ((ints[at + AT.known] as number) & KNOWN_MASK) === 0 ? 0 : 1;
  }
  return {
    t: uint64Of(t),
    ts_event: uint64Of(ts_event),
    index: uint32Of(index),
    flags: uint32Of(flags),
    sequence: { value: uint64Of(sequence), known },
  };
}

/** One bit each. */
export function copyMarks(
  memory: ColumnMemory,
  ints: Int32Array,
  from: Int32Array,
  count: number,
  bit: number,
): Uint8Array {
  const marks = memory.bytes(count);
  const plus = bit >> 5;
  const shift = bit & 31;
  for (let row = 0; row < count; row++) {
    marks[row] = ((ints[(from[row] as number) + plus] as number) >>> shift) & 1;
  }
  return marks;
}

/** `mark`: the exponent, in bytes behind the body's beginning. */
export function copyDecimals(
  memory: ColumnMemory,
  { ints, bytes }: KnownMessages,
  from: Int32Array,
  count: number,
  plus: number,
  mark: number,
): DecimalColumn {
  const halves = memory.int32(count * 2);
  const exponent = memory.bytes(count);
  for (let row = 0; row < count; row++) {
    const at = from[row] as number;
    halves[row * 2] = ints[at + plus] as number;
    halves[row * 2 + 1] = ints[at + plus + 1] as number;
    exponent[row] = (bytes[at * 4 + mark] as number) ^ ABSENT;
  }
  return { mantissa: int64Of(halves), exponent: int8Of(exponent) };
}

/** `plus`: in bytes. What is neither 1 nor 2 is no side that we know. */
export function copySides(
  memory: ColumnMemory,
  bytes: Uint8Array,
  from: Int32Array,
  count: number,
  plus: number,
): Uint8Array {
  const sides = memory.bytes(count);
  for (let row = 0; row < count; row++) {
    const at = (from[row] as number) * 4 + plus;
    const side = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    sides[row] = side > 2 ? 0 : side;
  }
  return sides;
}

/** Null where one is not where our writer puts it. */
export function copyTexts(
  memory: ColumnMemory,
  known: KnownMessages,
  rows: Rows,
  plus: number,
): TextColumn | null {
  const { count, at, data } = rows;
  const source = known.bytes;
  const starts = memory.int32(count);
  const offset = memory.int32(count + 1);
  const marks = memory.bytes(count);
  let total = 0;
  offset[0] = 0;
  for (let row = 0; row < count; row++) {
    const found = known.text((data[row] as number) + plus, known.endOf(at[row] as number));
    if (found === ODD) return null;
    marks[row] = found;
    if (found === FOUND) {
      starts[row] = known.from;
      total += known.to - known.from;
    }
    offset[row + 1] = total;
  }
  const bytes = memory.bytes(total);
  for (let row = 0; row < count; row++) {
    const end = offset[row + 1] as number;
    let from = starts[row] as number;
    for (let to = offset[row] as number; to < end; to++) bytes[to] = source[from++] as number;
  }
  return { bytes, offset: uint32Of(offset), known: marks };
}

/** Of a level, in int32: price and size come first, then their exponents side by side. */
const LEVEL_INTS = LEVEL.data_words * 2;
const EXPONENTS = LEVEL.price_exponent_8 >> 2;

/** Null where a list is not as our writer makes it, or a level lacks something. */
export function copyLevels(
  memory: ColumnMemory,
  known: KnownMessages,
  rows: Rows,
  plus: number,
): LevelColumns | null {
  const { count, at, data } = rows;
  const { ints } = known;
  const starts = memory.int32(count);
  const offset = memory.int32(count + 1);
  let total = 0;
  offset[0] = 0;
  for (let row = 0; row < count; row++) {
    const found = known.levels((data[row] as number) + plus, known.endOf(at[row] as number));
    if (found === ODD) return null;
    if (found === FOUND) {
      starts[row] = known.from;
      total += (known.to - known.from) / LEVEL_INTS;
    }
    offset[row + 1] = total;
  }
  const price = memory.int32(total * 2);
  const size = memory.int32(total * 2);
  const price_exponent = memory.bytes(total);
  const size_exponent = memory.bytes(total);
  for (let row = 0; row < count; row++) {
    const end = offset[row + 1] as number;
    let from = starts[row] as number;
    for (let level = offset[row] as number; level < end; level++, from += LEVEL_INTS) {
      const marks = ints[from + EXPONENTS] as number;
      if ((marks & 0xff) === 0 || (marks & 0xff00) === 0) return null;
      price[level * 2] = ints[from] as number;
      price[level * 2 + 1] = ints[from + 1] as number;
      size[level * 2] = ints[from + 2] as number;
      size[level * 2 + 1] = ints[from + 3] as number;
      price_exponent[level] = marks ^ ABSENT;
      size_exponent[level] = (marks >> 8) ^ ABSENT;
    }
  }
  return {
    offset: uint32Of(offset),
    price: { mantissa: int64Of(price), exponent: int8Of(price_exponent) },
    size: { mantissa: int64Of(size), exponent: int8Of(size_exponent) },
  };
}
