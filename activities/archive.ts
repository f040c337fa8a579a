/** The archive's activities: plan, build, verify, commit a day; and write what is closed each hour. */
import type { TierReport } from './archive-bus.ts';
import { archiveClosedWindows } from './archive-bus.ts';
import { buildShardFromRaw, commitDay, committedAlready } from './archive-day.ts';
import type { Committed } from './archive-day.ts';
import { planArchive } from './archive-plan.ts';
import type { ArchivePlan } from './archive-plan.ts';
import { verifyDay } from './archive-verify.ts';
import type { Verified, VerifiedPlan } from './archive-verify.ts';
import { refuseOpenDay, resolveDay } from './day-input.ts';
import type { FeedDayInput } from './day-input.ts';
import type { JobDeps } from './deps.ts';
import { activity } from './run.ts';
import type { Written } from './staged-windows.ts';

export type PlannedShard = { readonly plan: ArchivePlan; readonly shard: string };

/** Builds the family over its ports. Inputs and results are plain JSON below 64 KiB. */
/** `anew`: whatever is remembered of RAW. */
type PlanInput = FeedDayInput & { readonly anew?: boolean };

export function createArchiveActivities(deps: JobDeps) {
  return {
    /** Refuses a day that is not over, whoever asks. */
    planArchiveDay: activity(async (input: PlanInput, context): Promise<ArchivePlan> => {
      const resolved = resolveDay(deps, input);
      refuseOpenDay(deps, resolved);
      const { anew = false } = input;
      return planArchive(deps, { ...resolved, anew }, context);
    }),

    /** The day's commit, if exactly this plan was committed before. */
    findCommittedDay: activity((plan: ArchivePlan): Promise<Committed | null> =>
      committedAlready(deps, plan),
    ),

    /** Rebuilds what a shard's plan takes from RAW. */
    buildArchiveShard: activity(({ plan, shard }: PlannedShard, context): Promise<Written> =>
      buildShardFromRaw(deps, resolveDay(deps, plan), plan, shard, context),
    ),

    verifyArchiveDay: activity((plan: ArchivePlan, context): Promise<Verified> =>
      verifyDay(deps, plan, context),
    ),

    commitArchiveDay: activity((plan: VerifiedPlan, context): Promise<Committed> =>
      commitDay(deps, resolveDay(deps, plan), plan, context),
    ),

    /** Writes the closed windows of a shard from the bus. */
    archiveShardTier: activity(
      (input: { readonly feed: string; readonly shard: string }, context): Promise<TierReport> =>
        archiveClosedWindows(deps, input, context),
    ),
  };
}

export type ArchiveActivities = ReturnType<typeof createArchiveActivities>;
