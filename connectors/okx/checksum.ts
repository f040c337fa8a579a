/**
 * OKX's book checksum: what proved a book before it was retired in 2026 (0 in every message since).
 * Source: OKX v5 documentation, "Order book channel / Checksum", read 2026-11; 290 of 290 messages of
 * the recording of 2022-05-13. (The example printed there does not follow from its own levels.)
 *
 * 1. Take the top 25 bids from high to low and the top 25 asks from low to high; fewer where a side
 *    has fewer.
 * 2. Write them in turn, a bid, an ask, a bid ..; where one side runs out, go on with the other.
 * 3. Of each level write price and size as they stood on the wire; join everything by colons.
 * 4. The checksum is the CRC-32 of that text, as a signed number of 32 bits.
 */
import { appendZeros, updateCrc32 } from '../../books/crc32.ts';
import { CELL } from '../../books/book-side.ts';
import type { BookSide } from '../../books/book-side.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { mantissaNumber } from '../../books/price-key.ts';
import { i64 } from '../../codec/halves.ts';

/** Levels a side that the checksum covers. */
export const CHECKSUM_LEVELS = 25;

/** Two numbers of 19 digits with up to 64 zeros and a point, each behind a colon. */
const TEXT_MAX = 2 * (19 + 64 + 3);
const TWO_53 = 9007199254740992;
const COLON = 0x3a;
const ZERO = 0x30;
const POINT = 0x2e;

const text = new Uint8Array(TEXT_MAX);

/**
 * A level's part begins with a colon, the text does not: this is the state from which a colon leads to
 * the state before the first byte, all ones.
 */
const BEFORE_COLON = stateBefore(COLON);

function stateBefore(byte: number): number {
  const probe = new Uint8Array(1);
  for (let index = 0; index < 256; index++) {
    probe[0] = index;
    const entry = updateCrc32(0, probe, 0, 1);
    if (entry >>> 24 === 0xff) return (~entry << 8) | (index ^ byte);
  }
  return 0;
}

/** The checksum the venue would have sent for this book, signed. */
export function bookChecksum({ bids, asks }: OrderBook): number {
  const bid_count = Math.min(bids.count, CHECKSUM_LEVELS);
  const ask_count = Math.min(asks.count, CHECKSUM_LEVELS);
  if (bid_count === 0 && ask_count === 0) return 0;
  let state = BEFORE_COLON;
  for (let position = 0; position < CHECKSUM_LEVELS; position++) {
    if (position < bid_count) state = appendLevel(state, bids, position);
    if (position < ask_count) state = appendLevel(state, asks, position);
  }
  return ~state;
}

function appendLevel(state: number, side: BookSide, position: number): number {
  const row = side.rowAt(position);
  if (side.cells[row + CELL.memo_length] === 0) remember(side, row);
  return (
    appendZeros(state, side.cells[row + CELL.memo_length] as number) ^
    (side.cells[row + CELL.memo] as number)
  );
}

/** Computes a level's part of the sum, which holds until the level is set again. */
function remember(side: BookSide, row: number): void {
  const price_hi = side.cells[row + CELL.price_hi] as number;
  const price_lo = side.cells[row + CELL.price_lo] as number;
  const middle = writeNumber(price_hi, price_lo, side.cells[row + CELL.price_exp] as number, 0);
  const size_hi = side.cells[row + CELL.size_hi] as number;
  const size_lo = side.cells[row + CELL.size_lo] as number;
  const end = writeNumber(size_hi, size_lo, side.cells[row + CELL.size_exp] as number, middle);
  side.cells[row + CELL.memo] = updateCrc32(0, text, 0, end);
  side.cells[row + CELL.memo_length] = end;
}

/** Writes a colon and a decimal as the wire has it at `start`; returns the end. */
function writeNumber(hi: number, lo: number, exponent: number, start: number): number {
  const mantissa = mantissaNumber(hi, lo);
  const digits = mantissa < TWO_53 ? String(mantissa) : i64(hi, lo).toString();
  const decimals = exponent < 0 ? -exponent : 0;
  const padded = digits.padStart(decimals + 1, '0');
  let at = start;
  text[at++] = COLON;
  for (let index = 0; index < padded.length; index++) {
    if (padded.length - index === decimals) text[at++] = POINT;
    text[at++] = padded.charCodeAt(index);
  }
  for (let zeros = exponent; zeros > 0; zeros--) text[at++] = ZERO;
  return at;
}
