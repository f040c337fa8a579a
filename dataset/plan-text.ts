/**
 * A shard's plan as text, so that one process surveys RAW of a day and others rebuild from it. Every
 * segment is identified by its hash: what changed in between is found when it is read.
 */
import type { ShardPlan } from './day-plan.ts';
import type { Share } from './parts.ts';

export type StagedPlan = { readonly format: 1; readonly plan: ShardPlan; readonly share: Share };

/** Instants are beyond what a JSON number holds: `{"ns": "1764979200000000000"}`. */
export function planToText(staged: StagedPlan): string {
  return JSON.stringify(staged, (_, value: unknown) =>
    typeof value === 'bigint' ? { ns: value.toString() } : value,
  );
}

/** What `planToText` wrote. @throws SyntaxError where the text is none of its */
export function planFromText(text: string): StagedPlan {
  const staged = JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('ns' in value)) return value;
    return BigInt(String(value.ns));
  }) as StagedPlan;
  if (staged.format === 1 && typeof staged.plan?.unbroken_until === 'bigint') return staged;
  throw new SyntaxError('this is no plan of a shard');
}
