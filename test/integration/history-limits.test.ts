/**
 * Runs that grow: their histories stay within what the server puts up with, on a real one. A year's plan, a
 * backfill of weeks, and a notice that goes on as another run and forgets nothing. A year that is really
 * built is in the soak.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { addDays } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { BackfillReport } from '../../workflows/backfill.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { figureWords, figuresOf, holdFigures } from '../support/history-figures.ts';
import { longLife } from '../support/long-ranges.ts';
import { aNotice, openNoticeFile } from '../support/notices.ts';
import { startTestServers } from '../support/servers.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const feed = 'tiny';
const FIRST = '2025-11-01' as Day;
const YEAR = 365;
const WEEKS_DAYS = 21;
/** Far below the server's own, so that a notice comes to it soon. */
const GROWN_EVENTS = 60;
const TIMES = 40;

const servers = await startTestServers({
  temporal: true,
  temporal_limits: [`limit.historyCount.suggestContinueAsNew=${GROWN_EVENTS}`],
});
const file = await openNoticeFile();
const deps = await longLife(FIRST, YEAR);
const jobs = await startWorkflowJobs(servers.temporal.address, deps, [], null, {
  notifiers: [file.notifier],
  last_resort: file.notifier,
});
after(async () => {
  await jobs[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
});

test('the plan of a year is one short history', async (t) => {
  const input = { feed, from: FIRST, to: addDays(FIRST, YEAR - 1), version: 'v2', dry_run: true };
  const options = { taskQueue: 'ssmd', workflowId: 'year', args: [input] };
  const handle = await jobs.client.workflow.start('reprocess', options);
  const report = (await handle.result()) as ReprocessReport;
  assert.equal(report.plan?.days.length, YEAR);
  const figures = await figuresOf(jobs.client, 'year', handle.firstExecutionRunId);
  assert.equal(figures.length, 1);
  holdFigures(figures, 'year');
  t.diagnostic(`plan of ${YEAR} days: ${figureWords(figures)}`);
});

test('a backfill of weeks is a short history, and each of its days another', async (t) => {
  const input = { feed, from: FIRST, to: addDays(FIRST, WEEKS_DAYS - 1) };
  const options = { taskQueue: 'ssmd', workflowId: 'weeks', args: [input] };
  const handle = await jobs.client.workflow.start('backfill', options);
  const report = (await handle.result()) as BackfillReport;
  assert.deepEqual([report.outcome, report.counts], ['built', { built: WEEKS_DAYS }]);
  const figures = await figuresOf(jobs.client, 'weeks', handle.firstExecutionRunId);
  holdFigures(figures, 'weeks');
  const day = `weeks/${FIRST}`;
  const { runId } = await jobs.client.workflow.getHandle(day).describe();
  const of_day = await figuresOf(jobs.client, day, runId);
  holdFigures(of_day, day);
  t.diagnostic(`${WEEKS_DAYS} days: ${figureWords(figures)}; a day: ${figureWords(of_day)}`);
});

test('a notice that grew goes on as another run, and knows what it knew', async (t) => {
  const { fingerprint } = aNotice();
  const workflowId = `notice/${fingerprint}`;
  const tell = async (at: number): Promise<void> => {
    const told = { ...aNotice(), event: `failed ${at}` };
    const options = { taskQueue: 'ssmd', workflowId, args: [{ fingerprint }] };
    await jobs.client.workflow.signalWithStart('notice', {
      ...{ ...options, signal: 'told', signalArgs: [told] },
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  };
  const lines = async () => (await file.lines()).filter((line) => line.fingerprint === fingerprint);
  await tell(1);
  await seen(lines, ({ length }) => length === 1);
  const { runId: first_run } = await jobs.client.workflow.getHandle(workflowId).describe();
  for (let at = 2; at <= TIMES; at++) await tell(at);
  const grown = await seen(
    () => figuresOf(jobs.client, workflowId, first_run),
    // What the server says of a run may be of a moment before.
    ([first, ...others]) =>
      first?.status === 'CONTINUED_AS_NEW' && others.at(-1)?.status === 'RUNNING',
  );
  // What was told before is known by its name, and is told nobody again.
  for (const at of [TIMES, TIMES - 1]) await tell(at);
  await tell(TIMES + 1);
  await jobs.client.workflow.getHandle(workflowId).signal('well', {
    ...{ fingerprint, at: '2026-11-21T08:00:00Z', words: 'it went well.' },
  });
  const ended = await jobs.client.workflow.getHandle(workflowId).result();
  assert.deepEqual(ended, { outcome: 'over', count: 0 });
  const said = await lines();
  const over = said.at(-1);
  assert.equal(over?.event, 'over');
  assert.match(over.body, new RegExp(`It came up ${TIMES + 1} times`));
  const opened = said.filter(({ event }) => event === 'opened');
  assert.equal(opened.length, 1, 'one issue, whichever run told of it');
  assert.ok(said.length <= 12, `at most ten repeats a day, whichever run told: ${said.length}`);
  t.diagnostic(`${TIMES} times told: ${figureWords(grown)}`);
});
