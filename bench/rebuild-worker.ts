/**
 * A thread that builds parts of a day as a connector in `reprocess` mode does, over buckets or over what
 * it copied of them into memory, and says what processor time that took.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { plainContext } from '../activities/deps.ts';
import type { PartTask } from '../activities/builds.ts';
import { buildPart, readStagedPart, stagedId } from '../activities/reprocess-part.ts';
import { stagedPartKey } from '../dataset/keys.ts';
import { createMemoryObjectStore } from '../storage/memory.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createS3ObjectStore } from '../storage/s3.ts';
import type { S3Config } from '../storage/s3.ts';
import { parseDay } from '../schema/time.ts';
import { memoryJobs } from '../test/support/memory-jobs.ts';
import { feedOf } from './frames.ts';

export type WorkerSetup = {
  readonly s3: Omit<S3Config, 'bucket'>;
  readonly raw: string;
  readonly normalized: string;
  readonly now: string;
  readonly feed: string;
};

export type Order = { readonly task: PartTask; readonly store: 's3' | 'memory' };

export type Built = {
  /** Of this thread. */
  readonly processor_ns: number;
  /** SHA-256 of each object's plain stream, and its events. */
  readonly objects: readonly { readonly plain_sha256: string; readonly records: number }[];
};

const setup = workerData as WorkerSetup;
const raw = createS3ObjectStore({ ...setup.s3, bucket: setup.raw });
const normalized = createS3ObjectStore({ ...setup.s3, bucket: setup.normalized });
let raw_copy: ObjectStore | null = null;

async function build({ task, store }: Order): Promise<Built> {
  raw_copy ??= await copyOf(raw, '');
  const stores =
    store === 's3'
      ? { raw, normalized }
      : {
          raw: raw_copy,
          normalized: await copyOf(normalized, `normalized/${task.version}/_staging/`),
        };
  const feed = feedOf(setup.feed);
  const jobs = memoryJobs(setup.now, { ...stores, feeds: new Map([[feed.id, feed]]) });
  const from = process.threadCpuUsage();
  await buildPart({ ...jobs, nowMs: () => performance.now() }, task, plainContext());
  const { user, system } = process.threadCpuUsage(from);
  const day = parseDay(task.day);
  const { part, parts } = task;
  const key = day === null ? '' : stagedPartKey({ ...stagedId(task, day), part, parts });
  const objects = (await readStagedPart({ normalized: stores.normalized }, key))?.objects ?? [];
  return {
    processor_ns: (user + system) * 1_000,
    objects: objects.map(({ plain_sha256, records }) => ({ plain_sha256, records })),
  };
}

async function copyOf(store: ObjectStore, prefix: string): Promise<ObjectStore> {
  const copy = createMemoryObjectStore();
  for await (const { key } of store.list(prefix)) {
    const found = await store.get(key);
    if (found !== null) await copy.put(key, found.body);
  }
  return copy;
}

parentPort?.on('message', (order: Order) => {
  void build(order).then((built) => parentPort?.postMessage(built));
});
