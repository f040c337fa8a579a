/**
 * One OKX book (`books`, 400 levels a side) on one connection. Two things prove it: the chain of ids,
 * which says that no message was lost, and, until it was retired in 2026, a checksum of the top 25.
 * Steps, in this order, for every message (OKX v5 documentation, "Order book channel", read 2026-11;
 * recording of 2022-05-13):
 *
 * 1. A snapshot replaces the book and begins the chain at its `seqId`. An update before a snapshot
 *    belongs to no book: it is held, and the first one is a fault, since the venue sends the snapshot
 *    first: that one was lost.
 * 2. Updates chain: `prevSeqId` is the `seqId` of the message before. Ids need not grow: after
 *    maintenance `seqId` starts anew below its own `prevSeqId`, once, and the chain goes on. A quiet
 *    book says so after a minute: no levels, `seqId` equal to `prevSeqId`. A message that comes twice
 *    in a row is held: it repeats both ids of the last one that changed anything. All else is a fault.
 *    Where the snapshot had no `seqId` (before 2023) there is no chain.
 * 3. Apply the levels; a size of zero deletes, and one that is not held is normal. Cut both sides to
 *    400: the venue deletes what falls off its end, so this cuts nothing it still maintains.
 * 4. Compare the checksum, where it is neither absent nor 0. Where there is none the book must not be
 *    crossed.
 *
 * A fault breaks the book: that message and what follows are held until the next snapshot.
 *
 * What is proven: with a chain every level, to the depth sent, but not a number changed on its way
 * under an intact chain, unless it crosses the book. Without a chain the top 25: an update that
 * touches none of them is `UNVERIFIED`, and so is a statement of a book with deeper levels.
 */
import { BOOK } from '../feed.ts';
import type { FeedBook } from '../feed.ts';
import type { BookSide } from '../../books/book-side.ts';
import {
  applyLevels,
  clearOrderBook,
  isCrossed,
  truncateOrderBook,
  writeLevels,
} from '../../books/order-book.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { priceKey } from '../../books/price-key.ts';
import { ABSENT, FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { hi32, i64, lo32 } from '../../codec/halves.ts';
import { FLAG } from '../../schema/events.ts';
import {
  breakWith,
  crossedFault,
  emptyBook,
  streamedBook,
  withoutSnapshot,
} from '../streamed-book.ts';
import type { StreamedBook } from '../streamed-book.ts';
import { bookChecksum, CHECKSUM_LEVELS } from './checksum.ts';

/** Levels a side the venue sends and maintains. */
export const LEVELS = 400;

type State = StreamedBook & {
  /** `seqId` of the last message; null where the snapshot had none: there is no chain. */
  last: bigint | null;
  /** Both ids of the last message that changed something, to know its repeat by. */
  changed: { readonly id: bigint; readonly previous: bigint } | null;
  /** Whether the last message applied had a checksum. */
  summed: boolean;
};

/** An empty book. The channel has one depth, so that which the configuration asks for does not count. */
export function openOkxBook(_depth: number): FeedBook {
  // One message may add a whole list of levels before the cut.
  const state: State = { ...emptyBook(LEVELS + 100), last: null, changed: null, summed: false };
  return streamedBook(state, { apply: applyMessage, snapshot: writeSnapshot });
}

function applyMessage(state: State, buffer: EventBuffer, event: number): number {
  const heals = state.phase === 'broken' ? BOOK.HEALED : 0;
  const id = sequenceOf(buffer, event);
  if (((buffer.flags[event] as number) & FLAG.SNAPSHOT) !== 0) {
    clearOrderBook(state.book);
    state.last = id;
    state.changed = null;
    return update(state, buffer, event, heals);
  }
  if (state.phase !== 'whole') return withoutSnapshot(state, 'update');
  if (state.last === null) return update(state, buffer, event, 0);
  const previous = previousOf(buffer, event);
  if (id === null || previous !== state.last) {
    if (isRepeat(state, id, previous)) return 0;
    state.failed++;
    return breakWith(state, {
      cause: 'sequence',
      expected: `prevSeqId ${state.last}`,
      received: `prevSeqId ${previous ?? 'none'}, seqId ${id ?? 'none'}`,
    });
  }
  if (id !== previous) state.changed = { id, previous };
  state.last = id;
  return update(state, buffer, event, 0);
}

function isRepeat({ changed }: State, id: bigint | null, previous: bigint | null): boolean {
  return changed !== null && changed.id === id && changed.previous === previous;
}

/** Steps 3 and 4. A snapshot that is wrong itself heals nothing. */
function update(state: State, buffer: EventBuffer, event: number, heals: number): number {
  const { book } = state;
  applyLevels(book, buffer, event);
  truncateOrderBook(book, LEVELS);
  state.ts_hi = buffer.ts_hi[event] as number;
  state.ts_lo = buffer.ts_lo[event] as number;
  buffer.setU32(event, FIELD.book.depth, LEVELS);
  const slot = (buffer.slot[event] as number) + FIELD.book.checksum;
  state.summed = buffer.aux[slot] !== ABSENT;
  if (state.summed) {
    const expected = buffer.lo[slot] as number;
    const received = bookChecksum(book);
    if (received !== expected) {
      state.failed++;
      const values = { expected: String(expected), received: String(received) };
      return breakWith(state, { cause: 'checksum', ...values });
    }
  } else if (isCrossed(book)) {
    state.failed++;
    return breakWith(state, crossedFault(book));
  }
  state.phase = 'whole';
  if (state.last !== null || state.summed) state.verified++;
  else state.unproven++;
  return BOOK.EMIT | heals | (isProven(state, buffer, event) ? 0 : BOOK.UNVERIFIED);
}

/** Whether the chain or the checksum covers what this message changed. */
function isProven(state: State, buffer: EventBuffer, event: number): boolean {
  if (state.last !== null) return true;
  if (!state.summed) return false;
  const isSnapshot = ((buffer.flags[event] as number) & FLAG.SNAPSHOT) !== 0;
  return isSnapshot || touchesTop(state.book, buffer, event);
}

/** Whether any level of an update lies in the top 25, or it has none at all. */
function touchesTop({ bids, asks }: OrderBook, buffer: EventBuffer, event: number): boolean {
  const bid_from = buffer.bid_from[event] as number;
  const bid_to = buffer.bid_to[event] as number;
  const ask_from = buffer.ask_from[event] as number;
  const ask_to = buffer.ask_to[event] as number;
  if (bid_from === bid_to && ask_from === ask_to) return true;
  return (
    anyReaches(bids, buffer, bid_from, bid_to, 1) || anyReaches(asks, buffer, ask_from, ask_to, -1)
  );
}

function anyReaches(
  side: BookSide,
  buffer: EventBuffer,
  from: number,
  to: number,
  sign: 1 | -1,
): boolean {
  const reach = side.count < CHECKSUM_LEVELS ? -Infinity : side.keyAt(CHECKSUM_LEVELS - 1);
  for (let level = from; level < to; level++) {
    const hi = buffer.price_hi[level] as number;
    const lo = buffer.price_lo[level] as number;
    if (sign * priceKey(hi, lo, buffer.price_exp[level] as number) >= reach) return true;
  }
  return false;
}

/** `seqId`, null where there is none. Ids are below 2^63. */
function sequenceOf(buffer: EventBuffer, event: number): bigint | null {
  if (buffer.seq_known[event] !== 1) return null;
  return i64(buffer.seq_hi[event] as number, buffer.seq_lo[event] as number);
}

function previousOf(buffer: EventBuffer, event: number): bigint | null {
  const slot = (buffer.slot[event] as number) + FIELD.book.prev_sequence;
  if (buffer.aux[slot] === ABSENT) return null;
  return i64(buffer.hi[slot] as number, buffer.lo[slot] as number);
}

function writeSnapshot(state: State, out: EventBuffer, symbol: number): void {
  const { book, last } = state;
  const deep = book.bids.count > CHECKSUM_LEVELS || book.asks.count > CHECKSUM_LEVELS;
  const proven = last !== null || (state.summed && !deep);
  const event = out.begin(TYPE_BOOK, symbol, FLAG.SNAPSHOT | (proven ? 0 : FLAG.UNVERIFIED));
  out.setTsEvent(event, state.ts_hi, state.ts_lo);
  out.setU32(event, FIELD.book.depth, LEVELS);
  if (last !== null) {
    out.setSequence(event, hi32(last), lo32(last));
  }
  writeLevels(book, out, event);
}
