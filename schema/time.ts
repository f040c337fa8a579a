/**
 * Instants and days. An instant is integer nanoseconds since the Unix epoch, UTC, as a bigint: a
 * double's step at today's epoch is 256 ns, so neighbouring nanoseconds would collapse. On the wire
 * (JSON, Temporal) an instant is its decimal text. `number` milliseconds are for timers only and are
 * named `_ms`.
 */

/** Nanoseconds since the Unix epoch, UTC. */
export type UnixNs = bigint & { readonly __unit: 'unix-ns' };

/** A UTC calendar day, `YYYY-MM-DD`: in ssmd always the UTC day of `ts_recv`. */
export type Day = string & { readonly __unit: 'utc-day' };

export const NS_PER_MS = 1_000_000n;
export const NS_PER_SECOND = 1_000_000_000n;
export const NS_PER_MINUTE = 60n * NS_PER_SECOND;
export const NS_PER_HOUR = 60n * NS_PER_MINUTE;
export const NS_PER_DAY = 24n * NS_PER_HOUR;

/** Brands a bigint as an instant. Negative instants do not occur and are a programmer's error. */
export function unixNs(ns: bigint): UnixNs {
  if (ns < 0n) throw new RangeError(`an instant is never negative, received ${ns}`);
  return ns as UnixNs;
}

export function nsFromMs(ms: number): UnixNs {
  return unixNs(BigInt(Math.trunc(ms)) * NS_PER_MS);
}

/** Milliseconds since the epoch, rounded down: for timers and display, never for ordering. */
export function msFromNs(ns: bigint): number {
  return Number(ns / NS_PER_MS);
}

/** `"1763712000000000000"` to an instant, or null where the text is not a plain decimal integer. */
export function parseUnixNs(text: string): UnixNs | null {
  return /^(0|[1-9]\d{0,18})$/.test(text) ? unixNs(BigInt(text)) : null;
}

/** `2026-11-20T14:03:07.123456789Z`; always nine fractional digits, so texts sort as instants do. */
export function formatIso(ns: bigint): string {
  const seconds = new Date(msFromNs(ns)).toISOString().slice(0, 19);
  return `${seconds}.${(ns % NS_PER_SECOND).toString().padStart(9, '0')}Z`;
}

const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)$/;

/** RFC 3339 text with up to nine fractional digits to an instant, or null where it is not one. */
export function parseIso(text: string): UnixNs | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, y, mo, d, h, mi, s, fraction = '', zone = 'Z'] = match;
  const civil = `${y}-${mo}-${d}T${h}:${mi}:${s}`;
  const ms = Date.parse(`${civil}Z`);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== civil) return null;
  const offset_ms = zone === 'Z' ? 0 : zoneOffsetMs(zone);
  const total = BigInt(ms - offset_ms) * NS_PER_MS + BigInt(fraction.padEnd(9, '0'));
  return total < 0n ? null : unixNs(total);
}

function zoneOffsetMs(zone: string): number {
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.slice(1).replace(':', '');
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}

/** The UTC day an instant falls on. */
export function dayOf(ns: bigint): Day {
  return new Date(msFromNs(ns)).toISOString().slice(0, 10) as Day;
}

/** `YYYY-MM-DD` to a day, or null where it is not a day of the calendar. */
export function parseDay(text: string): Day | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return null;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text) ? (text as Day) : null;
}

/** 00:00:00 UTC of a day. */
export function dayStart(day: Day): UnixNs {
  return nsFromMs(Date.parse(`${day}T00:00:00Z`));
}

/** 00:00:00 UTC of the next day: a day is `[dayStart, dayEnd)`. */
export function dayEnd(day: Day): UnixNs {
  return unixNs(dayStart(day) + NS_PER_DAY);
}

/** The day `count` days after (before, if negative). */
export function addDays(day: Day, count: number): Day {
  return dayOf(dayStart(day) + BigInt(count) * NS_PER_DAY);
}

/** Days from one to another, both included; none where the last is before the first. */
export function daysBetween(from: Day, to: Day): Day[] {
  const days: Day[] = [];
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}
