/** Every rule of the contract, broken: some test has to say so. */
import { describe, test } from 'node:test';
import { RULE_MUTANTS } from '../support/mutants/rules.ts';
import { assertNoticed } from '../support/mutants/run.ts';

describe('the rules of the contract, one broken at a time', { concurrency: 2 }, () => {
  for (const mutant of RULE_MUTANTS) void test(mutant.rule, () => assertNoticed(mutant));
});
