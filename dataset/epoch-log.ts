/**
 * What was found of a shard's day, as one log an epoch: when it took the shard, from where on its lines
 * belong to the day, who vouches for its end.
 */
import type { Inventory } from '../schema/log.ts';
import { dayEnd, dayStart, nsFromMs } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import type { SegmentSurvey } from './segment-survey.ts';

/** What was found of one shard's day. */
export type ShardFindings = {
  readonly feed: string;
  readonly shard: string;
  readonly day: Day;
  /** Segments of the day and of the hour before it, of all epochs. */
  readonly segments: readonly SegmentSurvey[];
  /** Epochs that began before those segments: when each took the shard, null if that is not found. */
  readonly earlier_takes: ReadonlyMap<number, bigint | null>;
  readonly inventories: readonly Inventory[];
  /** Those of the day before: who ended then is no part of this day. */
  readonly previous_inventories: readonly Inventory[];
  /** The first segment of the day after, of each epoch that goes on into it; absent: not looked for. */
  readonly next_segments?: readonly SegmentSurvey[];
  /** The last event of this day that the bus saw of an epoch, as far as the archiver saw. */
  readonly bus_seen: ReadonlyMap<number, bigint>;
};

/**
 * The last event of the day that the bus had of each epoch: as the archiver saw it, and as whoever took
 * the shard over found it, which RAW knows even where the stream is lost.
 */
export function busSeen({
  bus_seen,
  day,
  segments,
}: Pick<ShardFindings, 'bus_seen' | 'day' | 'segments'>): ReadonlyMap<number, bigint> {
  const last = new Map(bus_seen);
  for (const { seen } of segments.flatMap((it) => it.takes)) {
    if (seen === null || seen.t < dayStart(day) || seen.t >= dayEnd(day)) continue;
    const known = last.get(seen.epoch);
    if (known === undefined || seen.t > known) last.set(seen.epoch, seen.t);
  }
  return last;
}

/** One epoch's log, as far as it concerns the day. */
export type EpochLog = {
  readonly epoch: number;
  readonly segments: readonly SegmentSurvey[];
  readonly inventory: Inventory | null;
  /** When it took the shard: null never (as far as can be found). */
  readonly take: bigint | null;
  /** The epoch it took over from, and that one's last position on the bus; null: it knew of none. */
  readonly prev: { readonly epoch: number; readonly t: bigint } | null;
  /** Its `_day` line for this day. */
  readonly day_line: { readonly t: bigint; readonly segment: number } | null;
  readonly last: bigint | null;
};

/** The part of an epoch's log that is data: its lines in `[from, until)`, and the segments they are in. */
export type Stretch = {
  readonly from: bigint;
  readonly until: bigint;
  readonly segments: readonly SegmentSurvey[];
};

/**
 * Epochs that ended on the day before: its inventory says so, and nothing of the day contradicts it.
 * An inventory with end `day` says the opposite: such an epoch owes one of this day too.
 */
export function endedBefore(
  of: Pick<ShardFindings, 'day' | 'segments' | 'inventories' | 'previous_inventories'>,
): ReadonlySet<number> {
  const ended = of.previous_inventories.filter((it) => it.end !== 'day').map((it) => it.epoch);
  const here = new Set([
    ...of.segments.filter((it) => it.id.t >= dayStart(of.day)).map((it) => it.id.epoch),
    ...of.inventories.map((it) => it.epoch),
  ]);
  return new Set(ended.filter((epoch) => !here.has(epoch)));
}

/** The logs of all epochs that may have a part in the day. */
export function epochLogs(findings: ShardFindings): EpochLog[] {
  const ended = endedBefore(findings);
  const byEpoch = new Map<number, SegmentSurvey[]>();
  for (const segment of findings.segments) {
    const { epoch } = segment.id;
    if (!ended.has(epoch)) byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), segment]);
  }
  for (const { epoch } of findings.inventories) {
    if (!byEpoch.has(epoch)) byEpoch.set(epoch, []);
  }
  return [...byEpoch].map(([epoch, found]) => {
    const segments = [...found].sort((a, b) => (a.id.t < b.id.t ? -1 : 1));
    const day_at = segments.findIndex((it) => it.days.some(({ day }) => day === findings.day));
    const day_line = segments[day_at]?.days.find(({ day }) => day === findings.day) ?? null;
    const taken = segments.flatMap((it) => it.takes)[0];
    const earlier = findings.earlier_takes.get(epoch);
    // Where only the `_day` line tells that it had taken the shard: after it began, before the day.
    const known = day_line?.taken === true ? nsFromMs(epoch) : null;
    return {
      epoch,
      segments,
      inventory: findings.inventories.find((it) => it.epoch === epoch) ?? null,
      take: taken?.t ?? earlier ?? known,
      prev: taken?.prev ?? null,
      day_line: day_line === null ? null : { t: day_line.t, segment: day_at },
      last: lastOf(segments),
    };
  });
}

/**
 * Whether all of the log that could hold a `_take` is there: from its `_day` line on, which says that it
 * had not taken the shard by then.
 */
export function isUnbroken({ segments, inventory, day_line }: EpochLog): boolean {
  if (day_line === null) return false;
  const keys = new Set(segments.map((it) => it.key));
  const own = segments.slice(day_line.segment);
  const first = own[0]?.capture?.segment ?? 0;
  return (
    own.every((it, index) => it.state === 'whole' && it.capture?.segment === first + index) &&
    (inventory?.segments ?? []).every((it) => keys.has(it.key))
  );
}

/** From the segment with the day's `_day` line to the last that begins before `until`. */
export function segmentsOf(log: EpochLog, until: bigint): SegmentSurvey[] {
  return log.segments.slice(log.day_line?.segment ?? 0).filter((it) => it.id.t < until);
}

/** The first segment of the day after an epoch's stretch: what it logged once it had lost the shard. */
export function segmentAfter(log: EpochLog, until: bigint): SegmentSurvey | null {
  return log.segments.slice(log.day_line?.segment ?? 0).find((it) => it.id.t >= until) ?? null;
}

/**
 * Whether the log itself proves the end of a stretch within the day, with or without an inventory: its
 * last segment goes past it, or is the one that the segment after it followed.
 */
export function isProvenTo(log: EpochLog, { until, segments }: Stretch): boolean {
  const last = segments.at(-1);
  if (last === undefined || last.state === 'unreadable') return false;
  if (last.last !== null && last.last >= until) return true;
  const next = segmentAfter(log, until)?.capture;
  return last.state === 'whole' && next?.previous_sha256 === last.sha256;
}

/** The last `t` of some segments' lines. */
export function lastOf(segments: readonly SegmentSurvey[]): bigint | null {
  let last: bigint | null = null;
  for (const segment of segments) {
    if (segment.last !== null && (last === null || segment.last > last)) last = segment.last;
  }
  return last;
}
