/**
 * A recording all the way: imported into RAW, its fold put on the bus by the production publisher,
 * archived, checked.
 */
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import type { QaReport } from '../../activities/qa.ts';
import { runQa } from '../../activities/qa.ts';
import { plainContext } from '../../activities/deps.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { readTimeFrom } from '../../connectors/import/times.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { importRecording } from '../../connectors/runtime/import.ts';
import type { ImportReport, Reject } from '../../connectors/runtime/import.ts';
import { createPublisher } from '../../connectors/runtime/publisher.ts';
import { readRecording } from '../../connectors/runtime/recording.ts';
import { qaResultsKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { DayResults } from '../../qa/results.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { Day } from '../../schema/time.ts';
import { unixNs } from '../../schema/time.ts';
import { capturePath } from './captures.ts';
import {
  archiveBoth,
  assertArchiveIsSpoken,
  assertEpochsOnBus,
  eventsOnBus,
  feedOf,
  jobsOf,
  manifestOf,
  plainOf,
  readEpochs,
} from './e2e.ts';
import type { Stage, Twins } from './e2e.ts';
import type { ReadLine } from './runtime.ts';

/** What `ssmd import` makes of a recording where no shard is named. */
export const IMPORT_SHARD = 'import';
const NOW = '2026-12-01T06:00:00Z';

export type CaptureRun = {
  readonly report: ImportReport;
  readonly rejects: readonly Reject[];
  readonly manifest: Manifest;
  readonly results: DayResults;
  readonly qa: QaReport;
  readonly twins: Twins;
};

/** Imports, publishes, archives with and without the bus, checks; every step holds the next to it. */
export async function runCapture(
  stage: Stage,
  of: {
    readonly feed: string;
    readonly path: string;
    /** Ours by the venue's spelling. */
    readonly symbols: Readonly<Record<string, string>>;
    readonly time_from: string | null;
    readonly day: Day;
    readonly shard?: string;
  },
): Promise<CaptureRun> {
  const feed = feedOf(of.feed);
  const { shard = IMPORT_SHARD } = of;
  const rejects: Reject[] = [];
  const report = await importRecording({
    feed,
    config: {
      ...{ feed: feed.id, shard, channels: feed.protocol.channels },
      symbols: Object.entries(of.symbols).map(([external, symbol]) => ({
        ...{ symbol, external, depth: 'l2' as const },
      })),
      book_depth: feed.protocol.book_depths[0] ?? 0,
    },
    source: basename(of.path),
    chunks: readRecording(capturePath(of.path)),
    format: null,
    time_from: of.time_from === null ? null : readTimeFrom(of.time_from),
    store: stage.raw,
    software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
    host: 'e2e',
    clock: systemClock(),
    random: () => 0.5,
    reject: (reject) => void rejects.push(reject),
  });
  const own = new Set(report.epochs.map(({ epoch }) => epoch));
  const epochs = [...(await readEpochs(stage.raw, feed.id))].filter(([epoch]) => own.has(epoch));
  for (const [epoch, lines] of epochs)
    await publishLines(stage, { feed: feed.id, shard, epoch }, lines);
  const onBus = await eventsOnBus(stage.bus, { shard, feed: feed.id });
  const { spoken, missing } = assertEpochsOnBus(feed.id, onBus.events, epochs, shard);

  assert.deepEqual(missing.flat(), [], 'all of it was published');

  const twins = await archiveBoth(stage, { feed: feed.id, day: of.day, now: NOW });
  const dataset = { feed: feed.id, day: of.day, version: twins.version };
  await assertArchiveIsSpoken(twins.live, dataset, spoken);
  const manifest = await manifestOf(twins.live, dataset);

  const { raw, bus, environment } = stage;
  const jobs = jobsOf(environment, NOW, { raw, bus, normalized: twins.live.normalized });
  const qa = await runQa(jobs, { ...dataset, stands_for: null }, plainContext());
  const stored = await jobs.normalized.get(qaResultsKey(feed.id, of.day));
  const results = JSON.parse(new TextDecoder().decode(stored?.body)) as DayResults;
  return { report, rejects, manifest, results, qa, twins };
}

/** Puts on the bus what an epoch's lines fold to, line by line, as its connector would have. */
async function publishLines(
  { bus }: Stage,
  of: { readonly feed: string; readonly shard: string; readonly epoch: number },
  lines: readonly ReadLine[],
): Promise<void> {
  const feed = feedOf(of.feed);
  const fold = createShardFold(feed, of.shard);
  let t = (lines[0]?.t ?? 1n) - 1n;
  const publisher = createPublisher({
    ...of,
    ...{ bus, writer: 'e2e', clock: systemClock() },
    normalizer: `${feed.id}@${feed.normalizer}`,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    fold: () => fold,
    openWal: () => {
      throw new Error('the queue is never full here');
    },
    watermark: () => unixNs(t),
  });
  const { signal } = new AbortController();
  await publisher.claim({ standby: false, warm: () => true, signal });
  for (const line of lines) {
    t = line.t;
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
    publisher.offer(fold.out);
    fold.out.clear();
    while (publisher.queueRatio() > 0.5) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await publisher.close({ deadline_ms: 10_000 });
}

/** The day's market events, read from its objects, in the order in which they were received. */
export async function marketEvents({ manifest, twins }: CaptureRun): Promise<MarketEvent[]> {
  const events: MarketEvent[] = [];
  for (const { key } of manifest.objects) {
    if (key.split('/')[3] === 'status') continue;
    events.push(...decodeEvents(await plainOf(twins.live, key)));
  }
  return events.sort((a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0));
}
