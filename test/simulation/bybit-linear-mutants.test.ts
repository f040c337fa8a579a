/** Every way of getting Bybit wrong that is known: some test has to say so. */
import { describe, test } from 'node:test';
import { BYBIT_MUTANTS } from '../support/mutants/bybit.ts';
import { assertNoticed } from '../support/mutants/run.ts';

describe('Bybit, one rule broken at a time', { concurrency: 2 }, () => {
  for (const mutant of BYBIT_MUTANTS) void test(mutant.rule, () => assertNoticed(mutant));
});
