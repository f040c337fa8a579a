/** Every way of getting Coinbase wrong that is known: some test has to say so. */
import { describe, test } from 'node:test';
import { COINBASE_MUTANTS } from '../support/mutants/coinbase.ts';
import { assertNoticed } from '../support/mutants/run.ts';

describe('Coinbase, one rule broken at a time', { concurrency: 2 }, () => {
  for (const mutant of COINBASE_MUTANTS) void test(mutant.rule, () => assertNoticed(mutant));
});
