/**
 * Base64 of RFC 4648 §4 (padded, no line breaks) over byte ranges: the form of frames that are not
 * UTF-8. Decoding is strict: what `encodeBase64` would not have written is refused, so that a frame
 * has exactly one spelling in the log.
 */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const DIGITS = Uint8Array.from(ALPHABET, (digit) => digit.charCodeAt(0));
const VALUES = new Uint8Array(256).fill(0xff);
DIGITS.forEach((digit, value) => {
  VALUES[digit] = value;
});
const PAD = 0x3d;

/** Bytes that `bytes` bytes take when encoded. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** Writes `bytes[start, end)` at `out[at]`, which has room; returns where it ends. */
export function encodeBase64(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  let to = at;
  for (let from = start; from < end; from += 3) {
    const left = end - from;
    const first = bytes[from] as number;
    const second = left > 1 ? (bytes[from + 1] as number) : 0;
    const third = left > 2 ? (bytes[from + 2] as number) : 0;
    out[to++] = DIGITS[first >> 2] as number;
    out[to++] = DIGITS[((first & 3) << 4) | (second >> 4)] as number;
    out[to++] = left > 1 ? (DIGITS[((second & 15) << 2) | (third >> 6)] as number) : PAD;
    out[to++] = left > 2 ? (DIGITS[third & 63] as number) : PAD;
  }
  return to;
}

/**
 * Decodes `bytes[start, end)` to `out[0, n)`, which has room for 3/4 of it; returns n, or -1 where it
 * is not canonical base64.
 */
export function decodeBase64(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
): number {
  if ((end - start) % 4 !== 0) return -1;
  let to = 0;
  for (let from = start; from < end; from += 4) {
    const last = from + 4 === end;
    const pads = !last || bytes[end - 1] !== PAD ? 0 : bytes[end - 2] !== PAD ? 1 : 2;
    const first = VALUES[bytes[from] as number] as number;
    const second = VALUES[bytes[from + 1] as number] as number;
    const third = pads === 2 ? 0 : (VALUES[bytes[from + 2] as number] as number);
    const fourth = pads > 0 ? 0 : (VALUES[bytes[from + 3] as number] as number);
    if ((first | second | third | fourth) > 63) return -1;
    if (pads === 2 && (second & 15) !== 0) return -1;
    if (pads === 1 && (third & 3) !== 0) return -1;
    out[to++] = (first << 2) | (second >> 4);
    if (pads < 2) out[to++] = ((second & 15) << 4) | (third >> 2);
    if (pads < 1) out[to++] = ((third & 3) << 6) | fourth;
  }
  return to;
}
