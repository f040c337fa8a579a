/**
 * A stretch of a simulated venue's past through the production connector and publisher, on a virtual
 * clock: like a whole simulated day, but it may begin anywhere in the market's life, die where it
 * stands, and go on while the bus is away.
 *
 * As a process of its own, to be killed: `node e2e-day.ts '<JSON of its options>'`.
 */
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Bus } from '../../bus/bus.ts';
import type { Feed } from '../../connectors/feed.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { createConnector } from '../../connectors/runtime/connector.ts';
import type { ConnectorStatus } from '../../connectors/runtime/connector.ts';
import type { PublishedEpoch } from '../../connectors/runtime/epoch.ts';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { captureTemplate, hashConfig } from '../../connectors/runtime/provenance.ts';
import { createPublisher } from '../../connectors/runtime/publisher.ts';
import type { Publisher } from '../../connectors/runtime/publisher.ts';
import type { PublisherLimits } from '../../connectors/runtime/publisher-limits.ts';
import type { Publishing } from '../../connectors/runtime/publishing.ts';
import type { OpenSocket } from '../../connectors/runtime/socket.ts';
import type { CaptureTemplate } from '../../connectors/runtime/log-writer.ts';
import { openWal } from '../../connectors/runtime/wal-reader.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { VirtualClock } from '../../connectors/simulator/clock.ts';
import type { FaultPlan, LedgerEntry } from '../../connectors/simulator/faults.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import type { Harness } from '../../connectors/simulator/harness.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import type { Latency } from '../../connectors/simulator/memory-socket.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { CreateVenue } from '../../connectors/simulator/venue.ts';
import { endpointsOf } from '../../environments/endpoints.ts';
import { foldConfig } from '../../environments/env.ts';
import type { Environment } from '../../environments/env.ts';
import { UNSYNCED } from '../../schema/clock.ts';
import { NS_PER_SECOND } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { openBus, openStores } from '../../workers/adapters.ts';
import { testEnvironment } from './connector-process.ts';
import { feedOf } from './e2e.ts';
import { instant } from './runtime.ts';

/** Faults an hour, by kind: hundreds of faults a day, of every kind there is. */
export const FAULTS: FaultPlan = {
  rates: {
    ...{ drop: 4, duplicate: 4, reorder: 4, mutate: 4, garbage: 4 },
    ...{ silence: 0.5, close: 0.5, refuse: 0.25, 429: 0.25 },
  },
};

export type StretchOptions = {
  readonly feed: string;
  readonly seed: number;
  /** Market events a second and symbol. */
  readonly rate: number;
  readonly faults: FaultPlan;
  /** When the venue's market began; the connector starts at `from`. ISO text, as all instants here. */
  readonly market_from: string;
  readonly from: string;
  readonly until: string;
};

export type StretchDeps = {
  readonly store: ObjectStore;
  readonly bus: Bus;
  /** Root of the local logs. */
  readonly dir: string;
  readonly limits?: Partial<PublisherLimits>;
  /** Whose shard, of which environment: `tier1` of the test environment where left out. */
  readonly environment?: Environment;
  readonly shard?: string;
  /** Another build of the feed, another venue, than the registries have. */
  readonly build?: Feed;
  readonly create?: CreateVenue;
  /** The ways to the venue, counted from 1; a connection takes the first that is free. */
  readonly latency?: (way: number) => Latency;
  /** What its headers say beside the usual. */
  readonly capture?: Partial<CaptureTemplate>;
  /** Called before anything runs: what is to happen at an instant is a timer of the clock. */
  readonly begins?: (clock: VirtualClock, harness: Harness) => void;
  /** Asked between two timers: time stands still while its promise is open. */
  readonly ready?: (publisher: Publisher, clock: VirtualClock) => Promise<void> | undefined;
  /** Called after the events of a line were handed to the publisher, before anything else. */
  readonly offered?: (publisher: Publisher, clock: VirtualClock, t: bigint) => void;
};

export type StretchResult = {
  readonly frames: number;
  readonly events: number;
  readonly ledger: readonly LedgerEntry[];
  readonly status: ConnectorStatus;
};

const SHARD = 'tier1';
const TIMERS_PER_TURN = 128;
const SEGMENTS_WAITING_MAX = 32;

export async function runStretch(
  options: StretchOptions,
  deps: StretchDeps,
): Promise<StretchResult> {
  const feed = deps.build ?? feedOf(options.feed);
  const create = deps.create ?? VENUES.get(feed.id);
  if (create === undefined) throw new Error(`${feed.id} has no simulated venue`);
  const { seed, rate, faults } = options;
  const { environment = testEnvironment(), shard = SHARD } = deps;
  const config = hashConfig(foldConfig(environment, { id: feed.id, ...feed.protocol }, shard));
  const clock = virtualClock(instant(options.from));
  const harness = openHarness({
    ...{ create, seed, rate, faults },
    symbols: config.config.symbols.map((it) => it.external),
    start_ns: instant(options.market_from),
  });
  const random = new Random(seed, `stretch ${options.from}`);
  let publisher: Publisher | null = null;
  const connector = createConnector({
    feed,
    config,
    url: `ws://venue${new URL(feed.protocol.url).pathname.replace(/\/$/, '')}`,
    clock,
    shipping_clock: systemClock(),
    openSocket: waysTo(harness, clock, seed, deps.latency),
    random: () => random.unit(),
    dir: deps.dir,
    files: unsyncedFiles,
    store: deps.store,
    log_bytes_max: Number.MAX_SAFE_INTEGER,
    logger: () => undefined,
    capture: (epoch) => ({
      ...captureTemplate({
        ...{ feed, epoch, shard, config_sha256: config.sha256, origin: 'simulator' },
        source: `seed ${seed}`,
        software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
        clock: UNSYNCED,
        host: 'e2e',
      }),
      ...deps.capture,
    }),
    publish(epoch) {
      publisher = publisherOf(epoch, { feed, shard }, deps);
      return overheard(publisher, (t) => deps.offered?.(publisher as Publisher, clock, t));
    },
  });
  deps.begins?.(clock, harness);
  const stop = new AbortController();
  const running = connector.run(stop.signal);
  const ready = (): Promise<void> | undefined => {
    if (connector.shipper.pending() > SEGMENTS_WAITING_MAX) return connector.shipper.idle();
    return publisher === null ? undefined : deps.ready?.(publisher, clock);
  };
  await Promise.race([
    running,
    clock.runUntil(instant(options.until), { yield_every: TIMERS_PER_TURN, ready }),
  ]);
  const status = connector.status();
  stop.abort();
  await running;
  const { frames, events } = connector.counters;
  return { frames, events, ledger: harness.ledger, status };
}

/** Sockets to the venue; where latencies differ, each goes a way of its own. */
function waysTo(
  harness: Harness,
  clock: VirtualClock,
  seed: number,
  latency: StretchDeps['latency'],
): OpenSocket {
  if (latency === undefined) return memoryVenue({ harness, clock, seed });
  const taken = new Set<number>();
  let opened = 0;
  return (url, handlers) => {
    let way = 1;
    while (taken.has(way)) way++;
    taken.add(way);
    const options = { harness, clock, seed: seed + ++opened, latency: latency(way) };
    return memoryVenue(options)(url, {
      ...handlers,
      onClose(...end) {
        taken.delete(way);
        handlers.onClose(...end);
      },
      onUpgradeRefused(...refusal) {
        taken.delete(way);
        handlers.onUpgradeRefused(...refusal);
      },
    });
  };
}

function publisherOf(
  epoch: PublishedEpoch,
  { feed, shard }: { readonly feed: Feed; readonly shard: string },
  deps: StretchDeps,
): Publisher {
  return createPublisher({
    bus: deps.bus,
    ...{ shard, feed: feed.id, epoch: epoch.epoch },
    normalizer: `${feed.id}@${feed.normalizer}`,
    writer: `${hostname()}:${process.pid}`,
    clock: systemClock(),
    log: pino({ level: 'silent' }),
    fold: () => epoch.fold,
    openWal: (after) => openWal(epoch.dir, after),
    watermark: epoch.watermark,
    ...(deps.limits === undefined ? {} : { limits: deps.limits }),
  });
}

/** The publisher, with someone told of every offer. */
function overheard(publisher: Publisher, told: (t: bigint) => void): Publishing {
  return {
    claim: (options) => publisher.claim(options),
    offer(out) {
      const t = out.t[out.count - 1] ?? 0n;
      publisher.offer(out);
      told(t);
    },
    released: () => publisher.released(),
    queueRatio: () => publisher.queueRatio(),
    status: () => publisher.status(),
    fenced: publisher.fenced,
    close: (options) => publisher.close(options),
  };
}

/** Waits in real time, while virtual time stands still. */
export async function holdUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A new epoch warms up for this long before time waits for its claim. */
const WARM_NS = 61n * NS_PER_SECOND;
const QUEUE_RATIO_MAX = 0.5;

/**
 * Time stands still while the bus is fuller than half, and until the shard is claimed, once an epoch
 * that began at `from` had `warm_ns` to warm up.
 */
export function inStep(from: string, warm_ns = WARM_NS): NonNullable<StretchDeps['ready']> {
  const start = instant(from);
  return (publisher, clock) => {
    const hasRoom = (): boolean =>
      publisher.position().connected && publisher.queueRatio() <= QUEUE_RATIO_MAX;
    const warming = !publisher.position().connected && clock.nowNs() < start + warm_ns;
    return warming || hasRoom() ? undefined : holdUntil(hasRoom);
  };
}

/** Hours pass in a second here: positions are told by what was sent, not by the clock. */
const CTL_MESSAGES = 128;

/** Where a process that kills itself leaves the `t` of the last event it had offered. */
export function lastWords(dir: string): string {
  return join(dir, 'last-offered');
}

export type ChildOptions = StretchOptions & {
  readonly dir: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Kills itself at the first event offered at or after this instant; null: ends in good order. */
  readonly dies_at: string | null;
};

if (import.meta.main) {
  const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
  const environment = testEnvironment();
  const endpoints = endpointsOf(environment, options.variables);
  const stores = await openStores(environment, endpoints);
  const bus = await openBus(environment, endpoints, { name: 'stretch', wait: false });
  const dies_at = options.dies_at === null ? null : instant(options.dies_at);
  const result = await runStretch(options, {
    store: stores.raw,
    bus,
    dir: options.dir,
    limits: { ctl_messages: CTL_MESSAGES },
    ready: inStep(options.from),
    offered(publisher, clock, t) {
      if (dies_at === null || clock.nowNs() < dies_at || publisher.position().queued === 0) return;
      // Something is under way at this very moment: it dies with it.
      writeFileSync(lastWords(options.dir), `${t}`);
      process.kill(process.pid, 'SIGKILL');
    },
  });
  process.stdout.write(`${JSON.stringify({ frames: result.frames, events: result.events })}\n`);
  await bus.close();
  await stores[Symbol.asyncDispose]();
}
