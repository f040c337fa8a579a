/**
 * The scanner with what Kraken's frames need on top: typed reads that name what was wrong, and
 * instants. After the first fault every further read is harmless; `code` and `code_at` say what it
 * was, and the frame is rejected once, at its end.
 */
import { InstantReader } from '../../codec/instant.ts';
import { JsonScanner } from '../../codec/json-scanner.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';

/**
 * Why a frame is rejected (`EventBuffer.reason`; the offset is `EventBuffer.at`):
 *
 * - `bad_json` not valid JSON, or an object or array where the other is due
 * - `not_object` valid so far, but the frame is no JSON object
 * - `bad_number` a number is due, and something else is there
 * - `bad_integer` a whole number is due, in plain digits, within the field's range
 * - `negative` a price, size or count below zero
 * - `overflow` a number beyond an int64 mantissa or exponents -64..63
 * - `bad_text` a string is due, and something else is there
 * - `text_too_long` a text over 64 KiB
 * - `bad_timestamp` not RFC 3339 in UTC, in the years 1970 to 2199
 * - `bad_side` a side that is neither `buy` nor `sell`
 * - `bad_type` a message type that is neither `snapshot` nor `update`
 * - `missing_field` a field without which the event would mean nothing
 * - `duplicate_key` more than one `channel`, `type` or `data` in a frame
 * - `unknown_shape` an object with neither `channel` nor `method` nor an error
 */
export type RejectCode =
  | 'bad_json'
  | 'not_object'
  | 'bad_number'
  | 'bad_integer'
  | 'negative'
  | 'overflow'
  | 'bad_text'
  | 'text_too_long'
  | 'bad_timestamp'
  | 'bad_side'
  | 'bad_type'
  | 'missing_field'
  | 'duplicate_key'
  | 'unknown_shape';

const TEXT_BYTES_MAX = 64 * 1024;
const QUOTE = 0x22;
const NULL_START = 0x6e;
const utf8 = new TextEncoder();
const ascii = new TextDecoder('latin1');

export class FrameReader extends JsonScanner {
  /** Of the first fault; null while there is none. */
  code: RejectCode | null = null;
  code_at = -1;

  /** Last instant read, u64 ns; both 0 is the venue's placeholder for none. */
  ts_hi = 0;
  ts_lo = 0;
  readonly #instants = new InstantReader();

  override reset(bytes: Uint8Array, start: number, end: number): void {
    super.reset(bytes, start, end);
    this.code = null;
    this.code_at = -1;
  }

  override fail(): false {
    if (this.code === null) {
      this.code = 'bad_json';
      this.code_at = this.at;
    }
    return super.fail();
  }

  /** The frame is rejected with this code, at this offset. */
  refuse(code: RejectCode, at: number): false {
    if (this.code === null) {
      this.code = code;
      this.code_at = at;
    }
    return super.fail();
  }

  /** Any number that fits, into `hi`, `lo`, `exp`. */
  decimal(): boolean {
    const byte = this.peek();
    if (byte !== 0x2d && (byte < 0x30 || byte > 0x39)) return this.refuse('bad_number', this.at);
    if (!this.number()) return false;
    return this.overflow ? this.refuse('overflow', this.from) : true;
  }

  /** A price, size or count: not below zero. */
  amount(): boolean {
    if (!this.decimal()) return false;
    return this.hi < 0 ? this.refuse('negative', this.from) : true;
  }

  /** A whole number of at least zero in plain digits (no fraction, no exponent), below 2^63. */
  integer(): boolean {
    if (!this.amount()) return false;
    if (this.exp !== 0) return this.refuse('bad_integer', this.from);
    for (let at = this.from; at < this.to; at++) {
      const digit = (this.bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) return this.refuse('bad_integer', this.from);
    }
    return true;
  }

  /** `integer` of at most `max`, which is below 2^31; its value is `lo`. */
  smallInteger(max: number): boolean {
    if (!this.integer()) return false;
    if (this.hi !== 0 || this.lo < 0 || this.lo > max) {
      return this.refuse('bad_integer', this.from);
    }
    return true;
  }

  /** The last number as it was written. */
  numberText(): string {
    return ascii.decode(this.bytes.subarray(this.from, this.to));
  }

  /** A string; its content is `bytes[from, to)`, escapes and all. */
  words(): boolean {
    if (this.peek() !== QUOTE) return this.refuse('bad_text', this.at);
    if (!this.string()) return false;
    const fits = this.to - this.from <= TEXT_BYTES_MAX;
    return fits ? true : this.refuse('text_too_long', this.from);
  }

  /** A time as Kraken writes it, into `ts_hi`, `ts_lo`. */
  instant(): boolean {
    if (this.peek() !== QUOTE) return this.refuse('bad_timestamp', this.at);
    if (!this.string()) return false;
    const isTime = this.escaped
      ? this.#readInstant(utf8.encode(this.text()))
      : this.#readInstant(this.bytes, this.from, this.to);
    if (!isTime) return this.refuse('bad_timestamp', this.from);
    this.ts_hi = this.#instants.hi;
    this.ts_lo = this.#instants.lo;
    return true;
  }

  /** Beyond the year 2199 nanoseconds soon leave 64 bits. */
  #readInstant(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
    const century = ((bytes[from] as number) - 0x30) * 10 + (bytes[from + 1] as number) - 0x30;
    return century >= 19 && century <= 21 && this.#instants.fromIso(bytes, from, to);
  }

  /** Consumes a null if one is next: Kraken's way to say nothing about an optional field. */
  isNull(): boolean {
    return this.peek() === NULL_START && this.literal() !== 0;
  }

  /** A string that is one of our markets: its index, -1 where it is none or on a fault. */
  market(symbols: SymbolTable): number {
    if (!this.words()) return -1;
    if (!this.escaped) return symbols.find(this.bytes, this.from, this.to);
    const name = utf8.encode(this.text());
    return symbols.find(name, 0, name.length);
  }

  /** Whether the last string fits once decoded: a stray byte becomes three of U+FFFD. */
  fitsDecoded(): boolean {
    const fits = (this.to - this.from) * 3 <= TEXT_BYTES_MAX;
    return fits ? true : this.refuse('text_too_long', this.from);
  }

  /** Whether the last string may be kept as a range of the frame: ASCII without escapes. */
  isPlain(): boolean {
    if (this.escaped) return false;
    for (let at = this.from; at < this.to; at++) {
      if ((this.bytes[at] as number) >= 0x80) return false;
    }
    return true;
  }
}
