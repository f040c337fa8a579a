/** Venues that go away, come back, or never send what they promised; and a process that stands still. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import type { Clock } from '../../connectors/runtime/clock.ts';
import { OPEN_TIMEOUT_MS } from '../../connectors/runtime/session.ts';
import { BACKOFF_MS_MAX } from '../../connectors/runtime/subscriptions.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { EventOf, MarketEvent } from '../../schema/events.ts';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';
import type { Rig } from '../support/runtime.ts';

/** A venue that takes connections again has one by then: the attempt that hangs, and the wait after. */
const RECONNECT_MS_MAX = OPEN_TIMEOUT_MS + BACKOFF_MS_MAX;

const AT = '2026-11-20T10:00:00Z';
const NS_PER_MS = 1_000_000n;

/** Cuts whatever is open every one to three seconds. */
async function flap(rig: Rig, seconds: number, random: Random): Promise<void> {
  const until = rig.clock.nowNs() + BigInt(seconds) * 1_000_000_000n;
  while (rig.clock.nowNs() < until) {
    await rig.pass(1 + 2 * random.unit());
    const { open } = rig.harness.counts();
    for (let cut = 0; cut < open; cut++) rig.harness.inject({ kind: 'close', code: 1012 });
  }
}

/** Times at which a socket was asked for, in ms. */
function attempts(rig: Rig): number[] {
  return rig.events.flatMap(({ event, facts }) =>
    event === 'connection.opening' && 'at_ms' in facts ? [Number(facts.at_ms)] : [],
  );
}

/** A rig whose events carry the virtual instant. */
function timedRig(options: Parameters<typeof startRig>[0]): Rig {
  const clock = options.clock ?? virtualClock(instant(options.at));
  const events: { level: string; event: string; facts: object }[] = [];
  const rig = startRig({
    ...options,
    clock,
    deps: {
      logger: (level, event, facts) =>
        void events.push({
          level,
          event,
          facts: { ...facts, at_ms: Number(clock.nowNs() / NS_PER_MS) },
        }),
      ...options.deps,
    },
  });
  return { ...rig, events };
}

for (const feed of ['kraken', 'binance-usdm', 'okx']) {
  test(`${feed}: cut every 1 to 3 s for ten minutes it goes on trying, and is live soon after`, async (t) => {
    const random = new Random(3, `flap ${feed}`);
    const rig = timedRig({ dir: scratchDirectory(t), at: AT, feed });
    await rig.pass(30);
    assert.equal(rig.connector.status().state, 'READY');
    await flap(rig, 600, random);
    const healthy_ms = Number(rig.clock.nowNs() / NS_PER_MS);
    await rig.pass(RECONNECT_MS_MAX / 1000);
    assert.equal(rig.connector.status().state, 'READY', rig.connector.status().reasons.join());
    const tried = attempts(rig);
    const waits = tried.slice(1).map((at, index) => at - (tried[index] ?? 0));
    const flapping = waits.filter((_, index) => (tried[index] ?? 0) > healthy_ms - 600_000);
    assert.ok(Math.max(...flapping) <= RECONNECT_MS_MAX, `${Math.max(...flapping)} ms`);
    assert.ok(flapping.length >= 18, `${flapping.length} attempts in ten minutes`);
    // It lived: the next cut is waited out for a second again.
    await rig.pass(60);
    rig.harness.inject({ kind: 'close', code: 1012 });
    await rig.pass(3);
    assert.equal(rig.connector.status().state, 'READY');
    await rig.finish();
  });
}

/** Timers set and neither run nor cleared. */
function counting(clock: Clock): Clock & { readonly waiting: Set<number> } {
  const waiting = new Set<number>();
  return {
    ...clock,
    waiting,
    setTimeout(run, delay_ms) {
      const handle = clock.setTimeout(() => {
        waiting.delete(handle.id);
        run();
      }, delay_ms);
      waiting.add(handle.id);
      return handle;
    },
    clearTimeout(handle) {
      waiting.delete(handle.id);
      clock.clearTimeout(handle);
    },
  };
}

test('connections that were cut leave no timer behind', async (t) => {
  const clock = virtualClock(instant(AT));
  const counted = counting(clock);
  const deps = { clock: counted };
  const rig = startRig({ dir: scratchDirectory(t), at: AT, feed: 'binance-usdm', clock, deps });
  await rig.pass(30);
  const before = counted.waiting.size;
  await flap(rig, 1_800, new Random(5, 'timers'));
  await rig.pass(RECONNECT_MS_MAX / 1000);
  assert.ok(rig.connector.status().reconnects > 80);
  assert.ok(counted.waiting.size <= before + 4, `${before} timers, then ${counted.waiting.size}`);
  await rig.finish();
});

test('a process that stood still hears what waits before it calls the venue silent', async (t) => {
  const clock = virtualClock(instant(AT));
  const from = instant('2026-11-20T10:00:30Z');
  const until = from + 20_000_000_000n;
  const held: (() => void)[] = [];
  // Timers first, then what the sockets hold: the order of Node's event loop.
  const flush_ns = until + NS_PER_MS;
  const within = (end: bigint): boolean => clock.nowNs() >= from && clock.nowNs() < end;
  const still: Clock = {
    ...clock,
    setTimeout: (run, delay_ms) =>
      clock.setTimeout(() => {
        if (within(until)) clock.setTimer(run, until);
        else run();
      }, delay_ms),
  };
  clock.setTimer(() => {
    for (const deliver of held) deliver();
  }, flush_ns);
  const create = VENUES.get('kraken');
  assert.ok(create !== undefined);
  const symbols = ['BTC/USD', 'ETH/USD'];
  const harness = openHarness({ create, seed: 7, rate: 4, symbols, start_ns: instant(AT) });
  const open = memoryVenue({ harness, clock, seed: 7 });
  const rig = startRig({
    ...{ dir: scratchDirectory(t), at: AT, clock, harness },
    deps: {
      clock: still,
      openSocket: (url, handlers) =>
        open(url, {
          ...handlers,
          onFrame(bytes) {
            if (within(flush_ns)) held.push(() => handlers.onFrame(bytes));
            else handlers.onFrame(bytes);
          },
        }),
    },
  });
  await rig.pass(90);
  assert.equal(rig.connector.status().state, 'READY');
  assert.equal(rig.connector.status().reconnects, 0);
  await rig.finish();
  assert.deepEqual(factsOf(await readLog(rig.store), '_alarm'), []);
});

for (const [feed, names, symbol, external] of [
  ['kraken', ['book'], 'BTCUSD', 'BTC/USD'],
  ['binance-usdm', ['depth@100ms', 'depth20@100ms'], 'BTCUSDT-PERP', 'BTCUSDT'],
  ['okx', ['books'], 'BTCUSDT', 'BTC-USDT'],
] as const) {
  test(`${feed}: an opening that never came is a gap from the _take to the one that did`, async (t) => {
    const events: MarketEvent[] = [];
    const publish = () =>
      publishNowhere((out) => void events.push(...decodeEvents(out.bytes.subarray(0, out.used))));
    const faults = names.map((name) => ({
      ...{ kind: 'silence' as const, channel: name, symbol: external, duration_ms: 5_000 },
    }));
    const rig = startRig({ dir: scratchDirectory(t), at: AT, feed, faults, deps: { publish } });
    await rig.pass(120);
    await rig.finish();
    const [take] = factsOf(await readLog(rig.store), '_take');
    const book = events.find((it) => it.type === 'book' && it.symbol === symbol);
    const gap = events.find(
      (it): it is EventOf<'status'> =>
        it.type === 'status' &&
        it.kind === 'gap_closed' &&
        it.about === 'book' &&
        it.symbol === symbol,
    );
    assert.equal(gap?.cause, 'opening');
    assert.deepEqual([gap?.from, gap?.to], [take?.at, book?.t]);
    assert.ok((gap?.to ?? 0n) - (gap?.from ?? 0n) > 4_000_000_000n);
  });
}

test('a stream of the bus that is half full is an alarm, once, and DEGRADED while it lasts', async (t) => {
  const clock = virtualClock(instant(AT));
  const usage = { bytes: 10, max_bytes: 100 };
  let away = false;
  const stream = (): Promise<typeof usage> =>
    away ? Promise.reject(new Error('no bus')) : Promise.resolve({ ...usage });
  const deps = { shipping_clock: clock, stream };
  const rig = startRig({ dir: scratchDirectory(t), at: AT, clock, deps });
  const alarms = (): number => rig.connector.status().alarms['stream_half_full'] ?? 0;
  await rig.pass(90);
  assert.deepEqual([rig.connector.status().state, alarms()], ['READY', 0]);
  assert.match(await rig.connector.metrics(), /^ssmd_connector_stream_ratio\{.*\} 0\.1$/m);
  usage.bytes = 51;
  await rig.pass(150);
  assert.deepEqual([rig.connector.status().state, alarms()], ['DEGRADED', 1]);
  assert.match(rig.connector.status().reasons.join(), /stream of the bus 51 % full/);
  assert.equal(rig.connector.ready(), true);
  const [alarm] = rig.events.filter(({ event }) => event === 'alarm.raised');
  assert.deepEqual(alarm?.facts, { alarm: 'stream_half_full', bytes: 51, max_bytes: 100 });
  usage.bytes = 40;
  await rig.pass(90);
  assert.deepEqual([rig.connector.status().state, alarms()], ['READY', 1]);
  away = true;
  await rig.pass(90);
  assert.equal(rig.connector.status().state, 'READY');
  assert.doesNotMatch(await rig.connector.metrics(), /^ssmd_connector_stream_ratio\{/m);
  await rig.finish();
});
