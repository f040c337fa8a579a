/**
 * When a schedule fires: sets of calendar fields, as Temporal matches them, in one canonical form, so that
 * what is wanted and what a server holds compare as texts, and the next times are known without one. Pure.
 */
import { openZone } from '../calendars/zone.ts';
import { MS_PER_DAY, SECONDS_PER_DAY, formatDate, weekdayIndex } from '../calendars/civil.ts';
import type { DayNumber } from '../calendars/civil.ts';

/** Fields of a wall clock; an empty list is any value. All have to match. Ascending, without repeats. */
export type FiringRule = {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days_of_month: readonly number[];
  /** 1 is January. */
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly weekdays: readonly number[];
  readonly years: readonly number[];
  /** For people who look at it. */
  readonly comment: string;
};

/** The union of `fire`, without what any rule of `skip` matches. */
export type FiringTimes = {
  readonly fire: readonly FiringRule[];
  readonly skip: readonly FiringRule[];
  /** IANA name; ours are all in UTC, which has no hour that is missing or comes twice. */
  readonly tz: string;
};

/** Every day at 00:00:00; the fields to change are given. */
export function rule(of: Partial<FiringRule> = {}): FiringRule {
  return {
    ...{ seconds: [0], minutes: [0], hours: [0], days_of_month: [], months: [], weekdays: [] },
    ...{ years: [], comment: '' },
    ...of,
  };
}

type Field = keyof Omit<FiringRule, 'comment'>;
/** From and to what a field goes; years are bounded by nothing here. */
export const FIELD_RANGES: { readonly [F in Exclude<Field, 'years'>]: readonly [number, number] } =
  {
    ...{ seconds: [0, 59], minutes: [0, 59], hours: [0, 23], days_of_month: [1, 31] },
    ...{ months: [1, 12], weekdays: [0, 6] },
  };

const DAY_NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `06:00:00 Mon..Fri`: one rule on one line, without its comment; equal where the rules are. */
export function ruleText(of: FiringRule): string {
  const clock = [of.hours, of.minutes, of.seconds].map((it) => listText(it, pad)).join(':');
  const dated = [of.years, of.months, of.days_of_month];
  const dates = dated.every((it) => it.length === 0)
    ? []
    : [dated.map((it) => listText(it, pad)).join('-')];
  const named = (it: number): string => DAY_NAMES[it] ?? String(it);
  const days = of.weekdays.length === 0 ? [] : [listText(of.weekdays, named)];
  return [clock, ...dates, ...days].join(' ');
}

function pad(it: number): string {
  return String(it).padStart(2, '0');
}

/** `*`, `6`, `Mon..Fri`, `03,17`. */
function listText(values: readonly number[], shown: (it: number) => string): string {
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return '*';
  const whole = values.length > 2 && last - first === values.length - 1;
  return whole ? `${shown(first)}..${shown(last)}` : values.map(shown).join(',');
}

/** How far ahead is looked for a time: a leap day may be eight years away. */
const LOOK_AHEAD_DAYS = 9 * 366;

/** The next `count` instants after `after_ms`, Unix ms; fewer where there are no more. */
export function nextTimes(times: FiringTimes, after_ms: number, count: number): number[] {
  const found: number[] = [];
  const first = openZone(times.tz).dayAt(after_ms);
  for (let day = first; day < first + LOOK_AHEAD_DAYS && found.length < count; day++) {
    found.push(...timesOfDay(times, day).filter((at) => at > after_ms));
  }
  return found.slice(0, count);
}

/** Instants in `(after_ms, until_ms]`, Unix ms, ascending. */
export function timesBetween(times: FiringTimes, after_ms: number, until_ms: number): number[] {
  const { dayAt } = openZone(times.tz);
  const found: number[] = [];
  for (let day = dayAt(after_ms); day <= dayAt(until_ms); day++) {
    found.push(...timesOfDay(times, day).filter((at) => at > after_ms && at <= until_ms));
  }
  return found;
}

/** Of a day on the wall, ascending. What its clocks skip is left out; what they show twice is there twice. */
function timesOfDay({ fire, skip, tz }: FiringTimes, day: DayNumber): number[] {
  const zone = openZone(tz);
  const found = new Set<number>();
  for (const of of fire.filter((it) => matchesDay(it, day))) {
    for (const second of secondsOf(of)) {
      if (skip.some((it) => matchesDay(it, day) && matchesSecond(it, second))) continue;
      for (const at of instantsOf(zone, day, second)) found.add(at);
    }
  }
  return [...found].toSorted((a, b) => a - b);
}

const HOUR_MS = 3_600_000;

/** All instants at which the wall shows this: none, one or two. */
function instantsOf(
  zone: ReturnType<typeof openZone>,
  day: DayNumber,
  second: number,
): readonly number[] {
  const wall_ms = day * MS_PER_DAY + second * 1_000;
  const near_ms = wall_ms - zone.offsetMs(wall_ms);
  // Offsets of the days around it are all there can be.
  const offsets = new Set([-24, -3, 0, 3, 24].map((h) => zone.offsetMs(near_ms + h * HOUR_MS)));
  const instants = [...offsets].map((it) => wall_ms - it);
  return instants.filter((at) => at + zone.offsetMs(at) === wall_ms);
}

/** A wall time within `days` from `from_ms` on that clocks skip or show twice; null where there is none. */
export function wallFault(
  times: FiringTimes,
  from_ms: number,
  days: number,
): { readonly date: string; readonly time: string; readonly fires: 0 | 2 } | null {
  const zone = openZone(times.tz);
  const first = zone.dayAt(from_ms);
  for (let day = first; day < first + days; day++) {
    for (const of of times.fire.filter((it) => matchesDay(it, day))) {
      for (const second of secondsOf(of)) {
        const { length } = instantsOf(zone, day, second);
        if (length === 1) continue;
        const time = new Date(second * 1_000).toISOString().slice(11, 16);
        return { date: formatDate(day), time, fires: length === 0 ? 0 : 2 };
      }
    }
  }
  return null;
}

function matchesDay(of: FiringRule, day: DayNumber): boolean {
  const [year, month, date] = formatDate(day).split('-').map(Number);
  return (
    has(of.years, year) &&
    has(of.months, month) &&
    has(of.days_of_month, date) &&
    has(of.weekdays, (weekdayIndex(day) + 1) % 7)
  );
}

function matchesSecond(of: FiringRule, second: number): boolean {
  const [hour, minute] = [Math.floor(second / 3_600), Math.floor(second / 60) % 60];
  return has(of.hours, hour) && has(of.minutes, minute) && has(of.seconds, second % 60);
}

function has(values: readonly number[], value: number | undefined): boolean {
  return values.length === 0 || (value !== undefined && values.includes(value));
}

function* secondsOf(of: FiringRule): Generator<number> {
  const all = (values: readonly number[], [from, to]: readonly [number, number]): number[] =>
    values.length > 0 ? [...values] : Array.from({ length: to - from + 1 }, (_, at) => from + at);
  for (const hour of all(of.hours, FIELD_RANGES.hours)) {
    for (const minute of all(of.minutes, FIELD_RANGES.minutes)) {
      for (const second of all(of.seconds, FIELD_RANGES.seconds)) {
        yield (hour * 3_600 + minute * 60 + second) % SECONDS_PER_DAY;
      }
    }
  }
}

/** Rules for single days, a rule for each month that has any: servers try rule by rule. */
export function rulesOfDays(
  days: readonly DayNumber[],
  at: Pick<FiringRule, 'hours' | 'minutes'>,
  comment: string,
): FiringRule[] {
  const months = new Map<string, number[]>();
  for (const day of days) {
    const date = formatDate(day);
    months.set(date.slice(0, 7), [...(months.get(date.slice(0, 7)) ?? []), Number(date.slice(8))]);
  }
  return [...months].toSorted().map(([month, days_of_month]) =>
    rule({
      ...at,
      years: [Number(month.slice(0, 4))],
      months: [Number(month.slice(5))],
      days_of_month,
      comment,
    }),
  );
}
