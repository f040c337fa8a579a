/** The line of truth of an epoch: what is written before what, and where its first day ends. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { kraken } from '../../connectors/kraken/feed.ts';
import { createEpochLog } from '../../connectors/runtime/epoch-log.ts';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { openLog } from '../../connectors/runtime/log-writer.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import type { VirtualClock } from '../../connectors/simulator/clock.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { ShardFold } from '../../fold/shard-fold.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { sampleCapture } from '../support/log.ts';
import { instant, readSegment, scratchDirectory } from '../support/runtime.ts';

const MIDNIGHT = instant('2026-11-20T00:00:00Z');

function epochLog(t: TestContext, clock: VirtualClock, day: Day) {
  const dir = scratchDirectory(t);
  const file = openLog({ dir, capture: () => sampleCapture, files: unsyncedFiles });
  const config = { feed: 'kraken', shard: 's', symbols: [], channels: [], book_depth: 10 };
  const nothing = (): void => undefined;
  const log = createEpochLog({
    ...{ clock, log: file, day, fold: createShardFold(kraken, 's') },
    config: { sha256: '0'.repeat(64), config },
    ...{ offer: nothing, onFaults: nothing, onMidnight: nothing, onClock: nothing },
  });
  const lines = () =>
    readdirSync(dir)
      .sort()
      .flatMap((name) => readSegment(readFileSync(join(dir, name))).lines);
  return { log, file, lines };
}

test('a day that was slept into opens right before its midnight, not where the log stopped', (t) => {
  const clock = virtualClock(MIDNIGHT - 3n * NS_PER_HOUR);
  const day = '2026-11-19' as Day;
  const { log, file, lines } = epochLog(t, clock, day);
  log.openDay(day);
  clock.advanceTo(MIDNIGHT + NS_PER_HOUR);
  log.fact('_open', { c: 1, url: 'wss://x', day });
  file.close();
  const opening = lines()
    .filter((it) => it.t < MIDNIGHT)
    .slice(2);
  assert.deepEqual(
    opening.map((it) => [it.type === 'fact' && it.key, MIDNIGHT - it.t]),
    [
      ['_day', 16n],
      ['_config', 15n],
    ],
  );
});

test('a midnight between reading the day and the first line still comes after the day', (t) => {
  const clock = virtualClock(MIDNIGHT - 1_000n);
  const day = '2026-11-19' as Day;
  const { log, file, lines: read } = epochLog(t, clock, day);
  clock.advanceTo(MIDNIGHT + 5_000n);
  log.openDay(day);
  log.fact('_open', { c: 1, url: 'wss://x', day });
  file.close();
  const lines = read();
  assert.deepEqual(
    lines.map((line) => line.type === 'fact' && [line.key, 'day' in line.fact && line.fact.day]),
    [
      ['_day', '2026-11-19'],
      ['_config', false],
      ['_day', '2026-11-20'],
      ['_config', false],
      ['_midnight', '2026-11-20'],
      ['_open', '2026-11-19'],
    ],
  );
  assert.equal(lines[4]?.t, MIDNIGHT);
  assert.ok(lines.every(({ t: at }) => at > MIDNIGHT - 1_000n));
});

test('a line is in the log before anything acts on it', (t) => {
  const dir = scratchDirectory(t);
  const clock = virtualClock(MIDNIGHT + 5_000n);
  const file = openLog({ dir, capture: () => sampleCapture, files: unsyncedFiles });
  const day = '2026-11-20' as Day;
  const stepped: string[] = [];
  const inLog = (at: bigint): string => (file.last() === at ? 'written' : `not yet: ${at}`);
  const fold = createShardFold(kraken, 's');
  const watched: ShardFold = {
    ...{ out: fold.out, faults: fold.faults, speaking: false },
    get counts() {
      return fold.counts;
    },
    clone: () => fold.clone(),
    frame(at, ...rest) {
      stepped.push(`frame ${inLog(at)}`);
      return fold.frame(at, ...rest);
    },
    fact(at, key, fact) {
      stepped.push(`${key} ${inLog(at)}`);
      fold.fact(at, key, fact);
    },
  };
  const config = { feed: 'kraken', shard: 's', symbols: [], channels: [], book_depth: 10 };
  const nothing = (): void => undefined;
  const log = createEpochLog({
    ...{ clock, log: file, day, fold: watched },
    config: { sha256: '0'.repeat(64), config },
    ...{ offer: nothing, onFaults: nothing, onMidnight: nothing, onClock: nothing },
  });
  log.openDay(day);
  log.fact('_open', { c: 1, url: 'wss://x', day });
  log.frame(1, new TextEncoder().encode('{"channel":"heartbeat"}'));
  file.close();
  assert.deepEqual(stepped, ['_day written', '_config written', '_open written', 'frame written']);
});

test('at midnight the watermark stands still until the line is in the log, and does not pass it', (t) => {
  const clock = virtualClock(MIDNIGHT - 1_000_000n);
  const { log, file } = epochLog(t, clock, '2026-11-19' as Day);
  log.openDay('2026-11-19' as Day);
  const last = file.last();
  clock.advanceTo(MIDNIGHT + 5_000_000n);
  assert.equal(log.watermark(), last, 'of the new day nothing was said yet');
  log.tick();
  assert.ok(log.watermark() >= MIDNIGHT);
  assert.equal(log.day(), '2026-11-20');
  file.close();
});
