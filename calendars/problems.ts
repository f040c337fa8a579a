/** What is wrong with a calendar whose shape is good: each problem at its place in the file. */
import { suggestion } from '../schema/near-miss.ts';
import { SECONDS_PER_DAY, WEEKDAYS, formatDate, weekdayOf, yearOf } from './civil.ts';
import type { DayNumber } from './civil.ts';
import { changedHours, hoursOf, usualHours } from './day-plan.ts';
import type { Hours } from './day-plan.ts';
import { changedDays, hasHours, isRelative, specialDays } from './days.ts';
import type { SpecialDays } from './days.ts';
import type {
  CalendarSpec,
  DayRule,
  EarlyCloseRule,
  Effective,
  LateOpenRule,
  SessionRule,
  SpecPath,
} from './spec.ts';

export type Problem = {
  /** An error: no calendar comes of it. A warning: probably not what was meant. */
  readonly level: 'error' | 'warning';
  readonly path: SpecPath;
  readonly what: string;
  readonly hint?: string;
};

/** Trade dates a calendar may span, in years: what is written for longer is a slip. */
export const YEARS_MAX = 200;
/** Instants are counted from 1970 on, and a session may open the evening before. */
const YEAR_FIRST = 1971;

/** All of them; a calendar may be built where none is an error. */
export function specProblems(spec: CalendarSpec): Problem[] {
  const problems = [
    ...rangeProblems(spec),
    ...hoursProblems(spec.sessions),
    ...breakProblems(spec.sessions),
    ...nameProblems(spec),
  ];
  // What rules make of days can be judged only where the rules can be.
  if (problems.some(({ level }) => level === 'error')) return problems;
  const special = specialDays(spec);
  return [
    ...problems,
    ...holidayProblems(spec),
    ...spec.early_closes.flatMap((rule) => earlyCloseProblems(rule, spec, special)),
    ...spec.late_opens.flatMap((rule) => lateOpenProblems(rule, spec, special)),
    ...repeatProblems(spec.early_closes, spec, special),
    ...repeatProblems(spec.late_opens, spec, special),
  ];
}

/** Of hours alone: sessions that close before they open, or overlap. */
export function hoursProblems(sessions: readonly SessionRule[]): Problem[] {
  return [...sessions.flatMap(orderProblems), ...overlapProblems(sessions)];
}

const error = (path: SpecPath, what: string, hint?: string): Problem => ({
  ...{ level: 'error', path, what },
  ...(hint === undefined ? {} : { hint }),
});

const warning = (path: SpecPath, what: string): Problem => ({ level: 'warning', path, what });

function rangeProblems({ valid: { from, to } }: CalendarSpec): Problem[] {
  const [first, last] = [formatDate(from), formatDate(to)];
  if (to < from) return [error(['valid', 'to'], `valid.to ${last} is before valid.from ${first}`)];
  if (yearOf(from) < YEAR_FIRST) return [error(['valid', 'from'], `is before ${YEAR_FIRST}`)];
  if (yearOf(to) - yearOf(from) < YEARS_MAX) return [];
  return [error(['valid', 'to'], `${first} to ${last} is over ${YEARS_MAX} years`)];
}

/** `09:30`, and which day is meant where it is not the trade date. */
function clock(seconds: number): string {
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const rest = seconds - days * SECONDS_PER_DAY;
  const parts = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60];
  const [hour, minute, second] = parts.map((part) => String(part).padStart(2, '0'));
  if (days === 1 && rest === 0) return '24:00';
  const shown = second === '00' ? `${hour}:${minute}` : `${hour}:${minute}:${second}`;
  return days === 0 ? shown : `${shown} the day ${days < 0 ? 'before' : 'after'}`;
}

function orderProblems(rule: SessionRule): Problem[] {
  const { from, to } = hoursOf(rule);
  if (from < to) return [];
  const what = `close ${clock(to)} is not after open ${clock(from)}`;
  const hint =
    'in the long form open_offset: -1 opens the evening before, close_offset: 1 closes the day after';
  return [error([...rule.path, 'close'], what, hint)];
}

function overlapProblems(rules: readonly SessionRule[]): Problem[] {
  const sessions = rules.filter(({ kind }) => kind !== 'break');
  return sessions.flatMap((rule, at) =>
    sessions.slice(0, at + 1).flatMap((other): Problem[] => {
      const day = overlappingDay(rule, other);
      if (day === null) return [];
      const shown = ({ kind, path }: SessionRule, { from, to }: Hours): string =>
        `${kind} ${clock(from)} to ${clock(to)} (${path.join('.')})`;
      const [mine, theirs] = [shown(rule, hoursOf(rule)), shown(other, hoursOf(other))];
      const what =
        rule === other
          ? `${mine} overlaps itself from ${day} to the next day`
          : `${mine} overlaps ${theirs} on ${day}`;
      return [error([...rule.path, 'open'], what)];
    }),
  );
}

/** The first weekday of `rule` on which it meets a session of `other`. */
function overlappingDay(rule: SessionRule, other: SessionRule): string | null {
  const [mine, theirs] = [hoursOf(rule), hoursOf(other)];
  for (const day of rule.days) {
    for (const its_day of other.days) {
      for (const week of [-7, 0, 7]) {
        const days = WEEKDAYS.indexOf(its_day) + week - WEEKDAYS.indexOf(day);
        if ((rule === other && days === 0) || !meet(rule, other, days)) continue;
        const shift = days * SECONDS_PER_DAY;
        if (mine.from < theirs.to + shift && theirs.from + shift < mine.to) return day;
      }
    }
  }
  return null;
}

/** Whether there is a day on which `a` counts, and `b` so many days later. */
function meet(a: Effective, b: Effective, later = 0): boolean {
  const starts = Math.max(a.from ?? -Infinity, (b.from ?? -Infinity) - later);
  return starts <= Math.min(a.until ?? Infinity, (b.until ?? Infinity) - later);
}

function breakProblems(rules: readonly SessionRule[]): Problem[] {
  const breaks = rules.filter(({ kind }) => kind === 'break');
  return breaks.flatMap((rule, index): Problem[] => {
    const { from, to } = hoursOf(rule);
    const holds = (session: SessionRule): boolean => {
      const hours = hoursOf(session);
      const days = rule.days.every((day) => session.days.includes(day));
      return session.kind !== 'break' && days && hours.from < from && to < hours.to;
    };
    const overlaps = breaks
      .slice(0, index)
      .some(
        (other) =>
          meet(rule, other) &&
          other.days.some((day) => rule.days.includes(day)) &&
          hoursOf(other).from < to &&
          from < hoursOf(other).to,
      );
    if (overlaps) return [error([...rule.path, 'open'], 'overlaps another break')];
    if (rules.some((session) => meet(rule, session) && holds(session))) return [];
    const what = `a break has to lie inside a session on each of its days; none holds ${clock(from)} to ${clock(to)}`;
    return [error([...rule.path, 'open'], what)];
  });
}

function nameProblems(spec: CalendarSpec): Problem[] {
  const rules: readonly DayRule[] = [...spec.holidays, ...spec.early_closes, ...spec.late_opens];
  const names = rules.filter((it) => !isRelative(it)).map(({ name }) => name);
  return rules.flatMap((rule): Problem[] => {
    const { pattern, path } = rule;
    if (!('of' in pattern)) return [];
    if (pattern.rule === 'trading_day_before' && path[0] === 'holidays') {
      return [error([...path, 'rule'], 'a holiday cannot be found by trading days')];
    }
    if (names.includes(pattern.of)) return [];
    const what = `no day is called "${pattern.of}"`;
    return [error([...path, 'of'], what, suggestion(pattern.of, names))];
  });
}

function holidayProblems(spec: CalendarSpec): Problem[] {
  const seen = new Map<DayNumber, DayRule>();
  return spec.holidays.flatMap((rule) => {
    if (rule.pattern.rule !== 'dates') return [];
    return rule.pattern.dates.flatMap((day): Problem[] => {
      const before = seen.get(day);
      seen.set(day, rule);
      const date = formatDate(day);
      if (before !== undefined) {
        return [error(rule.path, `${date} is listed twice: ${before.name}, ${rule.name}`)];
      }
      if (day < spec.valid.from || day > spec.valid.to) {
        return [warning(rule.path, `${date} (${rule.name}) is outside of what is valid`)];
      }
      if (rule.observe !== 'none' || hasHours(spec, day)) return [];
      const what = `${date} (${rule.name}) is a ${weekdayOf(day)}, which has no session anyway`;
      return [warning(rule.path, what)];
    });
  });
}

/** A rule's days within the range, each with its usual regular hours; warns of dates that have none. */
function judged<R extends DayRule>(
  rule: R,
  spec: CalendarSpec,
  special: SpecialDays,
  fault: (regular: Hours, day: DayNumber) => Problem | null,
): Problem[] {
  const isTrading = (day: DayNumber): boolean => !special.holidays.has(day) && hasHours(spec, day);
  for (const day of changedDays(rule, spec, isTrading)) {
    if (day < spec.valid.from || day > spec.valid.to) continue;
    const regular = usualHours(spec, day).find(({ kind }) => kind === 'regular');
    if (isTrading(day) && regular !== undefined) {
      const found = fault(regular, day);
      if (found !== null) return [found];
    } else if (rule.pattern.rule === 'dates') {
      return [warning(rule.path, `${formatDate(day)} (${rule.name}) is no trading day`)];
    }
  }
  return [];
}

function earlyCloseProblems(
  rule: EarlyCloseRule,
  spec: CalendarSpec,
  special: SpecialDays,
): Problem[] {
  const { close, post_close, path } = rule;
  return judged(rule, spec, special, (regular, day) => {
    const usual = usualHours(spec, day);
    if (close <= regular.from || close >= regular.to) {
      const hours = `${clock(regular.from)} to ${clock(regular.to)}`;
      const what = `close ${clock(close)} is not within ${hours}, the hours of ${formatDate(day)}`;
      return error([...path, 'close'], what);
    }
    const pause = usual.find((it) => it.kind === 'break' && close > it.from && close <= it.to);
    if (pause !== undefined) {
      const hint = `${clock(pause.from)} is when it begins`;
      return error([...path, 'close'], `close ${clock(close)} is in a break`, hint);
    }
    if (post_close === null && usual.some(({ kind }) => kind === 'post')) {
      return error(path, 'post_close is missing: the calendar has a post session');
    }
    if (post_close !== null && !spec.sessions.some(({ kind }) => kind === 'post')) {
      return error([...path, 'post_close'], 'the calendar has no post session');
    }
    const post = usual.find(({ kind }) => kind === 'post');
    if (post_close !== null && post !== undefined && post_close > post.to) {
      const what = `post_close ${clock(post_close)} is after ${clock(post.to)}, the usual end`;
      return error([...path, 'post_close'], what);
    }
    if (post_close === null || post_close > close) return null;
    const what = `post_close ${clock(post_close)} is not after close ${clock(close)}`;
    return error([...path, 'post_close'], what);
  });
}

function lateOpenProblems(rule: LateOpenRule, spec: CalendarSpec, special: SpecialDays): Problem[] {
  const opens = rule.open + rule.open_offset * SECONDS_PER_DAY;
  return judged(rule, spec, special, (regular, day) => {
    if (opens <= regular.from || opens >= regular.to) {
      const hours = `${clock(regular.from)} to ${clock(regular.to)}`;
      const what = `open ${clock(opens)} is not within ${hours}, the hours of ${formatDate(day)}`;
      return error([...rule.path, 'open'], what);
    }
    const changed = changedHours(usualHours(spec, day), special, day);
    if (!changed.some(({ kind }) => kind === 'regular')) {
      return error(
        [...rule.path, 'open'],
        `nothing is left of ${formatDate(day)}: it closes before`,
      );
    }
    const pause = usualHours(spec, day).find(
      (it) => it.kind === 'break' && opens >= it.from && opens < it.to,
    );
    if (pause === undefined) return null;
    const hint = `${clock(pause.to)} is when it ends`;
    return error([...rule.path, 'open'], `open ${clock(opens)} is in a break`, hint);
  });
}

/** Two rules for one day: which of them counts would be a guess. */
function repeatProblems(
  rules: readonly DayRule[],
  spec: CalendarSpec,
  special: SpecialDays,
): Problem[] {
  const isTrading = (day: DayNumber): boolean => !special.holidays.has(day) && hasHours(spec, day);
  const seen = new Map<DayNumber, DayRule>();
  const problems = new Map<DayRule, Problem>();
  for (const rule of rules) {
    for (const day of changedDays(rule, spec, isTrading).filter(isTrading)) {
      const before = seen.get(day);
      seen.set(day, rule);
      if (before === undefined || day < spec.valid.from || day > spec.valid.to) continue;
      const what = `${formatDate(day)} is named twice: ${before.name}, ${rule.name}`;
      problems.set(rule, error(rule.path, what));
    }
  }
  return [...problems.values()];
}
