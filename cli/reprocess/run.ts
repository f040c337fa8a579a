/** `ssmd reprocess run`: starts the job, follows it until somebody has to decide, says what came of it. */
import {
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { SsmdError } from '../../schema/errors.ts';
import type { ReprocessInput } from '../../schema/jobs.ts';
import { reprocessId } from '../../workflows/lib/ids.ts';
import { TASK_QUEUE } from '../../workflows/lib/queues.ts';
import { runSummary } from '../../schema/run-words.ts';
import type { Told } from '../../workflows/lib/promotion-updates.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import type { CliContext } from '../command.ts';
import { follow } from '../follow.ts';
import { formatBytes, formatCount } from '../format.ts';
import { listRuns, lookAtRun } from '../job-runs.ts';
import { failureOf } from '../job-failure.ts';
import { sameEnv } from '../same-env.ts';
import { shellWord } from '../shell-word.ts';
import { getLine } from '../storage/get-line.ts';

/** How far a run is: its stage and days, or its report where it is over. */
export type Standing =
  ({ readonly over: false } & Told) | { readonly over: true; readonly report: ReprocessReport };

/**
 * Starts, and follows until the run is over or waits for a decision.
 * @throws what the job failed with; SSMD_INTERRUPTED at Ctrl-C: the job goes on
 */
export async function runReprocess(
  client: Client,
  input: Ranged,
  context: CliContext,
): Promise<{ readonly id: string; readonly standing: Standing }> {
  const { id, again } = await startReprocess(client, input);
  if (again) context.output.note(`${id} runs already; following it`);
  const standing = await followToDecision(client, client.workflow.getHandle(id), context);
  return { id, standing };
}

type Ranged = ReprocessInput & { readonly from: string; readonly to: string };

/** Starts a run, unless the very same is under way (`again`). */
export async function startReprocess(
  client: Client,
  input: Ranged,
): Promise<{ readonly id: string; readonly again: boolean }> {
  const id = reprocessId(input);
  try {
    await client.workflow.start('reprocess', {
      taskQueue: TASK_QUEUE,
      workflowId: id,
      args: [input],
      memo: { input: JSON.stringify(input) },
      staticSummary: runSummary('reprocess', input),
    });
    return { id, again: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    await refuseOtherInput(client, id, input);
    return { id, again: true };
  }
}

/** The run that is under way is of the same range and label: it has to be of the same making, too. */
async function refuseOtherInput(client: Client, id: string, input: Ranged): Promise<void> {
  const { memo } = await client.workflow.getHandle(id).describe();
  const running: unknown = memo?.['input'];
  // Started elsewhere it says nothing of itself.
  if (typeof running !== 'string' || running === JSON.stringify(input)) return;
  throw new SsmdError(
    'SSMD_INVALID_INPUT',
    `${id} is under way with another input: ${running}. Decide on it first ` +
      `(npx ssmd reprocess status ${id}), or choose another label with --to`,
    { facts: { id, running, asked: input } },
  );
}

/** A worker that is there answers at once. */
const ANSWER_MS_MAX = 10_000;

/** How a run stands now. @throws SSMD_NOT_FOUND; what it failed with */
export async function lookAtReprocess(client: Client, id: string): Promise<Standing> {
  const { job } = await lookAtRun(client, id);
  const handle = client.workflow.getHandle(id);
  try {
    if (job.status !== 'RUNNING') {
      return { over: true, report: (await handle.result()) as ReprocessReport };
    }
    const ask = (): Promise<Told> => handle.query<Told>('tally');
    return { over: false, ...(await client.withDeadline(Date.now() + ANSWER_MS_MAX, ask)) };
  } catch (error) {
    if (error instanceof ServiceError) {
      const why = `no worker answered for ${id}; start one: npx ssmd worker`;
      throw new SsmdError('SSMD_UNAVAILABLE', why, { facts: { id }, cause: error });
    }
    throw failureOf(error, id);
  }
}

/** Runs that wait for a decision. */
export async function waitingRuns(client: Client): Promise<(Standing & { readonly id: string })[]> {
  const running = await listRuns(client, { limit: 100, types: ['reprocess'], running: true });
  const waiting: (Standing & { readonly id: string })[] = [];
  for (const { id } of running) {
    const standing = await lookAtReprocess(client, id);
    if (!standing.over && standing.stage === 'deciding') waiting.push({ id, ...standing });
  }
  return waiting;
}

/** The answer of the run, or its refusal. */
export async function decideReprocess(
  client: Client,
  id: string,
  verb: 'promote' | 'reject',
  said: unknown,
): Promise<string> {
  // An answer proves a worker: without one the update would wait, and be made whenever one comes.
  const standing = await lookAtReprocess(client, id);
  if (standing.over) {
    const { outcome } = standing.report;
    throw new SsmdError(
      'SSMD_INVALID_INPUT',
      `${id} is over: ${outcome}. Which version serves which day: npx ssmd dataset ` +
        'current; to move days now, start the job promote (docs/operating.md)',
      { facts: { id, outcome } },
    );
  }
  try {
    return await client.workflow.getHandle(id).executeUpdate<string, [unknown]>(verb, {
      args: [said],
    });
  } catch (error) {
    const cause = error instanceof WorkflowUpdateFailedError ? error.cause : error;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new SsmdError('SSMD_INVALID_INPUT', `${id}: ${verb} was refused: ${message}`, {
      facts: { id, verb },
    });
  }
}

async function followToDecision(
  client: Client,
  handle: WorkflowHandle,
  context: CliContext,
): Promise<Standing> {
  const id = handle.workflowId;
  const bar = context.output.progress({ label: id, unit: 'records' });
  const decides = Promise.withResolvers<Told>();
  const show = async (): Promise<boolean> => {
    const { told, records, doing } = await seenOf(client, handle);
    bar.update(records, doing);
    if (told.stage === 'deciding') decides.resolve(told);
    return true;
  };
  const env = sameEnv(context);
  const left =
    `the job goes on. Look at it: npx ssmd reprocess status ${shellWord(id)}${env}; ` +
    `end it: npx ssmd job cancel ${shellWord(id)}${env}`;
  try {
    const or = decides.promise;
    const found = await follow<ReprocessReport | Told>({ client, handle, show, left, or }, context);
    return 'outcome' in found ? { over: true, report: found } : { over: false, ...found };
  } finally {
    bar.end();
  }
}

type Seen = {
  readonly told: Told;
  readonly records: number;
  readonly doing: string;
};

async function seenOf(client: Client, handle: WorkflowHandle): Promise<Seen> {
  const told = await handle.query<Told>('tally');
  const { working_on } = await lookAtRun(client, handle.workflowId);
  const doing = working_on[0]?.cursor ?? told.words;
  return { told, records: told.days.events.new, doing };
}

/** What a run came to, and what to type next. */
export function printStanding(
  { id, env }: { readonly id: string; readonly env: string | undefined },
  standing: Standing,
  context: CliContext,
): void {
  const { output } = context;
  const { line, color } = output;
  const same = sameEnv(context);
  if (!standing.over) {
    if (standing.stage !== 'deciding') {
      line(`${color.bold(id)}: ${standing.stage} its days`);
      printTally(standing, env, output.line);
      return;
    }
    line(`${color.bold(id)}: waits for a decision`);
    printTally(standing, env, output.line);
    const decide = `npx ssmd reprocess promote ${shellWord(id)} --by YOU --reason 'diff reviewed'${same}`;
    line(`\nTo let these days serve:\n  ${decide}`);
    line(
      `To leave things as they are:\n  ${decide.replace(' promote ', ' reject ').replace('diff reviewed', 'not as it should be')}`,
    );
    return;
  }
  const { report } = standing;
  line(`${color.bold(id)}: ${report.outcome}`);
  if (report.plan !== null) printPlan(report, output.line);
  else printTally(report, env, output.line);
  if (report.outcome === 'not_promoted' && report.decision === null) line(NOT_MOVED);
  if (report.moved !== null) {
    line(
      `  the pointer of ${report.feed} is at revision ${report.moved.revision}; to take it back:`,
    );
    const undo = `--undo ${report.moved.revision} --by YOU --reason WHY`;
    line(
      `  npx ssmd dataset rollback --feed ${report.feed} ${undo.replace('--undo', '--revision')}${same}`,
    );
  }
}

const NOT_MOVED =
  '  nothing was moved: asked never, or auto found what it does not move (no comparison, another schema,\n' +
  '  a gap that was added, more events changed than --max-changed). The job promote moves days by hand.';

/** As the requirements show it. */
function printPlan({ plan }: ReprocessReport, line: (text?: string) => void): void {
  if (plan === null) return;
  const { days, segments, bytes, source, target, connector, seconds } = plan;
  const span = days.length === 1 ? `${days[0]?.day}` : `${days.length} days`;
  line(`  Would reprocess ${formatCount(segments)} files (${span}, ${formatBytes(bytes)})`);
  line(`  Source: ${source}`);
  line(`  Target: ${target}${plan.bound ? '' : ' (a new version)'}`);
  line(
    `  Connector: ${connector.version} (${connector.commit}), ${plan.normalizer}, ${plan.schema}`,
  );
  const time = seconds === null ? 'not measured here yet' : `about ${timeText(seconds)}`;
  line(`  Estimated time: ${time}`);
  const there = days.filter((it) => it.committed).map((it) => it.day);
  if (there.length > 0) line(`  Committed under ${plan.version} already: ${there.join(', ')}`);
}

function timeText(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}

function printTally(
  { days, words }: Pick<Told, 'days' | 'words'>,
  env: string | undefined,
  line: (text?: string) => void,
): void {
  line(`  ${words}`);
  for (const { day, why } of days.failed) line(`  ${day} failed: ${why}`);
  for (const report of days.reports) line(`  report: ${getLine(report, env)}`);
}
