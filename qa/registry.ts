/**
 * Every type of check. Adding one is a file in `checks/`, a line here, a line in the suite's
 * schema.
 */
import type { EventType } from '../schema/events.ts';
import type { CheckContext, OpenCheck, QaCheck, Severity } from './check.ts';
import { checksum } from './checks/checksum.ts';
import { crossed } from './checks/crossed.ts';
import { monotonic } from './checks/monotonic.ts';
import { presence } from './checks/presence.ts';
import { range } from './checks/range.ts';
import { sequence } from './checks/sequence.ts';

export const CHECKS = { sequence, range, presence, monotonic, checksum, crossed } as const;

export type CheckType = keyof typeof CHECKS;

/** What a suite may say to a check of a type. */
export type ConfigOf<T extends CheckType> =
  (typeof CHECKS)[T] extends QaCheck<infer Config> ? Config : never;

/** A type of check with what it was told. */
export type CheckCall = {
  [T in CheckType]: { readonly type: T; readonly config: ConfigOf<T> };
}[CheckType];

export function openCheck(call: CheckCall, context: CheckContext): OpenCheck {
  // The call's type picks both sides; the compiler cannot follow a union through an index.
  const check = CHECKS[call.type] as QaCheck<CheckCall['config']>;
  return check.open(call.config, context);
}

/** Types the check can judge; null for any. */
export function subjectsOf(call: CheckCall): readonly EventType[] | null {
  const check = CHECKS[call.type] as QaCheck<CheckCall['config']>;
  return check.subjects(call.config);
}

export function severityOf(type: CheckType): Severity {
  return CHECKS[type].severity;
}
