/** The archive's jobs in the model: the production activities over the model's store and bus. */
import { archiveClosedWindows } from '../../../activities/archive-bus.ts';
import { buildShardFromRaw, commitDay, committedAlready } from '../../../activities/archive-day.ts';
import { verifyDay } from '../../../activities/archive-verify.ts';
import { planArchive } from '../../../activities/archive-plan.ts';
import { createSurveyMemo, plainContext } from '../../../activities/deps.ts';
import type { JobDeps } from '../../../activities/deps.ts';
import type { Bus } from '../../../bus/bus.ts';
import type { Feed } from '../../../connectors/feed.ts';
import { SsmdError } from '../../../schema/errors.ts';
import { unixNs } from '../../../schema/time.ts';
import type { Day } from '../../../schema/time.ts';
import type { ObjectStore } from '../../../storage/object-store.ts';
import { sha256 } from '../../../storage/zstd.ts';
import { SHARD } from './feed.ts';
import { storedZstd } from './stored-zstd.ts';

/** Few windows, since each of the thousands of days is archived twice. */
export const WINDOW_HOURS = 12;

export function modelJobs(of: {
  readonly raw: ObjectStore;
  readonly normalized: ObjectStore;
  readonly bus: Bus | null;
  readonly feed: Feed;
  readonly now: () => bigint;
}): JobDeps {
  const { raw, normalized, bus, feed, now } = of;
  return {
    ...{ raw, normalized, bus },
    feeds: new Map([[feed.id, feed]]),
    shardsOf: () => [SHARD],
    configuredFeeds: [feed.id],
    now: () => unixNs(now()),
    build: { version: '0', commit: 'model', build: 'model' },
    zstd: storedZstd,
    unpackPrefix: () => Promise.resolve({ plain: new Uint8Array(0), fault: 'not a whole frame' }),
    sha256,
    window_hours: WINDOW_HOURS,
    origin: 'simulator',
    surveys: createSurveyMemo(),
    single_writer: false,
  };
}

/** The hourly archive of the shard. */
export async function runTier(deps: JobDeps, feed: Feed): Promise<void> {
  await archiveClosedWindows(deps, { feed: feed.id, shard: SHARD }, plainContext());
}

/** Attempts of one day, as the workflow makes them: what asks to be planned again is. */
const ATTEMPTS_MAX = 6;

export type DayOutcome = 'committed' | 'already_committed' | 'late_raw' | 'waiting' | 'nothing';

/** Plans, builds, verifies and commits a day; `force` does not wait for what may still come. */
export async function runDaily(
  deps: JobDeps,
  of: { readonly feed: Feed; readonly day: Day },
  { force }: { readonly force: boolean },
): Promise<DayOutcome> {
  const context = plainContext();
  for (let attempt = 1; ; attempt++) {
    try {
      const plan = await planArchive(deps, of, context);
      if (plan.waiting.length > 0 && !force) return 'waiting';
      if ((await committedAlready(deps, plan)) !== null) return 'already_committed';
      for (const { shard } of plan.shards) {
        await buildShardFromRaw(deps, of, plan, shard, context);
      }
      const { etags } = await verifyDay(deps, plan, context);
      return (await commitDay(deps, of, { ...plan, verified: etags }, context)).outcome;
    } catch (error) {
      if (!(error instanceof SsmdError)) throw error;
      if (error.code === 'SSMD_LATE_RAW' && error.facts['replan'] !== true) return 'late_raw';
      if (error.code === 'SSMD_NOT_FOUND') return 'nothing';
      const again = error.retryable || error.facts['replan'] === true;
      if (!again || attempt >= ATTEMPTS_MAX) throw error;
    }
  }
}
