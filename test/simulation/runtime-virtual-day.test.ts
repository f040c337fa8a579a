import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { runVirtualDay } from '../../connectors/simulator/virtual-day.ts';
import type { VirtualDayOptions } from '../../connectors/simulator/virtual-day.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { factsOf, instant, inventories, readLog, scratchDirectory } from '../support/runtime.ts';

const DAY = '2026-11-20' as Day;
const SYMBOLS = {
  kraken: [{ symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' as const }],
  'binance-usdm': [{ symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' as const }],
  okx: [{ symbol: 'BTCUSDT-PERP', external: 'BTC-USDT-SWAP', depth: 'l2' as const }],
  coinbase: [{ symbol: 'BTCUSD', external: 'BTC-USD', depth: 'l2' as const }],
  'bybit-linear': [{ symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' as const }],
};

function options(id: keyof typeof SYMBOLS, dir: string, store: ObjectStore): VirtualDayOptions {
  const feed = FEEDS.get(id);
  const venue = VENUES.get(id);
  if (feed === undefined || venue === undefined) throw new Error(`no feed ${id}`);
  return {
    ...{ feed, venue, dir, store, shard: 'tier1', day: DAY, symbols: SYMBOLS[id], seed: 5 },
    rate: 0.05,
    faults: { rates: { drop: 1, close: 0.2, garbage: 0.5, mutate: 1 } },
    software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
  };
}

for (const id of ['kraken', 'binance-usdm', 'okx', 'coinbase', 'bybit-linear'] as const) {
  test(`${id}: a whole past day with faults, complete and foldable from RAW`, async (t) => {
    const store = createMemoryObjectStore();
    let told = 0;
    const day = await runVirtualDay({
      ...options(id, scratchDirectory(t), store),
      onProgress: (share) => (told = share),
    });
    assert.equal(told, 1);
    assert.ok(day.ledger.length > 20, `${day.ledger.length} faults`);
    const found = await inventories(store);
    assert.deepEqual(
      found.map((it) => [it.day, it.end]),
      [
        ['2026-11-19', 'day'],
        [DAY, 'day'],
        ['2026-11-21', 'shutdown'],
      ],
    );
    const segments = found.flatMap((it) => it.segments.map((segment) => segment.segment));
    assert.deepEqual(segments, [...segments.keys()], 'every segment is listed once, in order');
    const lines = await readLog(store);
    assert.deepEqual(
      factsOf(lines, '_midnight').map(({ at }) => at),
      [instant('2026-11-20T00:00:00Z'), instant('2026-11-21T00:00:00Z')],
    );
    const feed = FEEDS.get(id);
    if (feed === undefined) return assert.fail();
    const fold = createShardFold(feed, 'tier1');
    let events = 0;
    for (const line of lines) {
      if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
      else {
        const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
        fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
      }
      events += fold.out.count;
      fold.out.clear();
    }
    assert.equal(events, day.events);
    assert.equal(lines.filter((line) => line.type === 'frame').length, day.frames);
  });
}

test('the same seed gives the same log to the byte', async (t) => {
  const hashes = async (): Promise<readonly string[]> => {
    const store = createMemoryObjectStore();
    const stop = new AbortController();
    const run = runVirtualDay({
      ...options('kraken', scratchDirectory(t), store),
      onLog: (_, event) => {
        if (event === 'day.begun') stop.abort();
      },
      signal: stop.signal,
    });
    await assert.rejects(run, /abort/i);
    const found = await inventories(store);
    return found.flatMap((it) => it.segments.map((segment) => segment.sha256)).slice(0, 10);
  };
  const first = await hashes();
  assert.equal(first.length, 10);
  assert.deepEqual(await hashes(), first);
});
