/** Every way of getting OKX wrong that is known: some test has to say so. */
import { OKX_MUTANTS } from '../support/mutants/okx.ts';
import { breakOneByOne } from '../support/mutants/run.ts';

breakOneByOne('OKX, one rule broken at a time', OKX_MUTANTS);
