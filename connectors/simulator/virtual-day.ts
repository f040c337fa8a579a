/**
 * A whole past day of a simulated venue, captured by the real connector in one process on a virtual
 * clock: timers, warm-up, midnight, faults and shipping included. It starts before the midnight that
 * begins the day, so that the day has its warm-up, and ends after the midnight that ends it.
 */
import { join } from 'node:path';
import { UNSYNCED } from '../../schema/clock.ts';
import type { SymbolConfig } from '../../schema/symbols.ts';
import { NS_PER_MINUTE, NS_PER_SECOND, dayEnd, dayStart, msFromNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { Feed } from '../feed.ts';
import { systemClock } from '../runtime/clock.ts';
import { createConnector } from '../runtime/connector.ts';
import type { ConnectorStatus } from '../runtime/connector.ts';
import type { PublishedEpoch } from '../runtime/epoch.ts';
import { unsyncedFiles } from '../runtime/log-files.ts';
import { captureTemplate, hashConfig } from '../runtime/provenance.ts';
import type { Software } from '../runtime/provenance.ts';
import { publishNowhere } from '../runtime/publishing.ts';
import type { Publishing } from '../runtime/publishing.ts';
import { virtualClock } from './clock.ts';
import type { VirtualClock } from './clock.ts';
import type { FaultPlan, LedgerEntry } from './faults.ts';
import { openHarness } from './harness.ts';
import { memoryVenue } from './memory-socket.ts';
import { Random } from './random.ts';
import type { CreateVenue } from './venue.ts';

/** The connector starts this long before the day: its second connections open at 23:50. */
const LEAD_NS = 11n * NS_PER_MINUTE;
/** And runs this long into the next one. */
const TAIL_NS = 30n * NS_PER_SECOND;
/** Time stands still while more segments than this wait for the store. */
const SEGMENTS_WAITING_MAX = 32;
/** Timers run between two turns of the event loop. */
const TIMERS_PER_TURN = 128;
const PROGRESS_FRAMES = 20_000;

export type VirtualDayOptions = {
  readonly feed: Feed;
  readonly venue: CreateVenue;
  readonly shard: string;
  readonly day: Day;
  readonly symbols: readonly SymbolConfig[];
  /** The feed's own where left out. */
  readonly channels?: readonly string[];
  readonly book_depth?: number;
  readonly seed: number;
  /** Market events a second and symbol. */
  readonly rate: number;
  readonly faults?: FaultPlan;
  /** Where raw segments and inventories go. */
  readonly store: ObjectStore;
  /** Root of the local logs. */
  readonly dir: string;
  readonly software: Software;
  readonly host?: string;
  /** Puts the events on a bus; without it they go nowhere. */
  readonly publish?: (epoch: PublishedEpoch, clock: VirtualClock) => Publishing;
  /** Asked between two timers: time stands still while its promise is open (a bus that catches up). */
  readonly ready?: () => Promise<void> | undefined;
  /** Share of the day that is over, 0..1. */
  readonly onProgress?: (share: number, frames: number) => void;
  readonly onLog?: (level: string, event: string, facts: object) => void;
  readonly signal?: AbortSignal;
};

export type VirtualDay = {
  readonly frames: number;
  readonly bytes: number;
  readonly events: number;
  readonly segments: number;
  readonly segment_bytes: number;
  /** The faults that were done. */
  readonly ledger: readonly LedgerEntry[];
  /** At the day's end, before it was closed. */
  readonly status: ConnectorStatus;
};

/** The epoch a virtual day is captured under. */
export function virtualEpoch(day: Day): number {
  return msFromNs(dayStart(day) - LEAD_NS);
}

export async function runVirtualDay(options: VirtualDayOptions): Promise<VirtualDay> {
  const { feed, shard, day, symbols, seed, rate } = options;
  const from = dayStart(day) - LEAD_NS;
  const until = dayEnd(day) + TAIL_NS;
  const clock = virtualClock(from);
  const harness = openHarness({
    create: options.venue,
    seed,
    rate,
    symbols: symbols.map((it) => it.external),
    start_ns: from,
    ...(options.faults === undefined ? {} : { faults: options.faults }),
  });
  const config = hashConfig({
    feed: feed.id,
    shard,
    symbols,
    channels: options.channels ?? feed.protocol.channels,
    book_depth: options.book_depth ?? feed.protocol.book_depths[0] ?? 0,
  });
  const random = new Random(seed, `connector ${shard}`);
  const source = `seed ${seed}, rate ${rate}, faults ${JSON.stringify(options.faults ?? {}, textual)}`;
  const connector = createConnector({
    feed,
    config,
    url: `ws://${feed.id}.simulator${new URL(feed.protocol.url).pathname.replace(/\/$/, '')}`,
    clock,
    shipping_clock: systemClock(),
    openSocket: memoryVenue({ harness, clock, seed }),
    random: () => random.unit(),
    dir: join(options.dir, 'virtual'),
    files: unsyncedFiles,
    store: options.store,
    log_bytes_max: Number.MAX_SAFE_INTEGER,
    logger: options.onLog ?? (() => undefined),
    capture: (epoch) =>
      captureTemplate({
        feed,
        shard,
        epoch,
        config_sha256: config.sha256,
        origin: 'simulator',
        source,
        software: options.software,
        clock: UNSYNCED,
        host: options.host ?? 'simulator',
      }),
    publish: (epoch) => options.publish?.(epoch, clock) ?? publishNowhere(),
  });

  const stop = new AbortController();
  const running = connector.run(stop.signal);
  let told = 0;
  const turn = (): Promise<void> | undefined => {
    if (options.onProgress !== undefined && connector.counters.frames - told >= PROGRESS_FRAMES) {
      told = connector.counters.frames;
      options.onProgress(Number(clock.nowNs() - from) / Number(until - from), told);
    }
    if (connector.shipper.pending() > SEGMENTS_WAITING_MAX) return connector.shipper.idle();
    return options.ready?.();
  };
  const stopped = options.signal === undefined ? {} : { signal: options.signal };
  const failed = running.then(() => undefined);
  await Promise.race([
    failed,
    clock.runUntil(until, { yield_every: TIMERS_PER_TURN, ready: turn, ...stopped }),
  ]);
  const status = connector.status();
  stop.abort();
  await running;
  options.signal?.throwIfAborted();
  const { frames, bytes, events, segments, segment_bytes } = connector.counters;
  options.onProgress?.(1, frames);
  return { frames, bytes, events, segments, segment_bytes, ledger: harness.ledger, status };
}

function textual(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
