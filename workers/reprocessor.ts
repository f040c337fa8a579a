/** The connector in `reprocess` mode: builds one part of a day from RAW, as a worker asks. */
import type { Readable } from 'node:stream';
import type { BuildFacts, PartDone, PartTask } from '../activities/builds.ts';
import { buildPart } from '../activities/reprocess-part.ts';
import type { Feed } from '../connectors/feed.ts';
import { FEEDS } from '../connectors/registry.ts';
import { readSoftware } from '../connectors/runtime/provenance.ts';
import { SCHEMAS } from '../dataset/version.ts';
import type { S3Endpoint } from '../environments/endpoints.ts';
import { SsmdError } from '../schema/errors.ts';
import { createS3ObjectStore } from '../storage/s3.ts';
import { decompressPrefix, sha256, zstd } from '../storage/zstd.ts';
import { errorMessage, readTask } from './child-input.ts';

/** Everything a part needs: no environment file, no variable. */
export type ReprocessTask = {
  readonly format: 1;
  readonly s3: S3Endpoint;
  readonly buckets: { readonly raw: string; readonly normalized: string };
  readonly part: PartTask;
};

/** What this build can do. */
export function describeBuild(root: string, feeds: ReadonlyMap<string, Feed> = FEEDS): BuildFacts {
  const software = readSoftware(root);
  return {
    version: software.connector_version,
    commit: software.connector_commit,
    build: software.connector_build,
    normalizers: Object.fromEntries([...feeds.values()].map((it) => [it.id, it.normalizer])),
    schemas: [...SCHEMAS],
  };
}

/** A worker hears of progress this often. */
const SAY_MS = 1_000;

/**
 * Does what the worker at the other end of `stdin` asks: its progress, its outcome and its failure are
 * messages. Whether it came to its end.
 */
export async function reprocessFor(
  stdin: Readable,
  root: string,
  interrupted: AbortSignal,
  say: (message: Readonly<Record<string, unknown>>) => void,
): Promise<boolean> {
  try {
    const job = 'npx ssmd reprocess run --feed kraken --date 2025-12-06';
    const { input, gone } = await readTask(stdin, job);
    let at = { stage: 'starting', records: 0, bytes: 0 };
    const timer = setInterval(() => say({ event: 'progress', ...at }), SAY_MS);
    try {
      const signal = AbortSignal.any([gone, interrupted]);
      const done = await reprocessPart(root, asTask(input), signal, (...words) => {
        const [stage, records, bytes] = words;
        at = { stage, records, bytes };
      });
      say({ event: 'done', done });
    } finally {
      clearInterval(timer);
      stdin.destroy();
    }
    return true;
  } catch (error) {
    say(errorMessage(error));
    return false;
  }
}

function asTask(input: unknown): ReprocessTask {
  const task = input as ReprocessTask | null;
  if (task?.format === 1 && task.part?.format === 1) return task;
  throw new SsmdError(
    'SSMD_INVALID_INPUT',
    'the task on standard input is of another format: worker and connector are of different releases',
  );
}

/** Builds and stages the part; `beat` hears how far it is. */
async function reprocessPart(
  root: string,
  task: ReprocessTask,
  signal: AbortSignal,
  beat: (stage: string, records: number, bytes: number) => void,
): Promise<PartDone> {
  await using raw = createS3ObjectStore({ ...task.s3, bucket: task.buckets.raw });
  await using normalized = createS3ObjectStore({ ...task.s3, bucket: task.buckets.normalized });
  const { version, commit, build } = describeBuild(root);
  const deps = {
    ...{ raw, normalized, zstd, sha256, feeds: FEEDS, build: { version, commit, build } },
    unpackPrefix: decompressPrefix,
    nowMs: () => performance.now(),
  };
  return await buildPart(deps, task.part, {
    signal,
    resumed: null,
    beat: ({ stage, records, bytes }) => beat(stage, records, bytes),
  });
}
