/** Coinbase through the connector on virtual time: what breaks is cured where it broke, and only there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import { openHarness } from '../../connectors/simulator/harness.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';

const AT = '2026-11-20T10:00:00Z';
const FEED = { at: AT, feed: 'coinbase' } as const;

type Told = {
  readonly subscriptions: readonly { readonly symbol: string; readonly state: string }[];
};
type Sent = { readonly type: string; readonly channel: string; readonly product_ids?: string[] };

function gapsOf(events: readonly MarketEvent[]): string[] {
  return events.flatMap((it) => {
    if (it.type !== 'status' || it.kind?.startsWith('gap') !== true) return [];
    return it.cause === 'take_over' || it.cause === 'opening' || it.cause === 'closed'
      ? []
      : [`${it.kind} ${it.symbol} ${it.about ?? '-'}`];
  });
}

test('a lost frame is a gap of all on the connection, and each book is asked for again', async (t) => {
  const at_ns = instant('2026-11-20T10:00:30Z');
  const lost = { kind: 'drop' as const, channel: 'ticker', symbol: 'BTC-USD', at_ns };
  const events: MarketEvent[] = [];
  const publish = () =>
    publishNowhere((out) => void events.push(...decodeEvents(out.bytes.subarray(0, out.used))));
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, faults: [lost], deps: { publish } });
  await rig.pass(90);
  const { state, reconnects, connections } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, reconnects, connections.length], ['READY', 0, 1]);
  const lines = await readLog(rig.store);
  assert.deepEqual(
    factsOf(lines, '_alarm').map(({ kind, channel, symbol, detail }) => {
      return [kind, channel, symbol, detail].join(' ');
    }),
    ['resubscribe level2 BTCUSD sequence', 'resubscribe level2 ETHUSD sequence'],
  );
  const sent = factsOf(lines, '_sent').map(({ text }) => JSON.parse(text) as Sent);
  assert.deepEqual(
    sent
      .slice(11)
      .map(({ type, channel, product_ids = [] }) => `${type} ${channel} ${product_ids}`),
    [
      ...['unsubscribe level2 BTC-USD', 'subscribe level2 BTC-USD'],
      ...['unsubscribe level2 ETH-USD', 'subscribe level2 ETH-USD'],
    ],
  );
  const gaps = gapsOf(events);
  for (const symbol of ['BTCUSD', 'ETHUSD']) {
    for (const about of ['trade', 'book', 'ticker']) {
      assert.ok(gaps.includes(`gap_opened ${symbol} ${about}`), `${symbol} ${about}`);
      assert.ok(gaps.includes(`gap_closed ${symbol} ${about}`), `${symbol} ${about} is closed`);
    }
  }
});

test('without a fault ten minutes have no gap, no alarm and no repeat', async (t) => {
  const events: MarketEvent[] = [];
  const publish = () =>
    publishNowhere((out) => void events.push(...decodeEvents(out.bytes.subarray(0, out.used))));
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, rate: 10, deps: { publish } });
  await rig.pass(600);
  const { state, alarms, reconnects } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, alarms, reconnects], ['READY', {}, 0]);
  assert.deepEqual(gapsOf(events), []);
  const ids = events.flatMap((it) =>
    it.type === 'trade' && it.symbol === 'BTCUSD' ? [Number(it.trade_id)] : [],
  );
  assert.ok(ids.length > 500);
  assert.ok(
    ids.every((id, at) => at === 0 || id === (ids[at - 1] ?? 0) + 1),
    'in the order they were made',
  );
});

test('a market that the venue has not is an alarm of its own, the others are live', async (t) => {
  const create = VENUES.get('coinbase') ?? assert.fail();
  const start_ns = instant(AT);
  const harness = openHarness({ create, seed: 7, rate: 4, symbols: ['ETH-USD'], start_ns });
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, harness });
  await rig.pass(60);
  const { state, alarms, reconnects, connections } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, reconnects, alarms], ['DEGRADED', 0, { refused: 5 }]);
  const states = (connections as readonly Told[]).flatMap(({ subscriptions }) =>
    subscriptions.map((it) => `${it.symbol} ${it.state}`),
  );
  assert.equal(states.filter((it) => it === 'BTCUSD refused').length, 5);
  assert.equal(states.filter((it) => /^ETHUSD (live|first_message)$/.test(it)).length, 5);
  assert.ok(states.includes('null acked'), 'the heartbeats');
});

test('a quiet market is no silence: heartbeats keep it, ten minutes without a reconnect', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, rate: 0.0005 });
  await rig.pass(600);
  const { state, alarms, reconnects } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, alarms, reconnects], ['READY', {}, 0]);
});

test('a connection without heartbeats is given up after five seconds and opened anew', async (t) => {
  const at_ns = instant('2026-11-20T10:00:30Z');
  const silence = { kind: 'silence' as const, connection: 1, at_ns, duration_ms: 60_000 };
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, faults: [silence] });
  await rig.pass(60);
  const { state, reconnects } = rig.connector.status();
  await rig.finish();
  assert.deepEqual([state, reconnects], ['READY', 1]);
  const [stale, ...more] = factsOf(await readLog(rig.store), '_alarm');
  assert.deepEqual([stale?.kind, more], ['stale', []]);
});

test('books broken at once are each asked for once, and all is live again', async (t) => {
  const at_ns = instant('2026-11-20T10:00:30Z');
  const lost = { kind: 'drop' as const, channel: 'level2', symbol: 'ETH-USD', at_ns };
  const rig = startRig({ dir: scratchDirectory(t), ...FEED, rate: 40, faults: [lost] });
  await rig.pass(120);
  const { alarms, connections } = rig.connector.status();
  await rig.finish();
  assert.deepEqual(alarms, { resubscribe: 2 });
  const states = (connections as readonly Told[]).flatMap(({ subscriptions }) =>
    subscriptions.map((it) => it.state),
  );
  assert.deepEqual([...new Set(states)].sort(), ['acked', 'live']);
});
