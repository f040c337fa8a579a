/**
 * From what the raw bucket holds of a shard's day to what the day is built from: which epoch speaks
 * when, from which segments, and which holes only someone who sees all of it can know.
 *
 * RAW of a shard is read as each epoch's interval `[_take, next _take)`; lines outside are warm-up. A
 * hole that the log itself records (a disconnect, a take-over) is an event and not repeated here.
 */
import type { Inventory } from '../schema/log.ts';
import { dayEnd, dayStart, formatIso } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import type { GapCause, ManifestGap, ManifestInput } from './manifest.ts';
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
  /** The last event of this day that the bus saw of an epoch. */
  readonly bus_seen: ReadonlyMap<number, bigint>;
};

/** One epoch's stretch of the day. */
export type Interval = {
  readonly epoch: number;
  /** It speaks in `[from, until)`. */
  readonly from: bigint;
  readonly until: bigint;
  /** From the one that holds its `_day` line on, in order; warm-up included. */
  readonly segments: readonly SegmentSurvey[];
};

export type ShardPlan = {
  readonly shard: string;
  readonly intervals: readonly Interval[];
  readonly gaps: readonly ManifestGap[];
  readonly inputs: readonly ManifestInput[];
  /**
   * Up to here no line is missing from the fold's input: what comes after a hole is rebuilt from RAW
   * even where the bus has it, since a fold that met the hole goes on differently.
   */
  readonly unbroken_until: bigint;
};

type EpochLog = {
  readonly epoch: number;
  readonly segments: readonly SegmentSurvey[];
  readonly inventory: Inventory | null;
  /** When it took the shard: -1 long before, null never (as far as can be found). */
  readonly take: bigint | null;
  /** Whether it knew of an epoch before it. */
  readonly knew_previous: boolean;
  /** Its `_day` line for this day. */
  readonly day_line: { readonly t: bigint; readonly segment: number } | null;
  readonly last: bigint | null;
};

/** Plans one shard's day. Pure: the same findings, the same plan. */
export function planShardDay(findings: ShardFindings): ShardPlan {
  const logs = epochLogs(findings);
  const gaps = new Gaps(findings);
  if (logs.length === 0) {
    gaps.add('shard_absent', null, gaps.start, gaps.end, 'no raw segment of this shard');
    return plan(findings, [], gaps, []);
  }
  const spans = speakingSpans(logs, gaps);
  let spoken_to = gaps.start;
  const intervals: Interval[] = [];
  const used = new Map<string, SegmentSurvey>();
  for (const { log, from, until } of spans) {
    if (intervals.length === 0 && from > gaps.start) {
      const detail = 'nobody spoke before the first epoch took the shard';
      gaps.add('before_first_take', log.epoch, gaps.start, from, detail);
    } else if (!log.knew_previous && from > spoken_to) {
      const detail = 'the epoch that followed did not know of the one before';
      gaps.add('handover', log.epoch, spoken_to, from, detail);
    }
    const segments = segmentsOf(log, until);
    for (const segment of segments) used.set(segment.key, segment);
    checkEpoch(findings, log, { from, until, segments }, gaps);
    intervals.push({ epoch: log.epoch, from, until, segments });
    spoken_to = log.last === null || log.last < from ? from : log.last;
  }
  for (const log of logs.filter((it) => it.segments.length === 0)) checkListedOnly(log, gaps);
  for (const [epoch, seen] of findings.bus_seen) {
    if (logs.some((log) => log.epoch === epoch)) continue;
    const detail = `the bus saw events of epoch ${epoch} up to ${formatIso(seen)}, RAW has none of it`;
    gaps.add('log_behind_bus', epoch, gaps.start, seen, detail);
  }
  if (intervals.length === 0) {
    const detail = 'no epoch has both its _day line and its _take in what is there';
    gaps.add('not_speaking', null, gaps.start, gaps.end, detail);
  }
  const inputs = [...used.values()].map(({ key, sha256, state }) => ({ key, sha256, state }));
  return plan(findings, intervals, gaps, inputs);
}

function plan(
  { shard }: ShardFindings,
  intervals: readonly Interval[],
  gaps: Gaps,
  inputs: readonly ManifestInput[],
): ShardPlan {
  return { shard, intervals, gaps: gaps.list, inputs, unbroken_until: gaps.unbroken_until };
}

/** Gaps of one shard's day, clipped to it. */
class Gaps {
  readonly list: ManifestGap[] = [];
  readonly start: bigint;
  readonly end: bigint;
  unbroken_until: bigint;
  readonly #shard: string;

  constructor({ shard, day }: ShardFindings) {
    this.#shard = shard;
    this.start = dayStart(day);
    this.end = dayEnd(day);
    this.unbroken_until = this.end;
  }

  /** Lines are missing from `from` on, be it in the warm-up. */
  breakOff(from: bigint): void {
    if (from < this.unbroken_until) this.unbroken_until = from;
  }

  add(cause: GapCause, epoch: number | null, from: bigint, to: bigint, detail: string): void {
    const first = from < this.start ? this.start : from;
    const last = to > this.end ? this.end : to;
    if (first > last || (first === last && first === this.end)) return;
    this.list.push({
      shard: this.#shard,
      epoch,
      cause,
      from: first.toString(),
      to: last.toString(),
      detail,
    });
  }
}

function epochLogs(findings: ShardFindings): EpochLog[] {
  const byEpoch = new Map<number, SegmentSurvey[]>();
  for (const segment of findings.segments) {
    const known = byEpoch.get(segment.id.epoch) ?? [];
    byEpoch.set(segment.id.epoch, [...known, segment]);
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
    return {
      epoch,
      segments,
      inventory: findings.inventories.find((it) => it.epoch === epoch) ?? null,
      take: taken?.t ?? earlier ?? (day_line?.taken === true ? -1n : null),
      knew_previous: taken === undefined || taken.prev !== null,
      day_line: day_line === null ? null : { t: day_line.t, segment: day_at },
      last: lastOf(segments),
    };
  });
}

/** Who speaks when, within the day; epochs that never do are left out, or are a gap. */
function speakingSpans(
  logs: readonly EpochLog[],
  gaps: Gaps,
): { log: EpochLog; from: bigint; until: bigint }[] {
  const taking = logs.filter((log) => log.take !== null);
  taking.sort((a, b) => compare(a.take ?? 0n, b.take ?? 0n) || a.epoch - b.epoch);
  const spans: { log: EpochLog; from: bigint; until: bigint }[] = [];
  for (const [index, log] of taking.entries()) {
    const take = log.take ?? 0n;
    const next = taking[index + 1]?.take ?? gaps.end;
    const until = next < gaps.end ? next : gaps.end;
    const from = take > gaps.start ? take : gaps.start;
    if (from >= until) continue;
    const in_day = log.last !== null && log.last >= gaps.start;
    if (log.day_line !== null) spans.push({ log, from, until });
    else if (in_day) {
      const detail = `epoch ${log.epoch} has no readable _day line for the day`;
      gaps.add('not_speaking', log.epoch, from, until, detail);
    }
  }
  for (const log of logs) {
    // A log nobody vouches for, without a take: a standby that never spoke, or a lost beginning.
    const started_here = log.segments.some((it) => it.capture?.segment === 0);
    if (log.take === null && !started_here && log.last !== null && log.last >= gaps.start) {
      const detail = `epoch ${log.epoch} has lines of the day, its _take cannot be found`;
      gaps.add('not_speaking', log.epoch, log.segments[0]?.first ?? gaps.start, log.last, detail);
    }
  }
  return spans;
}

/** From the segment with the day's `_day` line to the last that begins before `until`. */
function segmentsOf(log: EpochLog, until: bigint): SegmentSurvey[] {
  return log.segments.slice(log.day_line?.segment ?? 0).filter((it) => it.id.t < until);
}

/** Holes within one epoch's stretch of the day, and at its end. */
function checkEpoch(
  findings: ShardFindings,
  log: EpochLog,
  span: { from: bigint; until: bigint; segments: readonly SegmentSurvey[] },
  gaps: Gaps,
): void {
  const hole = (cause: GapCause, from: bigint, to: bigint, detail: string): void => {
    gaps.breakOff(from);
    // Before its stretch or after it the epoch's lines are not data.
    const first = from < span.from ? span.from : from;
    if (first <= span.until) gaps.add(cause, log.epoch, first, min(to, span.until), detail);
  };
  for (const [index, segment] of span.segments.entries()) {
    const before = span.segments[index - 1];
    const next = span.segments[index + 1];
    const after = next?.first ?? next?.id.t ?? span.until;
    if (segment.state !== 'whole' && segment.fault !== null) {
      const from = segment.state === 'prefix' ? (segment.last ?? segment.id.t) : segment.id.t;
      const { line, detail } = segment.fault;
      hole('segment_corrupt', from, after, `${segment.key} line ${line}: ${detail}`);
    }
    if (before !== undefined) checkChain(before, segment, log.inventory, hole);
    const listed = log.inventory?.segments.find((it) => it.key === segment.key);
    if (segment.state === 'whole' && listed !== undefined && listed.sha256 !== segment.sha256) {
      const detail = `${segment.key}: listed with sha256 ${listed.sha256}, found ${segment.sha256}`;
      hole('segment_corrupt', segment.id.t, after, detail);
    }
  }
  checkListed(log, span.segments, hole);
  checkEnd(findings, log, span.until, gaps);
}

/** A gap names its missing segments by key up to here: hours of them would fill a report. */
const KEYS_NAMED_MAX = 5;

type Hole = (cause: GapCause, from: bigint, to: bigint, detail: string) => void;

function checkChain(
  before: SegmentSurvey,
  segment: SegmentSurvey,
  inventory: Inventory | null,
  hole: Hole,
): void {
  const expected = (before.capture?.segment ?? 0) + 1;
  const found = segment.capture?.segment ?? expected;
  const from = before.last ?? before.id.t;
  const to = segment.first ?? segment.id.t;
  if (found !== expected) {
    const listed = (inventory?.segments ?? [])
      .filter((it) => it.segment >= expected && it.segment < found)
      .map((it) => it.key);
    const numbers = `segments ${expected} to ${found - 1} of the epoch`;
    const which =
      listed.length === 0 || listed.length > KEYS_NAMED_MAX ? numbers : listed.join(', ');
    hole('segment_missing', from, to, `not there, before ${segment.key}: ${which}`);
    return;
  }
  const previous = segment.capture?.previous_sha256;
  if (before.state === 'whole' && previous !== undefined && previous !== before.sha256) {
    const detail = `${before.key} is not the segment that ${segment.key} followed`;
    hole('chain_broken', before.id.t, to, detail);
  }
}

/** An epoch of which only the inventory is left. */
function checkListedOnly({ epoch, inventory }: EpochLog, gaps: Gaps): void {
  const listed = inventory?.segments ?? [];
  const [first] = listed;
  const last = listed.at(-1);
  if (first === undefined || last === undefined) return;
  const detail = `all ${listed.length} segments the inventory lists are not there, from ${first.key}`;
  const to = BigInt(last.last ?? gaps.end) + 1n;
  gaps.add('segment_missing', epoch, BigInt(first.first ?? gaps.start), to, detail);
}

/** Segments the inventory lists that are not there, beyond those the numbers already told of. */
function checkListed(log: EpochLog, present: readonly SegmentSurvey[], hole: Hole): void {
  const keys = new Set(log.segments.map((it) => it.key));
  const last_number = present.at(-1)?.capture?.segment ?? -1;
  for (const listed of log.inventory?.segments ?? []) {
    if (keys.has(listed.key) || (listed.segment < last_number && present.length > 0)) continue;
    const from = listed.first === null ? 0n : BigInt(listed.first);
    const to = listed.last === null ? from : BigInt(listed.last) + 1n;
    hole('segment_missing', from, to, `listed in the inventory and not there: ${listed.key}`);
  }
}

/** Does the log reach the end of its stretch, and who says so? */
function checkEnd(findings: ShardFindings, log: EpochLog, until: bigint, gaps: Gaps): void {
  const last = log.last ?? gaps.start;
  const seen = findings.bus_seen.get(log.epoch);
  if (seen !== undefined && seen > last && last < until) {
    const detail = `the bus saw events up to ${formatIso(seen)}, the log ends before`;
    gaps.add('log_behind_bus', log.epoch, last, min(seen, until), detail);
  }
  if (log.inventory === null) {
    const detail = `no inventory of epoch ${log.epoch}: nobody vouches for the end of its log`;
    gaps.add('inventory_missing', log.epoch, last, until, detail);
  } else if (until === gaps.end && log.inventory.end !== 'day') {
    const detail = `epoch ${log.epoch} ended (${log.inventory.end}) and none followed`;
    gaps.add('epoch_ended', log.epoch, last, until, detail);
  }
}

function lastOf(segments: readonly SegmentSurvey[]): bigint | null {
  let last: bigint | null = null;
  for (const segment of segments) {
    if (segment.last !== null && (last === null || segment.last > last)) last = segment.last;
  }
  return last;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
