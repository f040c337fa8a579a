/**
 * The pointer readers start from: which version serves which days of a feed, and which one new days go
 * to. It is moved by compare-and-swap; the revision inside keeps equal bodies of different moves apart.
 */
import { addDays } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { VERSION_PATTERN } from './keys.ts';

/** `normalized/_current/{feed}.json` */
export type Current = {
  readonly format: 1;
  readonly revision: number;
  /** Committed days, both ends included; in order, never overlapping. */
  readonly ranges: readonly DayRange[];
  /** The version new days of the environment go to; null while none of its own was committed. */
  readonly live: string | null;
};

export type DayRange = { readonly from: Day; readonly to: Day; readonly version: string };

/** The version that serves a day, or null where no committed one does. */
export function versionOfDay(current: Current | null, day: Day): string | null {
  return current?.ranges.find((range) => range.from <= day && day <= range.to)?.version ?? null;
}

/**
 * A day was committed under `version`: it serves the day from now on unless another one already does
 * (only a promotion changes that). `own`: the day is of the environment's own origin; the newest of
 * those says where new days go. An import, and an old day that is built late, move nothing of that.
 * Returns null where nothing changes.
 */
export function withCommittedDay(
  current: Current | null,
  day: Day,
  version: string,
  { own }: { readonly own: boolean },
): Current | null {
  const { revision, ranges, live } = current ?? { revision: 0, ranges: [], live: null };
  const newest = ranges.every((range) => range.to <= day);
  const next_live = own && (live === null || newest) ? version : live;
  const served = versionOfDay(current, day) !== null;
  if (served && next_live === live) return null;
  return {
    format: 1,
    revision: revision + 1,
    ranges: served ? ranges : mergeRanges([...ranges, { from: day, to: day, version }]),
    live: next_live,
  };
}

/** A pointer read back, or null where it is none this version understands. */
export function parseCurrent(value: unknown): Current | null {
  if (typeof value !== 'object' || value === null) return null;
  const { format, revision, ranges, live } = value as Current;
  const whole =
    format === 1 &&
    Number.isSafeInteger(revision) &&
    Array.isArray(ranges) &&
    (live === null || (typeof live === 'string' && VERSION_PATTERN.test(live)));
  return whole ? { format, revision, ranges, live } : null;
}

function mergeRanges(ranges: readonly DayRange[]): DayRange[] {
  const sorted = [...ranges].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const merged: DayRange[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last?.version === range.version && addDays(last.to, 1) === range.from) {
      merged[merged.length - 1] = { ...last, to: range.to };
    } else merged.push(range);
  }
  return merged;
}
