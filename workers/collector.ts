/** The strict RAW collector as a process: builds its adapters and runs it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { createCollector } from '../connectors/collector/collector.ts';
import type { Collector } from '../connectors/collector/collector.ts';
import type { CollectorEvent, Say } from '../connectors/collector/events.ts';
import type { CollectedVenue } from '../connectors/collector/intake.ts';
import { metricsJson, metricsText, wantsText } from '../connectors/collector/metrics.ts';
import type { QueueLimits } from '../connectors/collector/queue.ts';
import { rawMetadata } from '../connectors/collector/raw-schema.ts';
import type { Feed } from '../connectors/feed.ts';
import { systemClock } from '../connectors/runtime/clock.ts';
import { readSoftware } from '../connectors/runtime/provenance.ts';
import { PROMETHEUS_TEXT, openPages } from '../connectors/runtime/status-server.ts';
import { wsSockets } from '../connectors/runtime/ws-socket.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import { foldConfig, shardsOf } from '../environments/env.ts';
import type { Environment } from '../environments/env.ts';
import { SsmdError } from '../schema/errors.ts';
import type { FoldConfig } from '../schema/symbols.ts';
import { createBucketWholeFiles } from '../storage/bucket-whole-files.ts';
import { createFolderWholeFiles, requireFolder } from '../storage/fs-whole-files.ts';
import { parquetTables } from '../storage/parquet.ts';
import { requireConditionalWrites } from '../storage/probe.ts';
import { createS3ObjectStore } from '../storage/s3.ts';
import type { WholeFiles } from '../storage/whole-files.ts';

/** Where the collector's files are in a bucket. */
export const BUCKET_PREFIX = 'collector/';
/** The writer tries again by itself, and counts; one request is given up early. */
const S3_REQUEST_TIMEOUT_MS = 10_000;
const S3_ATTEMPTS_MAX = 2;

export type CollectorOptions = {
  readonly environment: Environment;
  readonly endpoints: Endpoints;
  /** With a URL in place of the venue's own where it has one. */
  readonly venues: readonly { readonly feed: Feed; readonly url?: string }[];
  /** Our names of markets; all of the feeds where left out. */
  readonly symbols?: readonly string[];
  /** A shard of the environment; all where left out. */
  readonly shard?: string;
  /** An absolute folder, or `s3`: the environment's raw bucket. */
  readonly out: string;
  /** On loopback; 0 takes any free one. */
  readonly port: number;
  /** The project's folder. */
  readonly root: string;
  readonly queue?: QueueLimits;
  readonly logger?: Logger;
  /** In place of what `out` says. */
  readonly files?: WholeFiles;
};

export type RunningCollector = {
  readonly collector: Collector;
  readonly status_url: string;
  /** Resolves when all is put away; rejects where frames had to be given up, or on a fault of its own. */
  readonly stopped: Promise<void>;
  readonly stop: () => Promise<void>;
};

/** What is subscribed to on a feed. @throws SSMD_INVALID_INPUT where it is nothing */
export function collectedConfig(
  environment: Environment,
  feed: Feed,
  wanted: Pick<CollectorOptions, 'shard' | 'symbols'>,
): FoldConfig {
  const known = { id: feed.id, ...feed.protocol };
  const shards = shardsOf(environment, feed.id);
  const configs = (
    wanted.shard === undefined && shards.length > 0 ? shards : [wanted.shard ?? 'all']
  ).map((shard) => foldConfig(environment, known, shard));
  const [first] = configs as [FoldConfig, ...FoldConfig[]];
  const all = configs.flatMap((it) => it.symbols);
  const symbols = all.filter((it) => wanted.symbols?.includes(it.symbol) ?? true);
  if (symbols.length > 0) return { ...first, shard: wanted.shard ?? 'all', symbols };
  const names = all.map((it) => it.symbol);
  const message = `none of the symbols wanted is of feed ${feed.id}; it has ${names.join(', ')}`;
  throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { feed: feed.id, names } });
}

/** Starts collecting. Returns once it runs, whether or not the venues answer yet. */
export async function startCollector(options: CollectorOptions): Promise<RunningCollector> {
  const { environment, root } = options;
  const venues = options.venues.map((venue) => venueOf(venue, options));
  const clock = systemClock();
  await using stack = new AsyncDisposableStack();
  const files = options.files ?? (await openFiles(options, stack));
  const version = readSoftware(root).connector_version;
  const collector = createCollector({
    ...{ venues, clock, files },
    random: Math.random,
    run: `${Date.now()}-${randomBytes(3).toString('hex')}`,
    openTable: parquetTables(`ssmd ${version}`, rawMetadata(environment.spec.origin)),
    say: sayTo(options.logger ?? createLogger()),
    ...(options.queue === undefined ? {} : { queue: options.queue }),
  });
  const server = await openPages(
    {
      '/status': () => ({ status: 200, body: collector.status() }),
      '/metrics': (accept) => {
        const status = collector.status();
        return wantsText(accept)
          ? { status: 200, text: metricsText(status), type: PROMETHEUS_TEXT }
          : { status: 200, body: metricsJson(status) };
      },
    },
    { port: options.port },
  );
  stack.defer(() => server.close());
  const resources = stack.move();
  const stop = new AbortController();
  const stopped = collector
    .run(stop.signal)
    .then(() => refuseLoss(collector))
    .finally(() => resources.disposeAsync());
  return {
    collector,
    status_url: server.url,
    stopped,
    stop() {
      stop.abort();
      return stopped;
    },
  };
}

/** Frames that were given up at the end are a failure of the run, also where it ended as asked. */
function refuseLoss(collector: Collector): void {
  const { lost, failure } = collector.status().writer;
  if (failure === null) return;
  const message = `the last files could not be written (${failure}); ${lost} frames were given up`;
  throw new SsmdError('SSMD_UNAVAILABLE', message, { facts: { lost, failure } });
}

function venueOf(
  { feed, url }: CollectorOptions['venues'][number],
  options: CollectorOptions,
): CollectedVenue {
  const { environment } = options;
  const base = url ?? environment.spec.feeds[feed.id]?.url ?? feed.protocol.url;
  return {
    feed,
    config: collectedConfig(environment, feed, options),
    url: base.replace(/\/$/, ''),
    openSocket: wsSockets({ frame_bytes_max: feed.protocol.limits.frame_bytes_max }),
  };
}

async function openFiles(
  { environment, endpoints, out }: CollectorOptions,
  stack: AsyncDisposableStack,
): Promise<WholeFiles> {
  if (out !== 's3') {
    await requireFolder(out);
    return createFolderWholeFiles(out);
  }
  const { raw, single_writer } = environment.spec.storage;
  const store = stack.use(
    createS3ObjectStore({
      ...endpoints.s3,
      bucket: raw.bucket,
      request_timeout_ms: S3_REQUEST_TIMEOUT_MS,
      attempts_max: S3_ATTEMPTS_MAX,
    }),
  );
  await store.ensureBucket();
  const nonce = randomUUID();
  await requireConditionalWrites(store, { nonce, single_writer, name: raw.bucket });
  return createBucketWholeFiles({ store, bucket: raw.bucket, prefix: BUCKET_PREFIX });
}

/** JSON lines on standard output. */
function createLogger(): Logger {
  return pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime });
}

const WARNINGS: readonly CollectorEvent[] = ['ws_disconnect', 'gap_detected', 'queue_full_drop'];

function sayTo(logger: Logger): Say {
  return (event, facts) => {
    const level = facts['to'] === 'ERROR' ? 'error' : WARNINGS.includes(event) ? 'warn' : 'info';
    logger[level]({ event, ...facts });
  };
}
