/** 64-bit integers as the two int32 in which columns hold them, high half first. */

/** Two int32 as an unsigned 64-bit integer. */
export function u64(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** Two int32 as a signed 64-bit integer. */
export function i64(hi: number, lo: number): bigint {
  return (BigInt(hi | 0) << 32n) | BigInt(lo >>> 0);
}

/** The high half of a 64-bit integer, signed or not. */
export function hi32(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

export function lo32(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}
