/**
 * Jobs cancelled at each of their stages, on a real Temporal server: nothing that is served changes,
 * what was begun ends, and what lies about is what a cleanup finds.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/client';
import { listCleanup } from '../../activities/cleanup.ts';
import { readCurrent, readManifest } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { currentKey, manifestKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { NS_PER_HOUR, parseIso, unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';
import type { WorkflowJobs } from '../support/workflow-jobs.ts';

const feed = 'tiny';
const DAY = '2026-11-18' as Day;
const NOW = '2026-11-22T06:00:00Z';
const YEAR_LATER = '2028-01-01T00:00:00Z';

const servers = await startTestServers({ temporal: true });
after(() => servers[Symbol.asyncDispose]());

/** A day in RAW, archived and served. */
async function prepared(): Promise<JobDeps> {
  const deps = memoryJobs(NOW);
  await writeTinyDay(deps.raw, { day: DAY, step_ns: 4n * NS_PER_HOUR });
  await archiveDay(deps, { feed, day: DAY });
  return deps;
}

type Call = { readonly op: string; readonly key: string; readonly activity: string };

/**
 * Holds the first call that `when` names until its step has heard that it is cancelled, then goes on as
 * if it had not: what a step does after it was cancelled is up to the step.
 */
function held(
  deps: JobDeps,
  when: (call: Call) => boolean,
): { readonly deps: JobDeps; readonly reached: Promise<void> } {
  const reached = Promise.withResolvers<undefined>();
  let is_held = false;
  const hold = async (op: string, key: string): Promise<void> => {
    const { info, cancellationSignal } = Context.current();
    if (is_held || !when({ op, key, activity: info.activityType })) return;
    is_held = true;
    reached.resolve(undefined);
    if (cancellationSignal.aborted) return;
    await new Promise((resolve) => cancellationSignal.addEventListener('abort', resolve));
  };
  const wrapped = (store: ObjectStore): ObjectStore => ({
    ...store,
    get: async (key) => {
      await hold('get', key);
      return store.get(key);
    },
    head: async (key) => {
      await hold('head', key);
      return store.head(key);
    },
    putIfAbsent: async (key, body) => {
      await hold('putIfAbsent', key);
      return store.putIfAbsent(key, body);
    },
    replaceIf: async (key, body, etag) => {
      await hold('replaceIf', key);
      return store.replaceIf(key, body, etag);
    },
    put: async (key, body) => {
      await hold('put', key);
      return store.put(key, body);
    },
    list: async function* (prefix) {
      await hold('list', prefix);
      yield* store.list(prefix);
    },
  });
  const stuck = { ...deps, raw: wrapped(deps.raw), normalized: wrapped(deps.normalized) };
  return { deps: stuck, reached: reached.promise };
}

async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function manifestIn(deps: JobDeps, version: string): Promise<Manifest | null> {
  return readManifest(deps, { version, feed, day: DAY });
}

function contentOf(manifest: Manifest | null): unknown {
  return manifest?.objects.map(({ plain_sha256, records }) => [plain_sha256, records]);
}

async function startOf(jobs: WorkflowJobs, id: string, other: object = {}) {
  return jobs.client.workflow.start('reprocess', {
    ...{ taskQueue: 'ssmd', workflowId: id },
    args: [{ feed, day: DAY, version: 'v2', parts: 2, ...other }],
  });
}

/** Where a run is held; `built`: the day is committed under its label by then, and serves nobody. */
const STAGES = [
  { name: 'plan', when: ({ op }: Call) => op === 'list', activity: 'planReprocess' },
  {
    name: 'bind',
    when: ({ op }: Call) => op === 'putIfAbsent',
    activity: 'bindReprocessVersion',
  },
  { name: 'plan-day', when: ({ op }: Call) => op === 'get', activity: 'planReprocessDay' },
  {
    name: 'build',
    when: ({ op, key }: Call) => op === 'putIfAbsent' && key.endsWith('.capnp.zst'),
    activity: 'buildReprocessPart',
  },
  { name: 'stage', when: ({ op }: Call) => op === 'put', activity: 'buildReprocessPart' },
  {
    name: 'verify',
    when: ({ op, key }: Call) => op === 'get' && key.endsWith('.capnp.zst'),
    activity: 'verifyReprocessDay',
  },
  { name: 'commit', when: ({ op }: Call) => op === 'head', activity: 'commitReprocessDay' },
  {
    name: 'diff',
    when: ({ op }: Call) => op === 'head',
    activity: 'diffReprocessDay',
    built: true,
  },
  {
    name: 'move',
    when: ({ op, key }: Call) => op === 'get' && key === currentKey(feed),
    activity: 'moveDays',
    built: true,
  },
] as const;

for (const stage of STAGES) {
  const { name, when, activity } = stage;
  const built = 'built' in stage;
  test(`cancelled in ${name}, it leaves what is served as it was`, async () => {
    const deps = await prepared();
    const before = await readCurrent(deps, feed);
    const id = `cancelled-${name}`;
    {
      const hold = held(deps, (call) => call.activity === activity && when(call));
      // Stops only when every step has ended.
      await using jobs = await startWorkflowJobs(servers.temporal.address, hold.deps, []);
      const handle = await startOf(jobs, id, { promote: 'auto' });
      await hold.reached;
      await handle.cancel();
      await assert.rejects(handle.result(), (it: Error) => it.cause instanceof CancelledFailure);
      const child = await jobs.client.workflow
        .getHandle(`${id}/${DAY}`)
        .describe()
        .catch(() => null);
      const ended = name === 'move' ? 'COMPLETED' : 'CANCELLED';
      if (child !== null) assert.equal(child.status.name, ended);
    }
    assert.deepEqual(await readCurrent(deps, feed), before, 'nothing serves that did not');
    const manifest = await manifestIn(deps, 'v2');
    assert.equal(manifest !== null, built, 'no manifest comes after the cancellation');
    const left = (await keysOf(deps.normalized, 'normalized/v2/')).filter(
      (key) => key !== manifestKey({ version: 'v2', feed, day: DAY }) && !names(manifest, key),
    );
    const found = await cleanable(deps);
    assert.deepEqual(
      left.filter((key) => !found.includes(key)),
      [],
      'a cleanup finds what is left',
    );
    // The same again, with nobody in the way.
    await using jobs = await startWorkflowJobs(servers.temporal.address, deps, []);
    const again = await startOf(jobs, `${id}-again`, { promote: 'auto' });
    assert.equal(((await again.result()) as ReprocessReport).outcome, 'promoted');
    assert.deepEqual(
      contentOf(await manifestIn(deps, 'v2')),
      contentOf(await manifestIn(deps, 'v1')),
    );
  });
}

function names(manifest: Manifest | null, key: string): boolean {
  return manifest?.objects.some((it) => it.key === key) === true;
}

/** What a cleanup would list, long after. */
async function cleanable(deps: JobDeps): Promise<string[]> {
  const later = { ...deps, now: () => parseIso(YEAR_LATER) ?? unixNs(0n) };
  const of = { feeds: [feed], keep_versions: 3, older_than_days: 90 };
  const { key, keys } = await listCleanup(later, of, plainContext());
  if (keys === 0) return [];
  const stored = await deps.normalized.get(key);
  await deps.normalized.delete(key);
  const list = JSON.parse(new TextDecoder().decode(stored?.body)) as {
    readonly entries: readonly { readonly key: string }[];
  };
  return list.entries.map((it) => it.key);
}

test('cancelled while the pointer is being written, it waits, and says what it did', async () => {
  const deps = await prepared();
  const hold = held(deps, ({ op, activity }) => op === 'replaceIf' && activity === 'moveDays');
  await using jobs = await startWorkflowJobs(servers.temporal.address, hold.deps, []);
  const handle = await startOf(jobs, 'cancelled-moving', { promote: 'auto' });
  await hold.reached;
  await handle.cancel();
  const { outcome, moved } = (await handle.result()) as ReprocessReport;
  const current = await readCurrent(deps, feed);
  assert.deepEqual([outcome, moved?.revision], ['promoted', current?.revision]);
  assert.deepEqual(current?.ranges, [{ from: DAY, to: DAY, version: 'v2' }]);
});

test('cancelled while the manifest is being written, it has ended by the end of the run', async () => {
  const deps = await prepared();
  const hold = held(
    deps,
    ({ op, activity }) => op === 'putIfAbsent' && activity === 'commitReprocessDay',
  );
  await using jobs = await startWorkflowJobs(servers.temporal.address, hold.deps, []);
  const handle = await startOf(jobs, 'cancelled-committing');
  await hold.reached;
  await handle.cancel();
  await assert.rejects(handle.result(), (it: Error) => it.cause instanceof CancelledFailure);
  assert.deepEqual(
    contentOf(await manifestIn(deps, 'v2')),
    contentOf(await manifestIn(deps, 'v1')),
  );
});

test('promote cancelled before it wrote moves nothing', async () => {
  const deps = await prepared();
  {
    await using jobs = await startWorkflowJobs(servers.temporal.address, deps, []);
    await (await startOf(jobs, 'for-promote', { promote: 'never' })).result();
  }
  const before = await readCurrent(deps, feed);
  {
    const hold = held(deps, ({ op, activity }) => op === 'head' && activity === 'moveDays');
    await using jobs = await startWorkflowJobs(servers.temporal.address, hold.deps, []);
    const handle = await jobs.client.workflow.start('promote', {
      ...{ taskQueue: 'ssmd', workflowId: 'cancelled-promote' },
      args: [{ feed, day: DAY, version: 'v2', by: 'ana', reason: 'reviewed' }],
    });
    await hold.reached;
    await handle.cancel();
    await assert.rejects(handle.result(), (it: Error) => it.cause instanceof CancelledFailure);
  }
  assert.deepEqual(await readCurrent(deps, feed), before);
});

test('cancelled while it waits for a decision, it moves nothing and takes none', async () => {
  const deps = await prepared();
  const before = await readCurrent(deps, feed);
  await using jobs = await startWorkflowJobs(servers.temporal.address, deps, []);
  const handle = await startOf(jobs, 'cancelled-deciding');
  while ((await handle.query<{ stage: string }>('tally')).stage !== 'deciding');
  await handle.cancel();
  await assert.rejects(handle.result(), (it: Error) => it.cause instanceof CancelledFailure);
  await assert.rejects(handle.executeUpdate('promote', { args: [{ by: 'ana', reason: 'late' }] }));
  assert.deepEqual(await readCurrent(deps, feed), before);
});

test('a daily archive cancelled while its manifest is written says that it is', async () => {
  const deps = memoryJobs(NOW);
  await writeTinyDay(deps.raw, { day: DAY, step_ns: 4n * NS_PER_HOUR });
  const hold = held(
    deps,
    ({ op, activity }) => op === 'putIfAbsent' && activity === 'commitArchiveDay',
  );
  await using jobs = await startWorkflowJobs(servers.temporal.address, hold.deps, []);
  const handle = await jobs.client.workflow.start('daily-archive', {
    ...{ taskQueue: 'ssmd', workflowId: 'cancelled-archive' },
    args: [{ feed, day: DAY, qa: false }],
  });
  await hold.reached;
  await handle.cancel();
  const { outcome } = (await handle.result()) as DailyArchiveReport;
  assert.equal(outcome, 'committed');
  assert.notEqual(await manifestIn(deps, 'v1'), null);
});
