/**
 * The scanner with what venues that quote their numbers need on top: `""` for "there is none", times,
 * markets, and typed reads that name what was wrong. After the first fault every further read is
 * harmless; `code` and `code_at` say what it was, and the frame is rejected once, at its end.
 *
 * It is not extended: what one venue needs on top are functions over it. A method that serves objects of
 * five classes is several times slower than one that serves objects of one, as soon as a process reads two
 * or three venues; so the plain scanner's users take this class too.
 */
import { InstantReader } from './instant.ts';
import { JsonScanner } from './json-scanner.ts';
import type { SymbolTable } from './symbol-table.ts';

/**
 * Why a frame of any of these venues is rejected (`EventBuffer.reason`; the offset is `EventBuffer.at`):
 *
 * - `bad_json` the frame is not one JSON value, nor a word the venue sends in place of one
 * - `not_object` JSON, but no object
 * - `unexpected_shape` an object or array where the other is due
 * - `bad_number` a quoted decimal is due, and something else is there
 * - `bad_integer` a whole number in plain digits is due, within the field's range
 * - `negative` a price or size below zero
 * - `overflow` a number beyond an int64 mantissa or exponents -64..63
 * - `bad_text` a string is due, and something else is there
 * - `bad_time` no time as the venue writes it, or beyond 64 bits of nanoseconds
 * - `bad_side` a side that is neither of the two the venue names
 * - `missing_field` a field without which the event would be made up
 * - `duplicate_key` a key given twice: which one holds is not defined
 * - `unknown_shape` an object that is no message the venue documents
 */
export type ReadFault =
  | 'bad_json'
  | 'not_object'
  | 'unexpected_shape'
  | 'bad_number'
  | 'bad_integer'
  | 'negative'
  | 'overflow'
  | 'bad_text'
  | 'bad_time'
  | 'bad_side'
  | 'missing_field'
  | 'duplicate_key'
  | 'unknown_shape';

const QUOTE = 0x22;
const INTEGER_DIGITS_MAX = 19;
const utf8 = new TextEncoder();

/** `Own`: the codes that only this venue has. */
export class QuotedReader<Own extends string> extends JsonScanner {
  /** Of the first fault; null while there is none. */
  code: ReadFault | Own | null = null;
  code_at = -1;

  /** Last instant read, u64 ns. */
  ts_hi = 0;
  ts_lo = 0;
  readonly instants = new InstantReader();

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end);
    this.code = null;
    this.code_at = -1;
  }

  override fail(): false {
    return this.refuse('unexpected_shape', this.at);
  }

  /** The frame is rejected with this code, at this offset. */
  refuse(code: ReadFault | Own, at: number): false {
    if (this.code === null) {
      this.code = code;
      this.code_at = at;
    }
    return super.fail();
  }

  /** Marks bit `key` of `seen`, where it is new. */
  once(seen: number, key: number): number {
    if ((seen & (1 << key)) !== 0) this.refuse('duplicate_key', this.at);
    return seen | (1 << key);
  }

  /** A quoted decimal, into `hi`, `lo`, `exp`. */
  decimal(): boolean {
    if (this.failed) return false;
    const quoted = this.peek() === QUOTE;
    const { at } = this;
    if (!quoted || !this.quotedNumber()) return this.blame('bad_number', at);
    return this.overflow ? this.refuse('overflow', this.from) : true;
  }

  /** A quoted price or size: not below zero. */
  amount(): boolean {
    if (!this.decimal()) return false;
    return this.hi < 0 ? this.refuse('negative', this.from) : true;
  }

  /** Consumes `""`, the venue's way to say that there is none. */
  isNone(): boolean {
    if (this.peek() !== QUOTE || this.bytes[this.at + 1] !== QUOTE) return false;
    return this.string();
  }

  /** A whole number of at least zero in plain digits, quoted or not, below 2^63. */
  integer(): boolean {
    const { at } = this;
    if (!this.numeral('bad_integer')) return false;
    return this.isPlain() ? true : this.refuse('bad_integer', at);
  }

  /** Milliseconds since the epoch, quoted or not, into `ts_hi`, `ts_lo`. */
  time(): boolean {
    const { at } = this;
    if (!this.numeral('bad_time')) return false;
    return this.timed(this.isPlain() && this.instants.fromMs(this.hi, this.lo), at);
  }

  /** A string; its content is `bytes[from, to)`, escapes and all. */
  words(): boolean {
    if (this.peek() !== QUOTE) return this.refuse('bad_text', this.at);
    return this.string();
  }

  /** A string that is one of our markets: its index, -1 where it is none or on a fault. */
  market(symbols: SymbolTable): number {
    if (!this.words()) return -1;
    if (!this.escaped) return symbols.find(this.bytes, this.from, this.to);
    const name = utf8.encode(this.text());
    return symbols.find(name, 0, name.length);
  }

  /** Whether the bytes read are one JSON value: whatever else is wrong with it. */
  isJson(start: number): boolean {
    this.reset(this.bytes, start, this.end);
    return this.skip() && this.atEnd();
  }

  /** A number, quoted or not, into `hi`, `lo`, `exp`. */
  numeral(code: ReadFault): boolean {
    if (this.failed) return false;
    const quoted = this.peek() === QUOTE;
    const { at } = this;
    if (!(quoted ? this.quotedNumber() : this.number())) return this.blame(code, at);
    return this.overflow ? this.refuse('overflow', this.from) : true;
  }

  /** Takes what `instants` read, where it was a time. */
  timed(isTime: boolean, at: number): boolean {
    if (!isTime) return this.refuse('bad_time', at);
    this.ts_hi = this.instants.hi;
    this.ts_lo = this.instants.lo;
    return true;
  }

  /** Whether the last number is `12`, not `-0`, `12.0` nor `1e3`. */
  isPlain(): boolean {
    if (this.hi < 0 || this.to - this.from > INTEGER_DIGITS_MAX) return false;
    for (let at = this.from; at < this.to; at++) {
      const digit = (this.bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) return false;
    }
    return true;
  }

  /** The read that just failed failed for this. */
  blame(code: ReadFault | Own, at: number): false {
    super.fail();
    this.code = code;
    this.code_at = at;
    return false;
  }
}
