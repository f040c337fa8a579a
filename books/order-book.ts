/**
 * A book by price: two sides that follow a venue's messages exactly. It knows how levels are
 * applied and how two sides relate; which message may follow which, and what proves the result, is
 * the venue's rule (`connectors/<feed>/book.ts`).
 */
import type { EventBuffer } from '../codec/event-buffer.ts';
import type { BookLevel } from '../schema/events.ts';
import { BookSide, CELL } from './book-side.ts';
import { i64 } from '../codec/halves.ts';
import { compareTied } from './price-key.ts';

export type OrderBook = { readonly bids: BookSide; readonly asks: BookSide };

/** An empty book; `levels` a side are allotted at first, more as they come. */
export function createOrderBook(levels = 32): OrderBook {
  return { bids: new BookSide(1, levels), asks: new BookSide(-1, levels) };
}

export function cloneOrderBook(book: OrderBook): OrderBook {
  return { bids: book.bids.clone(), asks: book.asks.clone() };
}

export function clearOrderBook(book: OrderBook): void {
  book.bids.clear();
  book.asks.clear();
}

/** Keeps the best `depth` levels of each side. */
export function truncateOrderBook(book: OrderBook, depth: number): void {
  if (book.bids.count > depth) book.bids.truncate(depth);
  if (book.asks.count > depth) book.asks.truncate(depth);
}

/**
 * Applies the levels of book event `event` in the order the message has them: a size of zero
 * deletes (a level that is not there is normal), any other size is the level's new size. The last
 * word on a price counts.
 */
export function applyLevels(book: OrderBook, buffer: EventBuffer, event: number): void {
  const bid_from = buffer.bid_from[event] as number;
  const bid_to = buffer.bid_to[event] as number;
  const ask_from = buffer.ask_from[event] as number;
  const ask_to = buffer.ask_to[event] as number;
  if (bid_from < bid_to) book.bids.apply(buffer, bid_from, bid_to);
  if (ask_from < ask_to) book.asks.apply(buffer, ask_from, ask_to);
}

/** Whether the best bid is at or above the best ask; false while a side is empty. */
export function isCrossed({ bids, asks }: OrderBook): boolean {
  if (bids.count === 0 || asks.count === 0) return false;
  const bid_key = bids.keyAt(0);
  const ask_key = -asks.keyAt(0);
  if (bid_key !== ask_key) return bid_key > ask_key;
  const bid = bids.rowAt(0);
  const ask = asks.rowAt(0);
  return (
    compareTied(
      bids.cells[bid + CELL.price_hi] as number,
      bids.cells[bid + CELL.price_lo] as number,
      bids.cells[bid + CELL.price_exp] as number,
      asks.cells[ask + CELL.price_hi] as number,
      asks.cells[ask + CELL.price_lo] as number,
      asks.cells[ask + CELL.price_exp] as number,
    ) >= 0
  );
}

/** Writes both sides, best first, as the levels of event `event`, which must be the newest one. */
export function writeLevels(book: OrderBook, out: EventBuffer, event: number): void {
  out.beginBids(event);
  writeSide(book.bids, out);
  out.endBids(event);
  out.beginAsks(event);
  writeSide(book.asks, out);
  out.endAsks(event);
}

function writeSide(side: BookSide, out: EventBuffer): void {
  for (let position = 0; position < side.count; position++) {
    const row = side.rowAt(position);
    out.level(
      side.cells[row + CELL.price_hi] as number,
      side.cells[row + CELL.price_lo] as number,
      side.cells[row + CELL.price_exp] as number,
      side.cells[row + CELL.size_hi] as number,
      side.cells[row + CELL.size_lo] as number,
      side.cells[row + CELL.size_exp] as number,
    );
  }
}

/** A side's levels as plain objects, best first: for checks, tools and tests. */
export function levelsOf(side: BookSide): BookLevel[] {
  return Array.from({ length: side.count }, (_, position) => {
    const row = side.rowAt(position);
    return {
      price: {
        mantissa: i64(
          side.cells[row + CELL.price_hi] as number,
          side.cells[row + CELL.price_lo] as number,
        ),
        exponent: side.cells[row + CELL.price_exp] as number,
      },
      size: {
        mantissa: i64(
          side.cells[row + CELL.size_hi] as number,
          side.cells[row + CELL.size_lo] as number,
        ),
        exponent: side.cells[row + CELL.size_exp] as number,
      },
    };
  });
}
