/**
 * Which shards a day demands (docs/decisions/0006-what-a-day-demands.md). RAW says it, the environment
 * file only fills in what RAW cannot know yet:
 *
 * - a committed day: the shards of its manifest, whatever was configured since
 * - else every shard RAW or the bus has anything of on the day
 * - of those that are absent: one that RAW knows before the day is demanded if it also knows it after the
 *   day, or if it is still configured; one that is configured is demanded unless RAW knows it only after
 *   the day, since it was added then
 *
 * Imports are known on the days they are of, and say nothing of the days around them.
 */
import { versionOfDay } from '../dataset/current.ts';
import { endedBefore } from '../dataset/epoch-log.ts';
import { inventoryKey, inventoryPrefix, parseInventoryKey, rawPrefix } from '../dataset/keys.ts';
import type { InventoryId } from '../dataset/keys.ts';
import type { Manifest } from '../dataset/manifest.ts';
import type { SegmentSurvey } from '../dataset/segment-survey.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Origin } from '../schema/log.ts';
import { addDays, dayStart } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { readCurrent, readManifest, readSeen } from './datasets.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { firstSegments, ofShard, parseInventory } from './raw-day.ts';
import type { RawDay } from './raw-day.ts';

/** Inventories of imports passed over on each side of a day before a shard counts as not known there. */
const LOOKS_MAX = 16;

export type DayOf = {
  readonly feed: string;
  readonly day: Day;
  /** Whose manifest settles the shards; null or absent: the one that serves the day. */
  readonly version?: string | null;
};

export type DayShards = {
  readonly shards: readonly string[];
  /** The last event the bus had of each epoch, by shard. */
  readonly bus_seen: ReadonlyMap<string, ReadonlyMap<number, bigint>>;
  /**
   * - `here`: something is there of the day, or it is committed
   * - `around`: nothing is, but a shard is known before and after it: it should have run
   * - `before`: nothing is, and a configured shard is known before it, none after it yet
   * - `unknown`: nothing says that anything ever ran that could have captured it
   */
  readonly known: 'here' | 'around' | 'before' | 'unknown';
  /** What RAW around the day is of, where the day itself has none. */
  readonly origin: Origin | null;
  /** Nearest days RAW has inventories of. */
  readonly nearest: { readonly before: Day | null; readonly after: Day | null };
};

/** Finds the shards of a day; reads no more of RAW's history than keys, unless a shard is absent. */
export async function shardsOfDay(
  deps: JobDeps,
  of: DayOf,
  raw: RawDay,
  context: JobContext,
): Promise<DayShards> {
  const { feed, day } = of;
  const manifest = await manifestOfDay(deps, of);
  const settled = manifest === null ? [] : shardsIn(manifest);
  const history = manifest === null ? await readHistory(deps, feed) : [];
  const configured = deps.shardsOf(feed);
  const found = [
    ...raw.segments.map((it) => it.id.shard),
    ...raw.inventories.map((it) => it.shard),
  ];
  const past = history.map((it) => it.shard);
  const names = [...new Set([...configured, ...settled, ...found, ...past])].sort();
  const bus_seen = new Map<string, ReadonlyMap<number, bigint>>();
  for (const shard of names) bus_seen.set(shard, await readSeen(deps, { feed, shard, day }));
  const here = names.filter((it) => isHere(raw, it) || (bus_seen.get(it)?.size ?? 0) > 0);
  const nearest = nearestDays(history, day);
  if (manifest !== null) {
    const shards = [...new Set([...settled, ...here])];
    return { shards, bus_seen, known: 'here', origin: manifest.origin, nearest };
  }
  const absent = names.filter((it) => !here.includes(it));
  const around = await lookAround(deps, { feed, day, history, raw, absent }, context);
  const expected = around.filter(({ shard, before, after }) =>
    before === null
      ? configured.includes(shard) && after === null
      : configured.includes(shard) || after !== null,
  );
  const both = expected.find(({ before, after }) => before !== null && after !== null);
  const waited = expected.find(({ before }) => before !== null);
  return {
    shards: [...here, ...expected.map((it) => it.shard)],
    bus_seen,
    known: here.length > 0 ? 'here' : both ? 'around' : waited ? 'before' : 'unknown',
    origin: (both ?? waited)?.before ?? null,
    nearest,
  };
}

/** A day of which nothing is there and nothing will come is no day: refused, nothing is committed. */
export async function refuseUnknownDay(
  deps: JobDeps,
  { feed, day }: DayOf,
  { nearest }: DayShards,
): Promise<never> {
  const segments = rawPrefix({ feed, day });
  const inventories = inventoryPrefix(feed, day);
  const stream = await streamBounds(deps);
  const { before, after } = nearest;
  const days = [before === null ? [] : `${before} before`, after === null ? [] : `${after} after`];
  const known = days.flat().join(' and ');
  throw new SsmdError(
    'SSMD_NOT_FOUND',
    `nothing was captured of ${feed} on ${day}: no segment below ${segments} and no inventory below ` +
      `${inventories} in the raw bucket, no event of that day on the bus (${stream.words}); ` +
      (known === '' ? `RAW has no day of ${feed} yet` : `the nearest days RAW has are ${known}`) +
      '. Check the day; bring in a recording of it with `npx ssmd import`; or, if the connector should ' +
      'have run then, start this job again when RAW of a later day is there',
    { facts: { feed, day, segments, inventories, stream: stream.range, nearest } },
  );
}

async function streamBounds(
  deps: Pick<JobDeps, 'bus'>,
): Promise<{ words: string; range: readonly [number, number] | null }> {
  if (deps.bus === null) return { words: 'there is none', range: null };
  try {
    const { first_seq, last_seq } = await deps.bus.bounds();
    const holds = last_seq >= first_seq;
    const words = holds ? `stream sequences ${first_seq} to ${last_seq}` : 'its stream is empty';
    return { words, range: [first_seq, last_seq] };
  } catch (error) {
    if (!(error instanceof SsmdError)) throw error;
    return { words: 'as far as the hourly archive saw: it does not answer now', range: null };
  }
}

async function manifestOfDay(
  deps: JobDeps,
  { feed, day, version }: DayOf,
): Promise<Manifest | null> {
  const serving = version ?? versionOfDay(await readCurrent(deps, feed), day);
  return serving === null ? null : readManifest(deps, { version: serving, feed, day });
}

function shardsIn({ shards, gaps }: Manifest): string[] {
  return [...shards, ...gaps.map((it) => it.shard)];
}

/** Whether RAW has anything of a shard's day, or of an epoch that may have gone on into it. */
function isHere(raw: RawDay, shard: string): boolean {
  const own = ofShard(raw, shard);
  const ended = endedBefore(own);
  return own.inventories.length > 0 || own.segments.some((it) => !ended.has(it.id.epoch));
}

/** Every inventory there is of a feed, in order of the day. */
async function readHistory({ raw }: Pick<JobDeps, 'raw'>, feed: string): Promise<InventoryId[]> {
  const history: InventoryId[] = [];
  for await (const { key } of raw.list(inventoryPrefix(feed))) {
    const id = parseInventoryKey(key);
    if (id !== null) history.push(id);
  }
  return history;
}

function nearestDays(history: readonly InventoryId[], day: Day): DayShards['nearest'] {
  const before = history.findLast((it) => it.day < day)?.day ?? null;
  const after = history.find((it) => it.day > day)?.day ?? null;
  return { before, after };
}

type Around = {
  readonly shard: string;
  /** The origin of what RAW has of the shard nearest to the day, imports apart; null: nothing. */
  readonly before: Origin | null;
  readonly after: Origin | null;
};

async function lookAround(
  deps: JobDeps,
  of: {
    readonly feed: string;
    readonly day: Day;
    readonly history: readonly InventoryId[];
    readonly raw: RawDay;
    readonly absent: readonly string[];
  },
  context: JobContext,
): Promise<Around[]> {
  if (of.absent.length === 0) return [];
  const { feed, day, history, raw } = of;
  const after = { feed, day: addDays(day, 1) };
  // A day that still runs has segments and no inventory.
  const next = await firstSegments(deps, after, ({ shard }) => shard, context);
  const around: Around[] = [];
  for (const shard of of.absent) {
    const own = history.filter((it) => it.shard === shard);
    const earlier = own.filter((it) => it.day < day).reverse();
    const later = own.filter((it) => it.day > day);
    const warm = raw.segments.filter((it) => it.id.t < dayStart(day));
    around.push({
      shard,
      before: originIn(warm, shard) ?? (await originOfFirst(deps, earlier)),
      after: originIn(next, shard) ?? (await originOfFirst(deps, later)),
    });
  }
  return around;
}

function originIn(segments: readonly SegmentSurvey[], shard: string): Origin | null {
  const own = segments.filter((it) => it.id.shard === shard);
  // One that cannot be read says nothing, and does not keep the next from saying it.
  const origins = own.flatMap((it) => it.capture?.origin ?? []);
  return origins.find((it) => it !== 'import') ?? null;
}

/** The origin of the first of some inventories that is not of an import. */
async function originOfFirst(
  { raw }: Pick<JobDeps, 'raw'>,
  ids: readonly InventoryId[],
): Promise<Origin | null> {
  for (const id of ids.slice(0, LOOKS_MAX)) {
    const stored = await raw.get(inventoryKey(id));
    const origin = stored === null ? null : (parseInventory(stored.body)?.origin ?? null);
    if (origin !== null && origin !== 'import') return origin;
  }
  return null;
}
