import assert from 'node:assert/strict';
import { test } from 'node:test';
import { archiveClosedWindows } from '../../activities/archive-bus.ts';
import { buildShardFromRaw, commitDay } from '../../activities/archive-day.ts';
import { verifyDay } from '../../activities/archive-verify.ts';
import { planArchive } from '../../activities/archive-plan.ts';
import { plainContext } from '../../activities/deps.ts';
import {
  readCurrent,
  readManifest,
  readSeen,
  rememberSeen,
  resolveVersion,
} from '../../activities/datasets.ts';
import { refuseOpenDay, resolveDay } from '../../activities/day-input.ts';
import type { Bus } from '../../bus/bus.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import { inventoryKey, parseObjectKey, rawSegmentKey } from '../../dataset/keys.ts';
import { packObject, unpackObject } from '../../dataset/object-codec.ts';
import type { SsmdError } from '../../schema/errors.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, addDays, dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { zstd } from '../../storage/zstd.ts';
import { stagedWindows } from '../../activities/staged-windows.ts';
import { archiveDay } from '../support/archive-run.ts';
import { publishDay } from '../support/bus-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { tinyFeed } from '../support/tiny-feed.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import type { TinyDay } from '../support/tiny-day.ts';

const DAY = '2026-11-20' as Day;
const NOW = '2026-11-22T06:00:00Z';
const FIRST_EPOCH = Number((dayStart(DAY) - 2n * NS_PER_HOUR) / 1_000_000n);
const of = { feed: 'tiny', day: DAY } as const;

async function withRaw(options: Partial<Parameters<typeof writeTinyDay>[1]> = {}) {
  const deps = memoryJobs(NOW);
  const day = await writeTinyDay(deps.raw, { day: DAY, ...options });
  return { deps, day };
}

async function withBus(
  lose?: (event: TinyDay['live'][number]) => boolean,
  restarts: readonly bigint[] = [],
) {
  const bus = createMemoryBus();
  const deps = memoryJobs(NOW, { bus });
  const day = await writeTinyDay(deps.raw, { day: DAY, restarts });
  const repeat = (event: TinyDay['live'][number]): boolean => event.t % 7n === 0n;
  const [until = dayEnd(DAY)] = restarts;
  const own = day.live.filter((event) => event.t < until);
  await publishDay(bus, own, {
    ...of,
    epoch: FIRST_EPOCH,
    repeat,
    ...(lose === undefined ? {} : { lose }),
  });
  return { deps, day };
}

test('a day from RAW is committed, served, and a second run finds it done', async () => {
  const { deps, day } = await withRaw();
  const { committed, plan } = await archiveDay(deps, of);
  assert.equal(committed.outcome, 'committed');
  assert.equal(committed.complete, true);
  assert.equal(committed.records, day.live.length);
  assert.equal(committed.from_bus, 0);
  assert.equal(plan.version, 'v1');
  const again = await archiveDay(deps, of);
  assert.equal(again.committed.outcome, 'already_committed');
  assert.equal(again.committed.content_id, committed.content_id);
  const current = await readCurrent(deps, 'tiny');
  assert.deepEqual(current?.ranges, [{ from: DAY, to: DAY, version: 'v1' }]);
});

test('from the bus and from RAW the day is the same, to the byte', async () => {
  const raw = await withRaw();
  const bus = await withBus();
  const { committed: from_raw } = await archiveDay(raw.deps, of);
  const { committed: from_bus } = await archiveDay(bus.deps, of);
  assert.equal(from_bus.from_raw, 0, 'every window of the day is on the bus whole');
  assert.equal(from_bus.from_bus, from_raw.objects);
  assert.equal(from_bus.content_id, from_raw.content_id);
});

test('a window of which the bus lost one event is built from RAW, the others are not', async () => {
  const after = dayStart(DAY) + 7n * NS_PER_HOUR + 10n * NS_PER_MINUTE;
  let lost = 0;
  const { deps } = await withBus((event) => event.t > after && lost++ === 0);
  const { plan, committed } = await archiveDay(deps, of);
  assert.ok(lost > 0, 'an event was lost');
  const from_raw = plan.shards[0]?.windows.filter((it) => it.source === 'raw');
  assert.deepEqual(from_raw, [{ hour: 7, source: 'raw' }]);
  const { committed: all_raw } = await archiveDay((await withRaw()).deps, of);
  assert.equal(committed.content_id, all_raw.content_id);
});

test('a message that cannot be read is left out; where it was ours, RAW builds its hour', async () => {
  const odd = async (deps: ReturnType<typeof memoryJobs>): Promise<void> => {
    const publisher = await deps.bus?.openPublisher({
      ...{ shard: 'tier1', feed: 'tiny', epoch: FIRST_EPOCH, normalizer: 'tiny@2' },
      ...{ onOutcome: () => undefined, connect_timeout_ms: 1_000 },
    });
    const data = new TextEncoder().encode('of a newer version');
    const message = { id: null, expected: null, count: 1, late: false, t: null, data };
    publisher?.publish({ subject: 'internal.tier1.tiny.trade.BTCUSD', ...message });
    await new Promise((resolve) => setImmediate(resolve));
  };
  const bus = createMemoryBus();
  const deps = memoryJobs(NOW, { bus });
  const day = await writeTinyDay(deps.raw, { day: DAY });
  const noon = dayStart(DAY) + 12n * NS_PER_HOUR + 30n * NS_PER_MINUTE;
  const published = { ...of, epoch: FIRST_EPOCH };
  await publishDay(bus, day.live, { ...published, until: noon });
  await odd(deps);
  let lost = 0;
  const lose = (event: TinyDay['live'][number]): boolean => event.t > noon && lost++ === 0;
  await publishDay(bus, day.live, { ...published, from: noon, lose });
  const taken = archiveClosedWindows(deps, { feed: 'tiny', shard: 'tier1' }, plainContext());
  await assert.doesNotReject(taken);
  assert.equal((await taken).unreadable, 1);
  const { plan, committed } = await archiveDay(deps, of);
  const from_raw = plan.shards[0]?.windows.filter((it) => it.source === 'raw');
  assert.deepEqual(from_raw, [{ hour: 12, source: 'raw' }]);
  const { committed: all_raw } = await archiveDay((await withRaw()).deps, of);
  assert.equal(committed.content_id, all_raw.content_id);
});

test('from where the shard changed hands, the old epoch on the bus proves nothing', async () => {
  const noon = dayStart(DAY) + 12n * NS_PER_HOUR + 5n * NS_PER_MINUTE;
  // The old one goes on telling its position, as a connector that was not fenced would.
  const { deps } = await withBus(undefined, [noon]);
  const { plan, committed } = await archiveDay(deps, of);
  const sources = plan.shards[0]?.windows.map((it) => it.source) ?? [];
  assert.deepEqual(new Set(sources.slice(0, 12)), new Set(['bus']));
  assert.deepEqual(new Set(sources.slice(12)), new Set(['raw']));
  const raw = await withRaw({ restarts: [noon] });
  assert.equal(committed.content_id, (await archiveDay(raw.deps, of)).committed.content_id);
});

test('what was built before RAW changed is built anew, and not taken as it is', async () => {
  const { deps, day } = await withRaw();
  const noon = (dayStart(DAY) + 12n * NS_PER_HOUR) / NS_PER_MINUTE;
  const late = day.epochs[0]?.segments.find((it) => BigInt(it.first ?? 0) / NS_PER_MINUTE === noon);
  const stored = await deps.raw.get(late?.key ?? '');
  assert.ok(late && stored);
  await deps.raw.delete(late.key);
  const context = plainContext();
  const resolved = resolveDay(deps, of);
  const early = await planArchive(deps, resolved, context);
  await buildShardFromRaw(deps, resolved, early, 'tier1', context);
  await deps.raw.put(late.key, stored.body);
  const plan = await planArchive(deps, resolved, context);
  assert.notEqual(plan.inputs_id, early.inputs_id);
  await assert.rejects(verifyDay(deps, plan, context), { code: 'SSMD_LATE_RAW' });
  await buildShardFromRaw(deps, resolved, plan, 'tier1', context);
  const verifying = verifyDay(deps, plan, context);
  await assert.doesNotReject(verifying);
  const verified = { ...plan, verified: (await verifying).etags };
  const commit = () => commitDay(deps, resolved, verified, context);
  await deps.raw.delete(late.key);
  await assert.rejects(commit, { code: 'SSMD_LATE_RAW' });
  assert.equal(await readManifest(deps, plan), null, 'RAW changed once more: nothing is committed');
  await deps.raw.put(late.key, stored.body);
  const committed = await commit();
  const { committed: all } = await archiveDay((await withRaw()).deps, of);
  assert.deepEqual([committed.content_id, committed.complete], [all.content_id, true]);
});

test('a day that is committed is not staged again from the bus', async () => {
  const { deps } = await withBus();
  const { plan } = await archiveDay({ ...deps, bus: null }, of);
  const tier = await archiveClosedWindows(deps, { feed: 'tiny', shard: 'tier1' }, plainContext());
  assert.ok(
    tier.windows.every((hour) => !hour.startsWith(DAY)),
    tier.windows.join(' '),
  );
  const [staged] = await stagedWindows(deps, plan, 'tier1', [12]);
  assert.equal(staged?.source, 'raw');
});

test('the hourly archive goes on where it stopped, and reads no message of a finished window', async () => {
  const bus = createMemoryBus();
  const asked: number[] = [];
  const watched: Bus = {
    ...bus,
    readRange: (request) => {
      asked.push(request.from_seq);
      return bus.readRange(request);
    },
  };
  const deps = memoryJobs(NOW, { bus: watched });
  const day = await writeTinyDay(deps.raw, { day: DAY });
  const noon = dayStart(DAY) + 12n * NS_PER_HOUR + 30n * NS_PER_MINUTE;
  const shard = { feed: 'tiny', shard: 'tier1' };
  const published = { ...of, epoch: FIRST_EPOCH };
  await publishDay(bus, day.live, { ...published, until: noon });
  const first = await archiveClosedWindows(deps, shard, plainContext());
  assert.equal(first.windows.length, 12);
  assert.equal(first.unproven, 1, 'the hour in which the bus begins');
  await publishDay(bus, day.live, { ...published, from: noon });
  const second = await archiveClosedWindows(deps, shard, plainContext());
  assert.deepEqual(second.windows, hours(12, 24));
  assert.equal(second.unproven, 0, 'the hour it went on from was judged before');
  const [started = 0, went_on = 0] = asked;
  const stored = bus.stored().find((message) => message.seq === went_on);
  assert.ok(went_on > started && stored?.subject.startsWith('ctl.'));
  const last_seq = bus.stored().at(-1)?.seq ?? 0;
  assert.ok(went_on > last_seq / 3, `${went_on} of ${last_seq}`);
  const { committed } = await archiveDay(deps, of);
  assert.equal(committed.from_raw, 0);
});

function hours(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `${DAY}T${from + at}`);
}

test('after the stream was lost, its cursor does not keep the new one from being read', async () => {
  const bus = createMemoryBus();
  const deps = memoryJobs(NOW, { bus });
  const day = await writeTinyDay(deps.raw, { day: DAY });
  const evening = dayStart(DAY) + 20n * NS_PER_HOUR + 30n * NS_PER_MINUTE;
  const shard = { feed: 'tiny', shard: 'tier1' };
  const published = { ...of, epoch: FIRST_EPOCH };
  await publishDay(bus, day.live, { ...published, until: evening });
  const { cursor } = await archiveClosedWindows(deps, shard, plainContext());
  const anew = createMemoryBus();
  await publishDay(anew, day.live, { ...published, from: evening });
  assert.ok((cursor ?? 0) > (await anew.bounds()).last_seq, 'the new stream is shorter');
  const second = await archiveClosedWindows({ ...deps, bus: anew }, shard, plainContext());
  assert.deepEqual(second.windows, hours(21, 24));
});

test('two archives at once forget nothing of what the bus was seen to have', async () => {
  const deps = memoryJobs(NOW);
  const shard = { feed: 'tiny', shard: 'tier1' };
  const saw = (epoch: number) => rememberSeen(deps, shard, new Map([[`${epoch} ${DAY}`, 5n]]));
  await Promise.all([saw(1), saw(2), saw(3)]);
  const seen = await readSeen(deps, { ...shard, day: DAY });
  assert.deepEqual([...seen.keys()].sort(), [1, 2, 3]);
});

test('what the bus was seen to have is known however long an epoch lives', async () => {
  const deps = memoryJobs(NOW);
  const shard = { feed: 'tiny', shard: 'tier1' };
  const days = Array.from({ length: 60 }, (_, at) => addDays(DAY, at - 60));
  for (const day of days) await rememberSeen(deps, shard, new Map([[`1 ${day}`, dayStart(day)]]));
  for (const day of days) {
    const seen = await readSeen(deps, { ...shard, day });
    assert.deepEqual([...seen], [[1, dayStart(day)]], day);
  }
  const [first = DAY] = days;
  await rememberSeen(deps, shard, new Map([[`1 ${first}`, dayStart(first) - 1n]]));
  assert.deepEqual(
    [...(await readSeen(deps, { ...shard, day: first })).values()],
    [dayStart(first)],
  );
});

test('a day that ended behind the bus is the same when it is archived again months later', async () => {
  const bus = createMemoryBus();
  const deps = memoryJobs(NOW, { bus });
  const noon = dayStart(DAY) + 12n * NS_PER_HOUR;
  await writeTinyDay(deps.raw, { day: DAY, stop_at: noon, end: 'crash' });
  const whole = await writeTinyDay(memoryJobs(NOW).raw, { day: DAY });
  await publishDay(bus, whole.live, { ...of, epoch: FIRST_EPOCH });
  const { committed } = await archiveDay(deps, of);
  const later = Array.from({ length: 30 }, (_, at) => addDays(DAY, at + 1));
  const shard = { feed: 'tiny', shard: 'tier1' };
  await rememberSeen(deps, shard, new Map(later.map((day) => [`9 ${day}`, dayStart(day)])));
  const again = await archiveDay({ ...deps, bus: null }, of);
  assert.equal(again.committed.outcome, 'already_committed');
  assert.equal(again.committed.content_id, committed.content_id);
});

test('a log that ends before what the bus saw of it is a gap', async () => {
  const bus = createMemoryBus();
  const deps = memoryJobs(NOW, { bus });
  const noon = dayStart(DAY) + 12n * NS_PER_HOUR;
  await writeTinyDay(deps.raw, { day: DAY, stop_at: noon, end: 'crash' });
  const whole = await writeTinyDay(memoryJobs(NOW).raw, { day: DAY });
  await publishDay(bus, whole.live, { ...of, epoch: FIRST_EPOCH });
  const { committed } = await archiveDay(deps, of);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  assert.deepEqual(manifest?.gaps.map((it) => it.cause).sort(), ['epoch_ended', 'log_behind_bus']);
  const behind = manifest?.gaps.find((it) => it.cause === 'log_behind_bus');
  assert.equal(behind?.to, whole.live.at(-1)?.t.toString());
  assert.ok(committed.from_bus > 0 && committed.records < whole.live.length);
});

test('another normalizer on the bus serves nothing', async () => {
  const bus = createMemoryBus();
  const deps = memoryJobs(NOW, { bus });
  const day = await writeTinyDay(deps.raw, { day: DAY });
  await publishDay(bus, day.live, { ...of, epoch: FIRST_EPOCH, normalizer: 'tiny@2' });
  assert.equal((await archiveDay(deps, of)).committed.from_bus, 0);
});

test('what was planned with one normalizer is not built or committed by another', async () => {
  const { deps } = await withRaw();
  const context = plainContext();
  const plan = await planArchive(deps, resolveDay(deps, of), context);
  const raised = { ...tinyFeed, normalizer: tinyFeed.normalizer + 1 };
  const deployed = { ...deps, feeds: new Map([[raised.id, raised]]) };
  const day = resolveDay(deployed, of);
  const refused = {
    code: 'SSMD_VERSION_CONFLICT',
    message: /tiny@1, this worker builds with tiny@2/,
  };
  await assert.rejects(buildShardFromRaw(deployed, day, plan, 'tier1', context), refused);
  await buildShardFromRaw(deps, resolveDay(deps, of), plan, 'tier1', context);
  await assert.rejects(commitDay(deployed, day, plan, context), (error: SsmdError) => {
    assert.match(error.message, refused.message);
    return error.facts['replan'] === true;
  });
  assert.equal((await archiveDay(deployed, of)).plan.version, 'v1.1');
});

test('after a hole in RAW the bus is no longer believed: RAW is the truth', async () => {
  const { deps, day } = await withBus();
  const hole = day.epochs[0]?.segments.find(
    (it) => BigInt(it.first ?? 0) >= dayStart(DAY) + 10n * NS_PER_HOUR,
  );
  assert.ok(hole);
  await deps.raw.delete(hole.key);
  const { plan, committed } = await archiveDay(deps, of);
  const sources = plan.shards[0]?.windows.map((it) => it.source) ?? [];
  assert.deepEqual(new Set(sources.slice(0, 9)), new Set(['bus']));
  assert.deepEqual(new Set(sources.slice(10)), new Set(['raw']));
  assert.equal(committed.complete, false);
  assert.equal(committed.gaps, 1);
});

test('what comes after the commit is late, whatever it is: the day stays as it is', async () => {
  const { deps } = await withRaw({ stop_at: dayStart(DAY) + 12n * NS_PER_HOUR, end: 'crash' });
  const { committed } = await archiveDay(deps, of);
  assert.equal(committed.complete, false);
  await writeTinyDay(deps.raw, { day: DAY });
  await assert.rejects(archiveDay(deps, of), { code: 'SSMD_LATE_RAW', retryable: false });
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  assert.equal(manifest?.content_id, committed.content_id);
});

test('an inventory that comes after the commit is late as well: no build was wrong', async () => {
  const { deps } = await withRaw();
  const key = inventoryKey({ feed: 'tiny', day: DAY, shard: 'tier1', epoch: FIRST_EPOCH });
  const inventory = await deps.raw.get(key);
  assert.ok(inventory);
  await deps.raw.delete(key);
  assert.equal((await archiveDay(deps, of)).committed.complete, false);
  await deps.raw.put(key, inventory.body);
  await assert.rejects(archiveDay(deps, of), { code: 'SSMD_LATE_RAW', retryable: false });
});

test('an object in the way is never replaced: ours goes beside it', async () => {
  const { deps } = await withRaw();
  const key = 'normalized/v1/tiny/trade/BTCUSD/2026/11/20/03-00.capnp.zst';
  const foreign = new TextEncoder().encode('not an object of ours');
  await deps.normalized.put(key, foreign);
  await archiveDay(deps, of);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  const beside = manifest?.objects.find((it) => it.key.includes('/trade/BTCUSD/2026/11/20/03-00.'));
  assert.ok(
    beside !== undefined && parseObjectKey(beside.key)?.sha8 === beside.plain_sha256.slice(0, 8),
  );
  assert.deepEqual((await deps.normalized.get(key))?.body, foreign);
});

test('an object that rots before the commit does not keep the day from being archived', async () => {
  const { deps } = await withRaw();
  const plan = await planArchive(deps, resolveDay(deps, of), plainContext());
  await buildShardFromRaw(deps, resolveDay(deps, of), plan, 'tier1', plainContext());
  const key = 'normalized/v1/tiny/trade/BTCUSD/2026/11/20/03-00.capnp.zst';
  const rotten = (await deps.normalized.get(key))?.body.slice();
  assert.ok(rotten);
  rotten[20] = (rotten[20] as number) ^ 1;
  await deps.normalized.put(key, rotten);
  await assert.rejects(archiveDay(deps, of), (error: SsmdError) => {
    assert.equal(error.code, 'SSMD_CORRUPT');
    return error.facts['replan'] === true;
  });
  const { committed } = await archiveDay(deps, of);
  assert.equal(
    committed.content_id,
    (await archiveDay((await withRaw()).deps, of)).committed.content_id,
  );
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  const [object] =
    manifest?.objects.filter((it) => it.key.includes('trade/BTCUSD/2026/11/20/03-')) ?? [];
  assert.match(object?.key ?? '', /03-00\.[0-9a-f]{8}\.capnp\.zst$/);
});

test('an object changed or taken away after it was verified keeps the day from being committed', async () => {
  const key = 'normalized/v1/tiny/trade/BTCUSD/2026/11/20/03-00.capnp.zst';
  const day = { feed: 'tiny', day: DAY, version: 'v1' } as const;
  for (const [how, said] of [
    ['changed', /changed between its verification and the commit/],
    ['shorter', /03-00\.capnp\.zst: it has \d+ bytes, expected \d+/],
    ['gone', /03-00\.capnp\.zst: it is not there/],
  ] as const) {
    const { deps } = await withRaw();
    const resolved = resolveDay(deps, of);
    const plan = await planArchive(deps, resolved, plainContext());
    await buildShardFromRaw(deps, resolved, plan, 'tier1', plainContext());
    const { etags } = await verifyDay(deps, plan, plainContext());
    const body = (await deps.normalized.get(key))?.body.slice() ?? assert.fail('the object');
    body[20] = (body[20] as number) ^ 1;
    if (how === 'gone') await deps.normalized.delete(key);
    else await deps.normalized.put(key, how === 'changed' ? body : body.subarray(1));
    const verified = { ...plan, verified: etags };
    await assert.rejects(
      commitDay(deps, resolved, verified, plainContext()),
      (error: SsmdError) => {
        assert.deepEqual([error.code, error.facts['replan']], ['SSMD_CORRUPT', true]);
        return said.test(error.message);
      },
    );
    assert.equal(await readManifest(deps, day), null, 'nothing was committed');
    // Planned again, as the workflow does: one that was changed is found by name, then built anew.
    if (how === 'changed') await assert.rejects(archiveDay(deps, of), { code: 'SSMD_CORRUPT' });
    assert.equal((await archiveDay(deps, of)).committed.outcome, 'committed');
  }
});

test('an object whose footer tells another count does not keep the day from being archived', async () => {
  const { deps } = await withRaw();
  const plan = await planArchive(deps, resolveDay(deps, of), plainContext());
  await buildShardFromRaw(deps, resolveDay(deps, of), plan, 'tier1', plainContext());
  const key = 'normalized/v1/tiny/trade/BTCUSD/2026/11/20/03-00.capnp.zst';
  const stored = await deps.normalized.get(key);
  assert.ok(stored);
  const { plain, lineage } = unpackObject(stored.body, zstd, key);
  await deps.normalized.put(key, packObject(plain, { ...lineage, message_count: 999 }, zstd));
  await assert.rejects(archiveDay(deps, of), { code: 'SSMD_CORRUPT' });
  const { committed } = await archiveDay(deps, of);
  assert.equal(committed.complete, true);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  const [object] =
    manifest?.objects.filter((it) => it.key.includes('trade/BTCUSD/2026/11/20/03-')) ?? [];
  assert.match(object?.key ?? '', /03-00\.[0-9a-f]{8}\.capnp\.zst$/);
});

test("another feed's normalizer moves none of this feed's days to another version", async () => {
  const { deps } = await withRaw();
  const { committed } = await archiveDay(deps, of);
  // A deploy that knows one feed more: the newest label is bound to both.
  const more = { ...tinyFeed, id: 'other' };
  const feeds = new Map([...deps.feeds, [more.id, more]]);
  const other = { ...deps, feeds, configuredFeeds: ['tiny', 'other'] };
  const making = { feed: 'other', normalizer: 1, schema: 'md2', window_hours: 1 } as const;
  assert.equal(await resolveVersion(other, { ...making, origin: other.origin }), 'v1.1');
  const again = await archiveDay(other, of);
  assert.equal(again.plan.version, 'v1');
  assert.equal(again.committed.outcome, 'already_committed');
  assert.equal(again.committed.content_id, committed.content_id);
  assert.equal((await readCurrent(deps, 'tiny'))?.live, 'v1');
});

test('a configured shard without RAW is waited for, then a gap', async () => {
  const early = memoryJobs('2026-11-21T06:00:00Z', { shardsOf: () => ['tier1', 'tier2'] });
  await writeTinyDay(early.raw, { day: DAY });
  const first = await archiveDay(early, of);
  assert.match(first.plan.waiting.join(), /tier2: shard_absent/);
  const { deps } = await withRaw();
  const late = { ...deps, shardsOf: () => ['tier1', 'tier2'] };
  const { plan, committed } = await archiveDay(late, of);
  assert.deepEqual(plan.waiting, []);
  assert.equal(committed.complete, false);
});

test('a plan stays small, however much of RAW is still to come', async () => {
  const deps = memoryJobs('2026-11-21T06:00:00Z');
  const step_ns = 3n * NS_PER_MINUTE;
  const { epochs } = await writeTinyDay(deps.raw, { day: DAY, step_ns });
  // Every second segment of the afternoon, and all of the evening.
  const [from, until] = [12n, 18n].map((hour) => dayStart(DAY) + hour * NS_PER_HOUR) as [
    bigint,
    bigint,
  ];
  for (const { key, first, segment } of epochs[0]?.segments ?? []) {
    const t = BigInt(first ?? 0);
    if (t > until || (t > from && segment % 2 === 0)) await deps.raw.delete(key);
  }
  const plan = await planArchive(deps, resolveDay(deps, of), plainContext());
  assert.ok(plan.gaps > 100, `${plan.gaps} gaps`);
  assert.match(plan.waiting.at(-1) ?? '', /^and \d+ more$/);
  const bytes = JSON.stringify(plan).length;
  assert.ok(bytes < 5_000, `${bytes} bytes: it is in every event of the workflow's history`);
});

test('origins are never mixed', async () => {
  const { deps, day } = await withRaw();
  const [segment] = day.epochs[0]?.segments.slice(-20) ?? [];
  assert.ok(segment);
  const text = new TextDecoder().decode(segment.plain).replace('"simulator"', '"live"');
  const id = { feed: 'tiny', shard: 'tier1', epoch: 1, t: BigInt(segment.first ?? 0) };
  assert.notEqual(rawSegmentKey(id), segment.key);
  await deps.raw.put(segment.key, zstd.compress(new TextEncoder().encode(text)));
  await assert.rejects(archiveDay(deps, of), {
    code: 'SSMD_INVALID_INPUT',
    message: /mixes origins/,
  });
});

test('a day that is not over is refused, and says until when', () => {
  const deps = memoryJobs('2026-11-20T17:00:00Z');
  const today = resolveDay(deps, of);
  assert.throws(() => refuseOpenDay(deps, today), {
    code: 'SSMD_DAY_NOT_OVER',
    message: /market still open until 2026-11-21T00:00:00Z/,
  });
  const yesterday = resolveDay(deps, { feed: 'tiny' });
  assert.equal(yesterday.day, '2026-11-19');
  refuseOpenDay(deps, yesterday);
});

test('an unknown feed and a bad day are told at once, with a valid example', () => {
  const deps = memoryJobs(NOW);
  assert.throws(
    () => resolveDay(deps, { feed: 'krakn', day: '2026-02-30' }),
    (error: Error) => {
      assert.match(error.message, /2 faults/);
      assert.match(error.message, /"krakn" is not a feed of this environment \(it has tiny\)/);
      assert.match(error.message, /"2026-02-30" is not a day/);
      assert.match(error.message, /A valid example: \{"feed":"tiny","day":"2026-11-21"\}/);
      return true;
    },
  );
});

test('every object of a manifest reads back as what it says', async () => {
  const { deps } = await withRaw();
  await archiveDay(deps, of);
  const manifest = await readManifest(deps, { ...of, version: 'v1' });
  assert.ok(manifest && manifest.objects.length > 24);
  for (const object of manifest.objects) {
    const stored = await deps.normalized.get(object.key, { signal: plainContext().signal });
    assert.ok(stored);
    const { plain, lineage } = unpackObject(stored.body, zstd, object.key);
    assert.equal(deps.sha256(plain), object.plain_sha256);
    assert.equal(lineage.message_count, object.records);
  }
});
