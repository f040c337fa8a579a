/**
 * What a connector says about itself: READY, DEGRADED, OFFLINE or ERROR. Pure: measurements in, the
 * state and its reasons out. Process state is control, never archived.
 */
import { STREAM_RATIO_MAX } from './stream-watch.ts';

export type ConnectorState = 'READY' | 'DEGRADED' | 'OFFLINE' | 'ERROR';
/** Where in its life the epoch is: warming up, waiting for another to fall silent, or speaking. */
export type Phase = 'starting' | 'standby' | 'speaking' | 'stopped';

/** The queue to the bus fuller than this share is pressure. */
export const QUEUE_RATIO_MAX = 0.8;
/** More broken books than this in `RATE_WINDOW_MS` is not the market's noise. */
export const GAPS_PER_WINDOW_MAX = 10;
/** Dropped frames and gaps count for this long. */
export const RATE_WINDOW_MS = 60_000;

export type Measurements = {
  /** Why the log cannot be written, null while it can. */
  readonly log_failure: string | null;
  readonly connections: number;
  readonly connections_open: number;
  /** Subscriptions the venue refused, as long as nothing of them comes. */
  readonly refused: number;
  /** Share of the bounded queue to the bus that is full, 0..1; null where nothing is published. */
  readonly queue_ratio: number | null;
  /** Share of the bus's stream that is full, 0..1; null where it is not known. */
  readonly stream_ratio: number | null;
  /** Within the window. */
  readonly drops: number;
  readonly gaps: number;
  readonly phase: Phase;
};

export function connectorState(now: Measurements): {
  readonly state: ConnectorState;
  readonly reasons: readonly string[];
} {
  if (now.phase === 'stopped') return { state: 'OFFLINE', reasons: ['stopped'] };
  if (now.log_failure !== null) {
    return { state: 'ERROR', reasons: [`the log cannot be written: ${now.log_failure}`] };
  }
  if (now.connections_open === 0) {
    return { state: 'OFFLINE', reasons: [`none of ${now.connections} connections is open`] };
  }
  const reasons: string[] = [];
  if (now.phase === 'starting') reasons.push('warming up');
  if (now.phase === 'standby') reasons.push('standby: another connector speaks for this shard');
  if (now.connections_open < now.connections) {
    reasons.push(
      `${now.connections - now.connections_open} of ${now.connections} connections down`,
    );
  }
  if (now.refused > 0) reasons.push(`${now.refused} subscriptions refused by the venue`);
  if (now.queue_ratio !== null && now.queue_ratio > QUEUE_RATIO_MAX) {
    reasons.push(`queue to the bus ${Math.round(now.queue_ratio * 100)} % full`);
  }
  if (now.stream_ratio !== null && now.stream_ratio > STREAM_RATIO_MAX) {
    reasons.push(`stream of the bus ${Math.round(now.stream_ratio * 100)} % full`);
  }
  if (now.drops > 0) reasons.push(`${now.drops} frames dropped within a minute`);
  if (now.gaps > GAPS_PER_WINDOW_MAX) reasons.push(`${now.gaps} books broke within a minute`);
  return { state: reasons.length > 0 ? 'DEGRADED' : 'READY', reasons };
}

/** How much a running total grew within the last `RATE_WINDOW_MS`; fed once a second or so. */
export function createRateWindow(): { readonly add: (now_ms: number, total: number) => number } {
  const samples: { at: number; total: number }[] = [];
  return {
    add(now_ms, total) {
      samples.push({ at: now_ms, total });
      while (samples.length > 1 && (samples[1]?.at ?? now_ms) <= now_ms - RATE_WINDOW_MS)
        samples.shift();
      return total - (samples[0]?.total ?? total);
    },
  };
}
