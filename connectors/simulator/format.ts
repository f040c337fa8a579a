/** Numbers and instants as venues print them, from whole numbers: no double is ever divided. */

/** `fixed(628004, 1)` is `62800.4`: `units * 10^-decimals` with all its decimals. */
export function fixed(units: number | bigint, decimals: number): string {
  if (decimals === 0) return String(units);
  const negative = units < 0;
  let digits = String(negative ? -units : units);
  if (digits.length <= decimals) digits = digits.padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  return `${negative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** As `fixed`, without trailing zeros: `63250`, `0.7`. */
export function shortest(units: number | bigint, decimals: number): string {
  const text = fixed(units, decimals);
  if (decimals === 0) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0x30) end--;
  if (text.charCodeAt(end - 1) === 0x2e) end--;
  return text.slice(0, end);
}

let second = -1;
let second_text = '';

/** Microseconds since the epoch as `2026-08-16T23:37:04.334090Z`. */
export function isoMicros(us: number): string {
  const whole = Math.floor(us / 1e6);
  if (whole !== second) {
    second = whole;
    second_text = new Date(whole * 1000).toISOString().slice(0, 20);
  }
  return `${second_text}${String(us - whole * 1e6).padStart(6, '0')}Z`;
}

/** `us` and a rest below a microsecond as `2026-08-12T19:28:44.084233010Z`. */
export function isoNanos(us: number, rest_ns: number): string {
  return `${isoMicros(us).slice(0, -1)}${String(rest_ns).padStart(3, '0')}Z`;
}

export function usFromNs(ns: bigint): number {
  return Number(ns / 1000n);
}

export function nsFromUs(us: number): bigint {
  return BigInt(us) * 1000n;
}
