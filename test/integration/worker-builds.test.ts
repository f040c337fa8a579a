/**
 * Two builds of the worker, one after the other, on a real Temporal server: a run that the one before began
 * is ended by the one after. The build before is today's with what is behind patches taken out, so that its
 * history has none of those commands; a build that takes another path is the proof that the test can fail.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowBundle } from '@temporalio/worker';
import { createAdmissionActivities } from '../../activities/admission.ts';
import { createSessionActivities } from '../../activities/session.ts';
import { shippedCalendar } from '../support/shipped-calendar.ts';
import { createArchiveActivities } from '../../activities/archive.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { lookAtRun } from '../../cli/job-runs.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { bundleWorkflows } from '../../workers/worker.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import type { S3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import type { TestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { until } from '../support/until.ts';

const DAY = '2026-11-20' as Day;
const QUEUE = 'ssmd';

let servers: TestServers;
let stores: S3Jobs;
let native: NativeConnection;
let connection: Connection;
let client: Client;

before(async () => {
  Runtime.install({
    ...{ shutdownSignals: [], logger: new DefaultLogger('ERROR') },
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
  });
  servers = await startTestServers({ temporal: true, s3: true });
  stores = await openS3Jobs(servers.s3, '2026-11-22T06:00:00Z', { bus: null });
  native = await NativeConnection.connect({ address: servers.temporal.address });
  connection = await Connection.connect({ address: servers.temporal.address });
  client = new Client({ connection });
  await writeTinyDay(stores.deps.raw, { day: DAY, step_ns: 20n * NS_PER_MINUTE });
});
after(async () => {
  await connection.close();
  await native.close();
  await stores[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

/** Today's code with words of it replaced, which have to be there. */
async function buildWith(changes: Readonly<Record<string, string>>): Promise<WorkflowBundle> {
  const today = await bundleWorkflows();
  assert.ok('code' in today);
  let { code } = today;
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(code.includes(from), `the build has no ${from}`);
    code = code.replaceAll(from, to);
  }
  return { ...today, code };
}

type Away = { readonly reached: Promise<unknown>; readonly deps: JobDeps };

/** RAW is away: a run stands in the middle, its step is tried again and again. */
function withoutRaw(): Away {
  const reached = Promise.withResolvers<undefined>();
  const get: JobDeps['raw']['get'] = () => {
    reached.resolve(undefined);
    return Promise.reject(new SsmdError('SSMD_UNAVAILABLE', 'no RAW', { retryable: true }));
  };
  const deps = { ...stores.deps, surveys: null, raw: { ...stores.deps.raw, get } };
  return { reached: reached.promise, deps };
}

async function workerOf(workflowBundle: WorkflowBundle, deps: JobDeps): Promise<Worker> {
  const searchAttributes = (): Promise<string[]> => Promise.resolve(['SsmdFeed', 'SsmdStage']);
  return await Worker.create({
    ...{ connection: native, taskQueue: QUEUE, workflowBundle },
    activities: {
      ...createArchiveActivities(deps),
      ...createSessionActivities({ calendarOf: () => shippedCalendar('crypto') }),
      ...createAdmissionActivities({ ...deps, searchAttributes }),
      tellNotices: () => ({ over: 0 }),
    },
    // Every task is a replay of the whole run: what one build began, the next has to be able to repeat.
    maxCachedWorkflows: 0,
    shutdownGraceTime: '1 second',
    shutdownForceTime: '5 seconds',
    stickyQueueScheduleToStartTimeout: '1 second',
  });
}

/** Begins a day under one build, and ends that worker in the middle of it. */
async function begun(id: string, build: WorkflowBundle): Promise<void> {
  const { reached, deps } = withoutRaw();
  const worker = await workerOf(build, deps);
  await worker.runUntil(async () => {
    await client.workflow.start('daily-archive', {
      ...{ taskQueue: QUEUE, workflowId: id },
      args: [{ feed: 'tiny', day: DAY, qa: false }],
    });
    await reached;
  });
  assert.equal((await client.workflow.getHandle(id).describe()).status.name, 'RUNNING');
}

const PATCHED = '(0,_temporalio_workflow__WEBPACK_IMPORTED_MODULE_0__.patched)(PATCH)';

test('a run that the build before began is ended by this one', async () => {
  const id = 'begun-before';
  await begun(id, await buildWith({ [PATCHED]: 'false' }));
  const handle = client.workflow.getHandle<() => Promise<DailyArchiveReport>>(id);
  const worker = await workerOf(await bundleWorkflows(), stores.deps);
  const report = await worker.runUntil(() => handle.result());
  assert.equal(report.complete, true);
  assert.equal(report.day, DAY);
  const text = historyToJSON(await handle.fetchHistory());
  assert.ok(!text.includes('TIMER_STARTED'), 'it went the way of the build that began it');
});

test('a build that takes another path is found out: the run stands, and says why', async () => {
  const id = 'begun-now';
  await begun(id, await bundleWorkflows());
  const other = await buildWith({ 'io.planArchiveDay.': 'io.plotArchiveDay.' });
  const worker = await workerOf(other, stores.deps);
  const stuck = await worker.runUntil(async () => {
    // Its history is looked at, not the run: a question would be answered by the same build.
    const failed = async (): Promise<boolean> =>
      historyToJSON(await client.workflow.getHandle(id).fetchHistory()).includes(
        'EVENT_TYPE_WORKFLOW_TASK_FAILED',
      );
    await until('a task of it failed', failed);
    return (await lookAtRun(client, id)).stuck;
  });
  assert.match(stuck ?? '', /cannot go on with it.*[Nn]ondeterminism/);
  // And the right build ends it after all: nothing was lost.
  const right = await workerOf(await bundleWorkflows(), stores.deps);
  await right.runUntil(() => client.workflow.getHandle(id).result());
});
