/** One day under a version of its own: surveyed once, built in parts, verified, committed. */
import { versionOfDay } from '../dataset/current.ts';
import {
  canonicalObjectKey,
  parseObjectKey,
  stagedPartKey,
  stagedPlanKey,
} from '../dataset/keys.ts';
import { canonicalJson } from '../dataset/canonical.ts';
import { inputsId } from '../dataset/manifest.ts';
import type { Build } from '../dataset/manifest.ts';
import { PARTS_MAX, shareOut } from '../dataset/parts.ts';
import { planToText } from '../dataset/plan-text.ts';
import type { Schema } from '../dataset/version.ts';
import { SsmdError, invariant } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import type { Feed } from '../connectors/feed.ts';
import { committedAs, manifestOf, putManifest } from './archive-day.ts';
import type { Committed } from './archive-day.ts';
import { LATE_HOURS_MAX, readSources, waitingFor } from './archive-plan.ts';
import type { DaySources } from './archive-plan.ts';
import { lookAgain, verifyObjects } from './archive-verify.ts';
import type { Laid, Verified } from './archive-verify.ts';
import type { Builds, PartTask } from './builds.ts';
import { JSON_TYPE, readCurrent, readManifest } from './datasets.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { isOf, readStagedPart, stagedId } from './reprocess-part.ts';
import { refuseUnfitRaw } from './raw-refusals.ts';
import { noteThroughput } from './throughput.ts';

type Deps = JobDeps & { readonly builds: Builds };

/** What a day is to be built as. */
export type DayMaking = {
  readonly feed: string;
  readonly day: string;
  readonly version: string;
  readonly schema: Schema;
  /** `kraken@1` */
  readonly normalizer: string;
  /** A registered build; null: the worker's own. */
  readonly connector_version: string | null;
  /** Workers each shard is shared over; null: as the day's size suggests. */
  readonly parts: number | null;
  /** Of RAW, as it lies in the bucket: what the measured speed is of. */
  readonly raw_bytes: number;
  /** Reads RAW anew, whatever is remembered of it. */
  readonly anew?: boolean;
};

/** A day's plan, small enough for a history; what its parts need lies in the bucket. */
export type DayBuild = {
  readonly making: DayMaking;
  /** Who builds it. */
  readonly build: Build;
  /** When it was planned, ns as text. */
  readonly began: string;
  readonly inputs_id: string;
  readonly window_hours: number;
  readonly tasks: readonly PartTask[];
  readonly segments: number;
  readonly raw_plain_bytes: number;
  readonly gaps: number;
  /** The day as it was committed before from these inputs: nothing to do. */
  readonly done: Committed | null;
};

/** A built day whose objects were verified: `verified` is their identity then. */
export type VerifiedBuild = DayBuild & { readonly verified: string };

/** Plain bytes of RAW from which on a shard's day is worth a second worker, a third, and so on. */
const PART_BYTES = 256 * 1024 * 1024;
const PARTS_BY_ITSELF_MAX = 4;

/**
 * @throws SSMD_CORRUPT for RAW of which no day may be made
 * @throws SSMD_NOT_FOUND where some of RAW may still come: a committed day is for ever
 */
export async function planDay(
  deps: Deps,
  feed: Feed,
  making: DayMaking & { readonly day: Day },
  context: JobContext,
): Promise<DayBuild> {
  const { day, version } = making;
  const began = deps.now().toString();
  const { anew = false } = making;
  const sources = await readSources(deps, { feed, day, anew }, context);
  refuseUnfitRaw(sources.survey);
  const { inputs_id } = sources;
  const existing = await readManifest(deps, { version, feed: feed.id, day });
  const same = existing !== null && inputsId(existing, deps.sha256) === inputs_id;
  const done = existing !== null && same ? committedAs(existing) : null;
  if (done === null) refuseWaited(deps, feed, day, sources);
  const facts = await deps.builds.describe(making.connector_version);
  const build = { version: facts.version, commit: facts.commit, build: facts.build };
  const of = { feed, making, build, inputs_id };
  const tasks = done === null ? await stageTasks(deps, of, sources) : [];
  const segments = sources.survey.plans.flatMap((it) => it.intervals.flatMap((i) => i.segments));
  return {
    making,
    build,
    began,
    inputs_id,
    window_hours: deps.window_hours,
    tasks,
    segments: sources.inputs.length,
    raw_plain_bytes: segments.reduce((sum, it) => sum + it.plain_bytes, 0),
    gaps: sources.gaps.length,
    done,
  };
}

/** As daily-archive waits for it: what is committed without it could only be cured by another label. */
function refuseWaited(deps: Deps, feed: Feed, day: Day, { gaps }: DaySources): void {
  const waiting = waitingFor(deps, day, gaps);
  if (waiting.length === 0) return;
  throw new SsmdError(
    'SSMD_NOT_FOUND',
    `RAW of ${feed.id} ${day} may still come: ${waiting.join('; ')}. It is waited for until ` +
      `${LATE_HOURS_MAX} hours after the day's end; try again then, or when it is there`,
    { facts: { feed: feed.id, day, waiting } },
  );
}

/**
 * Lays the plans of the shards down, each below the identity of its inputs and its shares: whoever
 * plans the day otherwise, now or in an attempt that wakes late, lays his beside it.
 */
async function stageTasks(
  deps: Deps,
  of: {
    readonly feed: Feed;
    readonly making: DayMaking & { readonly day: Day };
    readonly build: Build;
    readonly inputs_id: string;
  },
  sources: DaySources,
): Promise<PartTask[]> {
  const { feed, making, build, inputs_id } = of;
  const { day, version, schema, normalizer } = making;
  const weights = await weightsOf(deps, feed, day);
  const tasks: PartTask[] = [];
  for (const plan of sources.survey.plans) {
    const segments = plan.intervals.flatMap((it) => it.segments);
    const plain = segments.reduce((sum, it) => sum + it.plain_bytes, 0);
    const parts = partsOf(making.parts, plain, weights.size);
    const share = shareOut(weights, parts);
    const identity = canonicalJson({ inputs_id, share, build: [build.version, build.commit] });
    const plan_id = deps.sha256(new TextEncoder().encode(identity));
    const task = {
      format: 1 as const,
      ...{ feed: feed.id, day, version, schema, normalizer, inputs_id, plan_id },
      ...{ window_hours: deps.window_hours, shard: plan.shard },
      build: { version: build.version, commit: build.commit },
    };
    const text = planToText({ format: 1, plan, share });
    const key = stagedPlanKey(stagedId(task, day));
    // The same again where it is there: its age tells a rebuild that goes on from one that was left.
    await deps.normalized.put(key, new TextEncoder().encode(text), JSON_TYPE);
    for (let part = 0; part < parts; part++) tasks.push({ ...task, part, parts });
  }
  return tasks;
}

function partsOf(asked: number | null, bytes: number, symbols: number): number {
  if (asked !== null) return Math.min(Math.max(asked, 1), PARTS_MAX);
  const worth = 1 + Math.floor(bytes / PART_BYTES);
  return Math.max(1, Math.min(worth, PARTS_BY_ITSELF_MAX, symbols));
}

/** Bytes by symbol, as the day was archived before; only how evenly work is shared rests on it. */
async function weightsOf(deps: Deps, feed: Feed, day: Day): Promise<Map<string, number>> {
  const weights = new Map<string, number>();
  const serving = versionOfDay(await readCurrent(deps, feed.id), day);
  if (serving === null) return weights;
  const manifest = await readManifest(deps, { version: serving, feed: feed.id, day });
  for (const { key, plain_bytes } of manifest?.objects ?? []) {
    const symbol = parseObjectKey(key)?.symbol;
    if (symbol !== undefined) weights.set(symbol, (weights.get(symbol) ?? 0) + plain_bytes);
  }
  return weights;
}

/** Reads every object of the day back; the first that is not what was written is `SSMD_CORRUPT`. */
export async function verifyBuiltDay(
  deps: Deps,
  build: DayBuild,
  context: JobContext,
): Promise<Verified> {
  const { feed, day, schema } = build.making;
  const laid = await laidBy(deps, build);
  return verifyObjects(deps, { name: `${feed} ${day}`, schema, laid }, context);
}

/** Commits a built day, unless RAW moved on meanwhile (`SSMD_LATE_RAW`, to be planned again). */
export async function commitBuiltDay(
  deps: Deps,
  feed: Feed,
  build: VerifiedBuild,
  context: JobContext,
): Promise<Committed> {
  const { making } = build;
  const day = making.day as Day;
  const { anew = false } = making;
  const sources = await readSources(deps, { feed, day, anew }, context);
  if (sources.inputs_id !== build.inputs_id) {
    throw new SsmdError(
      'SSMD_LATE_RAW',
      `RAW of ${feed.id} ${day} changed since the day was planned: inputs were ` +
        `${build.inputs_id}, received ${sources.inputs_id}; it is planned again`,
      { facts: { replan: true, expected: build.inputs_id, received: sources.inputs_id } },
    );
  }
  const laid = await laidBy(deps, build);
  const objects = laid.map(({ object }) => object);
  const { version, schema, normalizer } = making;
  const made = { version, feed: feed.id, day, schema, normalizer, build: build.build };
  const ours = manifestOf(deps, made, sources, objects);
  await lookAgain(deps, { name: `${feed.id} ${day}`, laid, verified: build.verified }, context);
  // The last moment at which a cancellation is heard.
  context.signal.throwIfAborted();
  const done = await putManifest(deps, ours);
  const seconds = Number(deps.now() - BigInt(build.began)) / 1e9;
  await noteThroughput(deps, feed.id, { bytes: making.raw_bytes, seconds });
  return done;
}

/**
 * Objects of all parts, each a share of one and the same plan.
 * @throws SSMD_LATE_RAW where a part is not staged as planned; it is planned again
 */
async function laidBy(deps: Deps, build: DayBuild): Promise<Laid[]> {
  const laid: Laid[] = [];
  const names = new Set<string>();
  for (const key of partKeys(build)) {
    const part = await readStagedPart(deps, key);
    if (part === null || !isOf(part, build.build)) {
      throw new SsmdError('SSMD_LATE_RAW', `${key} is not staged as planned; planned again`, {
        facts: { replan: true, key },
      });
    }
    for (const object of part.objects) {
      const name = canonicalObjectKey(object.key);
      invariant(!names.has(name), `${name} is built by one part`);
      names.add(name);
      laid.push({ object, staged: [key] });
    }
  }
  return laid;
}

function partKeys({ tasks, making }: DayBuild): string[] {
  const day = making.day as Day;
  return tasks.map((task) => {
    const { part, parts } = task;
    return stagedPartKey({ ...stagedId(task, day), part, parts });
  });
}
