/**
 * Days of the Gregorian calendar as numbers, and the arithmetic that holiday rules need. No clock and
 * no time zone: a day here is a name on a wall calendar, wherever that hangs.
 */

/** Days since 1970-01-01. */
export type DayNumber = number;

/** `YYYY-MM-DD`: a date as an exchange names it, such as a trade date. No UTC day is meant. */
export type CivilDate = string;

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export const SECONDS_PER_DAY = 86_400;
export const MS_PER_DAY = 86_400_000;

/** Of a month from 1 to 12; days beyond its end run into the next. */
export function dayNumber(year: number, month: number, day: number): DayNumber {
  return Date.UTC(year, month - 1, day) / MS_PER_DAY;
}

/** `2025-01-09` to its number, or null where it is no date of the calendar. */
export function parseDate(text: string): DayNumber | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (match === null) return null;
  const number = dayNumber(Number(match[1]), Number(match[2]), Number(match[3]));
  return formatDate(number) === text ? number : null;
}

export function formatDate(day: DayNumber): CivilDate {
  return new Date(day * MS_PER_DAY).toISOString().slice(0, 10);
}

export function yearOf(day: DayNumber): number {
  return new Date(day * MS_PER_DAY).getUTCFullYear();
}

/** 0 is Monday, 6 Sunday. 1970-01-01 was a Thursday. */
export function weekdayIndex(day: DayNumber): number {
  return (((day + 3) % 7) + 7) % 7;
}

export function weekdayOf(day: DayNumber): Weekday {
  return WEEKDAYS[weekdayIndex(day)] ?? 'mon';
}

export function isWeekend(day: DayNumber): boolean {
  return weekdayIndex(day) >= 5;
}

/**
 * The nth weekday of a month: `n` from 1 to 5, or from -1 (the last) to -5. Null where the month has
 * no fifth.
 */
export function nthWeekday(
  year: number,
  month: number,
  weekday: Weekday,
  n: number,
): DayNumber | null {
  const first = dayNumber(year, month, 1);
  const last = dayNumber(year, month + 1, 1) - 1;
  const wanted = WEEKDAYS.indexOf(weekday);
  const at =
    n > 0
      ? first + ((wanted - weekdayIndex(first) + 7) % 7) + (n - 1) * 7
      : last - ((weekdayIndex(last) - wanted + 7) % 7) + (n + 1) * 7;
  return at >= first && at <= last ? at : null;
}

/** Easter Sunday, Gregorian: the anonymous algorithm (Nature, 1876), good for every year from 1583. */
export function easterSunday(year: number): DayNumber {
  const golden = year % 19;
  const century = Math.floor(year / 100);
  const rest = year % 100;
  const moved = Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3);
  const moon = (19 * golden + century - Math.floor(century / 4) - moved + 15) % 30;
  const sunday = (32 + 2 * (century % 4) + 2 * Math.floor(rest / 4) - moon - (rest % 4)) % 7;
  const late = Math.floor((golden + 11 * moon + 22 * sunday) / 451);
  const sum = moon + sunday - 7 * late + 114;
  return dayNumber(year, Math.floor(sum / 31), (sum % 31) + 1);
}
