/** Trade ids that begin anew, or were wrong: what the fold makes of a count that does not go on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NOON, Story, history, trade } from '../support/fold-story.ts';

describe('ids that begin anew (R6)', () => {
  test('what lies between is not known; from there on ids prove what they did', () => {
    const story = new Story().start().take().frame(1, trade(9000)).frame(1, trade(1));
    assert.deepEqual(story.told(), [
      'trade BTCUSD 9000',
      'gap_opened BTCUSD sequence trade 9001/1',
      'gap_closed BTCUSD sequence trade 9001/1 repaired=0',
      'trade BTCUSD 1',
    ]);
    story.frame(1, trade(2)).frame(1, trade(4));
    assert.deepEqual(story.told(), [
      'trade BTCUSD 2',
      'gap_opened BTCUSD sequence trade 3/4',
      'gap_closed BTCUSD sequence trade 3/4 repaired=0',
      'trade BTCUSD 4',
    ]);
    story.close(1).open(2).told();
    story.frame(2, history(9000, 1, 2, 4, 5));
    assert.deepEqual(story.told(), [
      'gap_closed BTCUSD disconnect trade repaired=1',
      'trade BTCUSD 5 HISTORY',
    ]);
  });

  test('while nobody is connected: history brings them, and repairs only what it reaches', () => {
    for (const [ids, repaired] of [
      [[9000, 1, 2], 1],
      [[7, 8], 0],
    ] as const) {
      const story = new Story().start().take().frame(1, trade(9000)).close(1).open(2);
      story.told();
      story.frame(2, history(...ids));
      assert.deepEqual(story.told(), [
        `gap_closed BTCUSD disconnect trade repaired=${repaired}`,
        ...ids.filter((id) => id < 9000).map((id) => `trade BTCUSD ${id} HISTORY`),
      ]);
      story.frame(2, trade(9)).close(2).open(3).told();
      story.frame(3, trade(12));
      assert.match(story.told()[0] ?? '', /disconnect trade repaired=0$/);
    }
  });

  test('one connection after the other hears of it: it is told once', () => {
    const story = new Story().start().take().frame(1, trade(9000)).open(2).frame(2, trade(9000));
    story.frame(1, trade(1)).told();
    story.frame(2, trade(1)).frame(2, trade(2)).frame(1, trade(2)).frame(1, trade(3));
    assert.deepEqual(story.told(), ['trade BTCUSD 2', 'trade BTCUSD 3']);
  });

  test('an id that was wrong does not spoil those that follow', () => {
    const story = new Story().start().take().frame(1, trade(1)).frame(1, trade(90_000));
    story.frame(1, trade(2)).close(1).open(2).told();
    story.frame(2, history(1, 2, 3));
    assert.deepEqual(story.told(), [
      'gap_closed BTCUSD disconnect trade repaired=1',
      'trade BTCUSD 3 HISTORY',
    ]);
  });

  test('at a take-over, trades of the new count are spoken', () => {
    const story = new Story().start().frame(1, history(9000, 1, 2));
    story.take({ epoch: 5, t: String(NOON - 1000n) }, { BTCUSD: '8999' });
    assert.deepEqual(story.told().slice(2), [
      'trade BTCUSD 9000 HISTORY',
      'gap_opened BTCUSD sequence trade 9001/1',
      'gap_closed BTCUSD sequence trade 9001/1 repaired=0',
      'trade BTCUSD 1 HISTORY',
      'trade BTCUSD 2 HISTORY',
    ]);
  });
});

test('a repeat is known among the last 4,096, and not beyond (R6)', () => {
  const ids = Array.from({ length: 4096 }, (_, at) => at + 1);
  const story = new Story().start().open(2).take().frame(1, { k: 'trades', s: 'BTC', ids });
  assert.equal(story.told().length, 4096);
  story.frame(2, trade(1));
  assert.deepEqual(story.told(), []);
  story.frame(1, trade(4097)).frame(2, trade(1));
  assert.deepEqual(story.told(), ['trade BTCUSD 4097', 'trade BTCUSD 1']);
});
