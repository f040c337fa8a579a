/**
 * Every way of getting a venue wrong that is known: some test has to say so. `# mistake | venue | how`
 * in the output is the table of them.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { assertNoticed } from '../support/mutants/run.ts';
import { VENUE_MUTANTS, mistakeTable } from '../support/mutants/venues.ts';

test('each mistake is broken at each venue, or said why it cannot be', (t) => {
  assert.deepEqual(VENUE_MUTANTS.map(({ feed }) => feed).toSorted(), [...FEEDS.keys()].toSorted());
  for (const { feed, mistake, rules, spared } of mistakeTable()) {
    t.diagnostic(
      `${mistake} | ${feed} | ${spared === null ? rules.join('; ') : `none: ${spared}`}`,
    );
    assert.notEqual(rules.length > 0, spared !== null, `${mistake} at ${feed}: one of the two`);
  }
});

for (const { feed, mutants } of VENUE_MUTANTS) {
  describe(`${feed}, one rule broken at a time`, { concurrency: 2 }, () => {
    for (const mutant of mutants) void test(mutant.rule, () => assertNoticed(mutant));
  });
}
