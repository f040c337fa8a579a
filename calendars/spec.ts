/**
 * A market calendar as data: hours, and rules that name days. What a YAML file becomes once its shape is
 * good; nothing is computed yet. Times are seconds since midnight in the calendar's zone, 86,400 the
 * next midnight; days are numbers (`civil.ts`).
 */
import type { DayNumber, Weekday } from './civil.ts';

/** Kinds of sessions. What is asked without a kind is asked of the regular ones. */
export const SESSION_KINDS = ['pre', 'regular', 'post', 'night'] as const;
export type SessionKind = (typeof SESSION_KINDS)[number];

/**
 * What becomes of a holiday that meets a weekend, or another holiday.
 * `none`: it stays. `nearest_weekday`: Saturday's on Friday, Sunday's on Monday. `sunday_to_monday`:
 * Sunday's on Monday, Saturday's stays. `next_weekday`: off a weekend, to the next weekday that is
 * free. `next_free`: off a Sunday or a day taken, to the next that is neither.
 */
export const OBSERVANCES = [
  'none',
  'nearest_weekday',
  'sunday_to_monday',
  'next_weekday',
  'next_free',
] as const;
export type Observance = (typeof OBSERVANCES)[number];

/** Those that ask nothing of the other holidays. */
export const OBSERVANCES_ALONE = ['none', 'nearest_weekday', 'sunday_to_monday'] as const;

/** Where it stands in the file, to say what is wrong with it there. */
export type SpecPath = readonly (string | number)[];

/** The trade dates on which it counts, both included; null is without end. */
export type Effective = { readonly from: DayNumber | null; readonly until: DayNumber | null };

/** Hours of every trade date that falls on one of `days`. */
export type SessionRule = Effective & {
  readonly kind: SessionKind | 'break';
  readonly open: number;
  /** Days from the trade date to the one on which it opens: -1 is the evening before, else 0. */
  readonly open_offset: number;
  readonly close: number;
  /** 0 or 1. So a date's hours open before those of the next close, and dates that do not overlap are in order. */
  readonly close_offset: number;
  readonly days: readonly Weekday[];
  readonly path: SpecPath;
};

/** How a rule finds its days. */
export type DayPattern =
  | { readonly rule: 'dates'; readonly dates: readonly DayNumber[] }
  | { readonly rule: 'fixed'; readonly month: number; readonly day: number }
  | {
      readonly rule: 'nth_weekday';
      readonly month: number;
      readonly weekday: Weekday;
      readonly n: number;
    }
  | { readonly rule: 'easter'; readonly offset: number }
  | { readonly rule: RelativeRule; readonly of: string };

/** By a holiday's own date, wherever that is observed; the last only on days with sessions. */
export const RELATIVE_RULES = ['day_before', 'day_after', 'trading_day_before'] as const;
export type RelativeRule = (typeof RELATIVE_RULES)[number];

export type DayRule = Effective & {
  readonly name: string;
  readonly pattern: DayPattern;
  /** Only where the day found is one of these; null: whichever it is. */
  readonly days: readonly Weekday[] | null;
  readonly except_years: readonly number[];
  /** Of changed hours only those that need no other holidays: `OBSERVANCES_ALONE`. */
  readonly observe: Observance;
  readonly path: SpecPath;
};

export type HolidayRule = DayRule;

export type EarlyCloseRule = DayRule & {
  readonly close: number;
  /** When the `post` session ends that day; null where the calendar has none. */
  readonly post_close: number | null;
};

export type LateOpenRule = DayRule & { readonly open: number; readonly open_offset: number };

export type CalendarSpec = {
  readonly name: string;
  readonly tz: string;
  /** First and last trade date known; outside, every question is an error. */
  readonly valid: { readonly from: DayNumber; readonly to: DayNumber };
  readonly sessions: readonly SessionRule[];
  readonly holidays: readonly HolidayRule[];
  readonly early_closes: readonly EarlyCloseRule[];
  readonly late_opens: readonly LateOpenRule[];
};

/** Whether a rule counts on a day. */
export function isEffective({ from, until }: Effective, day: DayNumber): boolean {
  return (from === null || day >= from) && (until === null || day <= until);
}
