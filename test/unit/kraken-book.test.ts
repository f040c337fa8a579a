import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOOK } from '../../connectors/feed.ts';
import { openKrakenBook } from '../../connectors/kraken/book.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { FLAG } from '../../schema/events.ts';
import { parseDecimal } from '../../schema/decimal.ts';
import type { BookLevel } from '../../schema/events.ts';
import { bufferEvents } from '../support/buffer-events.ts';
import { SYMBOLS, decodeInto, runBook } from '../support/kraken-frames.ts';
import { plainChecksum } from '../support/plain-book.ts';

/** The documentation's worked example; its checksum is 3310070434. */
const ASKS =
  '45285.2:0.00100000 45286.4:1.54571953 45286.6:1.54571109 45289.6:1.54560911 ' +
  '45290.2:0.15890660 45291.8:1.54553491 45294.7:0.04454749 45296.1:0.35380000 ' +
  '45297.5:0.09945542 45299.5:0.18772827';
const BIDS =
  '45283.5:0.10000000 45283.4:1.54582015 45282.1:0.10000000 45281.0:0.10000000 ' +
  '45280.3:1.54592586 45279.0:0.07990000 45277.6:0.03310103 45277.5:0.30000000 ' +
  '45277.3:1.54602737 45276.6:0.15445238';
const WORKED = 3310070434;

const OK = BOOK.EMIT;
const UNPROVEN = BOOK.EMIT | BOOK.UNVERIFIED;
const BROKEN = BOOK.BROKEN | BOOK.BAD;

type Message = {
  readonly type?: 'snapshot' | 'update';
  readonly bids?: string;
  readonly asks?: string;
  readonly checksum?: number | null;
  readonly timestamp?: string;
};

function side(levels: string): string {
  const entries = levels.split(' ').filter((level) => level !== '');
  return entries
    .map((level) => {
      const [price, qty] = level.split(':');
      return `{"price":${price},"qty":${qty}}`;
    })
    .join(',');
}

function message({ type = 'update', bids = '', asks = '', checksum, timestamp }: Message): string {
  const sum = checksum === undefined || checksum === null ? '' : `,"checksum":${checksum}`;
  const time = timestamp === undefined ? '' : `,"timestamp":"${timestamp}"`;
  return (
    `{"channel":"book","type":"${type}","data":[{"symbol":"BTC/USD",` +
    `"bids":[${side(bids)}],"asks":[${side(asks)}]${sum}${time}}]}`
  );
}

function levels(text: string): BookLevel[] {
  return text.split(' ').map((level) => {
    const [price, size] = level.split(':').map((part) => parseDecimal(part));
    assert.ok(price && size);
    return { price, size };
  });
}

/** The checksum of a book given as text, best levels first, by the plain twin. */
function sumOf(bids: string, asks: string): number {
  const parts = (text: string): BookLevel[] => (text === '' ? [] : levels(text));
  return plainChecksum(parts(asks), parts(bids));
}

function snapshotOf(book: ReturnType<typeof openKrakenBook>): ReturnType<typeof bufferEvents>[0] {
  const buffer = new EventBuffer();
  book.snapshot(buffer, 0);
  const [event] = bufferEvents(buffer, SYMBOLS);
  assert.ok(event);
  return event;
}

const SNAPSHOT = message({ type: 'snapshot', bids: BIDS, asks: ASKS, checksum: WORKED });

test('the worked example of the documentation has the checksum it prints', () => {
  assert.equal(plainChecksum(levels(ASKS), levels(BIDS)), WORKED);
  const run = runBook([SNAPSHOT], openKrakenBook(10));
  assert.deepEqual(run.verdicts, [OK]);
  assert.deepEqual(run.book.counts(), { verified: 1, failed: 0, unproven: 0 });
  assert.equal(run.book.isWhole(), true);
});

test('numbers that went through a double have lost the digits the checksum needs', () => {
  const rounded = JSON.stringify(JSON.parse(SNAPSHOT));
  const run = runBook([rounded], openKrakenBook(10));
  assert.deepEqual(run.verdicts, [BROKEN]);
});

test('bids and asks swapped do not pass', () => {
  const swapped = message({ type: 'snapshot', bids: ASKS, asks: BIDS, checksum: WORKED });
  assert.deepEqual(runBook([swapped], openKrakenBook(10)).verdicts, [BROKEN]);
});

test('an update before the snapshot is held and leaves no trace, but the lost snapshot is a fault', () => {
  const early = message({ asks: '45285.1:9.00000000', checksum: 1 });
  const book = openKrakenBook(10);
  const run = runBook([early, early, SNAPSHOT], book);
  assert.deepEqual(run.verdicts, [BROKEN, BOOK.BAD, OK | BOOK.HEALED]);
  assert.equal(run.failed, 0);
  assert.deepEqual(book.fault(), { cause: 'book', expected: 'snapshot', received: 'update' });
});

test('a mismatch breaks the book, holds what follows, and the next snapshot heals it', () => {
  const wrong = message({ asks: '45285.1:9.00000000', checksum: 12345 });
  const right = message({ asks: '45285.1:0.00000000', checksum: WORKED });
  const book = openKrakenBook(10);
  const run = runBook([SNAPSHOT, wrong, right, SNAPSHOT], book);
  assert.deepEqual(run.verdicts, [OK, BROKEN, BOOK.BAD, OK | BOOK.HEALED]);
  const { cause, expected, received } = book.fault();
  const truth = sumOf(BIDS, `45285.1:9.00000000 ${ASKS}`);
  assert.deepEqual(
    { cause, expected, received },
    {
      cause: 'checksum',
      expected: '12345',
      received: String(truth),
    },
  );
  assert.deepEqual(book.counts(), { verified: 2, failed: 1, unproven: 0 });
});

/** Two changes of the best bid that follow the worked example. */
const FIRST = message({
  bids: '45283.5:0.00000000',
  checksum: sumOf(BIDS.split(' ').slice(1).join(' '), ASKS),
});
const SECOND = message({
  bids: '45283.4:2.00000000',
  checksum: sumOf(['45283.4:2.00000000', ...BIDS.split(' ').slice(2)].join(' '), ASKS),
});

test('a message lost breaks the checksum of the next', () => {
  assert.deepEqual(runBook([SNAPSHOT, FIRST, SECOND], openKrakenBook(10)).verdicts, [OK, OK, OK]);
  assert.deepEqual(runBook([SNAPSHOT, SECOND], openKrakenBook(10)).verdicts, [OK, BROKEN]);
});

test('two messages swapped break the checksum, at once or where the stale one comes', () => {
  const swapped = runBook([SNAPSHOT, SECOND, FIRST], openKrakenBook(10));
  assert.deepEqual(swapped.verdicts, [OK, BROKEN, BOOK.BAD]);
  const late = runBook([SNAPSHOT, FIRST, SECOND, FIRST], openKrakenBook(10));
  assert.deepEqual(late.verdicts, [OK, OK, OK, BROKEN], 'the first again, after the second');
});

test('a broken book is not whole, and a snapshot that is wrong itself does not heal it', () => {
  const book = openKrakenBook(10);
  const bad = message({ type: 'snapshot', bids: BIDS, asks: ASKS, checksum: 7 });
  const run = runBook([SNAPSHOT, message({ checksum: 12345 }), bad], book);
  assert.deepEqual(run.verdicts, [OK, BROKEN, BROKEN]);
  assert.equal(book.isWhole(), false);
});

test('a snapshot replaces the book', () => {
  const other = message({
    type: 'snapshot',
    bids: '10.0:1.00000000',
    asks: '11.0:2.00000000',
    checksum: sumOf('10.0:1.00000000', '11.0:2.00000000'),
  });
  assert.deepEqual(runBook([SNAPSHOT, other], openKrakenBook(10)).verdicts, [OK, OK]);
});

test('both sides are cut to the subscribed depth after each message, not before its end', () => {
  const best = '45285.2:0.00100000';
  const [, ...rest] = ASKS.split(' ');
  // Two better asks push the two worst off; Kraken sends no delete for those.
  const pushed = `45284.0:1.00000000 45284.5:2.00000000 ${best} ${rest.slice(0, 7).join(' ')}`;
  const push = message({
    asks: '45284.0:1.00000000 45284.5:2.00000000',
    checksum: sumOf(BIDS, pushed),
  });
  // Gone again: eight asks are left, as the two that fell off are not known any more.
  const back = message({
    asks: '45284.0:0.00000000 45284.5:0.00000000',
    checksum: sumOf(BIDS, ASKS.split(' ').slice(0, 8).join(' ')),
  });
  assert.deepEqual(runBook([SNAPSHOT, push, back], openKrakenBook(10)).verdicts, [OK, OK, OK]);
  // Inside one message a level may come before the delete that makes room for it.
  const moved = message({
    asks: `45284.0:1.00000000 ${best.split(':')[0]}:0.00000000`,
    checksum: sumOf(BIDS, ['45284.0:1.00000000', ...rest].join(' ')),
  });
  assert.deepEqual(runBook([SNAPSHOT, moved], openKrakenBook(10)).verdicts, [OK, OK]);
});

test('entries are applied in the order given', () => {
  const deleted = message({
    asks: '45285.1:3.00000000 45285.1:0.00000000',
    checksum: WORKED,
  });
  const kept = message({
    asks: '45285.2:0.00000000 45285.2:0.00100000',
    checksum: WORKED,
  });
  assert.deepEqual(runBook([SNAPSHOT, deleted, kept], openKrakenBook(10)).verdicts, [OK, OK, OK]);
});

test('fewer than ten levels, and the digits of the wire when its scale changes', () => {
  const first = message({
    type: 'snapshot',
    bids: '0.566:18097.1547',
    asks: '0.5668:4410.79769741',
    checksum: sumOf('0.566:18097.1547', '0.5668:4410.79769741'),
  });
  const longer = message({
    bids: '0.5660:18097.15470000',
    checksum: sumOf('0.5660:18097.15470000', '0.5668:4410.79769741'),
  });
  assert.deepEqual(runBook([first, longer], openKrakenBook(10)).verdicts, [OK, OK]);
});

test('an exponent is expanded before its digits are hashed', () => {
  const bids = '0.00005:1000';
  const asks = '0.00006:0.00000012';
  const frame = message({
    type: 'snapshot',
    bids: '5e-05:1E3',
    asks: '6e-05:12e-08',
    checksum: sumOf(bids, asks),
  });
  assert.deepEqual(runBook([frame], openKrakenBook(10)).verdicts, [OK]);
});

test('without a checksum nothing is proven, and 0 is no checksum', () => {
  const plain = message({ type: 'snapshot', bids: BIDS, asks: ASKS });
  const zero = message({ bids: '45283.5:0.20000000', checksum: 0 });
  const book = openKrakenBook(10);
  assert.deepEqual(runBook([plain, zero], book).verdicts, [UNPROVEN, UNPROVEN]);
  assert.deepEqual(book.counts(), { verified: 0, failed: 0, unproven: 2 });
  assert.equal(snapshotOf(book).flags, FLAG.SNAPSHOT | FLAG.UNVERIFIED);
});

test('without a checksum a crossed book is a broken one', () => {
  const crossed = message({ bids: '45290.0:1.00000000' });
  const book = openKrakenBook(10);
  assert.deepEqual(runBook([SNAPSHOT, crossed], book).verdicts, [OK, BROKEN]);
  assert.deepEqual(book.fault(), {
    cause: 'crossed',
    expected: 'bid below ask 45285.2',
    received: 'bid 45290.0',
  });
});

test('depth 25: a deep loss shows only when the level surfaces into the ten that are proven', () => {
  const asks = Array.from({ length: 25 }, (_, index) => `${100 + index}.0:1.00000000`);
  const bids = Array.from({ length: 25 }, (_, index) => `${99 - index}.0:1.00000000`);
  const text = (all: readonly string[]): string => all.slice(0, 10).join(' ');
  const open = message({
    type: 'snapshot',
    asks: asks.join(' '),
    bids: bids.join(' '),
    checksum: sumOf(text(bids), text(asks)),
  });
  // Lost on the way: the twelfth ask, 111.0, was deleted.
  const truth = asks.filter((level) => !level.startsWith('111.0'));
  const deletes = truth.slice(0, 2).map((level, index) => {
    const left = truth.slice(index + 1);
    const price = level.split(':')[0];
    return message({ asks: `${price}:0.00000000`, checksum: sumOf(text(bids), text(left)) });
  });
  const verdicts = runBook([open, ...deletes], openKrakenBook(25)).verdicts;
  assert.deepEqual(verdicts, [OK, OK, BROKEN]);
});

test('the state is stated best first, with depth, checksum and the time of the last message', () => {
  const book = openKrakenBook(10);
  const update = message({
    bids: '45283.5:0.20000000',
    checksum: sumOf(BIDS.replace('45283.5:0.10000000', '45283.5:0.20000000'), ASKS),
    timestamp: '2023-07-30T15:29:58.343415Z',
  });
  runBook([SNAPSHOT, update], book);
  const { bids, asks, ...rest } = snapshotOf(book);
  assert.equal(bids?.[0], '45283.5 0.20000000');
  assert.equal(bids?.[9], '45276.6 0.15445238');
  assert.equal(asks?.[0], '45285.2 0.00100000');
  assert.equal(rest['depth'], 10);
  assert.equal(rest.ts_event, '1690730998343415000');
  assert.equal(rest.flags, FLAG.SNAPSHOT);
  const buffer = new EventBuffer();
  decodeInto(buffer, update);
  book.apply(buffer, 0);
  assert.equal(bufferEvents(buffer, SYMBOLS)[0]?.['depth'], 10, 'a message says its depth too');
});

test('a clone verifies on its own', () => {
  const book = openKrakenBook(10);
  runBook([SNAPSHOT], book);
  const copy = book.clone();
  runBook([message({ checksum: 12345 })], book);
  assert.equal(book.isWhole(), false);
  assert.equal(copy.isWhole(), true);
  assert.deepEqual(runBook([message({ checksum: WORKED })], copy).verdicts, [OK]);
  assert.deepEqual(copy.counts(), { verified: 2, failed: 0, unproven: 0 });
});
