/** Every rule of the contract, broken: some test has to say so. */
import { RULE_MUTANTS } from '../support/mutants/rules.ts';
import { breakOneByOne } from '../support/mutants/run.ts';

breakOneByOne('the rules of the contract, one broken at a time', RULE_MUTANTS);
