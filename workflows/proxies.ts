/** Activities as workflows see them: types only, one proxy per profile of time and retries. */
import { proxyActivities } from '@temporalio/workflow';
import type { ActivityOptions } from '@temporalio/workflow';
import type { ArchiveActivities } from '../activities/archive.ts';
import type { AuditActivities } from '../activities/audit.ts';
import type { QaActivities } from '../activities/qa.ts';
import type { ServerActivities } from '../activities/server.ts';

export type Activities = ArchiveActivities & AuditActivities & QaActivities & ServerActivities;

/** Heads, lists, small records. */
const QUICK: ActivityOptions = {
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '10 minutes',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
};

/** Reading, folding and writing of data: heartbeats tell a dead worker from a busy one. */
const IO: ActivityOptions = {
  startToCloseTimeout: '2 hours',
  scheduleToCloseTimeout: '6 hours',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '2 minutes' },
};

export const quick = proxyActivities<Activities>(QUICK);
export const io = proxyActivities<Activities>(IO);

/** The bus is a cache: what it does not give soon, RAW gives. */
export const cache = proxyActivities<Activities>({
  ...IO,
  scheduleToCloseTimeout: '30 minutes',
  retry: { maximumAttempts: 2, initialInterval: '1 second' },
});
