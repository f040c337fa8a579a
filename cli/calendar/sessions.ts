/** `ssmd calendar sessions`: sessions of trade dates, on the wall there and in UTC. */
import { formatDate, parseDate } from '../../calendars/civil.ts';
import type { Calendar, Kinds } from '../../calendars/calendar.ts';
import type { Session, TradingDay } from '../../calendars/day-plan.ts';
import { invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { unixNs } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import type { SessionFlags } from './flags.ts';
import { kindsAsked, openCalendar, utc } from './load.ts';

/** Trade dates one command prints: eleven years. */
const DAYS_MAX = 4_018;
const DAYS_USUAL = 7;

export function showSessions(name: string, flags: SessionFlags, context: CliContext): void {
  const { output } = context;
  const { calendar, warnings } = openCalendar(name, context);
  const kinds = kindsAsked(calendar, flags.kinds);
  const { from, to } = datesAsked(flags, calendar);
  const days = calendar.days(from, to);
  if (flags.json === true) {
    const sessions = days.flatMap((day) => ofKinds(day, kinds).map((it) => plain(calendar, it)));
    output.json({ calendar: name, tz: calendar.tz, from, to, sessions, warnings });
    return;
  }
  output.table(
    ['date', 'session', 'opens', 'closes', 'in UTC', 'remark'],
    days.flatMap((day) => rowsOf(calendar, day, kinds)),
    { optional: ['in UTC', 'remark'] },
  );
}

function ofKinds({ sessions }: TradingDay, kinds: Kinds): Session[] {
  return sessions.filter(({ kind }) => kinds.includes(kind));
}

/** @throws SSMD_INVALID_INPUT where the options contradict each other */
function datesAsked(flags: SessionFlags, { valid }: Calendar): { from: string; to: string } {
  const given = [flags.date, flags.year, flags.from ?? flags.to].filter((it) => it !== undefined);
  const faults: Fault[] = [];
  if (given.length > 1) {
    const what = 'only one of --date, --year and --from with --to names the days';
    faults.push({ where: 'the days', what });
  }
  const today = flags.from ?? utc(unixNs(BigInt(Date.now()) * 1_000_000n)).slice(0, 10);
  const first = parseDate(flags.date ?? today) ?? 0;
  const last = parseDate(flags.date ?? flags.to ?? '') ?? first + DAYS_USUAL - 1;
  if (last < first) {
    faults.push({ where: '--to', what: `${formatDate(last)} is before ${formatDate(first)}` });
  }
  if (last - first >= DAYS_MAX) {
    faults.push({ where: '--to', what: `over ${DAYS_MAX} days`, hint: 'ask for fewer at a time' });
  }
  if (faults.length > 0) {
    const example = 'npx ssmd calendar sessions us-equity --from 2025-07-01 --to 2025-07-07';
    throw invalidInput('the command line', faults, example);
  }
  if (flags.year === undefined) return { from: formatDate(first), to: formatDate(last) };
  // Of a year that is known in part, the part.
  const [from, to] = [`${flags.year}-01-01`, `${flags.year}-12-31`];
  const overlaps = from <= valid.to && to >= valid.from;
  return {
    from: overlaps && from < valid.from ? valid.from : from,
    to: overlaps && to > valid.to ? valid.to : to,
  };
}

function rowsOf(calendar: Calendar, day: TradingDay, kinds: Kinds): string[][] {
  const sessions = ofKinds(day, kinds);
  if (sessions.length === 0) {
    const why = day.has_hours ? (day.holiday ?? '') : '';
    return [[day.date, 'closed', '', '', '', why]];
  }
  return sessions.map((session) => {
    const { open, close, breaks, early, late } = session;
    const [opens, closes] = [calendar.local(open), calendar.local(close)];
    const shown = ({ date, time }: typeof opens): string =>
      date === day.date ? time : `${date} ${time}`;
    const paused = breaks.map(
      ([from, to]) => `break ${calendar.local(from).time} to ${calendar.local(to).time}`,
    );
    const remarks = [
      ...(late ? [`late: ${day.late_open}`] : []),
      ...(early ? [`early: ${day.early_close}`] : []),
      ...paused,
    ];
    const universal = `${utc(open)} to ${utc(close)}`;
    return [day.date, session.kind, shown(opens), shown(closes), universal, remarks.join('; ')];
  });
}

/** A session as JSON: instants in ns as text, and in words beside it. */
export function plain(
  calendar: Calendar,
  { breaks, open, close, ...session }: Session,
): Readonly<Record<string, unknown>> {
  const local = (at: Session['open']): string => {
    const { date, time } = calendar.local(at);
    return `${date} ${time}`;
  };
  return {
    ...session,
    ...{ open, close, open_utc: utc(open), close_utc: utc(close) },
    ...{ open_local: local(open), close_local: local(close) },
    breaks: breaks.map(([from, to]) => ({ from, to, from_utc: utc(from), to_utc: utc(to) })),
  };
}
