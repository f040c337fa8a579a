/**
 * The schedules an environment is to have, as code: which jobs, of which feeds, when. Pure. All times are UTC,
 * which has no hour that is missing or comes twice; days are the data's UTC days, archived the morning after.
 */
import { dayNumber, formatDate, weekdayIndex } from '../calendars/civil.ts';
import type { DayNumber } from '../calendars/civil.ts';
import type { Calendar } from '../calendars/calendar.ts';
import type { JobType } from '../schema/jobs.ts';
import { formatIso } from '../schema/time.ts';
import type { Day, UnixNs } from '../schema/time.ts';
import { rule, rulesOfDays } from './schedule-times.ts';
import type { FiringRule, FiringTimes } from './schedule-times.ts';

/** What becomes of a due run while the one before still runs: beside it, after it (one waits), or not at all. */
export type Overlap = 'ALLOW_ALL' | 'BUFFER_ALL' | 'BUFFER_ONE' | 'SKIP';
export const OVERLAPS = ['ALLOW_ALL', 'BUFFER_ALL', 'BUFFER_ONE', 'SKIP'] as const;

export type WantedSchedule = {
  /** Also the begin of its runs' ids, to which the server adds the time they were due. */
  readonly id: string;
  readonly job: string;
  readonly input: object;
  readonly times: FiringTimes;
  readonly overlap: Overlap;
  /** A server that was away so long still starts what was due. */
  readonly catchup_ms: number;
  /** After a failure somebody has to look before it goes on. */
  readonly pause_on_failure: boolean;
};

/** Runs that were due while the server was away are made up for, up to a year. */
export const CATCHUP_MS = 365 * 86_400_000;

const STANDING: Omit<WantedSchedule, 'id' | 'job' | 'times'> = {
  input: {},
  overlap: 'BUFFER_ONE',
  catchup_ms: CATCHUP_MS,
  pause_on_failure: false,
};

/** What the environment has to say: its feeds. */
export type ScheduledFeeds = { readonly feeds: readonly string[] };

/**
 * @param calendars of a feed; only days on which it trades are due
 * @param now the calendars are spelled out from the year before this one to the end of the second after it
 */
export function desired(
  { feeds }: ScheduledFeeds,
  calendars: (feed: string) => Calendar,
  now: UnixNs,
): WantedSchedule[] {
  const daily = feeds.flatMap((feed): WantedSchedule[] => {
    const at = (hour: number): FiringTimes => mornings(calendars(feed), now, hour);
    // Days are independent, and each of them is the same whenever it is done: they never wait for each other.
    const own = { ...STANDING, overlap: 'ALLOW_ALL' } as const;
    return [
      // Checks have a schedule of their own, which waits for the archive.
      { ...own, ...job('daily-archive', feed), input: { feed, qa: false }, times: at(6) },
      { ...own, ...job('daily-qa', feed), input: { feed }, times: at(7) },
    ];
  });
  return [
    ...daily,
    { ...STANDING, ...job('archive-tier'), times: inUtc({ hours: [], minutes: [5] }) },
    { ...STANDING, ...job('audit'), times: inUtc({ hours: [9] }) },
    { ...STANDING, ...job('monthly-audit'), times: inUtc({ hours: [8], days_of_month: [1] }) },
    {
      ...STANDING,
      ...job('weekly-cleanup'),
      times: inUtc({ hours: [2], weekdays: [0] }),
      overlap: 'SKIP',
      pause_on_failure: true,
    },
  ];
}

function job(type: JobType, feed?: string): Pick<WantedSchedule, 'id' | 'job'> {
  return { id: feed === undefined ? type : `${type}/${feed}`, job: type };
}

function inUtc(of: Partial<FiringRule>): FiringTimes {
  return { fire: [rule(of)], skip: [], tz: 'UTC' };
}

const YEARS_BEFORE = 1;
const YEARS_AFTER = 2;

/**
 * The mornings after days on which a market is open: its usual weekdays, without those on which it is closed,
 * and with those on which it opens for once. Whole years, so that it changes once a year and not every day.
 * Beyond them, and beyond what the calendar knows, its usual weekdays are due and the job's own gate decides.
 */
export function mornings(calendar: Calendar, now: UnixNs, hour: number): FiringTimes {
  const year = Number(formatIso(now).slice(0, 4));
  const [known_from, known_to] = [calendar.valid.from, calendar.valid.to].map(numberOf);
  const from = Math.max(dayNumber(year - YEARS_BEFORE, 1, 1), (known_from ?? 0) + 1);
  const to = Math.min(dayNumber(year + YEARS_AFTER, 12, 31), (known_to ?? 0) - 1);
  const days: { readonly fires: DayNumber; readonly weekday: number; readonly open: boolean }[] =
    [];
  for (let day = from; day <= to; day++) {
    const open = calendar.utcDay(formatDate(day) as Day).open_ns > 0n;
    days.push({ fires: day + 1, weekday: (weekdayIndex(day + 1) + 1) % 7, open });
  }
  const weekdays = [0, 1, 2, 3, 4, 5, 6].filter((weekday) => {
    const of = days.filter((it) => it.weekday === weekday);
    return of.length === 0 || of.filter(({ open }) => open).length * 2 > of.length;
  });
  const hours = [hour];
  const at = { hours, minutes: [0] };
  const usual = (it: { readonly weekday: number }): boolean => weekdays.includes(it.weekday);
  const closed = days.filter((it) => usual(it) && !it.open).map(({ fires }) => fires);
  const extra = days.filter((it) => !usual(it) && it.open).map(({ fires }) => fires);
  const { name } = calendar;
  const comment = `the morning after a day of ${name}`;
  const every = rule({ ...at, comment, weekdays: weekdays.length === 7 ? [] : weekdays });
  return {
    fire: [every, ...rulesOfDays(extra, at, `${name} is open for once`)],
    skip: rulesOfDays(closed, at, `${name} was closed the day before`),
    tz: 'UTC',
  };
}

function numberOf(date: string): DayNumber {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  return dayNumber(year, month, day);
}
