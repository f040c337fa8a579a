/** Quality checks of a committed day: they judge what was committed, or nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uncomparedOf } from '../../activities/audit-day.ts';
import { readBindings, readCurrent, readManifest } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { runQa } from '../../activities/qa.ts';
import { judgedVersion } from '../../activities/qa-version.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import { currentKey, manifestKey, versionKey } from '../../dataset/keys.ts';
import { buildManifest } from '../../dataset/manifest.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { TINY_SUITE } from '../support/tiny-suite.ts';
import { writeTinyDay } from '../support/tiny-day.ts';

const OF = { feed: 'tiny', day: '2026-11-20' as Day, version: 'v1', stands_for: null };
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

/** The day as md1 under another label, from the same RAW or from other; it serves the day. */
async function servedAsMd1(
  { deps, manifest }: Awaited<ReturnType<typeof committedDay>>,
  inputs = manifest.inputs,
): Promise<void> {
  const md1 = buildManifest({ ...manifest, version: 'v2', schema: 'md1', inputs }, deps.sha256);
  const bindings = await readBindings(deps);
  const bound = { ...bindings[0], version: 'v2', schema: 'md1' };
  await deps.normalized.put(versionKey('v2'), jsonDocument(bound));
  await deps.normalized.put(manifestKey({ ...OF, version: 'v2' }), jsonDocument(md1));
  const current = await readCurrent(deps, OF.feed);
  const ranges = [{ from: OF.day, to: OF.day, version: 'v2' }];
  await deps.normalized.put(currentKey(OF.feed), jsonDocument({ ...current, ranges }));
}

test('of a day served as md1 the md2 version of the same RAW is judged, and that is said', async () => {
  const day = await committedDay();
  const { deps } = day;
  await servedAsMd1(day);
  const of = { feed: OF.feed, day: OF.day };
  const judged = await judgedVersion(deps, of, undefined);
  assert.deepEqual(judged, { ...of, version: 'v1', stands_for: 'v2' });
  assert.deepEqual(await judgedVersion(deps, of, 'v2'), judged);
  assert.deepEqual(await judgedVersion(deps, of, 'v1'), { ...judged, stands_for: null });
  const report = await runQa({ ...deps, ...QA }, judged, plainContext());
  assert.deepEqual([report.outcome, report.stands_for], ['available', 'v2']);
});

test('md1 without such a twin is refused: it is never called corrupt', async () => {
  const day = await committedDay();
  const { deps, manifest } = day;
  await servedAsMd1(day, manifest.inputs.slice(1));
  const of = { feed: OF.feed, day: OF.day };
  await assert.rejects(judgedVersion(deps, of, undefined), {
    code: 'SSMD_INVALID_INPUT',
    message: /v2 is md1, which has no checks; ask for version v1, which is md2/,
  });
  await deps.normalized.delete(manifestKey(OF));
  const code = 'SSMD_INVALID_INPUT';
  const alone = /no version of the day is md2: rebuild it/;
  await assert.rejects(judgedVersion(deps, of, 'v2'), { code, message: alone });
  const direct = runQa({ ...deps, ...QA }, { ...OF, version: 'v2' }, plainContext());
  await assert.rejects(direct, { code, message: /v2 is md1, .*; ask for a version that is md2/ });
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
