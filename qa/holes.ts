/**
 * Stretches of a day that are not known, from status events and from the manifest: gathered once
 * for the report, and by checks that must not blame the data for what a known hole explains.
 */
import type { ManifestGap } from '../dataset/manifest.ts';
import { formatEventId } from '../schema/event-id.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventOf, EventType, MarketEvent } from '../schema/events.ts';
import { unixNs } from '../schema/time.ts';
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
  const told: EventOf<'status'>[] = [];
  return {
    step(event) {
      if (event.type === 'status' && isOfGap(event)) told.push(event);
    },
    finish: () => holesOf(told.toSorted(asTold), context.to),
  };
}

function isOfGap({ kind }: EventOf<'status'>): boolean {
  return kind === 'gap_opened' || kind === 'gap_closed';
}

/**
 * The order in which a shard's fold said it, whichever symbol is read first: what is said of the feed in
 * a line comes before what that means for its markets.
 */
function asTold(a: EventOf<'status'>, b: EventOf<'status'>): number {
  if (a.t !== b.t) return a.t < b.t ? -1 : 1;
  return Number(isOfMarket(a)) - Number(isOfMarket(b)) || a.index - b.index;
}

function isOfMarket({ symbol }: EventOf<'status'>): boolean {
  return !symbol.startsWith('_FEED-');
}

function holesOf(told: readonly EventOf<'status'>[], end: UnixNs): Hole[] {
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

  for (const event of told) {
    if (isTakeOver(event)) endEpoch(event.shard, event.t);
    // From nobody known: it ends what was open and has no beginning, so it is no stretch of its own.
    if (event.cause === 'take_over' && event.from === null) continue;
    const key = `${event.shard} ${event.symbol} ${event.about ?? ''} ${event.cause ?? ''}`;
    const before = open.get(key);
    open.delete(key);
    if (event.kind === 'gap_closed') {
      closed.push(holeOf(before ?? event, event.to ?? event.t, event.repaired === 1));
    } else {
      if (before !== undefined) closed.push(holeOf(before, event.t, false));
      open.set(key, event);
    }
  }
  const lasting = [...open.values()].map((event) => holeOf(event, end, false));
  return [...closed, ...lasting].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
}

function isTakeOver(event: EventOf<'status'>): boolean {
  return event.kind === 'gap_opened' && event.cause === 'take_over';
}

function holeOf(event: EventOf<'status'>, to: UnixNs, repaired: boolean): Hole {
  return {
    source: 'events',
    symbol: isOfMarket(event) ? event.symbol : null,
    shard: event.shard,
    about: isEventType(event.about) ? [event.about] : null,
    cause: shortText(event.cause ?? 'unknown'),
    from: event.from ?? event.t,
    to,
    detail: shortText(event.detail ?? ''),
    expected: event.expected === null ? null : shortText(event.expected),
    received: event.received === null ? null : shortText(event.received),
    event: formatEventId(event),
    repaired,
  };
}

/** What only the manifest knows: of a shard, and of all that it captures. */
export function manifestHole(gap: ManifestGap): Hole {
  return {
    source: 'manifest',
    symbol: null,
    shard: gap.shard,
    about: null,
    cause: gap.cause,
    from: unixNs(BigInt(gap.from)),
    to: unixNs(BigInt(gap.to)),
    detail: gap.detail,
    ...{ expected: null, received: null, event: null },
    repaired: false,
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

/** What a gap says beyond its cause: the venue's words, and what was expected where something was. */
export function detailOf(gap: Pick<Hole, 'detail' | 'expected' | 'received'>): string {
  const { detail, expected, received } = gap;
  const compared =
    expected === null && received === null
      ? ''
      : `expected ${expected ?? 'none'}, received ${received ?? 'none'}`;
  return [detail, compared].filter(Boolean).join('; ');
}
