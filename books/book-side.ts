/**
 * One side of a book: levels in order of price, each with the digits the wire had.
 *
 * Sorted keys lie in the middle of an array, worst first and best last, free at both ends: an
 * insert or removal moves the shorter part, and cutting to a depth moves one index. Beside each key
 * stands the *row* of `cells` that holds the level, so only twelve bytes a level ever move, and a level
 * is half a line of the processor's cache wherever it stands.
 */
import type { EventBuffer } from '../codec/event-buffer.ts';
import { compareTied, priceKey } from './price-key.ts';

/** Levels looked at one by one from the best before the search turns binary. */
const LINEAR_LEVELS = 16;
/** Levels a rule may keep running values of. */
const RUNNING_LEVELS = 32;
/** Moves up to this many levels are loops; the call into `copyWithin` costs more than they do. */
const LOOP_MOVES = 24;

const PRICE_HI = 0;
const PRICE_LO = 1;
const PRICE_EXP = 2;
const SIZE_HI = 3;
const SIZE_LO = 4;
const SIZE_EXP = 5;
const MEMO = 6;
const MEMO_LENGTH = 7;
const ROW_CELLS = 8;

/**
 * Cells of a row: mantissa (two's complement, two halves) and exponent of price and size as they came; then
 * room for a value a rule derives from a level (its part of a checksum) and the length of what that covers,
 * 0 while it is not known. Applying a level forgets it.
 *
 * Hot loops take these to constants of their own: one that is exported is looked up each time it is used.
 */
export const CELL = {
  price_hi: PRICE_HI,
  price_lo: PRICE_LO,
  price_exp: PRICE_EXP,
  size_hi: SIZE_HI,
  size_lo: SIZE_LO,
  size_exp: SIZE_EXP,
  memo: MEMO,
  memo_length: MEMO_LENGTH,
} as const;

const TWO_32 = 4294967296;
/** High halves of mantissas below 2^53. */
const HI_END = 0x200000;
/** Powers of ten that an exact mantissa is divided by in one rounding; see `priceKey`. */
const DIVISORS = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

export class BookSide {
  /** 1 where the highest price is best (bids), -1 where the lowest is (asks). */
  readonly sign: 1 | -1;
  /** Levels on this side. */
  count = 0;

  /** Levels by row: the cells of one begin there. */
  cells: Int32Array;
  /** Rows in order of price, worst first: the best is the one before `end`. See `rowAt`. */
  rows: Int32Array;
  end: number;
  /**
   * Positions, from the best, that hold what they held when a rule last set this: what it derived of
   * all levels down to one of them (a running checksum) need not be derived again. Changes lower it.
   */
  steady = 0;
  /** Room for such a running value and its length, two cells a position. */
  readonly running = new Int32Array(2 * RUNNING_LEVELS);

  #keys: Float64Array;
  #head: number;
  /** Rows without a level: the first `#free_count` of `#free`. */
  #free: Int32Array;
  #free_count: number;

  constructor(sign: 1 | -1, levels = 32) {
    this.sign = sign;
    this.cells = new Int32Array(levels * ROW_CELLS);
    this.#keys = new Float64Array(levels * 2 + 2);
    this.rows = new Int32Array(levels * 2 + 2);
    this.#head = levels;
    this.end = levels;
    this.#free = new Int32Array(levels);
    for (let row = 0; row < levels; row++) this.#free[row] = (levels - 1 - row) * ROW_CELLS;
    this.#free_count = levels;
  }

  /** Row of the level at a position, 0 being the best; the position must be below `count`. */
  rowAt(position: number): number {
    return this.rows[this.end - 1 - position] as number;
  }

  /** The nearest double of the price at a position, times `sign`: order it by, never show it. */
  keyAt(position: number): number {
    return this.#keys[this.end - 1 - position] as number;
  }

  /**
   * Applies the buffer's levels `[from, to)` in their order: a size of zero deletes (a level that is not there
   * is normal), any other size is the level's new size, digits and all. Whatever scale a price is written in,
   * it is the same price.
   */
  apply(buffer: EventBuffer, from: number, to: number): void {
    const { price_hi, price_lo, price_exp, size_hi, size_lo, size_exp } = buffer;
    for (let level = from; level < to; level++) {
      const hi = price_hi[level] as number;
      const lo = price_lo[level] as number;
      const exp = price_exp[level] as number;
      const key =
        hi >>> 0 < HI_END && exp <= 0 && exp >= -22
          ? (this.sign * (hi * TWO_32 + (lo >>> 0))) / (DIVISORS[-exp] as number)
          : this.sign * priceKey(hi, lo, exp);
      let at = this.#find(key, hi, lo, exp);
      if (size_hi[level] === 0 && size_lo[level] === 0) {
        if (at >= 0) this.#drop(at);
        continue;
      }
      if (at < 0) at = this.#insert(~at, key);
      const position = this.end - 1 - at;
      if (position < this.steady) this.steady = position;
      const row = this.rows[at] as number;
      const { cells } = this;
      cells[row + PRICE_HI] = hi;
      cells[row + PRICE_LO] = lo;
      cells[row + PRICE_EXP] = exp;
      cells[row + SIZE_HI] = size_hi[level] as number;
      cells[row + SIZE_LO] = size_lo[level] as number;
      cells[row + SIZE_EXP] = size_exp[level] as number;
      cells[row + MEMO_LENGTH] = 0;
    }
  }

  /** Drops the worst levels until at most `depth` are left. */
  truncate(depth: number): void {
    while (this.count > depth) this.#release(this.rows[this.#head++] as number);
    if (depth < this.steady) this.steady = depth;
  }

  clear(): void {
    this.truncate(0);
    this.#head = this.#keys.length >> 1;
    this.end = this.#head;
  }

  clone(): BookSide {
    const copy = new BookSide(this.sign, 1);
    copy.count = this.count;
    copy.cells = this.cells.slice();
    copy.steady = this.steady;
    copy.running.set(this.running);
    copy.#keys = this.#keys.slice();
    copy.rows = this.rows.slice();
    copy.#head = this.#head;
    copy.end = this.end;
    copy.#free = this.#free.slice();
    copy.#free_count = this.#free_count;
    return copy;
  }

  /** Index of the level at that price, or the complement of where it belongs. */
  #find(key: number, hi: number, lo: number, exp: number): number {
    const { cells } = this;
    const keys = this.#keys;
    const head = this.#head;
    let at = this.end - 1;
    const near = at - LINEAR_LEVELS;
    while (at >= head && at > near && (keys[at] as number) > key) at--;
    if (at >= head && (keys[at] as number) > key) at = this.#lastNotAbove(key, head, at);
    while (at >= head && keys[at] === key) {
      const row = this.rows[at] as number;
      const price_hi = cells[row + PRICE_HI] as number;
      const price_lo = cells[row + PRICE_LO] as number;
      const price_exp = cells[row + PRICE_EXP] as number;
      if (price_hi === hi && price_lo === lo && price_exp === exp) return at;
      const order = compareTied(price_hi, price_lo, price_exp, hi, lo, exp);
      if (order === 0) return at;
      if (order * this.sign < 0) break;
      at--;
    }
    return ~(at + 1);
  }

  /** The last index in `[from, to)` whose key is not above `key`, or `from - 1`. */
  #lastNotAbove(key: number, from: number, to: number): number {
    const keys = this.#keys;
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((keys[middle] as number) > key) high = middle;
      else low = middle + 1;
    }
    return low - 1;
  }

  /** Opens a place before index `before`, with a fresh row; returns its index. */
  #insert(before: number, key: number): number {
    let at = before;
    if (this.end - at <= at - this.#head) {
      if (this.end === this.#keys.length) at += this.#recentre();
      this.#move(at + 1, at, this.end);
      this.end++;
    } else {
      if (this.#head === 0) at += this.#recentre();
      this.#move(this.#head - 1, this.#head, at);
      this.#head--;
      at--;
    }
    if (this.#free_count === 0) this.#growRows();
    this.#keys[at] = key;
    this.rows[at] = this.#free[--this.#free_count] as number;
    this.count++;
    return at;
  }

  #drop(at: number): void {
    this.#release(this.rows[at] as number);
    const tail = this.end - 1;
    if (tail - at < this.steady) this.steady = tail - at;
    if (tail - at <= at - this.#head) {
      this.#move(at, at + 1, this.end);
      this.end = tail;
    } else {
      this.#move(this.#head + 1, this.#head, at);
      this.#head++;
    }
  }

  #release(row: number): void {
    this.#free[this.#free_count++] = row;
    this.count--;
  }

  /** Moves keys and rows `[start, end)` to begin at `target`. */
  #move(target: number, start: number, end: number): void {
    const keys = this.#keys;
    const rows = this.rows;
    const length = end - start;
    if (length > LOOP_MOVES) {
      keys.copyWithin(target, start, end);
      rows.copyWithin(target, start, end);
    } else if (target < start) {
      for (let at = 0; at < length; at++) {
        keys[target + at] = keys[start + at] as number;
        rows[target + at] = rows[start + at] as number;
      }
    } else {
      for (let at = length - 1; at >= 0; at--) {
        keys[target + at] = keys[start + at] as number;
        rows[target + at] = rows[start + at] as number;
      }
    }
  }

  /**
   * Makes room at both ends, in a larger array once half is in use; returns how far levels moved.
   */
  #recentre(): number {
    const used = this.end - this.#head;
    const length = used * 2 > this.#keys.length ? this.#keys.length * 2 : this.#keys.length;
    const head = (length - used) >> 1;
    const keys = new Float64Array(length);
    const rows = new Int32Array(length);
    keys.set(this.#keys.subarray(this.#head, this.end), head);
    rows.set(this.rows.subarray(this.#head, this.end), head);
    const moved = head - this.#head;
    this.#keys = keys;
    this.rows = rows;
    this.#head = head;
    this.end = head + used;
    return moved;
  }

  #growRows(): void {
    const length = this.cells.length / ROW_CELLS;
    const cells = new Int32Array(this.cells.length * 2);
    cells.set(this.cells);
    this.cells = cells;
    this.#free = new Int32Array(length * 2);
    for (let row = 0; row < length; row++) this.#free[row] = (length * 2 - 1 - row) * ROW_CELLS;
    this.#free_count = length;
  }
}
