/**
 * The one place where errors become Temporal's: the failure's `type` is our code, so that callers and
 * charts can tell them apart, and what trying again cannot cure is not tried again. That is every
 * error but those known to come from outside: a mistake in the code makes the same mistake for hours.
 */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { SsmdError } from '../schema/errors.ts';

/** The server cuts a pending activity's failure at 4 KiB; what follows is in the error's facts. */
const MESSAGE_CHARS_MAX = 3_000;

/** Any error an activity threw, as the failure the server is told. */
export function toFailure(error: unknown): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (error instanceof SsmdError) {
    return ApplicationFailure.create({
      message: shortened(error.message),
      type: error.code,
      nonRetryable: !error.retryable,
      details: [error.facts],
      ...causeOf(error.cause),
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return ApplicationFailure.create({
    message: shortened(message),
    type: error instanceof Error ? error.name : 'Error',
    nonRetryable: !isFromOutside(error),
    ...causeOf(error),
  });
}

function causeOf(cause: unknown): { readonly cause?: Error } {
  return cause instanceof Error ? { cause } : {};
}

/** Errors of connections and time limits, by the names their libraries give them. */
const OUTSIDE: ReadonlySet<string> = new Set([
  ...['AbortError', 'TimeoutError', 'ConnectionError', 'ClosedConnectionError', 'RequestError'],
  ...['DrainingConnectionError', 'NoResponders', 'ProtocolError', 'JetStreamNotEnabled'],
  ...['JetStreamError', 'JetStreamStatusError', 'JetStreamApiError', 'ConsumerNotFoundError'],
  'StreamNotFoundError',
]);
/** Errors wrap errors: `TypeError: fetch failed` is one of a socket. */
const CAUSES_MAX = 5;

/** Whether a server or the network said it; adapters say so themselves wherever they can. */
function isFromOutside(error: unknown): boolean {
  let it = error;
  for (let depth = 0; depth < CAUSES_MAX && it instanceof Error; depth++) {
    if (it instanceof SsmdError) return it.retryable;
    if (OUTSIDE.has(it.name) || isOfSystem(it) || '$metadata' in it) return true;
    it = it.cause;
  }
  return false;
}

/** A system call failed (`ECONNRESET`, `ENOSPC`); Node's own complaints about code say `ERR_`. */
function isOfSystem(error: Error): boolean {
  if (!('code' in error) || typeof error.code !== 'string') return false;
  return /^(E[A-Z0-9]+|UND_ERR_[A-Z_]+)$/.test(error.code);
}

function shortened(message: string): string {
  return message.length <= MESSAGE_CHARS_MAX
    ? message
    : `${message.slice(0, MESSAGE_CHARS_MAX)} ... (${message.length} characters)`;
}
