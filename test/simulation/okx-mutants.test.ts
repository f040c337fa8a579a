/** Every way of getting OKX wrong that is known: some test has to say so. */
import { describe, test } from 'node:test';
import { OKX_MUTANTS } from '../support/mutants/okx.ts';
import { assertNoticed } from '../support/mutants/run.ts';

describe('OKX, one rule broken at a time', { concurrency: 2 }, () => {
  for (const mutant of OKX_MUTANTS) void test(mutant.rule, () => assertNoticed(mutant));
});
