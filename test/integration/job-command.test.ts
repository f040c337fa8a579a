/** `ssmd job` on a real Temporal server, whose tasks this test answers by hand: what came of a run, and why one waits. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { follow } from '../../cli/follow.ts';
import type { JobRow, JobStatus } from '../../cli/job-runs.ts';
import { createOutput } from '../../cli/output.ts';
import { ssmd } from '../support/command-line.ts';
import type { TestServers } from '../support/servers.ts';
import { startTestServers } from '../support/servers.ts';
import { seen } from '../support/until.ts';

let servers: TestServers;
let connection: Connection;
let client: Client;

before(async () => {
  servers = await startTestServers({ temporal: true });
  connection = await Connection.connect({ address: servers.temporal.address });
  client = new Client({ connection });
});
after(async () => {
  await connection.close();
  await servers[Symbol.asyncDispose]();
});

async function job<T>(...args: readonly string[]): Promise<T> {
  const env = { TEMPORAL_ADDRESS: servers.temporal.address };
  const { code, out, err } = await ssmd(['job', ...args, '--env', 'dev', '--json'], {
    ...{ root: servers.dir, env },
  });
  assert.equal(code, 0, `${out}${err}`);
  return JSON.parse(out) as T;
}

const status = (id: string): Promise<JobStatus> => job<JobStatus>('status', id);

async function start(type: string, id: string, input: object, queue = 'ssmd'): Promise<void> {
  await client.workflow.start(type, { taskQueue: queue, workflowId: id, args: [input] });
}

/** Takes the next workflow task of the queue, as a worker does. */
async function takeTask(): Promise<Uint8Array> {
  const { taskToken } = await connection.withDeadline(Date.now() + 20_000, () =>
    connection.workflowService.pollWorkflowTaskQueue({
      namespace: 'default',
      taskQueue: { name: 'ssmd' },
      identity: 'test',
    }),
  );
  assert.ok(taskToken instanceof Uint8Array && taskToken.length > 0);
  return taskToken;
}

test('a run that nobody takes says so, and what to do', async () => {
  await start('daily-archive', 'elsewhere', { feed: 'kraken' }, 'smd');
  assert.match(
    (await status('elsewhere')).stuck ?? '',
    /nobody polls its task queue "smd": .*"ssmd"/,
  );
  await start('daily-archive', 'alone', { feed: 'kraken' });
  assert.match(
    (await status('alone')).stuck ?? '',
    /no worker polls the task queue "ssmd"; start one/,
  );
  await client.workflow.getHandle('alone').terminate();
});

test('a run whose task fails again and again says why', async () => {
  await start('daily-archve', 'misspelt', { feed: 'kraken' });
  const message = "no such function is exported by the workflow bundle: 'daily-archve'";
  await connection.workflowService.respondWorkflowTaskFailed({
    taskToken: await takeTask(),
    failure: { message },
    namespace: 'default',
    identity: 'test',
  });
  const { job: run, stuck } = await status('misspelt');
  assert.equal(run.status, 'RUNNING');
  assert.match(stuck ?? '', /cannot go on .* no such function .*'daily-archve'/);
  await client.workflow.getHandle('misspelt').terminate();
});

test('the list says what failed and of which day, whatever the run filed itself under', async () => {
  await start('daily-archive', 'failed', { feed: 'kraken', day: '2026-11-20' });
  const FAIL_WORKFLOW = 5;
  const failure = {
    message: 'raw changed after the commit',
    applicationFailureInfo: { type: 'SSMD_LATE_RAW', nonRetryable: true },
  };
  await connection.workflowService.respondWorkflowTaskCompleted({
    taskToken: await takeTask(),
    commands: [{ commandType: FAIL_WORKFLOW, failWorkflowExecutionCommandAttributes: { failure } }],
    namespace: 'default',
    identity: 'test',
  });
  await client.workflow
    .getHandle('failed')
    .result()
    .catch(() => undefined);
  const listed = async (): Promise<JobRow[]> => job<JobRow[]>('list');
  // Visibility follows the history a moment later.
  const rows = await seen(listed, (found) =>
    found.some((it) => it.id === 'failed' && it.status === 'FAILED'),
  );
  const row = rows.find(({ id }) => id === 'failed');
  assert.deepEqual(
    [row?.feed, row?.day, row?.status, row?.outcome, row?.failure],
    ['kraken', '2026-11-20', 'FAILED', null, 'SSMD_LATE_RAW'],
  );
  const ids = rows.map(({ id }) => id);
  assert.ok(ids.includes('misspelt'), 'an unknown type on our queue is listed');
  assert.ok(ids.includes('elsewhere'), 'a job on another queue is listed');
  const found = await status('failed');
  assert.equal(found.failure, 'raw changed after the commit');
  const { code, err } = await ssmd(['job', 'status', 'nothing', '--env', 'dev'], {
    ...{ root: servers.dir, env: { TEMPORAL_ADDRESS: servers.temporal.address } },
  });
  assert.equal(code, 2);
  assert.match(err, /no job "nothing"/);
});

test('who stops following asks the server nothing any more', async () => {
  await start('daily-archive', 'followed', { feed: 'kraken' });
  const asked = await Connection.connect({ address: servers.temporal.address });
  const own = new Client({ connection: asked });
  const handle = own.workflow.getHandle<() => Promise<string>>('followed');
  let held: Promise<unknown> = Promise.resolve('not asked');
  const result = handle.result.bind(handle);
  handle.result = () => (held = result());
  const stdio = { write: () => true };
  const context = {
    ...{ root: servers.dir, env: {}, interrupted: new AbortController().signal },
    output: createOutput({ stdout: stdio, stderr: stdio, env: {} }),
  };
  const show = (): Promise<boolean> => Promise.resolve(true);
  const or = Promise.resolve('decided');
  assert.equal(await follow({ client: own, handle, show, or }, context), 'decided');
  // The server would hold the question for twenty seconds, and with it the end of the command.
  const gaveUp = (error: Error): boolean => /CANCELLED/.test(String(error.cause));
  await assert.rejects(Promise.race([held, delay(5_000, 'held')]), gaveUp);
  await asked.close();
  await client.workflow.getHandle('followed').terminate();
});
