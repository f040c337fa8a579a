/** The Binance recording as RAW: imported into a store in memory, and planned as its archive would be. */
import { plainContext } from '../activities/deps.ts';
import type { JobDeps } from '../activities/deps.ts';
import { readRecording } from '../connectors/runtime/recording.ts';
import type { Feed } from '../connectors/feed.ts';
import type { ShardPlan } from '../dataset/day-plan.ts';
import type { Day } from '../schema/time.ts';
import { capturePath } from '../test/support/captures.ts';
import { importChunks } from '../test/support/import.ts';
import { memoryJobs } from '../test/support/memory-jobs.ts';
import { surveyDay } from '../test/support/survey-day.ts';
import { RECORDING } from './binance-frames.ts';
import { feedOf, marketsOf } from './frames.ts';
import { WrongAnswer } from './question.ts';

export const DAY = '2024-08-08' as Day;

export type RawDay = {
  readonly feed: Feed;
  readonly deps: JobDeps;
  readonly plan: ShardPlan;
  /** What the store holds of it, compressed, and what that is in plain. */
  readonly packed: readonly Uint8Array[];
  readonly plain_bytes: number;
  readonly frames: number;
};

export async function binanceRawDay(): Promise<RawDay> {
  const feed = feedOf('binance-usdm');
  const deps = memoryJobs('2024-08-12T00:00:00Z', {
    feeds: new Map([[feed.id, feed]]),
    origin: 'import',
  });
  const { symbols } = marketsOf(['BTCUSDT']);
  const config = {
    ...{ feed: feed.id, shard: 'import', symbols, book_depth: 0 },
    channels: feed.protocol.channels,
  };
  const chunks = readRecording(capturePath(RECORDING));
  const { report } = await importChunks({ feed, config, time_from: null, chunks }, deps.raw);
  const { plans } = await surveyDay(deps, { feed: feed.id, day: DAY, shards: ['import'] });
  const [plan] = plans;
  if (plan === undefined || plan.intervals.length !== 1) throw new WrongAnswer('no day of RAW');
  const packed: Uint8Array[] = [];
  for (const { key } of plan.intervals.flatMap(({ segments }) => segments)) {
    const stored = await deps.raw.get(key, { signal: plainContext().signal });
    if (stored !== null) packed.push(stored.body);
  }
  const plain_bytes = packed.reduce((sum, it) => sum + deps.zstd.decompress(it).length, 0);
  return { feed, deps, plan, packed, plain_bytes, frames: report.frames };
}
