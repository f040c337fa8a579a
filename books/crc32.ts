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

/** Lengths with a table of their own; longer ones are walked byte by byte. Ten levels are below it. */
const ZEROS_MAX = 400;

/** Filled on first use: 4 KiB a length, of which a book needs a handful. */
const zeroTables: (Int32Array | undefined)[] = [];

/** The state after `length` zero bytes. */
export function appendZeros(state: number, length: number): number {
  if (length > ZEROS_MAX) return walkZeros(state, length);
  const table = zeroTables[length] ?? (zeroTables[length] = zeroTable(length));
  return (
    (table[state & 255] as number) ^
    (table[256 + ((state >>> 8) & 255)] as number) ^
    (table[512 + ((state >>> 16) & 255)] as number) ^
    (table[768 + (state >>> 24)] as number)
  );
}

function zeroTable(length: number): Int32Array {
  const table = new Int32Array(4 * 256);
  for (let byte = 0; byte < 4; byte++) {
    for (let value = 0; value < 256; value++) {
      table[byte * 256 + value] = walkZeros(value << (8 * byte), length);
    }
  }
  return table;
}

function walkZeros(state: number, length: number): number {
  let crc = state;
  for (let at = 0; at < length; at++) crc = (crc >>> 8) ^ (TABLES[crc & 255] as number);
  return crc;
}
