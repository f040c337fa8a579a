import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  canonicalObjectKey,
  currentKey,
  inventoryKey,
  manifestKey,
  objectAlternativeKey,
  objectKey,
  parseInventoryKey,
  parseManifestKey,
  parseObjectKey,
  parseRawConflictKey,
  parseRawSegmentKey,
  parseVersionKey,
  qaReportKey,
  qaResultsKey,
  rawConflictKey,
  rawSegmentKey,
  stagedWindowKey,
  versionKey,
} from '../../dataset/keys.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import { NS_PER_MINUTE, dayOf } from '../../schema/time.ts';

const seed = process.env['FC_SEED'];
const check = <T>(arbitrary: fc.Arbitrary<T>, hold: (value: T) => void): void =>
  fc.assert(
    fc.property(arbitrary, hold),
    seed === undefined ? { numRuns: 200 } : { numRuns: 200, seed: Number(seed) },
  );

const minuteOf = (t: bigint): bigint => t - (t % NS_PER_MINUTE);
const nameText = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/);
const instant = fc.bigInt({ min: 0n, max: 4_102_444_800_000_000_000n - 1n });
const epoch = fc.integer({ min: 0, max: 4_102_444_800_000 });
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const version = fc
  .tuple(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: 0, max: 99 }))
  .map(([major, minor]) => (minor === 0 ? `v${major}` : `v${major}.${minor}`));
const symbol = fc.oneof(
  fc.stringMatching(/^[A-Z0-9][A-Z0-9_-]{0,63}$/),
  nameText.map((shard) => `_FEED-${shard}`),
);
const raw = fc.record({ feed: nameText, shard: nameText, epoch, t: instant });
const object = fc.record({
  version,
  feed: nameText,
  type: fc.constantFrom(...EVENT_TYPES),
  symbol,
  t: instant,
});

test('a raw segment key reads back as what it was built from, at its minute', () => {
  check(raw, (id) => {
    const key = rawSegmentKey(id);
    assert.deepEqual(parseRawSegmentKey(key), { ...id, t: minuteOf(id.t) });
  });
});

test('a conflicting segment is never read as a segment', () => {
  check(fc.tuple(raw, sha256), ([id, hash]) => {
    const key = rawConflictKey(id, hash);
    assert.equal(parseRawSegmentKey(key), null);
    assert.deepEqual(parseRawConflictKey(key), {
      ...id,
      t: minuteOf(id.t),
      sha8: hash.slice(0, 8),
    });
  });
});

test('an inventory key reads back', () => {
  check(raw, ({ feed, shard, epoch: start, t }) => {
    const id = { feed, day: dayOf(t), shard, epoch: start };
    assert.deepEqual(parseInventoryKey(inventoryKey(id)), id);
  });
});

test('object keys read back, and the alternative is of the same object', () => {
  check(fc.tuple(object, sha256), ([id, hash]) => {
    const t = minuteOf(id.t);
    assert.deepEqual(parseObjectKey(objectKey(id)), { ...id, t, sha8: null });
    const other = objectAlternativeKey(id, hash);
    assert.deepEqual(parseObjectKey(other), { ...id, t, sha8: hash.slice(0, 8) });
    assert.equal(canonicalObjectKey(other), objectKey(id));
    assert.equal(canonicalObjectKey(objectKey(id)), objectKey(id));
  });
});

test('manifest and version keys read back', () => {
  check(fc.tuple(object, instant), ([id, t]) => {
    const of = { version: id.version, feed: id.feed, day: dayOf(t) };
    assert.deepEqual(parseManifestKey(manifestKey(of)), of);
    assert.equal(parseVersionKey(versionKey(id.version)), id.version);
  });
});

test('no parser takes another kind of key, or one that was touched', () => {
  const parsers = [
    parseRawSegmentKey,
    parseRawConflictKey,
    parseInventoryKey,
    parseObjectKey,
    parseManifestKey,
    parseVersionKey,
  ];
  check(fc.tuple(raw, object, fc.nat()), ([segment, id, where]) => {
    const day = dayOf(id.t);
    const keys = [
      rawSegmentKey(segment),
      rawConflictKey(segment, 'ab12cd34'.padEnd(64, '0')),
      inventoryKey({ ...segment, day }),
      objectKey(id),
      manifestKey({ ...id, day }),
      versionKey(id.version),
      // Of these no parser reads any.
      stagedWindowKey({ ...id, day, shard: segment.shard, hour: 7 }),
      currentKey(id.feed),
      qaResultsKey(id.feed, day),
      qaReportKey(id.feed, day),
    ];
    for (const [kind, key] of keys.entries()) {
      for (const [other, parse] of parsers.entries()) {
        assert.equal(parse(key) !== null, kind === other, `${parse.name} of ${key}`);
        assert.equal(parse(`${key} `), null);
        assert.equal(parse(`/${key}`), null);
      }
      const cut = where % key.length;
      const broken = `${key.slice(0, cut)}!${key.slice(cut + 1)}`;
      for (const parse of parsers) assert.equal(parse(broken), null, broken);
    }
  });
});

test('a minute, day or name that is none is refused', () => {
  assert.equal(parseRawSegmentKey('raw/kraken/2026/02/30/00/00-tier1-1.jsonl.zst'), null);
  assert.equal(parseRawSegmentKey('raw/kraken/2026/02/28/24/00-tier1-1.jsonl.zst'), null);
  assert.equal(parseRawSegmentKey('raw/kraken/2026/02/28/23/60-tier1-1.jsonl.zst'), null);
  assert.equal(parseRawSegmentKey('raw/kraken/2026/02/28/23/59-tier1-01.jsonl.zst'), null);
  assert.equal(
    parseObjectKey('normalized/v0/kraken/trade/BTCUSD/2026/02/28/23-00.capnp.zst'),
    null,
  );
  assert.equal(parseObjectKey('normalized/v1/kraken/tape/BTCUSD/2026/02/28/23-00.capnp.zst'), null);
  assert.throws(() => rawSegmentKey({ feed: 'Kraken', shard: 'a', epoch: 1, t: 0n }), /feed/);
  assert.throws(() => rawSegmentKey({ feed: 'kraken', shard: 'a', epoch: 1.5, t: 0n }), /epoch/);
});
