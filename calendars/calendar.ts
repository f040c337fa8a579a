/**
 * A market's calendar: when it trades, and why it does not. Built once from its rules, it is immutable and
 * answers for any instant or day of its range; outside the range every question is an error, never
 * "open". Instants are UTC; trade dates are the exchange's own. Sessions are half-open: at its close a
 * market is closed.
 */
import { SsmdError } from '../schema/errors.ts';
import { dayEnd, dayStart, formatIso, msFromNs } from '../schema/time.ts';
import type { Day, UnixNs } from '../schema/time.ts';
import { formatDate, parseDate, weekdayOf } from './civil.ts';
import type { CivilDate, DayNumber } from './civil.ts';
import { planDay, usualHours } from './day-plan.ts';
import type { Session, TradingDay } from './day-plan.ts';
import { specialDays } from './days.ts';
import { SESSION_KINDS } from './spec.ts';
import type { CalendarSpec, SessionKind } from './spec.ts';
import { openZone } from './zone.ts';
import type { Zone } from './zone.ts';

/** Which sessions are asked of; without it the regular ones. */
export type Kinds = readonly SessionKind[];

/** Why a market is closed. `name` is the holiday's, or what an early close or late open is called. */
export type WhyClosed = {
  readonly reason: 'holiday' | 'early_close' | 'late_open' | 'break' | 'weekend' | 'hours';
  readonly name: string | null;
  /** In words, such as `holiday: Thanksgiving Day`. */
  readonly text: string;
};

export type MarketState =
  | { readonly open: true; readonly session: Session }
  | { readonly open: false; readonly why: WhyClosed };

/** A UTC day, as data are kept by: what a market traded in it. */
export type UtcDay = {
  readonly day: Day;
  /** Nanoseconds in which it was open; 0 means that nothing is expected of the day. */
  readonly open_ns: bigint;
  /** The parts of sessions that fall in the day; the first opening and the last closing among them. */
  readonly first_open: UnixNs | null;
  readonly last_close: UnixNs | null;
  /** Trade dates that have a part in it. */
  readonly dates: readonly CivilDate[];
  /** Where nothing is expected. */
  readonly why: WhyClosed | null;
};

export type Calendar = {
  readonly name: string;
  readonly tz: string;
  /** First and last trade date it knows. */
  readonly valid: { readonly from: CivilDate; readonly to: CivilDate };
  /** Kinds of sessions it has. */
  readonly kinds: Kinds;
  /** A trade date: its sessions of every kind, or why there are none. */
  readonly day: (date: CivilDate) => TradingDay;
  /** From one trade date to another, both included. */
  readonly days: (from: CivilDate, to: CivilDate) => TradingDay[];
  readonly sessions: (from: CivilDate, to: CivilDate, kinds?: Kinds) => Session[];
  /** The session an instant lies in, breaks included; null outside. */
  readonly sessionAt: (at: UnixNs, kinds?: Kinds) => Session | null;
  readonly stateAt: (at: UnixNs, kinds?: Kinds) => MarketState;
  readonly isOpen: (at: UnixNs, kinds?: Kinds) => boolean;
  /** The trade date of an instant in a session of any kind; null outside of them. */
  readonly tradeDate: (at: UnixNs) => CivilDate | null;
  /** Opens and closes of sessions, not of breaks: the first after an instant, the last up to it. */
  readonly nextOpen: (at: UnixNs, kinds?: Kinds) => UnixNs;
  readonly nextClose: (at: UnixNs, kinds?: Kinds) => UnixNs;
  readonly previousOpen: (at: UnixNs, kinds?: Kinds) => UnixNs;
  readonly previousClose: (at: UnixNs, kinds?: Kinds) => UnixNs;
  /** Nanoseconds it is open in `[from, to)`, breaks left out: what coverage is measured against. */
  readonly openNs: (from: UnixNs, to: UnixNs, kinds?: Kinds) => bigint;
  readonly utcDay: (day: Day, kinds?: Kinds) => UtcDay;
  /** What the wall shows there at an instant. */
  readonly local: (at: UnixNs) => LocalTime;
};

/** `date` as YYYY-MM-DD, `time` as HH:MM, with :SS where it is not a whole minute. */
export type LocalTime = { readonly date: CivilDate; readonly time: string };

const REGULAR: Kinds = ['regular'];

/** What every question needs. */
type Core = {
  readonly spec: CalendarSpec;
  readonly zone: Zone;
  readonly plan: (day: DayNumber) => TradingDay;
  /** The instants it can speak of: `[first, end)`, in ms. */
  readonly first_ms: number;
  readonly end_ms: number;
};

/** @param spec one in which `specProblems` finds no error */
export function buildCalendar(spec: CalendarSpec): Calendar {
  const zone = openZone(spec.tz);
  const special = specialDays(spec);
  const plans = new Map<DayNumber, TradingDay>();
  const plan = (day: DayNumber): TradingDay => {
    let known = plans.get(day);
    if (known === undefined) {
      known = planDay(spec, special, zone, day);
      plans.set(day, known);
    }
    return known;
  };
  const core: Core = { spec, zone, plan, ...instantsKnown(spec, zone) };
  const days = (from: CivilDate, to: CivilDate): TradingDay[] => daysOf(core, from, to);
  return {
    name: spec.name,
    tz: spec.tz,
    valid: { from: formatDate(spec.valid.from), to: formatDate(spec.valid.to) },
    kinds: SESSION_KINDS.filter((kind) => spec.sessions.some((it) => it.kind === kind)),
    day: (date) => plan(dateKnown(core, date)),
    days,
    sessions: (from, to, kinds = REGULAR) =>
      days(from, to).flatMap((day) => day.sessions.filter((it) => kinds.includes(it.kind))),
    sessionAt: (at, kinds = REGULAR) => sessionAt(core, at, kinds),
    stateAt: (at, kinds = REGULAR) => stateAt(core, at, kinds),
    isOpen: (at, kinds = REGULAR) => stateAt(core, at, kinds).open,
    tradeDate: (at) => sessionAt(core, at, SESSION_KINDS)?.date ?? null,
    nextOpen: (at, kinds = REGULAR) => next(core, at, kinds, 'open'),
    nextClose: (at, kinds = REGULAR) => next(core, at, kinds, 'close'),
    previousOpen: (at, kinds = REGULAR) => previous(core, at, kinds, 'open'),
    previousClose: (at, kinds = REGULAR) => previous(core, at, kinds, 'close'),
    openNs: (from, to, kinds = REGULAR) => openParts(core, from, to, kinds).open_ns,
    utcDay: (day, kinds = REGULAR) => utcDay(core, day, kinds),
    local: (at) => localTime(zone, at),
  };
}

function localTime(zone: Zone, at: UnixNs): LocalTime {
  const at_ms = msFromNs(at);
  const shown = new Date(at_ms + zone.offsetMs(at_ms)).toISOString();
  const seconds = shown.slice(17, 19);
  return { date: shown.slice(0, 10), time: shown.slice(11, seconds === '00' ? 16 : 19) };
}

/** Without what belongs to a trade date outside the range: the evening before the day after it. */
function instantsKnown(
  { valid, ...spec }: CalendarSpec,
  zone: Zone,
): Pick<Core, 'first_ms' | 'end_ms'> {
  const whole = { valid, ...spec };
  const closes = usualHours(whole, valid.from - 1).map(({ to }) =>
    zone.instantMs(valid.from - 1, to),
  );
  const opens = usualHours(whole, valid.to + 1).map(({ from }) =>
    zone.instantMs(valid.to + 1, from),
  );
  return {
    first_ms: Math.max(0, zone.instantMs(valid.from, 0), ...closes),
    end_ms: Math.min(zone.instantMs(valid.to + 1, 0), ...opens),
  };
}

function outOfRange({ spec }: Core, asked: string): SsmdError {
  const [from, to] = [formatDate(spec.valid.from), formatDate(spec.valid.to)];
  const message =
    `${asked} is out of range: the calendar ${spec.name} knows the trade dates ${from} to ${to}; ` +
    'a newer calendar file is needed for others';
  return new SsmdError('SSMD_INVALID_INPUT', message, {
    facts: { calendar: spec.name, asked, from, to },
  });
}

function dateKnown(core: Core, date: CivilDate): DayNumber {
  const day = parseDate(date);
  if (day === null) {
    const message = `'${date}' is not a date of the calendar; expected YYYY-MM-DD`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { date } });
  }
  const { from, to } = core.spec.valid;
  if (day < from || day > to) throw outOfRange(core, date);
  return day;
}

function daysOf(core: Core, from: CivilDate, to: CivilDate): TradingDay[] {
  const [first, last] = [dateKnown(core, from), dateKnown(core, to)];
  const found: TradingDay[] = [];
  for (let day = first; day <= last; day++) found.push(core.plan(day));
  return found;
}

/** The date on the wall. @throws SSMD_INVALID_INPUT outside the range */
function dayAt(core: Core, at: UnixNs): DayNumber {
  const at_ms = msFromNs(at);
  if (at_ms < core.first_ms || at_ms >= core.end_ms) throw outOfRange(core, formatIso(at));
  return core.zone.dayAt(at_ms);
}

/** Sessions whose trade date is at most a day away, as a session reaches no further. */
function sessionsNear(core: Core, day: DayNumber, kinds: Kinds): Session[] {
  const { from, to } = core.spec.valid;
  const near: Session[] = [];
  for (let it = Math.max(from, day - 1); it <= Math.min(to, day + 1); it++) {
    near.push(...core.plan(it).sessions.filter(({ kind }) => kinds.includes(kind)));
  }
  return near;
}

function sessionAt(core: Core, at: UnixNs, kinds: Kinds): Session | null {
  const near = sessionsNear(core, dayAt(core, at), kinds);
  return near.find(({ open, close }) => at >= open && at < close) ?? null;
}

function stateAt(core: Core, at: UnixNs, kinds: Kinds): MarketState {
  const session = sessionAt(core, at, kinds);
  if (session === null) return { open: false, why: whyClosed(core, at, kinds) };
  const paused = session.breaks.some(([from, to]) => at >= from && at < to);
  return paused ? { open: false, why: why('break', null) } : { open: true, session };
}

const WORDS: { readonly [R in WhyClosed['reason']]: string } = {
  holiday: 'holiday',
  early_close: 'closed early',
  late_open: 'opens late',
  break: 'in a break',
  weekend: 'no session that day of the week',
  hours: 'outside its hours',
};

function why(reason: WhyClosed['reason'], name: string | null): WhyClosed {
  return { reason, name, text: name === null ? WORDS[reason] : `${WORDS[reason]}: ${name}` };
}

/** Why there is no session at an instant: first the day that would usually be open then. */
function whyClosed(core: Core, at: UnixNs, kinds: Kinds): WhyClosed {
  const day = dayAt(core, at);
  const at_ms = msFromNs(at);
  const { from, to } = core.spec.valid;
  for (let it = Math.max(from, day - 1); it <= Math.min(to, day + 1); it++) {
    const usual = usualHours(core.spec, it).some(
      (hours) =>
        hours.kind !== 'break' &&
        kinds.includes(hours.kind) &&
        at_ms >= core.zone.instantMs(it, hours.from) &&
        at_ms < core.zone.instantMs(it, hours.to),
    );
    const { holiday, early_close, late_open } = core.plan(it);
    if (!usual) continue;
    if (holiday !== null) return why('holiday', holiday);
    const opened = core.plan(it).sessions.some(({ open }) => at >= open);
    if (early_close !== null && opened) return why('early_close', early_close);
    if (late_open !== null) return why('late_open', late_open);
  }
  const { holiday, has_hours } = core.plan(day);
  if (holiday !== null && has_hours) return why('holiday', holiday);
  return has_hours ? why('hours', null) : why('weekend', null);
}

function next(core: Core, at: UnixNs, kinds: Kinds, edge: 'open' | 'close'): UnixNs {
  const { from, to } = core.spec.valid;
  for (let day = Math.max(from, dayAt(core, at) - 1); day <= to; day++) {
    for (const session of core.plan(day).sessions) {
      if (kinds.includes(session.kind) && session[edge] > at) return session[edge];
    }
  }
  throw outOfRange(core, `the next ${edge} after ${formatIso(at)}`);
}

function previous(core: Core, at: UnixNs, kinds: Kinds, edge: 'open' | 'close'): UnixNs {
  const { from, to } = core.spec.valid;
  for (let day = Math.min(to, dayAt(core, at) + 1); day >= from; day--) {
    for (const session of core.plan(day).sessions.toReversed()) {
      if (kinds.includes(session.kind) && session[edge] <= at) return session[edge];
    }
  }
  throw outOfRange(core, `the last ${edge} before ${formatIso(at)}`);
}

type Parts = Pick<UtcDay, 'open_ns' | 'first_open' | 'last_close' | 'dates'>;

/** What of the sessions falls in `[from, to)`. */
function openParts(core: Core, from: UnixNs, to: UnixNs, kinds: Kinds): Parts {
  let parts: Parts = { open_ns: 0n, first_open: null, last_close: null, dates: [] };
  if (to <= from) return parts;
  const { valid } = core.spec;
  const first = Math.max(valid.from, dayAt(core, from) - 1);
  const last = Math.min(valid.to, dayAt(core, (to - 1n) as UnixNs) + 1);
  for (let day = first; day <= last; day++) {
    for (const session of core.plan(day).sessions) {
      const open = session.open > from ? session.open : from;
      const close = session.close < to ? session.close : to;
      if (!kinds.includes(session.kind) || close <= open) continue;
      const paused = session.breaks.reduce(
        (sum, [since, until]) => sum + overlap(since, until, open, close),
        0n,
      );
      parts = {
        open_ns: parts.open_ns + (close - open) - paused,
        first_open: parts.first_open ?? open,
        last_close: close,
        dates: [...new Set([...parts.dates, session.date])],
      };
    }
  }
  return parts;
}

function overlap(from: bigint, to: bigint, first: bigint, end: bigint): bigint {
  const start = from > first ? from : first;
  const stop = to < end ? to : end;
  return stop > start ? stop - start : 0n;
}

/** Why nothing trades in a UTC day: the holiday it holds, or what its noon says. */
function utcDay(core: Core, day: Day, kinds: Kinds): UtcDay {
  const [from, to] = [dayStart(day), dayEnd(day)];
  const parts = openParts(core, from, to, kinds);
  if (parts.open_ns > 0n) return { day, ...parts, why: null };
  const own = core.plan(dateKnown(core, day));
  const named = own.holiday !== null && own.has_hours ? why('holiday', own.holiday) : null;
  const weekend = own.has_hours
    ? why('hours', null)
    : why('weekend', weekdayOf(dateKnown(core, day)));
  return { day, ...parts, why: named ?? weekend };
}
