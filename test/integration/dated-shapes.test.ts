/**
 * What a venue sent before it changed its wire is still rebuilt: Kraken's book snapshots had no
 * `timestamp` in 2023 and have one in 2026. One decoder reads both, since the change only added a key;
 * a change that gives an old key another meaning gets a dated decoder of its own.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { readManifest } from '../../activities/datasets.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { unpackObject } from '../../dataset/object-codec.ts';
import { FLAG } from '../../schema/events.ts';
import { parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { zstd } from '../../storage/zstd.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { capturePath, capturesRoot, skipWithoutCaptures } from '../support/captures.ts';
import { importInto, openReprocessStage } from '../support/reprocess-stage.ts';
import type { ReprocessStage } from '../support/reprocess-stage.ts';

const skip = skipWithoutCaptures;
const CAPTURE = 'kraken-v2/book-btcusd-d10-20230730.jsonl';
const [THEN, NOW] = ['2023-07-30', '2026-08-16'] as [Day, Day];
const STAMP = `${NOW}T15:00:00.000000Z`;
const VERSION = 'v7';
const stage: ReprocessStage | null = skip === false ? await prepared() : null;
after(() => stage?.[Symbol.asyncDispose]());

async function prepared(): Promise<ReprocessStage> {
  const opened = await openReprocessStage();
  for (const path of [CAPTURE, relative(capturesRoot, await asOfNow())]) {
    const symbols = { 'BTC/USD': 'BTCUSD' };
    await importInto(opened.raw, { feed: 'kraken', path, symbols, time_from: 'venue' });
  }
  return opened;
}

/** The recording as the venue would send it now: the snapshot with its time, after its checksum. */
async function asOfNow(): Promise<string> {
  const text = (await readFile(capturePath(CAPTURE), 'utf8')).replaceAll(THEN, NOW);
  const [snapshot = '', ...updates] = text.split('\n');
  assert.ok(!snapshot.includes('timestamp'), 'a snapshot of 2023 has no time');
  const dated = snapshot.replace(/("checksum":\d+)/, `$1,"timestamp":"${STAMP}"`);
  assert.notEqual(dated, snapshot);
  const path = join(await mkdtemp(join(tmpdir(), 'ssmd-dated-')), 'book.jsonl');
  await writeFile(path, [dated, ...updates].join('\n'));
  return path;
}

async function booksOf(day: Day) {
  assert.ok(stage !== null);
  const manifest = await readManifest(stage, { version: VERSION, feed: 'kraken', day });
  assert.equal(manifest?.normalizer, 'kraken@1');
  const books = [];
  for (const { key } of manifest.objects) {
    const stored = await stage.normalized.get(key);
    assert.ok(stored !== null, key);
    for (const event of decodeEvents(unpackObject(stored.body, zstd, key).plain)) {
      if (event.type === 'book') books.push(event);
    }
  }
  return books;
}

test(
  'RAW of 2023 and of 2026 is rebuilt under one label, by one normalizer',
  { skip },
  async () => {
    assert.ok(stage !== null);
    for (const day of [THEN, NOW]) {
      const input = { feed: 'kraken', day, version: VERSION, promote: 'never' };
      const report: ReprocessReport = await stage.run('reprocess', `dated-${day}`, input);
      assert.deepEqual([report.days.built, report.days.failed], [1, []]);
    }
    const [then, now] = [await booksOf(THEN), await booksOf(NOW)];
    assert.deepEqual([then.length, now.length], [510, 510]);
    const [before, today] = [then[0], now[0]];
    for (const snapshot of [before, today]) {
      assert.ok(snapshot !== undefined && (snapshot.flags & FLAG.SNAPSHOT) !== 0);
      assert.equal(snapshot.flags & FLAG.UNVERIFIED, 0, 'its checksum proves it');
    }
    assert.equal(before?.ts_event, null);
    assert.equal(today?.ts_event, parseIso(STAMP));
    // Nothing else of it differs: the same levels, the same checksums, to the digit.
    const content = (of: typeof then): unknown[] =>
      of.map(({ bids, asks, checksum }) => ({ bids, asks, checksum }));
    assert.deepEqual(content(now), content(then));
  },
);
