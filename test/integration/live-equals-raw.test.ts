/**
 * The archive made live is the archive made from RAW, byte for byte: simulated days of two feeds with
 * every fault a venue can have, over real servers, while nats-server is killed.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FAULT_KINDS } from '../../connectors/simulator/faults.ts';
import type { Fault, LedgerEntry } from '../../connectors/simulator/faults.ts';
import type { EventOf } from '../../schema/events.ts';
import { NS_PER_MINUTE, NS_PER_MS, dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { simulateDay } from '../../workers/simulator.ts';
import { FAULTS } from '../support/e2e-day.ts';
import {
  archiveBoth,
  assertSameEvents,
  eventsOnBus,
  feedOf,
  foldLines,
  openStage,
  readEpochs,
  statusEvents,
} from '../support/e2e.ts';
import type { Twins } from '../support/e2e.ts';
import { factsOf } from '../support/runtime.ts';

const SHARD = 'tier1';
/** Long after the days that are archived: what has not come by now never will. */
const NOW = '2026-12-01T06:00:00Z';
const SEED = Number(process.env['E2E_SEED'] ?? 20_261_118);
console.log(`# seed ${SEED} (E2E_SEED)`);

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
