/** What an operator does in the morning, on a real Temporal server and worker: list, logs, watch, cancel, retry. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JobDeps } from '../../activities/deps.ts';
import type { QaReport } from '../../activities/qa.ts';
import type { JobRow } from '../../cli/job-runs.ts';
import type { StoryLine } from '../../cli/job-story.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { ssmd } from '../support/command-line.ts';
import type { Ran, RunOptions } from '../support/command-line.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import type { S3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import type { TestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';
import type { WorkflowJobs } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const DAY = '2026-11-20' as Day;
const STEP = 20n * NS_PER_MINUTE;
const QA = `qa/tiny/${DAY}/latest`;

let servers: TestServers;
let stores: S3Jobs;
let jobs: WorkflowJobs;
/** Reads of the store that fail, and whether they hang until they are released. */
let away = 0;
let hangs: Record<'reached' | 'released', PromiseWithResolvers<undefined>> | null = null;

before(async () => {
  servers = await startTestServers({ temporal: true, s3: true });
  stores = await openS3Jobs(servers.s3, '2026-11-22T06:00:00Z', { bus: null });
  const { normalized } = stores.deps;
  const get: JobDeps['normalized']['get'] = (key, options) => {
    if (hangs !== null) {
      hangs.reached.resolve(undefined);
      return hangs.released.promise.then(() => normalized.get(key, options));
    }
    if (away === 0) return normalized.get(key, options);
    away -= 1;
    const message = 'connect ECONNREFUSED 127.0.0.1:7070';
    return Promise.reject(new SsmdError('SSMD_UNAVAILABLE', message, { retryable: true }));
  };
  const deps = { ...stores.deps, normalized: { ...normalized, get } };
  jobs = await startWorkflowJobs(servers.temporal.address, deps);
});

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

function job(args: readonly string[], other: RunOptions = {}): Promise<Ran> {
  const env = { TEMPORAL_ADDRESS: servers.temporal.address };
  return ssmd(['job', ...args, '--env', 'dev'], { root: servers.dir, env, ...other });
}

async function start(type: string, id: string, input: object): Promise<void> {
  const options = { taskQueue: 'ssmd', workflowId: id, args: [input] };
  await jobs.client.workflow.start(type, options);
}

/** Lists until visibility, which follows a moment later, has caught up. */
function listed(args: readonly string[], wanted: (rows: JobRow[]) => boolean): Promise<JobRow[]> {
  return seen(async () => {
    const { code, out, err } = await job(['list', ...args, '--json']);
    assert.equal(code, 0, err);
    return JSON.parse(out) as JobRow[];
  }, wanted);
}

test('the story of a run that failed says at which step, why, and by whom', async () => {
  await start('daily-qa', QA, { feed: 'tiny' });
  await jobs.client.workflow
    .getHandle(QA)
    .result()
    .catch(() => null);
  const { code, out } = await job(['logs', QA]);
  assert.equal(code, 0);
  assert.match(out, /started: daily-qa \{"feed":"tiny"\} \[\S+@\S+\]/);
  assert.match(out, /done: admitJob \(judge the input\), \d+(\.\d)? m?s \[/);
  assert.match(out, /stage qa/);
  assert.match(
    out,
    /FAILED: resolveQaDay.* \(no repetition cures it\): \[SSMD_NOT_FOUND\] .*, .*s \[/,
  );
  assert.match(out, /ended: FAILED: \[SSMD_NOT_FOUND\] .*run daily-archive for it first/);
  for (const line of out.trimEnd().split('\n')) {
    assert.match(
      line,
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}\S/,
      'one line a happening, each with its time',
    );
  }
  const { out: text } = await job(['logs', QA, '--json']);
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as StoryLine);
  const failed = lines.find(({ words }) => words.startsWith('FAILED'));
  assert.deepEqual([failed?.level, failed?.attempts], ['error', 1]);
});

test('it is found by how it ended, by feed and by day, and by no other', async () => {
  const has = (rows: JobRow[]): boolean => rows.some(({ id }) => id === QA);
  const wanted = ['--status', 'failed', '--feed', 'tiny', '--days', '1'];
  const feed = /expected one of .*received 'tiny'/;
  assert.match((await job(['list', ...wanted])).err, feed, 'a feed that no connector has');
  assert.ok(has(await listed(['--status', 'failed', '--days', '1'], has)));
  const [row] = await listed(['--status', 'failed'], has);
  assert.deepEqual([row?.feed, row?.day, row?.failure], ['tiny', '2026-11-21', 'SSMD_NOT_FOUND']);
  assert.ok(has(await listed(['--date', '2026-11-21'], has)));
  assert.ok(!has(await listed(['--date', '2026-11-20'], () => true)));
  assert.ok(has(await listed(['--start', '2026-11-19', '--end', '2026-11-21'], has)));
  assert.ok(!has(await listed(['--end', '2026-11-20'], () => true)));
  assert.ok(!has(await listed(['--status', 'running'], () => true)));
  const wrong = await job([
    'list',
    '--status',
    'faild',
    '--date',
    '20.11.',
    '--start',
    '2026-11-02',
  ]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /3 faults[^]*--status: is 'faild' \(did you mean "failed"\?\)/);
});

test('a name that nobody has is answered with names that are near', async () => {
  const { code, err } = await job(['logs', `qa/tny/${DAY}/latest`]);
  assert.equal(code, 2);
  assert.match(err, new RegExp(`no job "qa/tny/.*"; did you mean ${QA}\\?`));
  assert.match((await job(['status', DAY])).err, new RegExp(`did you mean ${QA}`));
});

test('watching a run that is over says how it ended, by its exit code too', async () => {
  const { code, out } = await job(['watch', QA]);
  assert.equal(code, 1);
  assert.match(out, /FAILED/);
  assert.ok(out.includes(`again:         npx ssmd job retry ${QA} --env dev`), out);
});

test('a run tried again has the input it had, with the day that it meant', async () => {
  await writeTinyDay(stores.deps.raw, { day: '2026-11-21' as Day, step_ns: STEP });
  await jobs.run('daily-archive', 'archive', { feed: 'tiny', day: '2026-11-21', qa: false });
  const { code, out, err } = await job(['retry', QA, '--json']);
  assert.equal(code, 0, err);
  const done = JSON.parse(out) as { run_id: string; how: string; words: string };
  assert.equal(done.how, 'started_again');
  assert.equal(done.words, 'with {"feed":"tiny","day":"2026-11-21"}');
  const report = (await jobs.client.workflow.getHandle(QA, done.run_id).result()) as QaReport;
  assert.equal(report.outcome, 'available');
  const again = await job(['retry', QA]);
  assert.equal(again.code, 2);
  assert.match(again.err, /completed: it did what it was started for/);
  assert.equal((await job(['watch', QA])).code, 0);
});

test('from its failure, a run goes on before the step that failed, and keeps what was done', async () => {
  const id = 'qa/tiny/2026-11-19/v1';
  await start('daily-qa', id, { feed: 'tiny', day: '2026-11-19' });
  const handle = jobs.client.workflow.getHandle(id);
  await handle.result().catch(() => null);
  await writeTinyDay(stores.deps.raw, { day: '2026-11-19' as Day, step_ns: STEP });
  await jobs.run('daily-archive', 'archive-19', { feed: 'tiny', day: '2026-11-19', qa: false });
  const { code, out, err } = await job(['retry', id, '--from-failure']);
  assert.equal(code, 0, err);
  assert.match(out, /goes on from before resolveQaDay; what was done before that stays done/);
  const report = (await handle.result()) as QaReport;
  assert.equal(report.outcome, 'available');
  const story = await job(['logs', id]);
  assert.match(story.out, /goes on anew from here/);
  assert.equal(story.out.match(/done: admitJob/g)?.length, 1, 'the first step was not done again');
});

test('a run that waits for a store says so while it waits, and tells of it afterwards', async () => {
  away = 2;
  const id = 'qa/tiny/waits';
  await start('daily-qa', id, { feed: 'tiny', day: '2026-11-21' });
  const { code, err } = await job(['watch', id]);
  assert.equal(code, 0, err);
  const { out } = await job(['logs', id]);
  const words =
    /resolveQaDay \(.*\) failed (once|twice|2 times) in .*: \[SSMD_UNAVAILABLE\] connect ECONNREFUSED/;
  assert.match(out, words);
  const line = out.split('\n').find((it) => it.includes('done: resolveQaDay'));
  assert.ok(line !== undefined);
});

test('a run is called off in order, and what happens then is said', async () => {
  const [reached, released] = [0, 0].map(() => Promise.withResolvers<undefined>());
  assert.ok(reached !== undefined && released !== undefined);
  hangs = { reached, released };
  const id = 'qa/tiny/called-off';
  await start('daily-qa', id, { feed: 'tiny', day: '2026-11-21' });
  await reached.promise;
  const later = 'qa/tiny/refused-later';
  await start('daily-qa', later, { feed: 'nobody' });
  await assert.rejects(jobs.client.workflow.getHandle(later).result());
  const rows = await listed([], (it) => it.some((row) => row.id === later && row.closed !== null));
  assert.deepEqual(
    rows.slice(0, 2).map((row) => row.id),
    [id, later],
    'what runs comes first, though another one began later',
  );
  const still = await job(['retry', id]);
  assert.equal(still.code, 2);
  assert.match(still.err, /still runs: nothing to try again/);
  const followed = job(['logs', id, '--follow']);
  const { code, out, err } = await job(['cancel', id, '--reason', 'wrong day', '--wait']);
  hangs = null;
  released.resolve(undefined);
  assert.equal(code, 0, `${err}: what was asked for is done`);
  assert.match(out, /asked to cancel: the checks stop/);
  assert.match(out, /CANCELLED/);
  const story = (await followed).out;
  assert.match(story, /asked to cancel: wrong day \[\S+@\S+\]/);
  assert.match(story.trimEnd().split('\n').at(-1) ?? '', /ended: cancelled/);
  assert.equal((await job(['watch', id])).code, 130, 'to whoever only looks it did not go well');
  const over = await job(['cancel', id]);
  assert.equal(over.code, 2);
  assert.match(over.err, /is over already \(CANCELLED\)/);
});

test('a watch says that the server is away, and that it is back, and goes on', async () => {
  const [reached, released] = [0, 0].map(() => Promise.withResolvers<undefined>());
  assert.ok(reached !== undefined && released !== undefined);
  hangs = { reached, released };
  const id = 'qa/tiny/server-away';
  await start('daily-qa', id, { feed: 'tiny', day: '2026-11-21' });
  await reached.promise;
  const words = { began: 'version', away: 'Temporal does not answer', back: 'Temporal answers' };
  const heard = Object.entries(words).map(([, it]) => ({ it, ...Promise.withResolvers<void>() }));
  const [began, away_said, back_said] = heard;
  let err = '';
  const watched = job(['watch', id], {
    heard: (text) => {
      err += text;
      for (const { it, resolve } of heard) if (err.includes(it)) resolve();
    },
  });
  await began?.promise;
  await servers.temporal.kill();
  await away_said?.promise;
  await servers.temporal.restart();
  await back_said?.promise;
  hangs = null;
  released.resolve(undefined);
  const { code } = await watched;
  assert.equal(code, 0, err);
  assert.equal(err.match(/does not answer/g)?.length, 1, 'said once');
});
