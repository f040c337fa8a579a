/** R13: frames that a venue numbers on a connection, and what a hole in the numbers says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEXT, Story, delta, quote, snap, trade } from '../support/fold-story.ts';

const numbered = (n: number, frame: object): object => ({ ...frame, n });

/** A book at 7, a quote and a trade, in frames 0 to 2. */
function begun(): Story {
  const story = new Story().start().take();
  story.frame(1, numbered(0, snap(7))).frame(1, numbered(1, quote(1)));
  story.frame(1, numbered(2, trade(1)));
  story.told();
  return story;
}

test('frames that follow are no gap, whatever they hold', () => {
  const story = begun().frame(1, { k: 'heartbeat', n: 3 }).frame(1, { k: 'ack', n: 4 });
  story.frame(1, numbered(5, quote(2))).frame(1, { k: 'snap', s: 'NO', u: 1, n: 6 });
  story.frame(1, numbered(7, delta(8)));
  assert.deepEqual(story.told(), ['quote BTCUSD 2', 'book BTCUSD 8']);
});

test('a hole is a gap of everything the connection speaks for, with both numbers', () => {
  const story = begun().frame(1, { k: 'heartbeat', n: 5 });
  assert.deepEqual(story.told(), [
    'gap_opened _FEED-s sequence - 3/5',
    'gap_closed _FEED-s sequence - 3/5',
    'gap_opened BTCUSD sequence quote 3/5',
    'gap_opened BTCUSD sequence book 3/5',
    'gap_opened BTCUSD sequence trade 3/5',
  ]);
  assert.deepEqual(story.fold.faults, [
    { c: 1, symbol: 'BTCUSD', type: 'book', cause: 'sequence' },
  ]);
  // The book waits for its snapshot; the rest is whole with its next message.
  story.frame(1, numbered(6, delta(8))).frame(1, numbered(7, quote(3)));
  story.frame(1, numbered(8, trade(2))).frame(1, numbered(9, snap(20)));
  assert.deepEqual(story.told(), [
    'gap_closed BTCUSD sequence quote repaired=0',
    'quote BTCUSD 3',
    'gap_closed BTCUSD sequence trade repaired=1',
    'trade BTCUSD 2',
    'gap_closed BTCUSD sequence book repaired=0',
    'book BTCUSD 20 SNAPSHOT',
  ]);
});

test('what the frame after the hole states is whole again there', () => {
  const story = begun().frame(1, numbered(4, snap(9)));
  const told = story.told();
  assert.ok(told.includes('gap_opened BTCUSD sequence book 3/4'));
  assert.deepEqual(told.slice(-2), [
    'gap_closed BTCUSD sequence book repaired=0',
    'book BTCUSD 9 SNAPSHOT',
  ]);
});

test('the same frame twice in a row is dropped whole, and is no gap', () => {
  const story = begun()
    .frame(1, numbered(3, quote(5)))
    .frame(1, numbered(3, quote(5)));
  story.frame(1, numbered(4, delta(8)));
  assert.deepEqual(story.told(), ['quote BTCUSD 5', 'book BTCUSD 8']);
});

test('a frame that comes late is a hole like any other', () => {
  const story = begun()
    .frame(1, numbered(4, quote(2)))
    .frame(1, numbered(3, quote(1)));
  const gaps = story.told().filter((it) => it.startsWith('gap_opened _FEED'));
  assert.deepEqual(gaps, [
    'gap_opened _FEED-s sequence - 3/4',
    'gap_opened _FEED-s sequence - 5/3',
  ]);
});

test('a rejected frame has no number: what it held is a gap at the next', () => {
  const story = begun().frame(1, { k: 'nonsense', s: 'BTC', n: 3 });
  story.told();
  story.frame(1, numbered(4, quote(2)));
  assert.equal(story.told()[0], 'gap_opened _FEED-s sequence - 3/4');
});

test('each connection counts for itself, from whatever it begins with', () => {
  const story = begun()
    .open(2)
    .frame(2, numbered(40, snap(9)));
  story.frame(1, numbered(3, quote(2))).frame(2, numbered(41, delta(10)));
  assert.deepEqual(
    story.told().filter((it) => it.includes('sequence')),
    [],
  );
});

test('after frames that we dropped ourselves the numbers begin anew', () => {
  const story = begun();
  const from = String(story.t);
  story.fact('_drop', { c: 1, frames: 3, bytes: 9, from, reason: 'queue' });
  story.told();
  story.frame(1, numbered(6, quote(2)));
  assert.deepEqual(story.told(), ['gap_closed BTCUSD drop quote repaired=0', 'quote BTCUSD 2']);
});

test('on a connection of another day a hole is one of its trades alone', () => {
  const story = begun().day(NEXT, true).open(2, NEXT);
  story.frame(2, numbered(0, snap(70)));
  story.told();
  story.close(2, 'us').frame(1, numbered(9, trade(5)));
  const told = story.told();
  assert.ok(told.includes('gap_opened BTCUSD sequence trade 3/9'), told.join());
});
