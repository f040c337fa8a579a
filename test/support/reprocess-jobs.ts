/** The steps of a rebuilt day without a workflow server: parts are built in this process. */
import { commitBuiltDay, planDay, verifyBuiltDay } from '../../activities/reprocess-day.ts';
import type { DayBuild, DayMaking } from '../../activities/reprocess-day.ts';
import { buildPart } from '../../activities/reprocess-part.ts';
import type { Committed } from '../../activities/archive-day.ts';
import type { Builds, PartTask } from '../../activities/builds.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import type { ReprocessDeps } from '../../activities/reprocess.ts';
import type { Day } from '../../schema/time.ts';
import { memoryJobs } from './memory-jobs.ts';
import { tinyFeed } from './tiny-feed.ts';

export type ReprocessJobs = ReprocessDeps;

const context = plainContext();

/** Job dependencies in memory, at an instant (ISO text), with a build that works in this process. */
export function reprocessJobs(now: string, other: Partial<JobDeps> = {}): ReprocessJobs {
  const deps = memoryJobs(now, other);
  return { ...deps, builds: buildsIn(deps) };
}

/** A build that works in this process, with what the job has. */
export function buildsIn(deps: JobDeps): Builds {
  return {
    describe: () =>
      Promise.resolve({
        ...deps.build,
        normalizers: { tiny: tinyFeed.normalizer },
        schemas: ['md1', 'md2'],
      }),
    runPart: (_, task, of) => buildPart({ ...deps, nowMs: () => 0 }, task, of),
  };
}

export function makingOf(
  day: Day,
  version: string,
  parts: number | null,
): DayMaking & { day: Day } {
  const normalizer = `tiny@${tinyFeed.normalizer}`;
  const of = { feed: 'tiny', day, version, schema: 'md2', normalizer } as const;
  return { ...of, connector_version: null, parts, raw_bytes: 1 };
}

export function plan(
  deps: ReprocessJobs,
  day: Day,
  version: string,
  parts: number | null,
): Promise<DayBuild> {
  return planDay(deps, tinyFeed, makingOf(day, version, parts), context);
}

/** The same from RAW itself, whatever is remembered of it. */
export function planAnew(deps: ReprocessJobs, day: Day, version: string): Promise<DayBuild> {
  return planDay(deps, tinyFeed, { ...makingOf(day, version, 1), anew: true }, context);
}

export async function runPart(deps: ReprocessJobs, task: PartTask | undefined): Promise<void> {
  if (task === undefined) throw new Error('the plan has no such part');
  await deps.builds.runPart(null, task, context);
}

/** Builds what is left, verifies, commits. */
export async function finish(deps: ReprocessJobs, build: DayBuild): Promise<Committed> {
  for (const task of build.tasks) await runPart(deps, task);
  const { etags } = await verifyBuiltDay(deps, build, context);
  return commitBuiltDay(deps, tinyFeed, { ...build, verified: etags }, context);
}
