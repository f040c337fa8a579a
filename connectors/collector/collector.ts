/**
 * The strict RAW collector: sockets of several venues in, rows of Parquet out, and what an operator sees
 * of it. Clock, sockets, files and the encoder arrive as arguments. It records and reports; it mends
 * nothing.
 */
import type { OpenTable } from '../../schema/table.ts';
import type { WholeFiles } from '../../storage/whole-files.ts';
import type { Clock, TimerHandle } from '../runtime/clock.ts';
import { guarded } from '../runtime/guarded.ts';
import { createRateWindow } from '../runtime/state.ts';
import type { ConnectorState } from '../runtime/state.ts';
import { DROP_LINES_PER_SECOND_MAX, GAP_LINES_PER_SECOND_MAX, createLineLimit } from './events.ts';
import type { Say } from './events.ts';
import { NO_TOTALS, createRecentFigures } from './figures.ts';
import type { Recent, Totals } from './figures.ts';
import { createGapTracker } from './gaps.ts';
import type { Gap, GapTracker } from './gaps.ts';
import { createIntake } from './intake.ts';
import type { CollectedVenue, Intake } from './intake.ts';
import { QUEUE_LIMITS, createFrameQueue } from './queue.ts';
import type { QueueLimits } from './queue.ts';
import { RAW_SCHEMA_VERSION } from './raw-schema.ts';
import type { RawRow } from './raw-schema.ts';
import { createDowntime, readStanding, writeStanding } from './standing.ts';
import type { Downtime, OfflineWindow, Standing } from './standing.ts';
import { collectorState } from './state.ts';
import { createWriter } from './writer.ts';
import type { WriterCounts } from './writer.ts';

const TICK_MS = 1_000;
export const HEARTBEAT_MS = 30_000;

export type CollectorDeps = {
  readonly venues: readonly CollectedVenue[];
  readonly clock: Clock;
  readonly random: () => number;
  /** Names this process in connections and files: no two may share it. */
  readonly run: string;
  readonly files: WholeFiles;
  readonly openTable: OpenTable;
  readonly say: Say;
  readonly queue?: QueueLimits;
  readonly retry_ms_max?: number;
};

export type CollectorStatus = {
  readonly state: ConnectorState;
  readonly reasons: readonly string[];
  readonly uptime_s: number;
  readonly run: string;
  readonly schema_version: number;
  readonly output: string;
  readonly last_15_minutes: Recent;
  readonly totals: Readonly<Totals>;
  readonly queue: { readonly frames: number; readonly bytes: number; readonly ratio: number };
  readonly writer: WriterCounts & { readonly failure: string | null };
  readonly gaps: Readonly<Record<string, number>>;
  readonly ts_event: { readonly late: number; readonly ahead: number };
  readonly alarms: Readonly<Record<string, number>>;
  readonly offline: OfflineWindow | null;
  readonly connections: readonly object[];
};

export type Collector = {
  /** Lives until the signal aborts; then all that waits is put away. Rejects on a fault of its own. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly status: () => CollectorStatus;
};

/** Nothing is opened or read before `run`. */
export function createCollector(deps: CollectorDeps): Collector {
  const { clock, say, files, run } = deps;
  const queue = createFrameQueue(deps.queue ?? QUEUE_LIMITS);
  const totals: Totals = { ...NO_TOTALS };
  const started_ms = nowMs();
  const recent = createRecentFigures(started_ms);
  const drops = createRateWindow();
  const gaps = createRateWindow();
  const drop_lines = createLineLimit(DROP_LINES_PER_SECOND_MAX, nowMs);
  const gap_lines = createLineLimit(GAP_LINES_PER_SECOND_MAX, nowMs);
  const gaps_by_kind: Record<string, number> = {};
  const alarms: Record<string, number> = {};
  const trackers = new Map<string, GapTracker>();
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  let fault: string | null = null;
  let downtime: Downtime = createDowntime(null);
  let intakes: readonly Intake[] = [];
  let state: ConnectorState = 'OFFLINE';
  let reasons: readonly string[] = ['not started'];
  let tick: TimerHandle | null = null;
  let heartbeat_ms = started_ms;
  let last_recv = 0n;
  /** `queue_full` when it was last told. */
  let told_drops = 0;
  let dropped_last: RawRow | null = null;

  const writer = createWriter({
    ...{ clock, queue, files, openTable: deps.openTable, run },
    ...(deps.retry_ms_max === undefined ? {} : { retry_ms_max: deps.retry_ms_max }),
    onFlush() {
      const standing = standingNow();
      return () => (standing === null ? Promise.resolve() : noted(standing));
    },
    onFault: fatal,
  });

  function nowMs(): number {
    return Number(clock.monoNs() / 1_000_000n);
  }

  function fatal(error: unknown): void {
    fault ??= error instanceof Error ? error.message : String(error);
    measure();
    ended.reject(error);
  }

  function standingNow(): Standing | null {
    if (last_recv === 0n) return null;
    const streams = Object.fromEntries([...trackers].map(([id, it]) => [id, it.last()]));
    return { last_recv, streams };
  }

  /** A note that cannot be written costs the next start some minutes too many in its window, no frame. */
  async function noted(standing: Standing): Promise<void> {
    await writeStanding(files, standing).catch(() => onAlarm('standing_not_written'));
  }

  function onRow(row: RawRow): void {
    totals.frames += 1;
    totals.bytes += row.payload.length;
    downtime.frame(row.ts_recv);
    if (queue.offer(row)) {
      if (row.ts_recv > last_recv) last_recv = row.ts_recv;
      return;
    }
    totals.queue_full += 1;
    dropped_last = row;
    tellDrops();
  }

  /** Of the last one dropped; those of a second are told together, by the next drop or tick. */
  function tellDrops(): void {
    if (totals.queue_full > told_drops && drop_lines.pass() !== null) tellDropsNow();
  }

  function tellDropsNow(): void {
    const dropped = totals.queue_full - told_drops;
    if (dropped === 0 || dropped_last === null) return;
    told_drops = totals.queue_full;
    const { exchange, stream } = dropped_last;
    dropped_last = null;
    say('queue_full_drop', { dropped, dropped_total: totals.queue_full, exchange, stream });
  }

  function onGap(gap: Gap): void {
    totals.gaps += 1;
    gaps_by_kind[gap.kind] = (gaps_by_kind[gap.kind] ?? 0) + 1;
    downtime.gap(gap.exchange, gap.kind);
    const line = gap_lines.pass();
    if (line === null) return;
    const { from, to } = gap;
    const gap_ms = from === null || to === null ? null : Number((to - from) / 1_000_000n);
    say('gap_detected', { ...gap, from: text(from), to: text(to), gap_ms, ...line });
  }

  function onAlarm(alarm: string): void {
    alarms[alarm] = (alarms[alarm] ?? 0) + 1;
  }

  function onTick(): void {
    tick = clock.setTimeout(onTick, TICK_MS);
    measure();
    tellDrops();
    if (nowMs() - heartbeat_ms < HEARTBEAT_MS) return;
    heartbeat_ms = nowMs();
    say('heartbeat', heartbeat());
  }

  function measure(): void {
    const counts = writer.counts();
    totals.written = counts.frames;
    totals.write_lost = counts.lost;
    const now = nowMs();
    const { ratio } = queue.usage();
    recent.add(now, totals, ratio);
    const next = collectorState({
      fault,
      writer_failure: writer.failure(),
      ...openCounts(),
      venues_away: venuesAway(),
      queue_ratio: ratio,
      drops: drops.add(now, totals.queue_full + totals.too_large + totals.write_lost),
      gaps: gaps.add(now, totals.gaps),
    });
    reasons = next.reasons;
    if (next.state === state) return;
    const offline = downtime.window(clock.wallNs());
    say('state_change', { from: state, to: next.state, reasons, offline });
    state = next.state;
  }

  function openCounts(): { readonly connections: number; readonly connections_open: number } {
    const all = intakes.flatMap((it) => it.connections);
    return { connections: all.length, connections_open: all.filter((it) => it.isOpen()).length };
  }

  function venuesAway(): readonly string[] {
    const away = intakes.filter((it) => !it.connections.some((socket) => socket.isOpen()));
    return away.map((it) => it.exchange);
  }

  function heartbeat(): Readonly<Record<string, unknown>> {
    const { connections: _, ...rest } = collector.status();
    return { ...rest, ...openCounts() };
  }

  async function begin(): Promise<void> {
    const [before, unfinished] = await Promise.all([readStanding(files), files.unfinished()]);
    downtime = createDowntime(before);
    let c_last = 0;
    intakes = deps.venues.map((venue) => {
      const { feed, config } = venue;
      const earlier = before?.streams[feed.id] ?? {};
      const tracker = createGapTracker({ feed, config, before: earlier, report: onGap });
      trackers.set(feed.id, tracker);
      return createIntake(venue, {
        ...guarded({ clock, openSocket: venue.openSocket }, fatal),
        ...{ random: deps.random, run, gaps: tracker, say, onRow, onAlarm },
        nextC: () => ++c_last,
        onTooLarge: () => void (totals.too_large += 1),
        onConnect: () => void (totals.connects += 1),
        onDisconnect: () => void (totals.disconnects += 1),
      });
    });
    const exchanges = deps.venues.map(({ feed, config, url }) => ({
      ...{ exchange: feed.id, url, symbols: config.symbols.length, channels: config.channels },
    }));
    say('collector_start', {
      ...{ run, schema_version: RAW_SCHEMA_VERSION, output: files.name, exchanges },
      ...{ unfinished, offline: downtime.window(clock.wallNs()) },
    });
  }

  const collector: Collector = {
    async run(signal) {
      await begin();
      for (const intake of intakes) intake.open();
      writer.start();
      tick = clock.setTimeout(onTick, TICK_MS);
      try {
        await Promise.race([aborted(signal), ended.promise]);
      } finally {
        if (tick !== null) clock.clearTimeout(tick);
        for (const intake of intakes) intake.close();
        await writer.close();
        measure();
        tellDropsNow();
      }
    },
    status: () => ({
      ...{ state, reasons, run, schema_version: RAW_SCHEMA_VERSION, output: files.name },
      uptime_s: Math.round((nowMs() - started_ms) / 1000),
      last_15_minutes: recent.read(),
      totals: { ...totals },
      queue: queue.usage(),
      writer: { ...writer.counts(), failure: writer.failure() },
      gaps: { ...gaps_by_kind },
      ts_event: sumOdd([...trackers.values()]),
      alarms: { ...alarms },
      offline: downtime.window(clock.wallNs()),
      connections: intakes.flatMap(connectionStatus),
    }),
  };
  return collector;
}

function connectionStatus(intake: Intake): readonly object[] {
  return intake.connections.flatMap((connection) =>
    connection.sessions().map((session) => ({
      c: session.c,
      url: session.url,
      open: session.isOpen,
      age_s: Math.round(session.age_ms / 1000),
      frames: session.frames,
      subscriptions: session.status(),
    })),
  );
}

function sumOdd(trackers: readonly GapTracker[]): {
  readonly late: number;
  readonly ahead: number;
} {
  const odd = trackers.map((it) => it.odd());
  return {
    late: odd.reduce((sum, it) => sum + it.late, 0),
    ahead: odd.reduce((sum, it) => sum + it.ahead, 0),
  };
}

function text(ns: bigint | null): string | null {
  return ns === null ? null : `${ns}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
