import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../dataset/canonical.ts';
import { parseCurrent, versionOfDay, withCommittedDay } from '../../dataset/current.ts';
import {
  buildManifest,
  compareManifests,
  contentId,
  inputsId,
  parseManifest,
} from '../../dataset/manifest.ts';
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

const own = { own: true };
const foreign = { own: false };

test('a committed day serves once, neighbours merge, promotions are left alone', () => {
  const first = withCommittedDay(null, day('2026-11-20'), 'v1', own);
  assert.deepEqual(first, {
    format: 1,
    revision: 1,
    live: 'v1',
    moves: [],
    ranges: [{ from: '2026-11-20', to: '2026-11-20', version: 'v1' }],
  });
  assert.equal(withCommittedDay(first, day('2026-11-20'), 'v1', own), null);
  const second = withCommittedDay(first, day('2026-11-21'), 'v1', own);
  assert.deepEqual(second?.ranges, [{ from: '2026-11-20', to: '2026-11-21', version: 'v1' }]);
  assert.equal(second?.revision, 2);
  const bumped = withCommittedDay(second, day('2026-11-21'), 'v1.1', own);
  assert.equal(versionOfDay(bumped, day('2026-11-21')), 'v1');
  assert.equal(bumped?.live, 'v1.1');
  assert.equal(withCommittedDay(bumped, day('2026-11-21'), 'v1.1', own), null);
});

test('an import serves its own day and moves nothing of where new days go', () => {
  const imported = withCommittedDay(null, day('2024-08-08'), 'v1', foreign);
  assert.equal(imported?.live, null, 'no day of the environment itself was committed');
  assert.deepEqual(parseCurrent(JSON.parse(JSON.stringify(imported))), imported);
  const live = withCommittedDay(imported, day('2026-11-20'), 'v1.1', own);
  assert.equal(live?.live, 'v1.1');
  for (const date of ['2024-08-09', '2026-11-21']) {
    const after = withCommittedDay(live, day(date), 'v1', foreign);
    assert.equal(after?.live, 'v1.1', `an import of ${date}`);
    assert.equal(versionOfDay(after, day(date)), 'v1');
  }
});

test('an old day that is committed late, or again, moves nothing of where new days go', () => {
  const old = withCommittedDay(null, day('2026-11-18'), 'v1', own);
  const newest = withCommittedDay(old, day('2026-11-20'), 'v1.1', own);
  assert.equal(newest?.live, 'v1.1');
  assert.equal(withCommittedDay(newest, day('2026-11-18'), 'v1', own), null);
  assert.equal(withCommittedDay(newest, day('2026-11-17'), 'v1', own)?.live, 'v1.1');
});

const parts: ManifestParts = {
  schema: 'md2',
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

test('two contents under one name have one id, whoever of them came first', () => {
  const [first] = parts.objects;
  assert.ok(first);
  const beside = first.key.replace('.capnp', '.0123abcd.capnp');
  const pairs = [
    [first, { ...first, key: beside, plain_sha256: 'c' }],
    [
      { ...first, plain_sha256: 'c' },
      { ...first, key: beside },
    ],
  ] as const;
  const ids = pairs.map((objects) => contentId({ version: 'v1', objects, gaps: [] }, sha256));
  assert.equal(ids[0], ids[1]);
});

test('the words of a gap are no part of any id, whatever their order', () => {
  const at = { shard: 'tier1', epoch: 1, from: '1', to: '2' } as const;
  const gaps = [
    { ...at, cause: 'epoch_ended', detail: 'a' },
    { ...at, cause: 'log_behind_bus', detail: 'b' },
    { ...at, epoch: 2, cause: 'epoch_ended', detail: 'c' },
  ] as const;
  const reworded = gaps.map((gap, index) => ({ ...gap, detail: `${9 - index} other words` }));
  const base = buildManifest({ ...parts, gaps }, sha256);
  const other = buildManifest({ ...parts, gaps: reworded }, sha256);
  assert.equal(other.content_id, base.content_id);
  assert.equal(compareManifests(base, other), 'same');
  const { inputs } = parts;
  const id = inputsId({ inputs, gaps }, sha256);
  assert.equal(inputsId({ inputs, gaps: [...reworded].reverse() }, sha256), id);
  // With other data under them they are still the same inputs: one of the builds is wrong.
  const changed = buildManifest({ ...parts, objects: [], gaps: reworded }, sha256);
  assert.equal(compareManifests(base, changed), 'conflict');
  for (const change of [{ from: '0' }, { to: '3' }, { epoch: null }, { shard: 'tier2' }]) {
    const moved = gaps.map((gap, index) => (index === 0 ? { ...gap, ...change } : gap));
    assert.notEqual(inputsId({ inputs, gaps: moved }, sha256), id, JSON.stringify(change));
    assert.notEqual(contentId({ ...base, gaps: moved }, sha256), base.content_id);
  }
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
