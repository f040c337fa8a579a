/**
 * What a day demands, around its edges: deaths at midnight, shards that come and go, days of which
 * nothing is there, imports, take-overs with the bus away.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditDay } from '../../activities/audit-day.ts';
import { planArchive } from '../../activities/archive-plan.ts';
import { readCurrent, readManifest, rememberSeen } from '../../activities/datasets.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import { inventoryKey, manifestKey, rawPrefix } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { Inventory, Origin } from '../../schema/log.ts';
import {
  NS_PER_HOUR,
  NS_PER_MINUTE,
  addDays,
  dayEnd,
  dayStart,
  msFromNs,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { archiveDay } from '../support/archive-run.ts';
import { publishDay } from '../support/bus-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { RawEpoch } from '../support/raw-day.ts';
import { writeTinyDay } from '../support/tiny-day.ts';

const DAY = '2026-11-20' as Day;
const NEXT = addDays(DAY, 1);
const of = { feed: 'tiny', day: DAY } as const;
const START = dayStart(DAY);
const MORNING = '2026-11-21T06:00:00Z';
const LATER = '2026-11-22T06:00:00Z';
const sparse = { step_ns: 2n * NS_PER_HOUR };

function causes(manifest: { gaps: readonly { cause: string; shard: string }[] } | null): string[] {
  return (manifest?.gaps ?? []).map(({ shard, cause }) => `${shard} ${cause}`);
}

test('who died before midnight does not keep the next day waiting; the hole is an event', async () => {
  for (const death of [START - 3n * NS_PER_MINUTE, START - 20n * NS_PER_MINUTE]) {
    const deps = memoryJobs(MORNING);
    const restarts = [START + 5n * NS_PER_MINUTE];
    const day = await writeTinyDay(deps.raw, { day: DAY, restarts, deaths: [death] });
    const { plan, committed } = await archiveDay(deps, of);
    assert.deepEqual(plan.waiting, []);
    assert.equal(committed.complete, true);
    assert.equal(committed.records, day.live.length);
    const first = day.live.find((it) => it.type === 'status');
    assert.ok(first !== undefined && first.t >= (restarts[0] ?? 0n), 'the take-over says it');
    // The day it died on cannot know who follows: its end is a hole of its manifest.
    const eve = addDays(DAY, -1);
    const early = memoryJobs(MORNING, { raw: deps.raw });
    await archiveDay(early, { feed: 'tiny', day: eve });
    const manifest = await readManifest(early, { feed: 'tiny', day: eve, version: 'v1' });
    assert.ok(causes(manifest).includes('tier1 epoch_ended'), causes(manifest).join());
    assert.equal(manifest?.gaps.find((it) => it.cause === 'epoch_ended')?.to, `${START}`);
  }
});

test('a death before midnight that nobody vouches for is waited for, and the day then incomplete', async () => {
  const restarts = [START + 5n * NS_PER_MINUTE];
  const deaths = [START - 3n * NS_PER_MINUTE];
  const raw = memoryJobs(MORNING).raw;
  const { epochs } = await writeTinyDay(raw, { day: DAY, restarts, deaths });
  assert.equal(epochs.length, 2);
  const epoch = msFromNs(START - 2n * NS_PER_HOUR);
  await raw.delete(inventoryKey({ feed: 'tiny', day: addDays(DAY, -1), shard: 'tier1', epoch }));
  const early = memoryJobs(MORNING, { raw });
  const plan = await planArchive(early, resolveDay(early, of), plainContext());
  assert.match(plan.waiting.join(), /tier1: inventory_missing/);
  const late = memoryJobs(LATER, { raw });
  assert.equal((await archiveDay(late, of)).committed.complete, false);
});

test('an epoch that vanished with its host is waited for by name, and the day then incomplete', async () => {
  const noon = START + 12n * NS_PER_HOUR;
  const raw = memoryJobs(MORNING).raw;
  await writeTinyDay(raw, { day: DAY, ...sparse, stop_at: noon, end: 'shutdown' });
  const epoch = msFromNs(noon);
  const vanished = new RawEpoch({ feed: 'tiny', shard: 'tier1', epoch });
  vanished.fact(noon, '_day', { day: DAY, taken: false });
  await vanished.put(raw, {});
  const early = memoryJobs(MORNING, { raw });
  const plan = await planArchive(early, resolveDay(early, of), plainContext());
  assert.match(
    plan.waiting.join(),
    new RegExp(`tier1: inventory_missing: no inventory of epoch ${epoch}`),
  );
  const late = memoryJobs(LATER, { raw });
  assert.equal((await archiveDay(late, of)).committed.complete, false);
  const manifest = await readManifest(late, { ...of, version: 'v1' });
  assert.deepEqual(causes(manifest), ['tier1 epoch_ended', 'tier1 inventory_missing']);
  assert.equal(manifest?.gaps[1]?.epoch, epoch);
});

test('an inventory vouches for nothing but what its name says', async () => {
  const deps = memoryJobs(LATER);
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  const epoch = msFromNs(START - 2n * NS_PER_HOUR);
  const id = { feed: 'tiny', shard: 'tier1', epoch };
  const other = await deps.raw.get(inventoryKey({ ...id, day: addDays(DAY, -1) }));
  assert.ok(other);
  await deps.raw.put(inventoryKey({ ...id, day: DAY }), other.body);
  assert.equal((await archiveDay(deps, of)).committed.complete, false);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  assert.deepEqual(causes(manifest), ['tier1 inventory_missing']);
});

test('a take with the bus away: its hole is in the manifest, the archive the same from bus and RAW', async () => {
  const noon = START + 12n * NS_PER_HOUR + 5n * NS_PER_MINUTE;
  const death = noon - 30n * NS_PER_MINUTE;
  const days = { day: DAY, restarts: [noon], deaths: [death], bus_away: true } as const;
  const bus = createMemoryBus();
  const busy = memoryJobs(MORNING, { bus });
  const { live } = await writeTinyDay(busy.raw, days);
  const [first, second] = [START - 2n * NS_PER_HOUR, noon].map(msFromNs) as [number, number];
  const own = live.filter((it) => it.t < noon);
  await publishDay(bus, own, { ...of, epoch: first, until: death });
  await publishDay(bus, live.slice(own.length), { ...of, epoch: second, from: noon });
  const { committed } = await archiveDay(busy, of);
  const manifest = await readManifest(busy, { ...of, version: 'v1' });
  assert.deepEqual(causes(manifest), ['tier1 handover']);
  const [gap] = manifest?.gaps ?? [];
  assert.ok(BigInt(gap?.from ?? 0) <= death && BigInt(gap?.to ?? 0) > noon);
  assert.ok(BigInt(gap?.from ?? 0) > death - 10n * NS_PER_MINUTE);
  // The hours the hole is in come from RAW, those on both sides from the bus.
  assert.equal(committed.complete, false);
  const sources = (hour: number) =>
    new Set(manifest?.objects.filter((it) => hourIn(it.first_t) === hour).map((it) => it.source));
  assert.deepEqual([...sources(10)], ['bus']);
  assert.deepEqual([...sources(11)], ['raw']);
  assert.deepEqual([...sources(12)], ['raw']);
  assert.deepEqual([...sources(13)], ['bus']);
  const plain = memoryJobs(MORNING);
  await writeTinyDay(plain.raw, days);
  const { committed: from_raw } = await archiveDay(plain, of);
  assert.equal(from_raw.from_bus, 0);
  assert.equal(committed.content_id, from_raw.content_id);
});

const hourIn = (t: string): number => Number((BigInt(t) - START) / NS_PER_HOUR);

/** A life of one day on some shard, with the inventory that says so. */
async function ran(raw: ObjectStore, day: Day, shard = 'tier1', origin: Origin = 'simulator') {
  const inventory: Inventory = {
    ...{ format: 1, feed: 'tiny', shard, epoch: msFromNs(dayStart(day)), day, origin },
    ...{ host: 'test', connections: [], segments: [], end: 'shutdown' },
  };
  const body = new TextEncoder().encode(JSON.stringify(inventory));
  await raw.put(inventoryKey({ feed: 'tiny', day, shard, epoch: inventory.epoch }), body);
}

test('a shard that was added since is not demanded of an old day', async () => {
  const deps = memoryJobs(LATER, { shardsOf: () => ['tier1', 'tier2'] });
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  await ran(deps.raw, addDays(DAY, 5), 'tier2');
  const { committed } = await archiveDay(deps, of);
  assert.equal(committed.complete, true);
});

test('a shard that was added on the next day is not demanded, before that day has an inventory', async () => {
  const deps = memoryJobs(MORNING, { shardsOf: () => ['tier1', 'tier2'] });
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  const start_at = dayStart(NEXT) + NS_PER_HOUR;
  const stop_at = start_at + NS_PER_HOUR;
  await writeTinyDay(deps.raw, { day: NEXT, shard: 'tier2', start_at, stop_at });
  const { plan, committed } = await archiveDay(deps, of);
  assert.deepEqual(plan.waiting, []);
  assert.equal(committed.complete, true);
});

test('a shard that was removed since is demanded of a day it lived through', async () => {
  const deps = memoryJobs(LATER);
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  await ran(deps.raw, addDays(DAY, -3), 'tier2');
  assert.equal((await archiveDay(deps, of)).committed.complete, true, 'it ended before the day');
  const lived = memoryJobs(LATER, { raw: deps.raw });
  await ran(deps.raw, addDays(DAY, 4), 'tier2');
  const { committed } = await archiveDay(lived, of);
  assert.equal(committed.complete, false);
  const manifest = await readManifest(lived, { ...of, version: 'v1' });
  assert.deepEqual(causes(manifest), ['tier2 shard_absent']);
});

test('imports around a day say nothing of which shards ran on it', async () => {
  const deps = memoryJobs(LATER);
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  await ran(deps.raw, addDays(DAY, -3), 'tier2', 'import');
  await ran(deps.raw, addDays(DAY, 4), 'tier2', 'import');
  assert.equal((await archiveDay(deps, of)).committed.complete, true);
});

test('a removed shard that went on past midnight owes its inventory of the day', async () => {
  const deps = memoryJobs(LATER);
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  const eve = addDays(DAY, -1);
  await writeTinyDay(deps.raw, { day: eve, shard: 'tier2', ...sparse });
  for await (const { key } of deps.raw.list(rawPrefix({ feed: 'tiny', day: DAY }))) {
    if (key.includes('tier2')) await deps.raw.delete(key);
  }
  const { committed } = await archiveDay(deps, of);
  assert.equal(committed.complete, false);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  assert.ok(manifest?.gaps.every((it) => it.shard === 'tier2' && it.cause === 'inventory_missing'));
});

test('a committed day has the shards it was committed with, whatever is configured since', async () => {
  const both = memoryJobs(LATER, { shardsOf: () => ['tier1', 'tier2'] });
  await writeTinyDay(both.raw, { day: DAY, ...sparse });
  const { committed } = await archiveDay(both, of);
  assert.equal(committed.complete, false);
  const audited = (deps: JobDeps) =>
    auditDay(deps, { ...resolveDay(deps, of), version: null }, plainContext());
  for (const shards of [['tier1'], ['tier1', 'tier2', 'tier3']]) {
    const changed = { ...both, shardsOf: () => shards };
    const again = await archiveDay(changed, of);
    assert.equal(again.committed.outcome, 'already_committed', shards.join());
    assert.equal(again.committed.content_id, committed.content_id);
    const { findings } = await audited(changed);
    assert.deepEqual(findings, [], shards.join());
  }
});

test('an import moves nothing of where new days go', async () => {
  const deps = memoryJobs(LATER, { origin: 'live' });
  // What the tiny venue writes is of a simulator: foreign here, as an import would be.
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  const { version } = (await archiveDay(deps, of)).plan;
  const current = await readCurrent(deps, 'tiny');
  assert.equal(current?.live, null);
  assert.deepEqual(current?.ranges, [{ from: DAY, to: DAY, version }]);
  const home = { ...deps, origin: 'simulator' as const };
  await archiveDay(home, of);
  assert.equal((await readCurrent(deps, 'tiny'))?.live, version);
});

async function refusalOf(deps: JobDeps, day: string): Promise<SsmdError> {
  try {
    await archiveDay(deps, { feed: 'tiny', day });
  } catch (error) {
    assert.ok(error instanceof SsmdError, String(error));
    return error;
  }
  return assert.fail(`${day} was archived`);
}

async function assertNothingCommitted(deps: JobDeps, day: string): Promise<void> {
  const found: string[] = [];
  for await (const { key } of deps.normalized.list('normalized/')) {
    if (!key.startsWith('normalized/_versions/')) found.push(key);
  }
  assert.deepEqual(found, [], day);
}

test('a day of which nothing is there is refused: what was looked for, what is near, what to do', async () => {
  const bus = createMemoryBus();
  const deps = memoryJobs(LATER, { bus });
  await writeTinyDay(deps.raw, { day: DAY, ...sparse });
  const context = plainContext();
  const mistyped = resolveDay(deps, { feed: 'tiny', day: '2019-01-01' });
  await assert.rejects(planArchive(deps, mistyped, context), (error: SsmdError) => {
    assert.equal(error.code, 'SSMD_NOT_FOUND');
    assert.equal(error.retryable, false);
    assert.match(error.message, /nothing was captured of tiny on 2019-01-01/);
    assert.match(error.message, /raw\/tiny\/2019\/01\/01\//);
    assert.match(error.message, /raw\/tiny\/_manifests\/2019-01-01\//);
    assert.match(error.message, /on the bus \(its stream is empty\)/);
    assert.match(error.message, /nearest days RAW has are 2026-11-19 after/);
    assert.match(error.message, /Check the day; .*ssmd import.*start this job again/);
    return true;
  });
  await assertNothingCommitted(deps, '2019-01-01');
  // Nor does a day count between two that were only imported.
  await ran(deps.raw, '2018-12-01' as Day, 'tier1', 'import');
  assert.equal((await refusalOf(deps, '2019-01-01')).code, 'SSMD_NOT_FOUND');
  const none = memoryJobs(LATER);
  assert.match((await refusalOf(none, DAY)).message, /RAW has no day of tiny yet/);
});

test('a day the connector should have run on is committed, empty and incomplete, with its origin', async () => {
  const deps = memoryJobs(LATER, { origin: 'import' });
  await ran(deps.raw, addDays(DAY, -2), 'tier1', 'live');
  await ran(deps.raw, addDays(DAY, 3), 'tier1', 'live');
  const { plan, committed } = await archiveDay(deps, of);
  assert.equal(committed.complete, false);
  assert.equal(committed.objects, 0);
  const manifest = await readManifest(deps, { ...of, version: plan.version });
  assert.equal(manifest?.origin, 'live', 'as RAW around it');
  assert.deepEqual(
    manifest?.gaps.map(({ cause, from, to }) => [cause, from, to]),
    [['shard_absent', `${START}`, `${dayEnd(DAY)}`]],
  );
  assert.equal((await archiveDay(deps, of)).committed.outcome, 'already_committed');
});

test('yesterday without RAW is waited for while it may come, and refused when it may not', async () => {
  const early = memoryJobs(MORNING);
  await ran(early.raw, addDays(DAY, -1));
  const plan = await planArchive(early, resolveDay(early, of), plainContext());
  assert.match(plan.waiting.join(), /tier1: shard_absent/);
  const late = memoryJobs(LATER, { raw: early.raw });
  const refusal = await refusalOf(late, DAY);
  assert.match(refusal.message, /nearest days RAW has are 2026-11-19 before/);
  await assertNothingCommitted(late, DAY);
  // Started again on the next day, it has been away for a while: RAW knows it on both sides.
  await writeTinyDay(late.raw, { day: NEXT, start_at: dayStart(NEXT) + NS_PER_HOUR, ...sparse });
  await late.raw.delete(
    inventoryKey({
      ...{ feed: 'tiny', day: NEXT, shard: 'tier1' },
      epoch: msFromNs(dayStart(NEXT) + NS_PER_HOUR),
    }),
  );
  const { committed } = await archiveDay(late, of);
  assert.equal(committed.complete, false);
});

test('a day only the bus has seen is no unknown day', async () => {
  const deps = memoryJobs(LATER);
  await rememberSeen(deps, { feed: 'tiny', shard: 'tier1' }, new Map([[`7 ${DAY}`, START + 5n]]));
  const { committed } = await archiveDay(deps, of);
  assert.equal(committed.complete, false);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  assert.deepEqual(causes(manifest).sort(), [
    'tier1 inventory_missing',
    'tier1 log_behind_bus',
    'tier1 shard_absent',
  ]);
  assert.ok((await deps.normalized.get(manifestKey({ ...of, version: 'v1' }))) !== null);
});
