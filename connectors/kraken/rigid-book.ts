/**
 * Updates of books exactly as Kraken writes them, the bulk of what it sends:
 *
 * {"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":29423.0,"qty":2.5}],
 * "asks":[],"checksum":434883881,"timestamp":"2023-07-30T15:30:01.581227Z"}]}
 *
 * Anything else is left to `decodeGeneric`, which would read the same out of these.
 *
 * What always stands there is compared eight bytes at a time where it must stand: as doubles, since ASCII makes
 * no NaN and no zero, so that equal doubles are equal bytes. A literal that is no multiple of eight is compared
 * once more at its end, over bytes that were compared already. All of it is written out in few functions: calls
 * were half of what a frame took.
 */
import { FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { InstantReader } from '../../codec/instant.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';

const utf8 = new TextEncoder();

/** Eight bytes of a text from `at`, as `DataView.getFloat64` reads them. */
function eight(text: string, at: number): number {
  return new DataView(utf8.encode(text).buffer).getFloat64(at, true);
}

function four(text: string, at: number): number {
  return new DataView(utf8.encode(text).buffer).getInt32(at, true);
}

const HEAD = '{"channel":"book","type":"update","data":[{"symbol":"';
const HEAD_LENGTH = HEAD.length;
const HEAD_END = HEAD_LENGTH - 8;
const HEAD_EIGHTS = Float64Array.from({ length: HEAD_LENGTH >> 3 }, (_, at) => eight(HEAD, at * 8));
const HEAD_LAST = eight(HEAD, HEAD_END);
const BIDS = eight('","bids":[', 0);
const ASKS = eight('],"asks":[', 0);
const ASKS_LAST = eight('],"asks":[', 2);
const BIDS_LAST = eight('","bids":[', 2);
/** Behind a brace. */
const PRICE = eight('"price":', 0);
const QTY = four(',"qty":', 0);
const QTY_LAST = four(',"qty":', 3);
const CHECKSUM = eight('],"checksum":', 0);
const CHECKSUM_LAST = eight('],"checksum":', 5);
/** Times of this century: what is refused of others is the generic reader's to say. */
const TIMESTAMP = eight(',"timestamp":"20', 0);
const TIMESTAMP_LAST = eight(',"timestamp":"20', 8);
const TAIL = four('"}]}', 0);

const LISTS_LENGTH = '","bids":['.length;
const PRICE_LENGTH = '{"price":'.length;
const QTY_LENGTH = ',"qty":'.length;
const CHECKSUM_LENGTH = '],"checksum":'.length;
const TIMESTAMP_LENGTH = ',"timestamp":"'.length;
const TIME_LENGTH = '2023-07-30T15:30:01.581227Z'.length;
const TAIL_LENGTH = '"}]}'.length;
/** From behind the checksum on. */
const END_LENGTH = TIMESTAMP_LENGTH + TIME_LENGTH + TAIL_LENGTH;
/** From the bracket on that ends the asks, at least: so far from the end no comparison reads past it. */
const REST_MIN = CHECKSUM_LENGTH + 1 + END_LENGTH;

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const ZERO = 0x30;
/** A point, less '0'. */
const POINT = -2;
/** Digits of an int32 without a thought, and of a double. */
const INT_DIGITS = 9;
const EXACT_DIGITS = 15;
const U32_MAX = 0xffffffff;
const TENS = Float64Array.from([1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]);

const type_book = TYPE_BOOK;
const checksum_field = FIELD.book.checksum;

const instant = new InstantReader();
/** Of the last bytes read. */
let view: DataView = new DataView(new ArrayBuffer(1));
let viewed: Uint8Array | null = null;
/** The last number: its mantissa in two halves, and its exponent. */
let hi = 0;
let lo = 0;
let exp = 0;

/** False where the frame is not written so: then `out` holds nothing that counts. */
export function decodeBookUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): boolean {
  const rest = end - REST_MIN;
  if (rest < start + HEAD_LENGTH + 2 * LISTS_LENGTH || end > bytes.length) return false;
  if (bytes !== viewed) {
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    viewed = bytes;
  }
  const data = view;
  for (let index = 0; index < HEAD_EIGHTS.length; index++) {
    if (data.getFloat64(start + index * 8, true) !== HEAD_EIGHTS[index]) return false;
  }
  if (data.getFloat64(start + HEAD_END, true) !== HEAD_LAST) return false;
  const name = start + HEAD_LENGTH;
  const market = symbols.findQuoted(bytes, name);
  if (market < 0) return false;
  let at = name + (symbols.lengths[market] as number);
  if (at > rest || data.getFloat64(at, true) !== BIDS) return false;
  if (data.getFloat64(at + 2, true) !== BIDS_LAST) return false;
  out.reset(bytes);
  const event = out.begin(type_book, market, 0);
  at += LISTS_LENGTH;
  if (bytes[at] !== CLOSE_BRACKET) at = readLevels(data, bytes, at, rest, out);
  if (at < 0 || at > rest || data.getFloat64(at, true) !== ASKS) return false;
  if (data.getFloat64(at + 2, true) !== ASKS_LAST) return false;
  out.bid_to[event] = out.levels;
  out.ask_from[event] = out.levels;
  at += LISTS_LENGTH;
  if (bytes[at] !== CLOSE_BRACKET) at = readLevels(data, bytes, at, rest, out);
  if (at < 0 || at > rest || !readEnd(data, bytes, at, end, event, out)) return false;
  out.ask_to[event] = out.levels;
  out.kind = 'data';
  out.channel = 'book';
  out.frame_symbol = market;
  return true;
}

/** Appends the levels, one at least, up to the bracket that ends them; returns where that stands, -1 at a surprise. */
function readLevels(
  data: DataView,
  bytes: Uint8Array,
  start: number,
  rest: number,
  out: EventBuffer,
): number {
  let at = start;
  while (at <= rest) {
    if (bytes[at] !== OPEN_BRACE || data.getFloat64(at + 1, true) !== PRICE) return -1;
    at = readAmount(bytes, at + PRICE_LENGTH);
    if (at < 0 || at > rest || data.getInt32(at, true) !== QTY) return -1;
    if (data.getInt32(at + 3, true) !== QTY_LAST) return -1;
    const [price_hi, price_lo, price_exp] = [hi, lo, exp];
    at = readAmount(bytes, at + QTY_LENGTH);
    if (at < 0 || at >= rest || bytes[at] !== CLOSE_BRACE) return -1;
    out.level(price_hi, price_lo, price_exp, hi, lo, exp);
    const next = bytes[at + 1];
    if (next === CLOSE_BRACKET) return at + 1;
    if (next !== COMMA) return -1;
    at += 2;
  }
  return -1;
}

/** Checksum and time, from the bracket that ends the asks to the end of the frame. */
function readEnd(
  data: DataView,
  bytes: Uint8Array,
  start: number,
  end: number,
  event: number,
  out: EventBuffer,
): boolean {
  if (data.getFloat64(start, true) !== CHECKSUM) return false;
  if (data.getFloat64(start + 5, true) !== CHECKSUM_LAST) return false;
  const first = start + CHECKSUM_LENGTH;
  let at = first;
  let value = 0;
  let digit = (bytes[at] as number) - ZERO;
  for (; digit >= 0 && digit <= 9 && at < first + INT_DIGITS; at++) {
    value = (Math.imul(value, 10) + digit) | 0;
    digit = (bytes[at + 1] as number) - ZERO;
  }
  if (digit >= 0 && digit <= 9) {
    value = value * 10 + digit;
    at++;
  }
  if (at === first || value > U32_MAX || (at > first + 1 && bytes[first] === ZERO)) return false;
  if (end - at !== END_LENGTH || data.getInt32(end - TAIL_LENGTH, true) !== TAIL) return false;
  if (data.getFloat64(at, true) !== TIMESTAMP) return false;
  if (data.getFloat64(at + 8, true) !== TIMESTAMP_LAST) return false;
  const time = at + TIMESTAMP_LENGTH;
  if (!instant.fromMicros(data, bytes, time)) {
    if (!instant.fromIso(bytes, time, time + TIME_LENGTH)) return false;
  }
  if (value !== 0) out.setU32(event, checksum_field, value | 0);
  out.setTsEvent(event, instant.hi, instant.lo);
  return true;
}

/** `12` or `12.50` of up to 15 digits; returns its end, whatever stands there, -1 where it is none. */
function readAmount(bytes: Uint8Array, start: number): number {
  let at = start;
  let whole = 0;
  let digit = (bytes[at] as number) - ZERO;
  while (digit >= 0 && digit <= 9) {
    whole = (Math.imul(whole, 10) + digit) | 0;
    digit = (bytes[++at] as number) - ZERO;
  }
  const before = at - start;
  if (before === 0 || before > INT_DIGITS || (before > 1 && bytes[start] === ZERO)) return -1;
  hi = 0;
  lo = whole;
  exp = 0;
  if (digit !== POINT) return at;
  const first = ++at;
  let fraction = 0;
  digit = (bytes[at] as number) - ZERO;
  while (digit >= 0 && digit <= 9) {
    fraction = (Math.imul(fraction, 10) + digit) | 0;
    digit = (bytes[++at] as number) - ZERO;
  }
  const digits = at - first;
  if (digits === 0 || digits > INT_DIGITS || before + digits > EXACT_DIGITS) return -1;
  exp = -digits;
  if (whole === 0) {
    lo = fraction;
    return at;
  }
  const mantissa = whole * (TENS[digits] as number) + fraction;
  if (mantissa >= 0x80000000) hi = Math.floor(mantissa / 4294967296);
  lo = (mantissa - hi * 4294967296) | 0;
  return at;
}
