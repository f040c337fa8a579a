/**
 * A reader for the bytes a venue really sends: literals compared where they must stand, numbers in plain
 * digits. It gives up at the first surprise (another order of keys, a space, an exponent, 19 digits) and
 * says so; the frame is then read by the generic scanner, which is the plain twin that tests hold every
 * rigid path against. It never decides that a frame is wrong.
 *
 * `bytes[end]` is 0 or a line feed, which no literal and no number holds: so nothing reads past a frame.
 */
import { InstantReader } from './instant.ts';
import type { SymbolTable } from './symbol-table.ts';

const utf8 = new TextEncoder();
const TENS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/** Digits of an int32 without a thought, and of a double. */
const INT_DIGITS = 9;
const EXACT_DIGITS = 15;
/** A point, less '0'. */
const POINT = -2;
const MINUS = 0x2d;

/** A literal to compare with: four bytes at a time as one word, then what is left. */
export type Literal = { readonly words: Int32Array; readonly rest: Uint8Array };

export function literal(text: string): Literal {
  const bytes = utf8.encode(text);
  const view = new DataView(bytes.buffer);
  const words = new Int32Array(bytes.length >> 2);
  for (let word = 0; word < words.length; word++) words[word] = view.getInt32(word * 4, true);
  return { words, rest: bytes.subarray(words.length * 4) };
}

export class RigidReader {
  bytes: Uint8Array = new Uint8Array(1);
  view = new DataView(this.bytes.buffer);
  at = 0;
  /** Last number: its mantissa in two's complement, and its exponent. */
  hi = 0;
  lo = 0;
  exp = 0;
  readonly instant = new InstantReader();

  open(bytes: Uint8Array, start: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = start;
  }

  /** Consumes the literal where it stands here. */
  is({ words, rest }: Literal): boolean {
    const { bytes, view } = this;
    let { at } = this;
    if (at + words.length * 4 > view.byteLength) return false;
    for (let index = 0; index < words.length; index++, at += 4) {
      if (view.getInt32(at, true) !== words[index]) return false;
    }
    for (let index = 0; index < rest.length; index++, at++) {
      if (bytes[at] !== rest[index]) return false;
    }
    this.at = at;
    return true;
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
    let digit = (bytes[at] as number) - 0x30;
    while (digit >= 0 && digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) - 0x30;
    }
    const whole = at - start;
    if (whole === 0 || (whole > 1 && bytes[start] === 0x30)) return false;
    if (whole > INT_DIGITS) return this.#wide(start);
    if (digit !== POINT) {
      this.at = at;
      this.hi = 0;
      this.lo = value;
      this.exp = 0;
      return true;
    }
    return this.#fraction(at + 1, value, whole);
  }

  /** A whole number below 2^32, into `lo`; what follows is the next literal's to refuse. */
  u32(): boolean {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    let value = 0;
    let digit = (bytes[at] as number) - 0x30;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = (bytes[++at] as number) - 0x30;
    }
    const digits = at - start;
    if (digits === 0 || digits > 10 || value > 0xffffffff) return false;
    if (digits > 1 && bytes[start] === 0x30) return false;
    this.at = at;
    this.lo = value | 0;
    return true;
  }

  /** A whole number of up to 15 digits, into `hi` and `lo`; what follows is the next literal's to refuse. */
  id(): boolean {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    let value = 0;
    let digit = (bytes[at] as number) - 0x30;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = (bytes[++at] as number) - 0x30;
    }
    const digits = at - start;
    if (digits === 0 || digits > EXACT_DIGITS || (digits > 1 && bytes[start] === 0x30))
      return false;
    this.at = at;
    this.hi = Math.floor(value / 4294967296);
    this.lo = (value - this.hi * 4294967296) | 0;
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
    const first = fourDigits(view.getInt32(start, true));
    const second = fourDigits(view.getInt32(start + 4, true));
    const third = fourDigits(view.getInt32(start + 8, true));
    const last = (this.bytes[start + 12] as number) - 0x30;
    const ms = (first * 10_000 + second) * 100_000 + (third * 10 + last);
    const hi = Math.floor(ms / 4294967296);
    return this.instant.fromMs(hi, (ms - hi * 4294967296) | 0);
  }

  /** The same where only its being a time counts. */
  skipMs(): boolean {
    const { view, at } = this;
    if (at + 13 > view.byteLength) return false;
    const first = view.getInt32(at, true);
    const odd =
      notDigits(first) |
      notDigits(view.getInt32(at + 4, true)) |
      notDigits(view.getInt32(at + 8, true));
    if (odd !== 0 || (first & 0xff) === 0x30) return false;
    const last = (this.bytes[at + 12] as number) - 0x30;
    if (!(last >= 0 && last <= 9)) return false;
    this.at = at + 13;
    return true;
  }

  /** The name of a market, up to the quote that ends it: its index, -1 where it is none of ours. */
  market(symbols: SymbolTable): number {
    const from = this.at;
    const to = this.quoteAt();
    if (to < 0) return -1;
    this.at = to;
    return symbols.find(this.bytes, from, to);
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
      const digit = (bytes[at] as number) - 0x30;
      if (digit === POINT && point < 0) point = at;
      else if (!(digit >= 0 && digit <= 9)) break;
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
    let digit = (bytes[at] as number) - 0x30;
    while (digit >= 0 && digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) - 0x30;
    }
    const digits = at - first;
    if (digits === 0) return false;
    if (digits > INT_DIGITS || whole_digits + digits > EXACT_DIGITS) {
      return this.#wide(first - whole_digits - 1);
    }
    this.at = at;
    this.exp = -digits;
    if (whole === 0) {
      this.hi = 0;
      this.lo = value;
      return true;
    }
    const mantissa = whole * (TENS[digits] as number) + value;
    if (mantissa < 0x80000000) {
      this.hi = 0;
      this.lo = mantissa | 0;
    } else {
      const hi = Math.floor(mantissa / 4294967296);
      this.hi = hi;
      this.lo = (mantissa - hi * 4294967296) | 0;
    }
    return true;
  }
}

/** Zero where the four bytes of a word are digits. */
function notDigits(word: number): number {
  const digits = word ^ 0x30303030;
  return ((digits + 0x76767676) | digits) & 0x80808080;
}

/** The number that the four digits of a word are, the first in its lowest byte. */
function fourDigits(word: number): number {
  const digits = word ^ 0x30303030;
  const pairs = (Math.imul(digits, 10) + (digits >>> 8)) & 0x00ff00ff;
  return Math.imul(pairs, 100 * 65536 + 1) >>> 16;
}
