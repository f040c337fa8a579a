/** READY, DEGRADED, OFFLINE or ERROR: measurements in, the state and its reasons out. */
import type { ConnectorState } from '../runtime/state.ts';

/** The queue fuller than this share is pressure. */
export const QUEUE_RATIO_MAX = 0.8;
/** More gaps than this within a minute is a high rate. */
export const GAPS_PER_MINUTE_MAX = 10;

export type CollectorMeasurements = {
  /** What ended or is ending it; null while it runs. */
  readonly fault: string | null;
  /** Why frames were given up by the writer, null while files are put. */
  readonly writer_failure: string | null;
  readonly connections: number;
  readonly connections_open: number;
  /** Venues of which no socket is open. */
  readonly venues_away: readonly string[];
  readonly queue_ratio: number;
  /** Within the last minute. */
  readonly drops: number;
  readonly gaps: number;
};

export function collectorState(now: CollectorMeasurements): {
  readonly state: ConnectorState;
  readonly reasons: readonly string[];
} {
  if (now.fault !== null) return { state: 'ERROR', reasons: [now.fault] };
  if (now.writer_failure !== null) {
    return { state: 'ERROR', reasons: [`files cannot be written: ${now.writer_failure}`] };
  }
  if (now.connections_open === 0) {
    return { state: 'OFFLINE', reasons: [`none of ${now.connections} connections is open`] };
  }
  const reasons = now.venues_away.map((venue) => `no socket of ${venue} is open`);
  if (now.queue_ratio > QUEUE_RATIO_MAX) {
    reasons.push(`queue ${Math.round(now.queue_ratio * 100)} % full`);
  }
  if (now.drops > 0) reasons.push(`${now.drops} frames lost within a minute`);
  if (now.gaps > GAPS_PER_MINUTE_MAX) reasons.push(`${now.gaps} gaps within a minute`);
  return { state: reasons.length > 0 ? 'DEGRADED' : 'READY', reasons };
}
