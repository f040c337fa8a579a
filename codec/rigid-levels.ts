/**
 * Lists of levels as several venues write them, `["61800.20","2.507"],["61800.10","0.696"]]`, straight into
 * the columns of an event: what a busy feed consists of.
 */
import type { EventBuffer } from './event-buffer.ts';
import type { RigidReader } from './rigid-reader.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
/** A point as digits are read. */
const POINT = 0x2e ^ ZERO;
/** What fits an int32 whatever the digits are. */
const INT_DIGITS = 9;

/**
 * Reads levels up to the bracket that ends the list, where the reader then stands. All of it in local
 * variables, price and size by the same lines twice: a level so takes half of what it takes `levelByLevel`,
 * which reads the same, and what is left from the first surprise on: longer numbers, and full columns. With
 * `texts_behind` a level may go on with texts that nobody asks for, as the number of its orders.
 */
export function rigidLevels(reader: RigidReader, out: EventBuffer, texts_behind = false): boolean {
  const { bytes } = reader;
  let { at } = reader;
  if (bytes[at] === BRACKET_END) return true;
  for (;;) {
    reader.at = at;
    const level = out.levels;
    if (level === out.price_hi.length) return levelByLevel(reader, out, texts_behind);
    if (bytes[at] !== BRACKET || bytes[at + 1] !== QUOTE) return false;
    at += 2;
    let from = at;
    let value = 0;
    let exp = 0;
    let digit = (bytes[at] as number) ^ ZERO;
    while (digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) ^ ZERO;
    }
    let whole = at - from;
    if (whole === 0 || (whole > 1 && bytes[from] === ZERO)) return false;
    if (digit === POINT) {
      from = ++at;
      digit = (bytes[at] as number) ^ ZERO;
      while (digit <= 9) {
        value = (Math.imul(value, 10) + digit) | 0;
        digit = (bytes[++at] as number) ^ ZERO;
      }
      if ((exp = from - at) === 0) return false;
    }
    if (whole - exp > INT_DIGITS) return levelByLevel(reader, out, texts_behind);
    out.price_hi[level] = 0;
    out.price_lo[level] = value;
    out.price_exp[level] = exp;
    if (bytes[at] !== QUOTE || bytes[at + 1] !== COMMA || bytes[at + 2] !== QUOTE) return false;
    at += 3;
    from = at;
    value = 0;
    exp = 0;
    digit = (bytes[at] as number) ^ ZERO;
    while (digit <= 9) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) ^ ZERO;
    }
    whole = at - from;
    if (whole === 0 || (whole > 1 && bytes[from] === ZERO)) return false;
    if (digit === POINT) {
      from = ++at;
      digit = (bytes[at] as number) ^ ZERO;
      while (digit <= 9) {
        value = (Math.imul(value, 10) + digit) | 0;
        digit = (bytes[++at] as number) ^ ZERO;
      }
      if ((exp = from - at) === 0) return false;
    }
    if (whole - exp > INT_DIGITS) return levelByLevel(reader, out, texts_behind);
    out.size_hi[level] = 0;
    out.size_lo[level] = value;
    out.size_exp[level] = exp;
    if (bytes[at] !== QUOTE) return false;
    if (texts_behind) at = lastQuote(bytes, at);
    if (bytes[at + 1] !== BRACKET_END) return false;
    out.levels = level + 1;
    at += 3;
    if (bytes[at - 1] !== COMMA) break;
  }
  reader.at = at - 1;
  return bytes[at - 1] === BRACKET_END;
}

/** The quote that ends the last of the plain texts from the one on that ends at `quote`; the end, where one is odd. */
function lastQuote(bytes: Uint8Array, quote: number): number {
  let at = quote;
  while (bytes[at + 1] === COMMA && bytes[at + 2] === QUOTE) {
    at += 3;
    for (let byte = bytes[at] as number; byte !== QUOTE; byte = bytes[++at] as number) {
      if (!(byte >= 0x20 && byte !== BACKSLASH)) return bytes.length;
    }
  }
  return at;
}

function levelByLevel(reader: RigidReader, out: EventBuffer, texts_behind: boolean): boolean {
  const { bytes } = reader;
  for (;;) {
    const { at } = reader;
    if (bytes[at] !== BRACKET || bytes[at + 1] !== QUOTE) return false;
    reader.at = at + 2;
    if (!reader.amount()) return false;
    const { hi, lo, exp, at: middle } = reader;
    if (bytes[middle] !== QUOTE || bytes[middle + 1] !== COMMA) return false;
    if (bytes[middle + 2] !== QUOTE) return false;
    reader.at = middle + 3;
    if (!reader.amount()) return false;
    if (bytes[reader.at] !== QUOTE) return false;
    const last = texts_behind ? lastQuote(bytes, reader.at) : reader.at;
    if (bytes[last + 1] !== BRACKET_END) return false;
    out.level(hi, lo, exp, reader.hi, reader.lo, reader.exp);
    reader.at = last + 3;
    if (bytes[last + 2] !== COMMA) break;
  }
  reader.at -= 1;
  return bytes[reader.at] === BRACKET_END;
}
