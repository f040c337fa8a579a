/**
 * Ranges of a year, really built: each run of them stays far within what the server puts up with.
 * `SSMD_SOAK_RANGE_DAYS` says how many days (default 365).
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { addDays } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { BackfillReport } from '../../workflows/backfill.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { figureWords, figuresOf, holdFigures } from '../support/history-figures.ts';
import type { RunFigures } from '../support/history-figures.ts';
import { longLife } from '../support/long-ranges.ts';
import { startTestServers } from '../support/servers.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';

const feed = 'tiny';
const FIRST = '2025-11-01' as Day;
const DAYS = Number(process.env['SSMD_SOAK_RANGE_DAYS'] ?? '365');

const servers = await startTestServers({ temporal: true });
after(() => servers[Symbol.asyncDispose]());
const deps = await longLife(FIRST, DAYS);
const jobs = await startWorkflowJobs(servers.temporal.address, deps, []);
after(() => jobs[Symbol.asyncDispose]());

/** Runs a job over all days; its report, and the figures of each of its runs and of one day. */
async function over<T>(type: string, input: object): Promise<{ report: T; runs: RunFigures[] }> {
  const from = performance.now();
  const range = { feed, from: FIRST, to: addDays(FIRST, DAYS - 1) };
  const handle = await jobs.client.workflow.start(type, {
    ...{ taskQueue: 'ssmd', workflowId: type, args: [{ ...range, ...input }] },
  });
  const report = (await handle.result()) as T;
  const runs = await figuresOf(jobs.client, type, handle.firstExecutionRunId);
  const day = jobs.client.workflow.getHandle(`${type}/${FIRST}`);
  const of_day = await figuresOf(jobs.client, day.workflowId, (await day.describe()).runId);
  holdFigures([...runs, ...of_day], type);
  const seconds = Math.round((performance.now() - from) / 1_000);
  console.log(`# ${type} of ${DAYS} days, ${seconds} s: ${figureWords(runs)}`);
  console.log(`# a day of it: ${figureWords(of_day)}`);
  return { report, runs };
}

test(`a backfill of ${DAYS} days`, async () => {
  const { report, runs } = await over<BackfillReport>('backfill', {});
  assert.deepEqual(report.counts, { built: DAYS });
  assert.equal(runs.length, Math.ceil(DAYS / 100));
});

test(`a reprocess of ${DAYS} days`, async () => {
  const input = { version: 'v2', promote: 'auto', concurrency: 8 };
  const { report, runs } = await over<ReprocessReport>('reprocess', input);
  assert.deepEqual([report.outcome, report.days.built], ['promoted', DAYS]);
  assert.equal(report.days.verdicts.identical, DAYS);
  assert.equal(runs.length, Math.ceil(DAYS / 100));
});
