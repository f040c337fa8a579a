/** An audit that cannot fail proves nothing: each thing that may be tampered with is named precisely. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { auditDay } from '../../activities/audit-day.ts';
import type { AuditFinding, DayAudit } from '../../activities/audit-report.ts';
import { readManifest } from '../../activities/datasets.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import { messageLength, readHeader } from '../../codec/md2.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import { inventoryKey, manifestKey, qaReportKey } from '../../dataset/keys.ts';
import { buildManifest } from '../../dataset/manifest.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { packObject, unpackObject } from '../../dataset/object-codec.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { sha256, zstd } from '../../storage/zstd.ts';
import { archiveDay } from '../support/archive-run.ts';
import { publishDay } from '../support/bus-day.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import { TINY_SHARD, writeTinyDay } from '../support/tiny-day.ts';
import type { TinyDay } from '../support/tiny-day.ts';

const DAY = '2026-11-20' as Day;
const of = { feed: 'tiny', day: DAY } as const;
const EPOCH = Number((dayStart(DAY) - 2n * NS_PER_HOUR) / 1_000_000n);
const TRADES_AT_3 = 'normalized/v1/tiny/trade/BTCUSD/2026/11/20/03-00.capnp.zst';

const servers = await startTestServers({ s3: true });
const bus = createMemoryBus();
const jobs = await openS3Jobs(servers.s3, '2026-11-22T06:00:00Z', { bus });
const day = await writeTinyDay(jobs.deps.raw, { day: DAY, step_ns: 20n * NS_PER_MINUTE });
await publishDay(bus, day.live, { ...of, epoch: EPOCH });
const { committed } = await archiveDay(jobs.deps, of);
assert.ok(committed.from_bus > 0 && committed.from_raw === 0);

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

/** The archived day, changed by `tamper`, audited, and put right again. */
async function audited(
  tamper: (deps: JobDeps, day: TinyDay, manifest: Manifest) => Promise<void>,
): Promise<DayAudit> {
  const manifest = await readManifest(jobs.deps, { ...of, version: 'v1' });
  assert.ok(manifest);
  const raw = journaled(jobs.deps.raw);
  const normalized = journaled(jobs.deps.normalized);
  try {
    await tamper({ ...jobs.deps, raw: raw.store, normalized: normalized.store }, day, manifest);
    return await auditDay(
      jobs.deps,
      { ...resolveDay(jobs.deps, of), version: null },
      plainContext(),
    );
  } finally {
    await raw.undo();
    await normalized.undo();
  }
}

/** A store that remembers what it is made to overwrite. */
function journaled(store: ObjectStore): { store: ObjectStore; undo: () => Promise<void> } {
  const before = new Map<string, Uint8Array>();
  const remember = async (key: string): Promise<void> => {
    const stored = await store.get(key);
    if (stored !== null && !before.has(key)) before.set(key, stored.body);
  };
  return {
    store: {
      ...store,
      put: async (key, body, options) => {
        await remember(key);
        await store.put(key, body, options);
      },
      delete: async (key) => {
        await remember(key);
        await store.delete(key);
      },
    },
    undo: async () => {
      for (const [key, body] of before) await store.put(key, body);
    },
  };
}

function only(audit: DayAudit): AuditFinding {
  assert.equal(audit.outcome, 'failed');
  assert.equal(audit.findings.length, 1, JSON.stringify(audit.findings, null, 1));
  return audit.findings[0] as AuditFinding;
}

/** The object's stream without its `n`-th event, and that event's place. */
async function withoutEvent(deps: JobDeps, key: string, n: number) {
  const stored = await deps.normalized.get(key);
  assert.ok(stored);
  const { plain, lineage } = unpackObject(stored.body, zstd, key);
  let at = 0;
  for (let event = 0; event < n; event++) at += messageLength(plain, at);
  const { t, index, length } = readHeader(plain, at);
  const left = new Uint8Array(plain.length - length);
  left.set(plain.subarray(0, at));
  left.set(plain.subarray(at + length), at);
  const counted = { ...lineage, message_count: lineage.message_count - 1 };
  return { plain: left, packed: packObject(left, counted, zstd), t, index };
}

function segmentIn(day: TinyDay, hour: number) {
  const start = dayStart(DAY) + BigInt(hour) * NS_PER_HOUR;
  const found = day.epochs[0]?.segments.filter(
    ({ first }) => first !== null && BigInt(first) >= start && BigInt(first) < start + NS_PER_HOUR,
  );
  const segment = found?.at(-1);
  assert.ok(segment);
  return segment;
}

test('an untouched day passes, every object equal to its rebuild', async () => {
  const audit = await audited(() => Promise.resolve());
  assert.equal(audit.outcome, 'passed', JSON.stringify(audit.findings));
  assert.equal(audit.equal, audit.objects);
  assert.ok(audit.objects > 100);
  assert.equal(audit.not_comparable, 0);
});

test("an event that is missing from the bus's object is named, whatever the manifest says", async () => {
  let lost: { t: bigint; index: number } | null = null;
  const audit = await audited(async (deps, _day, manifest) => {
    const { plain, packed, t, index } = await withoutEvent(deps, TRADES_AT_3, 1);
    lost = { t, index };
    await deps.normalized.put(TRADES_AT_3, packed);
    const objects = manifest.objects.map((it) =>
      it.key !== TRADES_AT_3
        ? it
        : {
            ...it,
            plain_sha256: sha256(plain),
            object_sha256: sha256(packed),
            plain_bytes: plain.length,
            bytes: packed.length,
            records: it.records - 1,
          },
    );
    const changed = buildManifest({ ...manifest, objects }, sha256);
    await deps.normalized.put(manifestKey(manifest), jsonDocument(changed));
  });
  const finding = only(audit);
  assert.equal(finding.kind, 'event_missing');
  assert.equal(finding.key, TRADES_AT_3);
  assert.ok(lost);
  const { t, index } = lost as { t: bigint; index: number };
  assert.match(finding.detail, new RegExp(`trade BTCUSD t ${t} index ${index} `));
  assert.equal(audit.equal, audit.objects - 1);
});

test('a flipped byte of RAW is named by segment and line', async () => {
  let line = 0;
  let key = '';
  const audit = await audited(async (deps, day) => {
    const segment = segmentIn(day, 5);
    key = segment.key;
    const at = new TextDecoder('latin1').decode(segment.plain).indexOf('"k":"quote"');
    assert.ok(at > 0);
    const changed = segment.plain.slice();
    const px = changed.indexOf(0x7d, at) - 1;
    changed[px] = changed[px] === 0x31 ? 0x32 : 0x31;
    line = changed.subarray(0, px).reduce((count, byte) => count + (byte === 10 ? 1 : 0), 1);
    await deps.raw.put(key, zstd.compress(changed));
  });
  const named = audit.findings.filter((it) => it.kind === 'raw_changed');
  assert.equal(named.length, 1, JSON.stringify(audit.findings, null, 1));
  assert.equal(named[0]?.key, key);
  assert.match(named[0]?.detail ?? '', new RegExp(`changed at line ${line} `));
  assert.equal(audit.findings.length, 1, JSON.stringify(audit.findings, null, 1));
  assert.ok(audit.equal > 0 && audit.not_comparable > 0);
});

test('a flipped byte that breaks the line, or the compressed frame, is named as well', async () => {
  let keys: string[] = [];
  const audit = await audited(async (deps, day) => {
    const [broken, packed] = [segmentIn(day, 20), segmentIn(day, 22)];
    keys = [broken.key, packed.key];
    const changed = broken.plain.slice();
    changed[changed.indexOf(10) + 1] = 0x5b;
    await deps.raw.put(broken.key, zstd.compress(changed));
    const frame = (await deps.raw.get(packed.key))?.body.slice();
    assert.ok(frame);
    const middle = frame.length >> 1;
    frame[middle] = (frame[middle] as number) ^ 0xff;
    await deps.raw.put(packed.key, frame);
  });
  const named = audit.findings.filter((it) => it.kind === 'raw_changed');
  assert.deepEqual(named.map((it) => it.key).sort(), keys.sort());
  assert.match(named.find((it) => it.key === keys[0])?.detail ?? '', /line 2: /);
  assert.match(
    named.find((it) => it.key === keys[1])?.detail ?? '',
    /line \d+: .*(zstd|corrupt|data)/i,
  );
});

test('an edited object is named, with the event that differs', async () => {
  const audit = await audited(async (deps) => {
    const { packed } = await withoutEvent(deps, TRADES_AT_3, 2);
    await deps.normalized.put(TRADES_AT_3, packed);
  });
  const kinds = audit.findings.map((it) => it.kind).sort();
  assert.deepEqual(kinds, ['event_missing', 'object_edited']);
  assert.ok(audit.findings.every((it) => it.key === TRADES_AT_3));
});

test('an object that cannot be read, and one that is gone, are named', async () => {
  const gone = TRADES_AT_3.replace('03-00', '04-00');
  const audit = await audited(async (deps) => {
    const stored = (await deps.normalized.get(TRADES_AT_3))?.body.slice();
    assert.ok(stored);
    stored[20] = (stored[20] as number) ^ 1;
    await deps.normalized.put(TRADES_AT_3, stored);
    await deps.normalized.delete(gone);
  });
  assert.deepEqual(
    audit.findings.map((it) => [it.kind, it.key]),
    [
      ['object_edited', TRADES_AT_3],
      ['object_missing', gone],
    ],
  );
});

test('the last raw segment of an hour, deleted, is named', async () => {
  let key = '';
  const audit = await audited(async (deps, day) => {
    key = segmentIn(day, 9).key;
    await deps.raw.delete(key);
  });
  const finding = only(audit);
  assert.equal(finding.kind, 'raw_missing');
  assert.equal(finding.key, key);
});

test('a deleted inventory is named', async () => {
  const key = inventoryKey({ feed: 'tiny', day: DAY, shard: TINY_SHARD, epoch: EPOCH });
  const finding = only(await audited((deps) => deps.raw.delete(key)));
  assert.equal(finding.kind, 'inventory_missing');
  assert.equal(finding.key, key);
});

test('an edited manifest is named', async () => {
  const audit = await audited(async (deps, _day, manifest) => {
    const changed = { ...manifest, objects: manifest.objects.slice(1) };
    await deps.normalized.put(manifestKey(manifest), jsonDocument(changed));
  });
  const kinds = audit.findings.map((it) => it.kind);
  // Its content id and its totals no longer fit, and RAW yields what it leaves out.
  assert.deepEqual(kinds, ['manifest_edited', 'manifest_edited', 'rebuild_differs']);
});

test('a day that was never committed is a finding, not an error', async () => {
  await using other = await openS3Jobs(servers.s3, '2026-11-22T06:00:00Z');
  const { deps } = other;
  await writeTinyDay(deps.raw, { day: DAY, step_ns: NS_PER_HOUR });
  const audit = await auditDay(deps, { ...resolveDay(deps, of), version: null }, plainContext());
  assert.equal(only(audit).kind, 'manifest_missing');
  assert.equal(await deps.normalized.get(qaReportKey('tiny', DAY)), null);
});
