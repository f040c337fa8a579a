/** Which time a command about clocks means: days, or hours and days back from now. */
import { invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import {
  NS_PER_HOUR,
  addDays,
  dayEnd,
  dayOf,
  dayStart,
  daysBetween,
  nsFromMs,
  parseDay,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';

export type SpanFlags = {
  readonly start?: string;
  readonly end?: string;
  readonly hours?: string;
  readonly days?: string;
};

/** Days a command about clocks reads at most: RAW has a segment a minute. */
export const CLOCK_DAYS_MAX = 31;

/** Instants `[from, to)`, and the days they touch. */
export type Span = { readonly from: bigint; readonly to: bigint; readonly days: readonly Day[] };

/**
 * `--start` and `--end` are days, both included; `--hours` or `--days` go back from now; else `hours`.
 * @throws SSMD_INVALID_INPUT with every fault
 */
export function spanOf(flags: SpanFlags, usual_hours: number, example: string): Span {
  const faults: Fault[] = [];
  const back = [flags.hours, flags.days].filter((it) => it !== undefined);
  if (back.length + (flags.start === undefined && flags.end === undefined ? 0 : 1) > 1) {
    const what = '--start and --end, --hours, and --days exclude each other';
    faults.push({ where: '--start', what });
  }
  const hours = countOf('--hours', flags.hours, CLOCK_DAYS_MAX * 24, faults);
  const days = countOf('--days', flags.days, CLOCK_DAYS_MAX, faults);
  const now = nsFromMs(Date.now());
  const start = dayIn('--start', flags.start, faults);
  const end = dayIn('--end', flags.end, faults);
  const length = hours ?? (days === null ? usual_hours : days * 24);
  let [from, to]: readonly [bigint, bigint] = [now - BigInt(length) * NS_PER_HOUR, now];
  if (start !== null || end !== null) {
    const first = start ?? end ?? dayOf(now);
    const last = end ?? dayOf(now);
    if (first > last) faults.push({ where: '--start', what: `${first} is after ${last}, its end` });
    else if (daysBetween(first, last).length > CLOCK_DAYS_MAX) {
      faults.push({ where: '--start', what: `more than ${CLOCK_DAYS_MAX} days up to ${last}` });
    }
    [from, to] = [dayStart(first), dayEnd(last)];
  }
  if (faults.length > 0) throw invalidInput('the command line', faults, example);
  return { from, to, days: daysBetween(dayOf(from), dayOf(to - 1n)) };
}

/** Yesterday, the last day that can be committed, where no days are given. */
export function archivedSpan(flags: SpanFlags, example: string): readonly Day[] {
  if (Object.values(flags).every((it) => it === undefined)) {
    return [addDays(dayOf(nsFromMs(Date.now())), -1)];
  }
  return spanOf(flags, 24, example).days;
}

function countOf(
  where: string,
  text: string | undefined,
  most: number,
  faults: Fault[],
): number | null {
  if (text === undefined) return null;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= most) return count;
  faults.push({ where, what: `'${text}' is no whole number from 1 to ${most}` });
  return null;
}

function dayIn(where: string, text: string | undefined, faults: Fault[]): Day | null {
  if (text === undefined) return null;
  const day = parseDay(text);
  if (day === null)
    faults.push({ where, what: `'${text}' is not a day`, hint: 'YYYY-MM-DD, in UTC' });
  return day;
}
