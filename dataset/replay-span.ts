/** The span of a replay: from what an operator asked for to instants and the days that hold them. */
import { addDays, dayEnd, dayOf, dayStart, parseDay, parseIso } from '../schema/time.ts';
import type { Day, UnixNs } from '../schema/time.ts';

/** `[from, to)`. */
export type ReplaySpan = { readonly from: UnixNs; readonly to: UnixNs };

/** What may be left out is the day's: `from` its beginning, `to` its end. */
export type SpanAsked = {
  readonly day?: string;
  readonly from?: string;
  readonly to?: string;
};

/** An instant as it is typed: ISO text with a zone, or a day, which is its first instant. */
export function parseInstant(text: string): UnixNs | null {
  const day = parseDay(text);
  return day === null ? parseIso(text) : dayStart(day);
}

/**
 * The span, or null where the words are no instants. Without `from` it begins with the day of `to`,
 * without `to` it ends with the day of `from`, without both it is `day`.
 */
export function replaySpan({ day, from, to }: SpanAsked): ReplaySpan | null {
  const begins = from === undefined ? null : parseInstant(from);
  const ends = to === undefined ? null : parseInstant(to);
  if ((from !== undefined && begins === null) || (to !== undefined && ends === null)) return null;
  if (begins !== null && ends !== null) return { from: begins, to: ends };
  // Up to midnight is the whole of the day that ends there.
  if (ends !== null) return { from: dayStart(dayOf(ends === 0n ? ends : ends - 1n)), to: ends };
  const whole = begins === null ? (day === undefined ? null : parseDay(day)) : dayOf(begins);
  return whole === null ? null : { from: begins ?? dayStart(whole), to: dayEnd(whole) };
}

/** The days that hold a span, in order. */
export function daysOfSpan({ from, to }: ReplaySpan): Day[] {
  const days: Day[] = [];
  for (let day = dayOf(from); dayStart(day) < to; day = addDays(day, 1)) days.push(day);
  return days;
}
