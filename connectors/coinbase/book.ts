/**
 * One Coinbase book (`level2`, all levels) on one connection. No message carries an id of the book or
 * a checksum; what proves it is that no frame of the connection is missing, which the fold watches by
 * the frames' numbers (`sequence_num`): a hole takes this book away and a new one is opened. Steps,
 * for every message (docs.cdp.coinbase.com "Level2 Channel", read 2026-11; recording of 2021-04-17):
 *
 * 1. A snapshot replaces the book. An update before a snapshot belongs to no book: it is held, and the
 *    first one is a fault, since the venue sends the snapshot first: that one was lost.
 * 2. Apply the levels; a size of zero deletes, and one that is not held is normal.
 * 3. At a message's end the book is never crossed.
 *
 * A fault breaks the book: that message and what follows are held until the next snapshot.
 *
 * What is proven: with numbered frames every level, but not a number changed on its way, unless it
 * crosses the book. On the Exchange feed frames had no number: there all is `UNVERIFIED`.
 */
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
import { applyLevels, clearOrderBook, isCrossed, writeLevels } from '../../books/order-book.ts';
import { TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { FLAG } from '../../schema/events.ts';

type State = StreamedBook & {
  /** Of the last message applied: its frame's number, where it had one. */
  numbered: boolean;
  seq_hi: number;
  seq_lo: number;
};

/** Levels a side allotted at first. */
const LEVELS = 1024;

/** An empty book. The venue sends all levels, so that a depth asked for does not count. */
export function openCoinbaseBook(_depth: number): FeedBook {
  const state: State = { ...emptyBook(LEVELS), numbered: false, seq_hi: 0, seq_lo: 0 };
  return streamedBook(state, { apply: applyMessage, snapshot: writeSnapshot });
}

function applyMessage(state: State, buffer: EventBuffer, event: number): number {
  const { book } = state;
  const heals = state.phase === 'broken' ? BOOK.HEALED : 0;
  const isSnapshot = ((buffer.flags[event] as number) & FLAG.SNAPSHOT) !== 0;
  if (isSnapshot) clearOrderBook(book);
  else if (state.phase !== 'whole') return withoutSnapshot(state, 'update');
  applyLevels(book, buffer, event);
  state.ts_hi = buffer.ts_hi[event] as number;
  state.ts_lo = buffer.ts_lo[event] as number;
  state.numbered = buffer.seq_known[event] === 1;
  state.seq_hi = buffer.seq_hi[event] as number;
  state.seq_lo = buffer.seq_lo[event] as number;
  if (isCrossed(book)) {
    state.failed++;
    return breakWith(state, crossedFault(book));
  }
  state.phase = 'whole';
  if (state.numbered) {
    state.verified++;
    return BOOK.EMIT | heals;
  }
  state.unproven++;
  return BOOK.EMIT | BOOK.UNVERIFIED | heals;
}

function writeSnapshot(state: State, out: EventBuffer, symbol: number): void {
  const flags = FLAG.SNAPSHOT | (state.numbered ? 0 : FLAG.UNVERIFIED);
  const event = out.begin(TYPE_BOOK, symbol, flags);
  out.setTsEvent(event, state.ts_hi, state.ts_lo);
  if (state.numbered) out.setSequence(event, state.seq_hi, state.seq_lo);
  writeLevels(state.book, out, event);
}
