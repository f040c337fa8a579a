/** The worker as a process: builds the jobs' adapters, bundles the workflows once, polls the queue. */
import { fileURLToPath } from 'node:url';
import { ScheduleClient } from '@temporalio/client';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  bundleWorkflowCode,
} from '@temporalio/worker';
import type { LogEntry, TelemetryOptions, WorkflowBundle } from '@temporalio/worker';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { createAdmissionActivities } from '../activities/admission.ts';
import { createArchiveActivities } from '../activities/archive.ts';
import { createAuditActivities } from '../activities/audit.ts';
import type { AuditDeps } from '../activities/audit.ts';
import type { AuditFinding } from '../activities/audit-report.ts';
import { createBackfillActivities } from '../activities/backfill.ts';
import { createCleanupActivities } from '../activities/cleanup.ts';
import { createUsageActivities } from '../activities/usage.ts';
import type { UsagePolicy } from '../activities/usage.ts';
import { createSurveyMemo } from '../activities/deps.ts';
import type { JobDeps } from '../activities/deps.ts';
import { createCompareActivities } from '../activities/compare.ts';
import { createExportActivities } from '../activities/export.ts';
import type { ExportDeps } from '../activities/export-plan.ts';
import { createNoticeActivities } from '../activities/notices.ts';
import type { Tickets } from '../activities/notices.ts';
import { createQaActivities } from '../activities/qa.ts';
import { createReprocessActivities } from '../activities/reprocess.ts';
import { createSessionActivities } from '../activities/session.ts';
import type { SessionDeps } from '../activities/session.ts';
import type { QaDeps } from '../activities/qa.ts';
import { FEEDS } from '../connectors/registry.ts';
import { readSoftware } from '../connectors/runtime/provenance.ts';
import type { NotifySettings } from '../environments/alerts-file.ts';
import { calendarFolders, calendarsOf } from '../environments/calendar-files.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import { feedsOf, shardsOf } from '../environments/env.ts';
import type { Environment } from '../environments/env.ts';
import type { Place } from '../notify/notifier.ts';
import { renderReport } from '../qa/report.ts';
import { SsmdError } from '../schema/errors.ts';
import { nsFromMs } from '../schema/time.ts';
import { decompressPrefix, sha256, zstd } from '../storage/zstd.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import { openBus, openStores } from './adapters.ts';
import type { Stores } from './adapters.ts';
import { lateBus, lateStore } from './late-adapters.ts';
import { childBuilds, partWorker } from './builds.ts';
import { jobRunsOf } from './job-runs.ts';
import { exportPorts } from './exports.ts';
import {
  attemptsOf,
  configured,
  createNoticeDesk,
  createTickets,
  noticeWorker,
  openChannels,
} from './notices.ts';
import { startWatching } from './watching.ts';
import { expectedSymbols, readSuite } from './quality.ts';
import { createReplays, replayWorkers } from './replays.ts';
import { auditSchedules } from './schedule-audit.ts';
import { desired } from './schedules.ts';
import { stepLog } from './step-log.ts';

export type WorkerOptions = {
  readonly environment: Environment;
  readonly endpoints: Endpoints;
  /** The project's folder: version, commit, `qa/`. */
  readonly root: string;
  readonly logger?: Logger;
  /** Who is told, and what is watched; a file and the log, and nothing, where it is left out. */
  readonly notify?: NotifySettings;
  /** Of the status pages; 0 takes any free one, none are served where it is left out. */
  readonly port?: number;
  /** Where the SDK's own metrics are, on loopback; left out: nowhere. The first worker of a process decides. */
  readonly metrics_port?: number;
};

export type RunningWorker = {
  readonly status_url: string | null;
  /** Resolves when it has stopped in good order; rejects when it could not go on. */
  readonly stopped: Promise<void>;
  /** Takes no new work, lets what runs finish for a while, then cancels it. */
  readonly stop: () => Promise<void>;
};

/** Days an activity may run at once: each folds and packs on this thread. */
const ACTIVITIES_MAX = 4;
const CACHED_WORKFLOWS_MAX = 200;
/** What runs at a shutdown has this long before it is cancelled; its cursor is then kept. */
const SHUTDOWN_GRACE = '10 seconds';
const SHUTDOWN_FORCE = '25 seconds';
const CONNECT_TIMEOUT_MS = 10_000;
/** What the server is asked for in passing; a job goes on without the answer. */
const ASK_TIMEOUT_MS = 5_000;

/** Starts polling; returns once the server answers. `SSMD_UNAVAILABLE` where it does not. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { environment, endpoints, logger = createLogger() } = options;
  installRuntime(logger, options.metrics_port);
  const adapters = openAdapters(environment, endpoints);
  const connection = await connect(endpoints.temporal.address);
  const deps = { ...jobDeps(options, adapters), ...ticketsOf(options, connection) };
  const { namespace } = endpoints.temporal;
  const replays = createReplays({ environment, endpoints, root: options.root });
  const builds = childBuilds(options);
  const searchAttributes = searchAttributesOf(connection, namespace);
  const desk = createNoticeDesk(connection, namespace);
  const identity = `ssmd-worker@${environment.name}`;
  const now = (): string => new Date().toISOString();
  const interceptors = { activity: [stepLog({ logger, desk, now })] };
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflows(),
    activities: {
      ...createArchiveActivities(deps),
      ...createAuditActivities({ ...deps, ...auditedOf(options, connection) }),
      ...createBackfillActivities(deps),
      ...createCleanupActivities(deps),
      ...createUsageActivities({ ...deps, policy: usagePolicy(environment) }),
      ...createCompareActivities(deps),
      ...createExportActivities(deps),
      ...createQaActivities(deps),
      ...createReprocessActivities({ ...deps, builds }),
      ...createNoticeActivities({ ...deps, desk }),
      ...createSessionActivities(deps),
      ...createAdmissionActivities({ ...deps, searchAttributes }),
    },
    identity,
    interceptors,
    maxConcurrentActivityTaskExecutions: ACTIVITIES_MAX,
    maxCachedWorkflows: CACHED_WORKFLOWS_MAX,
    stickyQueueScheduleToStartTimeout: '1 second',
    maxHeartbeatThrottleInterval: '1 second',
    defaultHeartbeatThrottleInterval: '1 second',
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  });
  const workers = [worker];
  const workflowBundle = await bundleWorkflows();
  const place = placeOf(options);
  const others = options.notify === undefined ? [] : configured(options.notify, place);
  const notices = noticeWorker({
    ...openChannels({ root: options.root, place, logger, others }),
    attemptsOf: (run) => attemptsOf(connection, namespace, run),
    searchAttributes,
  });
  const queues = [partWorker(builds), ...replayWorkers(replays), { ...notices, workflowBundle }];
  for (const of of queues) {
    workers.push(await Worker.create({ connection, namespace, identity, interceptors, ...of }));
  }
  logger.info({ event: 'worker.started', environment: environment.name, queue: TASK_QUEUE });
  const watching = await startWatching(options, { connection, desk, deps, logger });
  const end = (): void => {
    for (const each of workers) if (each.getState() === 'RUNNING') each.shutdown();
  };
  // Where one cannot go on, neither does the other.
  const runs = workers.map((each) => each.run().finally(end));
  const stopped = Promise.all(runs).finally(async () => {
    await Promise.allSettled(runs);
    await watching.stop();
    await replays[Symbol.asyncDispose]();
    await adapters.close();
    await connection.close();
    logger.info({ event: 'worker.stopped' });
  });
  return {
    status_url: watching.status_url,
    stopped: stopped.then(() => undefined),
    stop: async () => {
      end();
      await stopped;
    },
  };
}

function placeOf({ environment, endpoints }: WorkerOptions): Place {
  const { ui_url, namespace } = endpoints.temporal;
  return { environment: environment.name, ui_url, namespace };
}

/** What an audit asks the Temporal server. */
function auditedOf(
  { environment, endpoints, root }: WorkerOptions,
  connection: NativeConnection,
): Pick<AuditDeps, 'runs' | 'schedules'> {
  const { namespace } = endpoints.temporal;
  const client = new ScheduleClient({ connection, namespace });
  const calendars = calendarsOf(environment, calendarFolders(root));
  const schedules = (): Promise<readonly AuditFinding[]> => {
    const wanted = desired({ feeds: feedsOf(environment) }, calendars, nsFromMs(Date.now()));
    return auditSchedules(client, wanted, environment.name);
  };
  return { runs: jobRunsOf(connection, namespace), schedules };
}

/** Linear alone keeps tickets. */
function ticketsOf(
  { notify, endpoints }: WorkerOptions,
  connection: NativeConnection,
): { readonly tickets?: Tickets } {
  if (notify === undefined || notify.linear === null) return {};
  return { tickets: createTickets(connection, endpoints.temporal.namespace) };
}

/** What the environment says of how long data stays, and who may read it. */
function usagePolicy({ spec }: Environment): UsagePolicy {
  const { raw, normalized } = spec.storage;
  return {
    raw_retention_days: raw.retention_days,
    normalized_retention_days: normalized.retention_days,
    entitlements: spec.entitlements.map(({ name = '', data_types = [], ...it }) => ({
      ...it,
      name,
      data_types,
    })),
  };
}

let bundle: Promise<WorkflowBundle> | null = null;

/** The workflows as the sandbox loads them; built once a process, in one to three seconds. */
export function bundleWorkflows(): Promise<WorkflowBundle> {
  bundle ??= bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    workflowInterceptorModules: [
      fileURLToPath(new URL('../workflows/interceptors.ts', import.meta.url)),
      fileURLToPath(new URL('../workflows/lib/filing.ts', import.meta.url)),
    ],
    logger: new DefaultLogger('ERROR'),
  });
  return bundle;
}

type Adapters = Pick<JobDeps, 'raw' | 'normalized' | 'bus'> & {
  readonly close: () => Promise<void>;
};

/** Adapters that open at their first use: a job tried while a server is away is tried again. */
function openAdapters(environment: Environment, endpoints: Endpoints): Adapters {
  let opening: Promise<Stores> | null = null;
  const stores = (): Promise<Stores> => {
    opening ??= openStores(environment, endpoints).catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };
  const bus = lateBus(() => openBus(environment, endpoints, { name: 'worker', wait: false }));
  return {
    raw: lateStore(async () => (await stores()).raw),
    normalized: lateStore(async () => (await stores()).normalized),
    bus,
    close: async () => {
      await bus.close();
      await (await opening?.catch(() => null))?.[Symbol.asyncDispose]();
    },
  };
}

type WorkerDeps = JobDeps & QaDeps & ExportDeps & SessionDeps;

function jobDeps(options: WorkerOptions, adapters: Adapters): WorkerDeps {
  const { environment, root } = options;
  const software = readSoftware(root);
  return {
    raw: adapters.raw,
    normalized: adapters.normalized,
    bus: adapters.bus,
    feeds: FEEDS,
    shardsOf: (feed) => shardsOf(environment, feed),
    configuredFeeds: feedsOf(environment),
    calendarOf: calendarsOf(environment, calendarFolders(root)),
    now: () => nsFromMs(Date.now()),
    build: {
      version: software.connector_version,
      commit: software.connector_commit,
      build: software.connector_build,
    },
    zstd,
    unpackPrefix: decompressPrefix,
    sha256,
    window_hours: 1,
    origin: environment.spec.origin,
    surveys: createSurveyMemo(),
    single_writer: environment.spec.storage.single_writer,
    suiteOf: (feed) => readSuite(root, feed),
    expectedSymbols: (feed) => expectedSymbols(environment, feed),
    renderReport,
    ...exportPorts({
      normalized: adapters.normalized,
      bucket: environment.spec.storage.normalized.bucket,
      version: software.connector_version,
    }),
  };
}

/** Names of the namespace's own search attributes; none where the server does not tell. */
function searchAttributesOf(
  connection: NativeConnection,
  namespace: string,
): () => Promise<readonly string[]> {
  return async () => {
    try {
      const late = Date.now() + ASK_TIMEOUT_MS;
      const ask = () => connection.operatorService.listSearchAttributes({ namespace });
      const answer = await connection.withDeadline(late, ask);
      return Object.keys(answer.customAttributes ?? {}).sort();
    } catch {
      return [];
    }
  };
}

async function connect(address: string): Promise<NativeConnection> {
  const late = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  for (;;) {
    try {
      return await NativeConnection.connect({ address });
    } catch (cause) {
      if (!late.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        continue;
      }
      throw new SsmdError(
        'SSMD_UNAVAILABLE',
        `no Temporal server at ${address}; start one with: npx ssmd up`,
        { retryable: true, facts: { address }, cause },
      );
    }
  }
}

let installed = false;

/** The SDK's runtime is one a process: our log, without the core's chatter about a lost server. */
function installRuntime(logger: Logger, metrics_port: number | undefined): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('INFO', (entry) => relay(logger, entry)),
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } },
      ...(metrics_port === undefined ? {} : { metrics: metricsOn(metrics_port) }),
    },
  });
}

/** Counters end with `_total` and times are in seconds, as Prometheus has them. */
function metricsOn(port: number): NonNullable<TelemetryOptions['metrics']> {
  const bindAddress = `127.0.0.1:${port}`;
  const form = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };
  return { prometheus: { bindAddress, ...form } };
}

/** Queues of parts, replays and notices have workers of activities alone. */
const MEANT = /^No workflows registered/;

function relay(logger: Logger, { level, message, meta }: LogEntry): void {
  const { error, taskToken: _, workflowId, runId, workflowType, ...rest } = meta ?? {};
  const facts = {
    event: 'temporal.logged',
    ...rest,
    ...(workflowId === undefined ? {} : { workflow_id: workflowId, run_id: runId }),
    ...(workflowType === undefined ? {} : { workflow: workflowType }),
    ...(error === undefined ? {} : { err: error }),
  };
  if (level === 'ERROR') logger.error(facts, message);
  else if (level === 'WARN' && !MEANT.test(message)) logger.warn(facts, message);
  else logger.debug(facts, message);
}

function createLogger(): Logger {
  return pino({ base: { part: 'worker' }, timestamp: pino.stdTimeFunctions.isoTime });
}
