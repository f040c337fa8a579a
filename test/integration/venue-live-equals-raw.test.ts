/**
 * Venues over real servers: what went over the bus is what RAW folds to, and the archive of the one is
 * the archive of the other, byte for byte: hours around a midnight with hundreds of faults of every kind.
 * Kraken and Binance have whole days of it in `live-equals-raw.test.ts`.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FAULT_KINDS } from '../../connectors/simulator/faults.ts';
import type { FaultRates, LedgerEntry } from '../../connectors/simulator/faults.ts';
import type { EventOf } from '../../schema/events.ts';
import { NS_PER_MINUTE, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { runStretch } from '../support/e2e-day.ts';
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
import { scratchDirectory } from '../support/runtime.ts';
import { cardOf } from '../support/cards/venues.ts';

const SHARD = 'tier1';
const FEEDS = ['okx', 'coinbase', 'bybit-linear'];
const DAY = '2026-11-20' as Day;
const NOW = '2026-12-01T06:00:00Z';
const SEED = Number(process.env['E2E_SEED'] ?? 20_261_118);
console.log(`# seed ${SEED} (E2E_SEED)`);
const RATES: FaultRates = {
  ...{ drop: 30, duplicate: 30, reorder: 30, mutate: 30, garbage: 20 },
  ...{ silence: 3, close: 4, refuse: 3, 429: 3 },
};
/** Where few of the frames are those whose loss always shows, more are struck. */
const MORE: Readonly<Record<string, FaultRates>> = { 'bybit-linear': { drop: 90, reorder: 90 } };
/** Faults of a kind whose trace is looked for, at the least: fewer prove nothing. */
const STRUCK_MIN = 3;

const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());

function within({ from, to }: EventOf<'status'>, at_ns: bigint): boolean {
  return from !== null && to !== null && from <= at_ns && at_ns <= to;
}

for (const feed of FEEDS) {
  test(`${feed}: hours around midnight with every fault: the bus, RAW and both archives agree`, async (t) => {
    const { raw, bus } = stage;
    const result = await runStretch(
      {
        ...{ feed, seed: SEED, rate: 0.6, faults: { rates: { ...RATES, ...MORE[feed] } } },
        market_from: '2026-11-19T22:00:00Z',
        ...{ from: '2026-11-19T23:20:00Z', until: '2026-11-20T04:01:00Z' },
      },
      { store: raw, bus, dir: scratchDirectory(t) },
    );
    assert.ok(result.frames > 10_000, `${result.frames} frames`);
    const kinds = new Set(result.ledger.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), [...FAULT_KINDS].sort(), 'every fault was done');

    const [epoch, lines] = [...(await readEpochs(raw, feed))].at(-1) ?? assert.fail('no epoch');
    const folded = foldLines(feedOf(feed), { shard: SHARD, epoch }, lines);
    const onBus = await eventsOnBus(bus, { shard: SHARD, feed });
    assertSameEvents(onBus.events, folded, 'the bus against RAW');

    const { live, compared, bus_hours } = await archiveBoth(stage, {
      feed,
      day: DAY,
      now: NOW,
    });
    assert.ok(compared.from_bus > 0 && bus_hours.length >= 3, `hours: ${bus_hours.join(', ')}`);

    const events = await statusEvents(live, { feed, day: DAY, version: 'v1' });
    const until = dayStart(DAY) + 239n * NS_PER_MINUTE;
    // What befalls a book that is broken already is within its gap: one is open at a time.
    const { lost } = cardOf(feed).proven;
    const found = ({ at_ns }: LedgerEntry, kind: string): boolean =>
      events.some(
        (it) =>
          (it.kind === kind && it.t >= at_ns && it.t < at_ns + 2n * NS_PER_MINUTE) ||
          (kind === 'gap_opened' && it.kind === 'gap_closed' && within(it, at_ns)),
      );
    for (const [fault, kind] of [
      ['drop', 'gap_opened'],
      ['reorder', 'gap_opened'],
      ['garbage', 'rejected'],
    ] as const) {
      const done = result.ledger.filter(
        (it) =>
          it.kind === fault &&
          it.at_ns >= dayStart(DAY) &&
          it.at_ns < until &&
          (kind === 'rejected' || lost[it.channel ?? ''] !== undefined),
      );
      const missed = done.filter((it) => !found(it, kind));
      assert.ok(done.length >= STRUCK_MIN, `${fault}: ${done.length} done`);
      assert.deepEqual(missed, [], `${fault}: every one is told of`);
    }
    const { objects, records, bytes } = compared;
    const words = `${result.frames} frames, ${result.ledger.length} faults`;
    console.log(`# ${words}, ${records} events in ${objects} objects, ${bytes} equal bytes`);
  });
}
