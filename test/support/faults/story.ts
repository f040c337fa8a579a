/**
 * Half a minute of each simulated venue, a full minute's turn in it, as its log has it, and what the fold says of it: as it was,
 * and after a fault was put into its frames. What the fold says is what the archive holds.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { decodeEvents } from '../../../codec/md2.ts';
import type { Feed } from '../../../connectors/feed.ts';
import { parseSuite } from '../../../environments/qa-suite.ts';
import type { FoldCounts } from '../../../fold/counts.ts';
import { createShardFold } from '../../../fold/shard-fold.ts';
import type { CheckResult } from '../../../qa/results.ts';
import { openSuite } from '../../../qa/suite.ts';
import type { EVENT_TYPES } from '../../../schema/events.ts';
import type { EventOf, MarketEvent } from '../../../schema/events.ts';
import type { Day } from '../../../schema/time.ts';
import { readProjectFile } from '../project.ts';
import { TIMES, facts } from '../qa-events.ts';
import { readLog, startRig } from '../runtime.ts';
import type { ReadLine } from '../runtime.ts';

const AT = '2026-11-20T09:59:40Z';
const DAY = '2026-11-20' as Day;
const SECONDS = 34;
const RATE = 12;

export type Frame = Extract<ReadLine, { type: 'frame' }>;

/** A log, and what it folds to. */
export type Story = {
  readonly feed: Feed;
  readonly lines: readonly ReadLine[];
  readonly events: readonly MarketEvent[];
  /** What became of every frame. */
  readonly counts: FoldCounts;
};

const stories = new Map<string, Promise<Story>>();

/** The half minute without a fault; made once a feed. */
export function cleanStory(id: string): Promise<Story> {
  const known = stories.get(id);
  if (known !== undefined) return known;
  const made = capture(id);
  stories.set(id, made);
  return made;
}

async function capture(id: string): Promise<Story> {
  const dir = mkdtempSync(join(tmpdir(), 'ssmd-story-'));
  try {
    const rig = startRig({ dir, at: AT, feed: id, rate: RATE });
    await rig.pass(SECONDS);
    await rig.finish();
    const all = await readLog(rig.store);
    // Without the end of the run: a connection that we close is a gap, too.
    const end = all.findIndex((line) => line.type === 'fact' && line.key === '_close');
    return tell(rig.feed, end < 0 ? all : all.slice(0, end));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What a log folds to. Frames are latin1, as the log's reader has them. */
export function tell(feed: Feed, lines: readonly ReadLine[]): Story {
  const fold = createShardFold(feed, 'tier1');
  const events: MarketEvent[] = [];
  for (const line of lines) {
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
    for (let at = 0; at < fold.out.count; at++) events.push(...decodeEvents(fold.out.view(at)));
    fold.out.clear();
  }
  return { feed, lines, events, counts: fold.counts };
}

/** What the check of a name in the feed's `qa/FEED.yaml` says of the events. */
export function qaOf({ feed, events }: Story, name: string): CheckResult {
  const markets = new Map<string, Set<(typeof EVENT_TYPES)[number]>>();
  for (const { type, symbol } of events) {
    if (type !== 'status') markets.set(symbol, (markets.get(symbol) ?? new Set()).add(type));
  }
  const file = `qa/${feed.id}.yaml`;
  const symbols = [...markets].map(([symbol, types]) => {
    return { symbol, external: symbol, shard: 'tier1', types: [...types] };
  });
  const run = openSuite(parseSuite(file, readProjectFile(file)), facts({ day: DAY, symbols }));
  for (const event of events) run.step(event);
  const found = run.finish(TIMES).results.filter((it) => it.name === name);
  const result = found.find(({ status }) => status !== 'passed') ?? found[0];
  if (result === undefined) throw new Error(`${file} has no check ${name}`);
  return result;
}

export function statusOf(events: readonly MarketEvent[]): EventOf<'status'>[] {
  return events.filter((it): it is EventOf<'status'> => it.type === 'status');
}

/** An event as text, to be compared by content; `index` and the flags that depend on it left out. */
export function textOf(event: MarketEvent): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  const text = JSON.stringify(
    { ...event, index: 0, flags: event.flags & ~2 },
    (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
  );
  texts.set(event, text);
  return text;
}

const texts = new WeakMap<MarketEvent, string>();
