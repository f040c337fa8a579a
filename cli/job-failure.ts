/** What a job failed with, as an error of ours: the innermost cause says what happened. */
import { ApplicationFailure, CancelledFailure, WorkflowFailedError } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import type { ErrorCode, ErrorFacts } from '../schema/errors.ts';

/** `id`: what the run is called. */
export function failureOf(error: unknown, id: string): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause instanceof Error && !isOurs(cause)) {
    cause = cause.cause;
  }
  if (isOurs(cause)) {
    const [facts = {}] = (cause.details ?? []) as readonly ErrorFacts[];
    const code = cause.type as ErrorCode;
    return new SsmdError(code, cause.message, { facts: { ...facts, id }, cause });
  }
  if (cause instanceof CancelledFailure) {
    return new SsmdError('SSMD_INTERRUPTED', `${id} was cancelled`, { facts: { id }, cause });
  }
  return cause;
}

function isOurs(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type?.startsWith('SSMD_') === true;
}
