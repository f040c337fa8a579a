/**
 * A book whose venue sends a snapshot first and updates after it: its phases, and the `FeedBook` around a
 * venue's own rule. A fault breaks it; what follows is held until the next snapshot.
 */
import { createOrderBook, cloneOrderBook, levelsOf } from '../books/order-book.ts';
import type { OrderBook } from '../books/order-book.ts';
import type { EventBuffer } from '../codec/event-buffer.ts';
import { formatDecimal } from '../schema/decimal.ts';
import { BOOK } from './feed.ts';
import type { FeedBook } from './feed.ts';

export type Fault = ReturnType<FeedBook['fault']>;

/** What it remembers between messages; a venue adds its own. */
export type StreamedBook = {
  readonly book: OrderBook;
  /** `empty` before the first snapshot, `broken` from a fault to the next snapshot. */
  phase: 'empty' | 'whole' | 'broken';
  fault: Fault;
  /** Of the last message applied. */
  ts_hi: number;
  ts_lo: number;
  verified: number;
  failed: number;
  unproven: number;
};

/** The venue's part: what a message does to the state, and how the state is told. */
export type BookRule<S> = {
  readonly apply: (state: S, buffer: EventBuffer, event: number) => number;
  readonly snapshot: (state: S, out: EventBuffer, symbol: number) => void;
};

/** @param levels allotted a side at first: the depth, and what one message may add to it before the cut */
export function emptyBook(levels: number): StreamedBook {
  return {
    book: createOrderBook(levels),
    phase: 'empty',
    fault: { cause: 'book', expected: '', received: '' },
    ts_hi: 0,
    ts_lo: 0,
    verified: 0,
    failed: 0,
    unproven: 0,
  };
}

export function streamedBook<S extends StreamedBook>(state: S, rule: BookRule<S>): FeedBook {
  return {
    apply: (buffer, event) => rule.apply(state, buffer, event),
    isWhole: () => state.phase === 'whole',
    fault: () => state.fault,
    snapshot: (out, symbol) => rule.snapshot(state, out, symbol),
    counts: () => ({
      verified: state.verified,
      failed: state.failed,
      unproven: state.unproven,
    }),
    clone: () => streamedBook({ ...state, book: cloneOrderBook(state.book) }, rule),
  };
}

/**
 * What an update comes to that no snapshot goes before. It belongs to no book: it is held, and the first one
 * is a fault, since the venue sends the snapshot first: that one was lost.
 */
export function withoutSnapshot(state: StreamedBook, received: string): number {
  if (state.phase === 'broken') return BOOK.BAD;
  return breakWith(state, { cause: 'book', expected: 'snapshot', received });
}

/** The message that breaks a book is no part of its story: the gap it opens says what it compared. */
export function breakWith(state: StreamedBook, fault: Fault): number {
  state.phase = 'broken';
  state.fault = fault;
  return BOOK.BROKEN | BOOK.BAD;
}

export function crossedFault({ bids, asks }: OrderBook): Fault {
  const [bid] = levelsOf(bids);
  const [ask] = levelsOf(asks);
  const text = (level: typeof bid): string => (level ? formatDecimal(level.price) : 'none');
  return { cause: 'crossed', expected: `bid below ask ${text(ask)}`, received: `bid ${text(bid)}` };
}
