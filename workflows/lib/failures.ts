/** Reads what kind of failure an activity ended with. */
import { ActivityFailure, ApplicationFailure, TemporalFailure } from '@temporalio/workflow';

/** The code of the error behind a failed activity, or null where it was none of ours. */
export function codeOf(error: unknown): string | null {
  const cause = applicationFailureOf(error);
  return cause?.type ?? null;
}

/** The words of the innermost failure: those say what happened. */
export function messageOf(error: unknown): string {
  let it = error;
  while (it instanceof TemporalFailure && it.cause instanceof Error) it = it.cause;
  return it instanceof Error ? it.message : String(it);
}

/** RAW moved on while a day was built from it: plan again, nothing is wrong. */
export function asksForNewPlan(error: unknown): boolean {
  const [facts] = applicationFailureOf(error)?.details ?? [];
  return typeof facts === 'object' && facts !== null && 'replan' in facts;
}

function applicationFailureOf(error: unknown): ApplicationFailure | null {
  if (error instanceof ApplicationFailure) return error;
  return error instanceof ActivityFailure && error.cause instanceof ApplicationFailure
    ? error.cause
    : null;
}
