/**
 * Whoever edits a manifest can recompute its content id: what it says is held against its objects,
 * its version's binding and RAW. Hypothesis of the bug: some field is believed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditDay } from '../../activities/audit-day.ts';
import type { DayAudit } from '../../activities/audit-report.ts';
import { readManifest } from '../../activities/datasets.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import {
  inventoryKey,
  manifestKey,
  objectAlternativeKey,
  parseObjectKey,
} from '../../dataset/keys.ts';
import { buildManifest, contentId } from '../../dataset/manifest.ts';
import type { Manifest, ManifestObject } from '../../dataset/manifest.ts';
import { packObject, unpackObject } from '../../dataset/object-codec.ts';
import { NS_PER_HOUR, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { sha256, zstd } from '../../storage/zstd.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-11-20' as Day;
const of = { feed: 'tiny', day: DAY } as const;
const EPOCH = Number((dayStart(DAY) - 2n * NS_PER_HOUR) / 1_000_000n);

async function archived(): Promise<{ deps: JobDeps; manifest: Manifest }> {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  await writeTinyDay(deps.raw, { day: DAY, step_ns: 4n * NS_PER_HOUR });
  await archiveDay(deps, of);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  assert.ok(manifest);
  return { deps, manifest };
}

function audited(deps: JobDeps): Promise<DayAudit> {
  return auditDay(deps, { ...resolveDay(deps, of), version: null }, plainContext());
}

/** Puts the changed manifest in the place of the true one, with a content id that fits it. */
async function replaced(deps: JobDeps, changed: Manifest): Promise<void> {
  const body = { ...changed, content_id: contentId(changed, sha256) };
  await deps.normalized.put(manifestKey({ ...of, version: 'v1' }), jsonDocument(body));
}

function onFirst(
  manifest: Manifest,
  change: (object: ManifestObject) => Partial<ManifestObject>,
): Manifest {
  const [first, ...rest] = manifest.objects;
  assert.ok(first);
  return { ...manifest, objects: [{ ...first, ...change(first) }, ...rest] };
}

const gap = {
  shard: 'tier1',
  epoch: EPOCH,
  cause: 'epoch_ended',
  from: String(dayStart(DAY)),
  to: String(dayStart(DAY) + 1n),
  detail: 'made up',
} as const;

const EDITS: readonly (readonly [string, RegExp, (it: Manifest) => Manifest])[] = [
  ['totals', /totals/, (it) => ({ ...it, totals: { ...it.totals, records: 1 } })],
  ['the origin', /origin live, RAW says simulator/, (it) => ({ ...it, origin: 'live' })],
  ['the normalizer', /normalizer tiny@9/, (it) => ({ ...it, normalizer: 'tiny@9' })],
  ['its day', /says day 2026-11-19/, (it) => ({ ...it, day: '2026-11-19' as Day })],
  ['its shards', /shards lack tier1/, (it) => ({ ...it, shards: [] })],
  [
    'a gap made up',
    /RAW does not show: tier1: epoch_ended/,
    (it) => ({ ...it, complete: false, gaps: [gap] }),
  ],
  [
    'how a segment was found',
    /is prefix, the same content is whole/,
    ({ inputs: [first, ...rest], ...it }) => ({
      ...it,
      inputs: first === undefined ? [] : [{ ...first, state: 'prefix' }, ...rest],
    }),
  ],
  [
    "an object's count",
    /manifest says records/,
    (it) => onFirst(it, ({ records }) => ({ records: records + 1 })),
  ],
  [
    "an object's first event",
    /manifest says first_t 1,/,
    (it) => onFirst(it, () => ({ first_t: '1' })),
  ],
  [
    'how it was captured',
    /says of its captures what the headers of RAW do not/,
    ({ captures = [], ...it }) => ({
      ...it,
      captures: captures.map((span) => ({ ...span, clock_source: 'hardware' })),
    }),
  ],
  ["an object's size", /manifest says bytes 1,/, (it) => onFirst(it, () => ({ bytes: 1 }))],
];

for (const [what, detail, edit] of EDITS) {
  test(`an edited manifest is named, whatever its content id: ${what}`, async () => {
    const { deps, manifest } = await archived();
    assert.equal((await audited(deps)).outcome, 'passed');
    await replaced(deps, edit(manifest));
    const audit = await audited(deps);
    assert.equal(audit.outcome, 'failed');
    const found = audit.findings.filter((it) => detail.test(it.detail));
    assert.equal(found.length, 1, JSON.stringify(audit.findings, null, 1));
  });
}

test('an object that is listed twice would be read twice: named', async () => {
  const { deps, manifest } = await archived();
  const [object] = manifest.objects;
  assert.ok(object);
  const id = parseObjectKey(object.key);
  const stored = await deps.normalized.get(object.key);
  assert.ok(id !== null && stored !== null);
  const key = objectAlternativeKey(id, object.plain_sha256);
  await deps.normalized.put(key, stored.body);
  await replaced(deps, { ...manifest, objects: [...manifest.objects, { ...object, key }] });
  const audit = await audited(deps);
  assert.ok(audit.findings.some((it) => it.detail.includes(`${object.key} more than once`)));
});

test('a footer that tells another count is named, though the data is the same', async () => {
  const { deps, manifest } = await archived();
  const [object] = manifest.objects;
  assert.ok(object);
  const stored = await deps.normalized.get(object.key);
  assert.ok(stored);
  const { plain, lineage } = unpackObject(stored.body, zstd, object.key);
  const packed = packObject(plain, { ...lineage, message_count: 999 }, zstd);
  await deps.normalized.put(object.key, packed);
  const said = { object_sha256: sha256(packed), bytes: packed.length };
  await replaced(
    deps,
    buildManifest(
      onFirst(manifest, () => said),
      sha256,
    ),
  );
  const [finding, ...more] = (await audited(deps)).findings;
  assert.deepEqual([finding?.kind, finding?.key, more], ['object_edited', object.key, []]);
  assert.match(finding?.detail ?? '', /its footer says 999$/);
});

test('an inventory that was cut short is named', async () => {
  const { deps } = await archived();
  const key = inventoryKey({ feed: 'tiny', day: DAY, shard: 'tier1', epoch: EPOCH });
  const stored = await deps.raw.get(key);
  assert.ok(stored);
  const inventory = JSON.parse(new TextDecoder().decode(stored.body)) as { segments: unknown[] };
  const segments = inventory.segments.slice(0, -2);
  await deps.raw.put(key, jsonDocument({ ...inventory, segments }));
  const [finding, ...more] = (await audited(deps)).findings;
  assert.deepEqual([finding?.kind, finding?.key, more], ['inventory_missing', key, []]);
  assert.match(finding?.detail ?? '', /does not list 2 segments that are there/);
});

test('a day of another normalizer is not compared, and that is no pass', async () => {
  const { deps, manifest } = await archived();
  const raised = { ...tinyFeed, normalizer: tinyFeed.normalizer + 1 };
  const audit = await audited({ ...deps, feeds: new Map([[raised.id, raised]]) });
  const [finding, ...more] = audit.findings;
  assert.deepEqual([finding?.kind, more], ['rebuild_differs', []]);
  assert.match(finding?.detail ?? '', /made by tiny@1; this worker rebuilds with tiny@2/);
  assert.deepEqual([audit.equal, audit.not_comparable], [0, manifest.objects.length]);
});

test('segments that are gone are named each, and their hole not once more', async () => {
  const { deps, manifest } = await archived();
  // More of them than the words of the hole name.
  const gone = manifest.inputs.slice(1, 7).map((it) => it.key);
  for (const key of gone) await deps.raw.delete(key);
  const { findings } = await audited(deps);
  assert.deepEqual(
    findings.filter((it) => it.kind === 'raw_missing').map((it) => it.key),
    gone,
  );
  assert.ok(!findings.some((it) => it.kind === 'gap_unlisted'));
});

test('a hole in RAW that no input of the manifest explains is named for itself', async () => {
  const { deps, manifest } = await archived();
  const [unlisted, listed] = [manifest.inputs[2]?.key, manifest.inputs[5]?.key];
  assert.ok(unlisted !== undefined && listed !== undefined);
  for (const key of [unlisted, listed]) await deps.raw.delete(key);
  await replaced(deps, {
    ...manifest,
    inputs: manifest.inputs.filter((it) => it.key !== unlisted),
  });
  const { findings } = await audited(deps);
  const named = findings.filter((it) => ['raw_missing', 'gap_unlisted'].includes(it.kind));
  assert.deepEqual(
    named.map((it) => [it.kind, it.key]),
    [
      ['raw_missing', listed],
      ['gap_unlisted', 'tier1'],
    ],
  );
});
