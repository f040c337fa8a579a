/** The oracle's sessions (exchange_calendars, computed by others), and with the listed deviations put in. */
import { readFileSync } from 'node:fs';
import { calendarFolders, loadCalendar } from '../../environments/calendar-files.ts';
import type { Calendar } from '../../calendars/calendar.ts';
import { capturePath } from './captures.ts';
import { DEVIATIONS } from './calendar-deviations.ts';
import type { Deviation } from './calendar-deviations.ts';
import { projectRoot } from './project.ts';

/** Our calendars and the oracle's name for each. */
export const PAIRS = [
  ['us-equity', 'XNYS'],
  ['cme-equity-index', 'CMES'],
  ['lse', 'XLON'],
  ['hkex', 'XHKG'],
  ['tse', 'XTKS'],
  ['crypto', '24-7'],
] as const;

export type Row = {
  readonly date: string;
  readonly open: number;
  readonly close: number;
  readonly pause: readonly [from: number, to: number] | null;
};

export type Summary = {
  readonly start: string;
  readonly end: string;
  readonly early_closes_local: Readonly<Record<string, string>>;
  readonly late_opens_local: Readonly<Record<string, string>>;
};

/** Every session of a calendar of the oracle, in ms. */
export function oracleRows(name: string): Row[] {
  const text = readFileSync(capturePath(`calendars/${name}.sessions.csv`), 'utf8');
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line): Row => {
      const [date = '', open = '', from = '', to = '', close = ''] = line.split(',');
      const pause = from === '' ? null : ([Date.parse(from), Date.parse(to)] as const);
      return { date, open: Date.parse(open), close: Date.parse(close), pause };
    });
}

export function oracleSummary(name: string): Summary {
  return JSON.parse(readFileSync(capturePath(`calendars/${name}.summary.json`), 'utf8')) as Summary;
}

export function shipped(name: string): Calendar {
  return loadCalendar(name, calendarFolders(projectRoot)).calendar;
}

/** The trade dates that both know. */
export function commonRange(calendar: Calendar, { start, end }: Summary): [string, string] {
  const { from, to } = calendar.valid;
  return [start > from ? start : from, end < to ? end : to];
}

/** Our sessions as rows, by what the calendar itself says. */
export function ourRows(calendar: Calendar, from: string, to: string): Row[] {
  const ms = (ns: bigint): number => Number(ns / 1_000_000n);
  return calendar.sessions(from, to).map(({ date, open, close, breaks }): Row => {
    assertOneBreak(breaks.length);
    const [pause] = breaks;
    return {
      ...{ date, open: ms(open), close: ms(close) },
      pause: pause === undefined ? null : [ms(pause[0]), ms(pause[1])],
    };
  });
}

function assertOneBreak(count: number): void {
  if (count > 1) throw new Error('the oracle knows at most one break a session');
}

const MINUTE_MS = 60_000;

/** `16:00` to minutes. */
function minutes(time: string): number {
  const [hour, minute] = time.split(':').map(Number);
  return (hour ?? 0) * 60 + (minute ?? 0);
}

/**
 * The oracle's rows as they should be: deviations put in by their own words, without a look at our
 * calendar. `closes` says at which hour the oracle closes a date, on the wall.
 */
export function expectedRows(calendar: string, rows: readonly Row[], zone: string): Row[] {
  const own = DEVIATIONS.filter((it) => it.calendar === calendar);
  const kept = rows.flatMap((row): Row[] => {
    const mine = own.filter((it) => row.date >= it.from && row.date <= it.to);
    if (mine.some((it) => it.field === 'session' && it.ours === 'none')) return [];
    return [mine.reduce((at, it) => corrected(at, it, row, zone), row)];
  });
  const added = own
    .filter((it) => it.field === 'session' && it.oracle === 'none')
    .map(({ from, ours }): Row => {
      const [open = '', close = ''] = ours.split('/');
      return { date: from, open: Date.parse(open), close: Date.parse(close), pause: null };
    });
  return [...kept, ...added].toSorted((a, b) => a.open - b.open);
}

/** One deviation applied to the row it speaks of; any other row as it is. */
function corrected(row: Row, deviation: Deviation, given: Row, zone: string): Row {
  const { field, ours, oracle } = deviation;
  const shift = (from: string, to: string): number => (minutes(to) - minutes(from)) * MINUTE_MS;
  if (!occurs(deviation, given, zone)) return row;
  if (field === 'open') return { ...row, open: row.open + shift(oracle, ours) };
  if (field === 'close') return { ...row, close: row.close + shift(oracle, ours) };
  if (field !== 'break') return row;
  if (ours === 'none') return { ...row, pause: null };
  const [from = '', to = ''] = ours.split('-');
  // From an instant of the same day whose hour on the wall is known.
  const noon = given.close - minutes(wallTime(given.close, zone)) * MINUTE_MS;
  return { ...row, pause: [noon + minutes(from) * MINUTE_MS, noon + minutes(to) * MINUTE_MS] };
}

/** What the oracle says of a row's field, on the wall. */
export function oracleSays(field: Deviation['field'], row: Row, zone: string): string {
  if (field === 'open') return wallTime(row.open, zone);
  if (field === 'close') return wallTime(row.close, zone);
  if (field === 'session') return 'open';
  if (row.pause === null) return 'none';
  return row.pause.map((at) => wallTime(at, zone)).join('-');
}

/** Days on which a deviation that is bound to kinds of days applies. */
function occurs(deviation: Deviation, row: Row, zone: string): boolean {
  if (oracleSays(deviation.field, row, zone) !== deviation.oracle) return false;
  return deviation.only?.(row.date, row) ?? true;
}

/** Asked of `Intl` directly, not of the engine under test. */
export function wallTime(at_ms: number, zone: string): string {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'short' });
    formats.set(zone, format);
  }
  return format.format(at_ms);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A calendar beside the oracle, on the trade dates both know. */
export type Stage = {
  readonly calendar: Calendar;
  readonly range: readonly [from: string, to: string];
  /** The oracle's, and the same with the deviations put in. */
  readonly oracle: readonly Row[];
  readonly expected: readonly Row[];
};

const stages = new Map<string, Stage>();

export function stage(name: string, oracle_name: string): Stage {
  let known = stages.get(name);
  if (known === undefined) {
    const calendar = shipped(name);
    const range = commonRange(calendar, oracleSummary(oracle_name));
    const within = oracleRows(oracle_name).filter(
      (it) => it.date >= range[0] && it.date <= range[1],
    );
    const expected = expectedRows(name, within, calendar.tz);
    known = { calendar, range, oracle: within, expected };
    stages.set(name, known);
  }
  return known;
}
