/** What RAW tells of clocks: how they were kept, span by span, and where they jumped. Pure. */
import { captureSpans } from '../dataset/captures.ts';
import type { CaptureSpan } from '../dataset/captures.ts';
import type { Capture } from '../schema/log.ts';

/** A segment's header, and the clock's lines in it. */
export type ClockSegment = {
  readonly capture: Capture;
  /** The minute it holds. */
  readonly t: bigint;
  readonly steps: readonly {
    readonly t: bigint;
    readonly step_ns: string;
    readonly bad: boolean;
    readonly detail: string;
  }[];
};

export type ClockHistory = CaptureSpan & { readonly feed: string; readonly host: string };

/** By feed, shard and epoch, in order of time. */
export function clockHistory(segments: readonly ClockSegment[]): ClockHistory[] {
  return [...byEpoch(segments).values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const { feed, shard, host, epoch } = first.capture;
    const found = own.map(({ capture, t }) => ({ id: { feed, shard, epoch, t }, capture }));
    const interval = { epoch, from: 0n, until: END_OF_TIME, segments: found };
    return captureSpans([{ shard, intervals: [interval] }]).map((it) => ({ ...it, feed, host }));
  });
}
const END_OF_TIME = 2n ** 63n;

export type ClockJumpFound = {
  readonly feed: string;
  readonly shard: string;
  readonly epoch: number;
  readonly location_id: string;
  readonly host: string;
  /** Instants as text. */
  readonly t: string;
  /** How far wall time moved against the monotonic clock; negative for back. */
  readonly by_us: number;
  /** When receive times could be trusted again; null where they were not by the end. */
  readonly until: string | null;
  readonly detail: string;
};

/** In order of time. A day begins by saying again what still holds: that is the same jump. */
export function clockJumps(segments: readonly ClockSegment[]): ClockJumpFound[] {
  const jumps: ClockJumpFound[] = [];
  for (const own of byEpoch(segments).values()) {
    let open: ClockJumpFound | null = null;
    let said = '';
    for (const { capture, steps } of own) {
      for (const { t, step_ns, bad, detail } of steps) {
        const word = `${step_ns} ${detail}`;
        if (open !== null && bad && word === said) continue;
        if (open !== null) jumps.push(bad ? open : { ...open, until: `${t}` });
        open = bad ? jumpAt(capture, t, step_ns, detail) : null;
        said = word;
      }
    }
    if (open !== null) jumps.push(open);
  }
  return jumps.sort((a, b) => (BigInt(a.t) < BigInt(b.t) ? -1 : 1));
}

function jumpAt(
  { feed, shard, epoch, location_id, host }: Capture,
  t: bigint,
  step_ns: string,
  detail: string,
): ClockJumpFound {
  const by_us = Number(BigInt(step_ns)) / 1_000;
  return { feed, shard, epoch, location_id, host, t: `${t}`, by_us, until: null, detail };
}

/** An epoch's segments, in order. */
function byEpoch(segments: readonly ClockSegment[]): Map<string, ClockSegment[]> {
  const sorted = segments.toSorted((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0));
  return Map.groupBy(
    sorted,
    ({ capture: { feed, shard, epoch, host } }) => `${feed} ${shard} ${epoch} ${host}`,
  );
}

/** The newest header of each feed and shard at a place. */
export function latestCaptures(segments: readonly ClockSegment[]): ClockSegment[] {
  const latest = new Map<string, ClockSegment>();
  for (const segment of segments) {
    const { feed, shard, location_id, host } = segment.capture;
    const name = `${location_id} ${host} ${feed} ${shard}`;
    const known = latest.get(name);
    if (known === undefined || known.t < segment.t) latest.set(name, segment);
  }
  return [...latest.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, it]) => it);
}
