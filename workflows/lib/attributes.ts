/**
 * What operators filter runs by. A server that does not know an attribute would refuse the workflow
 * task for ever, so only those it said it knows are set.
 */
import { defineSearchAttributeKey } from '@temporalio/common';
import { upsertSearchAttributes } from '@temporalio/workflow';

export type Attributes = {
  readonly SsmdFeed?: string;
  readonly SsmdDay?: string;
  readonly SsmdVersion?: string;
  readonly SsmdStage?: string;
  readonly SsmdOutcome?: string;
  /** How it was asked to go about it: `force`, `dry-run`, `deep`, a format, a speed. */
  readonly SsmdMode?: string;
  /** The ticket of the trouble it is, or was, in: `LIN-123`. */
  readonly SsmdTicket?: string;
};

/** Of this run: in the sandbox each run has modules of its own. */
let filed: Attributes = {};
/** What its server knows; nothing until the run has asked. */
let known_here: readonly string[] = [];

/** All the run was filed under so far, whether or not the server knows the attributes. */
export function filedUnder(): Attributes {
  return filed;
}

/** Says what the server knows, before anything is filed. */
export function knowAttributes(known: readonly string[]): void {
  known_here = known;
}

/** Sets those of `attributes` that the server knows. */
export function fileUnder(known: readonly string[], attributes: Attributes): void {
  filed = { ...filed, ...attributes };
  known_here = known;
  const pairs = Object.entries(attributes)
    .filter(([name]) => known.includes(name))
    .map(([name, value]) => ({ key: defineSearchAttributeKey(name, 'KEYWORD'), value }));
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}

/** The ticket somebody looks after it under; of several, the one that came last. */
export function fileTicket(id: string): void {
  if (filed.SsmdTicket !== id) fileUnder(known_here, { SsmdTicket: id });
}

/** What came of a run that did not end by itself; nothing where it never got to file itself. */
export function fileEnd(outcome: 'failed' | 'cancelled'): void {
  fileUnder(known_here, { SsmdOutcome: outcome });
}
