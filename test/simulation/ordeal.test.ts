/**
 * An hour of each feed with random faults: every one that can be found is told of, at its market and
 * frame, no gap is told without one, and the books end as the venue's own. The long form, a day of five
 * feeds with a thousand faults, is `npm run soak`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { runOrdeal } from '../support/ordeal.ts';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_121);

for (const feed of FEEDS.keys()) {
  test(`${feed}: an hour, every fault that can be found is found, and the books end equal`, async (t) => {
    t.diagnostic(`seed ${SEED} (FC_SEED)`);
    const ordeal = { feed, from: '2026-11-20T10:00:00Z', seconds: 3_600, rate: 1, seed: SEED };
    const result = await runOrdeal(t, { ...ordeal, faults: 40 });
    assert.deepEqual(result.missed, []);
    assert.deepEqual(result.unexplained, []);
    assert.ok(result.ledger.length >= 30, `${result.ledger.length} faults done`);
    assert.ok(result.detectable.length >= 5, `${result.detectable.length} that can be found`);
    assert.ok(result.levels >= 20, `${result.levels} levels compared`);
    const { frames, ledger, detectable, gaps, levels } = result;
    t.diagnostic(
      `${frames} frames, ${ledger.length} faults, ${detectable.length} of them detectable, ` +
        `${gaps} gaps, ${levels} levels equal`,
    );
  });
}
