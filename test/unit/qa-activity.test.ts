/** Quality checks of a committed day: they judge what was committed, or nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uncomparedOf } from '../../activities/audit-day.ts';
import { readManifest } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { runQa } from '../../activities/qa.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { TINY_SUITE } from '../support/tiny-suite.ts';
import { writeTinyDay } from '../support/tiny-day.ts';

const OF = { feed: 'tiny', day: '2026-11-20' as Day, version: 'v1' };
const QA = {
  suiteOf: () => TINY_SUITE,
  expectedSymbols: () => [{ symbol: 'BTCUSD', external: 'BTC', shard: 'tier1' }],
  renderReport: () => '<!doctype html>',
};

async function committedDay(): Promise<{ deps: JobDeps; manifest: Manifest }> {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, { day: OF.day, step_ns: NS_PER_HOUR / 2n });
  await archiveDay(deps, OF);
  const manifest = await readManifest(deps, OF);
  assert.ok(manifest !== null);
  return { deps, manifest };
}

test('a day is judged as it was committed, or not at all', async () => {
  const { deps, manifest } = await committedDay();
  const judged = await runQa({ ...deps, ...QA }, OF, plainContext());
  assert.equal(judged.outcome, 'available', judged.reasons.join('\n'));
  assert.ok(judged.records > 200, `${judged.records} records`);
  const trades = manifest.objects.filter(({ key }) => key.includes('/trade/BTCUSD/'));
  const [first, second] = trades;
  assert.ok(first !== undefined && second !== undefined);
  // A sound object, only not the one that was committed under this name.
  const other = await deps.normalized.get(second.key);
  assert.ok(other !== null);
  await deps.normalized.put(first.key, other.body);
  const again = runQa({ ...deps, ...QA }, OF, plainContext());
  await assert.rejects(again, { code: 'SSMD_CORRUPT', message: /plain sha256 .*run audit/ });
  await deps.normalized.delete(first.key);
  const gone = runQa({ ...deps, ...QA }, OF, plainContext());
  await assert.rejects(gone, { code: 'SSMD_CORRUPT', message: /is not there; run audit/ });
});

test('an audit that did not compare everything never passes', async () => {
  const { manifest } = await committedDay();
  const { length } = manifest.objects;
  assert.equal(uncomparedOf(manifest, [], length), null);
  assert.equal(uncomparedOf(null, [], 0), null);
  const finding = uncomparedOf(manifest, [], length - 1);
  assert.equal(finding?.kind, 'rebuild_differs');
  assert.match(finding.detail, new RegExp(`${length - 1} of ${length} objects were compared`));
});
