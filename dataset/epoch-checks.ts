/** Holes within one epoch's log: segments missing, damaged or mixed up, and an end nobody vouches for. */
import { formatIso } from '../schema/time.ts';
import { isProvenTo, lastOf, segmentAfter } from './epoch-log.ts';
import type { EpochLog, ShardFindings, Stretch } from './epoch-log.ts';
import type { GapCause } from './manifest.ts';
import type { SegmentSurvey } from './segment-survey.ts';
import type { Gaps } from './shard-gaps.ts';

/** Holes within one epoch's stretch of the day, and at its end. */
export function checkEpoch(
  findings: ShardFindings,
  log: EpochLog,
  span: Stretch,
  gaps: Gaps,
): void {
  const hole = (cause: GapCause, from: bigint, to: bigint, detail: string): void => {
    gaps.breakOff(from);
    // After its stretch the epoch's lines are not data. What is lost of its warm-up is a hole at its
    // beginning, without length: the fold begins without it, and nobody knows what it lacks.
    const first = from < span.from ? span.from : from;
    const last = to < first ? first : min(to, span.until);
    if (first <= span.until) gaps.add(cause, log.epoch, first, last, detail);
  };
  // Nothing of it is data, but it says what the stretch's last segment must be. At midnight it is one
  // of the day after: an inventory that forgot the day's last segments is found out.
  const next_day = findings.next_segments?.find((it) => it.id.epoch === log.epoch);
  const beyond = segmentAfter(log, span.until) ?? next_day ?? null;
  const chain = beyond === null ? span.segments : [...span.segments, beyond];
  let number = -1;
  for (const [index, segment] of chain.entries()) {
    const before = chain[index - 1];
    if (before !== undefined) checkChain({ before, segment, expected: number + 1 }, log, hole);
    if (segment === beyond) break;
    const next = chain[index + 1];
    const after = next?.first ?? next?.id.t ?? span.until;
    if (segment.state !== 'whole' && segment.fault !== null) {
      const from = segment.state === 'prefix' ? (segment.last ?? segment.id.t) : segment.id.t;
      const { line, detail } = segment.fault;
      hole('segment_corrupt', from, after, `${segment.key} line ${line}: ${detail}`);
    }
    number = segment.capture?.segment ?? number + 1;
    const listed = log.inventory?.segments.find((it) => it.key === segment.key);
    if (segment.state === 'whole' && listed !== undefined && listed.sha256 !== segment.sha256) {
      const detail = `${segment.key}: listed with sha256 ${listed.sha256}, found ${segment.sha256}`;
      hole('segment_corrupt', segment.id.t, after, detail);
    }
  }
  checkListed(log, span.segments, hole);
  checkEnd(findings, log, span, gaps);
}

/** A gap names its missing segments by key up to here: hours of them would fill a report. */
const KEYS_NAMED_MAX = 5;

type Hole = (cause: GapCause, from: bigint, to: bigint, detail: string) => void;

function checkChain(
  {
    before,
    segment,
    expected,
  }: { before: SegmentSurvey; segment: SegmentSurvey; expected: number },
  { inventory }: EpochLog,
  hole: Hole,
): void {
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
export function checkListedOnly({ epoch, inventory }: EpochLog, gaps: Gaps): void {
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
function checkEnd(findings: ShardFindings, log: EpochLog, span: Stretch, gaps: Gaps): void {
  const { until } = span;
  // What it logged after its stretch proves nothing of the stretch: only the chain to it does.
  if (isProvenTo(log, span)) return;
  const last = lastOf(span.segments) ?? gaps.start;
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

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
