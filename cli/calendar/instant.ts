/** `ssmd calendar is-open` and `next`: a market at one instant. */
import type { Calendar, Kinds } from '../../calendars/calendar.ts';
import { SsmdError } from '../../schema/errors.ts';
import { unixNs } from '../../schema/time.ts';
import type { UnixNs } from '../../schema/time.ts';
import { ExitWith } from '../command.ts';
import type { CliContext } from '../command.ts';
import type { AtFlags } from './flags.ts';
import { inWords, kindsAsked, openCalendar, utc } from './load.ts';
import { plain } from './sessions.ts';

/** The exit code of `is-open` where it is not. */
const EXIT_CLOSED = 1;

type Asked = {
  readonly calendar: Calendar;
  readonly kinds: Kinds;
  readonly at: UnixNs;
  readonly warnings: readonly string[];
};

function asked(name: string, flags: AtFlags, context: CliContext): Asked {
  const { calendar, warnings } = openCalendar(name, context);
  const kinds = kindsAsked(calendar, flags.kinds);
  return { calendar, kinds, at: flags.at ?? unixNs(BigInt(Date.now()) * 1_000_000n), warnings };
}

/** The next open or close; null where the calendar ends before it. */
function upcoming({ calendar, kinds, at }: Asked, edge: 'nextOpen' | 'nextClose'): UnixNs | null {
  try {
    return calendar[edge](at, kinds);
  } catch (error) {
    if (error instanceof SsmdError) return null;
    throw error;
  }
}

/** Where a break ends, if it is one that the instant lies in. */
function resumption({ calendar, kinds, at }: Asked): UnixNs | null {
  const session = calendar.sessionAt(at, kinds);
  return session?.breaks.find(([from, to]) => at >= from && at < to)?.[1] ?? null;
}

export function tellOpen(name: string, flags: AtFlags, context: CliContext): void {
  const { output } = context;
  const question = asked(name, flags, context);
  const { calendar, kinds, at, warnings } = question;
  const state = calendar.stateAt(at, kinds);
  const edges = {
    next_open: upcoming(question, 'nextOpen'),
    next_close: upcoming(question, 'nextClose'),
    resumes: resumption(question),
  };
  if (flags.json === true) {
    const session = state.open ? plain(calendar, state.session) : null;
    const why = state.open ? null : state.why;
    const instant = { at, at_utc: utc(at), open: state.open, session, why };
    output.json({ calendar: name, kinds, ...instant, ...edges, warnings });
  } else if (state.open) {
    const { kind, date, close } = state.session;
    output.line(`open: ${kind} session of ${date}, closes ${inWords(calendar, close)}`);
  } else {
    const next = edges.resumes ?? edges.next_open;
    const says = next === null ? 'no open known after it' : `opens ${inWords(calendar, next)}`;
    output.line(`closed: ${state.why.text}; ${says}`);
  }
  if (!state.open) throw new ExitWith(EXIT_CLOSED);
}

export function tellNext(name: string, flags: AtFlags, context: CliContext): void {
  const { output } = context;
  const question = asked(name, flags, context);
  const { calendar, kinds, at, warnings } = question;
  const resumes = resumption(question);
  // Of the two one at least has to be known, else the question is out of range.
  const next_close = calendar.nextClose(at, kinds);
  const next_open = upcoming(question, 'nextOpen');
  if (flags.json === true) {
    const words = (it: UnixNs | null): string | null => (it === null ? null : utc(it));
    output.json({
      ...{ calendar: name, kinds, at, at_utc: utc(at), next_open, next_close, resumes },
      next_open_utc: words(next_open),
      next_close_utc: words(next_close),
      resumes_utc: words(resumes),
      warnings,
    });
    return;
  }
  if (resumes !== null) output.line(`resumes  ${inWords(calendar, resumes)}`);
  const open = next_open === null ? 'after what the calendar knows' : inWords(calendar, next_open);
  const lines = [
    { at: next_open ?? next_close + 1n, text: `opens    ${open}` },
    { at: next_close, text: `closes   ${inWords(calendar, next_close)}` },
  ];
  for (const { text } of lines.toSorted((a, b) => (a.at < b.at ? -1 : 1))) output.line(text);
}
