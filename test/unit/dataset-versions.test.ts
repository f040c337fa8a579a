import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../dataset/canonical.ts';
import { versionOfDay, withCommittedDay, withLive } from '../../dataset/current.ts';
import { buildManifest, compareManifests, parseManifest } from '../../dataset/manifest.ts';
import type { ManifestParts } from '../../dataset/manifest.ts';
import { chooseVersion, compareVersions } from '../../dataset/version.ts';
import type { Making, VersionBinding } from '../../dataset/version.ts';
import type { Day } from '../../schema/time.ts';
import { sha256 } from '../../storage/zstd.ts';

const day = (text: string): Day => text as Day;
const making: Making = {
  feed: 'kraken',
  normalizer: 1,
  schema: 'md2',
  window_hours: 1,
  origin: 'live',
};
const binding = (version: string, normalizer: number): VersionBinding => ({
  format: 1,
  version,
  schema: 'md2',
  normalizers: { kraken: normalizer },
  window_hours: 1,
  origin: 'live',
});

test('a version is kept while the making is the same, else the next minor label', () => {
  assert.deepEqual(chooseVersion([], making), { version: 'v1', exists: false });
  const bindings = [binding('v1', 1), binding('v1.1', 2)];
  assert.deepEqual(chooseVersion(bindings, making), { version: 'v1', exists: true });
  assert.deepEqual(chooseVersion(bindings, { ...making, normalizer: 2 }), {
    version: 'v1.1',
    exists: true,
  });
  for (const other of [{ normalizer: 3 }, { origin: 'import' }, { window_hours: 4 }] as const) {
    assert.deepEqual(chooseVersion(bindings, { ...making, ...other }), {
      version: 'v1.2',
      exists: false,
    });
  }
  assert.ok(compareVersions('v1.10', 'v1.9') > 0);
  assert.ok(compareVersions('v2', 'v1.9') > 0);
});

test('a committed day serves once, neighbours merge, promotions are left alone', () => {
  const first = withCommittedDay(null, day('2026-11-20'), 'v1');
  assert.deepEqual(first, {
    format: 1,
    revision: 1,
    live: 'v1',
    ranges: [{ from: '2026-11-20', to: '2026-11-20', version: 'v1' }],
  });
  assert.equal(withCommittedDay(first, day('2026-11-20'), 'v1'), null);
  const second = withCommittedDay(first, day('2026-11-21'), 'v1');
  assert.deepEqual(second?.ranges, [{ from: '2026-11-20', to: '2026-11-21', version: 'v1' }]);
  assert.equal(second?.revision, 2);
  const bumped = withCommittedDay(second, day('2026-11-21'), 'v1.1');
  assert.equal(versionOfDay(bumped, day('2026-11-21')), 'v1');
  assert.equal(bumped?.live, 'v1.1');
  assert.equal(withLive(bumped, 'v1.1'), null);
});

const parts: ManifestParts = {
  version: 'v1',
  feed: 'kraken',
  day: day('2026-11-20'),
  origin: 'live',
  normalizer: 'kraken@1',
  window_hours: 1,
  shards: ['tier1'],
  objects: [
    object('normalized/v1/kraken/trade/BTCUSD/2026/11/20/01-00.capnp.zst', 'b'),
    object('normalized/v1/kraken/trade/BTCUSD/2026/11/20/00-00.capnp.zst', 'a'),
  ],
  inputs: [{ key: 'raw/kraken/x', sha256: '1', state: 'whole' }],
  gaps: [],
  builds: { archiver: { version: '0', commit: 'c', build: 'b' }, connectors: ['0'] },
};

function object(key: string, hash: string) {
  return {
    key,
    plain_sha256: hash,
    object_sha256: `packed ${hash}`,
    plain_bytes: 100,
    bytes: 10,
    records: 3,
    first_t: '1',
    last_t: '2',
    source: 'raw' as const,
  };
}

test('content ids see data and gaps, not how or by whom they were built', () => {
  const base = buildManifest(parts, sha256);
  const [late, early] = parts.objects;
  assert.ok(late && early);
  const same = buildManifest(
    {
      ...parts,
      objects: [
        { ...early, source: 'bus', object_sha256: 'other library', bytes: 11 },
        { ...late, key: late.key.replace('.capnp', '.0123abcd.capnp') },
      ],
      builds: { ...parts.builds, archiver: { version: '1', commit: 'd', build: 'e' } },
    },
    sha256,
  );
  assert.equal(same.content_id, base.content_id);
  assert.equal(compareManifests(base, same), 'same');
  const changed = buildManifest({ ...parts, objects: [early] }, sha256);
  assert.equal(compareManifests(base, changed), 'conflict');
  const inputs = [...parts.inputs, { key: 'raw/kraken/y', sha256: '2', state: 'whole' as const }];
  assert.equal(
    compareManifests(base, buildManifest({ ...parts, objects: [early], inputs }, sha256)),
    'late_raw',
  );
  const gap = {
    shard: 'tier1',
    epoch: 1,
    cause: 'epoch_ended',
    from: '1',
    to: '2',
    detail: '',
  } as const;
  const holed = buildManifest({ ...parts, gaps: [gap] }, sha256);
  assert.equal(holed.complete, false);
  assert.notEqual(holed.content_id, base.content_id);
  // The same segments, and an inventory that came after the commit: nobody's build is wrong.
  assert.equal(compareManifests(holed, base), 'late_raw');
});

test('totals count by type, and a manifest reads back', () => {
  const manifest = buildManifest(parts, sha256);
  assert.deepEqual(manifest.totals, {
    objects: 2,
    records: 6,
    plain_bytes: 200,
    bytes: 20,
    records_by_type: { trade: 6 },
  });
  assert.deepEqual(parseManifest(JSON.stringify(manifest)), manifest);
  assert.equal(parseManifest('{"format":2}'), null);
  assert.equal(parseManifest('nonsense'), null);
});

test('canonical JSON does not depend on the order of keys', () => {
  assert.equal(
    canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined }),
    '{"b":[1,{"c":"x","d":null}]}',
  );
});
