/** Days rebuilt under a version of their own, and moved to it: the activities behind `reprocess` and `promote`. */
import { formatIso, parseDay } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import type { Feed } from '../connectors/feed.ts';
import { invalidInput } from '../schema/errors.ts';
import type { Committed } from './archive-day.ts';
import type { Verified } from './archive-verify.ts';
import type { Builds, PartDone, PartTask } from './builds.ts';
import { readCurrent } from './datasets.ts';
import type { JobDeps } from './deps.ts';
import { diffDay } from './diff.ts';
import type { DayDiff } from './diff.ts';
import { moveDays, rangesTo, undoMove } from './promotion.ts';
import type { Moved, Mover } from './promotion.ts';
import { commitBuiltDay, planDay, verifyBuiltDay } from './reprocess-day.ts';
import type { DayBuild, DayMaking, VerifiedBuild } from './reprocess-day.ts';
import { bindVersion, planReprocess } from './reprocess-plan.ts';
import type { ReprocessPlan, ReprocessRequest } from './reprocess-plan.ts';
import { activity } from './run.ts';
import type { MovedRange } from '../dataset/current.ts';

export type ReprocessDeps = JobDeps & { readonly builds: Builds };

export function createReprocessActivities(deps: ReprocessDeps) {
  return {
    planReprocess: activity((request: ReprocessRequest, context): Promise<ReprocessPlan> =>
      planReprocess(deps, request, context),
    ),

    bindReprocessVersion: activity(
      async (of: {
        readonly plan: Pick<ReprocessPlan, 'feed' | 'version' | 'schema' | 'origin'>;
        readonly connector_version: string | null;
      }): Promise<void> => {
        await bindVersion(deps, of.plan, of.connector_version);
      },
    ),

    planReprocessDay: activity((making: DayMaking, context): Promise<DayBuild> => {
      const { feed, day } = resolved(deps, making);
      return planDay(deps, feed, { ...making, day }, context);
    }),

    verifyReprocessDay: activity((build: DayBuild, context): Promise<Verified> =>
      verifyBuiltDay(deps, build, context),
    ),

    commitReprocessDay: activity((build: VerifiedBuild, context): Promise<Committed> => {
      const { feed } = resolved(deps, build.making);
      return commitBuiltDay(deps, feed, build, context);
    }),

    diffReprocessDay: activity((of: DiffOf, context): Promise<DayDiff> => {
      const { feed, day } = resolved(deps, of);
      return diffDay(deps, { feed, day, old: of.old, new: of.new }, context);
    }),

    /** When it is, ISO 8601: asked once, so that a repeated step says the same. */
    askTime: activity((_: null) => Promise.resolve(formatIso(deps.now()))),

    moveDays: activity(
      (
        of: {
          readonly feed: string;
          readonly days: readonly MovedRange[];
          readonly mover: Mover;
        },
        { signal },
      ): Promise<Moved> => moveDays(deps, of.feed, of.days, of.mover, signal),
    ),

    undoMove: activity(
      (
        of: { readonly feed: string; readonly revision: number; readonly mover: Mover },
        { signal },
      ): Promise<Moved> => undoMove(deps, of.feed, of.revision, of.mover, signal),
    ),

    /** What would have to move for these days to be served by `version`, as the pointer stands now. */
    rangesTo: activity(
      async (of: {
        readonly feed: string;
        readonly days: readonly string[];
        readonly version: string;
      }): Promise<readonly MovedRange[]> => {
        const days = of.days.flatMap((it) => parseDay(it) ?? []);
        return rangesTo(await readCurrent(deps, of.feed), days, of.version);
      },
    ),
  };
}

/** On a queue of their own: each is a process, and work for a core. */
export function createPartActivities(deps: { readonly builds: Builds }) {
  return {
    buildReprocessPart: activity(
      (
        of: { readonly task: PartTask; readonly connector_version: string | null },
        context,
      ): Promise<PartDone> => deps.builds.runPart(of.connector_version, of.task, context),
    ),
  };
}

export type ReprocessActivities = ReturnType<typeof createReprocessActivities> &
  ReturnType<typeof createPartActivities>;

export type DiffOf = {
  readonly feed: string;
  readonly day: string;
  readonly old: string;
  readonly new: string;
};

function resolved(
  deps: Pick<JobDeps, 'feeds'>,
  of: { readonly feed: string; readonly day: string },
): { readonly feed: Feed; readonly day: Day } {
  const feed = deps.feeds.get(of.feed);
  const day = parseDay(of.day);
  if (feed !== undefined && day !== null) return { feed, day };
  const what = `${of.feed} ${of.day} is no day of a feed this build knows`;
  throw invalidInput('the step', [{ where: 'feed, day', what }]);
}
