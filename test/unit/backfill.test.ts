/** What a range of days is to a backfill: built, left as it is, or named with the reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planBackfill, prepareBackfillDay } from '../../activities/backfill.ts';
import { readBindings, readCurrent } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import { versionOfDay } from '../../dataset/current.ts';
import { manifestKey } from '../../dataset/keys.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';

const NOW = '2026-11-22T06:00:00Z';
const [DONE, OPEN, LATE] = ['2026-11-18', '2026-11-22', '2026-11-20'] as Day[] as [Day, Day, Day];
const feed = 'tiny';
const context = plainContext();

test('each day of a range has a state and a reason, and nothing is written', async () => {
  const deps = memoryJobs(NOW);
  for (const day of [DONE, LATE]) await writeTinyDay(deps.raw, { day, step_ns: NS_PER_HOUR });
  await archiveDay(deps, { feed, day: DONE });
  const before = await readCurrent(deps, feed);
  const days = await planBackfill(deps, { feed, from: '2026-11-16', to: OPEN }, context);
  assert.deepEqual(
    days.map(({ day, state, version }) => [day, state, version]),
    [
      ['2026-11-16', 'no_raw', null],
      // Its epochs begin the evening before, and end the morning after.
      ['2026-11-17', 'to_build', 'v1'],
      [DONE, 'already_committed', 'v1'],
      ['2026-11-19', 'to_build', 'v1'],
      [LATE, 'to_build', 'v1'],
      ['2026-11-21', 'to_build', 'v1'],
      [OPEN, 'not_over', null],
    ],
  );
  assert.deepEqual(await readCurrent(deps, feed), before);
  // A pointer that leads nowhere is no manifest.
  await deps.normalized.delete(manifestKey({ version: 'v1', feed, day: DONE }));
  const [again] = await planBackfill(deps, { feed, from: DONE, to: DONE }, context);
  assert.equal(again?.state, 'to_build');
});

test('a day is prepared under the label of the feed, and bound once', async () => {
  const deps = memoryJobs(NOW);
  await writeTinyDay(deps.raw, { day: LATE, step_ns: NS_PER_HOUR });
  const step = await prepareBackfillDay(deps, { feed, day: LATE, bytes: 7 }, context);
  assert.ok(step.next === 'build', JSON.stringify(step));
  assert.deepEqual([step.making.version, step.making.raw_bytes], ['v1', 7]);
  assert.deepEqual(
    (await readBindings(deps)).map((it) => it.version),
    ['v1'],
  );
});

test('what may still come is waited for, and not built without', async () => {
  const young = memoryJobs('2026-11-21T06:00:00Z');
  await writeTinyDay(young.raw, { day: LATE, step_ns: NS_PER_HOUR });
  for await (const { key } of young.raw.list('raw/tiny/_manifests/')) await young.raw.delete(key);
  const of = { feed, day: LATE, bytes: 0 };
  const step = await prepareBackfillDay(young, of, context);
  assert.ok(step.next === 'wait', JSON.stringify(step));
  assert.match(step.why, /until 2026-11-22T00:00Z what is missing may still come: .*inventory/);
  const later = { ...young, now: memoryJobs(NOW).now };
  assert.equal((await prepareBackfillDay(later, of, context)).next, 'build');
});

test('a committed day that nothing points at is served again, unchanged', async () => {
  const deps = memoryJobs(NOW);
  await writeTinyDay(deps.raw, { day: LATE, step_ns: NS_PER_HOUR });
  await archiveDay(deps, { feed, day: LATE });
  await deps.normalized.delete(`normalized/_current/${feed}.json`);
  const step = await prepareBackfillDay(deps, { feed, day: LATE, bytes: 0 }, context);
  assert.deepEqual(step, { next: 'committed', version: 'v1' });
  assert.equal(versionOfDay(await readCurrent(deps, feed), LATE), 'v1');
});
