/**
 * Lines that are lost where two epochs meet. Hypothesis of the bug: what one epoch logged, or lost, hides
 * behind what it logged after it had lost the shard, or behind the epoch that followed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, at, epochOf, log, planOf, told } from '../support/shard-lives.ts';
import type { Log } from '../support/shard-lives.ts';

/** Lost the bus, and went on for half an hour after the other had taken the shard. */
const fenced = log({ start: '20T00:00', end: '20T12:30', ends: {} });
const owner = log({
  start: '20T12:01',
  take: '20T12:02',
  prev: { epoch: '20T00:00', t: '20T12:02' },
  end: '20T23:59',
  ends: { [DAY]: 'day' },
});

function without(life: Log, ...lost: readonly string[]): Log {
  const gone = lost.map(at);
  return { ...life, segments: life.segments.filter((it) => !gone.includes(it.id.t)) };
}

test('segments lost before a take-over show by those that came after it', () => {
  const damaged = without(fenced, '20T11:50', '20T11:55', '20T12:00');
  assert.deepEqual(told(planOf([damaged, owner])), [
    'segment_missing 20T11:49 20T12:02',
    'inventory_missing 20T11:49 20T12:02',
  ]);
  const seen = new Map([[epochOf('20T00:00'), at('20T12:01')]]);
  assert.deepEqual(told(planOf([damaged, owner], { bus_seen: seen })), [
    'segment_missing 20T11:49 20T12:02',
    'log_behind_bus 20T11:49 20T12:01',
    'inventory_missing 20T11:49 20T12:02',
  ]);
});

test('the segment before a take-over is the one that the next followed', () => {
  // The last of its stretch ends in time; only what came after it can tell that it was another.
  const strange = fenced.segments.map((it) =>
    it.id.t === at('20T11:55') ? { ...it, sha256: 'another' } : it,
  );
  const at_noon = log({
    start: '20T11:59',
    take: '20T12:00',
    prev: { epoch: '20T00:00', t: '20T12:00' },
    end: '20T23:59',
    ends: { [DAY]: 'day' },
  });
  assert.deepEqual(told(planOf([{ ...fenced, segments: strange }, at_noon])), [
    'chain_broken 20T11:55 20T12:00',
    'inventory_missing 20T11:59 20T12:00',
  ]);
  assert.deepEqual(told(planOf([fenced, at_noon])), []);
});

test('without an inventory a stretch ends where the log proves it, and only there', () => {
  assert.deepEqual(told(planOf([fenced, owner])), [], 'its last segment goes past the end');
  const tail = ['20T12:00', '20T12:05', '20T12:10', '20T12:15', '20T12:20', '20T12:25'];
  assert.deepEqual(told(planOf([without(fenced, ...tail), owner])), [
    'inventory_missing 20T11:59 20T12:02',
  ]);
  const torn = fenced.segments.map((it) =>
    it.id.t === at('20T12:00')
      ? { ...it, state: 'prefix' as const, last: it.id.t, fault: { line: 3, detail: 'torn' } }
      : it,
  );
  assert.deepEqual(told(planOf([{ ...fenced, segments: torn }, owner])), [
    'segment_corrupt 20T12:00 20T12:02',
    'inventory_missing 20T12:00 20T12:02',
  ]);
});
