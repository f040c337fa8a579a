/** A worker over given job dependencies, on a real Temporal server. */
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import { createAdmissionActivities } from '../../activities/admission.ts';
import { createArchiveActivities } from '../../activities/archive.ts';
import { createAuditActivities } from '../../activities/audit.ts';
import { createBackfillActivities } from '../../activities/backfill.ts';
import { createCleanupActivities } from '../../activities/cleanup.ts';
import { createUsageActivities } from '../../activities/usage.ts';
import { createCompareActivities } from '../../activities/compare.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { createExportActivities } from '../../activities/export.ts';
import { createNoticeActivities } from '../../activities/notices.ts';
import { createQaActivities } from '../../activities/qa.ts';
import { createReprocessActivities } from '../../activities/reprocess.ts';
import { createSessionActivities } from '../../activities/session.ts';
import type { QaDeps } from '../../activities/qa.ts';
import type { Replays } from '../../activities/replay.ts';
import type { NoticeRun } from '../../schema/notice.ts';
import type { Calendar } from '../../calendars/calendar.ts';
import { renderReport } from '../../qa/report.ts';
import { partWorker } from '../../workers/builds.ts';
import { jobRunsOf } from '../../workers/job-runs.ts';
import {
  attemptsOf,
  createNoticeDesk,
  createTickets,
  noticeWorker,
} from '../../workers/notices.ts';
import type { NoticeChannels } from '../../workers/notices.ts';
import { replayWorkers } from '../../workers/replays.ts';
import { bundleWorkflows } from '../../workers/worker.ts';
import { exportDeps } from './export-run.ts';
import { buildsIn } from './reprocess-jobs.ts';
import { shippedCalendar } from './shipped-calendar.ts';
import { TINY_SUITE } from './tiny-suite.ts';

const NO_POLICY = { raw_retention_days: -1, normalized_retention_days: 1, entitlements: [] };

export type WorkflowJobs = AsyncDisposable & {
  readonly client: Client;
  /** Starts one of our workflows and waits for its end. */
  readonly run: <T>(type: string, id: string, input: unknown) => Promise<T>;
};

/** A busy machine takes longer than an operator has to wait. */
const TICKET_WAIT_MS = 8_000;
export const QUEUE = 'ssmd';
export const SEARCH_ATTRIBUTES = [
  ...['SsmdFeed', 'SsmdDay', 'SsmdVersion', 'SsmdStage', 'SsmdOutcome', 'SsmdMode', 'SsmdTicket'],
];

let installed = false;

export const tinyQa: QaDeps = {
  suiteOf: () => TINY_SUITE,
  expectedSymbols: () => [
    { symbol: 'BTCUSD', external: 'BTC', shard: 'tier1' },
    { symbol: 'ETHUSD', external: 'ETH', shard: 'tier1' },
  ],
  renderReport,
};

/** Starts the worker; disposing stops it and waits. */
export async function startWorkflowJobs(
  address: string,
  deps: JobDeps,
  attributes: readonly string[] = SEARCH_ATTRIBUTES,
  replays: Replays | null = null,
  notices: NoticeChannels | null = null,
  calendar: Calendar = shippedCalendar('crypto'),
): Promise<WorkflowJobs> {
  if (!installed) {
    const logging = { filter: { core: 'ERROR', other: 'ERROR' } } as const;
    Runtime.install({
      shutdownSignals: [],
      logger: new DefaultLogger('ERROR'),
      telemetryOptions: { logging },
    });
  }
  installed = true;
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const builds = buildsIn(deps);
  const searchAttributes = () => Promise.resolve(attributes);
  const keepsTickets = notices?.notifiers.some(({ name }) => name === 'linear') ?? false;
  const tickets = keepsTickets
    ? { tickets: createTickets(connection, 'default', TICKET_WAIT_MS) }
    : {};
  const desk = createNoticeDesk(connection, 'default');
  const worker = await Worker.create({
    connection: native,
    taskQueue: QUEUE,
    workflowBundle: await bundleWorkflows(),
    activities: {
      ...createArchiveActivities(deps),
      ...createAuditActivities({ ...deps, runs: jobRunsOf(connection, 'default') }),
      ...createBackfillActivities(deps),
      ...createCleanupActivities(deps),
      ...createUsageActivities({ ...deps, policy: NO_POLICY }),
      ...createCompareActivities(deps),
      ...createExportActivities(exportDeps(deps)),
      ...createQaActivities({ ...deps, ...tinyQa }),
      ...createReprocessActivities({ ...deps, builds }),
      ...createNoticeActivities({ ...deps, desk, ...tickets }),
      ...createSessionActivities({ calendarOf: () => calendar }),
      ...createAdmissionActivities({ ...deps, searchAttributes, ...tickets }),
    },
    shutdownGraceTime: '5 seconds',
    stickyQueueScheduleToStartTimeout: '1 second',
    maxHeartbeatThrottleInterval: '1 second',
    defaultHeartbeatThrottleInterval: '1 second',
  });
  const workers = [worker];
  const queues: Omit<WorkerOptions, 'connection'>[] = [partWorker(builds)];
  if (replays !== null) queues.push(...replayWorkers(replays));
  if (notices !== null) {
    const tried = (run: NoticeRun) => attemptsOf(connection, 'default', run);
    const delivery = noticeWorker({ ...notices, attemptsOf: tried, searchAttributes });
    queues.push({ ...delivery, workflowBundle: await bundleWorkflows() });
  }
  for (const of of queues) {
    workers.push(await Worker.create({ connection: native, ...of }));
  }
  const running = workers.map((each) => each.run());
  return {
    client,
    run: async <T>(type: string, id: string, input: unknown): Promise<T> => {
      const options = { taskQueue: QUEUE, workflowId: id, args: [input] };
      return (await client.workflow.execute(type, options)) as T;
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of workers) if (each.getState() === 'RUNNING') each.shutdown();
      await Promise.all(running);
      await connection.close();
      await native.close();
    },
  };
}
