/**
 * The plan of a day's archive, made once and frozen in the workflow's history: which windows come from
 * the bus and which from RAW, under which version, and what RAW was when it was decided.
 */
import { windowOf } from '../dataset/cutter.ts';
import type { ShardPlan } from '../dataset/day-plan.ts';
import { inputsId } from '../dataset/manifest.ts';
import type { ManifestGap, ManifestInput } from '../dataset/manifest.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Origin } from '../schema/log.ts';
import { NS_PER_HOUR, dayEnd, dayStart } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import type { Feed } from '../connectors/feed.ts';
import { refuseUnknownDay, shardsOfDay } from './archive-shards.ts';
import type { DayShards } from './archive-shards.ts';
import { readStagedWindow, resolveVersion } from './datasets.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { planFeedDay, readRawDay } from './raw-day.ts';
import type { FeedDay } from './raw-day.ts';
import { refuseUnfitRaw } from './raw-refusals.ts';

/** A plan goes through the workflow's history with every step: what it waits for is told in part. */
const WAITING_LISTED_MAX = 10;

/** How long after its day a shard that is expected may still deliver. */
export const LATE_HOURS_MAX = 24;

export type WindowPlan = { readonly hour: number; readonly source: 'bus' | 'raw' };

export type ArchivePlan = {
  readonly feed: string;
  readonly day: Day;
  readonly version: string;
  readonly origin: Origin;
  /** `kraken@1`: whose objects these are, whichever worker builds them. */
  readonly normalizer: string;
  readonly window_hours: number;
  /** sha256 over RAW's inputs and gaps as they were found. */
  readonly inputs_id: string;
  readonly shards: readonly { readonly shard: string; readonly windows: readonly WindowPlan[] }[];
  readonly segments: number;
  readonly gaps: number;
  /** What is expected and may still come; empty when the day can be built now. */
  readonly waiting: readonly string[];
  /** RAW was not what was remembered of it: every step of this plan reads it anew. */
  readonly anew?: true;
};

/** Everything the day is built from, and its identity. */
export type DaySources = {
  readonly found: DayShards;
  readonly survey: FeedDay;
  readonly inputs: readonly ManifestInput[];
  readonly gaps: readonly ManifestGap[];
  readonly inputs_id: string;
  readonly origin: Origin;
};

/** A day, and how it is looked at. */
export type SourcesOf = {
  readonly feed: Feed;
  readonly day: Day;
  readonly version?: string | null;
  /** Reads every segment, whatever is remembered of it: bytes may rot below an etag that stays. */
  readonly anew?: boolean;
};

/** Surveys RAW of the day. Mixed origins are refused (`SSMD_INVALID_INPUT`). */
export async function readSources(
  given: JobDeps,
  { feed, day, version, anew }: SourcesOf,
  context: JobContext,
): Promise<DaySources> {
  const deps = anew === true ? { ...given, surveys: null } : given;
  const raw = await readRawDay(deps, { feed: feed.id, day }, context);
  const of = { feed: feed.id, day, ...(version === undefined ? {} : { version }) };
  const found = await shardsOfDay(deps, of, raw, context);
  const survey = await planFeedDay(deps, raw, found.shards, context, found.bus_seen);
  const inputs = survey.plans.flatMap((plan) => plan.inputs);
  const gaps = survey.plans.flatMap((plan) => plan.gaps);
  return {
    found,
    survey,
    inputs,
    gaps,
    inputs_id: inputsId({ inputs, gaps }, deps.sha256),
    origin: originOf(survey) ?? found.origin ?? deps.origin,
  };
}

/** Plans a day, or refuses one of which nothing is there and nothing will come (`SSMD_NOT_FOUND`). */
export async function planArchive(
  deps: JobDeps,
  of: { readonly feed: Feed; readonly day: Day; readonly anew?: boolean },
  context: JobContext,
): Promise<ArchivePlan> {
  const { feed, day } = of;
  const sources = await readSources(deps, of, context);
  const { found } = sources;
  if (found.known === 'unknown' || (found.known === 'before' && isLate(deps, day))) {
    await refuseUnknownDay(deps, { feed: feed.id, day }, found);
  }
  refuseUnfitRaw(sources.survey);
  const making = {
    feed: feed.id,
    normalizer: feed.normalizer,
    schema: 'md2',
    window_hours: deps.window_hours,
    origin: sources.origin,
  } as const;
  const version = await resolveVersion(deps, making, day);
  const shards: ArchivePlan['shards'][number][] = [];
  for (const plan of sources.survey.plans) {
    const windows: WindowPlan[] = [];
    for (let hour = 0; hour < 24; hour += deps.window_hours) {
      const id = { version, feed: feed.id, day, shard: plan.shard, hour };
      const staged = await readStagedWindow(deps, id);
      const whole = epochWholeInRaw(plan, day, hour, deps.window_hours);
      const usable = staged?.source === 'bus' && whole !== null && staged.epoch === whole;
      windows.push({ hour, source: usable ? 'bus' : 'raw' });
    }
    shards.push({ shard: plan.shard, windows });
  }
  return {
    feed: feed.id,
    day,
    version,
    origin: sources.origin,
    normalizer: normalizerOf(feed),
    window_hours: deps.window_hours,
    inputs_id: sources.inputs_id,
    shards,
    segments: sources.inputs.length,
    gaps: sources.gaps.length,
    waiting: waitingFor(deps, day, sources.gaps),
    ...(of.anew === true ? { anew: true as const } : {}),
  };
}

/** What builds a feed's days in this worker. */
export function normalizerOf({ id, normalizer }: Feed): string {
  return `${id}@${normalizer}`;
}

/**
 * The epoch that speaks for the whole of a window, where RAW holds all of it and without a hole before
 * it; else null. Only then may the bus's objects of that epoch stand for it: what RAW lacks, nobody
 * could ever rebuild.
 */
export function epochWholeInRaw(
  plan: ShardPlan,
  day: Day,
  hour: number,
  window_hours: number,
): number | null {
  const { start, end } = windowOf(dayStart(day) + BigInt(hour) * NS_PER_HOUR, window_hours);
  const interval = plan.intervals.find((it) => it.from <= start && end <= it.until);
  if (interval === undefined || plan.unbroken_until < end) return null;
  const holed = plan.gaps.some((gap) => BigInt(gap.from) < end && BigInt(gap.to) > start);
  const covered = interval.segments.filter((it) => it.id.t < end);
  return !holed && covered.every((it) => it.state === 'whole') ? interval.epoch : null;
}

/** A window's objects lie in it: events of the day by their window's first hour. */
export function hourOf(t: bigint, day: Day, window_hours: number): number {
  return Number((windowOf(t, window_hours).start - dayStart(day)) / NS_PER_HOUR);
}

/** What has not come by now is no longer waited for. */
function isLate(deps: Pick<JobDeps, 'now'>, day: Day): boolean {
  return deps.now() >= dayEnd(day) + BigInt(LATE_HOURS_MAX) * NS_PER_HOUR;
}

/** What a day lacks and may still get; nothing once it is late. */
export function waitingFor(
  deps: Pick<JobDeps, 'now'>,
  day: Day,
  gaps: readonly ManifestGap[],
): string[] {
  if (isLate(deps, day)) return [];
  const open = gaps.filter((gap) => MAY_STILL_COME.includes(gap.cause));
  const shown = open.slice(0, WAITING_LISTED_MAX);
  const words = shown.map((gap) => `${gap.shard}: ${gap.cause}: ${gap.detail}`);
  return open.length === shown.length
    ? words
    : [...words, `and ${open.length - shown.length} more`];
}
const MAY_STILL_COME: readonly string[] = ['shard_absent', 'inventory_missing', 'segment_missing'];

/** What the day's segments are of; null where it has none. */
function originOf(survey: FeedDay): Origin | null {
  const segments = survey.plans.flatMap((plan) => plan.intervals.flatMap((it) => it.segments));
  const origins = new Set(segments.flatMap((it) => it.capture?.origin ?? []));
  const [origin = null] = origins;
  if (origins.size <= 1) return origin;
  throw new SsmdError(
    'SSMD_INVALID_INPUT',
    `RAW of ${survey.feed} ${survey.day} mixes origins (${[...origins].sort().join(', ')}): ` +
      'they never share a dataset; remove one of them from the raw bucket',
    { facts: { feed: survey.feed, day: survey.day, origins: [...origins].sort() } },
  );
}
