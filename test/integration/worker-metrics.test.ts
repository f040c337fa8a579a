/** What a worker shows of itself: metrics on loopback, and a log whose lines name run and attempt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { endpointsOf } from '../../environments/endpoints.ts';
import { freePort } from '../../stack/ports.ts';
import { startWorker } from '../../workers/worker.ts';
import { testEnvironment } from '../support/connector-process.ts';
import { projectRoot } from '../support/project.ts';
import { startTestServers } from '../support/servers.ts';

test('a worker has metrics, and a line for each attempt of a step', async () => {
  await using servers = await startTestServers({ temporal: true });
  const environment = testEnvironment();
  const { address } = servers.temporal;
  const unused = { SSMD_S3_ENDPOINT: 'http://127.0.0.1:1', SSMD_NATS_URL: 'nats://127.0.0.1:1' };
  const keys = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' };
  const endpoints = endpointsOf(environment, { TEMPORAL_ADDRESS: address, ...unused, ...keys });
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void =>
    void lines.push(JSON.parse(line) as Record<string, unknown>);
  const metrics_port = await freePort();
  const logger = pino({}, { write });
  const options = { environment, endpoints, root: projectRoot, logger, metrics_port };
  const worker = await startWorker(options);
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const run = { taskQueue: 'ssmd', workflowId: 'judged', args: [{ feed: 'nobody' }] };
  await assert.rejects(client.workflow.execute('daily-qa', run));
  const page = await (await fetch(`http://127.0.0.1:${metrics_port}/metrics`)).text();
  assert.match(page, /^temporal_activity_execution_latency_seconds_count\{.*admitJob/m);
  assert.match(page, /^temporal_worker_task_slots_available\{/m);
  const done = lines.find((line) => line['event'] === 'step.done');
  assert.deepEqual(
    [done?.['activity'], done?.['workflow_id'], done?.['attempt']],
    ['admitJob', 'judged', 1],
  );
  assert.match(String(done?.['run_id']), /^[0-9a-f-]{36}$/);
  await worker.stop();
  await connection.close();
});
