/**
 * The recorded Kraken book through decoder and book, and what of it is needed to kill each way of
 * getting it wrong. A trace counts for a rule only if breaking that rule fails on it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { openKrakenBook } from '../../connectors/kraken/book.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { parseDecimal } from '../../schema/decimal.ts';
import type { BookLevel } from '../../schema/events.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { SYMBOLS, decodeInto, runBook } from '../support/kraken-frames.ts';
import { PlainSide, plainChecksum } from '../support/plain-book.ts';

const CAPTURE = 'kraken-v2/book-btcusd-d10-20230730.jsonl';
const MESSAGES = 510;
/** Messages that make the book right again where the one before them is lost. */
const RIGHTED = 120;
/** Pairs whose second, coming first, already makes the book right. */
const SWAPPED_LATE = 108;

function load(): string[] {
  return readFileSync(capturePath(CAPTURE), 'utf8').trimEnd().split('\n');
}

function verified(frames: readonly string[]): number {
  return runBook(frames, openKrakenBook(10)).verified;
}

test('510 of 510 checksums hold', { skip: skipWithoutCaptures }, () => {
  const run = runBook(load(), openKrakenBook(10));
  assert.equal(run.emitted, MESSAGES);
  assert.deepEqual(run.book.counts(), { verified: MESSAGES, failed: 0, unproven: 0 });
  assert.ok(run.verdicts.every((verdict) => verdict === BOOK.EMIT));
});

test('a float round trip passes none', { skip: skipWithoutCaptures }, () => {
  assert.equal(verified(load().map((frame) => JSON.stringify(JSON.parse(frame)))), 0);
});

test('sides swapped pass none', { skip: skipWithoutCaptures }, () => {
  const swap = (frame: string): string =>
    frame.replace(/"(bids|asks)"/g, (_, name) => (name === 'bids' ? '"asks"' : '"bids"'));
  assert.equal(verified(load().map(swap)), 0);
});

test(
  'a lost message shows at the next, unless that makes the book right again',
  {
    skip: skipWithoutCaptures,
  },
  () => {
    const frames = load();
    const books = replayStates(frames);
    let righted = 0;
    for (let lost = 1; lost < MESSAGES - 1; lost++) {
      const book = stateAt(books, lost - 1);
      const { verdicts } = runBook(frames.slice(lost + 1, lost + 2), book);
      if (verdicts[0] === BOOK.EMIT) {
        righted++;
        assert.deepEqual(sidesOf(book), sidesOf(stateAt(books, lost + 1)), `message ${lost}`);
      } else {
        assert.equal(verdicts[0], BOOK.BROKEN | BOOK.BAD);
      }
    }
    assert.equal(righted, RIGHTED);
  },
);

test(
  'two messages swapped show at once, or where the stale one first matters',
  {
    skip: skipWithoutCaptures,
  },
  () => {
    const frames = load();
    const books = replayStates(frames);
    let late = 0;
    for (let at = 1; at < MESSAGES - 40; at++) {
      const book = stateAt(books, at - 1);
      const swapped = [...frames.slice(at + 1, at + 2), ...frames.slice(at, at + 1)];
      const { verdicts } = runBook([...swapped, ...frames.slice(at + 2, at + 40)], book);
      const broken = verdicts.indexOf(BOOK.BROKEN | BOOK.BAD);
      if (broken !== 0) late++;
      // Never seen, it must have mattered to nobody: the book is the right one again.
      if (broken < 0) assert.deepEqual(sidesOf(book), sidesOf(stateAt(books, at + 39)), `${at}`);
    }
    assert.equal(late, SWAPPED_LATE);
  },
);

test(
  'a message twice in a row changes nothing: sizes are absolute',
  { skip: skipWithoutCaptures },
  () => {
    const twice = load().flatMap((frame) => [frame, frame]);
    assert.equal(verified(twice), 2 * MESSAGES);
  },
);

test('a message repeated late is caught', { skip: skipWithoutCaptures }, () => {
  const frames = load();
  const late = [...frames.slice(0, 20), frames[1] ?? '', ...frames.slice(20)];
  assert.equal(runBook(late, openKrakenBook(10)).failed, 1);
});

test('updates before their snapshot are held', { skip: skipWithoutCaptures }, () => {
  const frames = load();
  const late = [...frames.slice(1, 6), ...frames];
  const run = runBook(late, openKrakenBook(10));
  assert.equal(run.verdicts.slice(0, 5).filter((verdict) => (verdict & BOOK.EMIT) !== 0).length, 0);
  assert.equal(run.verified, MESSAGES);
});

function stateAt(books: readonly FeedBook[], at: number): FeedBook {
  const book = books[at];
  assert.ok(book);
  return book.clone();
}

function sidesOf(book: FeedBook): unknown {
  const buffer = new EventBuffer();
  book.snapshot(buffer, 0);
  const [event] = bufferEvents(buffer, SYMBOLS);
  return [event?.bids, event?.asks];
}

/** State after each message. */
function replayStates(frames: readonly string[]): FeedBook[] {
  const book = openKrakenBook(10);
  const buffer = new EventBuffer();
  return frames.map((frame) => {
    decodeInto(buffer, frame);
    book.apply(buffer, 0);
    return book.clone();
  });
}

type Rules = {
  readonly truncate: 'message' | 'never';
  readonly zero: 'deletes' | 'stored';
  readonly snapshot: 'replaces' | 'adds';
};
const RIGHT: Rules = { truncate: 'message', zero: 'deletes', snapshot: 'replaces' };

/** Kraken's book the plain way, with a rule that can be broken: messages whose checksum holds. */
function plainVerified(frames: readonly string[], rules: Rules): number {
  const sides = { bids: new PlainSide(true), asks: new PlainSide(false) };
  let count = 0;
  for (const frame of frames) {
    const { type, bids, asks, checksum } = plainMessage(frame);
    if (type === 'snapshot' && rules.snapshot === 'replaces') {
      sides.bids.clear();
      sides.asks.clear();
    }
    plainApply(sides.bids, bids, rules);
    plainApply(sides.asks, asks, rules);
    if (plainChecksum(sides.asks.levels(), sides.bids.levels()) === checksum) count++;
  }
  return count;
}

function plainApply(side: PlainSide, levels: readonly BookLevel[], rules: Rules): void {
  for (const level of levels) {
    const isStored = level.size.mantissa === 0n && rules.zero === 'stored';
    side.apply(isStored ? { ...level, size: { mantissa: 1n, exponent: -8 } } : level);
  }
  if (rules.truncate === 'message') side.truncate(10);
}

type PlainMessage = {
  readonly type: string;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
  readonly checksum: number;
};

function plainMessage(frame: string): PlainMessage {
  const quoted = frame.replace(/("(?:price|qty)":)(-?[\d.eE+-]+)/g, '$1"$2"');
  const { type, data } = JSON.parse(quoted) as {
    type: string;
    data: { bids: Quoted[]; asks: Quoted[]; checksum: number }[];
  };
  const [element] = data;
  assert.ok(element);
  const { bids, asks, checksum } = element;
  return { type, bids: bids.map(exact), asks: asks.map(exact), checksum };
}

type Quoted = { readonly price: string; readonly qty: string };

function exact({ price, qty }: Quoted): BookLevel {
  const [exactPrice, size] = [parseDecimal(price), parseDecimal(qty)];
  assert.ok(exactPrice && size);
  return { price: exactPrice, size };
}

test('the capture tells each broken rule', { skip: skipWithoutCaptures }, () => {
  const frames = load();
  assert.equal(plainVerified(frames, RIGHT), MESSAGES);
  const mutants: Readonly<Record<string, Rules>> = {
    'no truncation': { ...RIGHT, truncate: 'never' },
    'quantity 0 stored': { ...RIGHT, zero: 'stored' },
  };
  for (const [name, rules] of Object.entries(mutants)) {
    const count = plainVerified(frames, rules);
    assert.ok(count < MESSAGES, `${name}: ${count} of ${MESSAGES} still hold`);
  }
  // A second snapshot, long after the first: levels left over from before it would stand out.
  const again = [...frames, ...frames.slice(0, 1)];
  assert.equal(plainVerified(again, RIGHT), MESSAGES + 1);
  assert.ok(plainVerified(again, { ...RIGHT, snapshot: 'adds' }) < MESSAGES + 1);
  assert.equal(verified(again), MESSAGES + 1);
});
