/** `ssmd calendar show` and `holidays`: a calendar's hours, and a year's days on which they differ. */
import { formatDate, parseDate, weekdayOf } from '../../calendars/civil.ts';
import type { Calendar } from '../../calendars/calendar.ts';
import type { SessionRule } from '../../calendars/spec.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { CliContext } from '../command.ts';
import { openCalendar } from './load.ts';

type OfYear = { readonly year: number; readonly json?: boolean };

type SpecialDay = {
  readonly date: string;
  readonly weekday: string;
  readonly name: string;
  /** On the wall there; null on a day without a session. */
  readonly opens: string | null;
  readonly closes: string | null;
};

type Specials = {
  readonly year: number;
  readonly from: string;
  readonly to: string;
  readonly trading_days: number;
  readonly holidays: readonly SpecialDay[];
  readonly early_closes: readonly SpecialDay[];
  readonly late_opens: readonly SpecialDay[];
};

/** @throws SSMD_INVALID_INPUT where the calendar knows nothing of the year */
function specialsOf(calendar: Calendar, year: number): Specials {
  const { valid, name } = calendar;
  const from = `${year}-01-01` > valid.from ? `${year}-01-01` : valid.from;
  const to = `${year}-12-31` < valid.to ? `${year}-12-31` : valid.to;
  if (from > to) {
    const message = `${year} is out of range: the calendar ${name} knows ${valid.from} to ${valid.to}`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { calendar: name, year } });
  }
  const days = calendar.days(from, to);
  const list = (pick: (day: (typeof days)[number]) => string | null): SpecialDay[] =>
    days.flatMap((day): SpecialDay[] => {
      const called = pick(day);
      const regular = day.sessions.find(({ kind }) => kind === 'regular');
      const weekday = weekdayOf(parseDate(day.date) ?? 0);
      const opens = regular === undefined ? null : calendar.local(regular.open).time;
      const closes = regular === undefined ? null : calendar.local(regular.close).time;
      return called === null ? [] : [{ date: day.date, weekday, name: called, opens, closes }];
    });
  return {
    ...{ year, from, to },
    trading_days: days.filter(({ sessions }) => sessions.length > 0).length,
    holidays: list((day) => (day.has_hours ? day.holiday : null)),
    early_closes: list((day) => day.early_close),
    late_opens: list((day) => day.late_open),
  };
}

/** One table of all days that are not as usual, by their dates. */
function printSpecials(specials: Specials, { output }: CliContext): void {
  const rows = [
    ...specials.holidays.map((day) => ({ ...day, what: 'closed' })),
    ...specials.early_closes.map((day) => ({ ...day, what: `closes ${day.closes}` })),
    ...specials.late_opens.map((day) => ({ ...day, what: `opens ${day.opens}` })),
  ].toSorted((a, b) => (a.date < b.date ? -1 : 1));
  if (rows.length === 0) output.line(`${specials.year}: no holidays, no changed hours`);
  else {
    output.table(
      ['date', 'day', 'what', 'name'],
      rows.map(({ date, weekday, what, name }) => [date, weekday, what, name]),
    );
  }
}

export function showHolidays(name: string, { year, json }: OfYear, context: CliContext): void {
  const { calendar, warnings } = openCalendar(name, context);
  const specials = specialsOf(calendar, year);
  if (json === true) context.output.json({ calendar: name, ...specials, warnings });
  else printSpecials(specials, context);
}

/** Weekly hours as they are written, with the dates between which they hold. */
function hoursOf(rule: SessionRule): Readonly<Record<string, unknown>> {
  return {
    kind: rule.kind,
    open: clock(rule.open),
    open_offset: rule.open_offset,
    close: clock(rule.close),
    close_offset: rule.close_offset,
    days: rule.days,
    from: rule.from === null ? null : formatDate(rule.from),
    until: rule.until === null ? null : formatDate(rule.until),
  };
}

function clock(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const text = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return text.endsWith(':00') ? text.slice(0, 5) : text;
}

/** `regular  17:00 (the evening before) to 16:00  mon tue wed thu fri  from 2015-09-21`. */
function hoursLine(rule: SessionRule): string {
  const open = `${clock(rule.open)}${rule.open_offset < 0 ? ' (the evening before)' : ''}`;
  const close = `${clock(rule.close)}${rule.close_offset > 0 ? ' (the day after)' : ''}`;
  const from = rule.from === null ? '' : `  from ${formatDate(rule.from)}`;
  const until = rule.until === null ? '' : `  until ${formatDate(rule.until)}`;
  return `  ${rule.kind.padEnd(8)} ${open} to ${close}  ${rule.days.join(' ')}${from}${until}`;
}

export function showCalendar(name: string, { year, json }: OfYear, context: CliContext): void {
  const { output } = context;
  const { calendar, spec, file, origin, description, warnings } = openCalendar(name, context);
  const specials = specialsOf(calendar, year);
  if (json === true) {
    const { tz, valid, kinds } = calendar;
    const sessions = spec.sessions.map(hoursOf);
    output.json({
      ...{ calendar: name, description, tz, valid, kinds, origin, file },
      ...{ sessions, ...specials, warnings },
    });
    return;
  }
  output.line(`${name}: ${description ?? 'no description'}`);
  output.line(`  zone ${calendar.tz}; knows ${calendar.valid.from} to ${calendar.valid.to}`);
  output.line(`  ${file}`);
  output.line('hours');
  for (const rule of spec.sessions) output.line(hoursLine(rule));
  output.line(`${year}: ${specials.trading_days} days with sessions`);
  printSpecials(specials, context);
}
