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
};

/** Of this run: in the sandbox each run has modules of its own. */
let filed: Attributes = {};

/** All the run was filed under so far, whether or not the server knows the attributes. */
export function filedUnder(): Attributes {
  return filed;
}

/** Sets those of `attributes` that the server knows. */
export function fileUnder(known: readonly string[], attributes: Attributes): void {
  filed = { ...filed, ...attributes };
  const pairs = Object.entries(attributes)
    .filter(([name]) => known.includes(name))
    .map(([name, value]) => ({ key: defineSearchAttributeKey(name, 'KEYWORD'), value }));
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}
