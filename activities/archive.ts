/** The archive's activities: plan, build, verify, commit a day; and write what is closed each hour. */
import type { TierReport } from './archive-bus.ts';
import { archiveClosedWindows } from './archive-bus.ts';
import { buildShardFromRaw, commitDay, committedAlready, verifyDay } from './archive-day.ts';
import type { Committed, Written } from './archive-day.ts';
import { planArchive } from './archive-plan.ts';
import type { ArchivePlan } from './archive-plan.ts';
import { refuseOpenDay, resolveDay } from './day-input.ts';
import type { FeedDayInput } from './day-input.ts';
import type { JobDeps } from './deps.ts';
import { activity } from './run.ts';

export type PlannedShard = { readonly plan: ArchivePlan; readonly shard: string };

/** Builds the family over its ports. Inputs and results are plain JSON below 64 KiB. */
export function createArchiveActivities(deps: JobDeps) {
  return {
    /** Which feed and day is meant; refuses a day that is not over. */
    resolveArchiveDay: activity(async (input: FeedDayInput) => {
      const resolved = resolveDay(deps, input);
      refuseOpenDay(deps, resolved);
      return Promise.resolve({ feed: resolved.feed.id, day: resolved.day as string });
    }),

    planArchiveDay: activity((input: FeedDayInput, context): Promise<ArchivePlan> =>
      planArchive(deps, resolveDay(deps, input), context),
    ),

    /** The day's commit, if exactly this plan was committed before. */
    findCommittedDay: activity((plan: ArchivePlan): Promise<Committed | null> =>
      committedAlready(deps, plan),
    ),

    /** Rebuilds what a shard's plan takes from RAW. */
    buildArchiveShard: activity(({ plan, shard }: PlannedShard, context): Promise<Written> =>
      buildShardFromRaw(deps, resolveDay(deps, plan), plan, shard, context),
    ),

    verifyArchiveDay: activity((plan: ArchivePlan, context): Promise<Written> =>
      verifyDay(deps, plan, context),
    ),

    commitArchiveDay: activity((plan: ArchivePlan, context): Promise<Committed> =>
      commitDay(deps, resolveDay(deps, plan), plan, context),
    ),

    /** Writes the closed windows of a shard from the bus. */
    archiveShardTier: activity(
      (input: { readonly feed: string; readonly shard: string }, context): Promise<TierReport> =>
        archiveClosedWindows(deps, input, context),
    ),

    /** Feeds and shards this environment archives. */
    listArchiveShards: activity(async (input: { readonly feed?: string }) => {
      if (input.feed !== undefined) resolveDay(deps, { feed: input.feed });
      const feeds = input.feed === undefined ? deps.configuredFeeds : [input.feed];
      return Promise.resolve(
        feeds.flatMap((feed) => deps.shardsOf(feed).map((shard) => ({ feed, shard }))),
      );
    }),
  };
}

export type ArchiveActivities = ReturnType<typeof createArchiveActivities>;
