import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';

test('Binance: a lost diff is cured by the next partial book, nothing is asked again', async (t) => {
  const at_ns = instant('2026-11-20T10:00:30Z');
  const lost = { kind: 'drop' as const, channel: 'depth@100ms', symbol: 'BTCUSDT', at_ns };
  const rig = startRig({
    dir: scratchDirectory(t),
    at: '2026-11-20T10:00:00Z',
    feed: 'binance-usdm',
    faults: [lost],
  });
  await rig.pass(90);
  const { state, gaps } = rig.connector.status();
  await rig.finish();
  const lines = await readLog(rig.store);
  assert.equal(state, 'READY');
  assert.equal(gaps, 1, 'the one that was lost');
  assert.deepEqual(factsOf(lines, '_alarm'), []);
  const sent = factsOf(lines, '_sent').map(({ text }) => text);
  assert.equal(sent.length, 2, sent.join('\n'));
  assert.match(sent.join('\n'), /@depth20@100ms/);
  assert.doesNotMatch(sent.join('\n'), /UNSUBSCRIBE/);
});
