/**
 * From what the raw bucket holds of a shard's day to what the day is built from: which epoch speaks
 * when, from which segments, and which holes only someone who sees all of it can know.
 *
 * RAW of a shard is read as each epoch's interval, from its `_take` to the first of a younger epoch;
 * lines outside are warm-up. Only a younger epoch can take a shard over, so one that stood still between
 * its claim and its `_take` has lost the shard where a younger one took it meanwhile, whatever `t` says.
 * A hole that the log itself records (a disconnect, a take-over) is an event and not repeated here.
 */
import { formatIso } from '../schema/time.ts';
import { checkEpoch, checkListedOnly } from './epoch-checks.ts';
import { busSeen, epochLogs, isProvenTo, isUnbroken, lastOf, segmentsOf } from './epoch-log.ts';
import type { EpochLog, ShardFindings, Stretch } from './epoch-log.ts';
import type { ManifestGap, ManifestInput } from './manifest.ts';
import type { SegmentSurvey } from './segment-survey.ts';
import { Gaps } from './shard-gaps.ts';

/** Who speaks in one stretch of the day; its segments begin with the one that holds the `_day` line. */
export type Interval = Stretch & { readonly epoch: number };

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

/** Plans one shard's day. Pure: the same findings, the same plan. */
export function planShardDay(found: ShardFindings): ShardPlan {
  const findings = { ...found, bus_seen: busSeen(found) };
  const logs = epochLogs(findings);
  const gaps = new Gaps(findings);
  if (logs.length === 0) {
    gaps.add('shard_absent', null, gaps.start, gaps.end, 'no raw segment of this shard');
    checkSilent(findings, logs, [], gaps);
    return plan(findings, [], gaps, []);
  }
  const intervals: Interval[] = [];
  const used = new Map<string, SegmentSurvey>();
  let before: Span | null = null;
  const spans = speakingSpans(logs, gaps);
  for (const span of spans) {
    const { log, from, until, segments } = span;
    checkTakeOver(span, before, logs, gaps);
    for (const segment of segments) used.set(segment.key, segment);
    checkEpoch(findings, log, span, gaps);
    intervals.push({ epoch: log.epoch, from, until, segments });
    before = span;
  }
  for (const log of logs.filter((it) => it.segments.length === 0)) checkListedOnly(log, gaps);
  checkSilent(findings, logs, intervals, gaps);
  checkUnused(logs, spans, gaps);
  if (intervals.length === 0) {
    const detail = 'no epoch has both its _day line and its _take in what is there';
    gaps.add('not_speaking', null, gaps.start, gaps.end, detail);
  }
  checkVanished(logs, gaps);
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

type Span = Stretch & { readonly log: EpochLog };

/** Who speaks when, within the day; epochs that never do are left out, or are a gap. */
function speakingSpans(logs: readonly EpochLog[], gaps: Gaps): Span[] {
  const taking = logs.filter((log) => log.take !== null);
  taking.sort((a, b) => a.epoch - b.epoch);
  const spans: Span[] = [];
  for (const [index, log] of taking.entries()) {
    const take = log.take ?? 0n;
    const until = taking.slice(index + 1).reduce((at, it) => min(at, it.take ?? at), gaps.end);
    const from = max(take, gaps.start);
    if (from >= until) continue;
    if (log.day_line !== null) {
      spans.push({ log, from, until, segments: segmentsOf(log, until) });
      const { day_line } = log;
      const detail = `epoch ${log.epoch} has its _day line only after it took the shard`;
      if (day_line.t > from)
        gaps.add('not_speaking', log.epoch, from, min(day_line.t, until), detail);
    } else if (log.inventory === null && (log.last ?? 0n) < gaps.start) {
      const detail = `epoch ${log.epoch} spoke before the day and nothing says that it ended`;
      gaps.add('inventory_missing', log.epoch, from, until, detail);
    } else {
      const detail = `epoch ${log.epoch} has no readable _day line for the day`;
      gaps.add('not_speaking', log.epoch, from, until, detail);
    }
  }
  return spans;
}

/**
 * What lies between an epoch's `_take` and whoever spoke before it. The take-over's own event covers
 * it from `prev.t` on, and the log before it ends where its inventory says: what is left is a gap.
 */
function checkTakeOver(
  { log, from }: Span,
  before: Span | null,
  logs: readonly EpochLog[],
  gaps: Gaps,
): void {
  const { epoch, prev } = log;
  if (prev !== null && prev.epoch === before?.log.epoch) return;
  const spoken_to = before === null ? gaps.start : reachOf(before, gaps);
  const told_from = prev === null ? from : min(prev.t, from);
  if (told_from <= spoken_to) return;
  if (prev !== null && !logs.some((it) => it.epoch === prev.epoch)) {
    const detail = `RAW has nothing of epoch ${prev.epoch}, from which epoch ${epoch} took over`;
    gaps.add('inventory_missing', prev.epoch, spoken_to, told_from, detail);
  } else if (before === null) {
    const detail = 'nobody spoke before the first epoch took the shard';
    gaps.add('before_first_take', epoch, spoken_to, told_from, detail);
  } else {
    const detail =
      prev === null
        ? 'the epoch that followed did not know of the one before'
        : `the epoch that followed took over from epoch ${prev.epoch}, which did not speak`;
    gaps.add('handover', epoch, spoken_to, told_from, detail);
  }
}

/** Epochs that speak nowhere in the day: is that proven, and does the bus agree? */
function checkSilent(
  { bus_seen }: ShardFindings,
  logs: readonly EpochLog[],
  intervals: readonly Interval[],
  gaps: Gaps,
): void {
  for (const log of logs) {
    // Either a standby that never spoke, or its `_take` stands in what is not there.
    if (log.take !== null || log.last === null || log.last < gaps.start || isUnbroken(log))
      continue;
    const detail = `epoch ${log.epoch} has lines of the day, its _take cannot be found`;
    gaps.add('not_speaking', log.epoch, log.segments[0]?.first ?? gaps.start, log.last, detail);
  }
  for (const [epoch, seen] of bus_seen) {
    if (intervals.some((it) => it.epoch === epoch)) continue;
    const log = logs.find((it) => it.epoch === epoch);
    const last = log?.last ?? gaps.start;
    // It lost the shard and published until it noticed: its lines are here, and whose the data is then
    // is told of all epochs that had taken it.
    if (log !== undefined && log.take !== null && last >= seen) continue;
    const behind = `the bus saw events of epoch ${epoch} up to ${formatIso(seen)}, RAW has none of them`;
    gaps.add('log_behind_bus', epoch, last < seen ? last : gaps.start, seen, behind);
    const named = gaps.list.some((it) => it.cause === 'inventory_missing' && it.epoch === epoch);
    if (log !== undefined || named) continue;
    const detail = `neither segments nor an inventory of epoch ${epoch}, which the bus saw`;
    gaps.add('inventory_missing', epoch, gaps.start, seen, detail);
  }
}

/**
 * Epochs of which nobody knows whether they took the shard, because their host never said what they
 * wrote: where nobody's lines are the data after what is there of one, it may have spoken. The day
 * waits for it, and says whom it lacks.
 */
function checkVanished(logs: readonly EpochLog[], gaps: Gaps): void {
  const holes = [...gaps.list];
  for (const { epoch, take, inventory, last } of logs) {
    if (take !== null || inventory !== null || last === null) continue;
    if (holes.some((it) => it.cause === 'inventory_missing' && it.epoch === epoch)) continue;
    const hole = holes.find((it) => BigInt(it.to) > last);
    if (hole === undefined) continue;
    const detail =
      `no inventory of epoch ${epoch}, whose log breaks off before it took the shard: it may have ` +
      'spoken where nobody else did';
    gaps.add('inventory_missing', epoch, max(BigInt(hole.from), last), BigInt(hole.to), detail);
  }
}

/** Up to where an epoch's lines are the data. */
function reachOf({ log, ...stretch }: Span, gaps: Gaps): bigint {
  const { from, until, segments } = stretch;
  const whole = until === gaps.end ? log.inventory?.end === 'day' : isProvenTo(log, stretch);
  return whole ? until : min(max(lastOf(segments) ?? from, from), until);
}

/**
 * Lines of epochs that had the shard, where nobody's lines are the data: an epoch whose number is below
 * that of one before it speaks nowhere, and one that lost the shard may have outlived the other.
 */
function checkUnused(logs: readonly EpochLog[], spans: readonly Span[], gaps: Gaps): void {
  const told = gaps.list.map((it) => ({ from: BigInt(it.from), until: BigInt(it.to) }));
  const known = [...spans.map((it) => ({ from: it.from, until: reachOf(it, gaps) })), ...told];
  known.sort((a, b) => (a.from < b.from ? -1 : 1));
  for (const { epoch, take, last, inventory } of logs) {
    if (take === null) continue;
    const detail = `epoch ${epoch} had taken the shard, its lines are no data and nobody else's are`;
    const listed = (inventory?.segments ?? []).map((it) => BigInt(it.last ?? 0));
    const end = min(listed.reduce(max, last ?? 0n), gaps.end);
    let at = max(take, gaps.start);
    for (const { from, until } of known) {
      if (from > at && at < end) gaps.add('not_speaking', epoch, at, min(from, end), detail);
      at = max(at, until);
    }
    if (at < end) gaps.add('not_speaking', epoch, at, end, detail);
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
