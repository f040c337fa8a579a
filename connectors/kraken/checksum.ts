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
import {
  CRC32_START,
  ZEROS,
  ZEROS_BITS,
  ZEROS_END,
  appendZeros,
  updateCrc32,
} from '../../books/crc32.ts';
import { DIGITS_HI_END, sumDigits } from '../../books/digit-sums.ts';
import { CELL } from '../../books/book-side.ts';
import type { BookSide } from '../../books/book-side.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { i64 } from '../../codec/halves.ts';

/** Levels a side that the checksum covers. */
const LEVELS = 10;

const { price_hi: PRICE_HI, price_lo: PRICE_LO, price_exp: PRICE_EXP } = CELL;
const { size_hi: SIZE_HI, size_lo: SIZE_LO, size_exp: SIZE_EXP } = CELL;
const { memo: MEMO, memo_length: MEMO_LENGTH } = CELL;
const zeros = ZEROS;
const [zeros_bits, zeros_end] = [ZEROS_BITS, ZEROS_END];
const digits_hi_end = DIGITS_HI_END;

/** Cells of the bids' running sums, behind those of ten levels: see `bookChecksum`. */
const MOVED_FROM = 2 * LEVELS;
const MOVED_OVER = MOVED_FROM + 1;
const MOVED_TO = MOVED_FROM + 2;
const CRC_START = CRC32_START;

const utf8 = new TextEncoder();

/**
 * The checksum the venue would send for this book, as an int32: `>>> 0` makes it what stands on the wire.
 *
 * The sum of the asks is moved on over the bids' digits; what came of that is kept, since most messages change
 * neither that sum nor how many digits the bids have.
 */
export function bookChecksum({ asks, bids }: OrderBook): number {
  const ask_levels = asks.count < LEVELS ? asks.count : LEVELS;
  const bid_levels = bids.count < LEVELS ? bids.count : LEVELS;
  if (asks.steady < ask_levels) advance(asks, ask_levels, CRC_START);
  if (bids.steady < bid_levels) advance(bids, bid_levels, 0);
  const { running } = bids;
  const state = ask_levels === 0 ? CRC_START : (asks.running[ask_levels * 2 - 2] as number);
  if (bid_levels === 0) return ~state;
  const length = running[bid_levels * 2 - 1] as number;
  if (running[MOVED_FROM] !== state || running[MOVED_OVER] !== length) {
    running[MOVED_FROM] = state;
    running[MOVED_OVER] = length;
    running[MOVED_TO] = appendZeros(state, length);
  }
  return ~((running[MOVED_TO] as number) ^ (running[bid_levels * 2 - 2] as number));
}

/**
 * Brings a side's running sums up to so many levels, from the first that changed. `appendZeros` is written
 * out: some seven levels are joined a message.
 */
function advance(side: BookSide, levels: number, start: number): void {
  const { cells, rows, end, running, steady } = side;
  let state = steady === 0 ? start : (running[steady * 2 - 2] as number);
  let length = steady === 0 ? 0 : (running[steady * 2 - 1] as number);
  for (let position = steady; position < levels; position++) {
    const row = rows[end - 1 - position] as number;
    if (cells[row + MEMO_LENGTH] === 0) remember(cells, row);
    const digits = cells[row + MEMO_LENGTH] as number;
    const part = cells[row + MEMO] as number;
    if (digits < zeros_end) {
      const table = digits << zeros_bits;
      state =
        (zeros[table | (state & 255)] as number) ^
        (zeros[table | 256 | ((state >>> 8) & 255)] as number) ^
        (zeros[table | 512 | ((state >>> 16) & 255)] as number) ^
        (zeros[table | 768 | (state >>> 24)] as number) ^
        part;
    } else {
      state = appendZeros(state, digits) ^ part;
    }
    length += digits;
    running[position * 2] = state;
    running[position * 2 + 1] = length;
  }
  side.steady = levels;
}

/** Computes a level's part of the sum, which holds until the level is set again. */
function remember(cells: Int32Array, row: number): void {
  const isPlain =
    (cells[row + PRICE_EXP] as number) <= 0 &&
    (cells[row + SIZE_EXP] as number) <= 0 &&
    (cells[row + PRICE_HI] as number) >>> 0 < digits_hi_end &&
    (cells[row + SIZE_HI] as number) >>> 0 < digits_hi_end;
  if (isPlain) sumDigits(cells, row + PRICE_HI, row + SIZE_HI, row + MEMO);
  else rememberText(cells, row);
}

/** The same by the text, for numbers that end in zeros nobody wrote, or that no double holds. */
function rememberText(cells: Int32Array, row: number): void {
  const digits = (hi: number, lo: number, exp: number): string => {
    const mantissa = i64(cells[row + hi] as number, cells[row + lo] as number);
    const zeros_behind = Math.max(cells[row + exp] as number, 0);
    return mantissa === 0n ? '' : `${mantissa}${'0'.repeat(zeros_behind)}`;
  };
  const price = digits(PRICE_HI, PRICE_LO, PRICE_EXP);
  const bytes = utf8.encode(price + digits(SIZE_HI, SIZE_LO, SIZE_EXP));
  cells[row + MEMO] = updateCrc32(0, bytes, 0, bytes.length);
  cells[row + MEMO_LENGTH] = bytes.length;
}
