/** Each step of the rule by which a Bybit book is kept, and that breaking it is seen. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { openBybitBook } from '../../connectors/bybit-linear/book.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { SYMBOLS, bookFrame, runBook } from '../support/bybit-frames.ts';
import type { Level } from '../support/frames.ts';
import { bufferEvents } from '../support/buffer-events.ts';

const { EMIT, BROKEN, HEALED, BAD } = BOOK;

const BIDS: readonly Level[] = [
  ['100.50', '1.250'],
  ['100.00', '2.000'],
];
const ASKS: readonly Level[] = [['101.00', '0.003']];
const SNAPSHOT = bookFrame('snapshot', { u: 10, bids: BIDS, asks: ASKS });

function stateOf(book: FeedBook) {
  const buffer = new EventBuffer();
  book.snapshot(buffer, 0);
  return bufferEvents(buffer, SYMBOLS)[0] ?? assert.fail();
}

const delta = (u: number, bids: readonly Level[] = [], asks: readonly Level[] = []): string =>
  bookFrame('delta', { u, bids, asks });

/** Verdicts of `frames` after a snapshot with u 10. */
function after(...frames: readonly string[]) {
  const { verdicts, book } = runBook([SNAPSHOT, ...frames], openBybitBook(50));
  return { verdicts: verdicts.slice(1), book, fault: book.fault() };
}

describe('update ids', () => {
  test('they count by one; the book follows', () => {
    const { verdicts, book } = after(
      delta(11, [['100.50', '0']]),
      delta(12, [['100.10', '3.000']]),
    );
    assert.deepEqual(verdicts, [EMIT, EMIT]);
    const state = stateOf(book);
    assert.deepEqual(state.bids, ['100.10 3.000', '100.00 2.000']);
    assert.deepEqual([state.flags, state.sequence, state['depth']], [1, '12', 50]);
    assert.equal(state.ts_event, '1763683199998000000');
    assert.deepEqual(book.counts(), { verified: 3, failed: 0, unproven: 0 });
  });

  test('a message lost: both values are told, and all is held until a snapshot', () => {
    const { verdicts, fault, book } = after(
      delta(12),
      delta(13),
      bookFrame('snapshot', { u: 20, bids: [['99.00', '1.000']], asks: ASKS }),
      delta(21),
    );
    assert.deepEqual(verdicts, [BROKEN | BAD, BAD, EMIT | HEALED, EMIT]);
    assert.deepEqual(fault, { cause: 'sequence', expected: 'u 11', received: 'u 12' });
    assert.deepEqual(stateOf(book).bids, ['99.00 1.000'], 'the snapshot replaced everything');
  });

  test('two messages swapped break it at once', () => {
    assert.equal(after(delta(12), delta(11)).verdicts[0], BROKEN | BAD);
  });

  test('a message twice in a row is held, a later repeat is a fault', () => {
    assert.deepEqual(after(delta(11), delta(11), delta(12)).verdicts, [EMIT, 0, EMIT]);
    const late = after(delta(11), delta(12), delta(11));
    assert.deepEqual(late.verdicts, [EMIT, EMIT, BROKEN | BAD]);
  });

  test('the same id at another time is no repeat: ids began anew, unheard', () => {
    const later = bookFrame('delta', { u: 11, ts: 1_763_683_200_100 });
    assert.deepEqual(after(delta(11), later).verdicts, [EMIT, BROKEN | BAD]);
  });

  test('a repeat is not applied: a size changed on the way stays out', () => {
    const { book } = after(delta(11, [['100.50', '5.000']]), delta(11, [['100.50', '9.000']]));
    assert.deepEqual(stateOf(book).bids?.[0], '100.50 5.000');
  });

  test('a delta before the snapshot is a fault, held, and the snapshot heals', () => {
    const run = runBook([delta(9), delta(10), SNAPSHOT], openBybitBook(50));
    assert.deepEqual(run.verdicts, [BROKEN | BAD, BAD, EMIT | HEALED]);
    assert.equal(run.failed, 0, 'nothing was proven wrong');
    assert.deepEqual(run.book.fault(), { cause: 'book', expected: 'snapshot', received: 'delta' });
  });

  test('u 1 is a restart and no gap, whatever its type says; it counts on from there', () => {
    for (const type of ['snapshot', 'delta'] as const) {
      const anew = bookFrame(type, { u: 1, bids: [['99.00', '1.000']], asks: ASKS });
      const { verdicts, book } = after(delta(11), anew, delta(2, [['98.00', '1.000']]));
      assert.deepEqual(verdicts, [EMIT, EMIT, EMIT], type);
      assert.deepEqual(stateOf(book).bids, ['99.00 1.000', '98.00 1.000']);
    }
  });

  test('a snapshot comes at any time, with any u, and clears what was there', () => {
    const other = bookFrame('snapshot', { u: 10, bids: [['90.00', '1.000']], asks: [] });
    const { verdicts, book } = after(delta(11), other, delta(11));
    assert.deepEqual(verdicts, [EMIT, EMIT, EMIT]);
    assert.deepEqual([stateOf(book).bids, stateOf(book).asks], [['90.00 1.000'], []]);
  });

  test('ids beyond 32 bits count as well', () => {
    const u = 2 ** 40 - 1;
    const first = bookFrame('snapshot', { u, bids: BIDS, asks: ASKS });
    const run = runBook([first, delta(u + 1), delta(u + 3)], openBybitBook(50));
    assert.deepEqual(run.verdicts, [EMIT, EMIT, BROKEN | BAD]);
  });

  test('a copy goes on by itself', () => {
    const { book } = after(delta(11));
    const copy = book.clone();
    runBook([delta(12, [['100.00', '0']])], copy);
    assert.deepEqual(stateOf(copy).bids, ['100.50 1.250']);
    assert.deepEqual(runBook([delta(15)], book).verdicts, [BROKEN | BAD]);
    assert.deepEqual(stateOf(copy).sequence, '12');
  });
});

describe('levels', () => {
  test('a crossed book is a fault', () => {
    const { verdicts, fault } = after(delta(11, [['101.00', '1.000']]));
    assert.deepEqual(verdicts, [BROKEN | BAD]);
    const values = { expected: 'bid below ask 101.00', received: 'bid 101.00' };
    assert.deepEqual(fault, { cause: 'crossed', ...values });
  });

  test('sides swapped cross', () => {
    const swapped = bookFrame('snapshot', { u: 1, bids: ASKS, asks: BIDS });
    assert.deepEqual(runBook([swapped], openBybitBook(50)).verdicts, [BROKEN | BAD]);
  });

  test('a snapshot that is crossed heals nothing', () => {
    const swapped = bookFrame('snapshot', { u: 20, bids: ASKS, asks: BIDS });
    const { verdicts } = after(delta(13), swapped, delta(21), SNAPSHOT);
    assert.deepEqual(verdicts, [BROKEN | BAD, BROKEN | BAD, BAD, EMIT | HEALED]);
  });

  test('size 0 deletes, a level that is not held too', () => {
    const gone = after(
      delta(11, [
        ['100.50', '0'],
        ['42.00', '0.000'],
      ]),
    );
    assert.deepEqual(gone.verdicts, [EMIT]);
    assert.deepEqual(stateOf(gone.book).bids, ['100.00 2.000']);
  });

  test('the last word on a price counts: entries keep their order', () => {
    const { book } = after(
      delta(11, [
        ['100.50', '0'],
        ['100.50', '7.000'],
        ['100.00', '8.000'],
        ['100.00', '0'],
      ]),
    );
    assert.deepEqual(stateOf(book).bids, ['100.50 7.000']);
  });

  test('the wire’s digits are kept: trailing zeros, more than a double holds', () => {
    const bids: readonly Level[] = [['100.5000000000000000', '9007199254740993']];
    const { book } = after(delta(11, bids));
    assert.equal(stateOf(book).bids?.[0], '100.5000000000000000 9007199254740993');
  });

  test('sides are cut to the depth of the topic, whatever was asked for', () => {
    const bids = Array.from({ length: 50 }, (_, at): Level => [String(1000 - at), '1']);
    const first = bookFrame('snapshot', { u: 1, bids, asks: [['2000', '1']] });
    const next = bookFrame('delta', { u: 2, bids: [['1001', '1']] });
    const { book } = runBook([first, next], openBybitBook(1000));
    const state = stateOf(book).bids ?? [];
    assert.deepEqual([state.length, state[0], state.at(-1)], [50, '1001 1', '952 1']);
  });

  test('a message of another depth is of another book, and held', () => {
    const other = { depth: 200, bids: [['90.00', '1.000']] as const, asks: [] };
    const { verdicts, book } = after(
      bookFrame('snapshot', { u: 500, ...other }),
      bookFrame('delta', { u: 501, ...other }),
      delta(11),
    );
    assert.deepEqual(verdicts, [0, 0, EMIT]);
    assert.equal(stateOf(book).bids?.length, 2);
    const broken = after(delta(12), bookFrame('snapshot', { u: 500, ...other }), SNAPSHOT);
    assert.deepEqual(broken.verdicts, [BROKEN | BAD, BAD, EMIT | HEALED]);
  });
});
