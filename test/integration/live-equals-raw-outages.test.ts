/**
 * The archive made live is the archive made from RAW, byte for byte, though the bus is away for long
 * and connectors are killed while they publish: over real servers, on a virtual clock.
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
import { NS_PER_MINUTE } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { FAULTS, holdUntil, lastWords, runStretch } from '../support/e2e-day.ts';
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
import { instant, inventories, scratchDirectory } from '../support/runtime.ts';

const SHARD = 'tier1';
/** Long after the days that are archived: what has not come by now never will. */
const NOW = '2026-12-01T06:00:00Z';
const SEED = Number(process.env['E2E_SEED'] ?? 20_261_118);
console.log(`# seed ${SEED} (E2E_SEED)`);

const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());
const archiveTwice = (feed: string, day: Day): Promise<Twins> =>
  archiveBoth(stage, { feed, day, now: NOW });

const KILLS = 5;

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
