/**
 * Builds one worker's share of a shard's day from RAW, and stages it. Runs in a connector process of
 * its own (`--mode reprocess`): folding is work for a whole core.
 */
import { jsonDocument } from '../dataset/canonical.ts';
import type { WindowHours } from '../dataset/cutter.ts';
import { stagedPartKey, stagedPlanKey } from '../dataset/keys.ts';
import type { StagedPlanId } from '../dataset/keys.ts';
import type { Build, ManifestObject } from '../dataset/manifest.ts';
import { partOf } from '../dataset/parts.ts';
import { planFromText } from '../dataset/plan-text.ts';
import type { StagedPlan } from '../dataset/plan-text.ts';
import { SsmdError, invariant } from '../schema/errors.ts';
import { parseDay } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { normalizerOf } from './archive-plan.ts';
import { writeWindowsFromRaw } from './archive-raw.ts';
import type { PartDone, PartTask } from './builds.ts';
import { JSON_TYPE } from './datasets.ts';
import type { JobContext, JobDeps } from './deps.ts';

/** What one worker built, until the day's manifest names it. */
export type StagedPart = {
  readonly format: 1;
  /** Another build's part is not taken for ours, whatever number its normalizer has. */
  readonly build: Build;
  readonly done: PartDone;
  readonly objects: readonly ManifestObject[];
};

export type PartDeps = Pick<
  JobDeps,
  'raw' | 'normalized' | 'feeds' | 'zstd' | 'unpackPrefix' | 'sha256' | 'build'
> & { readonly nowMs: () => number };

/**
 * Builds a part unless it is staged already. Repeatable.
 * @throws SSMD_VERSION_CONFLICT where this build's normalizer is another one
 * @throws SSMD_LATE_RAW where RAW changed since the day was planned
 */
export async function buildPart(
  deps: PartDeps,
  task: PartTask,
  context: JobContext,
): Promise<PartDone> {
  const feed = deps.feeds.get(task.feed);
  const day = parseDay(task.day);
  const own = feed === undefined ? 'no such feed' : normalizerOf(feed);
  if (feed === undefined || day === null || own !== task.normalizer) {
    throw new SsmdError(
      'SSMD_VERSION_CONFLICT',
      `${task.version} of ${task.feed} ${task.day} is built with ${task.normalizer}, this build ` +
        `(${deps.build.version} ${deps.build.commit}) has ${own}`,
      { facts: { expected: task.normalizer, received: own } },
    );
  }
  refuseOtherBuild(deps.build, task);
  const id = stagedId(task, day);
  const key = stagedPartKey({ ...id, part: task.part, parts: task.parts });
  const before = await readStagedPart(deps, key);
  if (before !== null && isOf(before, deps.build)) return before.done;
  const started = deps.nowMs();
  const { plan, share } = await readStagedPlan(deps, id);
  invariant(share.parts === task.parts, 'a part is one of the shares of its plan');
  const objects = await writeWindowsFromRaw(
    deps,
    {
      ...{ feed, day, plan, schema: task.schema },
      window_hours: task.window_hours as WindowHours,
      wanted: () => true,
      wanted_symbol: (symbol) => partOf(share, symbol) === task.part,
      writer: {
        version: task.version,
        feed: feed.id,
        schema: task.schema,
        source: 'raw',
        processor: 'connector',
        inputs: [`raw/${feed.id} ${day} ${task.shard} inputs ${task.inputs_id}`],
      },
    },
    context,
  );
  const segments = plan.intervals.flatMap((it) => it.segments);
  const done: PartDone = {
    objects: objects.length,
    records: objects.reduce((sum, it) => sum + it.records, 0),
    bytes: objects.reduce((sum, it) => sum + it.bytes, 0),
    raw_bytes: segments.reduce((sum, it) => sum + it.plain_bytes, 0),
    seconds: (deps.nowMs() - started) / 1000,
  };
  const staged: StagedPart = { format: 1, build: deps.build, done, objects };
  await deps.normalized.put(key, jsonDocument(staged), JSON_TYPE);
  return done;
}

export function stagedId(
  of: Pick<PartTask, 'version' | 'feed' | 'shard' | 'plan_id'>,
  day: Day,
): StagedPlanId {
  const { version, feed, shard, plan_id } = of;
  return { version, feed, day, shard, basis: plan_id };
}

/** A deploy between the plan and a part: the day is planned again, by who is there now. */
function refuseOtherBuild(own: Build, { build, feed, day }: PartTask): void {
  if (own.version === build.version && own.commit === build.commit) return;
  const [asked, is] = [build, own].map((it) => `${it.version} (${it.commit})`);
  throw new SsmdError(
    'SSMD_VERSION_CONFLICT',
    `${feed} ${day} was planned for the connector ${asked}, this one is ${is}; it is planned again`,
    { facts: { replan: true, expected: asked, received: is } },
  );
}

/** A staged part, or null where none is there or it is not this version's. */
export async function readStagedPart(
  { normalized }: Pick<JobDeps, 'normalized'>,
  key: string,
): Promise<StagedPart | null> {
  const stored = await normalized.get(key);
  if (stored === null) return null;
  try {
    const part = JSON.parse(new TextDecoder().decode(stored.body)) as StagedPart;
    return part.format === 1 && Array.isArray(part.objects) ? part : null;
  } catch {
    return null;
  }
}

export function isOf({ build }: StagedPart, { version, commit }: Build): boolean {
  return build.version === version && build.commit === commit;
}

async function readStagedPlan(
  { normalized }: Pick<JobDeps, 'normalized'>,
  id: StagedPlanId,
): Promise<StagedPlan> {
  const key = stagedPlanKey(id);
  const stored = await normalized.get(key);
  try {
    if (stored !== null) return planFromText(new TextDecoder().decode(stored.body));
  } catch (cause) {
    throw new SsmdError('SSMD_CORRUPT', `${key} is no plan this build can read`, {
      facts: { key },
      cause,
    });
  }
  throw new SsmdError('SSMD_LATE_RAW', `the plan ${key} is gone; the day is planned again`, {
    facts: { key, replan: true },
  });
}
