/**
 * The inventory of an epoch's day: what it wrote, so that what is missing can be told from what never
 * was. Pure: closed segments in, the record out. `docs` of the record: `schema/log.ts`.
 */
import { rawSegmentKey } from '../../dataset/keys.ts';
import { LOG_FORMAT } from '../../schema/log.ts';
import type { Inventory, Origin } from '../../schema/log.ts';
import { dayOf } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ClosedSegment, ConnectionTally } from './log-writer.ts';

export type InventoryOf = {
  readonly feed: string;
  readonly shard: string;
  readonly epoch: number;
  readonly origin: Origin;
  readonly host: string;
};

export function segmentDay(segment: Pick<ClosedSegment, 'first'>): Day {
  return dayOf(BigInt(segment.first));
}

export function segmentKey(segment: ClosedSegment): string {
  return rawSegmentKey({ ...segment, t: BigInt(segment.first) });
}

/** The days an epoch has segments of, in order. */
export function daysOf(segments: readonly ClosedSegment[]): readonly Day[] {
  return [...new Set(segments.map(segmentDay))].sort();
}

type Known = { c: number; opened: string; closed: string | null; frames: number; touched: boolean };

/**
 * `segments`: all of the epoch's, in order; those of later days are not looked at, so that the record
 * of a day that is over does not depend on when it is written. A connection is listed on each day on
 * which it opened, closed or brought a frame; `frames` are that day's. `open`: in place of segments of
 * days before, the connections that outlived them (`openAfter`).
 */
export function buildInventory(
  of: InventoryOf,
  segments: readonly ClosedSegment[],
  day: Day,
  end: Inventory['end'],
  open: readonly ConnectionTally[] = [],
): Inventory {
  return {
    format: LOG_FORMAT,
    ...of,
    day,
    connections: connectionsBy(open, segments, day)
      .filter((connection) => connection.touched)
      .map(({ c, opened, closed, frames }) => ({ c, opened, closed, frames })),
    segments: segments
      .filter((segment) => segmentDay(segment) === day)
      .map((segment) => ({
        key: segmentKey(segment),
        segment: segment.segment,
        sha256: segment.sha256,
        bytes: segment.bytes,
        lines: segment.lines,
        first: segment.first,
        last: segment.last,
      })),
    end,
  };
}

/**
 * The connections that are open when `day` is over: all that inventories of later days need to know
 * of it and of what was before.
 */
export function openAfter(
  open: readonly ConnectionTally[],
  segments: readonly ClosedSegment[],
  day: Day,
): readonly ConnectionTally[] {
  return connectionsBy(open, segments, day)
    .filter(({ closed }) => closed === null)
    .map(({ c, opened }) => ({ c, opened, closed: null, frames: 0 }));
}

/** Every connection up to the end of `day`, `frames` and `touched` of that day. */
function connectionsBy(
  open: readonly ConnectionTally[],
  segments: readonly ClosedSegment[],
  day: Day,
): readonly Known[] {
  const connections = new Map<number, Known>();
  for (const { c, opened } of open) {
    connections.set(c, { c, opened: opened ?? '0', closed: null, frames: 0, touched: false });
  }
  for (const segment of segments) {
    const on = segmentDay(segment);
    if (on > day) continue;
    for (const { c, opened, closed, frames } of segment.connections) {
      const known = connections.get(c) ?? {
        c,
        opened: opened ?? segment.first,
        closed: null,
        frames: 0,
        touched: false,
      };
      connections.set(c, {
        ...known,
        closed: closed ?? known.closed,
        frames: known.frames + (on === day ? frames : 0),
        touched: known.touched || on === day,
      });
    }
  }
  return [...connections.values()];
}
