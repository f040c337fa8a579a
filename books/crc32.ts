/**
 * CRC-32/ISO-HDLC (polynomial 0xEDB88320 reflected, initial value and final xor 0xFFFFFFFF): the
 * sum zip, PNG and several venues' books use. The check value of "123456789" is cbf43926.
 *
 * A book's checksum covers the digits of many levels, of which one or two change with a message. A
 * CRC is linear, so the sum of a concatenation follows from the sums of its parts:
 *
 *   state after A then B  =  appendZeros(state after A, length of B)  xor  (state after B from 0)
 *
 * A level's part is computed once, when the level changes, and the twenty parts are joined by table
 * look-ups instead of hashing some three hundred digits again.
 */

/** State before the first byte; `finishCrc32` turns a state into the sum. */
export const CRC32_START = -1;

const POLYNOMIAL = 0xedb88320;

/** `TABLES[k * 256 + v]`: the state after byte v and k zero bytes. */
const TABLES = slicingTables();

function slicingTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let value = 0; value < 256; value++) {
    let state = value;
    for (let bit = 0; bit < 8; bit++) {
      state = (state & 1) === 1 ? (state >>> 1) ^ POLYNOMIAL : state >>> 1;
    }
    tables[value] = state;
  }
  for (let at = 256; at < tables.length; at++) {
    const state = tables[at - 256] as number;
    tables[at] = (state >>> 8) ^ (tables[state & 255] as number);
  }
  return tables;
}

/** The state after `bytes[start, end)`, four bytes a step. States are int32. */
export function updateCrc32(state: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = state;
  let at = start;
  for (const whole = end - 3; at < whole; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (TABLES[768 + (crc & 255)] as number) ^
      (TABLES[512 + ((crc >>> 8) & 255)] as number) ^
      (TABLES[256 + ((crc >>> 16) & 255)] as number) ^
      (TABLES[crc >>> 24] as number);
  }
  for (; at < end; at++) {
    crc = (crc >>> 8) ^ (TABLES[(crc ^ (bytes[at] as number)) & 255] as number);
  }
  return crc;
}

/** The sum of a final state, unsigned. */
export function finishCrc32(state: number): number {
  return ~state >>> 0;
}

/** The unsigned CRC-32 of `bytes[start, end)`. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length): number {
  return finishCrc32(updateCrc32(CRC32_START, bytes, start, end));
}

/** Tables for fewer zero bytes than this stand at `length << ZEROS_BITS` in `ZEROS`. */
export const ZEROS_END = 64;
export const ZEROS_BITS = 10;
const END_BITS = 6;
const TABLE = 1 << ZEROS_BITS;
/** Tables for 64 zero bytes, 128 and so on, after the others. */
const LARGE = 7;
const ZEROS_MAX = ZEROS_END * (LARGE + 1) - 1;

/**
 * What zero bytes do to a state, in one flat array, so that no table has to be found: 4 KiB for each length
 * below 64, of which a book needs a handful, then for the multiples of 64.
 */
export const ZEROS = zeroTables();

/** The state after `length` zero bytes. */
export function appendZeros(state: number, length: number): number {
  if (length > ZEROS_MAX) return walkZeros(state, length);
  let after = lookUp(ZEROS, state, (length & (ZEROS_END - 1)) << ZEROS_BITS);
  if (length >= ZEROS_END) {
    after = lookUp(ZEROS, after, (ZEROS_END - 1 + (length >> END_BITS)) << ZEROS_BITS);
  }
  return after;
}

function lookUp(tables: Int32Array, state: number, table: number): number {
  return (
    (tables[table | (state & 255)] as number) ^
    (tables[table | 256 | ((state >>> 8) & 255)] as number) ^
    (tables[table | 512 | ((state >>> 16) & 255)] as number) ^
    (tables[table | 768 | (state >>> 24)] as number)
  );
}

function zeroTables(): Int32Array {
  const tables = new Int32Array(TABLE * (ZEROS_END + LARGE));
  for (let entry = 0; entry < TABLE; entry++) {
    let state = (entry & 255) << (8 * (entry >> 8));
    for (let zeros = 0; zeros <= ZEROS_END; zeros++) {
      tables[zeros * TABLE + entry] = state;
      state = (state >>> 8) ^ (TABLES[state & 255] as number);
    }
  }
  const first = ZEROS_END * TABLE;
  for (let at = first + TABLE; at < tables.length; at++) {
    tables[at] = lookUp(tables, tables[at - TABLE] as number, first);
  }
  return tables;
}

function walkZeros(state: number, length: number): number {
  let crc = state;
  for (let at = 0; at < length; at++) crc = (crc >>> 8) ^ (TABLES[crc & 255] as number);
  return crc;
}
