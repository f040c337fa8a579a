/** Runs of jobs as the Temporal server knows them: what they are about, how they ended, why they wait. */
import type {
  Client,
  WorkflowExecutionDescription,
  WorkflowExecutionInfo,
} from '@temporalio/client';
import { JOB_TYPES } from '../schema/jobs.ts';
import type { JobType } from '../schema/jobs.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import { conditionsOf, isWanted } from './job-filter.ts';
import type { FilterFlags } from './job-filter.ts';
import { unknownJob } from './job-unknown.ts';

/** What a listing and a description have in common. */
type Listed = Pick<
  WorkflowExecutionInfo,
  'type' | 'workflowId' | 'runId' | 'status' | 'startTime' | 'typedSearchAttributes'
> & { readonly closeTime?: Date | undefined };

/** One run as it is listed. */
export type JobRow = {
  readonly type: string;
  readonly id: string;
  readonly run_id: string;
  readonly feed: string | null;
  readonly day: string | null;
  readonly version: string | null;
  /** Temporal's word: RUNNING, COMPLETED, FAILED, ... */
  readonly status: string;
  readonly started: string;
  readonly closed: string | null;
  /** Where it is, or was when it ended. */
  readonly stage: string | null;
  /** What it came to; null while it runs and where it failed. */
  readonly outcome: string | null;
  /** Why it failed: a code of ours, else the kind of failure. */
  readonly failure: string | null;
};

export type JobStatus = {
  readonly job: Omit<JobRow, 'failure'>;
  /** Current Details, while a worker is there to tell. */
  readonly says: string | null;
  /** Why nothing happens, where nothing does. */
  readonly stuck: string | null;
  readonly working_on: readonly {
    readonly activity: string;
    readonly attempt: number;
    readonly cursor: string | null;
    readonly last_failure: string | null;
    /** When it is tried again, ISO 8601; null while it is being tried. */
    readonly next_attempt: string | null;
    /** The worker that has it, or had it last. */
    readonly worker: string | null;
  }[];
  readonly result: unknown;
  readonly failure: string | null;
};

/** What runs, then what ended last, as the server lists them: of our task queue, whatever their type, and of our types. */
export async function listRuns(
  client: Client,
  wanted: {
    readonly limit: number;
    readonly filter?: FilterFlags;
    /** Only of these types; left out: all of our queue and of our types. */
    readonly types?: readonly JobType[];
    readonly running?: boolean;
  },
): Promise<JobRow[]> {
  const { limit, filter = {} } = wanted;
  const found: JobRow[] = [];
  const types = (wanted.types ?? JOB_TYPES).map((type) => `"${type}"`).join(', ');
  const ours = `WorkflowType IN (${types})`;
  const kind = wanted.types === undefined ? `(TaskQueue = "${TASK_QUEUE}" OR ${ours})` : ours;
  const running = wanted.running === true ? ['ExecutionStatus = "Running"'] : [];
  const query = [kind, ...running, ...conditionsOf(filter, Date.now())].join(' AND ');
  for await (const run of client.workflow.list({ query })) {
    const row = await rowOf(client, run);
    if (!isWanted(row, filter)) continue;
    const failed = row.status === 'FAILED' || row.status === 'TIMED_OUT';
    const failure = failed ? await failureOf(client, row) : null;
    found.push({ ...row, failure });
    if (found.length === limit) break;
  }
  return found;
}

/** The latest run of this id. @throws SSMD_NOT_FOUND with ids it may have been meant for */
export async function describeRun(
  client: Client,
  id: string,
): Promise<WorkflowExecutionDescription> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  return await client.workflow
    .getHandle(id)
    .describe()
    .catch(async (cause: unknown) => {
      throw cause instanceof WorkflowNotFoundError ? await unknownJob(client, id, cause) : cause;
    });
}

/** @throws SSMD_NOT_FOUND */
export async function lookAtRun(client: Client, id: string): Promise<JobStatus> {
  const handle = client.workflow.getHandle(id);
  const described = await describeRun(client, id);
  const job = await rowOf(client, described);
  const running = job.status === 'RUNNING';
  const ended = running ? null : await endOf(() => handle.result());
  const waits = running && described.raw.pendingWorkflowTask != null;
  const stuck = waits ? await whyStuck(client, job, described.taskQueue) : null;
  // A query is a task too: while the workflow's own one fails, it would wait for its time-out.
  const asks = running && stuck === null;
  return {
    job,
    stuck,
    says: asks ? await currentDetails(() => handle.query('__temporal_workflow_metadata')) : null,
    working_on: (described.raw.pendingActivities ?? []).map((pending) => ({
      activity: pending.activityType?.name ?? 'an activity',
      attempt: pending.attempt ?? 1,
      cursor: cursorOf(pending.heartbeatDetails?.payloads?.[0]?.data),
      last_failure: pending.lastFailure?.message ?? null,
      next_attempt: pending.nextAttemptScheduleTime == null ? null : isoOf(pending),
      worker: pending.lastWorkerIdentity || null,
    })),
    result: ended?.result ?? null,
    failure: ended?.failure?.message ?? null,
  };
}

function isoOf({ nextAttemptScheduleTime: at }: Pending): string {
  return new Date(Number(at?.seconds ?? 0) * 1_000 + (at?.nanos ?? 0) / 1e6).toISOString();
}

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

type Failure = { readonly code: string; readonly message: string };

async function endOf(
  result: () => Promise<unknown>,
): Promise<{ result: unknown; failure: Failure | null }> {
  const { WorkflowFailedError } = await import('@temporalio/client');
  try {
    return { result: await result(), failure: null };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { result: null, failure: causeOf(error) };
  }
}

/** The innermost cause says what happened; what is around it only where. */
function causeOf(error: Error): Failure {
  let inner = error;
  while (inner.cause instanceof Error) inner = inner.cause;
  const type = 'type' in inner && typeof inner.type === 'string' ? inner.type : null;
  return { code: type ?? inner.name, message: inner.message };
}

async function failureOf(
  client: Client,
  { id, run_id }: Pick<JobRow, 'id' | 'run_id'>,
): Promise<string | null> {
  const handle = client.workflow.getHandle(id, run_id, { followRuns: false });
  return (await endOf(() => handle.result())).failure?.code ?? null;
}

/** Types of events, in Temporal's numbers (`temporal.api.enums.v1.EventType`). */
const WORKFLOW_TASK_COMPLETED = 7;
const WORKFLOW_TASK_FAILED = 9;
/** `temporal.api.enums.v1.TaskQueueType`: workflow tasks. */
const WORKFLOW_TASKS = 1;
const EVENTS_LOOKED_AT = 20;

/**
 * Why a workflow task that is pending is not done: it failed before, or nobody is there to do it. Null
 * where it is simply about to be done.
 */
async function whyStuck(
  client: Client,
  { id, run_id }: Pick<JobRow, 'id' | 'run_id'>,
  queue: string,
): Promise<string | null> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace,
    execution: { workflowId: id, runId: run_id },
    maximumPageSize: EVENTS_LOOKED_AT,
  });
  for (const event of history?.events ?? []) {
    if (Number(event.eventType) === WORKFLOW_TASK_COMPLETED) break;
    if (Number(event.eventType) !== WORKFLOW_TASK_FAILED) continue;
    const message = event.workflowTaskFailedEventAttributes?.failure?.message ?? 'no reason given';
    return `the worker cannot go on with it and tries again and again: ${message}`;
  }
  const alone = await whyNotTaken(client, queue);
  if (alone === null || queue === TASK_QUEUE) return alone;
  return `${alone}; end it (npx ssmd temporal workflow terminate -w ${id}) and start it there`;
}

/** Why nobody takes a queue's runs; null where somebody does, or did a moment ago. */
export async function whyNotTaken(client: Client, queue: string): Promise<string | null> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: WORKFLOW_TASKS,
  });
  if ((pollers ?? []).length > 0) return null;
  return queue === TASK_QUEUE
    ? `no worker polls the task queue "${queue}"; start one: npx ssmd worker`
    : `nobody polls its task queue "${queue}": our workers poll "${TASK_QUEUE}"`;
}

async function currentDetails(query: () => Promise<unknown>): Promise<string | null> {
  try {
    const metadata = await query();
    if (typeof metadata !== 'object' || metadata === null) return null;
    const details = 'currentDetails' in metadata ? metadata.currentDetails : null;
    return typeof details === 'string' && details !== '' ? details : null;
  } catch {
    // No worker is there to ask; everything else is still true.
    return null;
  }
}

function cursorOf(data: Uint8Array | null | undefined): string | null {
  const cursor = jsonOf(data);
  return cursor !== null && typeof cursor['stage'] === 'string' ? cursor['stage'] : null;
}

/** A payload's JSON object; null where it is none. */
function jsonOf(data: Uint8Array | null | undefined): Readonly<Record<string, unknown>> | null {
  if (data === null || data === undefined) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

async function rowOf(client: Client, run: Listed): Promise<Omit<JobRow, 'failure'>> {
  const attributes = new Map(
    run.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, String(value)]),
  );
  const filed = { feed: attributes.get('SsmdFeed'), day: attributes.get('SsmdDay') };
  // A run that failed early, or on a server without our attributes, has not filed itself.
  const whole = filed.feed !== undefined && filed.day !== undefined;
  const input = whole ? {} : await inputOf(client, run);
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    type: run.type,
    id: run.workflowId,
    run_id: run.runId,
    feed: filed.feed ?? text(input['feed']),
    day: filed.day ?? text(input['day']),
    version: attributes.get('SsmdVersion') ?? null,
    status: run.status.name,
    started: run.startTime.toISOString(),
    closed: run.closeTime?.toISOString() ?? null,
    stage: attributes.get('SsmdStage') ?? null,
    outcome: attributes.get('SsmdOutcome') ?? null,
  };
}

/** What it was started with; nothing where that is no JSON object. */
async function inputOf(
  client: Client,
  { workflowId, runId }: Pick<Listed, 'workflowId' | 'runId'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  return jsonOf(started?.input?.payloads?.[0]?.data) ?? {};
}
