/** Every frame and every decoded event is accounted for, under one name each. */
import type { EventBuffer, FrameKind } from '../codec/event-buffer.ts';
import { BOOK } from '../connectors/feed.ts';

/** Messages of books by what the venue's own rule said to them, on every connection, spoken or not. */
export type BookChecks = {
  verified: number;
  mismatched: number;
  /** Nothing the venue sent proves the state after it. */
  not_provided: number;
};

export const NO_CHECKS: BookChecks = { verified: 0, mismatched: 0, not_provided: 0 };

export type FoldCounts = {
  frames: number;
  /** Frames by what they were; `ignored` and `rejected` also by reason. */
  readonly kinds: Record<FrameKind, number>;
  readonly ignored: Map<string, number>;
  readonly rejected: Map<string, number>;
  /** Events decoded, of which `dropped` (by reason) were not emitted. */
  decoded: number;
  readonly dropped: Map<DropReason, number>;
  readonly books: BookChecks;
};

/** Why a decoded event is not an event of the dataset. */
export type DropReason =
  /** The fold does not speak yet. */
  | 'muted'
  /** Another connection speaks for this type and symbol. */
  | 'not_speaking'
  /** The trade was heard before, or the frame came twice. */
  | 'repeat'
  /** The venue's history, not beyond what is known. */
  | 'known_history'
  /** The book waits for its snapshot. */
  | 'held'
  /** The connection serves another day. */
  | 'other_day';

/** `books`: where a connector counts them on, over days and epochs. */
export function createCounts(books: BookChecks = { ...NO_CHECKS }): FoldCounts {
  return {
    frames: 0,
    kinds: {
      data: 0,
      heartbeat: 0,
      pong: 0,
      ack: 0,
      refused: 0,
      system: 0,
      ignored: 0,
      rejected: 0,
    },
    ignored: new Map(),
    rejected: new Map(),
    decoded: 0,
    dropped: new Map(),
    books,
  };
}

export function countFrame(counts: FoldCounts, buffer: EventBuffer): void {
  counts.frames++;
  counts.kinds[buffer.kind]++;
  counts.decoded += buffer.count;
  if (buffer.kind === 'ignored') add(counts.ignored, buffer.reason);
  else if (buffer.kind === 'rejected') add(counts.rejected, buffer.reason);
}

export function countDropped(counts: FoldCounts, reason: DropReason): void {
  count(counts.dropped, reason);
}

/** What a book said to a message (bits of `BOOK`); one that is held until a snapshot proves nothing. */
export function countBook({ books }: FoldCounts, verdict: number): void {
  if ((verdict & BOOK.BROKEN) !== 0) books.mismatched++;
  else if ((verdict & BOOK.EMIT) === 0) return;
  else if ((verdict & (BOOK.UNVERIFIED | BOOK.BAD)) !== 0) books.not_provided++;
  else books.verified++;
}

/** Names counted apart; a venue that makes up channels without end is counted under `other`. */
const NAMES_MAX = 1000;

function add<K extends string>(counters: Map<K | 'other', number>, name: K): void {
  const known = counters.has(name) || counters.size < NAMES_MAX;
  count(counters, known ? name : 'other');
}

function count<K>(counters: Map<K, number>, name: K): void {
  counters.set(name, (counters.get(name) ?? 0) + 1);
}
