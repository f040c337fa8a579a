/**
 * Hours of chaos: whole simulated days with random faults at random rates. Of each day, what the live
 * fold spoke is compared byte for byte with a fold of RAW that begins at the day's own `_day` line.
 * `SSMD_SOAK_DAYS` says how many (default 40), `SSMD_SOAK_SEED` where to begin.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { EventArena } from '../../codec/event-arena.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { publishNowhere } from '../../connectors/runtime/publishing.ts';
import { FAULT_KINDS } from '../../connectors/simulator/faults.ts';
import type { FaultRates } from '../../connectors/simulator/faults.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { runVirtualDay } from '../../connectors/simulator/virtual-day.ts';
import { DayFold } from '../../fold/day-fold.ts';
import { dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { readLog, scratchDirectory } from '../support/runtime.ts';
import type { ReadLine } from '../support/runtime.ts';

const DAY = '2026-11-20' as Day;
const DAYS = Number(process.env['SSMD_SOAK_DAYS'] ?? '40');
const FIRST_SEED = Number(process.env['SSMD_SOAK_SEED'] ?? '1');
const SYMBOLS: Readonly<Record<string, readonly [string, string]>> = {
  kraken: ['BTCUSD', 'BTC/USD'],
  'binance-usdm': ['BTCUSDT-PERP', 'BTCUSDT'],
  okx: ['BTCUSDT-PERP', 'BTC-USDT-SWAP'],
};

/** Counts and hashes the events of the day. */
function dayHash(): { readonly take: (out: EventArena) => void; readonly result: () => string } {
  const hash = createHash('sha256');
  let events = 0;
  return {
    take(out) {
      for (let event = 0; event < out.count; event++) {
        const t = out.t[event] as bigint;
        if (t < dayStart(DAY) || t >= dayEnd(DAY)) continue;
        hash.update(out.view(event));
        events += 1;
      }
    },
    result: () => `${events} events, sha256 ${hash.digest('hex')}`,
  };
}

function refold(feed_id: string, lines: readonly ReadLine[]): string {
  const feed = FEEDS.get(feed_id);
  assert.ok(feed !== undefined);
  const told = dayHash();
  let fold: DayFold | null = null;
  for (const line of lines) {
    if (line.type === 'fact' && line.key === '_day') {
      const { day, taken } = line.fact as { day: string; taken: boolean };
      if (day === DAY)
        fold = new DayFold({ feed, shard: 'tier1', day: DAY, opened: line.t, taken });
      // From here on the configuration is the next day's.
      if (day > DAY) continue;
    }
    if (fold === null || fold.ended) continue;
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
    told.take(fold.out);
    fold.out.clear();
  }
  return told.result();
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + DAYS; seed++) {
  for (const [id, [symbol, external]] of Object.entries(SYMBOLS)) {
    test(`${id}, seed ${seed}: live is what RAW folds to`, async (t) => {
      const feed = FEEDS.get(id);
      const venue = VENUES.get(id);
      assert.ok(feed !== undefined && venue !== undefined);
      const random = new Random(seed, 'chaos');
      const rates = Object.fromEntries(
        FAULT_KINDS.map((kind) => [kind, random.unit() * 4]),
      ) as FaultRates;
      const store = createMemoryObjectStore();
      const live = dayHash();
      const day = await runVirtualDay({
        ...{ feed, venue, store, seed, day: DAY, shard: 'tier1' },
        symbols: [{ symbol, external, depth: 'l2' }],
        rate: 0.05 + random.unit() * 0.2,
        faults: { rates },
        dir: scratchDirectory(t),
        software: { connector_version: '0', connector_commit: 'soak', connector_build: 'soak' },
        publish: () => publishNowhere(live.take),
      });
      assert.ok(day.ledger.length > 100, `${day.ledger.length} faults`);
      assert.equal(refold(id, await readLog(store)), live.result());
    });
  }
}
