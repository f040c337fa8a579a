/**
 * Workers stopped in order in the middle of their work (SIGTERM, as a deploy does): what runs has ten
 * seconds, the processes of parts are ended at once, and another worker goes on. Nothing is put twice. How
 * replays are handed on is in `replay-workflow`.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { parseObjectKey } from '../../dataset/keys.ts';
import { readManifest } from '../../activities/datasets.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import type { Day } from '../../schema/time.ts';
import { openStores } from '../../workers/adapters.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { testEnvironment } from '../support/connector-process.ts';
import { FOUR_MARKETS, importInto } from '../support/reprocess-stage.ts';
import { startTestServers } from '../support/servers.ts';
import { startWorkerProcess } from '../support/worker-kills.ts';
import type { WorkerProcess } from '../support/worker-kills.ts';

const skip = skipWithoutCaptures;
const DAY = '2021-07-22' as Day;
const { feed } = FOUR_MARKETS;
const OBJECT = /^PUT \/test-normalized\/\S*\.capnp\.zst\b/;
const GRACE_MS = 10_000;
const FORCE_MS = 25_000;
/** Between its last step and its end, on a machine that has much to do. */
const LEEWAY_MS = 10_000;

const stage = skip === false ? await openStage() : null;
after(() => stage?.[Symbol.asyncDispose]());

async function openStage() {
  const servers = await startTestServers({ nats: true, s3: true, temporal: true });
  const { nats, s3, temporal } = servers;
  const variables = {
    ...stackVariables({ nats, s3, temporal: null }),
    TEMPORAL_ADDRESS: temporal.address,
  };
  const environment = testEnvironment();
  const stores = await openStores(environment, endpointsOf(environment, variables));
  await importInto(stores.raw, FOUR_MARKETS);
  const connection = await Connection.connect({ address: temporal.address });
  const living = new Set<WorkerProcess>();
  let put = Promise.withResolvers<undefined>();
  return {
    client: new Client({ connection }),
    normalized: stores.normalized,
    /** Resolves when the next object is put. */
    firstPut(): Promise<unknown> {
      put = Promise.withResolvers<undefined>();
      return put.promise;
    },
    /** Starts a worker; where it `holds`, no object is ever put by it. */
    async worker({ holds }: { readonly holds: boolean }): Promise<WorkerProcess> {
      const started = await startWorkerProcess(variables, s3.port, (_, request, side) => {
        if (side === 'answered' || !OBJECT.test(request)) return false;
        put.resolve(undefined);
        return holds;
      });
      living.add(started);
      return started;
    },
    async [Symbol.asyncDispose]() {
      for (const { child, gate } of living) {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
        await gate[Symbol.asyncDispose]();
      }
      await connection.close();
      await stores[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
    },
  };
}

/** Stops it in order; how long that took. */
async function stopped({ child }: WorkerProcess): Promise<number> {
  const from = performance.now();
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = (await gone) as [number | null];
  assert.equal(code, 0, 'it ended in order');
  return performance.now() - from;
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function contentOf(version: string): Promise<unknown> {
  const normalized = stage?.normalized ?? assert.fail();
  const manifest = await readManifest({ normalized }, { version, feed, day: DAY });
  assert.ok(manifest !== null, `${version} is committed`);
  const keys: string[] = [];
  for await (const { key } of normalized.list(`normalized/${version}/${feed}/`)) {
    if (parseObjectKey(key) !== null) keys.push(key);
  }
  assert.deepEqual(keys.sort(), manifest.objects.map(({ key }) => key).sort(), 'nothing is twice');
  return manifest.objects.map(({ plain_sha256, records }) => [plain_sha256, records]);
}

/** Starts a job, and returns once it puts its first object. */
async function building(type: string, id: string, input: object): Promise<WorkflowHandle> {
  const { client, firstPut } = stage ?? assert.fail();
  const reached = firstPut();
  const options = { taskQueue: 'ssmd', workflowId: id, args: [{ feed, day: DAY, ...input }] };
  const handle = await client.workflow.start(type, options);
  await reached;
  return handle;
}

test('stopped in the middle, each leaves its work to the next', { skip }, async (t) => {
  if (stage === null) return;
  const first = await stage.worker({ holds: true });
  const archived = await building('daily-archive', 'archived', { qa: false, force: true });
  const ms = await stopped(first);
  t.diagnostic(`a worker with a step that does not end: stopped in ${Math.round(ms)} ms`);
  assert.ok(ms > GRACE_MS - 1_000 && ms < FORCE_MS + LEEWAY_MS, `${ms} ms`);

  const second = await stage.worker({ holds: false });
  const began = performance.now();
  const done = (await archived.result()) as DailyArchiveReport;
  t.diagnostic(`the next ended the day in ${Math.round(performance.now() - began)} ms`);
  assert.equal(done.outcome, 'committed');
  const content = await contentOf(done.version);

  const input = { version: 'v2', parts: 2, promote: 'never' };
  const rebuilt = await building('reprocess', 'rebuilt', input);
  const children = childrenOf(second.child.pid ?? 0);
  assert.ok(children.length > 0, 'a part is a process');
  const parts_ms = await stopped(second);
  t.diagnostic(`a worker with processes of parts: stopped in ${Math.round(parts_ms)} ms`);
  assert.ok(parts_ms < FORCE_MS + LEEWAY_MS, `${parts_ms} ms`);
  assert.deepEqual(children.filter(isAlive), [], 'none of them outlives it');

  const third = await stage.worker({ holds: false });
  const report = (await rebuilt.result()) as ReprocessReport;
  assert.equal(report.days.verdicts.identical, 1, JSON.stringify(report.days));
  assert.deepEqual(await contentOf('v2'), content);
  await stopped(third);
});
