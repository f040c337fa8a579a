/**
 * Scenarios of days: what happens around midnight, to ids, to clocks, to normalizers, to the stream, and
 * to shards and hosts that are not there when a day is archived. Each runs a stretch of a virtual day
 * over real servers and fails where a promise of the contract does not hold.
 */
import assert from 'node:assert/strict';
import { archiveClosedWindows } from '../../activities/archive-bus.ts';
import { planArchive } from '../../activities/archive-plan.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { parseCtl } from '../../bus/ctl.ts';
import { decodeEvents } from '../../codec/md2.ts';
import type { Decode, Feed } from '../../connectors/feed.ts';
import { kraken } from '../../connectors/kraken/feed.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { Fault } from '../../connectors/simulator/faults.ts';
import type { Latency } from '../../connectors/simulator/memory-socket.ts';
import { parseRawSegmentKey } from '../../dataset/keys.ts';
import type { ManifestGap } from '../../dataset/manifest.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import {
  NS_PER_HOUR,
  NS_PER_MINUTE,
  NS_PER_MS,
  NS_PER_SECOND,
  addDays,
  dayEnd,
  dayStart,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from './archive-run.ts';
import { DAY, NEXT, archiveDays, beforeFirst, gapsOf, lastOf, tookAt } from './contract-archive.ts';
import { beginAnew, comeAgain } from './contract-ids.ts';
import { live, liveAndDie, readBoth, successorOf } from './contract-lives.ts';
import type { Shared } from './contract-lives.ts';
import {
  FEED,
  archiveTwice,
  auditOf,
  behindTheBack,
  jobsFor,
  longAfter,
} from './contract-stage.ts';
import type { Scenario, Variation } from './contract-stage.ts';
import { archivedTrades, compareTrades, joined, venueTrades } from './contract-trades.ts';
import { assertSameArchive, manifestOf, plainOf } from './e2e.ts';
import { factsOf, instant } from './runtime.ts';
import type { ReadLine } from './runtime.ts';

/** An hour of which the bus has the whole, and no more than it needs around it. */
const HOUR = { from: `${DAY}T12:58:00Z`, until: `${DAY}T14:01:00Z` } as const;
const sharedOf = (variation: Variation): Shared => ({
  ...variation,
  ...{ host: 'a', market_from: `${DAY}T12:50:00Z` },
});

/** Seconds behind, and no more: there and back it would be taken for silence. */
const SLOW: Latency = { base_us: 2_000_000, jitter_us: 60_000 };
const FAST: Latency = { base_us: 18_000, jitter_us: 4_000 };
const SLOWEST_NS = 6n * NS_PER_SECOND;
/** When a trade has to be made to come before midnight the fast way, and after it the slow one. */
const ASTRIDE_NS = { from: -1_800n * NS_PER_MS, until: -500n * NS_PER_MS } as const;

/** Cut, and let in again only a while later. */
function away(at: string, seconds: number): readonly Fault[] {
  const at_ns = instant(at);
  return [
    { kind: '429', at_ns: at_ns - 1n, duration_ms: seconds * 1_000 },
    { kind: 'close', at_ns },
  ];
}

/** Connections break around midnight: each that follows subscribes, and is sent a history. */
function breaks(): readonly Fault[] {
  const at_ms = [-400_000, -90_000, -40_000, -400, 300, 1_000, 2_000, 45_000];
  const cuts = at_ms.map((ms): Fault => {
    return { kind: 'close', at_ns: dayStart(NEXT) + BigInt(ms) * NS_PER_MS };
  });
  return [...cuts, ...away(`${NEXT}T00:12:00Z`, 60)];
}

/** The first seed from a given one on whose market trades at the instants that matter. */
function seedThatTrades(variation: Variation, market_from: string): number {
  const of = { ...variation, market_from: instant(market_from), until: dayStart(NEXT) };
  for (let seed = variation.seed; ; seed++) {
    const trades = [...venueTrades({ ...of, seed }).values()].flat();
    const from = dayStart(NEXT) + ASTRIDE_NS.from;
    const until = dayStart(NEXT) + ASTRIDE_NS.until;
    if (trades.filter(({ at }) => at >= from && at <= until).length >= 2) return seed;
  }
}

/** Trades by id that came before midnight on one connection, and after it on another. */
function astride(lines: readonly ReadLine[]): number {
  const sides = new Map<string, Set<boolean>>();
  for (const line of lines) {
    if (line.type !== 'frame' || !line.frame.startsWith('{"channel":"trade","type":"update"'))
      continue;
    for (const [, symbol, id] of line.frame.matchAll(/"symbol":"([^"]+)".*?"trade_id":(\d+)/g)) {
      const key = `${symbol} ${id}`;
      sides.set(key, (sides.get(key) ?? new Set()).add(line.t >= dayStart(NEXT)));
    }
  }
  return [...sides.values()].filter((it) => it.size === 2).length;
}

/**
 * Midnight, with the connections of one of the two days seconds behind the other's: every trade is in
 * one of the two days, once.
 */
export async function skewedMidnight(
  scenario: Scenario,
  variation: Variation,
  slow: 'old' | 'new',
): Promise<string> {
  const market_from = `${DAY}T23:40:00Z`;
  const seed = seedThatTrades(variation, market_from);
  const shared = { ...variation, seed, host: 'a', market_from, faults: { list: breaks() } };
  const life = { from: `${DAY}T23:45:00Z`, until: `${NEXT}T01:01:00Z` };
  // The old day's connection takes the first way, the new day's the other one.
  const slow_way = slow === 'old' ? 1 : 2;
  await live(scenario, shared, life, { latency: (way) => (way === slow_way ? SLOW : FAST) });

  const told = await readBoth(scenario);
  const { epochs } = told;
  assert.equal(epochs.length, 1);
  const lines = epochs[0]?.[1] ?? [];
  assert.deepEqual(
    factsOf(lines, '_midnight').map(({ at }) => at),
    [dayStart(NEXT)],
  );
  const both = astride(lines);
  assert.ok(both > 0, 'some trades came before midnight, and again after it');
  const stretch = {
    from: tookAt(epochs, 0) + 3n * SLOWEST_NS,
    until: instant(life.until) - SLOWEST_NS,
  };
  const { bus_hours, gaps, trades, jobs } = await archiveDays(
    scenario,
    shared,
    told,
    [DAY, NEXT],
    stretch,
  );
  assert.deepEqual(trades.missing, [], 'no trade is lost');
  assert.equal(trades.repeated, 0, "none of yesterday's is repeated");
  assert.deepEqual(bus_hours, [[], [0]]);
  assert.deepEqual(gaps.map(gapsOf), [
    [beforeFirst(epochs)],
    [`epoch_ended ${lastOf(epochs, 0)} ${dayEnd(NEXT)}`],
  ]);
  const archived = joined(
    ...(await Promise.all(
      [DAY, NEXT].map((day, at) => archivedTrades(jobs[at] as JobDeps, day, 'v1')),
    )),
  );
  const histories = [...archived.values()].flat().filter((it) => (it.flags & FLAG.HISTORY) !== 0);
  assert.ok(histories.length > 0, 'some are known from a history alone');
  return `${trades.wanted} trades, ${both} on both sides of midnight, ${histories.length} from histories`;
}

/** Ids begin anew: of one market while it is heard, of the other while nobody is connected. */
export async function idsBeginAnew(scenario: Scenario, variation: Variation): Promise<string> {
  const list = [...away(`${DAY}T13:30:00Z`, 90), ...away(`${DAY}T13:45:00Z`, 90)];
  const shared = { ...sharedOf(variation), faults: { list } };
  const until = instant(HOUR.until) - NS_PER_SECOND;
  const market_from = instant(shared.market_from);
  const made = venueTrades({ ...shared, market_from, until });
  const since = { BTCUSD: instant(`${DAY}T13:20:00Z`), ETHUSD: instant(`${DAY}T13:30:40Z`) };
  const { create, trades: venue } = beginAnew(made, since);
  await live(scenario, shared, HOUR, { create });

  const told = await readBoth(scenario);
  const { bus_hours, status, trades } = await archiveDays(scenario, shared, told, [DAY], {
    venue,
    until,
  });
  assert.deepEqual(bus_hours, [[13]]);
  assert.deepEqual([trades.missing, trades.repeated], [[], 0], 'each trade is there, once');
  const jumps = status.filter((it) => it.cause === 'sequence' && it.kind === 'gap_opened');
  assert.deepEqual(
    jumps.map(({ symbol, about, received }) => [symbol, about, received]),
    [['BTCUSD', 'trade', '1']],
    'where ids began anew before our ears, what lies between is not known',
  );
  return `${trades.wanted} trades, ids from 1 again`;
}

/** Some trades come twice the same, some again with another size. */
export async function idsComeAgain(scenario: Scenario, variation: Variation): Promise<string> {
  const shared = { ...sharedOf(variation), faults: { list: away(`${DAY}T13:30:00Z`, 30) } };
  const until = instant(HOUR.until) - NS_PER_SECOND;
  const again = (id: bigint) => (id % 11n === 0n ? 'other' : id % 7n === 0n ? 'same' : 'never');
  await live(scenario, shared, HOUR, { create: comeAgain(again) });

  const told = await readBoth(scenario);
  const twins = await archiveTwice(scenario, DAY);
  assert.deepEqual(twins.bus_hours, [13]);
  const archived = await archivedTrades(twins.live, DAY, twins.version);
  const first = new Map(
    [...archived].map(([symbol, trades]) => [
      symbol,
      trades.filter((it) => (it.flags & FLAG.ID_CONFLICT) === 0),
    ]),
  );
  const market_from = instant(shared.market_from);
  const venue = venueTrades({ ...shared, market_from, until });
  const compared = compareTrades(first, venue, { from: tookAt(told.epochs, 0), until });
  assert.deepEqual([compared.missing, compared.repeated], [[], 0], 'a repeat is dropped');
  let conflicts = 0;
  for (const [symbol, trades] of archived) {
    const live_ids = trades.filter((it) => (it.flags & (FLAG.ID_CONFLICT | FLAG.HISTORY)) === 0);
    const told_again = trades.filter((it) => (it.flags & FLAG.ID_CONFLICT) !== 0);
    conflicts += told_again.length;
    const ids = new Set(told_again.map(({ id }) => id));
    const owed = live_ids.filter(({ id }) => again(BigInt(id)) === 'other');
    assert.deepEqual(
      owed.filter(({ id }) => !ids.has(id)),
      [],
      `${symbol}: other content is told`,
    );
    const sizes = told_again.filter(({ content }) => !/ 9\d*\.\d+ \d+$/.test(content));
    assert.deepEqual(sizes, [], `${symbol}: as the venue sent it again`);
  }
  assert.ok(conflicts > 0);
  return `${compared.wanted} trades, ${conflicts} conflicts`;
}

/** The wall clock goes an hour forward, and later two seconds back. */
export async function clockSteps(scenario: Scenario, variation: Variation): Promise<string> {
  const shared = sharedOf(variation);
  const steps = [
    [`${DAY}T13:10:00Z`, NS_PER_HOUR],
    [`${DAY}T13:30:00Z`, -2n * NS_PER_SECOND],
  ] as const;
  await live(scenario, shared, HOUR, {
    begins(clock) {
      for (const [at, ns] of steps) clock.setTimer(() => clock.stepWall(ns), instant(at));
    },
  });

  const told = await readBoth(scenario);
  const lines = told.epochs[0]?.[1] ?? [];
  assert.ok(
    lines.every((line, at) => line.t > (lines[at - 1]?.t ?? 0n)),
    't never runs back',
  );
  const clocks = factsOf(lines, '_clock');
  assert.deepEqual(
    clocks.map(({ bad, step_ns }) => [bad, Math.round(Number(step_ns) / 1e9)]),
    [
      [true, 3600],
      [false, 0],
      [true, -2],
    ],
  );
  const stretch = { until: instant(HOUR.until) - NS_PER_SECOND };
  const { bus_hours, status, trades, jobs } = await archiveDays(
    scenario,
    shared,
    told,
    [DAY],
    stretch,
  );
  assert.deepEqual(bus_hours, [[13, 14]], 'the hour that was skipped over is whole as well');
  assert.deepEqual([trades.missing, trades.repeated], [[], 0]);
  const notes = status.filter(({ kind }) => kind === 'clock').map(({ t }) => t);
  assert.deepEqual(
    notes,
    clocks.map(({ at }) => at),
  );
  const [forward = 0n, good = 0n, back = 0n] = clocks.map(({ at }) => at);
  const flagged = await countFlagged(
    jobs[0] as JobDeps,
    (t) => (t >= forward && t < good) || t >= back,
  );
  return `${flagged} events with a time that is not to be trusted`;
}

/** Every archived event has the flag where `bad` says so, and nowhere else; returns how many do. */
async function countFlagged(jobs: JobDeps, bad: (t: bigint) => boolean): Promise<number> {
  let flagged = 0;
  for (const { key } of (await manifestOf(jobs, { feed: FEED, day: DAY, version: 'v1' })).objects) {
    for (const { t, flags } of decodeEvents(await plainOf(jobs, key))) {
      const has = (flags & FLAG.BAD_TS_RECV) !== 0;
      assert.equal(has, bad(t), `${key} ${t}`);
      if (has) flagged++;
    }
  }
  assert.ok(flagged > 0);
  return flagged;
}

/** The next build of the feed: it numbers trades, which the one before did not. */
const numbered: Decode = (bytes, start, end, symbols, out) => {
  kraken.decoders[0].decode(bytes, start, end, symbols, out);
  for (let event = 0; event < out.count; event++) {
    if (out.type[event] !== TYPE_CODE.trade) continue;
    out.seq_known[event] = 1;
    out.seq_lo[event] = 7;
  }
};
const [{ valid_from }] = kraken.decoders;
const BUILD_2: Feed = {
  ...kraken,
  normalizer: kraken.normalizer + 1,
  decoders: [{ valid_from, decode: numbered }],
};
const WORKER_2 = { feeds: new Map([...FEEDS, [FEED, BUILD_2]]) };

/** Whether each trade of an archived day is numbered, as only the second build does. */
async function numbersOf(jobs: JobDeps, day: Day, version: string): Promise<readonly boolean[]> {
  const found = new Set<boolean>();
  for (const { key } of (await manifestOf(jobs, { feed: FEED, day, version })).objects) {
    for (const event of decodeEvents(await plainOf(jobs, key))) {
      if (event.type === 'trade') found.add(event.sequence !== null);
    }
  }
  return [...found];
}

/** A new build at noon: whichever worker archives the day, it is wholly of one normalizer. */
export async function buildAtNoon(scenario: Scenario, variation: Variation): Promise<string> {
  const shared = { ...sharedOf(variation), market_from: `${DAY}T10:50:00Z` };
  await live(scenario, shared, { from: `${DAY}T10:58:00Z`, until: `${DAY}T12:00:00Z` });
  // The hourly archive of the build before has staged what the bus had.
  const tiered = await jobsFor(scenario, { now: `${DAY}T12:05:00Z`, from: 'bus' });
  const { windows } = await archiveClosedWindows(
    tiered,
    { feed: FEED, shard: 'tier1' },
    plainContext(),
  );
  assert.deepEqual(windows, [`${DAY}T11`]);
  const second = { from: `${DAY}T12:00:02Z`, until: `${DAY}T14:01:00Z` };
  await live(scenario, shared, second, { build: BUILD_2 });

  const before = await archiveTwice(scenario, DAY);
  assert.deepEqual(before.bus_hours, [11], 'the first build takes the morning from the bus');
  assert.deepEqual(await numbersOf(before.live, DAY, before.version), [false]);
  const after = await archiveTwice(scenario, DAY, { jobs: WORKER_2, after: tiered });
  assert.equal(after.version, 'v1.1', 'another normalizer is another version');
  assert.deepEqual(after.bus_hours, [13], 'the second one the afternoon');
  assert.deepEqual(await numbersOf(after.live, DAY, after.version), [true]);
  return `${before.compared.records} and ${after.compared.records} events`;
}

/** A new build at 03:00, before the day that ended is archived: that day is made by the new one, from RAW. */
export async function buildBeforeArchive(
  scenario: Scenario,
  variation: Variation,
): Promise<string> {
  const shared = { ...sharedOf(variation), market_from: `${DAY}T22:50:00Z` };
  const deploy = `${NEXT}T03:00:00Z`;
  await live(scenario, shared, { from: `${DAY}T22:58:00Z`, until: deploy });
  const tiered = await jobsFor(scenario, { now: deploy, from: 'bus' });
  const { windows } = await archiveClosedWindows(
    tiered,
    { feed: FEED, shard: 'tier1' },
    plainContext(),
  );
  assert.ok(windows.includes(`${DAY}T23`), 'the build before has staged the day in part');
  const second = { from: `${NEXT}T03:00:02Z`, until: `${NEXT}T03:10:00Z` };
  await live(scenario, shared, second, { build: BUILD_2 });

  const {
    live: jobs,
    version,
    bus_hours,
    compared,
  } = await archiveTwice(scenario, DAY, {
    ...{ jobs: WORKER_2, after: tiered },
  });
  assert.equal(version, 'v1.1');
  assert.deepEqual(bus_hours, [], 'nothing of the build before is taken');
  assert.deepEqual(await numbersOf(jobs, DAY, version), [true]);
  return `${compared.records} events`;
}

/** The stream loses its oldest part, then everything: hours come from RAW, and the day stays the same. */
export async function streamGone(scenario: Scenario, variation: Variation): Promise<string> {
  const life = { from: HOUR.from, until: `${DAY}T15:01:00Z` };
  await live(scenario, sharedOf(variation), life);
  const rebuilt = await jobsFor(scenario, { now: longAfter(DAY), from: 'raw' });
  await archiveDay(rebuilt, { feed: FEED, day: DAY });
  const busHours = async (): Promise<readonly number[]> => {
    const jobs = await jobsFor(scenario, { now: longAfter(DAY), from: 'bus' });
    const { plan } = await archiveDay(jobs, { feed: FEED, day: DAY });
    await assertSameArchive(jobs, rebuilt, { feed: FEED, day: DAY, version: plan.version });
    const [shard] = plan.shards;
    return (shard?.windows ?? []).filter((it) => it.source === 'bus').map((it) => it.hour);
  };
  assert.deepEqual(await busHours(), [13, 14]);
  const { last_seq } = await scenario.bus.bounds();
  const oldest = await seqOf(scenario, instant(`${DAY}T13:30:00Z`));
  await behindTheBack(scenario, async (manager, stream) => {
    await manager.streams.update(stream, { max_msgs: last_seq - oldest + 1 });
  });
  assert.equal((await scenario.bus.bounds()).first_seq, oldest);
  assert.deepEqual(await busHours(), [14], 'its oldest part has aged out');
  await behindTheBack(scenario, (manager, stream) => manager.streams.purge(stream));
  assert.equal((await scenario.bus.bounds()).messages, 0);
  assert.deepEqual(await busHours(), [], 'it was emptied');
  return `${last_seq} messages gone`;
}

/** Sequence of the first position at or after `t`. */
async function seqOf({ bus }: Scenario, t: bigint): Promise<number> {
  for await (const { subject, seq, data } of bus.readRange({
    shard: 'tier1',
    feed: FEED,
    from_seq: 1,
  })) {
    const record = subject.startsWith('ctl.') ? parseCtl(data) : null;
    if (record !== null && record.t >= t) return seq;
  }
  assert.fail('no position so late');
}

/** Two shards with one feed; of the second day one is missing when it is archived. */
export async function shardMissing(scenario: Scenario, variation: Variation): Promise<string> {
  const shared = sharedOf(variation);
  await live(scenario, shared, HOUR);
  const other = { from: `${DAY}T12:58:07Z`, until: HOUR.until };
  await live(scenario, { ...shared, host: 'b' }, other, { shard: 'tier2' });
  const next = { from: `${NEXT}T12:58:00Z`, until: `${NEXT}T14:01:00Z` };
  await live(scenario, { ...shared, market_from: `${NEXT}T12:50:00Z` }, next);

  const both = await archiveTwice(scenario, DAY);
  assert.deepEqual(both.bus_hours, [13, 13], 'an hour of each');
  const manifest = await manifestOf(both.live, { feed: FEED, day: DAY, version: both.version });
  assert.deepEqual(manifest.shards, ['tier1', 'tier2']);
  const speaks = new Set(manifest.objects.map(({ key }) => key.split('/')[4]));
  for (const symbol of ['BTCUSD', 'ETHUSD', '_FEED-tier1', '_FEED-tier2']) {
    assert.ok(speaks.has(symbol), `${symbol} is archived`);
  }

  const morning = await jobsFor(scenario, { now: `${addDays(NEXT, 1)}T06:00:00Z`, from: 'bus' });
  const plan = await planArchive(
    morning,
    resolveDay(morning, { feed: FEED, day: NEXT }),
    plainContext(),
  );
  assert.equal(plan.waiting.length, 1, 'it is waited for');
  assert.match(plan.waiting[0] ?? '', /^tier2: shard_absent: /);
  const { live: jobs, version, bus_hours, complete } = await archiveTwice(scenario, NEXT);
  assert.equal(complete, false);
  assert.deepEqual(bus_hours, [13], 'who is there is not made to pay for it');
  const { gaps, shards } = await manifestOf(jobs, { feed: FEED, day: NEXT, version });
  assert.deepEqual(shards, ['tier1', 'tier2']);
  const holes = gaps.map(({ shard, cause, from, to }) => `${shard} ${cause} ${from} ${to}`).sort();
  const ended = gaps.find(({ cause }) => cause === 'epoch_ended');
  assert.deepEqual(holes, [
    `tier1 epoch_ended ${ended?.from} ${dayEnd(NEXT)}`,
    `tier2 shard_absent ${dayStart(NEXT)} ${dayEnd(NEXT)}`,
  ]);
  return `${manifest.totals.records} events of two shards`;
}

/** A host that lost its way to the store, and then its connector, comes back days after the commit. */
export async function hostReturns(scenario: Scenario, variation: Variation): Promise<string> {
  const shared = sharedOf(variation);
  const first = { from: `${DAY}T13:20:00Z`, until: HOUR.until, dies_at: `${DAY}T13:50:00Z` };
  const died = await liveAndDie(scenario, shared, first, { store_until: `${DAY}T13:35:00Z` });
  const from = successorOf(died, 10n * NS_PER_SECOND);
  await live(scenario, { ...shared, host: 'b' }, { from, until: `${DAY}T14:10:00Z` });

  const { live: jobs, version } = await archiveTwice(scenario, DAY);
  const of = { feed: FEED, day: DAY, version };
  const committed = await manifestOf(jobs, of);
  const causes = committed.gaps.map(({ cause }) => cause).sort();
  assert.deepEqual(causes, [
    'before_first_take',
    'epoch_ended',
    'inventory_missing',
    'log_behind_bus',
  ]);
  await assertLostWithin(scenario, shared, jobs, committed.gaps);
  const known = new Set(committed.inputs.map(({ key }) => key));

  const later = { from: `${addDays(DAY, 4)}T09:00:00Z`, until: `${addDays(DAY, 4)}T09:02:00Z` };
  await live(scenario, { ...shared, market_from: later.from }, later);
  const late: string[] = [];
  for await (const { key } of scenario.raw.list(`raw/${FEED}/${DAY.replaceAll('-', '/')}/`)) {
    if (parseRawSegmentKey(key) !== null && !known.has(key)) late.push(key);
  }
  assert.ok(late.length >= 15, `${late.length} segments came late`);
  await assert.rejects(archiveDay(jobs, { feed: FEED, day: DAY }), { code: 'SSMD_LATE_RAW' });
  assert.deepEqual(await manifestOf(jobs, of), committed, 'a committed day never changes');
  const findings = await auditOf(jobs, DAY);
  assert.deepEqual(
    findings.map(({ kind, key }) => `${kind} ${key}`),
    late.map((key) => `raw_late ${key}`),
  );
  return `${late.length} segments came after the commit`;
}

/** Trades that are missing are so within the holes that the manifest names. */
async function assertLostWithin(
  scenario: Scenario,
  shared: Shared,
  jobs: JobDeps,
  gaps: readonly ManifestGap[],
): Promise<void> {
  const until = instant(`${DAY}T14:10:00Z`) - NS_PER_SECOND;
  const market_from = instant(shared.market_from);
  const venue = venueTrades({ ...shared, market_from, until });
  const archived = await archivedTrades(jobs, DAY, 'v1');
  const from = instant(`${DAY}T13:20:00Z`) + NS_PER_MINUTE;
  const { missing } = compareTrades(archived, venue, { from, until });
  assert.ok(missing.length > 0);
  const outside = missing.filter(
    ({ at }) => !gaps.some((it) => at >= BigInt(it.from) - NS_PER_SECOND && at <= BigInt(it.to)),
  );
  assert.deepEqual(outside, [], `${scenario.name}: what is lost is within a hole`);
}
