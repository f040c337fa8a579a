/** The connector as a process: reads its environment, builds the adapters, runs one shard of one feed. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import type { Logger } from 'pino';
import type { Bus } from '../bus/bus.ts';
import type { Feed } from '../connectors/feed.ts';
import { FEEDS } from '../connectors/registry.ts';
import { askMachine, readClock } from '../connectors/runtime/clock-health.ts';
import type { Ask } from '../connectors/runtime/clock-health.ts';
import { startClockWatch } from '../connectors/runtime/clock-watch.ts';
import { systemClock } from '../connectors/runtime/clock.ts';
import type { Clock } from '../connectors/runtime/clock.ts';
import { createConnector } from '../connectors/runtime/connector.ts';
import type { Connector, ConnectorDeps } from '../connectors/runtime/connector.ts';
import type { PublishedEpoch } from '../connectors/runtime/epoch.ts';
import { nodeFiles } from '../connectors/runtime/log-files.ts';
import {
  captureTemplate,
  hashConfig,
  placeOf,
  readSoftware,
} from '../connectors/runtime/provenance.ts';
import { createPublisher } from '../connectors/runtime/publisher.ts';
import type { PublisherLimits } from '../connectors/runtime/publisher-limits.ts';
import type { Publishing } from '../connectors/runtime/publishing.ts';
import { openStatusServer } from '../connectors/runtime/status-server.ts';
import { openWal } from '../connectors/runtime/wal-reader.ts';
import { wsSockets } from '../connectors/runtime/ws-socket.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import { foldConfig } from '../environments/env.ts';
import type { Environment } from '../environments/env.ts';
import { LOCAL } from '../schema/clock.ts';
import type { Location } from '../schema/clock.ts';
import { invalidInput } from '../schema/errors.ts';
import type { Origin } from '../schema/log.ts';
import { openBus, openStores } from './adapters.ts';
import { lateBus, lateStore } from './late-adapters.ts';
import { announceIfServed } from './status-files.ts';

export type ConnectorOptions = {
  readonly environment: Environment;
  readonly endpoints: Endpoints;
  readonly feed: string;
  readonly shard: string;
  /** Replaces the venue's own base URL. */
  readonly url?: string;
  /** `simulator` where the URL is a simulated venue's; the environment's own where left out. */
  readonly origin?: Origin;
  /** What the data comes from, for a simulator: its seed and faults. */
  readonly source?: string;
  /** Of the status server; 0 takes any free one, null opens none. */
  readonly port: number | null;
  /** Where this host is; `local` where left out. */
  readonly location?: Location;
  /** Asks the machine's programs how its clock is kept; on this process's `PATH` where left out. */
  readonly ask?: Ask;
  /** The project's folder: version, commit, and `.ssmd/`. */
  readonly root: string;
  /** Where the log's events go; standard output where left out. */
  readonly logger?: Logger;
  /** This machine's where left out. */
  readonly clock?: Clock;
  /** The publisher's limits, where they are to be other than its own. */
  readonly publisher?: Partial<PublisherLimits>;
};

export type RunningConnector = {
  readonly connector: Connector;
  readonly status_url: string | null;
  /** Resolves when it has stopped in good order; rejects when it could not go on. */
  readonly stopped: Promise<void>;
  readonly stop: () => Promise<void>;
};

/** The feed of that name. @throws SSMD_INVALID_INPUT naming those there are */
export function feedNamed(name: string): Feed {
  const feed = FEEDS.get(name);
  if (feed !== undefined) return feed;
  const known = [...FEEDS.keys()];
  const what = `unknown feed ${JSON.stringify(name)}, there are ${known.join(', ')}`;
  throw invalidInput('the connector', [{ where: 'feed', what }], {
    feed: known[0],
    shard: 'tier1',
  });
}

/**
 * Starts capturing. Returns once it runs, whether or not the venue, the bus or the store answer yet.
 * Errors: `SSMD_INVALID_INPUT` for an unknown feed or shard, before anything is started.
 */
export async function startConnector(options: ConnectorOptions): Promise<RunningConnector> {
  const { environment, endpoints, shard, root } = options;
  const feed = feedNamed(options.feed);
  const config = hashConfig(foldConfig(environment, { id: feed.id, ...feed.protocol }, shard));
  const logger = options.logger ?? createLogger();
  const { capture } = environment.spec;
  const software = readSoftware(root);
  const clock = options.clock ?? systemClock();
  const { location = LOCAL, ask = askMachine() } = options;
  const clocks = await startClockWatch({
    clock,
    location,
    feed: feed.id,
    read: () => readClock(ask, location.clock, Number(clock.wallNs() / 1_000_000n)),
    logger: (level, event, facts) => logger[level]({ event, ...facts }),
  });
  const stores: AsyncDisposable[] = [];
  const bus = lateBus(() =>
    openBus(environment, endpoints, { name: `connector-${shard}`, wait: false }),
  );
  const deps: ConnectorDeps = {
    feed,
    config,
    url: (options.url ?? environment.spec.feeds[feed.id]?.url ?? feed.protocol.url).replace(
      /\/$/,
      '',
    ),
    clock,
    shipping_clock: clock,
    openSocket: wsSockets({ frame_bytes_max: feed.protocol.limits.frame_bytes_max }),
    random: Math.random,
    dir:
      capture.log_dir === undefined
        ? join(root, '.ssmd', environment.name, 'log')
        : resolve(root, capture.log_dir),
    files: nodeFiles,
    log_bytes_max: capture.log_bytes_max,
    store: lateStore(async () => {
      const opened = await openStores(environment, endpoints);
      stores.push(opened);
      return opened.raw;
    }),
    logger: (level, event, facts) => logger[level]({ event, ...facts }),
    clocks,
    capture: (epoch) =>
      captureTemplate({
        feed,
        shard,
        epoch,
        config_sha256: config.sha256,
        origin: options.origin ?? environment.spec.origin,
        source: options.source ?? null,
        software,
        clock: clocks.health(),
        place: placeOf(location, feed.id),
      }),
    stream: () => bus.bounds(),
    publish: (epoch) =>
      publisherFor(epoch, { feed, shard, bus, logger, clock, limits: options.publisher ?? {} }),
  };
  const connector = createConnector(deps);
  const server =
    options.port === null
      ? null
      : await openStatusServer(connector, { port: options.port }).catch((error: unknown) => {
          clocks.stop();
          throw error;
        });
  const place = { root, environment: environment.name };
  const own = { url: server?.url ?? null, feed: feed.id, shard, pid: process.pid };
  const withdraw = await announceIfServed(place, own);
  const stop = new AbortController();
  const stopped = connector.run(stop.signal).finally(async () => {
    clocks.stop();
    await withdraw();
    await server?.close();
    await bus.close();
    for (const store of stores) await store[Symbol.asyncDispose]();
  });
  return {
    connector,
    status_url: server?.url ?? null,
    stopped,
    stop() {
      stop.abort();
      return stopped;
    },
  };
}

function publisherFor(
  epoch: PublishedEpoch,
  of: {
    readonly feed: Feed;
    readonly shard: string;
    readonly bus: Bus;
    readonly logger: Logger;
    readonly clock: Clock;
    readonly limits: Partial<PublisherLimits>;
  },
): Publishing {
  const { feed, shard, bus, logger, clock, limits } = of;
  return createPublisher({
    bus,
    shard,
    feed: feed.id,
    epoch: epoch.epoch,
    normalizer: `${feed.id}@${feed.normalizer}`,
    writer: `${hostname()}:${process.pid}`,
    clock,
    log: logger,
    fold: () => epoch.fold,
    openWal: (after) => openWal(epoch.dir, after),
    watermark: epoch.watermark,
    limits,
  });
}

/** JSON lines on standard output: the event's name in `event`, nothing interpolated. */
export function createLogger(): Logger {
  return pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime });
}
