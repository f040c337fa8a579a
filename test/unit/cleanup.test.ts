/** Which versions are beyond policy, and what no cleanup takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCleanup, listCleanup, runCleanup } from '../../activities/cleanup.ts';
import { readCurrent, readManifest } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { moveDays } from '../../activities/promotion.ts';
import { supersededVersions } from '../../dataset/cleanup.ts';
import { versionOfDay } from '../../dataset/current.ts';
import type { Current } from '../../dataset/current.ts';
import { stagedWindowKey } from '../../dataset/keys.ts';
import { verifyBuiltDay } from '../../activities/reprocess-day.ts';
import { NS_PER_HOUR, nsFromMs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { finish, plan, reprocessJobs, runPart } from '../support/reprocess-jobs.ts';
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

test('a rebuild that was left goes once it is old, and not where somebody goes on with it', async () => {
  let day = 0;
  const ms = (): number => Date.parse('2026-11-22T06:00:00Z') + day * 86_400_000;
  const normalized = createMemoryObjectStore(ms);
  const deps = reprocessJobs('2026-11-22T06:00:00Z', { normalized, now: () => nsFromMs(ms()) });
  await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
  // All of it is there but the manifest.
  const left = await plan(deps, DAY, 'v2', 2);
  for (const task of left.tasks) await runPart(deps, task);
  await normalized.put('normalized/_versions/v2.json', new Uint8Array(2));
  for (let key = 0; key < 200; key++) {
    await normalized.put(`normalized/_throughput/ballast-${key}.json`, new Uint8Array(50_000));
  }
  const of = { feeds: [feed], keep_versions: 3, older_than_days: 90 };
  day = 6;
  assert.equal((await listCleanup(deps, of, context)).keys, 0, 'it may go on yet');
  day = 8;
  const { digest, keys, abandoned } = await listCleanup(deps, of, context);
  assert.deepEqual([abandoned, keys > 20], [keys, true]);
  assert.equal((await checkCleanup(deps, digest, context)).keys, keys);

  // What was archived beside it may be the only copy of what the bus had.
  const window = { version: 'v2', feed, day: DAY, shard: 'tier1', hour: 3 };
  await normalized.put(stagedWindowKey(window), new Uint8Array(2));
  day = 30;
  assert.equal((await listCleanup(deps, of, context)).keys, 0);
  await assert.rejects(checkCleanup(deps, digest, context), /its day is being built again/);
  await normalized.delete(stagedWindowKey(window));
  assert.equal((await checkCleanup(deps, digest, context)).keys, keys);

  // Somebody goes on with it, after the check.
  const again = await plan(deps, DAY, 'v2', 2);
  assert.deepEqual(again.tasks, left.tasks, 'with the very plan that lies there');
  await assert.rejects(runCleanup(deps, digest, context), /it was put anew; make a new dry run/);
  assert.equal((await listCleanup(deps, of, context)).keys, 0);
  await finish(deps, again);
  await assert.rejects(checkCleanup(deps, digest, context), /a manifest names it/);
  await assert.rejects(runCleanup(deps, digest, context), /it is new; make a new dry run/);
  // All that was listed is there: a plan, two parts, and objects.
  assert.equal((await verifyBuiltDay(deps, again, context)).objects, keys - 3);
});

test('a rebuild that was left is taken whole, and can be made again', async () => {
  const deps = reprocessJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
  const left = await plan(deps, DAY, 'v2', 2);
  await runPart(deps, left.tasks[0]);
  await deps.normalized.put('normalized/_versions/v2.json', new Uint8Array(2));
  for (let key = 0; key < 200; key++) {
    await deps.normalized.put(`normalized/_throughput/${key}.json`, new Uint8Array(50_000));
  }
  const of = { feeds: [feed], keep_versions: 3, older_than_days: 90 };
  const { digest, keys } = await listCleanup(deps, of, context);
  assert.equal((await runCleanup(deps, digest, context)).deleted, keys);
  for await (const { key } of deps.normalized.list('normalized/v2/')) assert.fail(key);
  const { outcome } = await finish(deps, await plan(deps, DAY, 'v2', 2));
  assert.equal(outcome, 'committed');
});

/** A version that served until somebody moved its day away, and is listed to go. */
async function superseded(): Promise<{ deps: JobDeps; digest: string }> {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
  await archiveDay({ ...deps, window_hours: 2 }, { feed, day: DAY });
  await archiveDay(deps, { feed, day: DAY });
  for (let key = 0; key < 400; key++) {
    await deps.normalized.put(`normalized/_throughput/${key}.json`, new Uint8Array(50_000));
  }
  await moveTo(deps, 'v1', 'v1.1', 1);
  const later = { ...deps, now: () => nsFromMs(Date.parse('2027-03-22T06:00:00Z')) };
  const of = { feeds: [feed], keep_versions: 1, older_than_days: 90 };
  const { digest, superseded: versions } = await listCleanup(later, of, context);
  assert.deepEqual(
    versions.map((it) => it.version),
    ['v1'],
  );
  return { deps: later, digest };
}

async function moveTo(
  deps: Pick<JobDeps, 'normalized'>,
  was: string,
  version: string,
  at: number,
): Promise<void> {
  const mover = { by: 'ana', reason: 'reviewed', at: `2026-11-22T06:00:0${at}Z` };
  await moveDays(deps, feed, [{ from: DAY, to: DAY, was, version }], mover);
}

/** What serves the day is there, all of it. */
async function assertServed(deps: JobDeps, expected: string): Promise<void> {
  const version = versionOfDay(await readCurrent(deps, feed), DAY);
  assert.equal(version, expected);
  const manifest = await readManifest(deps, { version, feed, day: DAY });
  assert.ok(manifest !== null, `the manifest of ${version} is there`);
  for (const { key } of manifest.objects) assert.ok(await deps.normalized.head(key), key);
}

test('a promotion that comes between a look at the pointer and a deletion is not served', async () => {
  const { deps, digest } = await superseded();
  let moved: Promise<void> | null = null;
  const normalized: JobDeps['normalized'] = {
    ...deps.normalized,
    delete: async (key) => {
      moved ??= moveTo(deps, 'v1.1', 'v1', 2);
      await moved.catch(() => undefined);
      await deps.normalized.delete(key);
    },
  };
  await runCleanup({ ...deps, normalized }, digest, context);
  await assert.rejects(moved ?? Promise.resolve(), /a cleanup takes v1/);
  await assertServed(deps, 'v1.1');
  assert.deepEqual(await keysBelow(deps, 'normalized/_retiring/'), []);
});

test('a deletion that begins while a promotion is being made stops, or the promotion is taken back', async () => {
  // Before the pointer is written, and right after: the promotion had looked already.
  for (const when of ['before', 'after'] as const) {
    const { deps, digest } = await superseded();
    let cleaned: Promise<unknown> | null = null;
    const clean = async (): Promise<void> => {
      cleaned ??= runCleanup(deps, digest, context);
      await cleaned.catch(() => undefined);
    };
    const normalized: JobDeps['normalized'] = {
      ...deps.normalized,
      replaceIf: async (...of) => {
        if (when === 'before') await clean();
        const outcome = await deps.normalized.replaceIf(...of);
        if (when === 'after') await clean();
        return outcome;
      },
    };
    const moving = moveTo({ normalized }, 'v1.1', 'v1', 2);
    if (when === 'before') {
      await assert.rejects(moving, /no manifest of|a cleanup takes/);
      await assertServed(deps, 'v1.1');
    } else {
      await moving;
      await assert.rejects(cleaned ?? Promise.resolve(), /SSMD_MOVED|it serves/);
      await assertServed(deps, 'v1');
    }
    assert.deepEqual(await keysBelow(deps, 'normalized/_retiring/'), []);
  }
});

async function keysBelow({ normalized }: JobDeps, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of normalized.list(prefix)) keys.push(key);
  return keys;
}
