/**
 * Simulated venues as processes: one that serves a WebSocket in real time, and a whole past day through
 * the real connector on a virtual clock, to the environment's bucket and bus.
 */
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Bus } from '../bus/bus.ts';
import type { Feed } from '../connectors/feed.ts';
import { systemClock } from '../connectors/runtime/clock.ts';
import type { PublishedEpoch } from '../connectors/runtime/epoch.ts';
import { readSoftware } from '../connectors/runtime/provenance.ts';
import { createPublisher } from '../connectors/runtime/publisher.ts';
import type { Publisher } from '../connectors/runtime/publisher.ts';
import { openWal } from '../connectors/runtime/wal-reader.ts';
import type { FaultPlan } from '../connectors/simulator/faults.ts';
import { VENUES } from '../connectors/simulator/registry.ts';
import { startSimulator } from '../connectors/simulator/server.ts';
import type { Simulator } from '../connectors/simulator/server.ts';
import { runVirtualDay, virtualEpoch } from '../connectors/simulator/virtual-day.ts';
import type { VirtualDay } from '../connectors/simulator/virtual-day.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import { foldConfig } from '../environments/env.ts';
import type { Environment } from '../environments/env.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import { openBus, openStores } from './adapters.ts';
import { feedNamed } from './connector.ts';

export type SimulationOptions = {
  readonly environment: Environment;
  readonly feed: string;
  readonly shard: string;
  readonly seed: number;
  /** Market events a second and symbol, on average over a day. */
  readonly rate: number;
  readonly faults: FaultPlan;
};

/** Serves a shard's markets over a real WebSocket on loopback. */
export async function serveVenue(
  options: SimulationOptions & { readonly port: number },
): Promise<Simulator> {
  const { environment, shard, seed, rate, faults, port } = options;
  const feed = feedNamed(options.feed);
  const { symbols } = foldConfig(environment, { id: feed.id, ...feed.protocol }, shard);
  return startSimulator({
    feed: feed.id,
    symbols: symbols.map((it) => it.external),
    seed,
    rate,
    faults,
    port,
  });
}

export type SimulatedDayOptions = SimulationOptions & {
  readonly endpoints: Endpoints;
  readonly day: Day;
  /** The project's folder. */
  readonly root: string;
  readonly onProgress: (share: number, frames: number) => void;
  readonly signal: AbortSignal;
};

/** Time stands still while the queue to the bus is fuller than this. */
const QUEUE_RATIO_MAX = 0.5;

/**
 * Captures a past day of a simulated venue. The shard's epoch lies in the past, so the environment must
 * not have a younger one on its bus: SSMD_FENCED says so.
 */
export async function simulateDay(options: SimulatedDayOptions): Promise<VirtualDay> {
  const { environment, endpoints, shard, day, root, signal } = options;
  const feed = feedNamed(options.feed);
  const venue = VENUES.get(feed.id);
  if (venue === undefined) {
    throw new SsmdError('SSMD_NOT_FOUND', `feed ${feed.id} has no simulated venue`);
  }
  const { symbols, channels, book_depth } = foldConfig(
    environment,
    { id: feed.id, ...feed.protocol },
    shard,
  );
  const dir = join(root, '.ssmd', environment.name, 'simulated', `${feed.id}-${day}`);
  await rm(dir, { recursive: true, force: true });
  await using stores = await openStores(environment, endpoints);
  await using bus = await openBus(environment, endpoints, {
    name: `simulated-day-${feed.id}`,
    wait: false,
  });
  const of = { environment: environment.name, feed: feed.id, shard, day };
  await refuseYounger(bus, of);
  const fenced = new AbortController();
  let publisher: Publisher | null = null;
  const simulated = await runVirtualDay({
    feed,
    venue,
    shard,
    symbols,
    channels,
    book_depth,
    day,
    seed: options.seed,
    rate: options.rate,
    faults: options.faults,
    store: stores.raw,
    dir,
    software: readSoftware(root),
    onProgress: options.onProgress,
    signal: AbortSignal.any([signal, fenced.signal]),
    publish: (epoch) => {
      publisher = publisherOf(epoch, bus, { feed, shard });
      void publisher.fenced.then(() => fenced.abort(youngerThan(of, null)));
      return publisher;
    },
    ready: () => roomOn(publisher, fenced.signal),
  });
  await rm(dir, { recursive: true, force: true });
  return simulated;
}

type PastDay = {
  readonly environment: string;
  readonly feed: string;
  readonly shard: string;
  readonly day: Day;
};

/** A past day's epoch cannot claim a shard that a younger one has had. @throws SSMD_FENCED */
export async function refuseYounger(bus: Pick<Bus, 'lastCtl'>, of: PastDay): Promise<void> {
  const last = await bus.lastCtl(of.shard, of.feed);
  if (last !== null && last.record.epoch >= virtualEpoch(of.day)) {
    throw youngerThan(of, last.record.epoch);
  }
}

function youngerThan({ environment, feed, shard, day }: PastDay, owner: number | null): SsmdError {
  return new SsmdError(
    'SSMD_FENCED',
    `shard ${shard} of ${feed} has a younger connector on the bus of environment ` +
      `"${environment}": ${day} can only be simulated before one ran there`,
    { facts: { owner, epoch: virtualEpoch(day) } },
  );
}

function publisherOf(
  epoch: PublishedEpoch,
  bus: Bus,
  { feed, shard }: { readonly feed: Feed; readonly shard: string },
): Publisher {
  return createPublisher({
    bus,
    shard,
    feed: feed.id,
    epoch: epoch.epoch,
    normalizer: `${feed.id}@${feed.normalizer}`,
    writer: `${hostname()}:${process.pid}`,
    // The bus is real, so its time-outs are: only the venue and the log run on virtual time.
    clock: systemClock(),
    log: pino({ level: 'silent' }),
    fold: () => epoch.fold,
    openWal: (after) => openWal(epoch.dir, after),
    watermark: epoch.watermark,
  });
}

/** A promise while virtual time has to wait for the bus: until it is claimed, and while it is full. */
function roomOn(publisher: Publisher | null, fenced: AbortSignal): Promise<void> | undefined {
  if (publisher === null || hasRoom(publisher)) return undefined;
  return (async () => {
    while (!hasRoom(publisher) && !fenced.aborted)
      await new Promise((resolve) => setTimeout(resolve, 1));
  })();
}

function hasRoom(publisher: Publisher): boolean {
  return publisher.position().connected && publisher.queueRatio() <= QUEUE_RATIO_MAX;
}
