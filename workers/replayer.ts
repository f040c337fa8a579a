/**
 * The connector in replay mode, as a process: raw segments in, `replay.{id}.>` out. What it is to do
 * comes as one line of JSON on standard input, secrets among it; what it does goes to standard output,
 * one JSON object a line. It ends when standard input does: whoever started it is gone then.
 */
import type { Readable } from 'node:stream';
import { ApplicationFailure } from '@temporalio/common';
import { readSources } from '../activities/archive-plan.ts';
import { breathe, createSurveyMemo, plainContext } from '../activities/deps.ts';
import type { JobDeps } from '../activities/deps.ts';
import { toFailure } from '../activities/errors.ts';
import { loadSegment } from '../activities/raw-day.ts';
import { refuseUnfitRaw } from '../activities/raw-refusals.ts';
import { openReplayLink } from '../bus/nats-replay.ts';
import { systemReplayClock } from '../connectors/runtime/replay-clock.ts';
import { createReplay } from '../connectors/runtime/replay.ts';
import type { Replay } from '../connectors/runtime/replay.ts';
import { replaySource } from '../connectors/runtime/replay-source.ts';
import type { ReplaySource } from '../connectors/runtime/replay-source.ts';
import type { Feed } from '../connectors/feed.ts';
import type { ShardPlan } from '../dataset/day-plan.ts';
import { parseRawSegmentKey, rawPrefix } from '../dataset/keys.ts';
import { daysOfSpan } from '../dataset/replay-span.ts';
import type { ReplaySpan } from '../dataset/replay-span.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import { SsmdError, invalidInput } from '../schema/errors.ts';
import type { Origin } from '../schema/log.ts';
import type { ReplayRequest, ReplayWord } from '../activities/replay.ts';
import type { ReplayResult } from '../schema/replay.ts';
import { nsFromMs, parseUnixNs } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { createS3ObjectStore } from '../storage/s3.ts';
import { decompressPrefix, sha256, zstd } from '../storage/zstd.ts';
import { readTask } from './child-input.ts';

/** All the process is told: it reads no file and no variable of its own. */
export type ReplayerJob = ReplayRequest & {
  readonly v: 1;
  readonly environment: string;
  readonly subject_prefix: string;
  readonly raw_bucket: string;
  readonly normalized_bucket: string;
  readonly shards: readonly string[];
  readonly origin: Origin;
  readonly endpoints: Pick<Endpoints, 'nats_url' | 's3'>;
};

/** Between two lines of progress. */
const PROGRESS_MS = 500;

/** Reads the job from `input`, does it, and says how it went; true where it was done. */
export async function replayFrom(
  input: Readable,
  feeds: ReadonlyMap<string, Feed>,
  say: (line: ReplayWord) => void,
  interrupted: AbortSignal,
): Promise<boolean> {
  try {
    const told = await readTask(input, 'npx ssmd replay start --feed kraken --from 2026-11-20');
    const stop = AbortSignal.any([told.gone, interrupted]);
    await runReplayer(asJob(told.input), feeds, say, stop);
    return true;
  } catch (error) {
    const known = error instanceof SsmdError ? error : null;
    const failure = toFailure(error);
    say({
      event: 'failure',
      code: known?.code ?? null,
      message: error instanceof Error ? error.message : String(error),
      // By the jobs' own rule: a mistake in the code makes the same mistake again.
      retryable: !(failure instanceof ApplicationFailure && failure.nonRetryable === true),
      facts: known?.facts ?? {},
    });
    return false;
  } finally {
    input.destroy();
  }
}

function asJob(input: unknown): ReplayerJob {
  const job = input as Partial<ReplayerJob> | null;
  if (job?.v === 1 && job.id !== undefined && job.endpoints !== undefined) {
    return job as ReplayerJob;
  }
  const what = 'expected one line of JSON that says what to replay; it is started by its workflow';
  throw invalidInput('standard input', [{ where: 'line 1', what }]);
}

/** Replays. On `stop` it ends in order, as if it had been told to. */
export async function runReplayer(
  job: ReplayerJob,
  feeds: ReadonlyMap<string, Feed>,
  say: (line: ReplayWord) => void,
  stop: AbortSignal,
): Promise<ReplayResult> {
  const feed = feeds.get(job.feed);
  if (feed === undefined) {
    const what = `there is ${[...feeds.keys()].join(', ')}, received ${job.feed}`;
    throw invalidInput('the replay', [{ where: 'feed', what }]);
  }
  const span = spanOf(job);
  await using stores = openStores(job);
  const deps = jobDeps(job, feeds, stores);
  await refuseDaysWithoutRaw(deps, feed.id, span);
  await using link = await openReplayLink(
    {
      servers: job.endpoints.nats_url,
      environment: job.environment,
      subject_prefix: job.subject_prefix,
      name: `replay-${job.id}`,
      wait: false,
    },
    job,
    Date.now(),
  );
  const replay = createReplay({
    feed: feed.id,
    normalizer: `${feed.id}@${feed.normalizer}`,
    ...{ place: job, span, speed: job.speed },
    symbols: job.symbols,
    resume: job.cursor,
    source: archiveSource(deps, feed, span, job),
    link,
    clock: systemReplayClock(),
  });
  await link.serve(replay.command);
  return await told(replay, say, stop);
}

async function told(
  replay: Replay,
  say: (line: ReplayWord) => void,
  stop: AbortSignal,
): Promise<ReplayResult> {
  const progress = (): void =>
    say({ event: 'progress', position: replay.position(), cursor: replay.mark() });
  const timer = setInterval(progress, PROGRESS_MS);
  const end = (): void => void replay.command({ op: 'stop' }).catch(() => undefined);
  stop.addEventListener('abort', end, { once: true });
  if (stop.aborted) end();
  try {
    progress();
    const result = await replay.run();
    say({ event: 'result', result, cursor: replay.mark() });
    return result;
  } finally {
    clearInterval(timer);
    stop.removeEventListener('abort', end);
  }
}

/**
 * The span as its archive has it, or would have it. @throws SSMD_CORRUPT at a day of which its archive
 * would make nothing, before any of it is sent
 */
export function archiveSource(
  deps: JobDeps,
  feed: Feed,
  span: ReplaySpan,
  { types, symbols }: Pick<ReplayerJob, 'types' | 'symbols'>,
): ReplaySource {
  // A day is planned once: a seek backward reads the same RAW again, whatever came meanwhile.
  const planned = new Map<Day, readonly ShardPlan[]>();
  return replaySource({
    feed,
    span,
    types: types === null ? null : new Set(types),
    symbols: symbols === null ? null : new Set(symbols),
    async plan(day, signal) {
      const known = planned.get(day);
      if (known !== undefined) return known;
      const { survey } = await readSources(deps, { feed, day }, plainContext(signal));
      refuseUnfitRaw(survey);
      planned.set(day, survey.plans);
      return survey.plans;
    },
    load: (segment, signal) => loadSegment(deps, segment, signal),
    breathe,
  });
}

/** A range is replayed whole or not at all: days of which RAW has nothing are named, all of them. */
async function refuseDaysWithoutRaw(
  { raw }: Pick<JobDeps, 'raw'>,
  feed: string,
  span: ReplaySpan,
): Promise<void> {
  const missing: Day[] = [];
  for (const day of daysOfSpan(span)) {
    let found = false;
    for await (const { key } of raw.list(rawPrefix({ feed, day }))) {
      found = parseRawSegmentKey(key) !== null;
      if (found) break;
    }
    if (!found) missing.push(day);
  }
  if (missing.length === 0) return;
  throw new SsmdError(
    'SSMD_NOT_FOUND',
    `RAW has nothing of ${feed} on ${missing.join(', ')}: there is nothing to replay; choose a span ` +
      `of days that were captured (npx ssmd dataset list), or import a recording of them`,
    { facts: { feed, days: missing } },
  );
}

function spanOf({ from, to }: ReplayerJob): ReplaySpan {
  const [begins, ends] = [parseUnixNs(from), parseUnixNs(to)];
  if (begins !== null && ends !== null && begins < ends) return { from: begins, to: ends };
  const what = `expected two instants in order, in ns, received ${from} and ${to}`;
  throw invalidInput('the replay', [{ where: 'from, to', what }]);
}

type Stores = AsyncDisposable & Pick<JobDeps, 'raw' | 'normalized'>;

/** Both buckets, to read: nothing is made, nothing is written. */
function openStores({ raw_bucket, normalized_bucket, endpoints }: ReplayerJob): Stores {
  const raw = createS3ObjectStore({ ...endpoints.s3, bucket: raw_bucket });
  const normalized = createS3ObjectStore({ ...endpoints.s3, bucket: normalized_bucket });
  return {
    raw,
    normalized,
    async [Symbol.asyncDispose]() {
      await Promise.all([raw[Symbol.asyncDispose](), normalized[Symbol.asyncDispose]()]);
    },
  };
}

/** What the archive's own planning needs of its environment. */
function jobDeps(job: ReplayerJob, feeds: ReadonlyMap<string, Feed>, stores: Stores): JobDeps {
  return {
    raw: stores.raw,
    normalized: stores.normalized,
    bus: null,
    feeds,
    shardsOf: (feed) => (feed === job.feed ? job.shards : []),
    configuredFeeds: [job.feed],
    now: () => nsFromMs(Date.now()),
    build: { version: '0', commit: '', build: '' },
    zstd,
    unpackPrefix: decompressPrefix,
    sha256,
    window_hours: 1,
    origin: job.origin,
    surveys: createSurveyMemo(),
    single_writer: false,
  };
}
