/**
 * Ranges of days on a real Temporal server: a day that fails is tried again and promoted with the others,
 * and a range of more days than one run takes goes on as another run, with nothing lost between them.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Context } from '@temporalio/activity';
import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { readCurrent, readManifest } from '../../activities/datasets.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { versionOfDay } from '../../dataset/current.ts';
import { manifestKey, rawPrefix } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import { addDays, daysBetween } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Told } from '../../workflows/lib/promotion-updates.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { archiveDay } from '../support/archive-run.ts';
import { figureWords, figuresOf, holdFigures } from '../support/history-figures.ts';
import { longLife } from '../support/long-ranges.ts';
import { startTestServers } from '../support/servers.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';
import type { WorkflowJobs } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const feed = 'tiny';
const FIRST = '2026-05-01' as Day;
/** As the workflow says: it is loaded in a sandbox of its own. */
const DAYS_A_RUN = 100;
const SAID = { by: 'ana', reason: 'diff reviewed' };

const servers = await startTestServers({ temporal: true });
after(() => servers[Symbol.asyncDispose]());

async function started(
  jobs: WorkflowJobs,
  id: string,
  input: object,
): Promise<WorkflowHandleWithFirstExecutionRunId> {
  return jobs.client.workflow.start('reprocess', {
    ...{ taskQueue: 'ssmd', workflowId: id },
    args: [{ feed, version: 'v2', ...input }],
  });
}

function untilDeciding(handle: WorkflowHandleWithFirstExecutionRunId): Promise<Told> {
  return seen(
    () => handle.query<Told>('tally'),
    ({ stage }) => stage === 'deciding',
  );
}

/** Refused, with this in the reason. */
async function refused(asked: Promise<unknown>, words: RegExp): Promise<void> {
  await assert.rejects(asked, (error: Error) => {
    assert.match(String(error.cause), words);
    return true;
  });
}

/** RAW of which some days cannot be built from until they are mended: their afternoon is gone. */
function rotten(deps: JobDeps, days: readonly Day[]) {
  const bad = new Set(days.map((day) => rawPrefix({ feed, day, hour: 16 })));
  const get: ObjectStore['get'] = (key, options) => {
    const is_built = Context.current().info.activityType === 'buildReprocessPart';
    const is_bad = is_built && [...bad].some((prefix) => key.startsWith(prefix));
    return is_bad
      ? Promise.reject(new SsmdError('SSMD_CORRUPT', 'the disk below it is broken', {}))
      : deps.raw.get(key, options);
  };
  return {
    deps: { ...deps, raw: { ...deps.raw, get } },
    mend: (day: Day) => bad.delete(rawPrefix({ feed, day, hour: 16 })),
  };
}

async function served(deps: JobDeps, days: readonly Day[]): Promise<(string | null)[]> {
  const current = await readCurrent(deps, feed);
  return days.map((day) => versionOfDay(current, day));
}

test('a day that failed is tried again, and promoted with the others', async () => {
  const sound = await longLife(FIRST, 3);
  const [first, middle, last] = daysBetween(FIRST, addDays(FIRST, 2)) as [Day, Day, Day];
  const days = [first, middle, last];
  for (const day of days) await archiveDay(sound, { feed, day });
  const { deps, mend } = rotten(sound, [middle]);
  await using jobs = await startWorkflowJobs(servers.temporal.address, deps, []);
  const handle = await started(jobs, 'retried', { from: first, to: last });
  const ask = (update: string, said: object): Promise<unknown> =>
    handle.executeUpdate(update, { args: [said] });

  const told = await untilDeciding(handle);
  assert.deepEqual(told.days.failed, [{ day: middle, why: 'the disk below it is broken' }]);
  assert.deepEqual([told.days.built, told.days.verdicts.identical], [2, 2]);
  await refused(ask('retryDays', { days: [first] }), /2026-05-01: not a day that failed; there/);
  await refused(ask('retryDays', { days: [middle, '2026-05-09'] }), /2026-05-09: not a day/);
  await refused(ask('retryDays', { days: [] }), /"days" is no list of days/);
  await refused(ask('promote', { ...SAID, days: [middle] }), /not a day that can be moved/);

  // Nothing was mended: it fails again, and is listed once.
  assert.equal(await ask('retryDays', { days: [middle] }), '1 days are built again');
  const again = await untilDeciding(handle);
  assert.deepEqual([again.days.failed, again.days.built], [told.days.failed, 2]);

  mend(middle);
  await ask('retryDays', {});
  const whole = await untilDeciding(handle);
  assert.deepEqual([whole.days.failed, whole.days.built], [[], 3]);
  assert.equal(whole.days.verdicts.identical, 3);
  await refused(ask('retryDays', {}), /no day failed: there is nothing to try again/);
  assert.deepEqual(await served(deps, days), ['v1', 'v1', 'v1'], 'nothing was moved so far');
  await ask('promote', SAID);
  const report = (await handle.result()) as ReprocessReport;
  assert.equal(report.outcome, 'promoted');
  assert.deepEqual(report.moved?.days, [{ from: first, to: last, was: 'v1', version: 'v2' }]);
  assert.deepEqual(await served(deps, days), ['v2', 'v2', 'v2']);
});

test('where no day was built there is nothing to promote', async () => {
  const { deps, mend } = rotten(await longLife(FIRST, 1), [FIRST]);
  await using jobs = await startWorkflowJobs(servers.temporal.address, deps, []);
  const handle = await started(jobs, 'all-failed', { day: FIRST });
  await untilDeciding(handle);
  await refused(
    handle.executeUpdate('promote', { args: [SAID] }),
    /no day was built that could be moved/,
  );
  assert.equal(await readCurrent(deps, feed), null, 'no pointer comes of it');
  mend(FIRST);
  await handle.executeUpdate('retryDays');
  await untilDeciding(handle);
  await handle.executeUpdate('promote', { args: [SAID] });
  assert.equal(((await handle.result()) as ReprocessReport).outcome, 'promoted');
  assert.deepEqual(await served(deps, [FIRST]), ['v2']);
});

test('more days than a run takes go on in another, which forgets none', async (t) => {
  const count = DAYS_A_RUN + 3;
  const sound = await longLife(FIRST, count);
  const days = daysBetween(FIRST, addDays(FIRST, count - 1));
  const [broken] = days.slice(7);
  assert.ok(broken !== undefined);
  const { deps, mend } = rotten(sound, [broken]);
  const put = new Map<string, number>();
  const normalized: ObjectStore = {
    ...deps.normalized,
    putIfAbsent: (key, body, options) => {
      put.set(key, (put.get(key) ?? 0) + 1);
      return deps.normalized.putIfAbsent(key, body, options);
    },
  };
  const counted = { ...deps, normalized };
  await using jobs = await startWorkflowJobs(servers.temporal.address, counted, []);
  const input = { from: days[0], to: days.at(-1), concurrency: 8 };
  const handle = await started(jobs, 'many', input);
  const first_run = jobs.client.workflow.getHandle('many', handle.firstExecutionRunId);
  const told = await untilDeciding(handle);
  assert.equal((await first_run.describe()).status.name, 'CONTINUED_AS_NEW');
  assert.deepEqual(
    [told.days.built, told.days.failed.map((it) => it.day)],
    [count - 1, [broken]],
    'what the first run built, and what failed in it',
  );
  mend(broken);
  await handle.executeUpdate('retryDays', { args: [{}] });
  await untilDeciding(handle);
  await handle.executeUpdate('promote', { args: [SAID] });
  const report = (await handle.result()) as ReprocessReport;
  assert.deepEqual([report.outcome, report.days.built, report.version], ['promoted', count, 'v2']);
  assert.deepEqual(report.moved?.days, [
    { from: days[0], to: days.at(-1), was: null, version: 'v2' },
  ]);
  assert.deepEqual(new Set(await served(deps, days)), new Set(['v2']));
  for (const day of days) {
    const key = manifestKey({ version: 'v2', feed, day });
    assert.equal(put.get(key), 1, `${day} is committed once`);
  }
  // A run has as many days at most, however long the range.
  const figures = await figuresOf(jobs.client, 'many', handle.firstExecutionRunId);
  assert.equal(figures.length, 2);
  holdFigures(figures, 'many');
  t.diagnostic(`${count} days: ${figureWords(figures)}`);
  const records = await readManifest(deps, { version: 'v2', feed, day: broken });
  assert.ok((records?.totals.records ?? 0) > 0);
});
