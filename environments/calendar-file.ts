/**
 * A market calendar as it is written in YAML, long or short, read whole: every fault at once, each with
 * its line and column. A warning does not stop it: the calendar works, but probably not as meant.
 */
import type { z } from 'zod';
import { buildCalendar } from '../calendars/calendar.ts';
import type { Calendar } from '../calendars/calendar.ts';
import { SECONDS_PER_DAY, dayNumber, formatDate, yearOf } from '../calendars/civil.ts';
import { hoursProblems, specProblems } from '../calendars/problems.ts';
import type { Problem } from '../calendars/problems.ts';
import { RELATIVE_RULES } from '../calendars/spec.ts';
import type {
  CalendarSpec,
  DayPattern,
  DayRule,
  SessionRule,
  SpecPath,
} from '../calendars/spec.ts';
import type { Fault } from '../schema/errors.ts';
import { nearMiss, suggestion } from '../schema/near-miss.ts';
import { longShape, ruleShape, sessionShape, shortShape } from './calendar-shape.ts';
import type { PatternName, RuleGiven, RuleList } from './calendar-shape.ts';
import { invalidConfig, readYaml, shapeFaults, valueAt } from './yaml-file.ts';
import type { GivenYaml } from './yaml-file.ts';

export type CalendarFile = {
  readonly calendar: Calendar;
  readonly spec: CalendarSpec;
  /** What the file says it is. */
  readonly description: string | null;
  /** The requirements' form: `name, timezone, trading_days, trading_hours, holidays`. */
  readonly short: boolean;
  /** `file:line:column: what`, in the order of the lines. */
  readonly warnings: readonly string[];
};

/** Parses a file, or throws SSMD_INVALID_CONFIG with all its faults. `file` names it in messages. */
export function parseCalendar(file: string, text: string): CalendarFile {
  const reader = openReader(file, text);
  const short = isShort(reader.yaml.given);
  const spec = short ? readShort(reader) : readLong(reader);
  if (spec === null) throw invalidConfig(file, reader.faults);
  for (const { level, path, what, hint } of problemsOf(spec, reader)) {
    const where = reader.yaml.where(path);
    if (level === 'error') reader.faults.push({ where, what, ...(hint ? { hint } : {}) });
    else reader.warnings.push({ where, what });
  }
  if (reader.faults.length > 0) throw invalidConfig(file, reader.faults);
  const warnings = reader.warnings.map(({ where, what }) => `${where}: ${what}`);
  const described = valueAt(reader.yaml.given, ['description']);
  const description = typeof described === 'string' ? described : null;
  return { calendar: buildCalendar(spec), spec, description, short, warnings };
}

/** Where a part could not be read, the others are judged by themselves: no fault follows from another. */
function problemsOf(spec: CalendarSpec, { unread }: Reader): Problem[] {
  return unread.length === 0 ? specProblems(spec) : hoursProblems(spec.sessions);
}

type Reader = {
  readonly file: string;
  /** Parts of which nothing could be made. */
  readonly unread: SpecPath[];
  readonly yaml: GivenYaml;
  readonly lines: readonly string[];
  readonly faults: Fault[];
  readonly warnings: Fault[];
};

function openReader(file: string, text: string): Reader {
  const yaml = readYaml(file, text);
  return { file, yaml, lines: text.split('\n'), faults: [], warnings: [], unread: [] };
}

const SHORT_KEYS = ['name', 'timezone', 'trading_days', 'trading_hours'];
const LONG_KEYS = ['calendar', 'tz', 'sessions', 'early_closes', 'late_opens'];

/** The form whose words it has more of. */
function isShort(given: unknown): boolean {
  const keys = typeof given === 'object' && given !== null ? Object.keys(given) : [];
  const count = (words: readonly string[]): number =>
    keys.filter((key) => nearMiss(key, words) !== null).length;
  return count(SHORT_KEYS) > count(LONG_KEYS);
}

/**
 * What stands at a path, by its shape; null where it cannot be read. A key that is not known is a fault,
 * and the rest is read on, so that what is wrong with it is told in the same breath.
 */
function read<S extends z.ZodType>(reader: Reader, shape: S, path: SpecPath): z.output<S> | null {
  const given = valueAt(reader.yaml.given, path);
  const first = shape.safeParse(given);
  if (first.success) return first.data;
  const own: GivenYaml = { given, where: (rest) => reader.yaml.where([...path, ...rest]) };
  reader.faults.push(...shapeFaults(first.error, shape, own));
  if (typeof given !== 'object' || given === null) {
    reader.unread.push(path);
    return null;
  }
  const unknown = first.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [],
  );
  const known = Object.entries(given).filter(([key]) => !unknown.includes(key));
  const again = shape.safeParse(Object.fromEntries(known));
  if (again.success) return again.data;
  reader.unread.push(path);
  return null;
}

function readLong(reader: Reader): CalendarSpec | null {
  const head = read(reader, longShape, []);
  const list = (key: string): number[] => {
    const given: unknown = valueAt(reader.yaml.given, [key]);
    return Array.isArray(given) ? given.map((_, at) => at) : [];
  };
  const sessions = list('sessions').flatMap((at) => readSession(reader, ['sessions', at]));
  const rules = (key: RuleList): (DayRule & { given: RuleGiven })[] =>
    list(key).flatMap((at) => readRule(reader, key, [key, at]));
  const holidays = rules('holidays').map(({ given: _, ...rule }) => rule);
  const early_closes = rules('early_closes').map(({ given, ...rule }) => ({
    ...rule,
    close: given.close ?? 0,
    post_close: given.post_close ?? null,
  }));
  const late_opens = rules('late_opens').map(({ given, ...rule }) => ({
    ...rule,
    open: given.open ?? 0,
    open_offset: given.open_offset ?? 0,
  }));
  if (head === null && sessions.length === 0) return null;
  const spec = { sessions, holidays, early_closes, late_opens };
  if (head !== null) return { name: head.calendar, tz: head.tz, valid: head.valid, ...spec };
  return { ...NAMELESS, ...spec };
}

/** Where the head is at fault the hours are judged all the same: of them faults are told as well. */
const NAMELESS: CalendarSpec = {
  name: '',
  tz: 'UTC',
  valid: { from: dayNumber(2020, 1, 1), to: dayNumber(2020, 12, 31) },
  sessions: [],
  holidays: [],
  early_closes: [],
  late_opens: [],
};

function readSession(reader: Reader, path: SpecPath): SessionRule[] {
  const given = read(reader, sessionShape, path);
  if (given === null) return [];
  return [{ ...given, from: given.from ?? null, until: given.until ?? null, path }];
}

function readRule(
  reader: Reader,
  list: RuleList,
  path: SpecPath,
): (DayRule & { given: RuleGiven })[] {
  const pattern = patternOf(reader, path);
  if (pattern === null) return [];
  const given = read(reader, ruleShape(list, pattern), path);
  if (given === null) return [];
  return [
    {
      name: given.name,
      pattern: dayPattern(given),
      days: given.days ?? null,
      except_years: given.except_years ?? [],
      observe: given.observe ?? 'none',
      from: given.from ?? null,
      until: given.until ?? null,
      ...{ path, given },
    },
  ];
}

const RULES = ['fixed', 'nth_weekday', 'easter', ...RELATIVE_RULES];

/** Which of the patterns an entry is written by. */
function patternOf(reader: Reader, path: SpecPath): PatternName | null {
  const given = valueAt(reader.yaml.given, path);
  const holder = typeof given === 'object' && given !== null ? given : {};
  if ('date' in holder) return 'date';
  if ('dates' in holder) return 'dates';
  const fault = (at: SpecPath, what: string, hint: string): null => {
    reader.unread.push(path);
    reader.faults.push({ where: reader.yaml.where(at), what: `${path.join('.')}: ${what}`, hint });
    return null;
  };
  if (!('rule' in holder)) {
    return fault(path, 'a day needs a date, dates or a rule', `rules are ${RULES.join(', ')}`);
  }
  const word = String(holder.rule);
  if (RELATIVE_RULES.some((it) => it === word)) return 'relative';
  if (word === 'fixed' || word === 'nth_weekday' || word === 'easter') return word;
  return fault([...path, 'rule'], `unknown rule "${word}"`, suggestion(word, RULES));
}

function dayPattern(given: RuleGiven): DayPattern {
  const { month = 1, day = 1, weekday = 'mon', n = 1, offset = 0, of = '' } = given;
  const relative = RELATIVE_RULES.find((it) => it === given.rule);
  if (relative !== undefined) return { rule: relative, of };
  if (given.rule === 'fixed') return { rule: 'fixed', month, day };
  if (given.rule === 'nth_weekday') return { rule: 'nth_weekday', month, weekday, n };
  if (given.rule === 'easter') return { rule: 'easter', offset };
  return { rule: 'dates', dates: given.dates ?? (given.date === undefined ? [] : [given.date]) };
}

/** A calendar without holidays needs no list to be renewed. */
const ALWAYS = { from: dayNumber(2000, 1, 1), to: dayNumber(2099, 12, 31) };
const LAST_MINUTE = SECONDS_PER_DAY - 60;

function readShort(reader: Reader): CalendarSpec | null {
  const given = read(reader, shortShape, []);
  if (given === null) {
    const written = valueAt(reader.yaml.given, ['trading_hours']);
    const hours = shortShape.shape.trading_hours.safeParse(written);
    return hours.success ? { ...NAMELESS, sessions: [shortSession(hours.data, ['mon'])] } : null;
  }
  const { open, close } = given.trading_hours;
  const whole = open === 0 && close === LAST_MINUTE;
  if (whole) {
    const where = reader.yaml.where(['trading_hours', 'close']);
    const what = '23:59 is read as 24:00, as a market that never closes has no last minute';
    reader.warnings.push({ where, what });
  }
  const days = [...new Set(given.trading_days.flatMap((it) => it.weekdays))];
  const session = shortSession({ open, close: whole ? SECONDS_PER_DAY : close }, days);
  return {
    name: given.name,
    tz: given.timezone,
    valid: given.valid ?? yearsOf(given.holidays),
    sessions: [session],
    holidays: given.holidays.map((day, at) => ({
      name: commentAt(reader, ['holidays', at], day),
      pattern: { rule: 'dates', dates: [day] },
      ...{ days: null, except_years: [], observe: 'none', path: ['holidays', at], ...UNLIMITED },
    })),
    early_closes: [],
    late_opens: [],
  };
}

const UNLIMITED = { from: null, until: null };

function shortSession(
  { open, close }: { readonly open: number; readonly close: number },
  days: SessionRule['days'],
): SessionRule {
  const hours = { open, open_offset: 0, close, close_offset: 0 };
  return { kind: 'regular', ...hours, days, path: ['trading_hours'], ...UNLIMITED };
}

/** A list of holidays speaks of the years it names: of others it would say "open" without knowing. */
function yearsOf(holidays: readonly number[]): CalendarSpec['valid'] {
  if (holidays.length === 0) return ALWAYS;
  const years = holidays.map(yearOf);
  const [first, last] = [Math.min(...years), Math.max(...years)];
  return { from: dayNumber(first, 1, 1), to: dayNumber(last, 12, 31) };
}

/** The short form names its holidays in comments: `- 2025-01-20  # MLK Day`. */
function commentAt(reader: Reader, path: SpecPath, day: number): string {
  const line = /:(\d+):\d+$/.exec(reader.yaml.where(path))?.[1];
  const text = reader.lines[Number(line ?? 0) - 1] ?? '';
  const comment = /\s#\s*(.*\S)\s*$/.exec(text)?.[1];
  // Of several days on one line nobody knows which of them is meant.
  const is_own = text.replace(/\s#.*$/, '').match(/\d{4}-\d\d-\d\d/g)?.length === 1;
  return comment !== undefined && is_own ? comment : `holiday of ${formatDate(day)}`;
}
