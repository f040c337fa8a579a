/** Which runs are listed: what is typed, as a question to the server and as a filter of its answers. */
import type { Fault } from '../schema/errors.ts';
import { JOB_TYPES } from '../schema/jobs.ts';
import { suggestion } from '../schema/near-miss.ts';
import { parseDay } from '../schema/time.ts';
import { feedFault } from './flag-faults.ts';

/** Words of `--status`, each Temporal's own ones. */
export const STATUSES = {
  running: ['Running'],
  completed: ['Completed'],
  /** All that did not do what it was started for, and nobody called off. */
  failed: ['Failed', 'TimedOut', 'Terminated'],
  'timed-out': ['TimedOut'],
  terminated: ['Terminated'],
  cancelled: ['Canceled'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type StatusWord = keyof typeof STATUSES;

export type FilterFlags = {
  readonly status?: string;
  readonly type?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly start?: string;
  readonly end?: string;
  readonly days?: number;
  readonly outcome?: string;
};

/** What the server is asked, beside which queue it is. */
export function conditionsOf(flags: FilterFlags, now_ms: number): string[] {
  const { status, days } = flags;
  const conditions: string[] = [];
  if (status !== undefined && isStatus(status)) {
    const words = STATUSES[status].map((word) => `"${word}"`).join(', ');
    conditions.push(`ExecutionStatus IN (${words})`);
  }
  if (days !== undefined) {
    const from = new Date(now_ms - days * 86_400_000).toISOString();
    conditions.push(`StartTime >= "${from}"`);
  }
  return conditions;
}

type Filed = {
  readonly feed: string | null;
  readonly day: string | null;
  readonly outcome: string | null;
};

/**
 * The rest is judged here: a run that failed early, or on a server without our attributes, has not filed
 * itself, and is found all the same. A day is also one of a range, `2026-11-01..2026-11-20`.
 */
export function isWanted(row: Filed, { feed, date, start, end, outcome }: FilterFlags): boolean {
  if (feed !== undefined && row.feed !== feed) return false;
  if (outcome !== undefined && row.outcome !== outcome) return false;
  const [from, to] = [date ?? start, date ?? end];
  if (from === undefined && to === undefined) return true;
  if (row.day === null) return false;
  const [first = '', last = first] = row.day.split('..');
  return (to === undefined || first <= to) && (from === undefined || last >= from);
}

/** Everything that is wrong with the flags at once. */
export function filterFaults(flags: FilterFlags, feeds: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  const { status, type, feed, date, start, end } = flags;
  const oneOf = (where: string, word: string | undefined, known: readonly string[]): void => {
    if (word === undefined || known.includes(word)) return;
    faults.push({ where, what: `is '${word}'`, hint: suggestion(word, known) });
  };
  oneOf('--status', status, Object.keys(STATUSES));
  oneOf('--type', type, JOB_TYPES);
  const fault = feed === undefined ? null : feedFault(feed, feeds);
  if (fault !== null) faults.push(fault);
  for (const [where, day] of Object.entries({ '--date': date, '--start': start, '--end': end })) {
    if (day === undefined || parseDay(day) !== null) continue;
    faults.push({ where, what: `expected a day such as 2026-11-20, received '${day}'` });
  }
  if (date !== undefined && (start ?? end) !== undefined) {
    faults.push({ where: '--date', what: 'is one day; --start and --end are a range: give one' });
  }
  if (start !== undefined && end !== undefined && start > end) {
    faults.push({ where: '--start', what: `${start} is after --end ${end}` });
  }
  return faults;
}

function isStatus(word: string): word is StatusWord {
  return word in STATUSES;
}
