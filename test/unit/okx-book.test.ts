/** Each step of the rule by which an OKX book is kept, and that breaking it is seen. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { LEVELS, openOkxBook } from '../../connectors/okx/book.ts';
import { bookChecksum } from '../../connectors/okx/checksum.ts';
import { applyLevels, createOrderBook } from '../../books/order-book.ts';
import { FLAG } from '../../schema/events.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { SYMBOLS, bookFrame, decodeInto, runBook } from '../support/okx-frames.ts';
import type { Level } from '../support/frames.ts';

const { EMIT, UNVERIFIED, BROKEN, HEALED, BAD } = BOOK;

/** The checksum as the documentation words it. */
function sumOf(bids: readonly Level[], asks: readonly Level[]): number {
  const parts = Array.from({ length: 25 }, (_, at) => [bids[at], asks[at]]).flat(2);
  return crc32(parts.filter((part) => part !== undefined).join(':')) | 0;
}

const BIDS: readonly Level[] = [
  ['100.5', '1.25'],
  ['100', '2'],
];
const ASKS: readonly Level[] = [['101', '0.003']];
const SNAPSHOT = bookFrame('snapshot', { bids: BIDS, asks: ASKS, ids: [-1, 10] });

function stateOf(book: FeedBook) {
  const buffer = new EventBuffer();
  book.snapshot(buffer, 0);
  return bufferEvents(buffer, SYMBOLS)[0] ?? assert.fail();
}

/** Verdicts of `frames` after a snapshot with seqId 10. */
function after(...frames: readonly string[]) {
  const { verdicts, book } = runBook([SNAPSHOT, ...frames], openOkxBook(400));
  return { verdicts: verdicts.slice(1), book, fault: book.fault() };
}

const chained = (ids: readonly [number, number], bids: readonly Level[] = []): string =>
  bookFrame('update', { ids, bids, checksum: 0 });

describe('the chain of ids', () => {
  test('ids chain whatever the step; the book follows', () => {
    const { verdicts, book } = after(
      chained([10, 17], [['100.5', '0']]),
      chained([17, 18], [['100.1', '3']]),
    );
    assert.deepEqual(verdicts, [EMIT, EMIT]);
    const state = stateOf(book);
    assert.deepEqual(state.bids, ['100.1 3', '100 2']);
    assert.deepEqual([state.flags, state.sequence, state['depth']], [1, '18', LEVELS]);
    assert.deepEqual(book.counts(), { verified: 3, failed: 0, unproven: 0 });
  });

  test('the last word on a price counts', () => {
    const { book } = after(
      chained(
        [10, 11],
        [
          ['100.1', '0'],
          ['100.1', '7'],
          ['100', '8'],
          ['100', '9'],
        ],
      ),
    );
    assert.deepEqual(stateOf(book).bids, ['100.5 1.25', '100.1 7', '100 9']);
  });

  test('a message lost: both values are told, and all is held until a snapshot', () => {
    const { verdicts, fault, book } = after(
      chained([12, 13]),
      chained([13, 14]),
      bookFrame('snapshot', { bids: [['99', '1']], asks: ASKS, ids: [-1, 20] }),
      chained([20, 21]),
    );
    assert.deepEqual(verdicts, [BROKEN | BAD, BAD, EMIT | HEALED, EMIT]);
    assert.deepEqual(fault, {
      cause: 'sequence',
      expected: 'prevSeqId 10',
      received: 'prevSeqId 12, seqId 13',
    });
    assert.deepEqual(stateOf(book).bids, ['99 1'], 'the snapshot replaced everything');
  });

  test('two messages swapped break it at once', () => {
    assert.equal(after(chained([11, 12]), chained([10, 11])).verdicts[0], BROKEN | BAD);
  });

  test('a message twice in a row is held, a later repeat is a fault', () => {
    const twice = after(chained([10, 11]), chained([10, 11]), chained([11, 12]));
    assert.deepEqual(twice.verdicts, [EMIT, 0, EMIT]);
    const late = after(chained([10, 11]), chained([11, 12]), chained([10, 11]));
    assert.deepEqual(late.verdicts, [EMIT, EMIT, BROKEN | BAD]);
  });

  test('a quiet book is no gap: no levels, seqId equal to prevSeqId', () => {
    const { verdicts } = after(chained([10, 10]), chained([10, 10]), chained([10, 11]));
    assert.deepEqual(verdicts, [EMIT, EMIT, EMIT]);
    assert.deepEqual(after(chained([11, 11])).verdicts, [BROKEN | BAD], 'it chains like any other');
  });

  test('ids that begin anew after maintenance are no gap, where they chain', () => {
    const { verdicts } = after(chained([10, 3]), chained([3, 5]), chained([5, 6]));
    assert.deepEqual(verdicts, [EMIT, EMIT, EMIT]);
    assert.deepEqual(after(chained([9, 3])).verdicts, [BROKEN | BAD]);
  });

  test('an update without ids in a book that has them is a fault', () => {
    const { verdicts, fault } = after(bookFrame('update', { bids: [['100', '1']] }));
    assert.deepEqual(verdicts, [BROKEN | BAD]);
    assert.equal(fault.received, 'prevSeqId none, seqId none');
  });

  test('an update before the snapshot is a fault, held, and the snapshot heals', () => {
    const run = runBook([chained([9, 10]), chained([10, 11]), SNAPSHOT], openOkxBook(400));
    assert.deepEqual(run.verdicts, [BROKEN | BAD, BAD, EMIT | HEALED]);
    assert.equal(run.failed, 0, 'nothing was proven wrong');
  });

  test('a copy goes on by itself', () => {
    const { book } = after(chained([10, 11]));
    const copy = book.clone();
    runBook([chained([11, 12], [['100', '0']])], copy);
    assert.deepEqual(stateOf(copy).bids, ['100.5 1.25']);
    assert.deepEqual(runBook([chained([11, 15])], book).verdicts, [EMIT]);
    assert.deepEqual(stateOf(book).bids, ['100.5 1.25', '100 2']);
  });
});

describe('the checksum', () => {
  const without = (bids: readonly Level[], asks: readonly Level[], checksum: number): string =>
    bookFrame('snapshot', { bids, asks, checksum });

  test('of a pinned book: bid, ask, bid, as signed 32 bits', () => {
    assert.equal(sumOf(BIDS, ASKS), crc32('100.5:1.25:101:0.003:100:2') | 0);
    const { verdicts } = runBook([without(BIDS, ASKS, sumOf(BIDS, ASKS))], openOkxBook(400));
    assert.deepEqual(verdicts, [EMIT]);
  });

  test('the wire’s digits count: trailing zeros, zeros before, more than a double holds', () => {
    const bids: readonly Level[] = [
      ['12345678901.12345670', '0.00100'],
      ['0.010', '9007199254740993'],
    ];
    const run = runBook([without(bids, [], sumOf(bids, []))], openOkxBook(400));
    assert.deepEqual(run.verdicts, [EMIT]);
    const rounded = bids.map(([price, size]): Level => [String(+price), String(+size)]);
    const other = runBook([without(bids, [], sumOf(rounded, []))], openOkxBook(400));
    assert.deepEqual(other.verdicts, [BROKEN | BAD]);
  });

  test('0 and absent are "not provided", never a mismatch', () => {
    for (const checksum of [0, undefined]) {
      const given = checksum === undefined ? {} : { checksum };
      const first = bookFrame('snapshot', { bids: BIDS, asks: ASKS, ids: [-1, 10], ...given });
      const next = bookFrame('update', { bids: [['100', '1']], ids: [10, 11], ...given });
      const run = runBook([first, next], openOkxBook(400));
      assert.deepEqual(run.verdicts, [EMIT, EMIT]);
    }
  });

  test('a mismatch breaks the book even where the ids chain', () => {
    const right = sumOf([['100.5', '9'], ...BIDS.slice(1)], ASKS);
    const wrong = bookFrame('update', { bids: [['100.5', '8']], ids: [10, 11], checksum: right });
    const { verdicts, fault } = after(wrong);
    assert.deepEqual(verdicts, [BROKEN | BAD]);
    const received = String(sumOf([['100.5', '8'], ...BIDS.slice(1)], ASKS));
    assert.deepEqual(fault, { cause: 'checksum', expected: String(right), received });
  });

  test('no chain, no checksum: all of it is unverified', () => {
    const update = bookFrame('update', { bids: [['100', '1']] });
    const run = runBook(
      [bookFrame('snapshot', { bids: BIDS, asks: ASKS }), update],
      openOkxBook(1),
    );
    assert.deepEqual(run.verdicts, [EMIT | UNVERIFIED, EMIT | UNVERIFIED]);
    assert.deepEqual(run.book.counts(), { verified: 0, failed: 0, unproven: 2 });
    assert.equal(stateOf(run.book).flags, FLAG.SNAPSHOT | FLAG.UNVERIFIED);
  });

  test('no chain: a change below the 25 best is unverified, and so is a deep book', () => {
    const bids = Array.from({ length: 30 }, (_, at): Level => [String(100 - at), '1']);
    const changed = (level: Level): string => {
      const top = bids.map((it) => (it[0] === level[0] ? level : it));
      return bookFrame('update', { bids: [level], checksum: sumOf(top, ASKS) });
    };
    const frames = [without(bids, ASKS, sumOf(bids, ASKS)), changed(['71', '2'])];
    const run = runBook(frames, openOkxBook(400));
    assert.deepEqual(run.verdicts, [EMIT, EMIT | UNVERIFIED]);
    assert.equal(stateOf(run.book).flags, FLAG.SNAPSHOT | FLAG.UNVERIFIED);
    const within = runBook([...frames.slice(0, 1), changed(['76', '2'])], openOkxBook(400));
    assert.deepEqual(within.verdicts, [EMIT, EMIT]);
  });

  test('against zlib on books of any shape', () => {
    const buffer = new EventBuffer();
    for (const [bid_count, ask_count] of [
      [0, 1],
      [3, 30],
      [30, 3],
      [25, 25],
      [40, 40],
    ] as const) {
      const bids = Array.from({ length: bid_count }, (_, at): Level => [
        `${100 - at}.50`,
        `${at + 1}1`,
      ]);
      const asks = Array.from({ length: ask_count }, (_, at): Level => [
        `${101 + at}`,
        `0.0${at}1`,
      ]);
      decodeInto(buffer, bookFrame('snapshot', { bids, asks }));
      const book = createOrderBook();
      applyLevels(book, buffer, 0);
      assert.equal(bookChecksum(book), sumOf(bids, asks), `${bid_count} and ${ask_count}`);
      assert.equal(bookChecksum(book), sumOf(bids, asks), 'the same from what it remembers');
    }
  });
});

describe('what nothing can tell', () => {
  test('a size changed under an intact chain is taken as it was sent', () => {
    const changed = after(chained([10, 11], [['100', '7']]), chained([11, 12]));
    assert.deepEqual(changed.verdicts, [EMIT, EMIT]);
    assert.deepEqual(stateOf(changed.book).bids, ['100.5 1.25', '100 7']);
  });

  test('without a chain a message lost below the 25 best shows only where it surfaces', () => {
    const bids = Array.from({ length: 30 }, (_, at): Level => [String(100 - at), '1']);
    const first = bookFrame('snapshot', { bids, asks: ASKS, checksum: sumOf(bids, ASKS) });
    // Lost: the level at 71 was deleted. Then five of the best go, and it is among the 25.
    const later = (gone: number): string => {
      const left = bids.slice(gone).filter(([price]) => price !== '71');
      const price = String(100 - gone + 1);
      return bookFrame('update', { bids: [[price, '0']], checksum: sumOf(left, ASKS) });
    };
    const run = runBook([first, ...[1, 2, 3, 4, 5].map(later)], openOkxBook(400));
    assert.deepEqual(run.verdicts, [EMIT, EMIT, EMIT, EMIT, EMIT, BROKEN | BAD]);
  });
});

describe('levels', () => {
  test('a crossed book is a fault where nothing else proves it', () => {
    const { verdicts, fault } = after(chained([10, 11], [['101', '1']]));
    assert.deepEqual(verdicts, [BROKEN | BAD]);
    assert.deepEqual(fault, {
      cause: 'crossed',
      expected: 'bid below ask 101',
      received: 'bid 101',
    });
  });

  test('sides swapped cross', () => {
    const swapped = bookFrame('snapshot', { bids: ASKS, asks: BIDS, ids: [-1, 1] });
    assert.deepEqual(runBook([swapped], openOkxBook(400)).verdicts, [BROKEN | BAD]);
  });

  test('size 0 deletes, a level that is not held too', () => {
    const gone = after(
      chained(
        [10, 11],
        [
          ['100.5', '0.00'],
          ['42', '0'],
        ],
      ),
    );
    assert.deepEqual(gone.verdicts, [EMIT]);
    assert.deepEqual(stateOf(gone.book).bids, ['100 2']);
  });

  test('sides are cut to 400, whatever depth was asked for', () => {
    const bids = Array.from({ length: LEVELS }, (_, at): Level => [String(1000 - at), '1']);
    const first = bookFrame('snapshot', { bids, asks: [['2000', '1']], ids: [-1, 1] });
    const next = bookFrame('update', { bids: [['1001', '1']], ids: [1, 2] });
    const { book } = runBook([first, next], openOkxBook(5));
    const state = stateOf(book).bids ?? [];
    assert.deepEqual([state.length, state[0], state.at(-1)], [LEVELS, '1001 1', '602 1']);
  });
});
