/**
 * One Bybit book on one connection. There is no checksum: what proves it is that update ids count by
 * one, and that it is not crossed. Steps, in this order, for every message (Bybit v5 documentation,
 * "WebSocket Stream / Orderbook", read 2026-11):
 *
 * 1. A book follows one topic: the depth of its first snapshot. A message of another depth counts for
 *    itself and is held.
 * 2. A snapshot replaces the book and begins the count at its `u`; the venue may send one at any time.
 *    `u` 1 is one whatever its `type` says: the venue's service has restarted. A delta before a
 *    snapshot belongs to no book: it is held, and the first one is a fault, since the venue sends the
 *    snapshot first: that one was lost.
 * 3. The `u` of a delta is one above that of the message before. A delta with the same `u` and the same
 *    time is a repeat and held. All else is a fault. (`seq` counts over all markets: it only grows and proves nothing.)
 * 4. Apply the levels; a size of zero deletes, and one that is not held is normal. Cut both sides to the
 *    depth: the venue deletes what leaves it, so this cuts nothing it still maintains.
 * 5. The book must not be crossed.
 *
 * A fault breaks the book: that message and what follows are held until the next snapshot.
 *
 * What is proven: every level, to the depth sent, as to completeness; but not a number changed on its
 * way under an intact count, unless it crosses the book.
 */
import {
  applyLevels,
  clearOrderBook,
  isCrossed,
  truncateOrderBook,
  writeLevels,
} from '../../books/order-book.ts';
import { FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { hi32, i64, lo32 } from '../../codec/halves.ts';
import { FLAG } from '../../schema/events.ts';
import { BOOK } from '../feed.ts';
import type { FeedBook } from '../feed.ts';
import {
  breakWith,
  crossedFault,
  emptyBook,
  streamedBook,
  withoutSnapshot,
} from '../streamed-book.ts';
import type { StreamedBook } from '../streamed-book.ts';

type State = StreamedBook & {
  /** Levels a side of the topic it follows; 0 while there is none. */
  depth: number;
  /** `u` of the last message applied. */
  last: bigint;
};

/** An empty book. Which depth it has, its messages say. */
export function openBybitBook(_depth: number): FeedBook {
  const state: State = { ...emptyBook(64), depth: 0, last: 0n };
  return streamedBook(state, { apply: applyMessage, snapshot: writeSnapshot });
}

function applyMessage(state: State, buffer: EventBuffer, event: number): number {
  const depth = buffer.lo[(buffer.slot[event] as number) + FIELD.book.depth] as number;
  const id = updateId(buffer, event);
  const held = state.phase === 'broken' ? BOOK.BAD : 0;
  if (state.depth !== 0 && depth !== state.depth) return held;
  if (((buffer.flags[event] as number) & FLAG.SNAPSHOT) !== 0) {
    clearOrderBook(state.book);
    state.depth = depth;
    return update(state, buffer, event, id, held === 0 ? 0 : BOOK.HEALED);
  }
  if (state.phase !== 'whole') return withoutSnapshot(state, 'delta');
  if (id === state.last && isSameTime(state, buffer, event)) return 0;
  if (id === state.last + 1n) return update(state, buffer, event, id, 0);
  state.failed++;
  const fault = { expected: `u ${state.last + 1n}`, received: `u ${id}` };
  return breakWith(state, { cause: 'sequence', ...fault });
}

/** Steps 4 and 5. A snapshot that is wrong itself heals nothing. */
function update(
  state: State,
  buffer: EventBuffer,
  event: number,
  id: bigint,
  heals: number,
): number {
  const { book } = state;
  applyLevels(book, buffer, event);
  truncateOrderBook(book, state.depth);
  state.last = id;
  state.ts_hi = buffer.ts_hi[event] as number;
  state.ts_lo = buffer.ts_lo[event] as number;
  if (isCrossed(book)) {
    state.failed++;
    return breakWith(state, crossedFault(book));
  }
  state.phase = 'whole';
  state.verified++;
  return BOOK.EMIT | heals;
}

function isSameTime(state: State, buffer: EventBuffer, event: number): boolean {
  return state.ts_hi === buffer.ts_hi[event] && state.ts_lo === buffer.ts_lo[event];
}

/** `u`, below 2^63; every book event has one. */
function updateId(buffer: EventBuffer, event: number): bigint {
  return i64(buffer.seq_hi[event] as number, buffer.seq_lo[event] as number);
}

function writeSnapshot(state: State, out: EventBuffer, symbol: number): void {
  const { last, depth } = state;
  const event = out.begin(TYPE_BOOK, symbol, FLAG.SNAPSHOT);
  out.setTsEvent(event, state.ts_hi, state.ts_lo);
  out.setU32(event, FIELD.book.depth, depth);
  out.setSequence(event, hi32(last), lo32(last));
  writeLevels(state.book, out, event);
}
