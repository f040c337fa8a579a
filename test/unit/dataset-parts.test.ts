/** How symbols are shared out, and the text a plan travels in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planShardDay } from '../../dataset/day-plan.ts';
import { partOf, shareOut } from '../../dataset/parts.ts';
import { planFromText, planToText } from '../../dataset/plan-text.ts';
import type { Day } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

const symbol = fc.stringMatching(/^[A-Z]{3,8}$/);
const weights = fc.dictionary(symbol, fc.integer({ min: 0, max: 1_000 }));

test('every symbol has one part, known or not, and no part has more than a fair share needs', () => {
  hold(
    fc.property(weights, fc.integer({ min: 1, max: 16 }), symbol, (by_symbol, parts, other) => {
      const share = shareOut(new Map(Object.entries(by_symbol)), parts);
      for (const name of [...Object.keys(by_symbol), other]) {
        const part = partOf(share, name);
        assert.ok(Number.isInteger(part) && part >= 0 && part < parts, `${name}: ${part}`);
      }
      const loads = Array.from({ length: parts }, () => 0);
      let heaviest = 0;
      for (const [name, weight] of Object.entries(by_symbol)) {
        const part = partOf(share, name);
        loads[part] = (loads[part] ?? 0) + weight;
        heaviest = Math.max(heaviest, weight);
      }
      assert.ok(Math.max(...loads) - Math.min(...loads) <= heaviest);
    }),
    200,
  );
});

test('a plan is read back as it was, instants beyond 2^53 among it', () => {
  const plan = planShardDay({
    ...{ feed: 'kraken', day: '2026-11-20' as Day, shard: 'tier1' },
    ...{ segments: [], inventories: [], previous_inventories: [], next_segments: [] },
    ...{ earlier_takes: new Map(), bus_seen: new Map() },
  });
  const interval = { epoch: 7, from: 2n ** 61n + 1n, until: 2n ** 61n + 3n, segments: [] };
  const staged = {
    format: 1 as const,
    plan: { ...plan, intervals: [interval], unbroken_until: 2n ** 62n - 1n },
    share: { parts: 2, assigned: { BTCUSD: 1 } },
  };
  assert.deepEqual(planFromText(planToText(staged)), staged);
  assert.throws(() => planFromText('{}'), SyntaxError);
});
