/**
 * The CRC-32 of numbers' decimal digits, without writing them: a CRC is linear, so the sum is that of pairs of
 * digits, each followed by as many zero bytes as digits come after it, which one table holds. The plain twin is
 * `updateCrc32` over the text.
 */
import { appendZeros, updateCrc32 } from './crc32.ts';

/** High halves of the numbers that a double holds exactly, those below 2^53, are below this. */
export const DIGITS_HI_END = 0x200000;

/** Two numbers of 16 digits. */
const PLACES = 32;
/** Entries of one place, a power of two: a pair's value, then from `ONE` on that of a digit alone. */
const PLACE_BITS = 7;
const PLACE = 1 << PLACE_BITS;
const ONE = 100;

/** `SUMS[place * PLACE + pair]`: the state, from 0, after two digits and `place` zero bytes. */
const SUMS = digitTable();

function digitTable(): Int32Array {
  const table = new Int32Array(PLACE * PLACES);
  const text = new Uint8Array(2);
  for (let entry = 0; entry < ONE + 10; entry++) {
    const value = entry < ONE ? entry : entry - ONE;
    text[0] = 0x30 + Math.floor(value / 10);
    text[1] = 0x30 + (value % 10);
    const state = updateCrc32(0, text, entry < ONE ? 0 : 1, 2);
    for (let place = 0; place < PLACES; place++) {
      table[place * PLACE + entry] = appendZeros(state, place);
    }
  }
  return table;
}

const TWO_32 = 4294967296;
const INT_END = 0x80000000;
const LOW_PAIRS = 4;
const LOW_END = 1e8;

/**
 * The state, from 0, after the digits of the number in `cells[first]` and `cells[first + 1]` (high half, low
 * half) and those of the one in `cells[second]`, neither with leading zeros, both below 2^53; zero has
 * no digits. Its two results go to `cells[result]`, and the count of digits behind it.
 */
export function sumDigits(cells: Int32Array, first: number, second: number, result: number): void {
  const table = SUMS;
  let sum = 0;
  let place = 0;
  // From the last digit on: what comes after a pair says which entry it has.
  for (let turn = 0; turn < 2; turn++) {
    const at = turn === 0 ? second : first;
    let value = (cells[at] as number) * TWO_32 + ((cells[at + 1] as number) >>> 0);
    if (value >= INT_END) {
      const high = Math.floor(value / LOW_END);
      let low = (value - high * LOW_END) | 0;
      for (let pair = 0; pair < LOW_PAIRS; pair++) {
        const next = (low / 100) | 0;
        sum ^= table[place + low - next * 100] as number;
        low = next;
        place += 2 * PLACE;
      }
      value = high;
    }
    let rest = value | 0;
    while (rest > 9) {
      const next = (rest / 100) | 0;
      sum ^= table[place + rest - next * 100] as number;
      rest = next;
      place += 2 * PLACE;
    }
    if (rest > 0) {
      sum ^= table[place + ONE + rest] as number;
      place += PLACE;
    }
  }
  cells[result] = sum;
  cells[result + 1] = place >> PLACE_BITS;
}
