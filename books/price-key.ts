/**
 * Prices in order, fast and exact. A price is `mantissa * 10^exponent` with the mantissa in two
 * int32; its *key* is the nearest double, correctly rounded. Rounding keeps order, so different keys
 * order their prices; equal keys decide nothing by themselves and the exact values are compared. The
 * double is never a price: it only saves exact comparisons.
 *
 * Equal prices have equal keys whatever scale the wire wrote them in (`0.5` and `0.50`).
 */
import { i64 } from '../codec/halves.ts';

const TWO_32 = 4294967296;
const TWO_53 = 9007199254740992;
/** Decimals of up to fifteen digits each have a double of their own. */
const DISTINCT_MAX = 1e15;
/** Powers of ten that are exact in a double. */
const POWERS = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

/** The mantissa as a double: exact below 2^53 in magnitude, the nearest double above. */
export function mantissaNumber(hi: number, lo: number): number {
  return hi * TWO_32 + (lo >>> 0);
}

/** The double nearest to the price. */
export function priceKey(hi: number, lo: number, exponent: number): number {
  const mantissa = hi * TWO_32 + (lo >>> 0);
  if (mantissa < TWO_53 && mantissa > -TWO_53) {
    // One operation on two exact doubles rounds once, so the result is the nearest double.
    if (exponent <= 0 && exponent >= -22) return mantissa / (POWERS[-exponent] as number);
    if (exponent > 0 && exponent <= 22) return mantissa * (POWERS[exponent] as number);
  }
  return Number(`${i64(hi, lo)}e${exponent}`);
}

/**
 * Negative, zero or positive as price a is below, equal to or above price b, whose keys are equal.
 */
export function compareTied(
  a_hi: number,
  a_lo: number,
  a_exp: number,
  b_hi: number,
  b_lo: number,
  b_exp: number,
): number {
  if (a_hi === b_hi && a_lo === b_lo && a_exp === b_exp) return 0;
  const a = mantissaNumber(a_hi, a_lo);
  const b = mantissaNumber(b_hi, b_lo);
  if (isDistinct(a) && isDistinct(b)) return 0;
  const scale = Math.min(a_exp, b_exp);
  const left = i64(a_hi, a_lo) * 10n ** BigInt(a_exp - scale);
  const right = i64(b_hi, b_lo) * 10n ** BigInt(b_exp - scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

function isDistinct(mantissa: number): boolean {
  return mantissa < DISTINCT_MAX && mantissa > -DISTINCT_MAX;
}
