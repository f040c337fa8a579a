/** `ssmd job`: what runs and ran, without opening the UI. */
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { SsmdError } from '../../schema/errors.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';

const JOB_TYPES = ['archive-tier', 'daily-archive', 'daily-qa', 'audit'];
const LISTED_DEFAULT = 20;
const LISTED_MAX = 1_000;

/** What a listing and a description have in common. */
type Listed = Pick<
  WorkflowExecutionInfo,
  'type' | 'workflowId' | 'runId' | 'status' | 'startTime' | 'typedSearchAttributes'
> & { readonly closeTime?: Date | undefined };

/** One run as it is listed. */
type JobRow = {
  readonly type: string;
  readonly id: string;
  readonly run_id: string;
  readonly feed: string | null;
  readonly day: string | null;
  readonly version: string | null;
  readonly status: string;
  readonly started: string;
  readonly closed: string | null;
  readonly stage: string | null;
  readonly outcome: string | null;
};

type ListFlags = {
  readonly env?: string;
  readonly limit: number;
  readonly feed?: string;
  readonly json?: boolean;
};

export function register(program: Command, context: CliContext): void {
  const job = program
    .command('job')
    .helpGroup(GROUPS.jobs)
    .summary('list jobs, or look at one')
    .description('Workflow runs of the environment, as its Temporal server knows them.');
  job
    .command('list')
    .description('The latest runs, newest first.')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--feed <feed>', 'only of this feed')
    .option('--limit <count>', 'at most so many', parseLimit, LISTED_DEFAULT)
    .option('--json', 'print one JSON array')
    .action((flags: ListFlags) => listJobs(flags, context));
  job
    .command('status')
    .description('One run: where it is, what it says, what it returned or why it failed.')
    .argument('<id>', 'workflow id, as `ssmd job list` prints it')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .action((id: string, flags: { readonly env?: string; readonly json?: boolean }) =>
      showJob(id, flags, context),
    );
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= LISTED_MAX) return limit;
  throw new InvalidArgumentError(`expected 1 to ${LISTED_MAX}`);
}

async function listJobs(flags: ListFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const rows = await withClient(flags.env, context, async (client) => {
    const types = JOB_TYPES.map((type) => `"${type}"`).join(', ');
    const found: JobRow[] = [];
    for await (const run of client.workflow.list({ query: `WorkflowType IN (${types})` })) {
      const row = rowOf(run);
      if (flags.feed === undefined || row.feed === flags.feed) found.push(row);
      if (found.length === flags.limit) break;
    }
    return found;
  });
  if (flags.json === true) {
    output.json(rows);
    return;
  }
  if (rows.length === 0) {
    output.line(
      'no jobs yet; start one with: npx ssmd temporal workflow start --type daily-archive',
    );
    output.line('  --task-queue ssmd --input \'{"feed":"kraken"}\'');
    return;
  }
  output.table(
    ['type', 'id', 'feed', 'day', 'status', 'started', 'outcome'],
    rows.map((row) => [
      row.type,
      row.id,
      row.feed ?? '',
      row.day ?? '',
      row.status,
      row.started.slice(0, 19),
      row.outcome ?? row.stage ?? '',
    ]),
  );
}

async function showJob(
  id: string,
  flags: { readonly env?: string; readonly json?: boolean },
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const found = await withClient(flags.env, context, (client) => lookAt(client, id));
  if (flags.json === true) {
    output.json(found);
    return;
  }
  const { job, says, working_on, result, failure } = found;
  output.line(`${output.color.bold(job.type)} ${job.id}: ${job.status}`);
  output.line(`  started ${job.started}${job.closed === null ? '' : `, closed ${job.closed}`}`);
  if (job.outcome !== null) output.line(`  outcome ${job.outcome}`);
  if (says !== null) output.line(`\n${says}\n`);
  for (const { activity, attempt, cursor, last_failure } of working_on) {
    output.line(`  ${activity}, attempt ${attempt}: ${cursor ?? 'no word yet'}`);
    if (last_failure !== null) output.line(`    the attempt before: ${last_failure}`);
  }
  if (failure !== null) output.line(output.color.red(`  ${failure}`));
  if (result !== null) output.line(JSON.stringify(result, null, 2));
}

type JobStatus = {
  readonly job: JobRow;
  /** Current Details, while a worker is there to tell. */
  readonly says: string | null;
  readonly working_on: readonly {
    readonly activity: string;
    readonly attempt: number;
    readonly cursor: string | null;
    readonly last_failure: string | null;
  }[];
  readonly result: unknown;
  readonly failure: string | null;
};

async function lookAt(client: Client, id: string): Promise<JobStatus> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  const handle = client.workflow.getHandle(id);
  const described = await handle.describe().catch((cause: unknown) => {
    if (!(cause instanceof WorkflowNotFoundError)) throw cause;
    throw new SsmdError('SSMD_NOT_FOUND', `no job "${id}"; see: npx ssmd job list`, {
      facts: { id },
      cause,
    });
  });
  const job = rowOf(described);
  const running = job.status === 'RUNNING';
  const ended = running ? null : await endOf(() => handle.result());
  return {
    job,
    says: running ? await currentDetails(() => handle.query('__temporal_workflow_metadata')) : null,
    working_on: (described.raw.pendingActivities ?? []).map((pending) => ({
      activity: pending.activityType?.name ?? 'an activity',
      attempt: pending.attempt ?? 1,
      cursor: cursorOf(pending.heartbeatDetails?.payloads?.[0]?.data),
      last_failure: pending.lastFailure?.message ?? null,
    })),
    result: ended?.result ?? null,
    failure: ended?.failure ?? null,
  };
}

async function endOf(
  result: () => Promise<unknown>,
): Promise<{ result: unknown; failure: string | null }> {
  const { WorkflowFailedError } = await import('@temporalio/client');
  try {
    return { result: await result(), failure: null };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { result: null, failure: causeOf(error) };
  }
}

/** The innermost cause says what happened; what is around it only where. */
function causeOf(error: Error): string {
  let inner: unknown = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner instanceof Error ? inner.message : String(inner);
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
  if (data === null || data === undefined) return null;
  try {
    const cursor: unknown = JSON.parse(new TextDecoder().decode(data));
    if (typeof cursor !== 'object' || cursor === null || !('stage' in cursor)) return null;
    return typeof cursor.stage === 'string' ? cursor.stage : null;
  } catch {
    return null;
  }
}

function rowOf(run: Listed): JobRow {
  const attributes = new Map(
    run.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, String(value)]),
  );
  return {
    type: run.type,
    id: run.workflowId,
    run_id: run.runId,
    feed: attributes.get('SsmdFeed') ?? null,
    day: attributes.get('SsmdDay') ?? null,
    version: attributes.get('SsmdVersion') ?? null,
    status: run.status.name,
    started: run.startTime.toISOString(),
    closed: run.closeTime?.toISOString() ?? null,
    stage: attributes.get('SsmdStage') ?? null,
    outcome: attributes.get('SsmdOutcome') ?? null,
  };
}

async function withClient<T>(
  name: string | undefined,
  context: CliContext,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const { endpoints } = await resolveEnvironment(name, context, 'temporal');
  const { address, namespace } = endpoints.temporal;
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect({ address, connectTimeout: '5 seconds' }).catch(
    (cause: unknown) => {
      const message = `no Temporal server at ${address}; start one with: npx ssmd up`;
      throw new SsmdError('SSMD_UNAVAILABLE', message, { facts: { address }, cause });
    },
  );
  try {
    return await use(new Client({ connection, namespace }));
  } finally {
    await connection.close();
  }
}
