/**
 * A day of every feed with a thousand random faults among them, over a midnight: every one that can be
 * found is told of, at its market and frame, no gap is told without one, and the books end as the
 * venue's own. `test/simulation/ordeal.test.ts` is the short form.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { runOrdeal } from '../support/ordeal.ts';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_121);
const FAULTS = 1_000;
/** Some find no chance before their run ends. */
const EACH = Math.ceil((FAULTS * 1.1) / FEEDS.size);
const DAY_S = 86_400;

let faults = 0;
after(() => assert.ok(faults >= FAULTS, `${faults} faults done`));

for (const feed of FEEDS.keys()) {
  test(`${feed}: a day, every fault that can be found is found, and the books end equal`, async (t) => {
    const begun = performance.now();
    const ordeal = { feed, from: '2026-11-20T12:00:00Z', seconds: DAY_S, rate: 0.2, seed: SEED };
    const result = await runOrdeal(t, { ...ordeal, faults: EACH });
    const { frames, ledger, detectable, gaps, levels, missed, unexplained } = result;
    faults += ledger.length;
    const seconds = Math.round((performance.now() - begun) / 1000);
    t.diagnostic(
      `seed ${SEED}: ${frames} frames, ${ledger.length} faults, ${detectable.length} of them ` +
        `detectable, ${missed.length} missed, ${gaps} gaps, ${levels} levels equal, ${seconds} s`,
    );
    assert.deepEqual(missed, []);
    assert.deepEqual(unexplained, []);
    assert.ok(levels >= 20, `${levels} levels compared`);
  });
}
