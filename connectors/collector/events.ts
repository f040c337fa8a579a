/** What the collector says: these events, as one JSON object a line, and nothing else. */

export const COLLECTOR_EVENTS = [
  'collector_start',
  'ws_connect',
  'ws_disconnect',
  'gap_detected',
  'queue_full_drop',
  'state_change',
  'heartbeat',
] as const;
export type CollectorEvent = (typeof COLLECTOR_EVENTS)[number];

export type Say = (event: CollectorEvent, facts: Readonly<Record<string, unknown>>) => void;

/** Lines of `queue_full_drop` and of `gap_detected` a second; what is over is counted in the next. */
export const DROP_LINES_PER_SECOND_MAX = 1;
export const GAP_LINES_PER_SECOND_MAX = 20;

/** Lets through so many lines a second; each says how many were kept back before it. */
export function createLineLimit(
  per_second: number,
  nowMs: () => number,
): { readonly pass: () => { readonly suppressed: number } | null } {
  let second = -1;
  let said = 0;
  let suppressed = 0;
  return {
    pass() {
      const now = Math.floor(nowMs() / 1000);
      if (now !== second) {
        second = now;
        said = 0;
      }
      if (said >= per_second) {
        suppressed += 1;
        return null;
      }
      said += 1;
      const before = suppressed;
      suppressed = 0;
      return { suppressed: before };
    },
  };
}
