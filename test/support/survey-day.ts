/** Surveys and plans a day of RAW for shards named by the test, beside those RAW has anything of. */
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { planFeedDay, readRawDay } from '../../activities/raw-day.ts';
import type { FeedDay } from '../../activities/raw-day.ts';
import type { Day } from '../../schema/time.ts';

export async function surveyDay(
  deps: JobDeps,
  of: { readonly feed: string; readonly day: Day; readonly shards: readonly string[] },
): Promise<FeedDay> {
  const raw = await readRawDay(deps, of, plainContext());
  const found = raw.segments.map((it) => it.id.shard);
  return planFeedDay(deps, raw, [...new Set([...of.shards, ...found])], plainContext());
}
