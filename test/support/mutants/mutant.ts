/** One rule of the product, and how it is broken to see that a test notices. */
export type RuleMutant = {
  /** The rule, in words. */
  readonly rule: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** The test file, and a test in it that fails. */
  readonly by: { readonly file: string; readonly test: string };
};
