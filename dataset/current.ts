/**
 * The pointer readers start from: which version serves which days of a feed, and which one new days go
 * to. It is moved by compare-and-swap; the revision inside keeps equal bodies of different moves apart.
 */
import { SsmdError } from '../schema/errors.ts';
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
  /** Who moved days from one version to another, oldest first: the latest `MOVES_KEPT`. */
  readonly moves: readonly Move[];
};

/** Moves a pointer remembers; older ones can be undone only by promoting the days again. */
export const MOVES_KEPT = 100;

/** One move of days between versions, by a promotion or by taking one back. */
export type Move = {
  /** Of the pointer, once it was made. */
  readonly revision: number;
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
  readonly reason: string;
  readonly days: readonly MovedRange[];
  /** The revision of the move that it takes back. */
  readonly undoes: number | null;
};

/** Null is no version: the day was, or is again, not served. */
export type MovedRange = {
  readonly from: Day;
  readonly to: Day;
  readonly was: string | null;
  readonly version: string | null;
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
  const { revision, ranges, live, moves } = current ?? EMPTY;
  const newest = ranges.every((range) => range.to <= day);
  const next_live = own && (live === null || newest) ? version : live;
  const served = versionOfDay(current, day) !== null;
  if (served && next_live === live) return null;
  return {
    format: 1,
    revision: revision + 1,
    ranges: served ? ranges : mergeRanges([...ranges, { from: day, to: day, version }]),
    live: next_live,
    moves,
  };
}
const EMPTY: Current = { format: 1, revision: 0, ranges: [], live: null, moves: [] };

/** What a move is asked to be; `version` of each range is where its days go. */
export type MoveRequest = Omit<Move, 'revision'>;

/** A day that is not where the move expected it. */
export type Displaced = {
  readonly day: Day;
  readonly expected: string | null;
  readonly found: string | null;
};

/**
 * Moves days, all of them or none: each must still be served by the version it is moved away from, or
 * someone else was faster and the days that are not so are returned.
 */
export function withMove(
  current: Current | null,
  request: MoveRequest,
): { readonly next: Current } | { readonly displaced: readonly Displaced[] } {
  const before = current ?? EMPTY;
  const displaced: Displaced[] = [];
  let ranges = [...before.ranges];
  for (const { from, to, was, version } of request.days) {
    for (let day = from; day <= to; day = addDays(day, 1)) {
      const found = versionOfDay(before, day);
      if (found !== was) displaced.push({ day, expected: was, found });
    }
    ranges = cutOut(ranges, from, to);
    if (version !== null) ranges.push({ from, to, version });
  }
  if (displaced.length > 0) return { displaced };
  const revision = before.revision + 1;
  const moves = [...before.moves, { ...request, revision }].slice(-MOVES_KEPT);
  return { next: { ...before, revision, ranges: mergeRanges(ranges), moves } };
}

/** The move that takes back the one of `revision`; null where the pointer remembers none. */
export function undoing(
  current: Current | null,
  revision: number,
  by: Pick<Move, 'at' | 'by' | 'reason'>,
): MoveRequest | null {
  const move = current?.moves.find((it) => it.revision === revision);
  if (move === undefined) return null;
  const days = move.days.map((it) => ({ ...it, was: it.version, version: it.was }));
  const { at, reason } = by;
  return { at, by: by.by, reason, days, undoes: revision };
}

/** The stretch `[from, to]` taken out of ranges. */
function cutOut(ranges: readonly DayRange[], from: Day, to: Day): DayRange[] {
  return ranges.flatMap((range) => {
    if (range.to < from || range.from > to) return [range];
    const left = range.from < from ? [{ ...range, to: addDays(from, -1) }] : [];
    const right = range.to > to ? [{ ...range, from: addDays(to, 1) }] : [];
    return [...left, ...right];
  });
}

/** A pointer read back, or null where it is none this version understands. */
export function parseCurrent(value: unknown): Current | null {
  if (typeof value !== 'object' || value === null) return null;
  // Pointers that were never moved by a promotion may be older than the list of moves.
  const { format, revision, ranges, live, moves = [] } = value as Current;
  const whole =
    format === 1 &&
    Number.isSafeInteger(revision) &&
    Array.isArray(ranges) &&
    Array.isArray(moves) &&
    (live === null || (typeof live === 'string' && VERSION_PATTERN.test(live)));
  return whole ? { format, revision, ranges, live, moves } : null;
}

/** A pointer as it is stored under `key`. @throws SSMD_CORRUPT */
export function decodeCurrent(body: Uint8Array, key: string): Current {
  try {
    const current = parseCurrent(JSON.parse(new TextDecoder().decode(body)));
    if (current !== null) return current;
  } catch {
    // Told below.
  }
  throw new SsmdError('SSMD_CORRUPT', `${key} is not a pointer this version understands`, {
    facts: { key },
  });
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
