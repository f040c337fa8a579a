/** Numbers of more than nine digits, or with an exponent, to a mantissa of 64 bits and an exponent. */
import { numberEnd } from './json-grammar.ts';

/** Where a number is put. */
type Scanned = { hi: number; lo: number; exp: number; overflow: boolean };

const TENS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const looseUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reads number grammar from `start`; returns where it ends, or -1. Right for any, meant for the longer ones. */
export function scanLongNumber(
  into: Scanned,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
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
  store(into, bytes, start, at, negative, mantissa, digits, power - fraction);
  return at;
}

function store(
  into: Scanned,
  bytes: Uint8Array,
  start: number,
  stop: number,
  negative: boolean,
  mantissa: number,
  digits: number,
  exponent: number,
): void {
  if (exponent < -64 || exponent > 63) into.overflow = true;
  into.exp = exponent;
  if (digits > 15) {
    storeLong(into, bytes, start, stop, negative);
    return;
  }
  if (mantissa < 0x80000000) {
    const small = mantissa | 0;
    into.lo = negative ? -small | 0 : small;
    into.hi = negative && small !== 0 ? -1 : 0;
    return;
  }
  const hi = Math.floor(mantissa / 4294967296);
  const lo = mantissa - hi * 4294967296;
  if (negative) {
    into.lo = -lo | 0;
    into.hi = (lo === 0 ? -hi : ~hi) | 0;
  } else {
    into.lo = lo | 0;
    into.hi = hi | 0;
  }
}

/** More than 15 digits: a double would round, so the digits go through a bigint. */
function storeLong(
  into: Scanned,
  bytes: Uint8Array,
  start: number,
  stop: number,
  negative: boolean,
): void {
  const text = looseUtf8.decode(bytes.subarray(start, stop));
  const plain = text.replace(/[eE].*$/, '').replace(/[-.]/g, '');
  const value = BigInt(plain) * (negative ? -1n : 1n);
  if (value > 0x7fffffffffffffffn || value < -0x8000000000000000n) into.overflow = true;
  into.lo = Number(BigInt.asIntN(32, value));
  into.hi = Number(BigInt.asIntN(32, value >> 32n));
}
