/**
 * The scenario of a zombie: a worker is frozen in the midst of a put, given up, and its work done
 * elsewhere, with other RAW, to the end. Then its put arrives, and it wakes.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { auditDay } from '../../activities/audit-day.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import {
  canonicalObjectKey,
  manifestKey,
  parseObjectKey,
  parseRawSegmentKey,
} from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { sha256 } from '../../storage/zstd.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { bundleWorkflows } from '../../workers/worker.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { archiveDay } from './archive-run.ts';
import { until } from './until.ts';
import { startStoreProxy } from './contract-processes-store.ts';
import type { StoreProxy } from './contract-processes-store.ts';
import { QUIET } from './contract-processes-worker.ts';
import type { WorkerChildOptions } from './contract-processes-worker.ts';
import { manifestOf, plainOf } from './e2e.ts';
import { memoryJobs } from './memory-jobs.ts';
import { openS3Jobs } from './s3-jobs.ts';
import type { TestServers } from './servers.ts';
import { writeTinyDay } from './tiny-day.ts';

const PROGRAM = new URL('./contract-processes-worker.ts', import.meta.url).pathname;
const DAY = '2026-11-20' as Day;
const NOW = '2026-11-24T06:00:00Z';
const of = { feed: 'tiny', day: DAY, version: 'v1' } as const;

export type ZombieOptions = {
  readonly servers: TestServers;
  /** Of queue and buckets. */
  readonly name: string;
  /** Key of the put in which it is frozen. */
  readonly freezes_at: RegExp;
};

export type ZombieReport = {
  /** Keys that came into the bucket after the day was committed. */
  readonly late: readonly string[];
  readonly held: readonly string[];
};

/** Freezes a worker at a put, lets another one commit the day, and the put arrive afterwards. */
export async function zombiePut(options: ZombieOptions): Promise<ZombieReport> {
  const { servers, name, freezes_at } = options;
  const { address } = servers.temporal;
  const s3 = s3Of(servers);
  const buckets = { raw: `${name}-raw`, normalized: `${name}-normalized` };
  await using raw = createS3ObjectStore({ ...s3, bucket: buckets.raw });
  await using normalized = createS3ObjectStore({ ...s3, bucket: buckets.normalized });
  for (const bucket of [raw, normalized]) await bucket.ensureBucket();
  const deps = memoryJobs(NOW, { raw, normalized });
  await writeTinyDay(deps.raw, {
    ...{ day: DAY, step_ns: 20n * NS_PER_MINUTE, end: 'shutdown' },
    start_at: dayStart(DAY) + 11n * NS_PER_HOUR,
    stop_at: dayStart(DAY) + 15n * NS_PER_HOUR,
  });
  const late = await withhold(deps.raw);
  await using proxy = await startStoreProxy(servers.s3.endpoint, (key) =>
    freezes_at.test(key) ? 'hold' : 'pass',
  );
  await using queue = await openQueue(address, name);
  const shared = { address, queue: name, now: NOW, ...buckets };
  const zombie = await startWorker({
    ...{ ...shared, version: '0.0.0-old' },
    s3: { ...s3, endpoint: proxy.endpoint },
  });
  const done = queue.client.workflow.execute('daily-archive', {
    ...{ taskQueue: name, workflowId: `${name}-day` },
    args: [{ feed: of.feed, day: DAY, qa: false }],
  }) as Promise<DailyArchiveReport>;
  done.catch(() => undefined);
  await until('its put is under way', () => proxy.held.length > 0);
  zombie.kill('SIGSTOP');
  await deps.raw.put(late.key, late.body);
  const other = await startWorker({ ...shared, version: '0.0.1', s3 });
  assert.equal((await done).outcome, 'committed');

  const before = await contentOf(deps.normalized);
  const manifest = await manifestOf(deps, of);
  const causes = manifest.gaps.map(({ cause }) => cause);
  assert.deepEqual(causes, ['before_first_take', 'epoch_ended'], 'with what came meanwhile');
  await wake(zombie, proxy);
  await end(other);
  assertNothingChanged(before, await contentOf(deps.normalized), manifest);
  assert.deepEqual(await manifestOf(deps, of), manifest);
  await assertStillVerifies(deps, servers);
  const after = [...(await contentOf(deps.normalized)).keys()];
  return { late: after.filter((key) => !before.has(key)), held: proxy.held };
}

/** Takes a raw segment out of the day: a host that has not returned yet. */
async function withhold(raw: ObjectStore): Promise<{ key: string; body: Uint8Array }> {
  for await (const { key } of raw.list(`raw/${of.feed}/2026/11/20/13`)) {
    const stored = parseRawSegmentKey(key) === null ? null : await raw.get(key);
    if (stored === null) continue;
    await raw.delete(key);
    return { key, body: stored.body };
  }
  return assert.fail('no segment of that hour');
}

/** Lets the zombie's put through, then the zombie: it does what it still can, and ends when asked. */
async function wake(zombie: ChildProcess, proxy: StoreProxy): Promise<void> {
  await proxy.release();
  zombie.kill('SIGCONT');
  const [key = ''] = proxy.held;
  await until('the store has answered it', () => (proxy.answers.get(key) ?? []).length > 0);
  assert.equal(proxy.answers.get(key)?.[0], 412, 'something was there');
  await end(zombie);
}

/** Every object that the manifest names, and the manifest, are the same to the byte. */
function assertNothingChanged(
  before: ReadonlyMap<string, Uint8Array>,
  after: ReadonlyMap<string, Uint8Array>,
  manifest: Manifest,
): void {
  const named = [...manifest.objects.map(({ key }) => key), manifestKey(of)];
  for (const key of named) {
    const [one, other] = [before.get(key), after.get(key)];
    assert.ok(one !== undefined && other !== undefined, `${key} is there`);
    assert.ok(Buffer.compare(one, other) === 0, `${key} was replaced`);
  }
  for (const key of after.keys()) {
    if (before.has(key) || parseObjectKey(key) === null) continue;
    assert.ok(!named.includes(key), `${key} came late and is named`);
  }
}

/** The day is what a rebuild elsewhere gives; an audit finds nothing; doing it again changes nothing. */
async function assertStillVerifies(deps: JobDeps, servers: TestServers): Promise<void> {
  const context = plainContext();
  const audit = await auditDay(deps, { ...resolveDay(deps, of), version: null }, context);
  assert.deepEqual(audit.findings, []);
  await using elsewhere = await openS3Jobs(servers.s3, NOW, { raw: deps.raw });
  const rebuilt = memoryJobs(NOW, { ...elsewhere.deps, raw: deps.raw });
  await archiveDay(rebuilt, of);
  assert.deepEqual(await plainOfAll(deps), await plainOfAll(rebuilt));
  assert.equal((await archiveDay(deps, of)).committed.outcome, 'already_committed');
}

/** sha256 of the plain bytes of every object of the day, by what it is of, and the day's identity. */
async function plainOfAll(deps: JobDeps): Promise<ReadonlyMap<string, string>> {
  const { objects, content_id } = await manifestOf(deps, of);
  const plain = new Map([['content', content_id]]);
  for (const { key } of objects) {
    plain.set(canonicalObjectKey(key), sha256(await plainOf(deps, key)));
  }
  return plain;
}

async function contentOf(store: ObjectStore): Promise<ReadonlyMap<string, Uint8Array>> {
  const content = new Map<string, Uint8Array>();
  for await (const { key } of store.list('normalized/')) {
    content.set(key, (await store.get(key))?.body ?? new Uint8Array(0));
  }
  return content;
}

function s3Of({ s3 }: TestServers): WorkerChildOptions['s3'] {
  const { endpoint, region, accessKey, secretKey } = s3;
  return { endpoint, region, access_key_id: accessKey, secret_access_key: secretKey };
}

/** Made once, also where several ask at once. */
function bundled(): ReturnType<typeof bundleWorkflows> {
  if (bundle === null) {
    Runtime.install({
      ...{ shutdownSignals: [], logger: new DefaultLogger('ERROR') },
      telemetryOptions: { logging: QUIET },
    });
    bundle = bundleWorkflows();
  }
  return bundle;
}
let bundle: ReturnType<typeof bundleWorkflows> | null = null;

/** A worker of the workflows of one queue, and a client. */
async function openQueue(
  address: string,
  queue: string,
): Promise<AsyncDisposable & { readonly client: Client }> {
  const workflowBundle = await bundled();
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    ...{ connection: native, taskQueue: queue, workflowBundle },
    stickyQueueScheduleToStartTimeout: '1 second',
  });
  const running = worker.run();
  return {
    client: new Client({ connection }),
    async [Symbol.asyncDispose]() {
      worker.shutdown();
      await running;
      await connection.close();
      await native.close();
    },
  };
}

async function startWorker(options: WorkerChildOptions): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
