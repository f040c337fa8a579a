/**
 * Exact decimals as venues send them: `mantissa * 10^exponent`, with the wire's trailing zeros kept
 * (`"0.100"` is 100e-3, not 1e-1), because checksums hash those digits. Never through a double.
 *
 * Limits: the mantissa fits int64, the exponent is -64..63. What does not fit is a coded rejection
 * where it is decoded, and `null` here.
 */
export type Decimal = { readonly mantissa: bigint; readonly exponent: number };

export const MANTISSA_MAX = 2n ** 63n - 1n;
export const MANTISSA_MIN = -(2n ** 63n);
export const EXPONENT_MIN = -64;
export const EXPONENT_MAX = 63;

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

/** JSON number text (or a venue's quoted number) to a decimal; null where it is none or does not fit. */
export function parseDecimal(text: string): Decimal | null {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const mantissa = BigInt(`${sign}${whole}${fraction}`);
  const exponent = Number(power) - fraction.length;
  const fits =
    mantissa <= MANTISSA_MAX &&
    mantissa >= MANTISSA_MIN &&
    exponent >= EXPONENT_MIN &&
    exponent <= EXPONENT_MAX;
  return fits ? { mantissa, exponent } : null;
}

/** Plain text without an exponent: `{100n, -3}` is `0.100`, `{12n, 2}` is `1200`. */
export function formatDecimal({ mantissa, exponent }: Decimal): string {
  const sign = mantissa < 0n ? '-' : '';
  const digits = (mantissa < 0n ? -mantissa : mantissa).toString();
  if (exponent >= 0) return mantissa === 0n ? '0' : sign + digits + '0'.repeat(exponent);
  const padded = digits.padStart(1 - exponent, '0');
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}

/** Negative, zero or positive as `a` is below, equal to or above `b`; `0.10` equals `0.1`. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const low = Math.min(a.exponent, b.exponent);
  const left = a.mantissa * 10n ** BigInt(a.exponent - low);
  const right = b.mantissa * 10n ** BigInt(b.exponent - low);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The nearest double, correctly rounded (it goes through the decimal text, not through arithmetic). */
export function decimalToDouble({ mantissa, exponent }: Decimal): number {
  return Number(`${mantissa}e${exponent}`);
}
