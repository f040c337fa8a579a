/**
 * The clock of a capture, watched while a connector runs: how it is kept, read from the machine again and
 * again; its jumps against the monotonic clock; and how far the venue's time is from ours. What changes is
 * said at once, in the log's events and in the metrics, and stands in the next segment's header.
 */
import { Gauge, Registry } from 'prom-client';
import type { EventArena } from '../../codec/event-arena.ts';
import type { SkewSummary, SkewTrend } from '../../qa/skew.ts';
import type { ClockHealth, Location } from '../../schema/clock.ts';
import type { Facts } from '../../schema/log.ts';
import { healthOf } from './clock-health.ts';
import type { ClockReading } from './clock-health.ts';
import type { Clock, TimerHandle } from './clock.ts';
import { createSkewWindow } from './skew-window.ts';

/** The machine is asked this often; it answers within `CLOCK_ASK_MS_MAX`, and nothing waits for it. */
export const CLOCK_READ_MS = 30_000;
/** A jump counts as detected for this long, so that a scrape each minute sees it. */
export const JUMP_SHOWN_MS = 120_000;

/** The clock stepped against the monotonic clock: when, as milliseconds since the Unix epoch. */
export type ClockJump = { readonly at_ms: number; readonly by_us: number };

/** What `/status` says of the clock. */
export type ClockStatusReport = ClockHealth & {
  readonly location_id: string;
  /** Who said so, null where nobody did. */
  readonly by: string | null;
  readonly expected_source: string | null;
  readonly expected_accuracy_us: number;
  readonly notes: readonly string[];
  /** Since the last answer of the machine, s. */
  readonly read_age_s: number;
  readonly jumps: number;
  readonly last_jump: ClockJump | null;
  /** Of the last ten minutes; null where the venue stated no time. */
  readonly exchange_skew: (SkewSummary & Pick<SkewTrend, 'word' | 'slope_us_per_s'>) | null;
  /** Of the last ten minutes: messages too far from the venue's time to be measured. */
  readonly exchange_beyond: number;
};

export type ClockWatch = {
  /** For `_capture`: as the machine said last. */
  readonly health: () => ClockHealth;
  /** What a line yielded. */
  readonly observe: (out: EventArena) => void;
  /** A `_clock` line was written. */
  readonly stepped: (fact: Facts['_clock']) => void;
  readonly status: () => ClockStatusReport;
  /** Prometheus text: absent values are absent. */
  readonly metrics: () => Promise<string>;
  readonly stop: () => void;
};

export type ClockWatchDeps = {
  readonly clock: Clock;
  readonly location: Location;
  readonly feed: string;
  /** Asks the machine; never rejects. */
  readonly read: () => Promise<ClockReading>;
  readonly logger: (level: 'info' | 'warn' | 'error', event: string, facts: object) => void;
};

/** Reads the clock once, then goes on reading it until `stop`. */
export async function startClockWatch(deps: ClockWatchDeps): Promise<ClockWatch> {
  const { clock, location, logger } = deps;
  const skew = createSkewWindow();
  let reading = await deps.read();
  let read_ms = nowMs();
  let stopped = false;
  let timer: TimerHandle | null = null;
  let jumps = 0;
  let last_jump: (ClockJump & { readonly mono_ms: number }) | null = null;
  let metrics: ReturnType<typeof createClockMetrics> | null = null;
  tell('info', reading);
  schedule();

  function nowMs(): number {
    return Number(clock.monoNs() / 1_000_000n);
  }

  function schedule(): void {
    timer = clock.setTimeout(() => void readAgain(), CLOCK_READ_MS);
  }

  async function readAgain(): Promise<void> {
    const next = await deps.read();
    if (stopped) return;
    const before = reading;
    reading = next;
    read_ms = nowMs();
    const same =
      before.clock_source === next.clock_source &&
      before.clock_sync_status === next.clock_sync_status;
    if (!same) tell(next.clock_sync_status === 'synced' ? 'info' : 'warn', next, before);
    schedule();
  }

  function tell(
    level: 'info' | 'warn',
    now: ClockReading,
    before: ClockReading | null = null,
  ): void {
    const from = before === null ? null : wordOf(before);
    logger(level, 'clock.status', {
      location: location.location_id,
      from,
      to: wordOf(now),
      ...now,
    });
  }

  function status(): ClockStatusReport {
    const { by, notes } = reading;
    const now = nowMs();
    const told = skew.summary(now);
    const { word, slope_us_per_s } = skew.trend(now);
    return {
      location_id: location.location_id,
      ...healthOf(reading),
      by,
      expected_source: location.clock.source,
      expected_accuracy_us: location.clock.expected_accuracy_us,
      notes,
      read_age_s: Math.round((now - read_ms) / 1_000),
      jumps,
      last_jump: last_jump === null ? null : { at_ms: last_jump.at_ms, by_us: last_jump.by_us },
      exchange_skew: told === null ? null : { ...told, word, slope_us_per_s },
      exchange_beyond: skew.beyond(now),
    };
  }

  return {
    health: () => healthOf(reading),
    observe: (out) => skew.observe(out, nowMs()),
    stepped({ step_ns, bad }) {
      if (!bad) return;
      jumps += 1;
      const at_ms = Number(clock.wallNs() / 1_000_000n);
      last_jump = { at_ms, by_us: Number(BigInt(step_ns)) / 1_000, mono_ms: nowMs() };
    },
    status,
    metrics: () =>
      (metrics ??= createClockMetrics(deps)).text(
        status(),
        last_jump !== null && nowMs() - last_jump.mono_ms < JUMP_SHOWN_MS,
        Number(clock.wallNs() / 1_000_000n),
      ),
    stop() {
      stopped = true;
      if (timer !== null) clock.clearTimeout(timer);
    },
  };
}

function wordOf({ clock_source, clock_sync_status }: ClockHealth): string {
  return `${clock_source} ${clock_sync_status}`;
}

const QUANTILES = [
  ['0.01', 'p1_us'],
  ['0.5', 'p50_us'],
  ['0.9', 'p90_us'],
  ['0.99', 'p99_us'],
] as const;

function createClockMetrics({ location, feed }: ClockWatchDeps) {
  const registry = new Registry();
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames: ['location', ...labelNames], registers: [registry] });
  const here = { location: location.location_id };
  const offset = gauge(
    'ssmd_clock_offset_us',
    'Our clock less true time, as its keeper says',
    'source',
  );
  const synced = gauge('ssmd_clock_sync_status', '1 synced, 0.5 degraded, 0 unsynced');
  const last_sync = gauge('ssmd_clock_last_sync_seconds', 'Since the clock was last set right');
  const jumped = gauge('ssmd_clock_jump_detected', '1 for two minutes after a jump');
  const magnitude = gauge('ssmd_clock_jump_magnitude_us', 'The last jump, negative for back');
  const mean = gauge(
    'ssmd_exchange_clock_skew_us',
    'Receive time less venue time, mean of 10 min',
    'feed',
  );
  const deviation = gauge('ssmd_exchange_clock_skew_stddev_us', 'Its deviation', 'feed');
  const quantile = gauge(
    'ssmd_exchange_clock_skew_quantile_us',
    'Its percentiles',
    'feed',
    'quantile',
  );
  const count = gauge('ssmd_exchange_clock_skew_messages', 'Messages measured in 10 min', 'feed');
  const beyond = gauge(
    'ssmd_exchange_clock_skew_beyond',
    'Messages off by over 67 s, 10 min',
    'feed',
  );
  return {
    text(now: ClockStatusReport, shown: boolean, now_ms: number): Promise<string> {
      for (const it of [offset, last_sync, magnitude, mean, deviation, quantile, count]) it.reset();
      synced.set(here, STATUS_VALUE[now.clock_sync_status]);
      jumped.set(here, shown ? 1 : 0);
      beyond.set({ ...here, feed }, now.exchange_beyond);
      if (now.clock_offset_us !== null) {
        offset.set({ ...here, source: now.clock_source }, now.clock_offset_us);
      }
      if (now.clock_last_sync !== null) {
        last_sync.set(here, Math.max(0, (now_ms - Date.parse(now.clock_last_sync)) / 1_000));
      }
      if (now.last_jump !== null) magnitude.set(here, now.last_jump.by_us);
      const { exchange_skew: skew } = now;
      if (skew !== null) {
        const of = { ...here, feed };
        mean.set(of, skew.mean_us);
        deviation.set(of, skew.stddev_us);
        count.set(of, skew.count);
        for (const [name, key] of QUANTILES) quantile.set({ ...of, quantile: name }, skew[key]);
      }
      return registry.metrics();
    },
  };
}
/** Of the requirements 1 and 0; what lies between is neither. */
const STATUS_VALUE = { synced: 1, degraded: 0.5, unsynced: 0 } as const;
