/**
 * What the collector stores is what the venues sent, byte for byte: each connection's rows are the frames
 * that went out on it, in order, whatever befell them; nothing is asked for twice to mend anything.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLLECTOR_EVENTS } from '../../connectors/collector/events.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { FaultKind } from '../../connectors/simulator/faults.ts';
import { byConnection, readRaw, startCollectorRig } from '../support/collector.ts';
import type { CollectorRig, Sent } from '../support/collector.ts';
import { scratchDirectory } from '../support/runtime.ts';

const SEED = Number(process.env['COLLECTOR_SEED'] ?? 11);
console.log(`# seed ${SEED} (COLLECTOR_SEED)`);
const RATES = {
  ...{ drop: 900, duplicate: 900, reorder: 900, mutate: 600, garbage: 900 },
  ...{ close: 120, refuse: 60, silence: 20, 429: 20 },
};

/** Each connection's rows against what was sent on one: whole, but for what was on its way at the end. */
async function assertSameBytes(dir: string, { sent }: CollectorRig): Promise<number> {
  const rows = byConnection(await readRaw(dir));
  const left = new Set<Sent>(sent);
  for (const [connection, own] of rows) {
    const frames = own.map((it) => it.payload);
    const match = [...left].find(
      (it) =>
        it.feed === own[0]?.exchange &&
        it.frames.length >= frames.length &&
        frames.every((frame, at) => frame === it.frames[at]),
    );
    assert.ok(match !== undefined, `rows of ${connection} are no connection's frames`);
    left.delete(match);
    const numbers = own.map((it) => it.sequence);
    assert.deepEqual(
      numbers,
      [...numbers.keys()].map((at) => at + 1),
      `${connection}: no holes`,
    );
  }
  const unheard = [...left].filter((it) => it.frames.length > 40);
  assert.deepEqual(
    unheard.map((it) => it.frames.length),
    [],
  );
  return [...rows.values()].reduce((sum, it) => sum + it.length, 0);
}

for (const feed of FEEDS.keys()) {
  test(`${feed}: rows are the frames sent, with every fault, over an hour's end`, async (t) => {
    const dir = scratchDirectory(t);
    const rig = await startCollectorRig({
      dir,
      feeds: [feed],
      seed: SEED,
      faults: { rates: RATES },
    });
    await rig.pass(120);
    await rig.finish();
    const { ledger } = rig.harnesses.get(feed) ?? assert.fail(feed);
    const kinds = new Set<FaultKind>(ledger.map((it) => it.kind));
    for (const kind of ['drop', 'duplicate', 'reorder', 'garbage'] as const) {
      assert.ok(kinds.has(kind), `${kind} was done`);
    }
    const rows = await assertSameBytes(dir, rig);
    const { totals, writer } = rig.collector.status();
    assert.equal(rows, totals.frames);
    assert.deepEqual([writer.frames, writer.lost, totals.queue_full], [rows, 0, 0]);
    assert.ok(rows > 500, `${rows} rows`);
    const said = new Set(rig.events.map((it) => it.event));
    assert.deepEqual(
      [...said].filter((it) => !COLLECTOR_EVENTS.includes(it)),
      [],
    );
    // Every subscription is asked for once a connection; pings and the like ask for nothing.
    for (const { asked } of rig.sent) {
      const requests = asked.filter((it) => /subscribe/i.test(it));
      assert.deepEqual(
        requests.filter((it) => /unsubscribe/i.test(it)),
        [],
      );
      const targets = requests.map((it) => it.replaceAll(/"(id|req_id)":"?\d+"?/g, ''));
      assert.equal(new Set(targets).size, targets.length, 'nothing is asked for twice');
    }
  });
}

test('a broken book, a lost snapshot and a silent channel are told, and not mended', async (t) => {
  const dir = scratchDirectory(t);
  const rig = await startCollectorRig({
    ...{ dir, feeds: ['okx'], seed: SEED },
    faults: [
      { kind: 'drop', channel: 'books', symbol: 'BTC-USDT-SWAP' },
      { kind: 'silence', channel: 'bbo-tbt', symbol: 'ETH-USDT-SWAP', duration_ms: 60_000 },
    ],
  });
  await rig.pass(40);
  await rig.finish();
  const gaps = rig.events.filter((it) => it.event === 'gap_detected').map((it) => it.facts);
  assert.ok(
    gaps.some((it) => it['symbol'] === 'BTC-USDT-SWAP' && it['expected'] === 'snapshot'),
    JSON.stringify(gaps),
  );
  assert.ok((rig.collector.status().alarms['silent'] ?? 0) >= 1);
  const asked = rig.sent.flatMap((it) => it.asked).filter((it) => it.includes('subscribe'));
  assert.equal(asked.length, rig.sent.length, 'one request a connection');
  await assertSameBytes(dir, rig);
});

test('a restart tells how long nothing was recorded, and where time went on', async (t) => {
  const dir = scratchDirectory(t);
  const first = await startCollectorRig({ dir, feeds: ['okx', 'binance-usdm'], seed: SEED });
  await first.pass(30);
  await first.finish();
  const again = await startCollectorRig({
    ...{ dir, feeds: ['okx', 'binance-usdm'], seed: SEED, at: '2026-11-21T14:11:10Z' },
    deps: { run: 'again' },
  });
  await again.pass(30);
  const { offline, gaps } = again.collector.status();
  await again.finish();
  assert.ok(offline !== null);
  assert.equal(offline.minutes, 11);
  assert.deepEqual(Object.keys(offline.gaps).sort(), ['binance-usdm', 'okx']);
  assert.ok(offline.gaps_total >= 8, `${offline.gaps_total} gaps`);
  assert.equal(gaps['restart'], offline.gaps_total);
  const started = again.events.find((it) => it.event === 'collector_start')?.facts;
  assert.equal((started?.['offline'] as { minutes: number }).minutes, 11);
  const ready = again.events.find((it) => it.event === 'state_change')?.facts;
  assert.equal(ready?.['to'], 'READY');
  assert.equal((ready?.['offline'] as { minutes: number }).minutes, 11);
  const rows = await readRaw(dir);
  assert.equal(new Set(rows.map((it) => it.connection.split('.')[0])).size, 2);
});

test('a connection that is cut leaves a gap where its streams go on', async (t) => {
  const rig = await startCollectorRig({ dir: scratchDirectory(t), feeds: ['okx'], seed: SEED });
  await rig.pass(20);
  rig.harnesses.get('okx')?.inject({ kind: 'close', connection: 1 });
  await rig.pass(20);
  await rig.finish();
  const gaps = rig.events.filter((it) => it.event === 'gap_detected').map((it) => it.facts);
  const reconnects = gaps.filter((it) => it['kind'] === 'reconnect');
  assert.ok(reconnects.length >= 4, JSON.stringify(gaps));
  assert.deepEqual(
    gaps.filter((it) => it['kind'] !== 'reconnect'),
    [],
  );
  for (const { gap_ms } of reconnects as { gap_ms: number }[])
    assert.ok(gap_ms > 0 && gap_ms < 20_000);
  const ends = rig.events.filter((it) => it.event === 'ws_disconnect').map((it) => it.facts);
  assert.equal(ends.filter((it) => it['by'] === 'network').length, 1);
});

test('ten calm minutes have no gap, no drop and no reconnect', async (t) => {
  const feeds = [...FEEDS.keys()];
  const rig = await startCollectorRig({ dir: scratchDirectory(t), feeds, rate: 0.5, seed: SEED });
  await rig.pass(600);
  const { totals, gaps, state, ts_event } = rig.collector.status();
  await rig.finish();
  assert.deepEqual(
    [totals.gaps, totals.queue_full, totals.disconnects, state, ts_event.ahead],
    [0, 0, 0, 'READY', 0],
    JSON.stringify(gaps),
  );
  assert.equal(rig.events.filter((it) => it.event === 'heartbeat').length, 20);
});

test('a venue that is away altogether is told by name, though others are there', async (t) => {
  const feeds = ['okx', 'bybit-linear'];
  const rig = await startCollectorRig({ dir: scratchDirectory(t), feeds, seed: SEED });
  await rig.pass(20);
  assert.equal(rig.collector.status().state, 'READY');
  const okx = rig.harnesses.get('okx');
  assert.ok(okx !== undefined);
  const { connect } = okx;
  Object.assign(okx, { connect: () => ({ status: 503, headers: {} }) });
  for (const connection of [1, 2]) okx.inject({ kind: 'close', connection });
  await rig.pass(20);
  const { state, reasons } = rig.collector.status();
  assert.deepEqual(
    { state, reasons },
    {
      ...{ state: 'DEGRADED', reasons: ['no socket of okx is open'] },
    },
  );
  Object.assign(okx, { connect });
  await rig.pass(120);
  assert.equal(rig.collector.status().state, 'READY');
  await rig.finish();
});
