/** Rules to days: which days are holidays, close early or open late, each with its name. */
import { dayNumber, easterSunday, isWeekend, nthWeekday, weekdayOf, yearOf } from './civil.ts';
import type { DayNumber } from './civil.ts';
import { isEffective } from './spec.ts';
import type {
  CalendarSpec,
  DayPattern,
  DayRule,
  EarlyCloseRule,
  HolidayRule,
  LateOpenRule,
} from './spec.ts';

export type SpecialDays = {
  readonly holidays: ReadonlyMap<DayNumber, HolidayRule>;
  readonly early_closes: ReadonlyMap<DayNumber, EarlyCloseRule>;
  readonly late_opens: ReadonlyMap<DayNumber, LateOpenRule>;
};

/** Every special day of the calendar's range, of its rules as they are written. */
export function specialDays(spec: CalendarSpec): SpecialDays {
  const holidays = placeHolidays(spec);
  const isTrading = (day: DayNumber): boolean => !holidays.has(day) && hasHours(spec, day);
  const place = <R extends DayRule>(rules: readonly R[]): Map<DayNumber, R> => {
    const placed = new Map<DayNumber, R>();
    for (const rule of rules) {
      for (const day of changedDays(rule, spec, isTrading)) {
        if (isTrading(day) && !placed.has(day)) placed.set(day, rule);
      }
    }
    return placed;
  };
  return {
    holidays,
    early_closes: place(spec.early_closes),
    late_opens: place(spec.late_opens),
  };
}

/** Whether the weekly hours open anything on a trade date, holidays aside. */
export function hasHours(spec: CalendarSpec, day: DayNumber): boolean {
  return spec.sessions.some(
    (it) => it.kind !== 'break' && it.days.includes(weekdayOf(day)) && isEffective(it, day),
  );
}

/** Holidays are few and far between: this many closed days in a row are no calendar. */
const STEPS_MAX = 31;

/**
 * First those that stand where they fall, then those that have to move, in the order of the file: a
 * holiday is never pushed off its own date by another that comes from elsewhere.
 */
function placeHolidays(spec: CalendarSpec): Map<DayNumber, HolidayRule> {
  const placed = new Map<DayNumber, HolidayRule>();
  const waiting: [DayNumber, HolidayRule][] = [];
  for (const rule of spec.holidays) {
    for (const day of daysOf(rule, spec, () => false)) {
      const at = standing(day, rule, placed);
      if (at === null) waiting.push([day, rule]);
      else if (!placed.has(at)) placed.set(at, rule);
    }
  }
  for (const [day, rule] of waiting) {
    let at = day;
    for (let steps = 0; steps < STEPS_MAX && !isFree(at, rule, placed); steps++) at += 1;
    placed.set(at, rule);
  }
  return placed;
}

/** Where a holiday stands without regard to those that move; null where it moves itself. */
function standing(
  day: DayNumber,
  rule: HolidayRule,
  placed: ReadonlyMap<DayNumber, HolidayRule>,
): DayNumber | null {
  const weekday = weekdayOf(day);
  switch (rule.observe) {
    case 'none':
      return day;
    case 'nearest_weekday':
      return weekday === 'sat' ? day - 1 : weekday === 'sun' ? day + 1 : day;
    case 'sunday_to_monday':
      return weekday === 'sun' ? day + 1 : day;
    case 'next_weekday':
      return isWeekend(day) ? null : day;
    case 'next_free':
      return isFree(day, rule, placed) ? day : null;
  }
}

function isFree(
  day: DayNumber,
  { observe }: HolidayRule,
  placed: ReadonlyMap<DayNumber, HolidayRule>,
): boolean {
  const works = observe === 'next_weekday' ? !isWeekend(day) : weekdayOf(day) !== 'sun';
  return works && !placed.has(day);
}

/** The days on which a rule changes the hours: those it finds, where they are observed. */
export function changedDays(
  rule: DayRule,
  spec: CalendarSpec,
  isTrading: (day: DayNumber) => boolean,
): DayNumber[] {
  return daysOf(rule, spec, isTrading).map((day) => standing(day, rule, NONE) ?? day);
}

const NONE: ReadonlyMap<DayNumber, HolidayRule> = new Map();

/** The days a rule finds by itself, from a year before the calendar's range to a year after it. */
export function daysOf(
  rule: DayRule,
  spec: CalendarSpec,
  isTrading: (day: DayNumber) => boolean,
): DayNumber[] {
  const found: DayNumber[] = [];
  const { from, to } = spec.valid;
  for (let year = yearOf(from) - 1; year <= yearOf(to) + 1; year++) {
    if (rule.except_years.includes(year)) continue;
    for (const day of patternDays(rule.pattern, year, spec, isTrading)) {
      const wanted = rule.days === null || rule.days.includes(weekdayOf(day));
      if (wanted && isEffective(rule, day)) found.push(day);
    }
  }
  return found;
}

function patternDays(
  pattern: DayPattern,
  year: number,
  spec: CalendarSpec,
  isTrading: (day: DayNumber) => boolean,
): readonly DayNumber[] {
  switch (pattern.rule) {
    case 'dates':
      return pattern.dates.filter((day) => yearOf(day) === year);
    case 'fixed':
      return [dayNumber(year, pattern.month, pattern.day)];
    case 'nth_weekday': {
      const day = nthWeekday(year, pattern.month, pattern.weekday, pattern.n);
      return day === null ? [] : [day];
    }
    case 'easter':
      return [easterSunday(year) + pattern.offset];
    case 'day_before':
    case 'day_after':
    case 'trading_day_before':
      return namedDays(pattern.of, year, spec).map((day) => {
        if (pattern.rule === 'day_after') return day + 1;
        let at = day - 1;
        if (pattern.rule === 'day_before') return at;
        for (let steps = 0; steps < STEPS_MAX && !isTrading(at); steps++) at -= 1;
        return at;
      });
  }
}

/** A year's own dates of what has a name, not those on which it is observed. */
function namedDays(name: string, year: number, spec: CalendarSpec): DayNumber[] {
  return [...spec.holidays, ...spec.early_closes, ...spec.late_opens]
    .filter((rule) => rule.name === name && !isRelative(rule))
    .flatMap((rule) => daysOf(rule, spec, () => false).filter((day) => yearOf(day) === year));
}

export function isRelative({ pattern }: DayRule): boolean {
  return 'of' in pattern;
}
