/**
 * Rebuilt days as a run carries them to the report: all of it is one payload, and a server takes none of
 * more than 2 MiB. However many days there are and whatever was found, each is there with its counts.
 */
import type { DayAudit } from '../../activities/audit-report.ts';

/** Findings that are carried; beyond, a day shows its first one, and counts the others. */
const FINDINGS_CARRIED_MAX = 1_000;
/** Of more days than a few; a detail that shows two lists of totals is longer. */
const DETAIL_CHARS_MAX = 300;
const DAYS_WHOLE = 5;
const FOREIGN_CARRIED_MAX = 500;

/** A day as it is carried beside those before it. */
export function carriedDay(before: readonly DayAudit[], day: DayAudit): DayAudit {
  const is_one_of_few = before.length < DAYS_WHOLE;
  const room = (max: number, used: (it: DayAudit) => number): number =>
    Math.max(1, max - before.reduce((sum, it) => sum + used(it), 0));
  const findings = day.findings
    .slice(
      0,
      room(FINDINGS_CARRIED_MAX, (it) => it.findings.length),
    )
    .map((it) => ({
      ...it,
      detail: is_one_of_few ? it.detail : it.detail.slice(0, DETAIL_CHARS_MAX),
    }));
  return {
    ...day,
    findings,
    findings_left_off: day.findings_left_off + day.findings.length - findings.length,
    foreign: day.foreign.slice(
      0,
      room(FOREIGN_CARRIED_MAX, (it) => it.foreign.length),
    ),
  };
}
