/** Each rule that is broken to try the tests has its place: known in a second, not after all of them ran. */
import test from 'node:test';
import { RULE_MUTANTS } from '../support/mutants/rules.ts';
import { assertPlaced } from '../support/mutants/run.ts';
import { VENUE_MUTANTS } from '../support/mutants/venues.ts';

test('each rule that is broken by a test stands where it is looked for', () => {
  for (const mutant of RULE_MUTANTS) assertPlaced(mutant);
  for (const { mutants } of VENUE_MUTANTS) mutants.forEach(assertPlaced);
});
