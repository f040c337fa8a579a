/**
 * The archive made live is the archive made from RAW, byte for byte: simulated days of two feeds with
 * every fault a venue can have, over real servers, while nats-server and connectors are killed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { streamName } from '../../bus/subjects.ts';
import type { PublisherLimits } from '../../connectors/runtime/publisher-limits.ts';
import { FAULT_KINDS } from '../../connectors/simulator/faults.ts';
import type { Fault, FaultPlan, LedgerEntry } from '../../connectors/simulator/faults.ts';
import type { EventOf } from '../../schema/events.ts';
import { NS_PER_MINUTE, NS_PER_MS, dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { simulateDay } from '../../workers/simulator.ts';
import { holdUntil, lastWords, runStretch } from '../support/e2e-day.ts';
import type { ChildOptions, StretchDeps } from '../support/e2e-day.ts';
import {
  archiveBoth,
  assertArchiveIsSpoken,
  assertEpochsOnBus,
  assertSameEvents,
  assertTakeOvers,
  eventsIn,
  eventsOnBus,
  feedOf,
  foldLines,
  openStage,
  readEpochs,
  statusEvents,
  tOf,
  takeOf,
} from '../support/e2e.ts';
import type { Twins } from '../support/e2e.ts';
import { factsOf, instant, inventories, scratchDirectory } from '../support/runtime.ts';

const SHARD = 'tier1';
/** Long after the days that are archived: what has not come by now never will. */
const NOW = '2026-12-01T06:00:00Z';
const SEED = Number(process.env['E2E_SEED'] ?? 20_261_118);
console.log(`# seed ${SEED} (E2E_SEED)`);

/** An hour, by kind: hundreds of faults a day, of every kind there is. */
const FAULTS: FaultPlan = {
  rates: {
    ...{ drop: 4, duplicate: 4, reorder: 4, mutate: 4, garbage: 4 },
    ...{ silence: 0.5, close: 0.5, refuse: 0.25, 429: 0.25 },
  },
};

/** Connections break right around both midnights of a day, whichever they are. */
function brokenMidnights(day: Day): Fault[] {
  return [dayStart(day), dayEnd(day)].flatMap((midnight) =>
    [-20_000n, -1_500n, -400n, 300n, 2_000n].map((ms) => ({
      kind: 'close' as const,
      at_ns: midnight + ms * NS_PER_MS,
    })),
  );
}

const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());
const archiveTwice = (feed: string, day: Day): Promise<Twins> =>
  archiveBoth(stage, { feed, day, now: NOW });

/** Share of the venue's faults of a kind and channel that the archive tells of within two minutes. */
function foundShare(
  ledger: readonly LedgerEntry[],
  events: readonly EventOf<'status'>[],
  of: { readonly fault: string; readonly channel: RegExp; readonly kind: string },
): { readonly done: number; readonly share: number } {
  const done = ledger.filter((it) => it.kind === of.fault && of.channel.test(it.channel ?? ''));
  const found = done.filter(({ at_ns }) =>
    events.some(({ t, kind }) => kind === of.kind && t >= at_ns && t < at_ns + 2n * NS_PER_MINUTE),
  );
  return { done: done.length, share: found.length / done.length };
}

const KILLS = 5;
const DAY = '2026-11-18' as Day;

/** Market events a second and symbol: over 100,000 frames a day with what comes by itself. */
const RATES = { kraken: 0.12, 'binance-usdm': 0.4 } as const;

for (const id of ['kraken', 'binance-usdm'] as const) {
  test(`${id}: a day over two midnights with every fault, nats-server killed five times`, async () => {
    const { environment, endpoints, servers, raw, bus } = stage;
    let kills = 0;
    let killing = Promise.resolve();
    const simulated = await simulateDay({
      ...{ environment, endpoints, feed: id, shard: SHARD, day: DAY, seed: SEED },
      rate: RATES[id],
      faults: { ...FAULTS, list: brokenMidnights(DAY) },
      root: servers.dir,
      signal: new AbortController().signal,
      onProgress() {
        if (kills === KILLS) return;
        kills++;
        killing = killing.then(async () => {
          await servers.nats.kill();
          await servers.nats.restart();
        });
      },
    });
    await killing;
    assert.equal(kills, KILLS);
    assert.ok(Number(simulated.status.publishing['reconnects']) >= KILLS);
    assert.ok(simulated.frames > 100_000, `${simulated.frames} frames`);
    const kinds = new Set(simulated.ledger.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), [...FAULT_KINDS].sort(), 'every fault was done');

    const epochs = [...(await readEpochs(raw, id))];
    assert.equal(epochs.length, 1);
    const [epoch, lines] = epochs[0] ?? assert.fail('no epoch');
    assert.equal(lines.filter((line) => line.type === 'frame').length, simulated.frames);
    assert.deepEqual(
      factsOf(lines, '_midnight').map(({ at }) => at),
      [dayStart(DAY), dayEnd(DAY)],
    );
    const folded = foldLines(feedOf(id), { shard: SHARD, epoch }, lines);
    const onBus = await eventsOnBus(bus, { shard: SHARD, feed: id });
    assertSameEvents(onBus.events, folded, 'the bus against RAW');
    const last = await bus.lastCtl(SHARD, id);
    assert.equal(last?.record.events, folded.size, 'the last position counts every event once');
    assert.equal(last.record.run, 0, 'the stream never lost what it had acknowledged');

    const { live, compared, bus_hours, complete } = await archiveTwice(id, DAY);
    assert.deepEqual(bus_hours, [...Array(24).keys()], 'every hour of the day came from the bus');
    assert.equal(compared.from_bus, compared.objects);
    assert.equal(complete, true);
    const events = await statusEvents(live, { feed: id, day: DAY, version: 'v1' });
    const inDay = simulated.ledger.filter(({ at_ns }) => at_ns >= dayStart(DAY));
    for (const [fault, channel, kind] of [
      ['drop', /^(book|depth@100ms)$/, 'gap_opened'],
      ['reorder', /^(book|depth@100ms)$/, 'gap_opened'],
      ['garbage', /^$/, 'rejected'],
    ] as const) {
      const { done, share } = foundShare(inDay, events, { fault, channel, kind });
      assert.ok(done >= 3 && share >= 0.9, `${fault}: ${share} of ${done} found`);
    }
    const { objects, records, bytes } = compared;
    const words = `${simulated.frames} frames, ${simulated.ledger.length} faults`;
    console.log(`# ${id}: ${words}, ${records} events in ${objects} objects, ${bytes} equal bytes`);
  });
}

/** So small that an outage fills it at once. */
const SMALL_QUEUE: Partial<PublisherLimits> = { queue_events_max: 2_000 };
const OUTAGES = ['07:10', '08:10', '09:10', '10:10', '11:10'] as const;
const OUTAGE_NS = 20n * NS_PER_MINUTE;

/** Kills nats-server at each of the instants with messages under way, and lets it be for a while. */
function outages(day: Day, done: { kills: number }): NonNullable<StretchDeps['ready']> {
  const { nats } = stage.servers;
  const waiting = OUTAGES.map((time) => instant(`${day}T${time}:00Z`));
  let returns = 0n;
  return (publisher, clock) => {
    const now = clock.nowNs();
    const { connected, backlog, queued } = publisher.position();
    if (returns > 0n) {
      if (now < returns) return undefined;
      returns = 0n;
      return nats.restart();
    }
    const [next] = waiting;
    if (done.kills === 0 && !connected) return holdUntil(() => publisher.position().connected);
    if (next === undefined || now < next) return undefined;
    // Caught up with the outage before, and then in the midst of it again.
    if (backlog) return holdUntil(() => !publisher.position().backlog);
    if (queued === 0) return undefined;
    waiting.shift();
    done.kills++;
    returns = now + OUTAGE_NS;
    return nats.kill();
  };
}

test('binance-usdm: the bus away five times, caught up from the log: archive equal again', async (t) => {
  const { raw, bus } = stage;
  const feed = 'binance-usdm';
  const day = '2026-11-20' as Day;
  const done = { kills: 0 };
  const result = await runStretch(
    {
      ...{ feed, seed: SEED, rate: 0.6, faults: FAULTS, market_from: `${day}T05:00:00Z` },
      ...{ from: `${day}T05:50:00Z`, until: `${day}T12:02:00Z` },
    },
    {
      ...{ store: raw, bus, dir: scratchDirectory(t), limits: SMALL_QUEUE },
      ready: outages(day, done),
    },
  );
  assert.equal(done.kills, KILLS);
  const [epoch, lines] = [...(await readEpochs(raw, feed))].at(-1) ?? assert.fail('no epoch');
  const folded = foldLines(feedOf(feed), { shard: SHARD, epoch }, lines);
  const onBus = await eventsOnBus(bus, { shard: SHARD, feed });
  const own = new Map([...onBus.events].filter(([key]) => key.startsWith(`${epoch} `)));
  assertSameEvents(own, folded, 'the bus against RAW');
  assert.ok(onBus.late > KILLS, `${onBus.late} messages came late, as packs of batches`);
  const last = await bus.lastCtl(SHARD, feed);
  assert.deepEqual([last?.record.events, last?.record.run], [folded.size, 0]);

  await loseMessage(feed, day, 9);
  const { compared, bus_hours, complete } = await archiveTwice(feed, day);
  // Between two positions a virtual hour passes in no time: a neighbour may share the lost stretch.
  assert.ok(!bus_hours.includes(9), 'an hour of which the bus lost an event is not its');
  assert.ok(bus_hours.length >= 2, `hours from the bus: ${bus_hours.join(', ')}`);
  assert.ok(compared.from_bus > 0 && compared.from_bus < compared.objects);
  assert.equal(complete, false, 'most of the day was never captured');
  const { frames, events } = result;
  console.log(`# ${frames} frames, ${events} events, ${onBus.late} late messages`);
});

/** Drops one event of an hour from the stream, behind everybody's back. */
async function loseMessage(feed: string, day: Day, hour: number): Promise<void> {
  const from = instant(`${day}T${hour.toString().padStart(2, '0')}:30:00Z`);
  const { bus, servers, environment } = stage;
  for await (const { subject, seq, data } of bus.readRange({ shard: SHARD, feed, from_seq: 1 })) {
    if (!subject.startsWith('internal.')) continue;
    const [first] = eventsIn(data);
    if (first === undefined || first.t < from) continue;
    const connection = await connect({ servers: servers.nats.url });
    const manager = await jetstreamManager(connection);
    await manager.streams.deleteMessage(streamName(environment.name), seq);
    return connection.close();
  }
  assert.fail(`no event of ${day} ${hour} h is on the bus`);
}

const CHILD = new URL('../support/e2e-day.ts', import.meta.url).pathname;

async function runChild(options: ChildOptions): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}

test('kraken: the connector killed twice while publishing, once between two days', async (t) => {
  const { raw, bus, variables } = stage;
  const feed = 'kraken';
  const [day, next] = ['2026-11-20' as Day, '2026-11-21' as Day];
  const shared = {
    ...{ feed, seed: SEED, rate: 0.6, faults: FAULTS, market_from: `${day}T20:00:00Z` },
    ...{ dir: scratchDirectory(t), variables },
  };
  const lives = [
    { from: `${day}T20:50:00Z`, dies_at: `${day}T22:20:00Z` },
    { from: `${day}T22:20:02Z`, dies_at: `${day}T23:56:00Z` },
    { from: `${day}T23:56:02Z`, dies_at: null },
  ];
  const last_offered: bigint[] = [];
  for (const life of lives) {
    const ended = await runChild({ ...shared, ...life, until: `${next}T02:01:00Z` });
    assert.equal(ended, life.dies_at === null ? 0 : 'SIGKILL');
    if (ended !== 0) last_offered.push(BigInt(readFileSync(lastWords(shared.dir), 'utf8')));
  }

  const onBus = (await eventsOnBus(bus, { shard: SHARD, feed })).events;
  const epochs = [...(await readEpochs(raw, feed))].slice(-lives.length);
  const { missing, spoken } = assertEpochsOnBus(feed, onBus, epochs);
  // Each died with what it had just offered: that is in the log already, and was never sent.
  assert.deepEqual(
    missing.slice(0, -1).map((tail) => tail.map(tOf).at(-1)),
    last_offered,
  );
  assert.deepEqual(
    epochs.slice(1).map(([, lines]) => takeOf(lines)?.prev?.epoch),
    epochs.slice(0, -1).map(([epoch]) => epoch),
    'each knew the one before it',
  );
  const ends = (await inventories(raw)).filter((it) => epochs.some(([id]) => id === it.epoch));
  assert.deepEqual(
    ends.map((it) => `${epochs.findIndex(([id]) => id === it.epoch)} ${it.day} ${it.end}`).sort(),
    [`0 ${day} crash`, `1 ${day} crash`, `2 ${day} day`, `2 ${next} shutdown`],
  );

  const first = await archiveTwice(feed, day);
  assert.deepEqual(first.bus_hours, [21], 'hours in which a connector died come from RAW');
  const second = await archiveTwice(feed, next);
  assert.deepEqual(second.bus_hours, [0, 1]);
  await assertArchiveIsSpoken(first.live, { feed, day, version: 'v1' }, spoken);
  await assertArchiveIsSpoken(second.live, { feed, day: next, version: 'v1' }, spoken);
  assertTakeOvers(await statusEvents(first.live, { feed, day, version: 'v1' }), epochs);
  const events = first.compared.records + second.compared.records;
  console.log(`# ${events} events of two days, ${missing.flat().length} never published`);
});
