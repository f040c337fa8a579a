/**
 * What a partial book proves about a book kept from diffs, side by side.
 *
 * A partial book of N levels states everything from the best price to its worst level, its *reach*;
 * beyond it nothing. A side with fewer than N levels is the whole side. Reach is kept as the signed
 * key of `BookSide` (best is highest): a level is within it where its key is at least that. Keys
 * are doubles, distinct for prices of up to fifteen digits.
 */
import { CELL } from '../../books/book-side.ts';
import type { BookSide } from '../../books/book-side.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { compareTied, priceKey } from '../../books/price-key.ts';
import { formatDecimal } from '../../schema/decimal.ts';
import { levelsOf } from '../../books/order-book.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';

/** How far a side is known: down to this key; -Infinity knows all, Infinity nothing. */
export type Reach = { bids: number; asks: number };

export const REACH_NOTHING: Reach = { bids: Infinity, asks: Infinity };

/** The reach of a partial book of `depth` levels a side. */
export function reachOf(partial: OrderBook, depth: number): Reach {
  return { bids: sideReach(partial.bids, depth), asks: sideReach(partial.asks, depth) };
}

function sideReach(side: BookSide, depth: number): number {
  return side.count < depth ? -Infinity : side.keyAt(side.count - 1);
}

/**
 * Whether a partial book of reach `theirs` shows levels that a book of reach `ours` cannot know.
 */
export function reveals(ours: Reach, theirs: Reach): boolean {
  return theirs.bids < ours.bids || theirs.asks < ours.asks;
}

/** Whether the best of either side is no longer within reach: what is shown there is unknown. */
export function outOfReach(book: OrderBook, reach: Reach): boolean {
  return sideOutOfReach(book.bids, reach.bids) || sideOutOfReach(book.asks, reach.asks);
}

function sideOutOfReach(side: BookSide, reach: number): boolean {
  if (reach === -Infinity) return false;
  return side.count === 0 || side.keyAt(0) < reach;
}

/** Whether any level of a book event lies within reach, or it has none at all. */
export function touches(buffer: EventBuffer, event: number, reach: Reach): boolean {
  const bid_from = buffer.bid_from[event] as number;
  const bid_to = buffer.bid_to[event] as number;
  const ask_from = buffer.ask_from[event] as number;
  const ask_to = buffer.ask_to[event] as number;
  if (bid_from === bid_to && ask_from === ask_to) return true;
  for (let level = bid_from; level < bid_to; level++) {
    if (keyOf(buffer, level) >= reach.bids) return true;
  }
  for (let level = ask_from; level < ask_to; level++) {
    if (-keyOf(buffer, level) >= reach.asks) return true;
  }
  return false;
}

function keyOf(buffer: EventBuffer, level: number): number {
  return priceKey(
    buffer.price_hi[level] as number,
    buffer.price_lo[level] as number,
    buffer.price_exp[level] as number,
  );
}

/** The first level at which the two disagree where both know the book, in words; null for none. */
export function disagreement(
  ours: OrderBook,
  our_reach: Reach,
  partial: OrderBook,
  their_reach: Reach,
): { readonly expected: string; readonly received: string } | null {
  return (
    sideDisagreement('bid', ours.bids, partial.bids, Math.max(our_reach.bids, their_reach.bids)) ??
    sideDisagreement('ask', ours.asks, partial.asks, Math.max(our_reach.asks, their_reach.asks))
  );
}

function sideDisagreement(
  name: string,
  ours: BookSide,
  theirs: BookSide,
  reach: number,
): { readonly expected: string; readonly received: string } | null {
  for (let position = 0; ; position++) {
    const we_have = position < ours.count && ours.keyAt(position) >= reach;
    const they_have = position < theirs.count && theirs.keyAt(position) >= reach;
    if (!we_have && !they_have) return null;
    if (we_have && they_have && sameLevel(ours, theirs, position)) continue;
    return {
      expected: `${name} ${position + 1}: ${they_have ? levelText(theirs, position) : 'none'}`,
      received: `${name} ${position + 1}: ${we_have ? levelText(ours, position) : 'none'}`,
    };
  }
}

/** Same price and same size, whatever scale either was written in. */
function sameLevel(a: BookSide, b: BookSide, position: number): boolean {
  if (a.keyAt(position) !== b.keyAt(position)) return false;
  const row_a = a.rowAt(position);
  const row_b = b.rowAt(position);
  return (
    sameNumber(
      a.cells[row_a + CELL.price_hi] as number,
      a.cells[row_a + CELL.price_lo] as number,
      a.cells[row_a + CELL.price_exp] as number,
      b.cells[row_b + CELL.price_hi] as number,
      b.cells[row_b + CELL.price_lo] as number,
      b.cells[row_b + CELL.price_exp] as number,
    ) &&
    sameNumber(
      a.cells[row_a + CELL.size_hi] as number,
      a.cells[row_a + CELL.size_lo] as number,
      a.cells[row_a + CELL.size_exp] as number,
      b.cells[row_b + CELL.size_hi] as number,
      b.cells[row_b + CELL.size_lo] as number,
      b.cells[row_b + CELL.size_exp] as number,
    )
  );
}

function sameNumber(
  a_hi: number,
  a_lo: number,
  a_exp: number,
  b_hi: number,
  b_lo: number,
  b_exp: number,
): boolean {
  if (a_hi === b_hi && a_lo === b_lo && a_exp === b_exp) return true;
  if (priceKey(a_hi, a_lo, a_exp) !== priceKey(b_hi, b_lo, b_exp)) return false;
  return compareTied(a_hi, a_lo, a_exp, b_hi, b_lo, b_exp) === 0;
}

function levelText(side: BookSide, position: number): string {
  const level = levelsOf(side)[position];
  return level === undefined
    ? 'none'
    : `${formatDecimal(level.price)} x ${formatDecimal(level.size)}`;
}

/** Levels of a side within reach, counted from the best. */
export function levelsWithin(side: BookSide, reach: number): number {
  let count = 0;
  while (count < side.count && side.keyAt(count) >= reach) count++;
  return count;
}
