/** What is wrong with the fields of a replay's input, one at a time; null where nothing is. */
import { daysOfSpan, parseInstant, replaySpan } from '../dataset/replay-span.ts';
import type { Fault } from '../schema/errors.ts';
import {
  REPLAY_DAYS_MAX,
  REPLAY_ID_PATTERN,
  REPLAY_SPEED_MAX,
  REPLAY_SPEED_MIN,
  isReplaySpeed,
} from '../schema/replay.ts';
import { dayOf, formatIso } from '../schema/time.ts';
import type { UnixNs } from '../schema/time.ts';
import { dayFault, openDay, shown } from './day-input.ts';

type FieldFault = Omit<Fault, 'where'> | null;
type Given = Readonly<Record<string, unknown>>;

/** A day stands alone. */
export function replayDayFault({ from, to }: Given): FieldFault {
  const both = from !== undefined || to !== undefined;
  return both ? { what: 'stands beside a span', hint: 'either day, or from and to' } : null;
}

/** An instant of a day that is over; both in order, and not without end. */
export function instantFault(field: 'from' | 'to', given: Given, now: UnixNs): FieldFault {
  const value = given[field];
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  if (instant === null) {
    const hint = 'ISO text with a zone, such as 2026-11-20T14:00:00Z, or a day';
    return { what: `${shown(value)} is no instant`, hint };
  }
  // What ends at midnight is of the day before.
  const day = dayOf(field === 'to' && instant > 0n ? instant - 1n : instant);
  const odd = dayFault(day, now) ?? openDay(day, now);
  if (odd !== null)
    return { what: odd.what, ...(odd.hint === undefined ? {} : { hint: odd.hint }) };
  return field === 'from' || given['from'] === undefined ? spanFault(given) : null;
}

function spanFault({ from, to }: Given): FieldFault {
  const [begins, ends] = [from, to].map((it) => (typeof it === 'string' ? it : undefined));
  const span = replaySpan({
    ...(begins === undefined ? {} : { from: begins }),
    ...(ends === undefined ? {} : { to: ends }),
  });
  // What is no instant is told beside its own field.
  if (span === null) return null;
  if (span.from >= span.to) {
    const what = `${formatIso(span.from)} is not before ${formatIso(span.to)}, its end`;
    return { what, hint: 'the end is not included' };
  }
  const days = daysOfSpan(span).length;
  return days <= REPLAY_DAYS_MAX
    ? null
    : { what: `${days} days`, hint: `a replay has at most ${REPLAY_DAYS_MAX}: take them in parts` };
}

export function speedFault(value: unknown): FieldFault {
  if (isReplaySpeed(value)) return null;
  return {
    what: `${shown(value)} is no speed`,
    hint: `a number from ${REPLAY_SPEED_MIN} to ${REPLAY_SPEED_MAX}, times the original, or "max"`,
  };
}

export function replayIdFault(value: unknown): FieldFault {
  if (typeof value === 'string' && REPLAY_ID_PATTERN.test(value)) return null;
  const hint = 'lower-case letters, digits and dashes, at most 24; left out, one is made up';
  return { what: `${shown(value)} is no name of a replay`, hint };
}
