/**
 * Gaps as events: a hole is opened with its cause and where it begins, and closed when the type and
 * symbol speak again. At most one gap is open per type and symbol: the first cause stands.
 */
import { EVENT_TYPES } from '../schema/events.ts';
import { unixNs } from '../schema/time.ts';
import type { Emitter } from './emitter.ts';
import { FEED_KEY, TYPES } from './state.ts';
import type { DayState, Gap } from './state.ts';

/** `from`: the last instant the value was known good. */
export type GapFacts = Gap;

export function openGap(
  state: DayState,
  emitter: Emitter,
  speaking: boolean,
  key: number,
  gap: GapFacts,
): void {
  if (state.gaps.has(key)) return;
  state.gaps.set(key, gap.cause === 'refused' ? gap : { cause: gap.cause, from: gap.from });
  if (!speaking) return;
  emitter.emitStatus(state, Math.floor(key / TYPES), {
    kind: 'gap_opened',
    cause: gap.cause,
    about: aboutOf(key),
    connection: gap.connection ?? null,
    from: unixNs(gap.from),
    expected: gap.expected ?? null,
    received: gap.received ?? null,
  });
}

export function closeGap(
  state: DayState,
  emitter: Emitter,
  speaking: boolean,
  key: number,
  repaired: boolean,
): void {
  const gap = state.gaps.get(key);
  if (gap === undefined) return;
  state.gaps.delete(key);
  if (!speaking) return;
  emitter.emitStatus(state, Math.floor(key / TYPES), {
    kind: 'gap_closed',
    cause: gap.cause,
    about: aboutOf(key),
    from: unixNs(gap.from),
    to: unixNs(state.t),
    repaired: repaired ? 1 : 0,
  });
}

function aboutOf(key: number): string | null {
  return key === FEED_KEY ? null : (EVENT_TYPES[key % TYPES] ?? null);
}
