/** What a take-over makes of the trades around it, and of the gaps before it (R7). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NOON, Story, history, trade } from '../support/fold-story.ts';

const PREV = { epoch: 5, t: String(NOON - 1000n) };
/** The ids of the take-over's own events, and those of what follows. */
const afterHole = (story: Story): string[] => story.told().slice(2);
const gap = (ids: string): string[] => [
  `gap_opened BTCUSD sequence trade ${ids}`,
  `gap_closed BTCUSD sequence trade ${ids} repaired=0`,
];

describe('ids missing from what was heard while muted', () => {
  test('behind the first beyond the last one published, from where that one was', () => {
    const story = new Story().start().frame(1, trade(150)).frame(1, trade(151));
    story.take(PREV, { BTCUSD: '100' });
    const [opened] = story.events.filter((it) => it.type === 'status' && it.cause === 'sequence');
    assert.deepEqual(opened?.type === 'status' && [opened.from, opened.to], [
      NOON - 1000n,
      story.t,
    ]);
    assert.deepEqual(afterHole(story), [
      ...gap('101/150'),
      'trade BTCUSD 150 HISTORY',
      'trade BTCUSD 151 HISTORY',
    ]);
  });

  test('between them, unless another connection heard them', () => {
    const story = new Story().start().open(2).frame(1, trade(100)).frame(1, trade(102));
    story.frame(2, trade(101)).frame(1, trade(105)).take(PREV, { BTCUSD: '100' });
    assert.deepEqual(afterHole(story), [
      'trade BTCUSD 102 HISTORY',
      'trade BTCUSD 101 HISTORY',
      ...gap('103/105'),
      'trade BTCUSD 105 HISTORY',
    ]);
  });

  test('an id that came twice with other content is marked, as it is later', () => {
    const story = new Story().start().open(2).frame(1, trade(101)).frame(2, trade(101, 7));
    story.take(PREV, { BTCUSD: '100' });
    assert.deepEqual(afterHole(story), [
      'trade BTCUSD 101 HISTORY',
      'trade BTCUSD 101 ID_CONFLICT HISTORY',
    ]);
  });

  test('none where they follow, in whichever order they came', () => {
    for (const ids of [
      [98, 99, 100, 101, 102],
      [103, 102, 101, 100],
    ]) {
      const story = new Story().start().frame(1, history(...ids));
      story.take(PREV, { BTCUSD: '100' });
      const beyond = ids.filter((id) => id > 100);
      assert.deepEqual(
        afterHole(story),
        beyond.map((id) => `trade BTCUSD ${id} HISTORY`),
      );
    }
  });
});

describe('ids without an order', () => {
  const heard = (...ids: readonly string[]): Story => {
    const story = new Story().start();
    for (const id of ids) story.frame(1, trade(id));
    return story;
  };

  test('what came after the last one published is spoken', () => {
    const story = heard('a-1', 'c-9', 'b-5', 'd-0').take(PREV, { BTCUSD: 'c-9' });
    assert.deepEqual(afterHole(story), ['trade BTCUSD b-5 HISTORY', 'trade BTCUSD d-0 HISTORY']);
  });

  test('all of them where that one was not heard: repeated, never lost', () => {
    const story = heard('a-1', 'b-5').take(PREV, { BTCUSD: 'c-9' });
    assert.deepEqual(afterHole(story), ['trade BTCUSD a-1 HISTORY', 'trade BTCUSD b-5 HISTORY']);
  });

  test('none where nothing was published before', () => {
    assert.deepEqual(afterHole(heard('a-1').take(PREV, {})), []);
  });
});

describe('history that is sent newest first', () => {
  test('follows the last one published by its lowest id', () => {
    const story = new Story().start().take(PREV, { BTCUSD: '100' });
    story.told();
    story.frame(1, history(103, 102, 101));
    const told = [103, 102, 101].map((id) => `trade BTCUSD ${id} HISTORY`);
    assert.deepEqual(story.told(), told);

    const behind = new Story().start().take(PREV, { BTCUSD: '100' });
    behind.told();
    behind.frame(1, history(105, 104, 103));
    assert.deepEqual(behind.told().slice(0, 2), gap('101/103'));
  });

  test('repairs a disconnect that its lowest id follows', () => {
    const story = new Story().start().take().frame(1, trade(1)).close(1).open(2);
    story.told();
    story.frame(2, history(4, 3, 2));
    assert.equal(story.told()[0], 'gap_closed BTCUSD disconnect trade repaired=1');
  });
});
