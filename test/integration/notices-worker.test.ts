/** The worker as it is started: its pages, its alerts, its channels. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { qaResultsKey } from '../../dataset/keys.ts';
import { notifySettings, readAlerts } from '../../environments/alerts-file.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import { parseMetrics } from '../../notify/prometheus.ts';
import { addDays, dayOf, nsFromMs } from '../../schema/time.ts';
import { openStores } from '../../workers/adapters.ts';
import { announceStatus, listStatus } from '../../workers/status-files.ts';
import { startWorker } from '../../workers/worker.ts';
import { testEnvironment } from '../support/connector-process.ts';
import { seen } from '../support/until.ts';
import { projectRoot } from '../support/project.ts';
import { startTestServers } from '../support/servers.ts';

const RULES = `
alerts:
  - {name: connector-down, condition: ssmd_connector_up == 0, linear: {template: "Feed: {{ $labels.feed }}"}}
  - {name: data-quality-failure, condition: ssmd_qa_check_failed > 0}
`;

test('a dead connector, a failed check and a failed job come to the webhook', async () => {
  await using servers = await startTestServers({ temporal: true, s3: true, nats: true });
  const root = await mkdtemp(join(tmpdir(), 'ssmd-notices-worker-'));
  for (const name of ['package.json', 'qa', 'node_modules']) {
    await symlink(join(projectRoot, name), join(root, name));
  }
  const heard: string[] = [];
  const hook = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => (heard.push(text), response.end('ok')));
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const environment = testEnvironment();
  const { nats, s3, temporal } = servers;
  const variables = {
    ...stackVariables({ nats, s3, temporal: null }),
    TEMPORAL_ADDRESS: temporal.address,
    SSMD_WEBHOOK_URL: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/secret`,
  };
  const endpoints = endpointsOf(environment, variables);
  const place = { root, environment: environment.name };
  // A process that is gone, and a page nobody serves.
  await announceStatus(place, {
    url: 'http://127.0.0.1:1',
    feed: 'kraken',
    shard: 'tier1',
    pid: 2 ** 30,
  });
  await using stores = await openStores(environment, endpoints);
  const date = addDays(dayOf(nsFromMs(Date.now())), -1);
  const results = [
    { name: 'sequence', status: 'failed' },
    { name: 'range', status: 'passed' },
  ];
  const body = new TextEncoder().encode(JSON.stringify({ results }));
  await stores.normalized.put(qaResultsKey('kraken', date), body, {
    contentType: 'application/json',
  });
  const said: string[] = [];
  const worker = await startWorker({
    ...{ environment, endpoints, root, port: 0 },
    notify: notifySettings(readAlerts('a.yaml', RULES), variables),
    logger: pino({ level: 'info' }, { write: (line: string) => said.push(line) }),
  });
  const connection = await Connection.connect({ address: temporal.address });
  try {
    const down = await seen(() => heard.find((it) => it.includes('connector-down')), Boolean);
    assert.match(down ?? '', /Feed: kraken/);
    await seen(() => heard.find((it) => it.includes('check=sequence')), Boolean);
    const page = await fetch(new URL('/metrics', worker.status_url ?? ''));
    assert.deepEqual(
      parseMetrics(await page.text()).map(({ labels, value }) => [labels['check'], value]),
      [
        ['sequence', 1],
        ['range', 0],
      ],
    );
    const client = new Client({ connection });
    const args = [{ feed: 'kraken', day: '2020-01-02' }];
    const options = { taskQueue: 'ssmd', workflowId: 'no-such-day', args };
    await assert.rejects(client.workflow.execute('daily-archive', options));
    const failed = await seen(() => heard.find((it) => it.includes('no-such-day')), Boolean);
    assert.match(failed ?? '', /SSMD_NOT_FOUND.*npx ssmd job retry no-such-day/);
    assert.match(said.join(''), /"event":"notices\.channels","channels":\["webhook"\]/);
    assert.ok(!said.join('').includes('/secret'));
    // A connector of the same shard that starts again takes the place of the dead one.
    const back = await announceStatus(place, {
      url: 'http://127.0.0.1:2',
      feed: 'kraken',
      shard: 'tier1',
      pid: process.pid,
    });
    assert.deepEqual(
      (await listStatus(place)).map(({ url }) => url),
      ['http://127.0.0.1:2'],
    );
    await back();
    assert.deepEqual(await listStatus(place), []);
  } finally {
    await worker.stop();
    await connection.close();
    hook.closeAllConnections();
    hook.close();
    await rm(root, { recursive: true, force: true });
  }
});
