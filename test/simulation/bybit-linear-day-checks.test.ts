/** A clean simulated day of Bybit passes the checks that `qa/bybit-linear.yaml` makes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvents } from '../../codec/md2.ts';
import { bybitLinear } from '../../connectors/bybit-linear/feed.ts';
import { createBybitLinearVenue } from '../../connectors/bybit-linear/venue.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import { runVirtualDay } from '../../connectors/simulator/virtual-day.ts';
import { parseSuite } from '../../environments/qa-suite.ts';
import { openSuite } from '../../qa/suite.ts';
import { dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { readProjectFile } from '../support/project.ts';
import { TIMES, facts } from '../support/qa-events.ts';
import { scratchDirectory } from '../support/runtime.ts';

const DAY = '2026-11-20' as Day;
const SYMBOLS = [{ symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' }] as const;
const TYPES = ['trade', 'quote', 'book', 'ohlc', 'ticker', 'mark', 'liquidation'] as const;

test('a clean day passes every check, and nothing is missed', async (t) => {
  const suite = parseSuite('qa/bybit-linear.yaml', readProjectFile('qa/bybit-linear.yaml'));
  const run = openSuite(
    suite,
    facts({
      day: DAY,
      symbols: SYMBOLS.map(({ symbol, external }) => {
        return { symbol, external, shard: 'tier1', types: TYPES };
      }),
    }),
  );
  await runVirtualDay({
    ...{
      feed: bybitLinear,
      venue: createBybitLinearVenue,
      shard: 'tier1',
      day: DAY,
      symbols: SYMBOLS,
      seed: 11,
    },
    rate: 0.15,
    store: createMemoryObjectStore(),
    dir: scratchDirectory(t),
    software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
    publish: () =>
      publishNowhere((out) => {
        for (const event of decodeEvents(out.bytes.subarray(0, out.used))) {
          if (event.t >= dayStart(DAY) && event.t < dayEnd(DAY)) run.step(event);
        }
      }),
  });
  const { results, day_condition } = run.finish(TIMES);
  const bad = results.filter(({ status }) => status !== 'passed');
  assert.deepEqual(
    bad.map(({ name, group, status, message }) => ({ name, group, status, message })),
    [],
  );
  assert.equal(day_condition, 'available');
  const chain = results.filter(({ name }) => name === 'book-chain');
  assert.equal(chain.length, 1);
  for (const { observed } of chain) {
    assert.deepEqual([observed['unverified'], observed['mismatches']], [0, 0]);
    assert.ok(Number(observed['verified']) > 1_000);
  }
});
