/** Two versions of a day side by side: what differs, what the values look like, what RAW says of it. */
import type { Feed } from '../connectors/feed.ts';
import { jsonDocument } from '../dataset/canonical.ts';
import { pairProfiles } from '../dataset/compare.ts';
import type { CompareDocument, ProfilePair } from '../dataset/compare.ts';
import { versionOfDay } from '../dataset/current.ts';
import type { DiffDocument } from '../dataset/diff.ts';
import { planDiff } from '../dataset/diff-plan.ts';
import type { StreamPlan } from '../dataset/diff-plan.ts';
import { compareKey } from '../dataset/keys.ts';
import type { ManifestObject } from '../dataset/manifest.ts';
import { createProfiler } from '../dataset/profile.ts';
import type { StreamProfile } from '../dataset/profile.ts';
import { renderCompare } from '../qa/compare-report.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import { JSON_TYPE, readCurrent } from './datasets.ts';
import { resolveDay } from './day-input.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { compareDays, diffFigures, loadObject, manifestOf } from './diff.ts';
import type { DayDiff, DiffSource, DiffSources } from './diff.ts';
import { findFrames } from './raw-frames.ts';
import { activity } from './run.ts';

export type CompareTarget = {
  readonly feed: string;
  readonly day: string;
  /** Versions; `current` is the one that serves the day. */
  readonly left: string;
  readonly right: string;
};

/** The comparison in a few figures; the report has the rest. */
export type DayComparison = DayDiff & {
  /** Streams whose values (timing) have the same distribution on both sides, and those that have not. */
  readonly values: { readonly same: number; readonly different: number };
  readonly timing: { readonly same: number; readonly different: number };
  /** Lines of RAW shown beside the samples. */
  readonly frames: number;
};

export function createCompareActivities(deps: JobDeps) {
  return {
    compareFeedDay: activity((target: CompareTarget, context): Promise<DayComparison> => {
      const { left, right } = target;
      return compareDay(deps, { ...resolveDay(deps, target), left, right }, context);
    }),
  };
}

export type CompareActivities = ReturnType<typeof createCompareActivities>;

export type CompareOf = {
  readonly feed: Feed;
  readonly day: Day;
  readonly left: string;
  readonly right: string;
};

/**
 * Compares, and writes the report as JSON and as HTML.
 * @throws SSMD_NOT_FOUND, SSMD_CORRUPT, SSMD_INVALID_INPUT where both sides are one version
 */
export async function compareDay(
  deps: JobDeps,
  of: CompareOf,
  context: JobContext,
): Promise<DayComparison> {
  const sides = {
    old: await sourceOf(deps, of, of.left),
    new: await sourceOf(deps, of, of.right),
  };
  refuseOne(of, sides);
  const document = await compareSources(deps, sides, context);
  const versions = { old: sides.old.manifest.version, new: sides.new.manifest.version };
  const name = { feed: of.feed.id, day: of.day, ...versions };
  const json = compareKey({ ...name, as: 'json' });
  const html = compareKey({ ...name, as: 'html' });
  const page = new TextEncoder().encode(renderCompare(document));
  await deps.normalized.put(html, page, { contentType: 'text/html; charset=utf-8' });
  await deps.normalized.put(json, jsonDocument(document), JSON_TYPE);
  return { ...name, ...figuresOf(document), json, html };
}

/** `current` may turn out to be the other side: a comparison with itself says nothing. */
export function refuseOne(
  of: { readonly feed: Feed; readonly day: Day },
  sides: DiffSources,
): void {
  const { version } = sides.old.manifest;
  if (sides.new.manifest.version !== version) return;
  const what = `${of.feed.id} ${of.day}: both sides are ${version}; name another version`;
  throw new SsmdError('SSMD_INVALID_INPUT', what, { facts: { day: of.day, version } });
}

/** A version of the day; `current` is whichever serves it. */
export async function sourceOf(
  deps: Pick<DiffSource, 'normalized' | 'zstd' | 'sha256'>,
  of: { readonly feed: Feed; readonly day: Day },
  version: string,
): Promise<DiffSource> {
  if (version !== 'current') return { ...deps, manifest: await manifestOf(deps, of, version) };
  const serving = versionOfDay(await readCurrent(deps, of.feed.id), of.day);
  if (serving !== null) return { ...deps, manifest: await manifestOf(deps, of, serving) };
  const message = `no version serves ${of.feed.id} ${of.day}; ssmd dataset list shows which days are`;
  throw new SsmdError('SSMD_NOT_FOUND', message, { facts: { feed: of.feed.id, day: of.day } });
}

export function figuresOf(
  document: CompareDocument,
): Omit<DayComparison, 'feed' | 'day' | 'old' | 'new' | 'json' | 'html'> {
  const { profiles, frames } = document;
  const count = (differs: (it: ProfilePair) => boolean) => {
    const different = profiles.filter(differs).length;
    return { same: profiles.length - different, different };
  };
  return {
    ...diffFigures(document),
    values: count(({ same, old, new: now }) => !same && !isSame(old?.values, now?.values)),
    timing: count(({ same, old, new: now }) => !same && !isSame(timing(old), timing(now))),
    frames: Object.keys(frames).length,
  };
}

function timing(profile: StreamProfile | null | undefined): unknown {
  return [profile?.interarrival_ns ?? null, profile?.latency_ns ?? null];
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Samples whose lines of RAW are looked up. */
const FRAMES_MAX = 40;

/** The whole comparison, of stores of one environment or of two; writes nothing. */
export async function compareSources(
  deps: Pick<JobDeps, 'raw' | 'unpackPrefix'>,
  sides: DiffSources,
  context: JobContext,
): Promise<CompareDocument> {
  const document = await compareDays(sides, context);
  const profiles = await profileDays(sides, context);
  const inputs = [...sides.old.manifest.inputs, ...sides.new.manifest.inputs];
  const distinct = [...new Map(inputs.map((it) => [it.key, it])).values()];
  const frames = await findFrames(deps, namesOf(document), distinct, context);
  return { ...document, profiles, frames };
}

function namesOf({ streams }: DiffDocument): string[] {
  const samples = streams.flatMap((it) => it.samples);
  return samples.flatMap(({ id }) => (id === null ? [] : [id])).slice(0, FRAMES_MAX);
}

/** Reads every stream of both sides; of one that is the same object by object only one. */
async function profileDays(sides: DiffSources, context: JobContext): Promise<ProfilePair[]> {
  const plans = planDiff(sides.old.manifest, sides.new.manifest);
  const pairs: ProfilePair[] = [];
  const day = `${sides.new.manifest.feed} ${sides.new.manifest.day}`;
  for (const [index, plan] of plans.entries()) {
    const stage = `${day}: values of ${plan.type} ${plan.symbol}, ${index + 1} of ${plans.length}`;
    context.beat({ v: 1, stage, done: [], records: 0, bytes: 0 });
    const old = await profileOf(sides.old, plan, plan.old, context);
    const same = plan.stretches.length === 0;
    const now = same ? old : await profileOf(sides.new, plan, plan.new, context);
    pairs.push(pairProfiles(plan, old, now));
  }
  return pairs;
}

async function profileOf(
  source: DiffSource,
  { type }: StreamPlan,
  objects: readonly ManifestObject[],
  context: JobContext,
): Promise<StreamProfile | null> {
  if (objects.length === 0) return null;
  const profiler = createProfiler(source.manifest.schema, type);
  const ordered = objects.toSorted((a, b) => (BigInt(a.first_t) < BigInt(b.first_t) ? -1 : 1));
  for (const object of ordered) {
    profiler.take(await loadObject(source, object, context.signal));
    await breathe(context.signal);
  }
  return profiler.finish();
}
