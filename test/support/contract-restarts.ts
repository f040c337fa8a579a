/**
 * Scenarios in which a connector ends and another follows, or its publisher does: each runs a stretch of
 * a virtual day over real servers and fails where a promise of the contract does not hold.
 */
import assert from 'node:assert/strict';
import { NS_PER_SECOND, dayEnd } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { openBus } from '../../workers/adapters.ts';
import {
  DAY,
  NEXT,
  archiveDays,
  assertSuccession,
  beforeFirst,
  endsOf,
  gapsOf,
  lastOf,
  tookAt,
} from './contract-archive.ts';
import { startGate } from './contract-gate.ts';
import type { Gate } from './contract-gate.ts';
import { CTL_MESSAGES, inPace, live, liveAndDie, readBoth, successorOf } from './contract-lives.ts';
import { FEED, SHARD, behindTheBack } from './contract-stage.ts';
import type { Scenario, Variation } from './contract-stage.ts';
import { holdUntil } from './e2e-day.ts';
import type { StretchDeps } from './e2e-day.ts';
import { takeOf } from './e2e.ts';
import { instant } from './runtime.ts';

/** A queue and batches so small that an outage of minutes leaves a backlog of many batches. */
const SMALL = { queue_events_max: 300, batch_events_max: 60 } as const;

/** Killed while it catches up with an outage of the bus, from the log, a batch at a time. */
export async function killedInBacklog(scenario: Scenario, variation: Variation): Promise<string> {
  const shared = { ...variation, host: 'a', market_from: `${DAY}T12:50:00Z` };
  const outage = { from: `${DAY}T14:04:00Z`, to: `${DAY}T14:24:00Z` };
  const first = { from: `${DAY}T12:58:00Z`, until: `${DAY}T14:30:00Z`, dies_at: outage.to };
  const died = await liveAndDie(scenario, shared, first, { limits: SMALL, outage });
  const from = successorOf(died, 10n * NS_PER_SECOND);
  await live(scenario, shared, { from, until: `${DAY}T14:40:00Z` });

  const told = await readBoth(scenario);
  const { epochs, missing, late } = told;
  assert.equal(epochs.length, 2);
  assert.ok(late > 0, 'part of the backlog is on the bus');
  const left = missing[0] ?? [];
  assert.ok(
    left.length >= SMALL.batch_events_max,
    `${left.length} events were left in the backlog`,
  );
  assert.equal(missing[1]?.length, 0, 'the second one published all');
  await assertSuccession(scenario, epochs);
  const reached = BigInt(takeOf(epochs[1]?.[1] ?? [])?.prev?.t ?? 0n);
  assert.ok(reached > instant(outage.from) && reached < instant(outage.to), 'it died in the midst');
  assert.deepEqual(await endsOf(scenario, epochs), [`0 ${DAY} crash`, `1 ${DAY} shutdown`]);

  const { bus_hours, gaps, trades } = await archiveDays(scenario, shared, told, [DAY]);
  assert.deepEqual(bus_hours, [[13]]);
  const ended = `epoch_ended ${lastOf(epochs, 1)} ${dayEnd(DAY)}`;
  assert.deepEqual(gapsOf(gaps[0]), [beforeFirst(epochs), ended]);
  assert.deepEqual(trades.missing, [], 'RAW has what the bus never got');
  return `${left.length} events never published, ${late} late messages, ${trades.wanted} trades`;
}

export type Restart = {
  /** The instant of the restart, ISO text. */
  readonly at: string;
  readonly how: 'killed' | 'stopped';
  /** Until the next one starts. */
  readonly away_ns?: bigint;
  readonly from: string;
  readonly until: string;
  /** Hours of each day that come from the bus. */
  readonly bus_hours: readonly (readonly number[])[];
};

export const RESTARTS = {
  '14:03': {
    at: `${DAY}T14:03:00Z`,
    ...{ from: `${DAY}T12:58:00Z`, until: `${DAY}T14:20:00Z`, away_ns: 90n * NS_PER_SECOND },
    bus_hours: [[13]],
  },
  '23:59:30': {
    at: `${DAY}T23:59:30Z`,
    ...{ from: `${DAY}T23:38:00Z`, until: `${NEXT}T01:01:00Z` },
    bus_hours: [[], [0]],
  },
  '00:00:20': {
    at: `${NEXT}T00:00:20Z`,
    ...{ from: `${DAY}T22:58:00Z`, until: `${NEXT}T00:20:00Z` },
    bus_hours: [[23], []],
  },
} as const satisfies Readonly<Record<string, Omit<Restart, 'how'>>>;

/** Restarted at an instant: soon another one captures, and no trade is lost. */
export async function restarted(
  scenario: Scenario,
  variation: Variation,
  { at, how, from, until, away_ns, bus_hours: wanted_hours }: Restart,
): Promise<string> {
  const shared = { ...variation, host: 'a', market_from: from.replace(/:.8:00Z/, ':30:00Z') };
  let next = successorOf(instant(at), away_ns);
  if (how === 'stopped') await live(scenario, shared, { from, until: at });
  else
    next = successorOf(await liveAndDie(scenario, shared, { from, until, dies_at: at }), away_ns);
  await live(scenario, shared, { from: next, until });

  const told = await readBoth(scenario);
  const { epochs, missing } = told;
  assert.equal(epochs.length, 2);
  await assertSuccession(scenario, epochs);
  assert.equal((missing[0] ?? []).length > 0, how === 'killed', 'only who is killed leaves a tail');
  const took = tookAt(epochs, 1) - instant(next);
  assert.ok(took < 5n * NS_PER_SECOND, `it took the shard after ${took} ns`);

  const days = wanted_hours.length === 1 ? [DAY] : [DAY, NEXT];
  const { bus_hours, gaps, trades } = await archiveDays(scenario, shared, told, days);
  assert.deepEqual(bus_hours, wanted_hours, 'hours of which one epoch has the whole');
  const ended = `epoch_ended ${lastOf(epochs, 1)} ${dayEnd(days.at(-1) ?? DAY)}`;
  const manifests =
    days.length === 1 ? [[beforeFirst(epochs), ended]] : [[beforeFirst(epochs)], [ended]];
  assert.deepEqual(gaps.map(gapsOf), manifests, 'the restart itself is no hole of the manifest');
  assert.deepEqual(await endsOf(scenario, epochs), endsWanted(at, how, days));
  assert.deepEqual(trades.missing, [], 'the history on subscribing brings what was missed');
  if (how === 'stopped')
    assert.equal(trades.repeated, 0, 'who stops in order has told all it said');
  const left = missing[0]?.length ?? 0;
  return `${trades.wanted} trades, ${trades.repeated} repeated, ${left} events never published`;
}

function endsWanted(at: string, how: Restart['how'], days: readonly Day[]): readonly string[] {
  const end = how === 'killed' ? 'crash' : 'shutdown';
  const [day, next] = days;
  if (next === undefined) return [`0 ${day} ${end}`, `1 ${day} shutdown`];
  return at.startsWith(next)
    ? [`0 ${day} day`, `0 ${next} ${end}`, `1 ${next} shutdown`]
    : [`0 ${day} ${end}`, `1 ${day} day`, `1 ${next} shutdown`];
}

/** Dead from 23:45 to 00:10: nobody opens the next day before midnight, nobody speaks at it. */
export async function notRunningAtMidnight(
  scenario: Scenario,
  variation: Variation,
): Promise<string> {
  const shared = { ...variation, host: 'a', market_from: `${DAY}T21:50:00Z` };
  const first = {
    from: `${DAY}T21:58:00Z`,
    until: `${DAY}T23:50:00Z`,
    dies_at: `${DAY}T23:45:00Z`,
  };
  const died = await liveAndDie(scenario, shared, first);
  const second = { from: `${NEXT}T00:10:00Z`, until: `${NEXT}T00:25:00Z` };
  await live(scenario, shared, second);

  const told = await readBoth(scenario);
  const { epochs } = told;
  assert.equal(epochs.length, 2);
  await assertSuccession(scenario, epochs);
  assert.deepEqual(await endsOf(scenario, epochs), [`0 ${DAY} crash`, `1 ${NEXT} shutdown`]);

  const { bus_hours, gaps, status, trades } = await archiveDays(scenario, shared, told, [
    DAY,
    NEXT,
  ]);
  assert.deepEqual(bus_hours, [[22], []]);
  const stopped = `epoch_ended ${lastOf(epochs, 0)} ${dayEnd(DAY)}`;
  assert.deepEqual(gapsOf(gaps[0]), [beforeFirst(epochs), stopped], 'the day ends with a hole');
  const ended = `epoch_ended ${lastOf(epochs, 1)} ${dayEnd(NEXT)}`;
  assert.deepEqual(gapsOf(gaps[1]), [ended], 'that the next begins with one is an event');
  const holes = status.filter((it) => it.cause === 'take_over' && it.kind === 'gap_opened');
  const hole = holes.at(-1);
  assert.ok(
    (hole?.from ?? 0n) <= died && hole?.to === tookAt(epochs, 1),
    'from the one day to the other',
  );
  assert.ok(trades.missing.length > 0, 'more was traded than a history brings');
  const { wanted, missing } = trades;
  return `${missing.length} of ${wanted} trades lost, all within the hole`;
}

/** Takes the way to the bus away for a while, then loses a batch's acknowledgement, and its position. */
function overlapping(
  scenario: Scenario,
  gate: Gate,
  { from, to }: { readonly from: bigint; readonly to: bigint },
  done: { repeated: number },
): NonNullable<StretchDeps['ready']> {
  let away: 'before' | 'now' | 'over' = 'before';
  const step = inPace(`${DAY}T12:58:00Z`);
  return (publisher, clock) => {
    const now = clock.nowNs();
    if (away === 'before' && now >= from) {
      away = 'now';
      gate.shut();
      return holdUntil(() => !publisher.position().connected);
    }
    if (away === 'now' && now < to) return undefined;
    if (away !== 'now') return step(publisher, clock);
    away = 'over';
    return (async () => {
      assert.ok(publisher.position().backlog, 'its queue has overflowed');
      const { t } = publisher.position();
      gate.open();
      await holdUntil(() => publisher.position().t > t && publisher.position().queued === 0);
      const reached = publisher.position().t;
      await holdUntil(() => publisher.position().t > reached);
      gate.deafen();
      done.repeated = await losePosition(scenario, () => publisher.position());
      gate.shut();
      gate.open();
      await holdUntil(() => !publisher.position().backlog);
    })();
  };
}

/**
 * Waits for a batch that is stored without its publisher knowing, and takes the position at its end out
 * of the stream: what a server may lose that loses its power. Returns how many events the batch has.
 */
async function losePosition(
  scenario: Scenario,
  position: () => { readonly t: bigint; readonly events: number },
): Promise<number> {
  for (let before = -1; ;) {
    const last = await scenario.bus.lastCtl(SHARD, FEED);
    assert.ok(last);
    const known = position();
    if (last.record.t > known.t && last.seq === before) {
      await behindTheBack(scenario, (manager, stream) =>
        manager.streams.deleteMessage(stream, last.seq),
      );
      return last.record.events - known.events;
    }
    before = last.seq;
  }
}

/** A batch is sent that was stored before: its publisher goes on from an older position. */
export async function batchSentAgain(scenario: Scenario, variation: Variation): Promise<string> {
  const { environment, endpoints, servers } = scenario;
  const shared = { ...variation, host: 'a', market_from: `${DAY}T12:50:00Z` };
  await using gate = await startGate(servers.nats.port);
  const nats_url = `nats://127.0.0.1:${gate.port}`;
  await using bus = await openBus(
    environment,
    { ...endpoints, nats_url },
    { name: 'gate', wait: false },
  );
  const done = { repeated: 0 };
  const outage = { from: instant(`${DAY}T13:10:00Z`), to: instant(`${DAY}T13:30:00Z`) };
  const life = { from: `${DAY}T12:58:00Z`, until: `${DAY}T14:01:00Z` };
  await live(scenario, shared, life, {
    ...{ bus, limits: { ...SMALL, ctl_messages: CTL_MESSAGES } },
    ready: overlapping(scenario, gate, outage, done),
  });

  const told = await readBoth(scenario);
  assert.ok(done.repeated > 0);
  assert.ok(told.repeats >= done.repeated, `${told.repeats} events stand on the bus twice`);
  assert.deepEqual(told.missing, [[]]);
  const last = await scenario.bus.lastCtl(SHARD, FEED);
  assert.equal(last?.record.run, 0, 'nothing that was acknowledged is lost');
  assert.equal(last.record.events, told.spoken.size, 'each event counts once');
  const { bus_hours, trades } = await archiveDays(scenario, shared, told, [DAY]);
  assert.deepEqual(bus_hours, [[13]], 'repeats spoil no proof');
  assert.deepEqual([trades.missing, trades.repeated], [[], 0]);
  return `${told.repeats} events sent again`;
}
