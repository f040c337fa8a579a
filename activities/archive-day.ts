/** Builds and commits a planned day. Every step can be repeated with the same outcome. */
import { jsonDocument } from '../dataset/canonical.ts';
import { manifestKey } from '../dataset/keys.ts';
import { buildManifest, compareManifests, inputsId } from '../dataset/manifest.ts';
import { captureSpans } from '../dataset/captures.ts';
import type { Build, Manifest, ManifestObject } from '../dataset/manifest.ts';
import { SsmdError, invariant } from '../schema/errors.ts';
import type { Feed } from '../connectors/feed.ts';
import type { Day } from '../schema/time.ts';
import { refuseAltered } from './archive-verify.ts';
import type { VerifiedPlan } from './archive-verify.ts';
import { writeWindowsFromRaw } from './archive-raw.ts';
import { hourOf, normalizerOf, readSources } from './archive-plan.ts';
import type { ArchivePlan, DaySources } from './archive-plan.ts';
import { JSON_TYPE, pointAtDay, readManifest, stageWindow } from './datasets.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { countOf, plannedWindows, stagedWindows } from './staged-windows.ts';
import type { Written } from './staged-windows.ts';

export type DayOf = { readonly feed: Feed; readonly day: Day };

/** Rebuilds the windows of a shard that the plan takes from RAW, and stages them. */
export async function buildShardFromRaw(
  deps: JobDeps,
  of: DayOf,
  plan: ArchivePlan,
  shard: string,
  context: JobContext,
): Promise<Written> {
  refuseOtherMaker(of, plan);
  const windows = plan.shards.find((it) => it.shard === shard)?.windows ?? [];
  const hours = windows.filter((it) => it.source === 'raw').map((it) => it.hour);
  const staged = await stagedWindows(deps, plan, shard, hours);
  if (staged.every((it) => it?.source === 'raw' && it.basis === plan.inputs_id)) {
    return countOf(staged.flatMap((it) => it?.objects ?? []));
  }
  const sources = await unchangedSources(deps, of, plan, context);
  const shardPlan = sources.survey.plans.find((it) => it.shard === shard);
  invariant(shardPlan !== undefined, `the survey of an unchanged day has shard ${shard}`);
  const { version, window_hours } = plan;
  const objects = await writeWindowsFromRaw(
    deps,
    {
      ...of,
      plan: shardPlan,
      window_hours: deps.window_hours,
      schema: 'md2',
      wanted: (object) => hours.includes(hourOf(object.start, of.day, window_hours)),
      writer: {
        version,
        feed: of.feed.id,
        schema: 'md2',
        source: 'raw',
        processor: 'daily-archive',
        inputs: [`raw/${of.feed.id} ${of.day} ${shard} inputs ${plan.inputs_id}`],
      },
    },
    context,
  );
  for (const hour of hours) {
    const own = objects.filter((it) => hourOf(BigInt(it.first_t), of.day, window_hours) === hour);
    const id = { version, feed: of.feed.id, day: of.day, shard, hour };
    await stageWindow(deps, {
      format: 1,
      ...id,
      source: 'raw',
      epoch: null,
      basis: plan.inputs_id,
      objects: own,
    });
  }
  return countOf(objects);
}

export type Committed = {
  readonly outcome: 'committed' | 'already_committed';
  readonly manifest: string;
  readonly content_id: string;
  readonly complete: boolean;
  readonly gaps: number;
  readonly objects: number;
  readonly records: number;
  readonly bytes: number;
  readonly plain_bytes: number;
  readonly from_bus: number;
  readonly from_raw: number;
  readonly records_by_type: Readonly<Record<string, number>>;
};

/** Puts the manifest where none is, and lets the day be served. */
export async function commitDay(
  deps: JobDeps,
  of: DayOf,
  plan: VerifiedPlan,
  context: JobContext,
): Promise<Committed> {
  refuseOtherMaker(of, plan);
  const sources = await unchangedSources(deps, of, plan, context);
  const windows = await plannedWindows(deps, plan);
  const objects = windows.flatMap((window) => window.objects);
  const { version, feed, day, normalizer } = plan;
  const made = { version, feed, day, normalizer, schema: 'md2', build: deps.build } as const;
  const ours = manifestOf(deps, made, sources, objects);
  await refuseAltered(deps, plan, windows, context);
  const done = await putManifest(deps, ours);
  await pointAtDay(deps, plan);
  return done;
}

/** Puts a manifest where none is. @throws SSMD_LATE_RAW, SSMD_VERSION_CONFLICT where another one is */
export async function putManifest(
  deps: Pick<JobDeps, 'normalized'>,
  ours: Manifest,
): Promise<Committed> {
  const key = manifestKey(ours);
  const outcome = await deps.normalized.putIfAbsent(key, jsonDocument(ours), JSON_TYPE);
  const existing = outcome === 'created' ? null : await readManifest(deps, ours);
  if (existing !== null) refuseOther(existing, ours, key);
  return committed(existing ?? ours, key, existing === null ? 'committed' : 'already_committed');
}

/** The day as it stands, if it was built from exactly these inputs; null where it is not committed. */
export async function committedAlready(
  deps: JobDeps,
  plan: ArchivePlan,
): Promise<Committed | null> {
  const existing = await readManifest(deps, plan);
  if (existing === null) return null;
  if (inputsId(existing, deps.sha256) !== plan.inputs_id) return null;
  await pointAtDay(deps, plan);
  return committed(existing, manifestKey(plan), 'already_committed');
}

/** The report of a day that stood already. */
export function committedAs(manifest: Manifest): Committed {
  return committed(manifest, manifestKey(manifest), 'already_committed');
}

function committed(manifest: Manifest, key: string, outcome: Committed['outcome']): Committed {
  const from_bus = manifest.objects.filter((it) => it.source === 'bus').length;
  const { totals } = manifest;
  return {
    outcome,
    manifest: key,
    content_id: manifest.content_id,
    complete: manifest.complete,
    gaps: manifest.gaps.length,
    objects: totals.objects,
    records: totals.records,
    bytes: totals.bytes,
    plain_bytes: totals.plain_bytes,
    from_bus,
    from_raw: totals.objects - from_bus,
    records_by_type: totals.records_by_type,
  };
}

/** Under what a day is built, and by whom. */
export type Made = Pick<Manifest, 'version' | 'feed' | 'day' | 'schema' | 'normalizer'> & {
  readonly build: Build;
};

export function manifestOf(
  deps: Pick<JobDeps, 'window_hours' | 'sha256'>,
  made: Made,
  sources: DaySources,
  objects: readonly ManifestObject[],
): Manifest {
  const segments = sources.survey.plans.flatMap((it) => it.intervals.flatMap((i) => i.segments));
  const builds = segments.flatMap(({ capture }) =>
    capture === null
      ? []
      : `${capture.connector_version} ${capture.connector_commit} ${capture.connector_build}`,
  );
  const { build, ...own } = made;
  const parts = {
    ...own,
    origin: sources.origin,
    window_hours: deps.window_hours,
    shards: sources.survey.plans.map((it) => it.shard),
    objects,
    inputs: sources.inputs,
    gaps: sources.gaps,
    builds: { archiver: build, connectors: [...new Set(builds)].sort() },
    captures: captureSpans(sources.survey.plans),
  };
  return buildManifest(parts, deps.sha256);
}

/** The manifest that stands is another one than ours: why, and what to do. */
function refuseOther(existing: Manifest, ours: Manifest, key: string): void {
  const facts = { key, existing: existing.content_id, ours: ours.content_id };
  const verdict = compareManifests(existing, ours);
  if (verdict === 'late_raw') {
    throw new SsmdError(
      'SSMD_LATE_RAW',
      `${key} was committed from ${existing.inputs.length} raw segments with ` +
        `${existing.gaps.length} gaps, RAW now has ${ours.inputs.length} with ${ours.gaps.length} ` +
        '(or others): a committed day never changes; build it under a new version',
      { facts },
    );
  }
  if (verdict === 'conflict') {
    throw new SsmdError(
      'SSMD_VERSION_CONFLICT',
      `${key} says content ${existing.content_id}, the same inputs now give ${ours.content_id}: ` +
        'one of the two builds is wrong; run audit, and raise the normalizer if the fold changed',
      { facts },
    );
  }
}

/** A day is built wholly by the normalizer its version is bound to: a deploy between two steps is not. */
function refuseOtherMaker({ feed }: DayOf, plan: ArchivePlan): void {
  const own = normalizerOf(feed);
  if (own === plan.normalizer) return;
  throw new SsmdError(
    'SSMD_VERSION_CONFLICT',
    `${plan.version} of ${plan.feed} ${plan.day} was planned with ${plan.normalizer}, this worker ` +
      `builds with ${own}; the day is planned again`,
    { facts: { replan: true, expected: plan.normalizer, received: own } },
  );
}

/** RAW as it was planned with, or `SSMD_LATE_RAW`: then the day has to be planned again. */
async function unchangedSources(
  deps: JobDeps,
  of: DayOf,
  plan: ArchivePlan,
  context: JobContext,
): Promise<DaySources> {
  const { anew = false } = plan;
  const sources = await readSources(deps, { ...of, anew }, context);
  if (sources.inputs_id === plan.inputs_id) return sources;
  throw new SsmdError(
    'SSMD_LATE_RAW',
    `RAW of ${plan.feed} ${plan.day} changed since the day was planned: inputs were ` +
      `${plan.inputs_id}, received ${sources.inputs_id}; it is planned again`,
    { facts: { replan: true, expected: plan.inputs_id, received: sources.inputs_id } },
  );
}
