/**
 * Production workers as processes, killed without warning while they archive a day: at named moments of
 * what they ask of the store, and at any time of the run. Two of them poll: when one is gone the other goes
 * on, and a new one takes its place.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { listCleanup } from '../../activities/cleanup.ts';
import { readManifest } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { VERSION_PREFIX, currentKey, manifestKey, parseManifestKey } from '../../dataset/keys.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import type { Day } from '../../schema/time.ts';
import { nsFromMs } from '../../schema/time.ts';
import { openBus, openStores } from '../../workers/adapters.ts';
import type { Stores } from '../../workers/adapters.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { testEnvironment } from './connector-process.ts';
import { memoryJobs } from './memory-jobs.ts';
import { projectRoot } from './project.ts';
import { FOUR_MARKETS, importInto } from './reprocess-stage.ts';
import { startTestServers } from './servers.ts';
import { openStoreGate } from './store-gate.ts';
import type { Side, StoreGate } from './store-gate.ts';

const FEED = FOUR_MARKETS.feed;
const DAY = '2021-07-22' as Day;
const WORKERS = 2;
/** A store some way off: an archive takes seconds, and there are moments between its requests. */
const STORE_DELAY_MS = 15;
/** Long after what nothing refers to may be taken away. */
const LONG_AFTER_MS = 400 * 86_400_000;

/** When a worker is killed. */
export type KillPoint =
  | { readonly name: string; readonly after_ms: number }
  | {
      readonly name: string;
      readonly side: Side;
      /** Of requests as `store-gate.ts` says them. */
      readonly request: RegExp;
      /** Which of them, from 1. */
      readonly nth: number;
    };

const OBJECT = /^PUT \/test-normalized\/\S*\.capnp\.zst\b/;
const MANIFEST = /^PUT \/test-normalized\/normalized\/\S*\/_manifests\//;

/** Each kind of moment an archive has. */
export const MOMENTS: readonly KillPoint[] = [
  { name: 'its first step began', side: 'asked', request: /^GET \/test-raw/, nth: 1 },
  { name: 'a segment of RAW was read', side: 'answered', request: /^GET \/test-raw\/raw/, nth: 2 },
  { name: 'before the first part is up', side: 'asked', request: OBJECT, nth: 1 },
  { name: 'a part was uploaded', side: 'answered', request: OBJECT, nth: 1 },
  { name: 'a later part was uploaded', side: 'answered', request: OBJECT, nth: 7 },
  {
    name: 'before a window is laid down',
    side: 'asked',
    request: /^PUT \/test-normalized\/\S*_staging/,
    nth: 1,
  },
  {
    name: 'a part is verified',
    side: 'asked',
    request: /^GET \/test-normalized\/\S*\.capnp\.zst\b/,
    nth: 3,
  },
  { name: 'before the commit', side: 'asked', request: MANIFEST, nth: 1 },
  { name: 'after the commit, unheard', side: 'answered', request: MANIFEST, nth: 1 },
  {
    name: 'before the pointer is moved',
    side: 'asked',
    request: /^PUT \/test-normalized\/normalized\/_current/,
    nth: 1,
  },
];

export type Killed = {
  /** The run had not ended by then. */
  readonly interrupted: boolean;
  readonly report: DailyArchiveReport;
  /** Keys with a manifest, whatever its version. */
  readonly manifests: readonly string[];
  /** What the manifest names: keys and hashes. */
  readonly objects: readonly string[];
  /** Objects and records nothing refers to, which no cleanup would find. */
  readonly strays: readonly string[];
  /** The same, which one would. */
  readonly left: readonly string[];
};

export type KillStage = AsyncDisposable & {
  /** Archives with nobody killed: what it comes to, and how long it takes. */
  readonly undisturbed: () => Promise<{ readonly done: Killed; readonly ms: number }>;
  /** Archives the same day from nothing, and kills whoever works on it at that moment. */
  readonly killAt: (point: KillPoint) => Promise<Killed>;
};

type Watching = (worker: WorkerProcess, request: string, side: Side) => boolean;
/** A production worker whose store is behind a gate of its own. */
export type WorkerProcess = { readonly child: ChildProcess; readonly gate: StoreGate };

/** Of the first run, which has more to begin with than those after it. */
const OF_FIRST_RUN = 0.7;

/** So many times within a run of `ms`, by a seed. */
export function anyTimes(seed: number, count: number, ms: number): KillPoint[] {
  const random = new Random(seed, 'kills');
  return Array.from({ length: count }, () => {
    const after_ms = Math.round(random.unit() * ms);
    return { name: `${after_ms} ms after it was started`, after_ms };
  });
}

/** Kills at each point: one manifest, the content of the undisturbed, nothing lost. Tells what it did. */
export async function holdKilled(
  stage: KillStage,
  pointsOf: (ms: number) => readonly KillPoint[],
  say: (words: string) => void,
): Promise<void> {
  const { done, ms } = await stage.undisturbed();
  say(`undisturbed: ${Math.round(ms)} ms, ${done.report.objects} objects`);
  assert.equal(done.report.outcome, 'committed');
  assert.equal(done.manifests.length, 1);
  let interrupted = 0;
  for (const point of pointsOf(ms * OF_FIRST_RUN)) {
    const { name } = point;
    const killed = await stage.killAt(point);
    say(`${killed.interrupted ? 'killed' : 'too late'}: ${name}`);
    if ('side' in point) assert.ok(killed.interrupted, `${name}: the moment never came`);
    interrupted += killed.interrupted ? 1 : 0;
    assert.equal(killed.report.content_id, done.report.content_id, name);
    assert.deepEqual(killed.manifests, done.manifests, name);
    assert.deepEqual(killed.strays, [], name);
    // What stood was found again: nothing of it was built a second time under another key.
    assert.deepEqual(killed.objects, done.objects, name);
    assert.deepEqual(killed.left, done.left, name);
  }
  say(`${interrupted} kills of a run at work, each time one manifest of the same content`);
}

/** Servers, a recording in RAW, and the workers. */
export async function openKillStage(): Promise<KillStage> {
  const servers = await startTestServers({ nats: true, s3: true, temporal: true });
  const { nats, s3, temporal } = servers;
  const variables = {
    ...stackVariables({ nats, s3, temporal: null }),
    TEMPORAL_ADDRESS: temporal.address,
  };
  const environment = testEnvironment();
  const endpoints = endpointsOf(environment, variables);
  const stores = await openStores(environment, endpoints);
  // Makes the stream that the workers look into first.
  await using _ = await openBus(environment, endpoints, { name: 'kills', wait: false });
  await importInto(stores.raw, FOUR_MARKETS);
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  let watching: Watching = () => false;
  const begin = (): Promise<WorkerProcess> =>
    startWorkerProcess(variables, s3.port, (...of) => watching(...of));
  const workers = new Set(await Promise.all(Array.from({ length: WORKERS }, begin)));
  let runs = 0;

  async function archive(point: KillPoint | null): Promise<Killed> {
    await wiped(stores.normalized);
    let last: WorkerProcess | null = null;
    let seen = 0;
    const reached = Promise.withResolvers<undefined>();
    watching = (worker, request, side) => {
      last = worker;
      if (point === null || !('side' in point)) return false;
      const hit = side === point.side && point.request.test(request) && ++seen === point.nth;
      if (hit) reached.resolve(undefined);
      return hit;
    };
    const handle = await client.workflow.start('daily-archive', {
      ...{ taskQueue: 'ssmd', workflowId: `killed-${++runs}` },
      args: [{ feed: FEED, day: DAY, qa: false, force: true }],
    });
    let interrupted = false;
    let next: Promise<WorkerProcess> | null = null;
    if (point !== null) {
      const timer =
        'after_ms' in point ? setTimeout(() => reached.resolve(undefined), point.after_ms) : null;
      const ended = handle.result().then(() => undefined);
      await Promise.race([reached.promise, 'side' in point ? ended : reached.promise]);
      if (timer !== null) clearTimeout(timer);
      interrupted = (await handle.describe()).status.name === 'RUNNING';
      const victim = last ?? [...workers][0] ?? assert.fail('there is a worker');
      workers.delete(victim);
      await killed(victim);
      next = begin();
    }
    const report = (await handle.result()) as DailyArchiveReport;
    if (next !== null) workers.add(await next);
    return { interrupted, report, ...(await leftBy(stores, report.version)) };
  }

  return {
    async undisturbed() {
      const from = performance.now();
      const done = await archive(null);
      return { done, ms: performance.now() - from };
    },
    killAt: archive,
    async [Symbol.asyncDispose]() {
      await Promise.all([...workers].map(killed));
      await connection.close();
      await stores[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
    },
  };
}

/** Starts a worker as a process; returns once it polls. */
export async function startWorkerProcess(
  variables: Readonly<Record<string, string>>,
  store_port: number,
  watching: Watching,
): Promise<WorkerProcess> {
  const gate = await openStoreGate(store_port, STORE_DELAY_MS, (request, side) =>
    watching(started, request, side),
  );
  const own = { ...variables, SSMD_S3_ENDPOINT: `http://127.0.0.1:${gate.port}` };
  const program = join(projectRoot, 'test/support/worker-process.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(own)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const started = { child, gate };
  const gone = once(child, 'exit').then(() => assert.fail('a worker did not start'));
  await Promise.race([once(child.stdout, 'data'), gone]);
  gone.catch(() => undefined);
  return started;
}

async function killed({ child, gate }: WorkerProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  await gate[Symbol.asyncDispose]();
}

async function wiped(normalized: Stores['normalized']): Promise<void> {
  for await (const { key } of normalized.list('')) await normalized.delete(key);
}

async function leftBy(
  { raw, normalized }: Stores,
  version: string,
): Promise<Omit<Killed, 'interrupted' | 'report'>> {
  const now = () => nsFromMs(Date.now() + LONG_AFTER_MS);
  const deps: JobDeps = { ...memoryJobs(''), raw, normalized, now };
  const keys: string[] = [];
  for await (const { key } of normalized.list('')) keys.push(key);
  const manifest = await readManifest(deps, { version, feed: FEED, day: DAY });
  const referred = new Set([
    ...[manifestKey({ version, feed: FEED, day: DAY }), currentKey(FEED)],
    ...(manifest?.objects ?? []).map(({ key }) => key),
  ]);
  const rest = keys.filter((key) => !referred.has(key) && !key.startsWith(VERSION_PREFIX));
  const listed = new Set(await cleanable(deps));
  return {
    manifests: keys.filter((key) => parseManifestKey(key) !== null),
    objects: (manifest?.objects ?? []).map((it) => `${it.key} ${it.plain_sha256}`),
    strays: rest.filter((key) => !listed.has(key)),
    left: rest.filter((key) => listed.has(key)),
  };
}

/** What a cleanup would list. */
async function cleanable(deps: JobDeps): Promise<string[]> {
  const of = { feeds: [FEED], keep_versions: 3, older_than_days: 90 };
  const { key, keys } = await listCleanup(deps, of, plainContext());
  if (keys === 0) return [];
  const stored = await deps.normalized.get(key);
  const list = JSON.parse(new TextDecoder().decode(stored?.body)) as {
    readonly entries: readonly { readonly key: string }[];
  };
  return list.entries.map((it) => it.key);
}
