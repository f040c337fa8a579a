/**
 * One Kraken book on one connection. Kraken's books carry no sequence number; the rule that tells a
 * lost message is the checksum. Steps, in this order, for every message
 * (docs.kraken.com, "How to maintain a valid book" and "Book checksum", read 2026-11):
 *
 * 1. A snapshot replaces the book. An update before a snapshot belongs to no book: it is held, and
 *    the first one is a fault, since the venue sends the snapshot first: that one was lost.
 * 2. Apply the entries in the order given; a size of zero deletes.
 * 3. Cut both sides to the subscribed depth: no delete is sent for a level that fell off the end.
 * 4. Compare the checksum of the top ten levels a side. A mismatch breaks the book: that message
 *    and what follows are held until the next snapshot.
 *
 * What is proven: the ten best levels a side after every message with a checksum. Deeper levels are
 * proven only when they surface into those ten; a lost update below them shows no earlier. A
 * message without a checksum (absent, or 0) proves nothing: it is yielded as unverified, and then
 * only an uncrossed book is asked for.
 */
import { BOOK } from '../feed.ts';
import type { FeedBook } from '../feed.ts';
import {
  applyLevels,
  clearOrderBook,
  isCrossed,
  truncateOrderBook,
  writeLevels,
} from '../../books/order-book.ts';
import { ABSENT, FIELD, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { FLAG } from '../../schema/events.ts';
import {
  breakWith,
  crossedFault,
  emptyBook,
  streamedBook,
  withoutSnapshot,
} from '../streamed-book.ts';
import type { StreamedBook } from '../streamed-book.ts';
import { bookChecksum } from './checksum.ts';

/** Constants of this module: one that is imported is looked up each time it is used. */
const { checksum: CHECKSUM, depth: DEPTH } = FIELD.book;
const { SNAPSHOT, UNVERIFIED } = FLAG;
const absent = ABSENT;

type State = StreamedBook & {
  readonly depth: number;
  /** Of the last message applied, an int32 as in its column; 0 where it had none. */
  checksum: number;
};

/** An empty book of a subscription to `depth` levels a side. */
export function openKrakenBook(depth: number): FeedBook {
  // One message may add a whole list of levels before the cut.
  const state: State = { ...emptyBook(depth + 32), depth, checksum: 0 };
  return streamedBook(state, { apply: applyMessage, snapshot: writeSnapshot });
}

function applyMessage(state: State, buffer: EventBuffer, event: number): number {
  const isSnapshot = ((buffer.flags[event] as number) & SNAPSHOT) !== 0;
  if (!isSnapshot && state.phase !== 'whole') return withoutSnapshot(state, 'update');
  const heals = state.phase === 'broken' ? BOOK.HEALED : 0;
  if (isSnapshot) clearOrderBook(state.book);
  applyLevels(state.book, buffer, event);
  truncateOrderBook(state.book, state.depth);
  state.ts_hi = buffer.ts_hi[event] as number;
  state.ts_lo = buffer.ts_lo[event] as number;
  const slot = (buffer.slot[event] as number) + CHECKSUM;
  state.checksum = buffer.aux[slot] === absent ? 0 : (buffer.lo[slot] as number);
  buffer.setU32(event, DEPTH, state.depth);
  return verify(state, heals);
}

/** The verdict on the state after a message. A snapshot that is wrong itself heals nothing. */
function verify(state: State, heals: number): number {
  if (state.checksum === 0) {
    if (isCrossed(state.book)) {
      state.failed++;
      return breakWith(state, crossedFault(state.book));
    }
    state.unproven++;
    state.phase = 'whole';
    return BOOK.EMIT | BOOK.UNVERIFIED | heals;
  }
  const received = bookChecksum(state.book);
  if (received === state.checksum) {
    state.verified++;
    state.phase = 'whole';
    return BOOK.EMIT | heals;
  }
  state.failed++;
  return breakWith(state, {
    cause: 'checksum',
    expected: String(state.checksum >>> 0),
    received: String(received >>> 0),
  });
}

function writeSnapshot(state: State, out: EventBuffer, symbol: number): void {
  const unverified = state.checksum === 0 ? UNVERIFIED : 0;
  const event = out.begin(TYPE_BOOK, symbol, SNAPSHOT | unverified);
  out.setTsEvent(event, state.ts_hi, state.ts_lo);
  out.setU32(event, DEPTH, state.depth);
  if (state.checksum !== 0) out.setU32(event, CHECKSUM, state.checksum);
  writeLevels(state.book, out, event);
}
