/** The connector against the simulated Bybit: what is asked again, alone, and what it comes to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import { bybitLinear } from '../../connectors/bybit-linear/feed.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import { formatDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { factsOf, instant, readLog, scratchDirectory, startRig } from '../support/runtime.ts';

const AT = '2026-11-20T10:00:00Z';
const at_ns = instant('2026-11-20T10:00:30Z');

/** What a fold of the log says. */
async function eventsOf(store: ObjectStore): Promise<MarketEvent[]> {
  const fold = createShardFold(bybitLinear, 'tier1');
  const events: MarketEvent[] = [];
  for (const line of await readLog(store)) {
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
    events.push(...decodeEvents(fold.out.bytes.subarray(0, fold.out.used)));
    fold.out.clear();
  }
  return events;
}

/** Of one type of event, up to the end of the run. */
const statusOf = (events: readonly MarketEvent[], about: string): string[] =>
  events.flatMap((it) =>
    it.type === 'status' && it.about === about && it.cause !== 'closed'
      ? [`${it.kind} ${it.cause}`]
      : [],
  );

test('a ticker made whole from its changes is the venue’s own', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: AT, feed: 'bybit-linear' });
  await rig.pass(92);
  const heard: string[] = [];
  const line = rig.harness.connect('/v5/public/linear', rig.clock.nowNs(), {
    frame: (payload) => heard.push(String(payload)),
    ping: () => {},
    close: () => {},
  });
  if ('status' in line) return assert.fail();
  line.onMessage('{"op":"subscribe","args":["tickers.BTCUSDT"]}', rig.clock.nowNs());
  const stated = heard.find((text) => text.includes('"snapshot"')) ?? assert.fail();
  await rig.finish();
  const events = await eventsOf(rig.store);
  const ticker = events.findLast((it) => it.type === 'ticker') ?? assert.fail();
  const mark = events.findLast((it) => it.type === 'mark') ?? assert.fail();
  const data = (JSON.parse(stated) as { data: Record<string, string> }).data;
  const text = (value: Decimal | null): string => (value === null ? '' : formatDecimal(value));
  assert.deepEqual(
    [ticker.last_price, ticker.bid_price, ticker.bid_size, ticker.ask_price].map(text),
    [data['lastPrice'], data['bid1Price'], data['bid1Size'], data['ask1Price']],
  );
  assert.deepEqual(
    [ticker.open, ticker.high, ticker.low, ticker.volume, ticker.quote_volume].map(text),
    ['prevPrice24h', 'highPrice24h', 'lowPrice24h', 'volume24h', 'turnover24h'].map(
      (name) => data[name],
    ),
  );
  assert.deepEqual([mark.mark_price, mark.index_price, mark.funding_rate].map(text), [
    data['markPrice'],
    data['indexPrice'],
    data['fundingRate'],
  ]);
  const deltas = rig.heard.frames.filter((it) => /"tickers.*"delta"/.test(it));
  assert.ok(deltas.length > 50, `${deltas.length} changes`);
  assert.equal(factsOf(await readLog(rig.store), '_alarm').length, 0);
});

test('a ticker whose snapshot was lost is asked for again, alone', async (t) => {
  const rig = startRig({
    dir: scratchDirectory(t),
    at: AT,
    feed: 'bybit-linear',
    faults: [{ kind: 'drop', channel: 'tickers', symbol: 'BTCUSDT' }],
  });
  await rig.pass(30);
  await rig.finish();
  const alarms = factsOf(await readLog(rig.store), '_alarm');
  assert.deepEqual(
    alarms.map(({ kind, channel, detail }) => [kind, channel, detail]),
    [['resubscribe', 'tickers', 'no snapshot']],
  );
  const events = await eventsOf(rig.store);
  assert.notEqual(statusOf(events, 'ticker').at(-1), 'gap_opened opening', 'no gap is left');
  const first = events.find((it) => it.type === 'ticker') ?? assert.fail();
  assert.equal(first.flags & FLAG.SNAPSHOT, FLAG.SNAPSHOT);
});

test('a book message lost: one topic is asked for again, and the gap closes', async (t) => {
  const rig = startRig({
    dir: scratchDirectory(t),
    at: AT,
    feed: 'bybit-linear',
    faults: [{ kind: 'drop', channel: 'orderbook', symbol: 'BTCUSDT', at_ns }],
  });
  await rig.pass(60);
  await rig.finish();
  const lines = await readLog(rig.store);
  const alarms = factsOf(lines, '_alarm');
  assert.deepEqual(
    alarms.map(({ kind, channel, detail }) => [kind, channel, detail]),
    [['resubscribe', 'orderbook', 'sequence']],
  );
  assert.equal(factsOf(lines, '_open').length, 1, 'the connection stays');
  const after = factsOf(lines, '_sent').filter((it) => it.at > (alarms[0]?.at ?? 0n));
  const asked = after.slice(0, 2).map(({ text }) => (JSON.parse(text) as { op: string }).op);
  assert.deepEqual(asked, ['unsubscribe', 'subscribe']);
  for (const { text } of after.slice(0, 2)) assert.match(text, /\["orderbook\.200\.BTCUSDT"\]/);
  const status = statusOf(await eventsOf(rig.store), 'book');
  assert.deepEqual(status.slice(-2), ['gap_opened sequence', 'gap_closed sequence']);
});

test('a refused topic is an alarm and no data; the others go on', async (t) => {
  const rig = startRig({
    dir: scratchDirectory(t),
    at: AT,
    feed: 'bybit-linear',
    faults: [{ kind: 'refuse', channel: 'publicTrade', symbol: 'BTCUSDT' }],
  });
  await rig.pass(60);
  const { connections, alarms } = rig.connector.status();
  await rig.finish();
  assert.equal(alarms['refused'], 1);
  const text = JSON.stringify(connections);
  assert.match(text, /"channel":"publicTrade","symbol":"BTCUSDT-PERP","state":"refused"/);
  assert.match(text, /"channel":"orderbook","symbol":"BTCUSDT-PERP","state":"live"/);
  const events = await eventsOf(rig.store);
  assert.ok(!events.some((it) => it.type === 'trade'));
  assert.ok(events.some((it) => it.type === 'status' && it.kind === 'refused'));
});

test('acknowledged and silent is found, and asked for again', async (t) => {
  const rig = startRig({
    dir: scratchDirectory(t),
    at: AT,
    feed: 'bybit-linear',
    faults: [{ kind: 'silence', channel: 'tickers', symbol: 'BTCUSDT', duration_ms: 12_000 }],
  });
  await rig.pass(60);
  await rig.finish();
  const alarms = factsOf(await readLog(rig.store), '_alarm');
  assert.deepEqual(
    alarms.map(({ kind, channel }) => [kind, channel]),
    [
      ['silent', 'tickers'],
      // What was asked for fell into the silence, too: the next message was a change of nothing.
      ['resubscribe', 'tickers'],
    ],
  );
});

test('ten quiet minutes: pings keep the connection, and nothing is asked again', async (t) => {
  const rig = startRig({ dir: scratchDirectory(t), at: AT, feed: 'bybit-linear', rate: 0.001 });
  await rig.pass(600);
  await rig.finish();
  const lines = await readLog(rig.store);
  assert.equal(factsOf(lines, '_open').length, 1);
  assert.deepEqual(factsOf(lines, '_alarm'), []);
  const pings = factsOf(lines, '_sent').filter(({ text }) => text.includes('"op":"ping"'));
  assert.ok(pings.length >= 28 && pings.length <= 30, `${pings.length} pings`);
});
