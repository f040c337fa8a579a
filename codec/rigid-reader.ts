/**
 * A reader for the bytes a venue really sends: literals compared where they must stand, numbers in plain
 * digits. It gives up at the first surprise (another order of keys, a space, an exponent, 19 digits) and
 * says so; the frame is then read by the generic scanner, which is the plain twin that tests hold every
 * rigid path against. It never decides that a frame is wrong.
 *
 * `bytes[end]` is 0 or a line feed, which no literal and no number holds: so nothing reads past a frame.
 */
import { InstantReader } from './instant.ts';
import { hashOf, literal, rigidMarkets } from './rigid-markets.ts';
import type { Literal, RigidMarkets } from './rigid-markets.ts';
import type { SymbolTable } from './symbol-table.ts';

const ZEROS = 0x30303030;
const TENS_32 = Int32Array.of(1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8);
const TENS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/** Digits of an int32 without a thought, and of a double. */
const INT_DIGITS = 9;
const EXACT_DIGITS = 15;
/** A point as digits are read. */
const POINT = 0x2e ^ 0x30;
const MINUS = 0x2d;
const QUOTE = 0x22;
const NO_MARKETS: RigidMarkets = { names: [], slots: Int32Array.of(-1) };
const tables = new WeakMap<SymbolTable, RigidMarkets>();

export { literal };

export class RigidReader {
  bytes: Uint8Array = new Uint8Array(1);
  view = new DataView(this.bytes.buffer);
  /** Bytes that may be read. */
  #size = 1;
  at = 0;
  /** Last number: its mantissa in two's complement, and its exponent. */
  hi = 0;
  lo = 0;
  exp = 0;
  readonly instant = new InstantReader();
  #symbols: SymbolTable | null = null;
  #markets: RigidMarkets = NO_MARKETS;

  open(bytes: Uint8Array, start: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.#size = bytes.length;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = start;
  }

  /** Consumes the literal where it stands here. */
  is({ length, doubles, last_double, first_word, last_word, mask }: Literal): boolean {
    const { view } = this;
    let { at } = this;
    const end = at + length;
    if (end > this.#size || end < 4) return false;
    if (length < 8) {
      if ((view.getInt32(end - 4, true) & mask) !== last_word) return false;
      if (length > 4 && view.getInt32(at, true) !== first_word) return false;
    } else {
      if (view.getFloat64(end - 8, true) !== last_double) return false;
      for (let index = 0; index < doubles.length; index++, at += 8) {
        if (view.getFloat64(at, true) !== doubles[index]) return false;
      }
    }
    this.at = end;
    return true;
  }

  /** The four bytes from here on and `offset` further, as one word; 0 where the buffer ends before. */
  word(offset: number): number {
    const at = this.at + offset;
    return at + 4 <= this.#size ? this.view.getInt32(at, true) : 0;
  }

  /** Where the next quote stands, with nothing odd before it; -1 where there is none. */
  quoteAt(): number {
    const { bytes } = this;
    for (let at = this.at; ; at++) {
      const byte = bytes[at] as number;
      if (byte === 0x22) return at;
      if (!(byte >= 0x20 && byte !== 0x5c)) return -1;
    }
  }

  /** `12` or `12.50` of up to 18 digits; what follows (an exponent, say) is the next literal's to refuse. */
  amount(): boolean {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    let value = 0;
    // A digit's byte, and no other, gives at most nine here.
    let digit = (bytes[at] as number) ^ 0x30;
    while (digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) ^ 0x30;
    }
    const whole = at - start;
    if (whole === 0 || (whole > 1 && bytes[start] === 0x30)) return false;
    if (digit === POINT) return this.#fraction(at + 1, value, whole);
    if (whole > INT_DIGITS) return this.#wide(start);
    this.at = at;
    this.hi = 0;
    this.lo = value;
    this.exp = 0;
    return true;
  }

  /** A whole number below 2^32, into `lo`; what follows is the next literal's to refuse. */
  u32(): boolean {
    return this.id() && this.hi === 0;
  }

  /** A whole number of up to 15 digits, into `hi` and `lo`; what follows is the next literal's to refuse. */
  id(): boolean {
    const { bytes, view } = this;
    const start = this.at;
    let at = start;
    let head = 0;
    if (at + 8 <= this.#size) {
      const first = view.getInt32(at, true) ^ ZEROS;
      const second = view.getInt32(at + 4, true) ^ ZEROS;
      if ((oddBytes(first) | oddBytes(second)) === 0) {
        head = fourOf(first) * 10_000 + fourOf(second);
        at += 8;
      }
    }
    const middle = at;
    let tail = 0;
    let digit = (bytes[at] as number) ^ 0x30;
    while (digit <= 9) {
      tail = (Math.imul(tail, 10) + digit) | 0;
      digit = (bytes[++at] as number) ^ 0x30;
    }
    const digits = at - start;
    if (digits === 0 || digits > EXACT_DIGITS || (digits > 1 && bytes[start] === 0x30))
      return false;
    if (at - middle > INT_DIGITS) return false;
    this.at = at;
    this.#join(head, tail, at - middle);
    return true;
  }

  /** An amount that may be below zero. */
  signed(): boolean {
    if (this.bytes[this.at] !== MINUS) return this.amount();
    this.at++;
    if (!this.amount()) return false;
    this.hi = this.lo === 0 ? -this.hi | 0 : ~this.hi;
    this.lo = -this.lo | 0;
    return true;
  }

  /** Any plain text, and the quote that ends it. */
  text(): boolean {
    const quote = this.quoteAt();
    this.at = quote + 1;
    return quote >= 0;
  }

  /** Milliseconds since the epoch of thirteen digits (from 2001 to 2286), into `instant`. */
  ms(): boolean {
    const { view } = this;
    const start = this.at;
    if (!this.skipMs()) return false;
    const first = fourOf(view.getInt32(start, true) ^ ZEROS);
    const second = fourOf(view.getInt32(start + 4, true) ^ ZEROS);
    const third = fourOf(view.getInt32(start + 8, true) ^ ZEROS);
    const last = (this.bytes[start + 12] as number) ^ 0x30;
    return this.instant.fromWholeMs((first * 10_000 + second) * 100_000 + (third * 10 + last));
  }

  /** The same where only its being a time counts. */
  skipMs(): boolean {
    const { view, at } = this;
    if (at + 13 > this.#size) return false;
    const first = view.getInt32(at, true) ^ ZEROS;
    const second = view.getInt32(at + 4, true) ^ ZEROS;
    const third = view.getInt32(at + 8, true) ^ ZEROS;
    const last = (this.bytes[at + 12] as number) ^ 0x30;
    if ((oddBytes(first) | oddBytes(second) | oddBytes(third)) !== 0) return false;
    if (last > 9 || (first & 0xff) === 0) return false;
    this.at = at + 13;
    return true;
  }

  /** The name of a market, up to the quote that ends it: its index, -1 where it is none of ours. */
  market(symbols: SymbolTable): number {
    const { bytes, view, at: from } = this;
    const { names, slots } = symbols === this.#symbols ? this.#markets : this.#take(symbols);
    let to = from;
    while ((bytes[to] as number) > QUOTE) to++;
    if (bytes[to] !== QUOTE || to === from || to < 4) return -1;
    const last = slots.length - 1;
    for (let slot = hashOf(view, from, to) & last; ; slot = (slot + 1) & last) {
      const index = slots[slot] as number;
      if (index < 0) return -1;
      const name = names[index] as Literal;
      if (name.length === to - from && this.is(name)) return index;
    }
  }

  #take(symbols: SymbolTable): RigidMarkets {
    let known = tables.get(symbols);
    if (known === undefined) {
      known = rigidMarkets(symbols);
      tables.set(symbols, known);
    }
    this.#symbols = symbols;
    this.#markets = known;
    return known;
  }

  /** The plain text that begins at `from` once more; consumes all but the quote behind it. */
  again(from: number): boolean {
    const { bytes } = this;
    let { at } = this;
    for (let known = from; bytes[known] !== 0x22; known++, at++) {
      if (bytes[at] !== bytes[known]) return false;
    }
    this.at = at;
    return true;
  }

  /** What more than 15 digits or a long fraction need: the first nine, and the nine behind them. */
  #wide(start: number): boolean {
    const { bytes } = this;
    let at = start;
    let head = 0;
    let tail = 0;
    let digits = 0;
    let point = -1;
    for (; ; at++) {
      const digit = (bytes[at] as number) ^ 0x30;
      if (digit === POINT && point < 0) point = at;
      else if (digit > 9) break;
      else if (digits++ < INT_DIGITS) head = head * 10 + digit;
      else tail = tail * 10 + digit;
    }
    const behind = digits - INT_DIGITS;
    if (behind < 0 || behind > INT_DIGITS || point === at - 1) return false;
    // In halves of 32 bits: head * 10^behind may pass 2^53.
    const unit = TENS[behind] as number;
    const high = Math.floor(head / 65536);
    const upper = high * unit;
    const upper_high = Math.floor(upper / 65536);
    const sum = (upper - upper_high * 65536) * 65536 + (head - high * 65536) * unit + tail;
    const carry = Math.floor(sum / 4294967296);
    this.at = at;
    this.hi = (upper_high + carry) | 0;
    this.lo = (sum - carry * 4294967296) | 0;
    this.exp = point < 0 ? 0 : point + 1 - at;
    return true;
  }

  #fraction(first: number, whole: number, whole_digits: number): boolean {
    const { bytes } = this;
    let at = first;
    let value = 0;
    let digit = (bytes[at] as number) ^ 0x30;
    while (digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) ^ 0x30;
    }
    const digits = at - first;
    if (digits === 0) return false;
    const all = whole_digits + digits;
    if (all <= INT_DIGITS) {
      this.hi = 0;
      this.lo = (Math.imul(whole, TENS_32[digits] as number) + value) | 0;
    } else if (all <= EXACT_DIGITS && whole_digits <= INT_DIGITS && digits <= INT_DIGITS) {
      this.#join(whole, value, digits);
    } else {
      return this.#wide(first - whole_digits - 1);
    }
    this.at = at;
    this.exp = -digits;
    return true;
  }

  /** `head` with the digits of `tail` behind it: 15 together. */
  #join(head: number, tail: number, tail_digits: number): void {
    const value = head * (TENS[tail_digits] as number) + tail;
    const hi = Math.floor(value / 4294967296);
    this.hi = hi | 0;
    this.lo = (value - hi * 4294967296) | 0;
  }
}

/** Four bytes, less '0' each: zero where all are digits. The sum does not leave an int32, which would cost. */
function oddBytes(digits: number): number {
  return (digits | (digits + 0x06060606)) & 0xf0f0f0f0;
}

/** The number that four digits are, less '0' each, the first in the lowest byte. */
function fourOf(digits: number): number {
  const pairs = (Math.imul(digits, 10) + (digits >>> 8)) & 0x00ff00ff;
  return Math.imul(pairs, 100 * 65536 + 1) >>> 16;
}
