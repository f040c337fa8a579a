/** What a start of servers throws when it is told to stop. */
import { SsmdError } from '../schema/errors.ts';

/** @throws SSMD_INTERRUPTED where the signal has aborted */
export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new SsmdError('SSMD_INTERRUPTED', 'the start was interrupted; what it started was stopped');
}
