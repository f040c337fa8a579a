/** The steps of daily-archive without a workflow server. */
import { archiveClosedWindows } from '../../activities/archive-bus.ts';
import { buildShardFromRaw, commitDay, committedAlready } from '../../activities/archive-day.ts';
import { verifyDay } from '../../activities/archive-verify.ts';
import type { Committed } from '../../activities/archive-day.ts';
import { planArchive } from '../../activities/archive-plan.ts';
import type { ArchivePlan } from '../../activities/archive-plan.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';

/** Plans, builds, verifies and commits, as the workflow does. */
export async function archiveDay(
  deps: JobDeps,
  input: { readonly feed: string; readonly day: string },
): Promise<{ plan: ArchivePlan; committed: Committed }> {
  const context = plainContext();
  const of = resolveDay(deps, input);
  for (const shard of deps.shardsOf(of.feed.id)) {
    await archiveClosedWindows(deps, { feed: of.feed.id, shard }, context);
  }
  const plan = await planArchive(deps, of, context);
  const before = await committedAlready(deps, plan);
  if (before !== null) return { plan, committed: before };
  for (const { shard } of plan.shards) await buildShardFromRaw(deps, of, plan, shard, context);
  const { etags } = await verifyDay(deps, plan, context);
  const committed = await commitDay(deps, of, { ...plan, verified: etags }, context);
  return { plan, committed };
}
