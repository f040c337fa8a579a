/** Finds what the raw bucket holds of a feed's day, and reads it again for the rebuild. */
import { planShardDay } from '../dataset/day-plan.ts';
import type { ShardPlan } from '../dataset/day-plan.ts';
import type { ShardFindings } from '../dataset/epoch-log.ts';
import {
  inventoryPrefix,
  parseInventoryKey,
  parseRawConflictKey,
  parseRawSegmentKey,
  rawPrefix,
} from '../dataset/keys.ts';
import type { InventoryId, RawSegmentId } from '../dataset/keys.ts';
import { surveySegment } from '../dataset/segment-survey.ts';
import type { SegmentContent, SegmentSurvey } from '../dataset/segment-survey.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Inventory } from '../schema/log.ts';
import { addDays, dayOf, nsFromMs } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';

/** Segments fetched at once; each is unpacked in memory. */
const FETCHES_MAX = 4;
/** An epoch takes its shard within minutes of its start; further its `_take` is not looked for. */
const TAKE_SEGMENTS_MAX = 15;

type Raw = Pick<JobDeps, 'raw' | 'zstd' | 'unpackPrefix' | 'sha256' | 'surveys'>;
type Loads = Omit<Raw, 'surveys'>;

export type FeedDay = {
  readonly feed: string;
  readonly day: Day;
  readonly plans: readonly ShardPlan[];
  readonly findings: readonly ShardFindings[];
  /** Segments whose key was taken by other content: kept, reported, never read. */
  readonly conflicts: readonly string[];
  /** Keys among the segments that ssmd never wrote: left alone. */
  readonly foreign: readonly string[];
};

type Found = { readonly key: string; readonly id: RawSegmentId; readonly etag: string };

/** What the raw bucket holds that a feed's day could be made of, every segment read once. */
export type RawDay = {
  readonly feed: string;
  readonly day: Day;
  /** Of the day and of the hour before it, for warm-ups. */
  readonly segments: readonly SegmentSurvey[];
  readonly inventories: readonly Inventory[];
  /** The first segment of the day after, of each epoch. */
  readonly next_segments: readonly SegmentSurvey[];
  /** Of the day before. */
  readonly previous_inventories: readonly Inventory[];
  readonly conflicts: readonly string[];
  readonly foreign: readonly string[];
};

/** Surveys every segment of the day (and of the hour before) and reads the inventories. */
export async function readRawDay(
  deps: Raw,
  { feed, day }: { readonly feed: string; readonly day: Day },
  context: JobContext,
): Promise<RawDay> {
  const { found, conflicts, foreign } = await listSegments(deps, feed, day);
  const segments = await surveyAll(deps, found, context, `${feed} ${day}: reading raw segments`);
  const inventories = await readInventories(deps, feed, day);
  const previous_inventories = await readInventories(deps, feed, addDays(day, -1));
  // An epoch that goes on begins the day after with its `_midnight`.
  const after = { feed, day: addDays(day, 1), hour: 0 };
  const next_segments = await firstSegments(deps, after, ({ epoch }) => epoch, context);
  const listed = { inventories, previous_inventories, next_segments };
  return { feed, day, segments, ...listed, conflicts, foreign };
}

/** What of it concerns one shard. */
export function ofShard(
  raw: RawDay,
  shard: string,
): Omit<ShardFindings, 'bus_seen' | 'earlier_takes'> {
  const own = (it: { readonly shard: string }): boolean => it.shard === shard;
  return {
    feed: raw.feed,
    day: raw.day,
    shard,
    segments: raw.segments.filter((it) => own(it.id)),
    inventories: raw.inventories.filter(own),
    previous_inventories: raw.previous_inventories.filter(own),
    next_segments: raw.next_segments.filter((it) => own(it.id)),
  };
}

/** Plans every shard the day demands; `bus_seen` is by shard. */
export async function planFeedDay(
  deps: Raw,
  raw: RawDay,
  shards: readonly string[],
  context: JobContext,
  bus_seen: ReadonlyMap<string, ReadonlyMap<number, bigint>> = new Map(),
): Promise<FeedDay> {
  const { feed, day, conflicts, foreign } = raw;
  const findings: ShardFindings[] = [];
  for (const shard of [...shards].sort()) {
    const own = ofShard(raw, shard);
    findings.push({
      ...own,
      earlier_takes: await findEarlierTakes(deps, own.segments, context),
      bus_seen: bus_seen.get(shard) ?? new Map(),
    });
  }
  return { feed, day, plans: findings.map(planShardDay), findings, conflicts, foreign };
}

/**
 * Reads a segment as it was surveyed. Content that is another now is `SSMD_LATE_RAW`: the day has to be
 * planned again, from what every segment is and not from what is remembered of it.
 */
export async function loadSegment(
  deps: Loads,
  segment: SegmentSurvey,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const content = await fetchSegment(deps, segment.key, signal);
  const sha256 = deps.sha256(content.plain);
  if (sha256 === segment.sha256) return content.plain;
  throw new SsmdError(
    'SSMD_LATE_RAW',
    `raw segment ${segment.key} is not what it was when the day was surveyed: expected sha256 ` +
      `${segment.sha256}, received ${sha256}; the day is surveyed again`,
    { facts: { replan: true, key: segment.key, expected: segment.sha256, received: sha256 } },
  );
}

async function listSegments(
  deps: Raw,
  feed: string,
  day: Day,
): Promise<{ found: Found[]; conflicts: string[]; foreign: string[] }> {
  const found: Found[] = [];
  const conflicts: string[] = [];
  const foreign: string[] = [];
  const prefixes = [rawPrefix({ feed, day: addDays(day, -1), hour: 23 }), rawPrefix({ feed, day })];
  for (const prefix of prefixes) {
    for await (const { key, etag } of deps.raw.list(prefix)) {
      const id = parseRawSegmentKey(key);
      if (id !== null) found.push({ key, id, etag });
      else if (parseRawConflictKey(key) !== null) conflicts.push(key);
      else foreign.push(key);
    }
  }
  return { found, conflicts, foreign };
}

/** The first segment of each shard, or of each epoch, of a day or of an hour of it. */
export async function firstSegments(
  deps: Raw,
  of: { readonly feed: string; readonly day: Day; readonly hour?: number },
  each: (id: RawSegmentId) => string | number,
  context: JobContext,
): Promise<SegmentSurvey[]> {
  const firsts = new Map<string, Found>();
  for await (const { key, etag } of deps.raw.list(rawPrefix(of))) {
    const id = parseRawSegmentKey(key);
    const name = id === null ? '' : `${id.shard} ${each(id)}`;
    if (id !== null && !firsts.has(name)) firsts.set(name, { key, id, etag });
  }
  return surveyAll(deps, [...firsts.values()], context, `${of.feed} ${of.day}: first segments`);
}

async function surveyAll(
  deps: Raw,
  found: readonly Found[],
  context: JobContext,
  stage: string,
): Promise<SegmentSurvey[]> {
  const surveys: SegmentSurvey[] = [];
  let bytes = 0;
  for (let first = 0; first < found.length; first += FETCHES_MAX) {
    const some = found.slice(first, first + FETCHES_MAX);
    surveys.push(...(await Promise.all(some.map((it) => surveyOne(deps, it, context.signal)))));
    for (const survey of surveys.slice(first)) bytes += survey.plain_bytes;
    const done = context.resumed?.done ?? [];
    const progress = `${stage} (${surveys.length} of ${found.length})`;
    context.beat({ v: 1, stage: progress, done, records: 0, bytes });
    await breathe(context.signal);
  }
  return surveys;
}

async function surveyOne(deps: Raw, of: Found, signal: AbortSignal): Promise<SegmentSurvey> {
  const known = deps.surveys?.get(of.key, of.etag);
  if (known != null) return known;
  const content = await fetchSegment(deps, of.key, signal);
  const survey = surveySegment(of.key, of.id, content, deps.sha256);
  deps.surveys?.set(of.key, of.etag, survey);
  return survey;
}

async function fetchSegment(
  deps: Loads,
  key: string,
  signal: AbortSignal,
): Promise<SegmentContent> {
  const stored = await deps.raw.get(key, { signal });
  if (stored === null) {
    throw new SsmdError('SSMD_LATE_RAW', `raw segment ${key} was listed and is gone; start again`, {
      retryable: true,
      facts: { key },
    });
  }
  try {
    return { plain: deps.zstd.decompress(stored.body), fault: null };
  } catch {
    return deps.unpackPrefix(stored.body);
  }
}

async function readInventories(deps: Raw, feed: string, day: Day): Promise<Inventory[]> {
  const inventories: Inventory[] = [];
  for await (const { key } of deps.raw.list(inventoryPrefix(feed, day))) {
    const id = parseInventoryKey(key);
    const stored = id === null ? null : await deps.raw.get(key);
    const inventory = stored === null ? null : parseInventory(stored.body);
    if (id !== null && inventory !== null && isOf(inventory, id)) inventories.push(inventory);
  }
  return inventories;
}

/** It says what its name says: another's would vouch for what it never saw. */
function isOf(inventory: Inventory, { feed, day, shard, epoch }: InventoryId): boolean {
  const { feed: f, day: d, shard: s, epoch: e } = inventory;
  return f === feed && d === day && s === shard && e === epoch;
}

/** An inventory that cannot be read vouches for nothing: it counts as missing. */
export function parseInventory(body: Uint8Array): Inventory | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    if (typeof value !== 'object' || value === null) return null;
    const inventory = value as Inventory;
    const whole =
      inventory.format === 1 &&
      ['day', 'shutdown', 'crash'].includes(inventory.end) &&
      Array.isArray(inventory.segments) &&
      inventory.segments.every((it) => typeof it.key === 'string');
    return whole ? inventory : null;
  } catch {
    return null;
  }
}

/** When epochs that began before the surveyed hours took the shard: found at their very beginning. */
async function findEarlierTakes(
  deps: Raw,
  segments: readonly SegmentSurvey[],
  context: JobContext,
): Promise<Map<number, bigint | null>> {
  const takes = new Map<number, bigint | null>();
  for (const epoch of new Set(segments.map((it) => it.id.epoch))) {
    const own = segments.filter((it) => it.id.epoch === epoch);
    const [first] = own;
    const from_start = own.some((it) => it.capture?.segment === 0);
    if (first === undefined || from_start || own.some((it) => it.takes.length > 0)) continue;
    takes.set(epoch, await findTake(deps, first.id, context));
  }
  return takes;
}

async function findTake(deps: Raw, id: RawSegmentId, context: JobContext): Promise<bigint | null> {
  const start = nsFromMs(id.epoch);
  const own: Found[] = [];
  for (const hour of [start, start + 3_600_000_000_000n]) {
    const at = {
      feed: id.feed,
      day: dayOf(hour),
      hour: new Date(Number(hour / 1_000_000n)).getUTCHours(),
    };
    for await (const { key, etag } of deps.raw.list(rawPrefix(at))) {
      const found = parseRawSegmentKey(key);
      if (found?.epoch !== id.epoch || found.shard !== id.shard) continue;
      own.push({ key, id: found, etag });
    }
  }
  for (const { key, id: found } of own.slice(0, TAKE_SEGMENTS_MAX)) {
    const content = await fetchSegment(deps, key, context.signal);
    const [take] = surveySegment(key, found, content, deps.sha256).takes;
    if (take !== undefined) return take.t;
  }
  return null;
}
