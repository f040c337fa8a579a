/**
 * A time zone: instants to wall clocks and back, in ms since the epoch. The rules are those of the
 * IANA database inside the runtime, asked through `Intl`; what is added is the way back and a cache.
 */
import { MS_PER_DAY } from './civil.ts';
import type { DayNumber } from './civil.ts';

export type Zone = {
  readonly name: string;
  /** How far the wall clock is ahead of UTC at an instant. */
  readonly offsetMs: (at_ms: number) => number;
  /** The date on the wall at an instant. */
  readonly dayAt: (at_ms: number) => DayNumber;
  /**
   * The instant at which the wall shows a time, in seconds from a day's midnight; the day before and
   * the day after may be meant (-3,600: 23:00 the evening before). A time shown
   * twice is its first; one that is skipped is the instant at which the clock jumps over it. So a
   * later time on the wall is never an earlier instant.
   */
  readonly instantMs: (day: DayNumber, seconds: number) => number;
};

/** Whether the runtime knows a zone by this name: `UTC`, or `Area/City` as IANA spells it. */
export function isZone(name: string): boolean {
  if (name === 'UTC') return true;
  if (!/^[A-Za-z]+\/[A-Za-z/_+-]+$/.test(name)) return false;
  // `Intl` takes any case, and others, such as the server of schedules, do not.
  const alike = zoneNames().find((it) => it.toLowerCase() === name.toLowerCase());
  if (alike === undefined ? !/^[A-Z].*\/[A-Z]/.test(name) : alike !== name) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** Names to suggest from. */
export function zoneNames(): readonly string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')];
}

/** @throws RangeError where `isZone` is false */
export function openZone(name: string): Zone {
  const offsetMs = name === 'UTC' ? (): number => 0 : cachedOffsets(askIntl(name));
  return {
    name,
    offsetMs,
    dayAt: (at_ms) => Math.floor((at_ms + offsetMs(at_ms)) / MS_PER_DAY),
    instantMs: (day, seconds) => instantOf(day * MS_PER_DAY + seconds * 1000, offsetMs),
  };
}

type Offsets = (at_ms: number) => number;

function askIntl(timeZone: string): Offsets {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at_ms) => {
    const shown: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at_ms)) shown[type] = Number(value);
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = shown;
    const wall_ms = Date.UTC(year, month - 1, day, hour, minute, second);
    return wall_ms - Math.floor(at_ms / 1000) * 1000;
  };
}

/**
 * Asks once a UTC day. Between two midnights with the same offset nothing has changed: no zone moves
 * its clock forth and back within a day.
 */
function cachedOffsets(ask: Offsets): Offsets {
  const midnights = new Map<DayNumber, number>();
  const atMidnight = (day: DayNumber): number => {
    let offset_ms = midnights.get(day);
    if (offset_ms === undefined) {
      offset_ms = ask(day * MS_PER_DAY);
      midnights.set(day, offset_ms);
    }
    return offset_ms;
  };
  return (at_ms) => {
    const day = Math.floor(at_ms / MS_PER_DAY);
    const before_ms = atMidnight(day);
    return before_ms === atMidnight(day + 1) ? before_ms : ask(at_ms);
  };
}

function instantOf(wall_ms: number, offsetMs: Offsets): number {
  const before_ms = offsetMs(wall_ms - MS_PER_DAY);
  const after_ms = offsetMs(wall_ms + MS_PER_DAY);
  const first = wall_ms - before_ms;
  if (offsetMs(first) === before_ms) return first;
  const second = wall_ms - after_ms;
  if (offsetMs(second) === after_ms) return second;
  // Skipped: the clock jumps after `second` and at the latest at `first`.
  let [low, high] = [second, first];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(middle) === after_ms) high = middle;
    else low = middle;
  }
  return high;
}
