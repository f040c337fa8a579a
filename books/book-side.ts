/**
 * One side of a book: levels in order of price, each with the digits the wire had.
 *
 * Sorted keys lie in the middle of an array, worst first and best last, free at both ends: an
 * insert or removal moves the shorter part, and cutting to a depth moves one index. Beside each key
 * stands the *row* that holds the level's columns, so only twelve bytes a level ever move.
 */
import { compareTied, priceKey } from './price-key.ts';

/** Levels looked at one by one from the best before the search turns binary. */
const LINEAR_LEVELS = 8;
/** Levels a rule may keep running values of. */
const RUNNING_LEVELS = 32;
/** Moves up to this many levels are loops; the call into `copyWithin` costs more than they do. */
const LOOP_MOVES = 24;

export class BookSide {
  /** 1 where the highest price is best (bids), -1 where the lowest is (asks). */
  readonly sign: 1 | -1;
  /** Levels on this side. */
  count = 0;

  /** Columns by row (`rowAt`): mantissa and exponent of price and size as they came. */
  price_hi: Int32Array;
  price_lo: Int32Array;
  price_exp: Int32Array;
  size_hi: Int32Array;
  size_lo: Int32Array;
  size_exp: Int32Array;
  /**
   * Room for one value a rule derives from a level (its part of a checksum) and the length of what
   * it covers; a length of 0 says it is not known. Setting a level forgets it.
   */
  memo: Int32Array;
  memo_length: Uint8Array;
  /**
   * Positions, from the best, that hold what they held when a rule last set this: what it derived of
   * all levels down to one of them (a running checksum) need not be derived again. Changes lower it.
   */
  steady = 0;
  /** Room for such a running value and its length, by position. */
  readonly running = new Int32Array(RUNNING_LEVELS);
  readonly running_length = new Int32Array(RUNNING_LEVELS);

  #keys: Float64Array;
  #rows: Int32Array;
  #head: number;
  #tail: number;
  /** Rows without a level: the first `#free_count` of `#free`. */
  #free: Int32Array;
  #free_count: number;

  constructor(sign: 1 | -1, levels = 32) {
    this.sign = sign;
    this.price_hi = new Int32Array(levels);
    this.price_lo = new Int32Array(levels);
    this.price_exp = new Int32Array(levels);
    this.size_hi = new Int32Array(levels);
    this.size_lo = new Int32Array(levels);
    this.size_exp = new Int32Array(levels);
    this.memo = new Int32Array(levels);
    this.memo_length = new Uint8Array(levels);
    this.#keys = new Float64Array(levels * 4);
    this.#rows = new Int32Array(levels * 4);
    this.#head = levels * 2;
    this.#tail = levels * 2;
    this.#free = new Int32Array(levels);
    for (let row = 0; row < levels; row++) this.#free[row] = levels - 1 - row;
    this.#free_count = levels;
  }

  /** Row of the level at a position, 0 being the best; the position must be below `count`. */
  rowAt(position: number): number {
    return this.#rows[this.#tail - 1 - position] as number;
  }

  /** The nearest double of the price at a position, times `sign`: order it by, never show it. */
  keyAt(position: number): number {
    return this.#keys[this.#tail - 1 - position] as number;
  }

  /** Inserts a level or replaces the one at that price, digits and all; returns its position. */
  set(
    price_hi: number,
    price_lo: number,
    price_exp: number,
    size_hi: number,
    size_lo: number,
    size_exp: number,
  ): number {
    const key = this.sign * priceKey(price_hi, price_lo, price_exp);
    let at = this.#find(key, price_hi, price_lo, price_exp);
    if (at < 0) at = this.#insert(~at, key);
    const row = this.#rows[at] as number;
    this.price_hi[row] = price_hi;
    this.price_lo[row] = price_lo;
    this.price_exp[row] = price_exp;
    this.size_hi[row] = size_hi;
    this.size_lo[row] = size_lo;
    this.size_exp[row] = size_exp;
    this.memo_length[row] = 0;
    const position = this.#tail - 1 - at;
    if (position < this.steady) this.steady = position;
    return position;
  }

  /**
   * Removes the level at that price, whatever scale it is written in; false where there is none.
   */
  remove(price_hi: number, price_lo: number, price_exp: number): boolean {
    const key = this.sign * priceKey(price_hi, price_lo, price_exp);
    const at = this.#find(key, price_hi, price_lo, price_exp);
    if (at < 0) return false;
    this.#release(this.#rows[at] as number);
    const tail = this.#tail - 1;
    if (tail - at < this.steady) this.steady = tail - at;
    if (tail - at <= at - this.#head) {
      this.#move(at, at + 1, this.#tail);
      this.#tail = tail;
    } else {
      this.#move(this.#head + 1, this.#head, at);
      this.#head++;
    }
    return true;
  }

  /** Drops the worst levels until at most `depth` are left. */
  truncate(depth: number): void {
    while (this.count > depth) this.#release(this.#rows[this.#head++] as number);
    if (depth < this.steady) this.steady = depth;
  }

  clear(): void {
    this.truncate(0);
    this.#head = this.#keys.length >> 1;
    this.#tail = this.#head;
  }

  clone(): BookSide {
    const copy = new BookSide(this.sign, 1);
    copy.count = this.count;
    copy.price_hi = this.price_hi.slice();
    copy.price_lo = this.price_lo.slice();
    copy.price_exp = this.price_exp.slice();
    copy.size_hi = this.size_hi.slice();
    copy.size_lo = this.size_lo.slice();
    copy.size_exp = this.size_exp.slice();
    copy.memo = this.memo.slice();
    copy.memo_length = this.memo_length.slice();
    copy.steady = this.steady;
    copy.running.set(this.running);
    copy.running_length.set(this.running_length);
    copy.#keys = this.#keys.slice();
    copy.#rows = this.#rows.slice();
    copy.#head = this.#head;
    copy.#tail = this.#tail;
    copy.#free = this.#free.slice();
    copy.#free_count = this.#free_count;
    return copy;
  }

  /** Index of the level at that price, or the complement of where it belongs. */
  #find(key: number, hi: number, lo: number, exp: number): number {
    const keys = this.#keys;
    const head = this.#head;
    let at = this.#tail - 1;
    const near = at - LINEAR_LEVELS;
    while (at >= head && at > near && (keys[at] as number) > key) at--;
    if (at >= head && (keys[at] as number) > key) at = this.#lastNotAbove(key, head, at);
    while (at >= head && keys[at] === key) {
      const row = this.#rows[at] as number;
      const order = compareTied(
        this.price_hi[row] as number,
        this.price_lo[row] as number,
        this.price_exp[row] as number,
        hi,
        lo,
        exp,
      );
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
    if (this.#tail - at <= at - this.#head) {
      if (this.#tail === this.#keys.length) at += this.#recentre();
      this.#move(at + 1, at, this.#tail);
      this.#tail++;
    } else {
      if (this.#head === 0) at += this.#recentre();
      this.#move(this.#head - 1, this.#head, at);
      this.#head--;
      at--;
    }
    if (this.#free_count === 0) this.#growRows();
    this.#keys[at] = key;
    this.#rows[at] = this.#free[--this.#free_count] as number;
    this.count++;
    return at;
  }

  #release(row: number): void {
    this.#free[this.#free_count++] = row;
    this.count--;
  }

  /** Moves keys and rows `[start, end)` to begin at `target`. */
  #move(target: number, start: number, end: number): void {
    const keys = this.#keys;
    const rows = this.#rows;
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
    const used = this.#tail - this.#head;
    const length = used * 2 > this.#keys.length ? this.#keys.length * 2 : this.#keys.length;
    const head = (length - used) >> 1;
    const keys = new Float64Array(length);
    const rows = new Int32Array(length);
    keys.set(this.#keys.subarray(this.#head, this.#tail), head);
    rows.set(this.#rows.subarray(this.#head, this.#tail), head);
    const moved = head - this.#head;
    this.#keys = keys;
    this.#rows = rows;
    this.#head = head;
    this.#tail = head + used;
    return moved;
  }

  #growRows(): void {
    const length = this.price_hi.length;
    this.price_hi = doubled(this.price_hi);
    this.price_lo = doubled(this.price_lo);
    this.price_exp = doubled(this.price_exp);
    this.size_hi = doubled(this.size_hi);
    this.size_lo = doubled(this.size_lo);
    this.size_exp = doubled(this.size_exp);
    this.memo = doubled(this.memo);
    const lengths = new Uint8Array(length * 2);
    lengths.set(this.memo_length);
    this.memo_length = lengths;
    this.#free = new Int32Array(length * 2);
    for (let row = 0; row < length; row++) this.#free[row] = length * 2 - 1 - row;
    this.#free_count = length;
  }
}

function doubled(column: Int32Array): Int32Array {
  const larger = new Int32Array(column.length * 2);
  larger.set(column);
  return larger;
}
