/** OKX through the connector on virtual time: what breaks is cured where it broke, and only there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import type { OpenSocket, SocketHandlers } from '../../connectors/runtime/socket.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { memoryVenue } from '../../connectors/simulator/memory-socket.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';

const AT = '2026-11-20T10:00:00Z';
const FEED = { at: AT, feed: 'okx' } as const;

type Sent = { readonly op: string; readonly args: readonly unknown[] };

/** What a connector says of a connection. */
type Told = {
  readonly subscriptions: readonly { readonly symbol: string; readonly state: string }[];
};

/** The requests that were sent, without pings. */
function requestsOf(lines: Awaited<ReturnType<typeof readLog>>): Sent[] {
  return factsOf(lines, '_sent')
    .filter(({ text }) => text !== 'ping')
    .map(({ text }) => JSON.parse(text) as Sent);
}

test('two sockets, each heard whole; a lost book message asks for one book again', async (t) => {
  const at_ns = instant('2026-11-20T10:00:30Z');
  const lost = { kind: 'drop' as const, channel: 'books', symbol: 'BTC-USDT', at_ns };
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, faults: [lost] });
  await rig.pass(90);
  const { state, gaps, reconnects, connections } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, gaps, reconnects, connections.length], ['READY', 1, 0, 2]);
  const lines = await readLog(rig.store);
  const [alarm, ...more] = factsOf(lines, '_alarm');
  assert.deepEqual(more, []);
  assert.deepEqual(
    [alarm?.kind, alarm?.channel, alarm?.symbol, alarm?.detail],
    ['resubscribe', 'books', 'BTCUSDT', 'sequence'],
  );
  const arg = { channel: 'books', instId: 'BTC-USDT' };
  const [, , gone, again, ...rest] = requestsOf(lines);
  assert.deepEqual([gone?.op, gone?.args], ['unsubscribe', [arg]]);
  assert.deepEqual([again?.op, again?.args], ['subscribe', [arg]]);
  assert.deepEqual(rest, []);
});

/** What OKX says before it closes a connection. */
const NOTICE = new TextEncoder().encode(
  '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service ' +
    'upgrade. Please reconnect.","connId":"a4d3ae55"}',
);

/** A rig whose sockets can be spoken to; `mute` ones, counted from 0, hear nothing but that. */
function startSpokenTo(t: TestContext, mute: readonly number[] = []) {
  const start_ns = instant(AT);
  const clock = virtualClock(start_ns);
  const create = VENUES.get('okx') ?? assert.fail();
  const symbols = ['BTC-USDT', 'BTC-USDT-SWAP'];
  const harness = openHarness({ create, seed: 7, rate: 4, symbols, start_ns });
  const venue = memoryVenue({ harness, clock, seed: 7 });
  const opened: SocketHandlers[] = [];
  const events: MarketEvent[] = [];
  const publish = () =>
    publishNowhere((out) => void events.push(...decodeEvents(out.bytes.subarray(0, out.used))));
  const openSocket: OpenSocket = (url, handlers) => {
    const deaf = mute.includes(opened.push(handlers) - 1);
    return venue(url, deaf ? { ...handlers, onFrame: () => handlers.onPing() } : handlers);
  };
  const deps = { openSocket, publish };
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, clock, harness, deps });
  return { rig, opened, events };
}

test('a connection that the venue will close is replaced before it does', async (t) => {
  const { rig, opened, events } = startSpokenTo(t);
  await rig.pass(10);
  assert.equal(opened.length, 2);
  // The venue says so at once, and again: a connection is thirty seconds old before it is replaced.
  opened[0]?.onFrame(NOTICE);
  await rig.pass(5);
  opened[0]?.onFrame(NOTICE);
  await rig.pass(14);
  assert.equal(opened.length, 2);
  await rig.pass(31);
  const { state, reconnects, gaps, connections } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, reconnects, gaps], ['READY', 0, 0]);
  assert.equal(connections.length, 2, 'the old one is closed');
  assert.equal(opened.length, 3, 'one for two notices');
  const closes = factsOf(await readLog(rig.store), '_close').filter(({ by }) => by === 'us');
  assert.equal(closes[0]?.reason, 'replaced');
  const causes = events.flatMap((it) =>
    it.type === 'status' && it.kind === 'gap_opened' ? [it.cause] : [],
  );
  assert.ok(!causes.includes('disconnect'), causes.join());
  const told = events.filter((it) => it.type === 'status' && it.kind === 'system');
  assert.equal(told.length, 2, 'and the archive has its words');
});

test('one that is to be closed while it replaces another is replaced in its turn', async (t) => {
  const { rig, opened } = startSpokenTo(t, [2]);
  await rig.pass(40);
  opened[0]?.onFrame(NOTICE);
  await rig.pass(2);
  assert.equal(opened.length, 3);
  opened[2]?.onFrame(NOTICE);
  // It is not live, so the old one stays for a minute: its own turn comes up before that.
  await rig.pass(50);
  assert.equal(opened.length, 3);
  await rig.pass(30);
  assert.equal(opened.length, 4);
  await rig.finish();
});

test('a trade of several executions is no gap in the ids', async (t) => {
  const events: MarketEvent[] = [];
  const publish = () =>
    publishNowhere((out) => void events.push(...decodeEvents(out.bytes.subarray(0, out.used))));
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, rate: 20, deps: { publish } });
  await rig.pass(60);
  await rig.finish();
  const ids = events.flatMap((it) => {
    return it.type === 'trade' && it.symbol === 'BTCUSDT' ? [Number(it.trade_id)] : [];
  });
  const jumps = ids.filter((id, at) => at > 0 && id - (ids[at - 1] ?? id) > 1);
  assert.ok(ids.length > 100 && jumps.length > 10, `${jumps.length} jumps in ${ids.length} trades`);
  const gaps = events.filter((it) => it.type === 'status' && it.cause === 'sequence');
  assert.deepEqual(gaps, []);
});

test('a market that the venue has not is an alarm of its own, the others are live', async (t) => {
  const create = VENUES.get('okx') ?? assert.fail();
  const start_ns = instant(AT);
  const harness = openHarness({ create, seed: 7, rate: 4, symbols: ['BTC-USDT-SWAP'], start_ns });
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, harness });
  await rig.pass(60);
  const { state, reasons, alarms, reconnects, connections } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, reconnects], ['DEGRADED', 0]);
  assert.deepEqual(reasons, ['5 subscriptions refused by the venue']);
  // Four channels on the public socket, asked for before those of the other market; and the candle.
  assert.deepEqual(alarms, { refused: 5 });
  const states = (connections as readonly Told[]).flatMap(({ subscriptions }) =>
    subscriptions.map((it) => `${it.symbol} ${it.state}`),
  );
  assert.equal(states.filter((it) => it === 'BTCUSDT refused').length, 5);
  assert.equal(states.filter((it) => it === 'BTCUSDT-PERP live').length, 5);
  assert.ok(states.includes('BTCUSDT-PERP first_message'), 'the funding rate, once a minute');
  const refused = rig.events.find(({ event }) => event === 'alarm.raised');
  assert.match(JSON.stringify(refused?.facts), /60018.*BTC-USDT doesn't exist/);
});

test('a quiet market is no silence: ten minutes, no reconnect, no alarm', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, rate: 0.0005 });
  await rig.pass(600);
  const { state, alarms, reconnects, frames } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, alarms, reconnects], ['READY', {}, 0]);
  assert.ok(frames < 250, `${frames} frames: pongs, and a quiet book each minute`);
});

test('a connection that falls silent is given up after 25 s and opened anew', async (t) => {
  const at_ns = instant('2026-11-20T10:00:30Z');
  const silence = { kind: 'silence' as const, connection: 1, at_ns, duration_ms: 120_000 };
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, faults: [silence] });
  await rig.pass(90);
  const { state, reconnects } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, reconnects], ['READY', 1]);
  const lines = await readLog(rig.store);
  const [stale, ...more] = factsOf(lines, '_alarm');
  assert.deepEqual(more, []);
  assert.equal(stale?.kind, 'stale');
  const waited = Number((stale.at - at_ns) / 1_000_000_000n);
  assert.ok(waited >= 24 && waited <= 26, `${waited} s`);
});

test('a venue that goes away for service says so, and is found again', async (t) => {
  const at_ns = instant('2026-11-20T10:00:30Z');
  const close = { kind: 'close' as const, connection: 1, at_ns, code: 1012 };
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, faults: [close] });
  await rig.pass(60);
  const { state, reconnects } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, reconnects], ['READY', 1]);
  const opened = factsOf(await readLog(rig.store), '_open');
  assert.equal(opened.length, 3);
});
