/**
 * One field of many messages into one typed array: the loops behind `md2-columns.ts`. `from` holds where
 * each message, or its body, begins, in int32; `plus` is how far behind it the field lies.
 */
import { ABSENT } from './event-buffer.ts';
import { FOUND, ODD } from './md2-known.ts';
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
  ints: Int32Array,
  from: Int32Array,
  count: number,
  plus: number,
): BigUint64Array {
  const halves = new Int32Array(count * 2);
  for (let row = 0; row < count; row++) {
    const at = (from[row] as number) + plus;
    halves[row * 2] = ints[at] as number;
    halves[row * 2 + 1] = ints[at + 1] as number;
  }
  return new BigUint64Array(halves.buffer);
}

export function copyInt32(
  ints: Int32Array,
  from: Int32Array,
  count: number,
  plus: number,
): Uint32Array {
  const values = new Int32Array(count);
  for (let row = 0; row < count; row++) values[row] = ints[(from[row] as number) + plus] as number;
  return new Uint32Array(values.buffer);
}

/** One bit each. */
export function copyMarks(
  ints: Int32Array,
  from: Int32Array,
  count: number,
  bit: number,
): Uint8Array {
  const marks = new Uint8Array(count);
  const plus = bit >> 5;
  const shift = bit & 31;
  for (let row = 0; row < count; row++) {
    marks[row] = ((ints[(from[row] as number) + plus] as number) >>> shift) & 1;
  }
  return marks;
}

/** `mark`: the exponent, in bytes behind the body's beginning. */
export function copyDecimals(
  { ints, bytes }: KnownMessages,
  from: Int32Array,
  count: number,
  plus: number,
  mark: number,
): DecimalColumn {
  const halves = new Int32Array(count * 2);
  const exponent = new Int8Array(count);
  for (let row = 0; row < count; row++) {
    const at = from[row] as number;
    halves[row * 2] = ints[at + plus] as number;
    halves[row * 2 + 1] = ints[at + plus + 1] as number;
    exponent[row] = (bytes[at * 4 + mark] as number) ^ ABSENT;
  }
  return { mantissa: new BigInt64Array(halves.buffer), exponent };
}

/** `plus`: in bytes. What is neither 1 nor 2 is no side that we know. */
export function copySides(
  bytes: Uint8Array,
  from: Int32Array,
  count: number,
  plus: number,
): Uint8Array {
  const sides = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const at = (from[row] as number) * 4 + plus;
    const side = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
    sides[row] = side > 2 ? 0 : side;
  }
  return sides;
}

/** Null where one is not where our writer puts it. */
export function copyTexts(known: KnownMessages, rows: Rows, plus: number): TextColumn | null {
  const { count, at, data } = rows;
  const source = known.bytes;
  const starts = new Int32Array(count);
  const offset = new Uint32Array(count + 1);
  const marks = new Uint8Array(count);
  let total = 0;
  for (let row = 0; row < count; row++) {
    const found = known.text((data[row] as number) + plus, known.endOf(at[row] as number));
    if (found === ODD) return null;
    if (found === FOUND) {
      marks[row] = 1;
      starts[row] = known.from;
      total += known.to - known.from;
    }
    offset[row + 1] = total;
  }
  const bytes = new Uint8Array(total);
  for (let row = 0; row < count; row++) {
    const end = offset[row + 1] as number;
    let from = starts[row] as number;
    for (let to = offset[row] as number; to < end; to++) bytes[to] = source[from++] as number;
  }
  return { bytes, offset, known: marks };
}

/** Of a level, in int32: price and size come first, then their exponents side by side. */
const LEVEL_INTS = LEVEL.data_words * 2;
const EXPONENTS = LEVEL.price_exponent_8 >> 2;

/** Null where a list is not as our writer makes it, or a level lacks something. */
export function copyLevels(known: KnownMessages, rows: Rows, plus: number): LevelColumns | null {
  const { count, at, data } = rows;
  const { ints } = known;
  const starts = new Int32Array(count);
  const offset = new Uint32Array(count + 1);
  let total = 0;
  for (let row = 0; row < count; row++) {
    const found = known.levels((data[row] as number) + plus, known.endOf(at[row] as number));
    if (found === ODD) return null;
    if (found === FOUND) {
      starts[row] = known.from;
      total += (known.to - known.from) / LEVEL_INTS;
    }
    offset[row + 1] = total;
  }
  const price = new Int32Array(total * 2);
  const size = new Int32Array(total * 2);
  const price_exponent = new Int8Array(total);
  const size_exponent = new Int8Array(total);
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
    offset,
    price: { mantissa: new BigInt64Array(price.buffer), exponent: price_exponent },
    size: { mantissa: new BigInt64Array(size.buffer), exponent: size_exponent },
  };
}
