/** What came of the days of a range so far: sums, and the days that failed by name. */
import type { DayDiff } from '../../activities/diff.ts';
import type { ReprocessDayReport } from '../reprocess-day.ts';

export type Tally = {
  readonly built: number;
  /** Committed before under the same label, from the same inputs. */
  readonly unchanged: number;
  readonly failed: readonly { readonly day: string; readonly why: string }[];
  /** Days by what their comparison said; those nothing served before were not compared. */
  readonly verdicts: Readonly<Record<DayDiff['verdict'] | 'nothing_to_compare', number>>;
  readonly events: DayDiff['events'];
  /** Gaps that the days served before do not have. */
  readonly gaps_added: number;
  /** Reports of days that differ, the first few. */
  readonly reports: readonly string[];
};

const REPORTS_KEPT = 10;
const WHY_CHARS_MAX = 300;

export const emptyTally: Tally = {
  built: 0,
  unchanged: 0,
  failed: [],
  verdicts: { identical: 0, projected: 0, differs: 0, nothing_to_compare: 0 },
  events: { old: 0, new: 0, equal: 0, changed: 0, added: 0, removed: 0, dropped: 0 },
  gaps_added: 0,
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
  const { diff } = report;
  const kind = diff === null ? 'nothing_to_compare' : diff.verdict;
  const verdicts = { ...tally.verdicts, [kind]: tally.verdicts[kind] + 1 };
  const counted = report.outcome === 'built' ? 'built' : 'unchanged';
  const next = { ...tally, failed, verdicts, [counted]: tally[counted] + 1 };
  if (diff === null) return next;
  const { old, new: now, equal, changed, added, removed, dropped } = diff.events;
  const { events } = tally;
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
    gaps_added: tally.gaps_added + Math.max(0, diff.gaps.new - diff.gaps.old),
    reports:
      diff.verdict === 'differs'
        ? [...tally.reports, diff.html].slice(0, REPORTS_KEPT)
        : tally.reports,
  };
}

export function tallyWords({ built, unchanged, failed, verdicts, events }: Tally): string {
  const compared = Object.entries(verdicts)
    .filter(([, days]) => days > 0)
    .map(([verdict, days]) => `${days} ${verdict.replaceAll('_', ' ')}`);
  const said = [
    `${built} days built`,
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
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
  return said.join(', ');
}
