/**
 * What the decoders of this feed share: the scanner, the frame's place, the fields seen, and the
 * first thing wrong with it. One reader serves every frame; nothing in it outlives a frame.
 */
import { ABSENT } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { InstantReader } from '../../codec/instant.ts';
import type { JsonScanner } from '../../codec/json-scanner.ts';
import { QuotedReader } from '../../codec/quoted-reader.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';

/**
 * Why a frame is rejected; the part after a colon names the field. In the order they are looked
 * for: the text, then the shape, then the values.
 */
export const REJECTIONS = {
  invalid_json: 'the frame is not one JSON value',
  unexpected_shape: 'valid JSON, but a documented field holds another kind of value',
  unknown_message: 'an object that is no event, no acknowledgement and no error',
  number_overflow: 'a mantissa beyond int64, or an exponent outside -64..63',
  'bad_integer:<field>': 'an id, count or time that is negative or has a fraction',
  'bad_time:<field>': 'milliseconds that do not fit 64 bits of nanoseconds',
  'bad_side:<field>': 'a side that is neither BUY nor SELL',
  'bad_interval:<field>': 'a candle interval the venue does not document',
  'negative_size:<field>': 'a size or quantity below zero',
  'duplicate_field:<field>': 'a field given twice: which one holds is not defined',
  'missing_field:<field>': 'a field without which the event would be made up',
} as const;

/** Milliseconds from here on do not fit u64 nanoseconds: `MS_HI_LIMIT * 2^32` is the year 2527. */
const MS_HI_LIMIT = 4096;

const utf8 = new TextEncoder();
const NO_SYMBOLS = createSymbolTable([]);

export class FrameReader {
  readonly scanner = new QuotedReader<never>();
  readonly instant = new InstantReader();
  bytes: Uint8Array = new Uint8Array(1);
  start = 0;
  end = 0;
  symbols: SymbolTable = NO_SYMBOLS;
  /** The stream's name in the combined wrapper, `bytes[stream_from, stream_to)`; -1 without one. */
  stream_from = -1;
  stream_to = -1;
  /** First value that is wrong, as a rejection code, and where; '' while none is. */
  fault = '';
  fault_at = -1;
  /**
   * Index of the market of `s` in `symbols`, -1 where it is not configured, -2 before it is read.
   */
  symbol = -2;
  /** Bits of the fields seen in the object being read. */
  seen = 0;

  open(bytes: Uint8Array, start: number, end: number, symbols: SymbolTable): void {
    this.scanner.reset(bytes, start, end);
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.symbols = symbols;
    this.stream_from = -1;
    this.stream_to = -1;
    this.fault = '';
    this.fault_at = -1;
    this.symbol = -2;
    this.seen = 0;
  }

  /** Remembers the first wrong value; reading goes on, because invalid JSON outranks it. */
  wrong(code: string): void {
    if (this.fault !== '') return;
    this.fault = code;
    this.fault_at = this.scanner.from;
  }

  /** Marks field `key` of `names` as seen. */
  see(key: number, names: readonly string[]): void {
    const bit = 1 << key;
    if ((this.seen & bit) !== 0) this.wrong(`duplicate_field:${names[key] ?? key}`);
    this.seen |= bit;
  }

  /** Every bit of `required` must have been seen. */
  demand(required: number, names: readonly string[]): void {
    const missing = required & ~this.seen;
    if (missing === 0) return;
    const key = 31 - Math.clz32(missing & -missing);
    this.wrong(`missing_field:${names[key] ?? key}`);
  }

  /** An unsigned integer below 2^63 into the scanner's `hi`, `lo`; its text is `from..to`. */
  integer(field: string): void {
    const { scanner } = this;
    if (!scanner.number()) return;
    // -0 is a valid number and no id.
    const negative = scanner.hi < 0 || this.bytes[scanner.from] === 0x2d;
    if (negative || scanner.to - scanner.from > 19 || !isPlainInteger(scanner)) {
      this.wrong(`bad_integer:${field}`);
    }
  }

  /** Milliseconds since the epoch, into `instant`. */
  time(field: string): void {
    this.integer(field);
    const { scanner } = this;
    if (scanner.failed) return;
    if (scanner.hi < 0 || scanner.hi >= MS_HI_LIMIT) this.wrong(`bad_time:${field}`);
    else this.instant.fromMs(scanner.hi, scanner.lo);
  }

  /** The market named by the string just read. */
  readSymbol(): void {
    const { scanner } = this;
    if (!scanner.string()) return;
    if (scanner.escaped) {
      const name = utf8.encode(scanner.text());
      this.symbol = this.symbols.find(name, 0, name.length);
    } else {
      this.symbol = this.symbols.find(this.bytes, scanner.from, scanner.to);
    }
  }

  /** A quoted decimal into a field of an event. */
  decimal(out: EventBuffer, event: number, field: number): void {
    const { scanner } = this;
    if (scanner.quotedNumber()) out.set(event, field, scanner.hi, scanner.lo, scanner.exp);
  }

  /** A quoted decimal that is a quantity. */
  size(out: EventBuffer, event: number, field: number, name: string): void {
    this.decimal(out, event, field);
    if (this.scanner.hi < 0) this.wrong(`negative_size:${name}`);
  }

  /** A quoted decimal, or `""` and null for "there is none". */
  optionalDecimal(out: EventBuffer, event: number, field: number): void {
    const { scanner } = this;
    const { at } = scanner;
    const byte = scanner.peek();
    if (byte === 0x22 && this.bytes[scanner.at + 1] === 0x22) {
      scanner.string();
      return;
    }
    scanner.at = at;
    scanner.maybeNumber();
    if (!scanner.failed && scanner.exp !== ABSENT) {
      out.set(event, field, scanner.hi, scanner.lo, scanner.exp);
    }
  }

  /** An integer into a field of an event. */
  count(out: EventBuffer, event: number, field: number, name: string): void {
    this.integer(name);
    out.set(event, field, this.scanner.hi, this.scanner.lo, 1);
  }

  /** Milliseconds into an instant field; 0 is the venue's "none" and stays absent. */
  instantField(out: EventBuffer, event: number, field: number, name: string): void {
    this.time(name);
    const { instant } = this;
    if (this.scanner.failed || (instant.hi === 0 && instant.lo === 0)) return;
    out.set(event, field, instant.hi, instant.lo, 1);
  }

  /** true or false; anything else is another shape. */
  flag(): boolean {
    const byte = this.scanner.literal();
    if (byte === 0x6e) this.scanner.fail();
    return byte === 0x74;
  }

  /** Text of the last string or number, cut to `limit` characters. */
  textOf(from: number, to: number, limit: number): string {
    const { scanner } = this;
    scanner.from = from;
    scanner.to = to;
    scanner.escaped = this.bytes.subarray(from, to).includes(0x5c);
    return scanner.text().slice(0, limit);
  }
}

/** `12`, not `12.0` nor `1e3`: ids are compared by their digits. */
function isPlainInteger(scanner: JsonScanner): boolean {
  if (scanner.exp !== 0) return false;
  const { bytes, from, to } = scanner;
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}
