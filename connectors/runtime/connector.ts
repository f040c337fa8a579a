/**
 * A shard's connector: epochs, one after the other, and what an operator sees of them. Everything it
 * touches arrives as an argument, so that a whole past day runs through the same code on a virtual
 * clock with a simulated venue.
 */
import { connectorState, createRateWindow } from './state.ts';
import type { ConnectorState, Phase } from './state.ts';
import { msFromNs } from '../../schema/time.ts';
import type { BookChecks } from '../../fold/counts.ts';
import type { ClockStatusReport } from './clock-watch.ts';
import { pause } from './clock.ts';
import type { TimerHandle } from './clock.ts';
import { countAlarm, createCounters, createMetrics } from './counters.ts';
import type { Counters, Gauges } from './counters.ts';
import { openEpoch } from './epoch.ts';
import { connectionCounts, connectionStatus, lagSeconds } from './epoch-measures.ts';
import type { Epoch, EpochDeps, Report } from './epoch.ts';
import { guarded } from './guarded.ts';
import { STALE_MS, diskRefusal } from './epoch-files.ts';
import { WRITE_RETRY_NS } from './epoch-log.ts';
import { recover } from './recovery.ts';
import { createShipper } from './shipper.ts';
import type { Shipper, ShipperReport } from './shipper.ts';
import { createStreamWatch } from './stream-watch.ts';
import type { StreamUsage } from './stream-watch.ts';

const TICK_MS = 1_000;
export const HEARTBEAT_MS = 30_000;
/** At shutdown the events that wait get this long to reach the bus. */
export const DRAIN_MS = 10_000;
/** And segments to reach the store; what does not is shipped by the next start. */
export const SHIP_MS = 30_000;

export type ConnectorDeps = Omit<EpochDeps, 'counters' | 'report' | 'shipper'> & {
  /** One JSON object per event. */
  readonly logger: (level: 'info' | 'warn' | 'error', event: string, facts: object) => void;
  /** How full the bus's stream is; left out where there is no bus. */
  readonly stream?: () => Promise<StreamUsage>;
  /** Bytes the local log may take before an alarm. */
  readonly log_bytes_max: number;
  readonly heartbeat_ms?: number;
};

export type ConnectorStatus = {
  readonly feed: string;
  readonly shard: string;
  readonly state: ConnectorState;
  readonly reasons: readonly string[];
  readonly phase: Phase;
  readonly epoch: number | null;
  readonly day: string | null;
  readonly uptime_s: number;
  readonly frames: number;
  readonly bytes: number;
  readonly events: number;
  readonly frames_per_second: number;
  readonly drops: number;
  readonly gaps: number;
  readonly reconnects: number;
  readonly alarms: Readonly<Record<string, number>>;
  readonly book_checks: Readonly<BookChecks>;
  readonly connections: readonly object[];
  readonly publishing: Readonly<Record<string, unknown>>;
  readonly segments: {
    readonly shipped: number;
    readonly pending: number;
    readonly local_bytes: number;
  };
  /** How its clock is kept; null where nobody watches it. */
  readonly clock: ClockStatusReport | null;
};

export type Connector = {
  /** Lives until the signal aborts; resolves when everything is closed. Rejects on a broken invariant. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly status: () => ConnectorStatus;
  readonly metrics: () => Promise<string>;
  /** Whether it does its work: connected, and speaking for its shard. */
  readonly ready: () => boolean;
  readonly counters: Counters;
  readonly shipper: Shipper;
};

export function createConnector(deps: ConnectorDeps): Connector {
  const { clock, logger, config, feed } = deps;
  const counters = createCounters(config.config);
  const report: Report = (event, facts) => logger(levelOf(event), event, facts);
  const shipper = createShipper({
    ...deps,
    clock: deps.shipping_clock,
    report: (it) => reportShipping(it, counters, report),
  });
  const safe = guarded(deps, (error) => fatal(error));
  const epochDeps: EpochDeps = { ...deps, ...safe, counters, report, shipper };
  const drops = createRateWindow();
  const gaps = createRateWindow();
  const frames = createRateWindow();
  const stream = createStreamWatch({
    clock: deps.shipping_clock,
    usage: deps.stream ?? (() => Promise.resolve({ bytes: 0, max_bytes: null })),
    alarm(usage) {
      countAlarm(counters, 'stream_half_full');
      report('alarm.raised', { alarm: 'stream_half_full', ...usage });
    },
  });
  const own = new Set<string>();
  const started_ms = nowMs();
  let epoch: Epoch | null = null;
  let tick: TimerHandle | null = null;
  let state: ConnectorState = 'OFFLINE';
  let reasons: readonly string[] = ['not started'];
  let per_minute = { drops: 0, gaps: 0, frames: 0 };
  let heartbeat_ms = started_ms;
  let disk_alarmed = false;
  /** What the epochs that are over counted. */
  const before = { drops: 0, gaps: 0, reconnects: 0 };
  /** Why the disk takes no new epoch (the system's code), null while it does. */
  let refused: string | null = null;
  let fatal: (error: unknown) => void = () => undefined;

  function nowMs(): number {
    return Number(clock.monoNs() / 1_000_000n);
  }

  function onTick(): void {
    tick = clock.setTimeout(onTick, TICK_MS);
    try {
      epoch?.tick();
      stream.tick();
      measure();
      watchDisk();
    } catch (error) {
      fatal(error);
    }
    if (nowMs() - heartbeat_ms < (deps.heartbeat_ms ?? HEARTBEAT_MS)) return;
    heartbeat_ms = nowMs();
    report('heartbeat', connector.status());
  }

  function measure(): void {
    const now = nowMs();
    counters.drops = before.drops + (epoch?.log.counts.dropped ?? 0);
    counters.gaps = before.gaps + (epoch?.log.counts.gaps ?? 0);
    per_minute = {
      drops: drops.add(now, counters.drops),
      gaps: gaps.add(now, counters.gaps),
      frames: frames.add(now, counters.frames),
    };
    const next = connectorState({
      log_failure: epoch?.log.failure() ?? refused,
      ...connectionCounts(epoch),
      queue_ratio: epoch?.publishing.queueRatio() ?? null,
      stream_ratio: stream.ratio(),
      drops: per_minute.drops,
      gaps: per_minute.gaps,
      phase: phaseNow(),
    });
    reasons = next.reasons;
    if (next.state === state) return;
    report('state_change', { from: state, to: next.state, reasons });
    state = next.state;
  }

  function phaseNow(): Phase {
    return epoch?.phase() ?? (refused === null ? 'stopped' : 'starting');
  }

  /** The quota is an alarm, written to the log like every limit that acts; capture goes on. */
  function watchDisk(): void {
    const bytes = localBytes();
    if (bytes <= deps.log_bytes_max) {
      disk_alarmed = false;
    } else if (!disk_alarmed && epoch !== null && epoch.phase() !== 'stopped') {
      disk_alarmed = true;
      const detail = `${bytes} bytes of log on this host, quota ${deps.log_bytes_max}`;
      epoch.log.fact('_alarm', { kind: 'disk', c: null, channel: null, symbol: null, detail });
      countAlarm(counters, 'disk');
      report('alarm.raised', { alarm: 'disk', detail });
    }
  }

  function reconnects(): number {
    return before.reconnects + (epoch?.connections.reconnects() ?? 0);
  }

  function localBytes(): number {
    return shipper.localBytes() + (epoch?.openBytes() ?? 0);
  }

  async function runEpochs(signal: AbortSignal): Promise<void> {
    let standby = false;
    let after = 0;
    while (!signal.aborted) {
      const current = await beginEpoch(signal, { standby, after });
      if (current === null) return;
      epoch = current;
      own.add(current.dir);
      const broken = new Promise<never>((_, reject) => (fatal = reject));
      const why = await Promise.race([current.over, aborted(signal), broken]);
      const fenced = why === 'stopped' ? null : why;
      // Only a younger epoch can claim the shard after its owner, whose clock may be ahead of ours.
      after = Math.max(current.id, fenced?.owner ?? 0);
      await closeEpoch(current, fenced?.reason ?? 'shutdown');
      own.delete(current.dir);
      before.drops += current.log.counts.dropped;
      before.gaps += current.log.counts.gaps;
      before.reconnects += current.connections.reconnects();
      epoch = null;
      standby = fenced !== null;
      if (standby) counters.takeovers += 1;
    }
  }

  /** A full disk takes no epoch: one is begun when space returns. Null where stopped before that. */
  async function beginEpoch(
    signal: AbortSignal,
    options: Parameters<typeof openEpoch>[1],
  ): Promise<Epoch | null> {
    while (!signal.aborted) {
      try {
        const opened = openEpoch(epochDeps, options);
        refused = null;
        return opened;
      } catch (error) {
        const code = diskRefusal(error);
        if (code === null) throw error;
        if (refused === null) report('epoch.open_failed', { error: String(error) });
        refused = code;
      }
      await pause(clock, msFromNs(WRITE_RETRY_NS), signal);
    }
    refused = null;
    return null;
  }

  async function closeEpoch(closing: Epoch, reason: string): Promise<void> {
    const finished = closing.close({ reason, drain_ms: reason === 'fenced' ? 0 : DRAIN_MS });
    if ((await inTime(finished, DRAIN_MS + SHIP_MS)) === 'late') {
      report('epoch.left_behind', { epoch: closing.id, segments_pending: shipper.pending() });
    }
  }

  async function recoverLeft(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const found = await recover(deps.dir, config.config, {
          ...deps,
          ...{ shipper, report },
          own: (dir) => own.has(dir),
          now_ms: msFromNs(deps.shipping_clock.wallNs()),
        });
        if (found.epochs > 0) report('recovery.finished', found);
        if (found.unclear === 0) return;
      } catch (error) {
        report('recovery.failed', { error: String(error) });
        // A full disk takes no repair either; it is made when space has returned.
        if (diskRefusal(error) === null) return;
      }
      await inTime(aborted(signal), STALE_MS);
    }
  }

  async function inTime(work: Promise<unknown>, limit_ms: number): Promise<'done' | 'late'> {
    let timer: TimerHandle | null = null;
    const late = new Promise<'late'>((resolve) => {
      timer = deps.shipping_clock.setTimeout(() => resolve('late'), limit_ms);
    });
    try {
      return await Promise.race([work.then(() => 'done' as const), late]);
    } finally {
      if (timer !== null) deps.shipping_clock.clearTimeout(timer);
    }
  }

  /** Made when somebody asks for the first time. */
  let metrics: ReturnType<typeof createMetrics> | null = null;

  const connector: Connector = {
    counters,
    shipper,
    async run(signal) {
      report('connector.started', { feed: feed.id, shard: config.config.shard, url: deps.url });
      const recovering = recoverLeft(signal);
      tick = clock.setTimeout(onTick, TICK_MS);
      try {
        await runEpochs(signal);
        await inTime(recovering, SHIP_MS);
      } finally {
        if (tick !== null) clock.clearTimeout(tick);
        shipper.stop();
        epoch?.abandon();
        epoch = null;
        state = 'OFFLINE';
        reasons = ['stopped'];
        report('connector.stopped', { frames: counters.frames, events: counters.events });
      }
    },
    status: () => ({
      feed: feed.id,
      shard: config.config.shard,
      state,
      reasons,
      phase: phaseNow(),
      epoch: epoch?.id ?? null,
      day: epoch?.day() ?? null,
      uptime_s: Math.round((nowMs() - started_ms) / 1000),
      frames: counters.frames,
      bytes: counters.bytes,
      events: counters.events,
      frames_per_second: Math.round(
        per_minute.frames / Math.min(60, Math.max(1, (nowMs() - started_ms) / 1000)),
      ),
      drops: counters.drops,
      gaps: counters.gaps,
      reconnects: reconnects(),
      alarms: Object.fromEntries(counters.alarms),
      book_checks: { ...counters.books },
      connections: connectionStatus(epoch),
      publishing: epoch?.publishing.status() ?? {},
      segments: {
        shipped: counters.segments,
        pending: shipper.pending(),
        local_bytes: localBytes(),
      },
      clock: deps.clocks?.status() ?? null,
    }),
    ready: () => epoch?.phase() === 'speaking' && (state === 'READY' || state === 'DEGRADED'),
    async metrics() {
      metrics ??= createMetrics(config.config, counters, gauges);
      return `${await metrics.text()}${(await deps.clocks?.metrics()) ?? ''}`;
    },
  };
  const gauges = (): Gauges => ({
    state,
    ...connectionCounts(epoch),
    reconnects: reconnects(),
    queue_ratio: epoch?.publishing.queueRatio() ?? 0,
    stream_ratio: stream.ratio(),
    lag_s: lagSeconds(epoch),
    local_log_bytes: localBytes(),
    segments_pending: shipper.pending(),
  });
  return connector;
}

function reportShipping(it: ShipperReport, counters: Counters, report: Report): void {
  const { type, ...facts } = it;
  if (it.type === 'shipped') {
    counters.segments += 1;
    counters.segment_bytes += it.bytes;
  }
  if (it.type === 'conflict') {
    counters.conflicts += 1;
    report('alarm.raised', { alarm: 'segment_conflict', ...facts });
  }
  if (it.type === 'lost') report('alarm.raised', { alarm: 'segment_lost', ...facts });
  if (it.type !== 'shipped') report(`segment.${type}`, facts);
}

const WARNINGS = new Set(['alarm.raised', 'clock.stepped', 'segment.retry', 'segment.conflict']);

function levelOf(event: string): 'info' | 'warn' | 'error' {
  if (event.endsWith('failed') || /^segment\.(not_shipped|lost)$/.test(event)) return 'error';
  return WARNINGS.has(event) ? 'warn' : 'info';
}

function aborted(signal: AbortSignal): Promise<'stopped'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
}
