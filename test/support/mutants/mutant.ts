/** One rule of the product, and how it is broken to see that a test notices. */
import type { Mistake } from './mistakes.ts';

export type RuleMutant = {
  /** The rule, in words. */
  readonly rule: string;
  /** Which of the known mistakes about venues it makes; absent: one of its own. */
  readonly mistake?: Mistake;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The test file, and a test in it that fails. */
  readonly by: { readonly file: string; readonly test: string };
  /** How the assertion begins that fails, where one test holds several rules. */
  readonly says?: string;
};
