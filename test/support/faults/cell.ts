/** A row of a table of `docs/faults.md`, and what proves it: one test case a row. */
import type { Proof } from './proof.ts';

export type FaultCell = {
  /** The row's first cell, as the page has it. */
  readonly row: string;
} & (
  | { readonly proofs: readonly Proof[] }
  /** A test elsewhere: its file, and a name that stands in it. */
  | { readonly test: readonly [file: string, name: string] }
);

/** A table: under which headings it stands, and its rows in order. */
export type FaultTable = {
  readonly feed: string;
  readonly headings: readonly string[];
  readonly cells: readonly FaultCell[];
};
