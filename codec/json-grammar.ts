/** The grammar of JSON's escapes and numbers (RFC 8259 §6, §7) over bytes. */

/** Length of the escape at `at`, 0 where it is none. */
export function escapeLength(bytes: Uint8Array, at: number, end: number): number {
  const kind = at + 1 < end ? (bytes[at + 1] as number) : 0;
  if (kind === 0x75) {
    if (at + 6 > end) return 0;
    for (let digit = at + 2; digit < at + 6; digit++) {
      const byte = bytes[digit] as number;
      const letter = byte | 0x20;
      const hex = (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
      if (!hex) return 0;
    }
    return 6;
  }
  // " \ / b f n r t
  const known =
    kind === 0x22 ||
    kind === 0x5c ||
    kind === 0x2f ||
    kind === 0x62 ||
    kind === 0x66 ||
    kind === 0x6e ||
    kind === 0x72 ||
    kind === 0x74;
  return known ? 2 : 0;
}

/** Where the JSON number that starts at `at` ends, or -1. */
export function numberEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  const whole = at;
  at = digitsEnd(bytes, at, end);
  if (at === whole || (bytes[whole] === 0x30 && at > whole + 1)) return -1;
  if (at < end && bytes[at] === 0x2e) {
    const first = at + 1;
    at = digitsEnd(bytes, first, end);
    if (at === first) return -1;
  }
  if (at < end && ((bytes[at] as number) | 0x20) === 0x65) {
    at++;
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++;
    const first = at;
    at = digitsEnd(bytes, first, end);
    if (at === first) return -1;
  }
  return at;
}

function digitsEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    at++;
  }
  return at;
}
