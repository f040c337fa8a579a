/**
 * The one place where our errors become Temporal's: the failure's `type` is our code, so that callers
 * and charts can tell them apart, and what trying again cannot cure is not tried again.
 */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { SsmdError } from '../schema/errors.ts';

/** The server cuts a pending activity's failure at 4 KiB; what follows is in the error's facts. */
const MESSAGE_CHARS_MAX = 3_000;

/** Any error an activity threw, as the failure the server is told. */
export function toFailure(error: unknown): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (!(error instanceof SsmdError)) return error;
  return ApplicationFailure.create({
    message: shortened(error.message),
    type: error.code,
    nonRetryable: !error.retryable,
    details: [error.facts],
    ...(error.cause instanceof Error ? { cause: error.cause } : {}),
  });
}

function shortened(message: string): string {
  return message.length <= MESSAGE_CHARS_MAX
    ? message
    : `${message.slice(0, MESSAGE_CHARS_MAX)} ... (${message.length} characters)`;
}
