/**
 * Kraken's book checksum: what proves a book after every message.
 * Source: docs.kraken.com, "Spot Websockets (v2) - Book checksum", read 2026-11.
 *
 * 1. Take the top ten asks from low to high, then the top ten bids from high to low; fewer where a
 *    side has fewer.
 * 2. Of each level write price and size as plain decimal text (no exponent), remove the point,
 *    remove leading zeros, and join the two.
 * 3. Join all levels; the checksum is the CRC-32 of that text, unsigned.
 *
 * The digits are those on the wire, trailing zeros included: `0.00100000` is hashed as `100000`,
 * and a price that went through a double has lost them.
 */
import { CRC32_START, appendZeros, finishCrc32, updateCrc32 } from '../../books/crc32.ts';
import type { BookSide } from '../../books/book-side.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { mantissaNumber } from '../../books/price-key.ts';
import { i64 } from '../../codec/halves.ts';

/** Levels a side that the checksum covers. */
export const CHECKSUM_LEVELS = 10;

/** Two mantissas of 19 digits, each followed by up to 63 zeros. */
const DIGITS_MAX = 2 * (19 + 63);
const TWO_53 = 9007199254740992;
const CHUNK = 1e9;

const digits = new Uint8Array(DIGITS_MAX);

/** The checksum the venue would send for this book. */
export function bookChecksum({ asks, bids }: OrderBook): number {
  const ask_levels = advance(asks, CRC32_START);
  const bid_levels = advance(bids, 0);
  const state = ask_levels === 0 ? CRC32_START : (asks.running[ask_levels - 1] as number);
  if (bid_levels === 0) return finishCrc32(state);
  const length = bids.running_length[bid_levels - 1] as number;
  return finishCrc32(appendZeros(state, length) ^ (bids.running[bid_levels - 1] as number));
}

/** Brings a side's running sums up to its tenth level, from the first that changed; how many it has. */
function advance(side: BookSide, start: number): number {
  const levels = side.count < CHECKSUM_LEVELS ? side.count : CHECKSUM_LEVELS;
  let position = side.steady;
  if (position >= levels) return levels;
  let state = position === 0 ? start : (side.running[position - 1] as number);
  let length = position === 0 ? 0 : (side.running_length[position - 1] as number);
  for (; position < levels; position++) {
    const row = side.rowAt(position);
    if (side.memo_length[row] === 0) remember(side, row);
    const digits_length = side.memo_length[row] as number;
    state = appendZeros(state, digits_length) ^ (side.memo[row] as number);
    length += digits_length;
    side.running[position] = state;
    side.running_length[position] = length;
  }
  side.steady = levels;
  return levels;
}

/** Computes a level's part of the sum, which holds until the level is set again. */
function remember(side: BookSide, row: number): void {
  const middle = writeDigits(
    side.price_hi[row] as number,
    side.price_lo[row] as number,
    side.price_exp[row] as number,
    0,
  );
  const end = writeDigits(
    side.size_hi[row] as number,
    side.size_lo[row] as number,
    side.size_exp[row] as number,
    middle,
  );
  side.memo[row] = updateCrc32(0, digits, 0, end);
  side.memo_length[row] = end;
}

/**
 * Writes a decimal without point and leading zeros at `at`; zero writes nothing. Returns the end.
 */
function writeDigits(hi: number, lo: number, exponent: number, at: number): number {
  const mantissa = mantissaNumber(hi, lo);
  if (mantissa === 0) return at;
  const end = mantissa < TWO_53 ? writeNumber(mantissa, at) : writeText(hi, lo, at);
  if (exponent <= 0) return end;
  digits.fill(0x30, end, end + exponent);
  return end + exponent;
}

function writeNumber(mantissa: number, start: number): number {
  const end = start + digitCount(mantissa);
  let at = end;
  let rest = mantissa;
  while (rest >= CHUNK) {
    const above = Math.floor(rest / CHUNK);
    let chunk = (rest - above * CHUNK) | 0;
    for (const stop = at - 9; at > stop;) {
      const next = (chunk / 10) | 0;
      digits[--at] = 0x30 + (chunk - next * 10);
      chunk = next;
    }
    rest = above;
  }
  let chunk = rest | 0;
  while (at > start) {
    const next = (chunk / 10) | 0;
    digits[--at] = 0x30 + (chunk - next * 10);
    chunk = next;
  }
  return end;
}

function digitCount(value: number): number {
  let count = 1;
  for (let limit = 10; limit <= value; limit *= 10) count++;
  return count;
}

function writeText(hi: number, lo: number, at: number): number {
  const text = i64(hi, lo).toString();
  for (let index = 0; index < text.length; index++) digits[at + index] = text.charCodeAt(index);
  return at + text.length;
}
