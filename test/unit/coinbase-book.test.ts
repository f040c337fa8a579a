/** Each step of the rule by which a Coinbase book is kept, and that breaking it is seen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { openCoinbaseBook } from '../../connectors/coinbase/book.ts';
import { decodeExchange } from '../../connectors/coinbase/exchange.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { SYMBOLS, bookFrame, runBook } from '../support/coinbase-frames.ts';
import type { Update } from '../support/coinbase-frames.ts';

const { EMIT, UNVERIFIED, BROKEN, HEALED, BAD } = BOOK;
const LEVELS: readonly Update[] = [
  ['bid', '100.50', '1.25000000'],
  ['bid', '100.00', '2'],
  ['offer', '101.00', '0.003'],
];
const SNAPSHOT = bookFrame('snapshot', LEVELS, 4);
const update = (...updates: Update[]): string => bookFrame('update', updates, 5);

function stateOf(book: FeedBook) {
  const buffer = new EventBuffer();
  book.snapshot(buffer, 0);
  return bufferEvents(buffer, SYMBOLS)[0] ?? assert.fail();
}

/** Verdicts of `frames` after a snapshot. */
function after(...frames: readonly string[]) {
  const { verdicts, book } = runBook([SNAPSHOT, ...frames], openCoinbaseBook(0));
  return { verdicts: verdicts.slice(1), book, fault: book.fault() };
}

test('updates replace sizes; 0 deletes, however many zeros it has, and what is not held too', () => {
  const { verdicts, book } = after(
    update(['bid', '100.50', '0.00000000'], ['offer', '102.00', '7'], ['bid', '50', '0']),
    update(['bid', '100.00', '3']),
  );
  assert.deepEqual(verdicts, [EMIT, EMIT]);
  const state = stateOf(book);
  assert.deepEqual([state.bids, state.asks], [['100.00 3'], ['101.00 0.003', '102.00 7']]);
  assert.deepEqual([state.flags, state.sequence, state['depth']], [1, '5', null]);
  assert.deepEqual(book.counts(), { verified: 3, failed: 0, unproven: 0 });
});

test('an update before the snapshot is a fault, held, and the snapshot heals', () => {
  const frames = [update(['bid', '1', '1']), update(['bid', '2', '1']), SNAPSHOT];
  const run = runBook(frames, openCoinbaseBook(0));
  assert.deepEqual(run.verdicts, [BROKEN | BAD, BAD, EMIT | HEALED]);
  assert.equal(run.failed, 0, 'nothing was proven wrong');
  assert.equal(run.book.fault().expected, 'snapshot');
});

test('a snapshot replaces everything', () => {
  const { book } = after(bookFrame('snapshot', [['bid', '99', '1']], 6));
  assert.deepEqual([stateOf(book).bids, stateOf(book).asks], [['99 1'], []]);
});

test('a book that is crossed at a message’s end is broken until its snapshot', () => {
  const { verdicts, fault, book } = after(
    update(['bid', '101.00', '1']),
    update(['bid', '101.00', '0']),
    SNAPSHOT,
  );
  assert.deepEqual(verdicts, [BROKEN | BAD, BAD, EMIT | HEALED]);
  assert.deepEqual(fault, {
    cause: 'crossed',
    expected: 'bid below ask 101.00',
    received: 'bid 101.00',
  });
  assert.deepEqual(book.counts(), { verified: 2, failed: 1, unproven: 0 });
});

test('within a message the book may be crossed: what counts is its end', () => {
  const { verdicts } = after(update(['bid', '101.00', '1'], ['offer', '101.00', '0']));
  assert.deepEqual(verdicts, [EMIT]);
});

test('the order within a side is the message’s: the last word on a price counts', () => {
  const { book } = after(update(['bid', '100.20', '1'], ['bid', '100.20', '4']));
  assert.equal(stateOf(book).bids?.[1], '100.20 4');
});

test('digits beyond a double are kept', () => {
  const size = '12345678901.12345678';
  const { book } = after(update(['bid', '99.99', size]));
  assert.deepEqual(stateOf(book).bids?.at(-1), `99.99 ${size}`);
});

test('without numbers on frames nothing is proven', () => {
  const exchange = [
    '{"type":"snapshot","product_id":"BTC-USD","asks":[["101","1"]],"bids":[["100","2"]]}',
    '{"type":"l2update","product_id":"BTC-USD","changes":[["buy","100","0.0"]],"time":"2021-04-17T16:43:37.075687Z"}',
  ];
  const run = runBook(exchange, openCoinbaseBook(0), SYMBOLS, decodeExchange);
  assert.deepEqual(run.verdicts, [EMIT | UNVERIFIED, EMIT | UNVERIFIED]);
  assert.equal(run.unproven, 2);
  assert.equal(stateOf(run.book).flags, 1 | 16);
});

test('a copy goes on by itself', () => {
  const { book } = after();
  const copy = book.clone();
  runBook([update(['bid', '100.50', '0'])], copy);
  assert.deepEqual(stateOf(copy).bids, ['100.00 2']);
  assert.equal(stateOf(book).bids?.length, 2);
});
