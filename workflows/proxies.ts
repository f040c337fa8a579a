/**
 * Activities as workflows see them: types only, one proxy per policy of time and retries. What no
 * repetition cures ends a job at once, whatever its policy (`activities/errors.ts`); policies are for
 * what passes by itself: a store, a bus or a worker that is away.
 */
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { ActivityOptions } from '@temporalio/workflow';
import type { AdmissionActivities } from '../activities/admission.ts';
import type { ArchiveActivities } from '../activities/archive.ts';
import type { AuditActivities } from '../activities/audit.ts';
import type { BackfillActivities } from '../activities/backfill.ts';
import type { CleanupActivities } from '../activities/cleanup.ts';
import type { CompareActivities } from '../activities/compare.ts';
import type { ExportActivities } from '../activities/export.ts';
import type { QaActivities } from '../activities/qa.ts';
import type { ReprocessActivities } from '../activities/reprocess.ts';
import type { ReplayActivities } from '../activities/replay.ts';
import type { SessionActivities } from '../activities/session.ts';
import type { UsageActivities } from '../activities/usage.ts';
import { PARTS_QUEUE, REPLAY_QUEUE, REPLAY_WORDS_QUEUE } from './lib/queues.ts';

export type Activities = AdmissionActivities &
  ArchiveActivities &
  AuditActivities &
  BackfillActivities &
  CleanupActivities &
  UsageActivities &
  CompareActivities &
  ExportActivities &
  QaActivities &
  ReplayActivities &
  SessionActivities &
  ReprocessActivities;

/** A server may be away for a night's part: a job waits for it, and then somebody has to look. */
const PATIENCE = '6 hours';

const BACKOFF: ActivityOptions['retry'] = {
  initialInterval: '1 second',
  backoffCoefficient: 2,
  maximumInterval: '2 minutes',
};

/**
 * `quick`: answered from the worker's configuration, no store and no bus. An attempt is short; the
 * whole is as patient as the rest, since what it may have to wait for is a worker.
 */
export const quick = proxyActivities<Activities>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: PATIENCE,
  retry: { ...BACKOFF, maximumInterval: '10 seconds' },
});

/**
 * `records`: heads, lists and small records of the store. An attempt outlasts the store's own retries
 * (ten requests of up to 20 s), so that it is their reason that is shown and not a time limit.
 */
export const records = proxyActivities<Activities>({
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: PATIENCE,
  heartbeatTimeout: '10 seconds',
  retry: BACKOFF,
});

/**
 * `io`: reading, folding and writing of days. Heartbeats tell a dead worker from a busy one, and
 * carry what is done already to the next attempt.
 */
export const io = proxyActivities<Activities>({
  startToCloseTimeout: '2 hours',
  scheduleToCloseTimeout: PATIENCE,
  heartbeatTimeout: '10 seconds',
  retry: { ...BACKOFF, initialInterval: '2 seconds' },
});

/**
 * `awaited`: as `io`, for what readers see. A cancellation waits for it, at most until a worker that is gone
 * is missed: a run ends as cancelled only once nobody writes for it any more. What ends an export removes
 * what was written of it; what ends a rebuild leaves the pointer alone, or says that it was moved.
 */
export const awaited = proxyActivities<Activities>({
  startToCloseTimeout: '2 hours',
  scheduleToCloseTimeout: PATIENCE,
  heartbeatTimeout: '10 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { ...BACKOFF, initialInterval: '2 seconds' },
});

/** `parts`: as `io`, on a queue of their own: a large rebuild takes no place of another job's. */
export const parts = proxyActivities<Activities>({
  taskQueue: PARTS_QUEUE,
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '10 seconds',
  retry: { ...BACKOFF, initialInterval: '2 seconds' },
});

/** `cache`: the bus, where RAW has it all as well: what it does not give soon is not waited for. */
export const cache = proxyActivities<Activities>({
  startToCloseTimeout: '30 minutes',
  scheduleToCloseTimeout: '30 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 2, initialInterval: '1 second' },
});

/** `replays`: one process each, watched for as long as it is told to run; on a queue of their own. */
export const replays = proxyActivities<Activities>({
  taskQueue: REPLAY_QUEUE,
  startToCloseTimeout: '60 days',
  heartbeatTimeout: '10 seconds',
  // Its process ends in order first, and says where it was.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { ...BACKOFF, maximumInterval: '30 seconds' },
});

/**
 * `words`: what a running replay is told and answers at once. Whoever asks waits for it, so it is soon
 * given up; its queue is its own, so that it waits behind nothing.
 */
export const words = proxyActivities<Activities>({
  taskQueue: REPLAY_WORDS_QUEUE,
  startToCloseTimeout: '10 seconds',
  scheduleToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '2 seconds' },
});
