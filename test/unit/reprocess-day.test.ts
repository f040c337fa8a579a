/** A day built in parts is the whole day, whoever plans it again meanwhile, or nothing is committed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifest } from '../../activities/datasets.ts';
import { canonicalObjectKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { createSurveyMemo, plainContext } from '../../activities/deps.ts';
import { commitBuiltDay, verifyBuiltDay } from '../../activities/reprocess-day.ts';
import { finish, plan, planAnew, reprocessJobs, runPart } from '../support/reprocess-jobs.ts';
import type { ReprocessJobs } from '../support/reprocess-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-11-20' as Day;
const OF = { feed: 'tiny', day: DAY } as const;
const context = plainContext();
const LATER = '2026-11-22T06:00:00Z';

async function prepared(now = LATER): Promise<ReprocessJobs> {
  const deps = reprocessJobs(now);
  await writeTinyDay(deps.raw, { day: DAY, step_ns: 2n * NS_PER_HOUR });
  return deps;
}

async function manifest(deps: ReprocessJobs, version: string): Promise<Manifest> {
  const found = await readManifest(deps, { ...OF, version });
  assert.ok(found !== null, `${version} is committed`);
  return found;
}

/** What a day says, its label left out. */
function said({ objects, gaps, complete }: Manifest): unknown {
  const names = objects.map(({ key, plain_sha256, records }) => [
    ...[canonicalObjectKey(key).split('/').slice(2).join('/'), plain_sha256, records],
  ]);
  return { names, gaps, complete };
}

for (const parts of [1, 2, 3, 5]) {
  test(`in ${parts} parts, one of them done before the day was first served`, async () => {
    for (let first = 0; first < parts; first++) {
      const deps = await prepared();
      const before = await plan(deps, DAY, 'v2', parts);
      await runPart(deps, before.tasks[first]);
      // Now there are weights to share by, which the first plan had not.
      await archiveDay(deps, OF);
      await finish(deps, await plan(deps, DAY, 'v2', parts));
      assert.deepEqual(said(await manifest(deps, 'v2')), said(await manifest(deps, 'v1')));
    }
  });
}

test('planned meanwhile for another number of parts, a run goes on with its own', async () => {
  for (const [own, other] of [
    [1, 2],
    [2, 3],
    [3, 2],
    [4, 3],
  ] as const) {
    const deps = await prepared();
    await archiveDay(deps, OF);
    const ours = await plan(deps, DAY, 'v2', own);
    const theirs = await plan(deps, DAY, 'v2', other);
    await runPart(deps, theirs.tasks[0]);
    await finish(deps, ours);
    assert.deepEqual(said(await manifest(deps, 'v2')), said(await manifest(deps, 'v1')));
    assert.equal((await finish(deps, theirs)).outcome, 'already_committed');
  }
});

test('an attempt to plan that wakes late changes nothing of the plan that is built', async () => {
  const deps = await prepared();
  const late = await plan(deps, DAY, 'v2', 2);
  await archiveDay(deps, OF);
  const build = await plan(deps, DAY, 'v2', 2);
  await runPart(deps, build.tasks[0]);
  await plan(deps, DAY, 'v2', 2);
  assert.notEqual(late.tasks[0]?.plan_id, build.tasks[0]?.plan_id, 'shared out otherwise');
  await finish(deps, build);
  assert.deepEqual(said(await manifest(deps, 'v2')), said(await manifest(deps, 'v1')));
});

test('a part by another build is not put beside ours', async () => {
  const deps = await prepared();
  const build = await plan(deps, DAY, 'v2', 2);
  const [task] = build.tasks;
  assert.ok(task !== undefined);
  const other = { ...task, build: { ...task.build, commit: 'another' } };
  await assert.rejects(runPart(deps, other), (error) => {
    assert.ok(error instanceof SsmdError);
    assert.deepEqual([error.code, error.facts['replan']], ['SSMD_VERSION_CONFLICT', true]);
    return /planned for the connector .*\(another\), this one is/.test(error.message);
  });
});

test('RAW that came between the verification and the commit has the day planned again', async () => {
  const deps = await prepared();
  const keys: string[] = [];
  for await (const { key } of deps.raw.list('raw/tiny/2026/11/20/')) keys.push(key);
  const late = keys[Math.floor(keys.length / 2)] ?? '';
  const segment = await deps.raw.get(late);
  assert.ok(segment !== null);
  await deps.raw.delete(late);
  const build = await plan(deps, DAY, 'v2', 2);
  for (const task of build.tasks) await runPart(deps, task);
  const { etags } = await verifyBuiltDay(deps, build, context);
  await deps.raw.put(late, segment.body);
  await assert.rejects(
    commitBuiltDay(deps, tinyFeed, { ...build, verified: etags }, context),
    (error) => {
      assert.ok(error instanceof SsmdError);
      assert.deepEqual([error.code, error.facts['replan']], ['SSMD_LATE_RAW', true]);
      return true;
    },
  );
  assert.equal(await readManifest(deps, { ...OF, version: 'v2' }), null);
});

test('an object that goes, or changes, between the verification and the commit stops it', async () => {
  for (const change of ['gone', 'cut', 'other'] as const) {
    const deps = await prepared();
    const build = await plan(deps, DAY, 'v2', 2);
    for (const task of build.tasks) await runPart(deps, task);
    const { etags } = await verifyBuiltDay(deps, build, context);
    let key = '';
    for await (const it of deps.normalized.list('normalized/v2/tiny/trade/')) key = it.key;
    const body = (await deps.normalized.get(key))?.body ?? new Uint8Array();
    if (change === 'gone') await deps.normalized.delete(key);
    else if (change === 'cut') await deps.normalized.put(key, body.subarray(1));
    else
      await deps.normalized.put(
        key,
        body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
      );
    await assert.rejects(
      commitBuiltDay(deps, tinyFeed, { ...build, verified: etags }, context),
      (error) => {
        assert.ok(error instanceof SsmdError);
        assert.deepEqual([error.code, error.facts['replan']], ['SSMD_CORRUPT', true], change);
        return true;
      },
    );
    assert.equal(await readManifest(deps, { ...OF, version: 'v2' }), null, change);
  }
});

test('of RAW that may still come nothing is committed, under any label', async () => {
  const deps = reprocessJobs('2026-11-21T00:10:00Z');
  const whole = await prepared();
  for await (const { key } of whole.raw.list('raw/')) {
    const stored = await whole.raw.get(key);
    const shipped = !key.includes('_manifests') && key < 'raw/tiny/2026/11/20/12';
    if (stored !== null && shipped) await deps.raw.put(key, stored.body);
  }
  for (const version of ['v1', 'v2']) {
    await assert.rejects(plan(deps, DAY, version, 1), /RAW of tiny 2026-11-20 may still come/);
  }
});

test('a day that stands from the same inputs is left as it is, and nothing is staged', async () => {
  const deps = await prepared();
  const { outcome } = await finish(deps, await plan(deps, DAY, 'v2', 2));
  assert.equal(outcome, 'committed');
  const again = await plan(deps, DAY, 'v2', 3);
  assert.equal(again.done?.outcome, 'already_committed');
  assert.deepEqual(again.tasks, []);
});

test('a segment that rots below what is remembered of it is found, and its good prefix used', async () => {
  const surveys = createSurveyMemo();
  const sound = await prepared();
  let rotten = false;
  const keys: string[] = [];
  for await (const { key } of sound.raw.list('raw/')) {
    if (key.endsWith('.jsonl.zst')) keys.push(key);
  }
  const victim = keys[Math.floor(keys.length / 2)] ?? '';
  const raw = {
    ...sound.raw,
    // The disk below the store lost its end: names and etags are what they were.
    get: async (key: string) => {
      const stored = await sound.raw.get(key);
      if (stored === null || !rotten || key !== victim) return stored;
      return { ...stored, body: stored.body.subarray(0, Math.floor(stored.body.length * 0.6)) };
    },
  };
  const deps = reprocessJobs(LATER, { raw, surveys });
  const before = await plan(deps, DAY, 'v2', 1);
  rotten = true;
  await assert.rejects(runPart(deps, before.tasks[0]), (error) => {
    assert.ok(error instanceof SsmdError);
    assert.deepEqual([error.retryable, error.facts['replan']], [false, true]);
    return error.message.includes(victim);
  });
  const remembered = await plan(deps, DAY, 'v2', 1);
  assert.equal(remembered.inputs_id, before.inputs_id, 'the memory still says so');
  const build = await planAnew(deps, DAY, 'v2');
  assert.notEqual(build.inputs_id, before.inputs_id);
  const done = await finish(deps, build);
  assert.equal(done.complete, false);
  const { gaps } = await manifest(deps, 'v2');
  assert.ok(
    gaps.some((it) => it.cause === 'segment_corrupt'),
    JSON.stringify(gaps),
  );
});
