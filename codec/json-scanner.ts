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
import { scanLongNumber } from './json-number.ts';
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
    let byte = this.peek();
    if (byte === 0x7d) {
      this.at++;
      this.#fresh = false;
      return KEY_END;
    }
    if (this.#fresh) {
      this.#fresh = false;
    } else {
      if (byte !== 0x2c) return this.#endByFault();
      this.at++;
      byte = this.peek();
    }
    if (byte !== 0x22) return this.#endByFault();
    const guess = table.follows[last] as number;
    if (this.#isKey(table.written[guess])) {
      table.last = guess;
      return guess;
    }
    const second = table.follows_else[last] as number;
    if (this.#isKey(table.written[second])) {
      table.last = second;
      return second;
    }
    table.follows_else[last] = guess;
    return this.#lookUpKey(table, last);
  }

  /** Consumes a key with its colon where it stands here as venues write it. */
  #isKey(name: Uint8Array | undefined): boolean {
    if (name === undefined) return false;
    const { bytes, at: from } = this;
    const { length } = name;
    // The opening quote is there.
    let at = 1;
    while (at < length && name[at] === bytes[from + at]) at++;
    if (at < length || from + length > this.end) return false;
    this.from = from + 1;
    this.to = from + length - 2;
    this.escaped = false;
    this.at = from + length;
    return true;
  }

  #lookUpKey(table: KeyTable, last: number): number {
    if (!this.string()) return this.#endByFault();
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
    if (this.peek() !== 0x22) return this.fail();
    const from = this.at + 1;
    const stop = this.#scanNumber(from, this.end);
    if (stop >= 0 && stop < this.end && this.bytes[stop] === 0x22) {
      this.from = from;
      this.to = stop;
      this.escaped = false;
      this.at = stop + 1;
      return true;
    }
    // What it is instead decides where the fault is: a string that is no number, or none that ends.
    if (this.string()) this.at = this.from;
    return this.fail();
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

  /**
   * Steps over one value by its quotes and brackets alone, several times as fast. Whether it is JSON is not
   * asked: only for what is read, or skipped, afterwards.
   */
  glance(): boolean {
    const first = this.peek();
    if (first === 0x22) return this.string();
    if (first !== 0x7b && first !== 0x5b) return this.#skip(0);
    const { bytes, end } = this;
    let depth = 0;
    for (let at = this.at; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === 0x22) {
        at++;
        for (let inner = bytes[at]; inner !== 0x22 && at < end; inner = bytes[++at]) {
          if (inner === 0x5c) at++;
        }
      } else if ((byte | 0x20) === 0x7b) {
        depth++;
      } else if ((byte | 0x20) === 0x7d && --depth === 0) {
        this.at = at + 1;
        return true;
      }
    }
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
    let value = 0;
    // A digit's byte, and no other, gives at most nine here.
    let digit = (bytes[at] as number) ^ 0x30;
    while (digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) ^ 0x30;
    }
    let digits = at - whole;
    let fraction = 0;
    if (digit === POINT) {
      const first = ++at;
      digit = (bytes[at] as number) ^ 0x30;
      while (digit <= 9) {
        value = (Math.imul(value, 10) + digit) | 0;
        digit = (bytes[++at] as number) ^ 0x30;
      }
      fraction = at - first;
      digits += fraction;
      if (fraction === 0) return -1;
    }
    const odd = digits === fraction || (bytes[whole] === 0x30 && digits - fraction > 1);
    if (odd || at > end || digits > 9 || (digit | 0x20) === EXPONENT) {
      return scanLongNumber(this, bytes, start, end);
    }
    this.exp = 0 - fraction;
    this.lo = negative ? -value | 0 : value;
    this.hi = negative && value !== 0 ? -1 : 0;
    return at;
  }
}

/** A point and an exponent's letter, as digits are read. */
const POINT = 0x2e ^ 0x30;
const EXPONENT = (0x65 ^ 0x30) | 0x20;
const NO_KEYS = keyTable();
const TRUE = utf8.encode('true');
const FALSE = utf8.encode('false');
const NULL = utf8.encode('null');
