/** Moves a feed's pointer from version to version: all days or none, and the same way back. */
import { jsonDocument } from '../dataset/canonical.ts';
import { decodeCurrent, undoing, versionOfDay, withMove } from '../dataset/current.ts';
import type { Current, Displaced, MoveRequest, MovedRange } from '../dataset/current.ts';
import { currentKey, manifestKey, retiringKey } from '../dataset/keys.ts';
import { SsmdError } from '../schema/errors.ts';
import { addDays } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { JSON_TYPE } from './datasets.ts';
import type { JobDeps } from './deps.ts';

type Deps = Pick<JobDeps, 'normalized'>;

/**
 * Who moves, why and when: written into the pointer. `at` (ISO 8601) is the request's own, so that a
 * repeated attempt is known again.
 */
export type Mover = { readonly by: string; readonly reason: string; readonly at: string };

export type Moved = {
  readonly feed: string;
  /** Of the pointer after the move; take it back with this number. */
  readonly revision: number;
  readonly days: readonly MovedRange[];
  /** The pointer said so already: our own move whose acknowledgement was lost. */
  readonly again: boolean;
};

/** Other writers may win a compare-and-swap this often before we give up for now. */
const RACES_MAX = 20;
const REASON_CHARS_MAX = 200;

/**
 * Moves days to where `days` says, if each is still served by what it was (`was`). Once `signal` is
 * aborted nothing is moved any more.
 * @throws SSMD_MOVED naming the days that somebody else moved in between
 * @throws SSMD_NOT_FOUND where a day has no manifest under the version it is to go to
 */
export async function moveDays(
  deps: Deps,
  feed: string,
  days: readonly MovedRange[],
  mover: Mover,
  signal?: AbortSignal,
): Promise<Moved> {
  return move(deps, feed, () => ({ ...mover, days, undoes: null }), signal);
}

/** Takes a move back. @throws SSMD_NOT_FOUND where the pointer remembers none of that revision */
export async function undoMove(
  deps: Deps,
  feed: string,
  revision: number,
  mover: Mover,
  signal?: AbortSignal,
): Promise<Moved> {
  const request = (current: Current | null): MoveRequest => {
    const undo = undoing(current, revision, mover);
    if (undo !== null) return undo;
    const known = (current?.moves ?? []).map((it) => it.revision).slice(-10);
    const there = known.length === 0 ? 'it was never moved' : `it remembers ${known.join(', ')}`;
    throw new SsmdError(
      'SSMD_NOT_FOUND',
      `the pointer of ${feed} has no move of revision ${revision}: ${there}`,
      { facts: { feed, revision, known } },
    );
  };
  return move(deps, feed, request, signal);
}

async function move(
  deps: Deps,
  feed: string,
  requestFor: (current: Current | null) => MoveRequest,
  signal: AbortSignal | undefined,
): Promise<Moved> {
  const key = currentKey(feed);
  for (let race = 0; race < RACES_MAX; race++) {
    const stored = await deps.normalized.get(key);
    const current = stored === null ? null : decodeCurrent(stored.body, key);
    const request = requestFor(current);
    const before = sameMove(current, request);
    if (before !== null) {
      await refuseUnserved(deps, feed, request, before);
      return { feed, revision: before, days: request.days, again: true };
    }
    const moved = withMove(current, request);
    if ('displaced' in moved) throw displacedError(feed, moved.displaced);
    await refuseUncommitted(deps, feed, request.days);
    const body = jsonDocument(moved.next);
    // The last moment at which a cancellation is heard.
    signal?.throwIfAborted();
    const outcome =
      stored === null
        ? await deps.normalized.putIfAbsent(key, body, JSON_TYPE)
        : await deps.normalized.replaceIf(key, body, stored.etag);
    if (outcome !== 'created' && outcome !== 'replaced') continue;
    const { revision } = moved.next;
    await refuseUnserved(deps, feed, request, revision);
    return { feed, revision, days: request.days, again: false };
  }
  throw new SsmdError(
    'SSMD_UNAVAILABLE',
    `${key} was changed by others ${RACES_MAX} times while we tried; trying again later`,
    { retryable: true, facts: { key } },
  );
}

/**
 * The revision of the move that is this very one, made by an attempt that never heard of it: the same
 * days, the same person, the same words, at the same instant. Others may have moved on since.
 */
function sameMove(current: Current | null, request: MoveRequest): number | null {
  const asked = JSON.stringify(request, sorted);
  const found = current?.moves.find(({ revision: _, ...made }) => {
    return JSON.stringify(made, sorted) === asked;
  });
  return found?.revision ?? null;
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Looks again, once the pointer is written: a cleanup that looked at it before may be taking what serves
 * now. Then the move is taken back, unless somebody moved the days on.
 */
async function refuseUnserved(
  deps: Deps,
  feed: string,
  { days, at }: MoveRequest,
  revision: number,
): Promise<void> {
  try {
    await refuseUncommitted(deps, feed, days);
  } catch (error) {
    if (!(error instanceof SsmdError) || error.retryable) throw error;
    const key = currentKey(feed);
    const mover = { at, by: 'ssmd', reason: error.message.slice(0, REASON_CHARS_MAX) };
    for (let race = 0; race < RACES_MAX; race++) {
      const stored = await deps.normalized.get(key);
      const current = stored === null ? null : decodeCurrent(stored.body, key);
      const back = undoing(current, revision, mover);
      const moved = back === null ? null : withMove(current, back);
      if (stored === null || moved === null || 'displaced' in moved) break;
      const body = jsonDocument(moved.next);
      if ((await deps.normalized.replaceIf(key, body, stored.etag)) === 'replaced') break;
    }
    throw error;
  }
}

async function refuseUncommitted(
  deps: Deps,
  feed: string,
  ranges: readonly MovedRange[],
): Promise<void> {
  const versions = new Set(ranges.flatMap((it) => it.version ?? []));
  for (const version of versions) {
    if ((await deps.normalized.head(retiringKey({ version, feed }))) === null) continue;
    throw new SsmdError(
      'SSMD_NOT_FOUND',
      `a cleanup takes ${version} of ${feed} away: it cannot serve; build the days again with reprocess, ` +
        'or confirm the list of that cleanup once more where it was ended half-way',
      { facts: { feed, version } },
    );
  }
  const missing: string[] = [];
  for (const { from, to, version } of ranges) {
    if (version === null) continue;
    for (let day: Day = from; day <= to; day = addDays(day, 1)) {
      const there = await deps.normalized.head(manifestKey({ version, feed, day }));
      if (there === null) missing.push(`${day} ${version}`);
    }
  }
  if (missing.length === 0) return;
  throw new SsmdError(
    'SSMD_NOT_FOUND',
    `${feed} has no manifest of ${missing.slice(0, 10).join(', ')}: only committed days can serve`,
    { facts: { feed, missing: missing.slice(0, 100) } },
  );
}

function displacedError(feed: string, displaced: readonly Displaced[]): SsmdError {
  const words = displaced
    .slice(0, 10)
    .map(
      ({ day, expected, found }) =>
        `${day} (expected ${expected ?? 'none'}, is ${found ?? 'none'})`,
    );
  return new SsmdError(
    'SSMD_MOVED',
    `${feed} was moved by somebody else since: ${words.join(', ')}; look at ` +
      `\`ssmd dataset current --feed ${feed}\` and compare again`,
    { facts: { feed, displaced: displaced.slice(0, 100) } },
  );
}

/** Days of `[from, to]` that go to `version`, by what serves them now; those it serves are left out. */
export function rangesTo(
  current: Current | null,
  days: readonly Day[],
  version: string,
): MovedRange[] {
  const ranges: MovedRange[] = [];
  for (const day of [...days].sort()) {
    const was = versionOfDay(current, day);
    if (was === version) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last.was === was && addDays(last.to, 1) === day) {
      ranges[ranges.length - 1] = { ...last, to: day };
    } else ranges.push({ from: day, to: day, was, version });
  }
  return ranges;
}
