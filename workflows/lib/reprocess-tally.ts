/** What came of the days of a range so far: sums, and the days that failed by name. */
import type { DayDiff } from '../../activities/diff.ts';
import type { ReprocessDayReport } from '../reprocess-day.ts';
import { addDays } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';

export type Tally = {
  readonly built: number;
  /** Committed before under the same label, from the same inputs. */
  readonly unchanged: number;
  /** Of both, days whose RAW has holes that their manifests name. */
  readonly incomplete: number;
  readonly failed: readonly { readonly day: string; readonly why: string }[];
  /** Days by what their comparison said; those nothing served before were not compared. */
  readonly verdicts: Readonly<Record<DayDiff['verdict'] | 'nothing_to_compare', number>>;
  readonly events: DayDiff['events'];
  /** Gaps that the days served before do not have: where one is gone and another came, one is added. */
  readonly gaps_added: number;
  /** Gaps that only the days served before have. */
  readonly gaps_gone: number;
  /** Days whose events are of another schema than what was served: what readers find is all changed. */
  readonly schema_changed: number;
  /** What would move, and from where: each day as it was when it was compared. */
  readonly moves: readonly Stretch[];
  /** Reports of days that differ, the first few. */
  readonly reports: readonly string[];
};

/** Days that were served by one version when they were compared; null: by none. */
export type Stretch = { readonly from: string; readonly to: string; readonly was: string | null };

const REPORTS_KEPT = 10;
const WHY_CHARS_MAX = 300;

export const emptyTally: Tally = {
  built: 0,
  unchanged: 0,
  incomplete: 0,
  failed: [],
  verdicts: { identical: 0, projected: 0, differs: 0, nothing_to_compare: 0 },
  events: { old: 0, new: 0, equal: 0, changed: 0, added: 0, removed: 0, dropped: 0 },
  gaps_added: 0,
  gaps_gone: 0,
  schema_changed: 0,
  moves: [],
  reports: [],
};

/** A day's report added; a day that was tried again replaces its failure. */
export function collect(tally: Tally, report: ReprocessDayReport): Tally {
  const failed = tally.failed.filter((it) => it.day !== report.day);
  if (report.outcome === 'failed') {
    const why = report.why.slice(0, WHY_CHARS_MAX);
    const all = [...failed, { day: report.day, why }];
    return { ...tally, failed: all.sort((a, b) => (a.day < b.day ? -1 : 1)) };
  }
  const { day, was, diff } = report;
  // What serves the day already has nothing to move, and nothing to be compared with.
  const is_served = was === report.version;
  const moves = is_served ? tally.moves : withDay(tally.moves, { from: day, to: day, was });
  const kind = diff === null ? 'nothing_to_compare' : diff.verdict;
  const verdicts = is_served
    ? tally.verdicts
    : { ...tally.verdicts, [kind]: tally.verdicts[kind] + 1 };
  const counted = report.outcome === 'built' ? 'built' : 'unchanged';
  const incomplete = tally.incomplete + (report.complete ? 0 : 1);
  const next = { ...tally, incomplete, failed, moves, verdicts, [counted]: tally[counted] + 1 };
  if (diff === null) return next;
  const { old, new: now, equal, changed, added, removed, dropped } = diff.events;
  const { events } = tally;
  // A run that was under way when its workers were replaced has days that were compared without these.
  const { schemas }: Partial<DayDiff> = diff;
  const gaps: Partial<DayDiff['gaps']> & Pick<DayDiff['gaps'], 'old' | 'new'> = diff.gaps;
  return {
    ...next,
    events: {
      old: events.old + old,
      new: events.new + now,
      equal: events.equal + equal,
      changed: events.changed + changed,
      added: events.added + added,
      removed: events.removed + removed,
      dropped: events.dropped + dropped,
    },
    gaps_added: tally.gaps_added + (gaps.added ?? (gaps.equal ? 0 : gaps.new)),
    gaps_gone: tally.gaps_gone + (gaps.gone ?? (gaps.equal ? 0 : gaps.old)),
    schema_changed: tally.schema_changed + (schemas?.old === schemas?.new ? 0 : 1),
    reports:
      diff.verdict === 'differs'
        ? [...tally.reports, diff.html].slice(0, REPORTS_KEPT)
        : tally.reports,
  };
}

/** Neighbours that were served alike are one stretch, however the days came in. */
function withDay(stretches: readonly Stretch[], day: Stretch): Stretch[] {
  const sorted = [...stretches, day].sort((a, b) => (a.from < b.from ? -1 : 1));
  const merged: Stretch[] = [];
  for (const it of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && last.was === it.was && addDays(last.to as Day, 1) === it.from) {
      merged[merged.length - 1] = { ...last, to: it.to };
    } else merged.push(it);
  }
  return merged;
}

/** Only what was compared, in one schema, may move without anybody's word. */
export function isWithin(tally: Tally, max_changed: number): boolean {
  const { events, gaps_added, schema_changed, verdicts } = tally;
  if (schema_changed + verdicts.nothing_to_compare > 0) return false;
  const touched = events.changed + events.added + events.removed;
  const share = events.old === 0 ? (touched === 0 ? 0 : 1) : touched / events.old;
  return gaps_added === 0 && share <= max_changed;
}

export function tallyWords(tally: Tally): string {
  const { built, unchanged, incomplete, failed, verdicts, events, gaps_added, gaps_gone } = tally;
  const compared = Object.entries(verdicts)
    .filter(([, days]) => days > 0)
    .map(([verdict, days]) => `${days} ${verdict.replaceAll('_', ' ')}`);
  const said = [
    `${daysOf(built)} built`,
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ...(incomplete > 0 ? [`${daysOf(incomplete)} with holes in RAW`] : []),
    ...(failed.length > 0
      ? [`${failed.length} failed (${failed[0]?.day}: ${failed[0]?.why})`]
      : []),
    ...compared,
  ];
  const { changed, added, removed, dropped } = events;
  const touched = changed + added + removed + dropped;
  if (touched > 0) {
    said.push(`events: ${changed} changed, ${added} added, ${removed} removed, ${dropped} dropped`);
  }
  if (gaps_added + gaps_gone > 0) said.push(`gaps: ${gaps_added} added, ${gaps_gone} gone`);
  if (tally.schema_changed > 0) said.push(`${daysOf(tally.schema_changed)} of another schema`);
  return said.join(', ');
}

function daysOf(count: number): string {
  return `${count} day${count === 1 ? '' : 's'}`;
}
