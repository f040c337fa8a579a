/** Job dependencies over stores in memory, a bus or none, and a clock that stands still. */
import { createSurveyMemo } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { decompressPrefix, sha256, zstd } from '../../storage/zstd.ts';
import { parseIso, unixNs } from '../../schema/time.ts';
import { TINY_SHARD } from './tiny-day.ts';
import { tinyFeed } from './tiny-feed.ts';

/** `now` is ISO text; everything else can be replaced. */
export function memoryJobs(now: string, other: Partial<JobDeps> = {}): JobDeps {
  return {
    raw: createMemoryObjectStore(),
    normalized: createMemoryObjectStore(),
    bus: null,
    feeds: new Map([[tinyFeed.id, tinyFeed]]),
    shardsOf: () => [TINY_SHARD],
    configuredFeeds: [tinyFeed.id],
    now: () => parseIso(now) ?? unixNs(0n),
    build: { version: '0.0.0', commit: 'test', build: 'test' },
    zstd,
    unpackPrefix: decompressPrefix,
    sha256,
    window_hours: 1,
    origin: 'simulator',
    surveys: createSurveyMemo(),
    single_writer: false,
    ...other,
  };
}
