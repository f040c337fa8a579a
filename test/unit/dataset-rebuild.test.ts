import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rebuildObjects } from '../../activities/archive-raw.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { LogLine } from '../../codec/log-line.ts';
import { decodeEvents } from '../../codec/md2.ts';
import type { CutObject } from '../../dataset/cutter.ts';
import type { ShardPlan } from '../../dataset/day-plan.ts';
import { inventoryKey } from '../../dataset/keys.ts';
import { goodLines } from '../../dataset/segment-survey.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { FactKey, Facts } from '../../schema/log.ts';
import {
  NS_PER_HOUR,
  NS_PER_MINUTE,
  addDays,
  dayEnd,
  dayStart,
  formatIso,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { zstd } from '../../storage/zstd.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { RawEpoch } from '../support/raw-day.ts';
import { surveyDay } from '../support/survey-day.ts';
import { TINY_SHARD, writeTinyDay } from '../support/tiny-day.ts';
import type { LiveEvent, TinyDay } from '../support/tiny-day.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-11-20' as Day;
const NOON = dayStart(DAY) + 12n * NS_PER_HOUR;
const context = plainContext();

async function planOf(deps: JobDeps): Promise<ShardPlan> {
  const { plans } = await surveyDay(deps, { feed: 'tiny', day: DAY, shards: [TINY_SHARD] });
  assert.equal(plans.length, 1);
  return plans[0] as ShardPlan;
}

async function rebuilt(deps: JobDeps, plan: ShardPlan): Promise<CutObject[]> {
  const objects: CutObject[] = [];
  const of = { feed: tinyFeed, day: DAY, plan, window_hours: 1, schema: 'md2' } as const;
  await rebuildObjects(deps, of, context, (finished) => {
    objects.push(...finished);
    return Promise.resolve();
  });
  return objects;
}

/** The stream of each type and symbol, whole. */
function streams(parts: readonly { type: string; symbol: string; bytes: Uint8Array }[]) {
  const found = new Map<string, Buffer>();
  for (const { type, symbol, bytes } of parts) {
    const key = `${type} ${symbol}`;
    found.set(key, Buffer.concat([found.get(key) ?? Buffer.alloc(0), bytes]));
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function assertSame(objects: readonly CutObject[], live: readonly LiveEvent[]): void {
  const built = streams(objects.map((it) => ({ ...it, bytes: it.plain })));
  const expected = streams(live);
  assert.deepEqual([...built.keys()], [...expected.keys()]);
  for (const [key, bytes] of expected)
    assert.ok(bytes.equals(built.get(key) ?? Buffer.alloc(0)), key);
}

async function prepared(options: Partial<Parameters<typeof writeTinyDay>[1]> = {}) {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  const day = await writeTinyDay(deps.raw, { day: DAY, ...options });
  return { deps, day };
}

function segmentAt(day: TinyDay, t: bigint, epoch = 0) {
  const minute = t / NS_PER_MINUTE;
  const found = day.epochs[epoch]?.segments.find(
    (it) => BigInt(it.first ?? 0) / NS_PER_MINUTE === minute,
  );
  assert.ok(found, `a segment at ${formatIso(t)}`);
  return found;
}

test('a day of one epoch is rebuilt to the byte, from a warm-up before midnight', async () => {
  const { deps, day } = await prepared();
  const plan = await planOf(deps);
  assert.deepEqual(plan.gaps, []);
  assert.equal(plan.intervals.length, 1);
  assert.equal(plan.intervals[0]?.from, dayStart(DAY));
  const objects = await rebuilt(deps, plan);
  assertSame(objects, day.live);
  assert.ok(day.live.length > 1000, `${day.live.length} events`);
  assert.ok(objects.every((it) => it.start >= dayStart(DAY) && it.end <= dayEnd(DAY)));
});

test("a day of three epochs is rebuilt from each one's interval", async () => {
  const restarts = [NOON + 7n, dayEnd(DAY) - 5n * NS_PER_MINUTE];
  const { deps, day } = await prepared({ restarts });
  const plan = await planOf(deps);
  assert.deepEqual(plan.gaps, []);
  assert.deepEqual(
    plan.intervals.map((it) => formatIso(it.from).slice(11, 19)),
    ['00:00:00', '12:00:10', '23:55:10'],
  );
  assertSame(await rebuilt(deps, plan), day.live);
});

test('an epoch that began days before is ordered by its take all the same', async () => {
  const start_at = dayStart(DAY) - 50n * NS_PER_HOUR;
  const { deps, day } = await prepared({ start_at, restarts: [NOON] });
  assertSame(await rebuilt(deps, await planOf(deps)), day.live);
});

test('a missing segment in the middle is a gap between its neighbours', async () => {
  const { deps, day } = await prepared();
  const lost = segmentAt(day, NOON + NS_PER_MINUTE * 10n);
  await deps.raw.delete(lost.key);
  const plan = await planOf(deps);
  assert.equal(plan.gaps.length, 1);
  const [gap] = plan.gaps;
  assert.equal(gap?.cause, 'segment_missing');
  assert.ok(gap.detail.includes(lost.key), gap.detail);
  assert.ok(BigInt(gap.from) < BigInt(lost.first ?? 0) && BigInt(gap.to) > BigInt(lost.last ?? 0));
  const objects = await rebuilt(deps, plan);
  const statuses = objects.filter((it) => it.type === 'status' && it.start === NOON);
  assert.ok(statuses.length > 0, 'the hole is in the data too');
  const told = statuses.flatMap(({ plain }) => [...decodeEvents(plain)]);
  const lost_raw = told.filter((it) => it.type === 'status' && it.detail === 'raw segment lost');
  assert.ok(lost_raw.length > 0, 'as frames that every open connection dropped');
  const before = objects.filter((it) => it.end <= NOON);
  assertSame(
    before,
    day.live.filter((it) => it.t < NOON),
  );
});

test('a day begins at its midnight though the segment that said so is lost', async () => {
  const { deps, day } = await prepared();
  await deps.raw.delete(segmentAt(day, dayStart(DAY)).key);
  const plan = await planOf(deps);
  assert.deepEqual(
    plan.gaps.map((it) => [it.cause, it.from]),
    [['segment_missing', dayStart(DAY).toString()]],
  );
  const objects = await rebuilt(deps, plan);
  const [first] = objects.flatMap(({ plain, type }) =>
    type === 'status' ? [...decodeEvents(plain)] : [],
  );
  assert.equal(first?.t, dayStart(DAY), 'it says at once what it lacks');
  const from = dayStart(DAY) + NS_PER_HOUR;
  const traded = (it: { readonly type: string }): boolean => it.type === 'trade';
  assertSame(
    objects.filter((it) => traded(it) && it.start >= from),
    day.live.filter((it) => traded(it) && it.t >= from),
  );
});

test('the configuration of the next day is none of this one, as it was live', async () => {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  const epoch = new RawEpoch({ feed: 'tiny', shard: TINY_SHARD, epoch: Number(NOON / 1_000_000n) });
  const fold = createShardFold(tinyFeed, TINY_SHARD);
  const live: LiveEvent[] = [];
  const collect = (): void => {
    const { out } = fold;
    for (let at = 0; at < out.count; at++) {
      const [t, type] = [out.t[at] ?? 0n, EVENT_TYPES[out.type[at] ?? 0] ?? ''];
      live.push({ t, type, symbol: out.symbol[at] ?? '', bytes: out.view(at).slice() });
    }
    out.clear();
  };
  let t = NOON;
  const fact = <K extends FactKey>(key: K, told: Facts[K]): void => {
    epoch.fact((t += 1n), key, told);
    fold.fact(t, key, told);
    collect();
  };
  const frame = (told: object): void => {
    epoch.frame((t += 1n), 1, told);
    const bytes = new TextEncoder().encode(`${JSON.stringify(told)}\n`);
    fold.frame(t, 1, bytes, 0, bytes.length - 1);
    collect();
  };
  const configured = (...names: readonly string[]): Facts['_config'] => {
    const symbols = names.map((it) => ({ symbol: `${it}USD`, external: it, depth: 'l1' as const }));
    const config = { feed: 'tiny', shard: TINY_SHARD, symbols, channels: ['all'], book_depth: 10 };
    return { sha256: '0'.repeat(64), config };
  };
  fact('_day', { day: DAY, taken: false });
  fact('_config', configured('BTC'));
  fact('_open', { c: 1, url: 'wss://tiny.invalid', day: DAY });
  fact('_take', { prev: null, ids: {} });
  const both = (px: number): void => {
    for (const s of ['BTC', 'SOL']) frame({ k: 'quote', s, px });
  };
  both(1);
  t = dayEnd(DAY) - 10n * NS_PER_MINUTE;
  fact('_day', { day: addDays(DAY, 1), taken: true });
  fact('_config', configured('BTC', 'SOL'));
  both(2);
  t = dayEnd(DAY) - 1n;
  fact('_midnight', { day: addDays(DAY, 1) });
  await epoch.put(deps.raw, { [DAY]: 'day' });
  const own = live.filter((it) => it.t < dayEnd(DAY));
  assert.ok(own.every(({ symbol }) => symbol !== 'SOLUSD'));
  assertSame(await rebuilt(deps, await planOf(deps)), own);
});

test('the last segment missing is told by the inventory alone', async () => {
  const { deps, day } = await prepared({ stop_at: NOON, end: 'shutdown' });
  const lost = day.epochs[0]?.segments.at(-1);
  assert.ok(lost);
  await deps.raw.delete(lost.key);
  const plan = await planOf(deps);
  assert.deepEqual(plan.gaps.map((it) => it.cause).sort(), ['epoch_ended', 'segment_missing']);
  assert.ok(plan.gaps.some((it) => it.detail.includes(lost.key)));
});

test('a changed segment is never built from; a torn one as far as it goes', async () => {
  const { deps, day } = await prepared();
  const changed = segmentAt(day, NOON);
  const text = new TextDecoder().decode(changed.plain);
  const other = text.replace('"px":', '"py":');
  assert.notEqual(other, text);
  await deps.raw.put(changed.key, zstd.compress(new TextEncoder().encode(other)));
  const torn = segmentAt(day, NOON + NS_PER_HOUR);
  const cut = torn.plain.lastIndexOf(10, torn.plain.length - 200);
  await deps.raw.put(torn.key, zstd.compress(torn.plain.subarray(0, cut - 20)));
  const plan = await planOf(deps);
  const corrupt = plan.gaps.filter((it) => it.cause === 'segment_corrupt');
  assert.equal(corrupt.length, 2, JSON.stringify(plan.gaps));
  assert.ok(corrupt[0]?.detail.startsWith(changed.key));
  assert.match(corrupt[0]?.detail ?? '', /sha256/);
  assert.match(corrupt[1]?.detail ?? '', /line \d+: .*partial line/);
  const states = new Map(plan.inputs.map((it) => [it.key, it.state]));
  assert.equal(states.get(changed.key), 'unreadable');
  assert.equal(states.get(torn.key), 'prefix');
  const [from, to] = [BigInt(changed.first ?? 0), BigInt(changed.last ?? 0)];
  const objects = await rebuilt(deps, plan);
  const inside = objects.flatMap(({ plain }) =>
    [...decodeEvents(plain)].filter(({ t }) => t >= from && t <= to),
  );
  assert.deepEqual(inside, [], 'nothing of the changed segment is told');
});

test('a segment replaced by another whole one breaks the chain', async () => {
  const { deps, day } = await prepared();
  const replaced = segmentAt(day, NOON);
  const elsewhere = await prepared({ step_ns: 10n * NS_PER_MINUTE - 1n });
  const stranger = elsewhere.day.epochs[0]?.segments.find((it) => it.segment === replaced.segment);
  assert.ok(stranger);
  await deps.raw.put(replaced.key, zstd.compress(stranger.plain));
  const causes = (await planOf(deps)).gaps.map((it) => it.cause);
  assert.ok(causes.includes('chain_broken'), causes.join(' '));
});

test('an inventory that is gone, an early end, and a late beginning are gaps', async () => {
  const whole = await prepared();
  const epoch = whole.day.epochs[0]?.segments[0];
  assert.ok(epoch);
  const id = {
    feed: 'tiny',
    day: DAY,
    shard: TINY_SHARD,
    epoch: Number(dayStart(DAY) / 1_000_000n) - 7_200_000,
  };
  await whole.deps.raw.delete(inventoryKey(id));
  assert.deepEqual(
    (await planOf(whole.deps)).gaps.map((it) => it.cause),
    ['inventory_missing'],
  );

  const early = await prepared({ stop_at: NOON, end: 'crash' });
  const [ended] = (await planOf(early.deps)).gaps;
  assert.equal(ended?.cause, 'epoch_ended');
  assert.equal(ended.to, dayEnd(DAY).toString());

  const late = await prepared({ start_at: NOON });
  const plan = await planOf(late.deps);
  const [began] = plan.gaps;
  assert.equal(began?.cause, 'before_first_take');
  assert.equal(began.from, dayStart(DAY).toString());
  assertSame(await rebuilt(late.deps, plan), late.day.live);
});

test('a shard of which nothing is there is one gap of a whole day', async () => {
  const plan = await planOf(memoryJobs('2026-11-22T06:00:00Z'));
  assert.deepEqual(
    plan.gaps.map((it) => [it.cause, it.from, it.to]),
    [['shard_absent', dayStart(DAY).toString(), dayEnd(DAY).toString()]],
  );
});

test('lines are good as long as their time grows, and none after', () => {
  const text = ['1', '2', '2', '3'].map((t) => `{"t":"${t}","c":1,"raw":{}}\n`).join('');
  const plain = new TextEncoder().encode(text);
  const line = new LogLine();
  const next = goodLines({ state: 'whole' }, plain, line);
  const read: bigint[] = [];
  for (let calls = 0; calls < 4; calls++) if (next()) read.push(line.t);
  assert.deepEqual(read, [1n, 2n]);
});
