/**
 * A book of USD-M futures, kept from the diff stream and held to the partial book stream.
 *
 * The venue sends no opening snapshot on a diff stream, and a strict collector asks for none. What
 * is known, and how [developers.binance.com "How to manage a local order book correctly", read
 * 2026-11; captures of 2021-07-22 and 2024-08-08, where `pu` chained on every diff]:
 *
 * 1. Diffs chain: `pu` is the `u` of the one before. (`U == u + 1` is the rule of the spot market
 *    and does not hold here.) A diff whose `u` is not beyond the last one is old: held.
 * 2. Sizes are absolute. Without a base the book holds only levels that changed: unverified.
 * 3. A partial book (20 levels) with update id S is the *base*: everything between its worst levels
 *    is known from then on. It becomes one where S is not behind the diffs; diffs with `u <= S` are
 *    held then, since it contains them. Where the very first diff begins after it (`pu > S`) it is
 *    let go.
 * 4. Later partial books are the oracle. At `S == u` they must agree with the book wherever both
 *    know it; one that comes before its diff waits for it. Agreement says nothing new: the message
 *    is held and counts as verified. Where it shows levels beyond our reach it becomes the new
 *    base, emitted. Disagreement is a fault and its own cure: `BROKEN` and `HEALED` at once, the
 *    partial book is the new base. One that lies within a diff (`U <= S < u`), or behind the diffs,
 *    proves nothing.
 * 5. Where the market leaves our reach, the base is gone (no fault: it was never known) until the
 *    next.
 * 6. After a broken chain, or a crossed book, all is `BAD` and unverified until a partial book
 *    heals.
 *
 * A diff counts as verified where the chain holds from a base and it touches what is within reach;
 * one that changes only levels beyond reach is `UNVERIFIED`.
 */
import {
  applyLevels,
  clearOrderBook,
  cloneOrderBook,
  createOrderBook,
  isCrossed,
  truncateOrderBook,
  writeLevels,
} from '../../books/order-book.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { ABSENT, FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { hi32, i64, lo32 } from '../../codec/halves.ts';
import { FLAG } from '../../schema/events.ts';
import { BOOK } from '../feed.ts';
import type { FeedBook } from '../feed.ts';
import { crossedFault } from '../streamed-book.ts';
import type { Fault } from '../streamed-book.ts';
import {
  disagreement,
  levelsWithin,
  outOfReach,
  reachOf,
  REACH_NOTHING,
  reveals,
  touches,
} from './partial-book.ts';
import type { Reach } from './partial-book.ts';

/**
 * Levels kept a side; farther ones are dropped, which shortens the reach where they were within it.
 */
export const LEVELS_MAX = 5000;
/** Partial books that may run ahead of the diffs in a row; then the diffs are missing: a fault. */
export const AHEAD_MAX = 50;
/** Old diffs held in a row; then the venue counts anew rather than repeats: a fault. */
export const STALE_MAX = 50;

type State = {
  book: OrderBook;
  /** A message was seen. */
  whole: boolean;
  /** A gap is open. */
  bad: boolean;
  /** `u` of the last diff; -1n before the first. */
  last: bigint;
  /** Update id of the base, -1n without one. */
  base: bigint;
  reach: Reach;
  /** A partial book that waits for its diff, and its id. */
  partial: OrderBook;
  partial_depth: number;
  pending: bigint;
  ahead: number;
  stale: number;
  fault: Fault;
  verified: number;
  failed: number;
  unproven: number;
};

/** A book of one symbol on one connection. The partial books' own depth counts, not `_depth`. */
export function openBinanceUsdmBook(_depth: number): FeedBook {
  return feedBook({
    book: createOrderBook(256),
    whole: false,
    bad: false,
    last: -1n,
    base: -1n,
    reach: REACH_NOTHING,
    partial: createOrderBook(),
    partial_depth: 0,
    pending: -1n,
    ahead: 0,
    stale: 0,
    fault: { cause: 'sequence', expected: '', received: '' },
    verified: 0,
    failed: 0,
    unproven: 0,
  });
}

function feedBook(state: State): FeedBook {
  return {
    apply(buffer, event) {
      state.whole = true;
      const isPartial = ((buffer.flags[event] as number) & FLAG.SNAPSHOT) !== 0;
      return isPartial ? hearPartial(state, buffer, event) : hearDiff(state, buffer, event);
    },
    isWhole: () => state.whole,
    fault: () => state.fault,
    snapshot: (out, symbol) => {
      writeSnapshot(state, out, symbol);
    },
    counts: () => ({
      verified: state.verified,
      failed: state.failed,
      unproven: state.unproven,
    }),
    clone: () =>
      feedBook({
        ...state,
        book: cloneOrderBook(state.book),
        partial: cloneOrderBook(state.partial),
      }),
  };
}

function sequenceOf(buffer: EventBuffer, event: number): bigint {
  return i64(buffer.seq_hi[event] as number, buffer.seq_lo[event] as number);
}

function previousOf(buffer: EventBuffer, event: number): bigint {
  const slot = (buffer.slot[event] as number) + FIELD.book.prev_sequence;
  if (buffer.aux[slot] === ABSENT) return -1n;
  return i64(buffer.hi[slot] as number, buffer.lo[slot] as number);
}

function hearDiff(state: State, buffer: EventBuffer, event: number): number {
  const u = sequenceOf(buffer, event);
  const pu = previousOf(buffer, event);
  if (u <= state.last && ++state.stale <= STALE_MAX) return 0;
  state.stale = 0;
  state.ahead = 0;
  if (state.last >= 0n && pu !== state.last) {
    const fault: Fault = {
      cause: 'sequence',
      expected: `pu ${state.last}`,
      received: `pu ${pu}, u ${u}`,
    };
    return breakChain(state, buffer, event, u, fault);
  }
  // The first diff begins after the base: nothing was lost, the two streams only did not meet yet.
  if (state.last < 0n && state.base >= 0n && pu > state.base) forgetBase(state);
  state.last = u;
  if (state.base >= 0n && u <= state.base) return 0;
  applyLevels(state.book, buffer, event);
  boundLevels(state);
  const verdict = judgeDiff(state, buffer, event);
  return state.pending >= 0n && u >= state.pending ? settlePending(state, verdict) : verdict;
}

/** Something between the two is lost: what it changed is unknown. */
function breakChain(
  state: State,
  buffer: EventBuffer,
  event: number,
  u: bigint,
  fault: Fault,
): number {
  state.last = u;
  applyLevels(state.book, buffer, event);
  boundLevels(state);
  return broken(state, fault) | BOOK.EMIT | BOOK.UNVERIFIED;
}

/** Opens a gap, unless one is open. */
function broken(state: State, fault: Fault): number {
  state.failed++;
  state.base = -1n;
  state.reach = REACH_NOTHING;
  state.pending = -1n;
  if (state.bad) return BOOK.BAD;
  state.bad = true;
  state.fault = fault;
  return BOOK.BROKEN | BOOK.BAD;
}

function judgeDiff(state: State, buffer: EventBuffer, event: number): number {
  if (state.bad) {
    state.unproven++;
    return BOOK.EMIT | BOOK.BAD | BOOK.UNVERIFIED;
  }
  if (state.base >= 0n) {
    if (isCrossed(state.book)) {
      return broken(state, crossedFault(state.book)) | BOOK.EMIT | BOOK.UNVERIFIED;
    }
    if (outOfReach(state.book, state.reach)) forgetBase(state);
  }
  if (state.base < 0n || !touches(buffer, event, state.reach)) {
    state.unproven++;
    return BOOK.EMIT | BOOK.UNVERIFIED;
  }
  state.verified++;
  return BOOK.EMIT;
}

function forgetBase(state: State): void {
  state.base = -1n;
  state.reach = REACH_NOTHING;
  state.pending = -1n;
}

/** A partial book came before this diff: at the same id it is compared, otherwise it is let go. */
function settlePending(state: State, verdict: number): number {
  const same = state.pending === state.last;
  state.pending = -1n;
  if (!same || state.base < 0n || state.bad) {
    state.unproven++;
    return verdict;
  }
  const theirs = reachOf(state.partial, state.partial_depth);
  const wrong = disagreement(state.book, state.reach, state.partial, theirs);
  if (wrong === null) {
    state.verified++;
    return verdict;
  }
  // The partial book is past: it cannot be emitted after its diff, so the next one heals.
  return broken(state, { cause: 'book', ...wrong }) | BOOK.EMIT | BOOK.UNVERIFIED;
}

function hearPartial(state: State, buffer: EventBuffer, event: number): number {
  const id = sequenceOf(buffer, event);
  const newest = state.last > state.base ? state.last : state.base;
  if (id < newest) {
    state.unproven++;
    return 0;
  }
  const slot = (buffer.slot[event] as number) + FIELD.book.depth;
  state.partial_depth = buffer.lo[slot] as number;
  clearOrderBook(state.partial);
  applyLevels(state.partial, buffer, event);
  if (state.bad || state.base < 0n) return rebase(state, id);
  if (id > state.last && id > state.base) return holdPending(state, id);
  const theirs = reachOf(state.partial, state.partial_depth);
  const wrong = disagreement(state.book, state.reach, state.partial, theirs);
  if (wrong !== null) {
    const verdict = broken(state, { cause: 'book', ...wrong }) & ~BOOK.BAD;
    return verdict | rebase(state, id);
  }
  if (reveals(state.reach, theirs)) return rebase(state, id);
  state.verified++;
  return 0;
}

/** Its diff has not come yet: it waits, and what waits too long says the diffs are missing. */
function holdPending(state: State, id: bigint): number {
  state.pending = id;
  if (++state.ahead <= AHEAD_MAX) return 0;
  const expected = `diffs up to ${id}`;
  const fault: Fault = { cause: 'sequence', expected, received: `none since ${state.last}` };
  return (broken(state, fault) & ~BOOK.BAD) | rebase(state, id);
}

/** The partial book becomes the book: everything within its reach is known from here. */
function rebase(state: State, id: bigint): number {
  const { book, partial } = state;
  state.book = partial;
  state.partial = book;
  state.reach = reachOf(state.book, state.partial_depth);
  state.base = id;
  state.pending = -1n;
  state.ahead = 0;
  if (isCrossed(state.book)) {
    return broken(state, crossedFault(state.book)) | BOOK.EMIT | BOOK.UNVERIFIED;
  }
  const healed = state.bad ? BOOK.HEALED : 0;
  state.bad = false;
  state.verified++;
  return BOOK.EMIT | healed;
}

function boundLevels(state: State): void {
  const { book, reach } = state;
  if (book.bids.count <= LEVELS_MAX && book.asks.count <= LEVELS_MAX) return;
  truncateOrderBook(book, LEVELS_MAX);
  const kept = reachOf(book, LEVELS_MAX);
  state.reach = {
    bids: Math.max(reach.bids, kept.bids),
    asks: Math.max(reach.asks, kept.asks),
  };
}

/**
 * What is known: with a base the levels within reach, else the levels that were seen to change, as
 * `UNVERIFIED`; `MAYBE_BAD_BOOK` while a gap is open. `ts_event` is absent: it is our statement.
 */
function writeSnapshot(state: State, out: EventBuffer, symbol: number): void {
  const anchored = state.base >= 0n && !state.bad;
  const flags =
    FLAG.SNAPSHOT | (anchored ? 0 : FLAG.UNVERIFIED) | (state.bad ? FLAG.MAYBE_BAD_BOOK : 0);
  const event = out.begin(TYPE_BOOK, symbol, flags);
  const id = state.last > state.base ? state.last : state.base;
  if (id >= 0n) {
    out.setSequence(event, hi32(id), lo32(id));
  }
  if (!anchored) {
    writeLevels(state.book, out, event);
    return;
  }
  const known = cloneOrderBook(state.book);
  known.bids.truncate(levelsWithin(known.bids, state.reach.bids));
  known.asks.truncate(levelsWithin(known.asks, state.reach.asks));
  writeLevels(known, out, event);
}
