/**
 * Runs a step as a Temporal activity: heartbeats for as long as it runs, resumes where the attempt
 * before stopped, stops when the run is cancelled, and maps its errors.
 */
import { Context } from '@temporalio/activity';
import { toFailure } from './errors.ts';
import type { JobContext, JobCursor } from './deps.ts';

/** Between heartbeats. The SDK throttles what it sends on; a cursor is at most this old in a crash. */
const BEAT_INTERVAL_MS = 1_000;
const STARTING: JobCursor = { v: 1, stage: 'starting', done: [], records: 0, bytes: 0 };

/** An activity that hands `step` its input and a context that speaks to the server. */
export function activity<I, O>(
  step: (input: I, context: JobContext) => Promise<O>,
): (input: I) => Promise<O> {
  return async (input) => {
    const running = Context.current();
    const resumed = asCursor(running.info.heartbeatDetails);
    let cursor = resumed ?? STARTING;
    const timer = setInterval(() => running.heartbeat(cursor), BEAT_INTERVAL_MS);
    running.heartbeat(cursor);
    try {
      return await step(input, {
        signal: running.cancellationSignal,
        resumed,
        beat: (next) => {
          cursor = next;
          running.heartbeat(cursor);
        },
      });
    } catch (error) {
      // A cancelled signal surfaces as some abort error: the server has to hear the cancellation.
      if (running.cancellationSignal.aborted) await running.cancelled;
      throw toFailure(error);
    } finally {
      clearInterval(timer);
    }
  };
}

function asCursor(details: unknown): JobCursor | null {
  if (typeof details !== 'object' || details === null) return null;
  const cursor = details as JobCursor;
  return cursor.v === 1 && Array.isArray(cursor.done) ? cursor : null;
}
