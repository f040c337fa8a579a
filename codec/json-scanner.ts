/**
 * A pull scanner over the bytes of one JSON text: one pass, by offset, no strings and no objects
 * unless asked for. Correct for any valid JSON (any key order, white space, escapes, nesting up to
 * `DEPTH_MAX`); it is the plain twin that a venue's faster, rigid scanner is held against.
 *
 * After the first fault `failed` is true, `at` is where, and every further call is harmless: callers
 * check `failed` once, at the end. `bytes[end]` may be read, so it must exist (0 or a line feed).
 */
import { ABSENT } from './event-buffer.ts';
import { escapeLength, numberEnd } from './json-grammar.ts';
import { KEY_END, KEY_UNKNOWN, bytesEqual, findKey, keyTable } from './key-table.ts';
import type { KeyTable } from './key-table.ts';

export const DEPTH_MAX = 64;

const utf8 = new TextEncoder();
const looseUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export class JsonScanner {
  bytes: Uint8Array = new Uint8Array(1);
  at = 0;
  end = 0;
  failed = false;

  /** Last number: int64 mantissa in two's complement, and its exponent. */
  hi = 0;
  lo = 0;
  exp = 0;
  /** A number did not fit (int64 mantissa, exponent -64..63): its text is valid all the same. */
  overflow = false;

  /** Last string's content, between the quotes; `escaped` where it holds a backslash. */
  from = 0;
  to = 0;
  escaped = false;

  #fresh = false;

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.failed = false;
    this.overflow = false;
    this.#fresh = false;
  }

  /** Marks a fault at the present position; nothing after it can succeed. */
  fail(): false {
    if (!this.failed) this.failed = true;
    return false;
  }

  /** The next byte that is not white space, not consumed; 0 at the end or after a fault. */
  peek(): number {
    if (this.failed) return 0;
    const byte = this.bytes[this.at] as number;
    return byte > 0x20 && this.at < this.end ? byte : this.#peekOverSpace();
  }

  #peekOverSpace(): number {
    const { bytes, end } = this;
    let at = this.at;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.at = at;
        return byte;
      }
      at++;
    }
    this.at = end;
    return 0;
  }

  /** Whether only white space is left. */
  atEnd(): boolean {
    return this.peek() === 0 && !this.failed && this.at === this.end;
  }

  beginObject(): boolean {
    if (this.peek() !== 0x7b) return this.fail();
    this.at++;
    this.#fresh = true;
    return true;
  }

  /** Index of the next key in `table`, KEY_UNKNOWN (its value must be skipped), or KEY_END. */
  nextKey(table: KeyTable): number {
    const last = this.#fresh ? table.names.length + 1 : table.last;
    const guess = table.follows[last] as number;
    const name = table.written[guess];
    if (name !== undefined && !this.failed) {
      const { bytes } = this;
      const from = this.#fresh ? this.at : this.at + 1;
      if ((this.#fresh || bytes[this.at] === 0x2c) && from + name.length <= this.end) {
        let at = 0;
        while (at < name.length && name[at] === bytes[from + at]) at++;
        if (at === name.length) {
          this.#fresh = false;
          this.from = from + 1;
          this.to = from + at - 2;
          this.escaped = false;
          this.at = from + at;
          table.last = guess;
          return guess;
        }
      }
    }
    return this.#lookUpKey(table, last);
  }

  #lookUpKey(table: KeyTable, last: number): number {
    let byte = this.peek();
    if (byte === 0x7d) {
      this.at++;
      this.#fresh = false;
      return KEY_END;
    }
    if (!this.#fresh) {
      if (byte !== 0x2c) return this.#endByFault();
      this.at++;
      byte = this.peek();
    }
    this.#fresh = false;
    if (byte !== 0x22 || !this.string()) return this.#endByFault();
    const { from, to } = this;
    const index = this.escaped ? this.#escapedKey(table) : findKey(table, this.bytes, from, to);
    if (this.peek() !== 0x3a) return this.#endByFault();
    this.at++;
    const place = index === KEY_UNKNOWN ? table.names.length : index;
    table.follows[last] = place;
    table.last = place;
    return index;
  }

  beginArray(): boolean {
    if (this.peek() !== 0x5b) return this.fail();
    this.at++;
    this.#fresh = true;
    return true;
  }

  /** Whether another element follows; consumes the comma or the closing bracket. */
  nextElement(): boolean {
    const byte = this.peek();
    if (byte === 0x5d) {
      this.at++;
      this.#fresh = false;
      return false;
    }
    if (this.#fresh) {
      this.#fresh = false;
      return byte !== 0 || this.fail();
    }
    if (byte !== 0x2c) return this.fail();
    this.at++;
    const next = this.peek();
    return next !== 0x5d && next !== 0 ? true : this.fail();
  }

  /** A string; its content is `bytes[from, to)`. */
  string(): boolean {
    if (this.peek() !== 0x22) return this.fail();
    const { bytes, end } = this;
    let at = this.at + 1;
    this.from = at;
    this.escaped = false;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte === 0x22) {
        this.to = at;
        this.at = at + 1;
        return true;
      }
      if (byte < 0x20) break;
      if (byte === 0x5c) {
        this.escaped = true;
        const length = escapeLength(bytes, at, end);
        if (length === 0) break;
        at += length;
      } else {
        at++;
      }
    }
    this.at = at;
    return this.fail();
  }

  /** The last string as text, escapes resolved. */
  text(): string {
    const raw = this.bytes.subarray(this.from, this.to);
    if (this.escaped) return JSON.parse(`"${looseUtf8.decode(raw)}"`) as string;
    return looseUtf8.decode(raw);
  }

  /** Whether the last string's content is exactly these bytes (an escaped one never is). */
  textIs(name: Uint8Array): boolean {
    return !this.escaped && bytesEqual(name, this.bytes, this.from, this.to);
  }

  /** A JSON number into `hi`, `lo`, `exp`; its text is `bytes[from, to)`. */
  number(): boolean {
    this.peek();
    if (this.failed) return false;
    const start = this.at;
    const stop = this.#scanNumber(start, this.end);
    if (stop < 0) return this.fail();
    this.from = start;
    this.to = stop;
    this.at = stop;
    return true;
  }

  /** A string whose content is a number (`"0.014"`), as venues quote them. */
  quotedNumber(): boolean {
    if (!this.string()) return false;
    const stop = this.#scanNumber(this.from, this.to);
    if (stop !== this.to) {
      this.at = this.from;
      return this.fail();
    }
    return true;
  }

  /** A number, quoted or not; null leaves `exp` at ABSENT. */
  maybeNumber(): boolean {
    const byte = this.peek();
    if (byte === 0x22) return this.quotedNumber();
    if (byte === 0x6e) {
      this.exp = ABSENT;
      return this.#literal(0x6e);
    }
    return this.number();
  }

  /** true, false or null; returns its first byte, 0 on a fault. */
  literal(): number {
    const byte = this.peek();
    return this.#literal(byte) ? byte : 0;
  }

  /** Skips one value of any kind, checking its grammar. */
  skip(): boolean {
    return this.#skip(0);
  }

  #skip(depth: number): boolean {
    const byte = this.peek();
    if (byte === 0x22) return this.string();
    if (byte === 0x7b || byte === 0x5b) {
      if (depth >= DEPTH_MAX) return this.fail();
      if (byte === 0x7b) {
        this.beginObject();
        while (this.nextKey(NO_KEYS) !== KEY_END) {
          if (!this.#skip(depth + 1)) return false;
        }
      } else {
        this.beginArray();
        while (this.nextElement()) {
          if (!this.#skip(depth + 1)) return false;
        }
      }
      return !this.failed;
    }
    if (byte === 0x74 || byte === 0x66 || byte === 0x6e) return this.#literal(byte);
    const stop = this.failed ? -1 : numberEnd(this.bytes, this.at, this.end);
    if (stop < 0) return this.fail();
    this.at = stop;
    return true;
  }

  #literal(byte: number): boolean {
    const word = byte === 0x74 ? TRUE : byte === 0x66 ? FALSE : byte === 0x6e ? NULL : null;
    if (word === null || this.at + word.length > this.end) return this.fail();
    if (!bytesEqual(word, this.bytes, this.at, this.at + word.length)) return this.fail();
    this.at += word.length;
    return true;
  }

  #endByFault(): number {
    this.fail();
    return KEY_END;
  }

  #escapedKey(table: KeyTable): number {
    const key = utf8.encode(this.text());
    return findKey(table, key, 0, key.length);
  }

  /** Reads number grammar from `start`; returns where it ends, or -1. */
  #scanNumber(start: number, end: number): number {
    const { bytes } = this;
    const negative = bytes[start] === 0x2d;
    const whole = negative ? start + 1 : start;
    let at = whole;
    // Nine digits fit an int32; a double takes what follows.
    const nine = Math.min(end, whole + 9);
    let small = 0;
    let digit = 0;
    while (at < nine && (digit = (bytes[at] as number) - 0x30) >= 0 && digit <= 9) {
      small = (Math.imul(small, 10) + digit) | 0;
      at++;
    }
    let mantissa = small;
    while (at >= nine && at < end && (digit = (bytes[at] as number) - 0x30) >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      at++;
    }
    if (at === whole || (bytes[whole] === 0x30 && at > whole + 1)) return -1;
    let digits = at - whole;
    let fraction = 0;
    if (at < end && bytes[at] === 0x2e) {
      const first = at + 1;
      const nine = Math.min(end, first + 9);
      at = first;
      small = 0;
      while (at < nine && (digit = (bytes[at] as number) - 0x30) >= 0 && digit <= 9) {
        small = (Math.imul(small, 10) + digit) | 0;
        at++;
      }
      mantissa = mantissa * (TENS[at - first] as number) + small;
      while (at >= nine && at < end && (digit = (bytes[at] as number) - 0x30) >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        at++;
      }
      fraction = at - first;
      if (fraction === 0) return -1;
      digits += fraction;
    }
    let power = 0;
    if (at < end && ((bytes[at] as number) | 0x20) === 0x65) {
      const stop = numberEnd(bytes, start, end);
      if (stop < 0) return -1;
      power = Number(looseUtf8.decode(bytes.subarray(at + 1, stop)));
      at = stop;
    }
    this.#store(start, at, negative, mantissa, digits, power - fraction);
    return at;
  }

  #store(
    start: number,
    stop: number,
    negative: boolean,
    mantissa: number,
    digits: number,
    exponent: number,
  ): void {
    if (exponent < -64 || exponent > 63) this.overflow = true;
    this.exp = exponent;
    if (digits > 15) {
      this.#storeLong(start, stop, negative);
      return;
    }
    if (mantissa < 0x80000000) {
      const small = mantissa | 0;
      this.lo = negative ? -small | 0 : small;
      this.hi = negative && small !== 0 ? -1 : 0;
      return;
    }
    const hi = Math.floor(mantissa / 4294967296);
    const lo = mantissa - hi * 4294967296;
    if (negative) {
      this.lo = -lo | 0;
      this.hi = (lo === 0 ? -hi : ~hi) | 0;
    } else {
      this.lo = lo | 0;
      this.hi = hi | 0;
    }
  }

  /** More than 15 digits: a double would round, so the digits go through a bigint. */
  #storeLong(start: number, stop: number, negative: boolean): void {
    const text = looseUtf8.decode(this.bytes.subarray(start, stop));
    const plain = text.replace(/[eE].*$/, '').replace(/[-.]/g, '');
    const value = BigInt(plain) * (negative ? -1n : 1n);
    if (value > 0x7fffffffffffffffn || value < -0x8000000000000000n) this.overflow = true;
    this.lo = Number(BigInt.asIntN(32, value));
    this.hi = Number(BigInt.asIntN(32, value >> 32n));
  }
}

const TENS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const NO_KEYS = keyTable();
const TRUE = utf8.encode('true');
const FALSE = utf8.encode('false');
const NULL = utf8.encode('null');
