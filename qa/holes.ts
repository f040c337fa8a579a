/**
 * Stretches of a day that are not known, from status events and from the manifest: gathered once
 * for the report, and by checks that must not blame the data for what a known hole explains.
 */
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventOf, EventType, MarketEvent } from '../schema/events.ts';
import type { UnixNs } from '../schema/time.ts';
import type { CheckContext, Hole } from './check.ts';
import { shortText } from './samples.ts';

/** Collects the gaps that status events open and close. */
export type HoleTracker = {
  readonly step: (event: MarketEvent) => void;
  /** All gaps, in order of their beginning; one still open ends with the day. */
  readonly finish: () => readonly Hole[];
};

export function trackHoles(context: Pick<CheckContext, 'to'>): HoleTracker {
  const open = new Map<string, EventOf<'status'>>();
  const closed: Hole[] = [];

  /** A gap ends with its epoch: the next one states anew what it does not know either. */
  function endEpoch(shard: string, t: UnixNs): void {
    for (const [key, opened] of open) {
      if (opened.shard !== shard) continue;
      closed.push(holeOf(opened, t, false));
      open.delete(key);
    }
  }

  return {
    step(event) {
      if (event.type !== 'status') return;
      if (isTakeOver(event)) endEpoch(event.shard, event.t);
      // From nobody known: it ends what was open and has no beginning, so it is no stretch of its own.
      if (event.cause === 'take_over' && event.from === null) return;
      const key = `${event.shard} ${event.symbol} ${event.about ?? ''} ${event.cause ?? ''}`;
      if (event.kind === 'gap_opened') {
        const before = open.get(key);
        if (before !== undefined) closed.push(holeOf(before, event.t, false));
        open.set(key, event);
      } else if (event.kind === 'gap_closed') {
        closed.push(holeOf(open.get(key) ?? event, event.to ?? event.t, event.repaired === 1));
        open.delete(key);
      }
    },
    finish() {
      const lasting = [...open.values()].map((event) => holeOf(event, context.to, false));
      return [...closed, ...lasting].sort((a, b) =>
        a.from < b.from ? -1 : a.from > b.from ? 1 : 0,
      );
    },
  };
}

function isTakeOver(event: EventOf<'status'>): boolean {
  return event.kind === 'gap_opened' && event.cause === 'take_over';
}

function holeOf(event: EventOf<'status'>, to: UnixNs, repaired: boolean): Hole {
  const compared =
    event.expected === null && event.received === null
      ? ''
      : `expected ${event.expected ?? 'none'}, received ${event.received ?? 'none'}`;
  return {
    source: 'events',
    symbol: event.symbol.startsWith('_FEED-') ? null : event.symbol,
    shard: event.shard,
    about: isEventType(event.about) ? [event.about] : null,
    cause: shortText(event.cause ?? 'unknown'),
    from: event.from ?? event.t,
    to,
    detail: shortText([event.detail ?? '', compared].filter(Boolean).join('; ')),
    repaired,
  };
}

function isEventType(word: string | null): word is EventType {
  return word !== null && (EVENT_TYPES as readonly string[]).includes(word);
}

/** Whether a hole explains what is missing of a symbol. */
export function concerns(hole: Hole, symbol: string, shard: string | null): boolean {
  if (hole.symbol !== null) return hole.symbol === symbol;
  return hole.shard === null || shard === null || hole.shard === shard;
}

export type Stretch = { readonly from: bigint; readonly to: bigint };

/** Overlapping and touching stretches as one, in order. */
export function mergeStretches(stretches: readonly Stretch[]): Stretch[] {
  const merged: { from: bigint; to: bigint }[] = [];
  for (const { from, to } of [...stretches].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to) {
      if (to > last.to) last.to = to;
    } else {
      merged.push({ from, to });
    }
  }
  return merged;
}

/** What is left of `[from, to)` without the `holes`, which are merged and in order. */
export function without(from: bigint, to: bigint, holes: readonly Stretch[]): Stretch[] {
  const left: Stretch[] = [];
  let at = from;
  for (const hole of holes) {
    if (hole.to <= at) continue;
    if (hole.from >= to) break;
    if (hole.from > at) left.push({ from: at, to: hole.from });
    at = hole.to > at ? hole.to : at;
  }
  if (at < to) left.push({ from: at, to });
  return left;
}

export function lengthOf(stretches: readonly Stretch[]): bigint {
  return stretches.reduce((sum, { from, to }) => sum + (to - from), 0n);
}
