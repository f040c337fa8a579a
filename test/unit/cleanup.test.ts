/** Which versions are beyond policy, and what no cleanup takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCleanup, listCleanup, runCleanup } from '../../activities/cleanup.ts';
import { plainContext } from '../../activities/deps.ts';
import { supersededVersions } from '../../dataset/cleanup.ts';
import type { Current } from '../../dataset/current.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';

const feed = 'tiny';
const DAY = '2026-11-18' as Day;
const context = plainContext();

const CURRENT: Current = {
  ...{ format: 1, revision: 3, live: 'v2' },
  ranges: [{ from: DAY, to: DAY, version: 'v3' }],
  moves: [
    {
      ...{ revision: 3, at: '2026-11-20T00:00:00Z', by: 'ana', reason: 'reviewed', undoes: null },
      days: [{ from: DAY, to: DAY, was: 'v1.1', version: 'v3' }],
    },
  ],
};

test('a version goes only where nothing serves it, nothing goes to it, and it is old', () => {
  const at = (text: string): number => Date.parse(text);
  const versions = ['v1', 'v1.1', 'v2', 'v3', 'v10'].map((version) => ({
    version,
    newest_ms: at('2026-11-01T00:00:00Z'),
  }));
  const gone = (keep: number, before: string): string[] =>
    supersededVersions(CURRENT, versions, { keep, before_ms: at(before) });
  assert.deepEqual(gone(1, '2026-11-21T00:00:00Z'), ['v1', 'v1.1']);
  assert.deepEqual(gone(1, '2026-11-19T00:00:00Z'), ['v1'], 'a move may still be taken back');
  assert.deepEqual(gone(1, '2026-10-01T00:00:00Z'), []);
  assert.deepEqual(gone(5, '2026-11-21T00:00:00Z'), []);
  assert.deepEqual(gone(4, '2026-11-21T00:00:00Z'), ['v1']);
});

test('more than half of the bucket is listed, and never taken', async () => {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
  await archiveDay(deps, { feed, day: DAY });
  const stray = 'normalized/v1/tiny/trade/BTCUSD/2026/11/18/00-30.capnp.zst';
  await deps.normalized.put(stray, new Uint8Array(10_000_000));
  const of = { feeds: [feed], keep_versions: 3, older_than_days: 90 };
  const list = await listCleanup(deps, of, context);
  assert.ok(list.over_limit && list.share > 0.5);
  for (const take of [checkCleanup, runCleanup]) {
    await assert.rejects(take(deps, list.digest, context), /SSMD_LIMIT|CLEANUP_SHARE_MAX/);
  }
  assert.ok((await deps.normalized.head(stray)) !== null);
});

test('what was put anew since the list is left', async () => {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
  await archiveDay(deps, { feed, day: DAY });
  const stray = 'normalized/v1/tiny/trade/BTCUSD/2026/11/18/00-30.capnp.zst';
  await deps.normalized.put(stray, new Uint8Array(9));
  const of = { feeds: [feed], keep_versions: 3, older_than_days: 90 };
  const { digest, keys } = await listCleanup(deps, of, context);
  await deps.normalized.put(stray, new Uint8Array(10));
  const done = await runCleanup(deps, digest, context);
  assert.deepEqual([done.deleted, done.changed], [keys - 1, 1]);
  assert.ok((await deps.normalized.head(stray)) !== null);
  // Other content is another list.
  assert.notEqual((await listCleanup(deps, of, context)).digest, digest);
});

test('a worker that died is followed by another, which goes on after it', async () => {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
  await archiveDay(deps, { feed, day: DAY });
  const of = { feeds: [feed], keep_versions: 3, older_than_days: 90 };
  const { digest, keys } = await listCleanup(deps, of, context);
  const said: string[] = [];
  await runCleanup(deps, digest, { ...context, beat: (at) => void said.push(...at.done) });
  const resumed = { v: 1, stage: '', done: said.slice(-1), records: 0, bytes: 0 } as const;
  const done = await runCleanup(deps, digest, { ...context, resumed });
  assert.deepEqual(
    [done.deleted, done.gone],
    [keys, 0],
    'the counts go on, nothing is counted twice',
  );
});
