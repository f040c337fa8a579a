/** Whether a feed's market trades on a day: asked once a run, so that a newer calendar or zone changes none. */
import type { Calendar } from '../calendars/calendar.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import { activity } from './run.ts';

export type SessionDeps = {
  /** The calendar a feed's environment names; one that never closes where it names none. */
  readonly calendarOf: (feed: string) => Calendar;
};

/** What of a UTC day is to be expected. Instants are decimal text, as everywhere in JSON. */
export type DaySession = {
  readonly calendar: string;
  /** Whether anything is; a day that the calendar does not know is taken as one that trades. */
  readonly expected: boolean;
  readonly open: string | null;
  readonly close: string | null;
  /** It closes early or opens late. */
  readonly half: boolean;
  /** Why nothing is expected, or why it is half a day; of a day unknown to the calendar, that. */
  readonly reason: string | null;
};

export function createSessionActivities(deps: SessionDeps) {
  return {
    resolveSession: activity(
      (of: { readonly feed: string; readonly day: string }): Promise<DaySession> =>
        Promise.resolve(sessionOf(deps.calendarOf(of.feed), of.day as Day)),
    ),
  };
}

export type SessionActivities = ReturnType<typeof createSessionActivities>;

/** @param day a UTC day */
export function sessionOf(calendar: Calendar, day: Day): DaySession {
  const nothing = { calendar: calendar.name, open: null, close: null, half: false };
  try {
    const { first_open, last_close, dates, why } = calendar.utcDay(day);
    if (why !== null) {
      const holiday = why.reason === 'holiday' ? why.name : null;
      return { ...nothing, expected: false, reason: holiday ?? why.text };
    }
    const changed = dates.map((date) => calendar.day(date)).find(hasOtherHours);
    return {
      calendar: calendar.name,
      expected: true,
      open: first_open === null ? null : String(first_open),
      close: last_close === null ? null : String(last_close),
      half: changed !== undefined,
      reason: changed?.early_close ?? changed?.late_open ?? null,
    };
  } catch (error) {
    // Better a run that finds nothing than a day nobody archived, because a file was not renewed.
    if (!(error instanceof SsmdError)) throw error;
    return { ...nothing, expected: true, reason: error.message };
  }
}

function hasOtherHours(of: {
  readonly early_close: string | null;
  readonly late_open: string | null;
}): boolean {
  return of.early_close !== null || of.late_open !== null;
}
