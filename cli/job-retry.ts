/**
 * A run that did not do, tried again: anew with the same input under the same id, or from before the step
 * it failed at. What runs, or has done what it was started for, is refused.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import { runSummary } from '../schema/run-words.ts';
import { failureChain } from './job-failure-words.ts';
import type { Failure, HistoryEvent } from './job-failure-words.ts';
import { eventsOf } from './job-history.ts';
import { describeRun } from './job-runs.ts';
import { shellWord } from './shell-word.ts';

export type Retried = {
  readonly id: string;
  /** Of the run that goes on now. */
  readonly run_id: string;
  readonly how: 'started_again' | 'reset';
  /** Where it goes on, or with what. */
  readonly words: string;
};

/** What its history says of how it began and how it ended. */
export type Told = {
  readonly type: string;
  readonly queue: string;
  readonly input: readonly unknown[];
  /** What it was started with to be read. */
  readonly memo: Readonly<Record<string, unknown>>;
  /** The run that started it; null where somebody did. */
  readonly parent: string | null;
  /** The day its input was taken to mean, where the run got that far. */
  readonly day: string | null;
  readonly failed_step: FailedStep | null;
  readonly failure: string | null;
};

export type FailedStep = {
  readonly name: string;
  /** The workflow task that decided on it: what is reset to. */
  readonly task_event: number;
};

/** @throws SSMD_NOT_FOUND, and SSMD_INVALID_INPUT where there is nothing to try again */
export async function retryRun(
  client: Client,
  id: string,
  options: { readonly from_failure: boolean; readonly by: string },
): Promise<Retried> {
  const { runId: run_id, status } = await describeRun(client, id);
  refuseUnlessEnded(id, status.name);
  const events: HistoryEvent[] = [];
  for await (const event of eventsOf(client, { id, run_id })) events.push(event);
  const told = beginningAndEnd(events);
  if (told.parent !== null) {
    const message = `${id} is a part of ${told.parent}: try that again: npx ssmd job retry ${shellWord(told.parent)}`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { id, parent: told.parent } });
  }
  return options.from_failure
    ? await reset(client, { id, run_id, by: options.by }, told)
    : await startAgain(client, id, told);
}

function refuseUnlessEnded(id: string, status: string): void {
  const word = shellWord(id);
  if (status === 'RUNNING') {
    const message =
      `${id} still runs: nothing to try again. Watch it: npx ssmd job watch ${word}; ` +
      `see why it waits: npx ssmd job status ${word}; end it first: npx ssmd job cancel ${word}`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { id, status } });
  }
  if (status === 'COMPLETED') {
    const message =
      `${id} completed: it did what it was started for. See what came of it: ` +
      `npx ssmd job status ${word}; jobs can be started again: npx ssmd job --help`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { id, status } });
  }
}

async function startAgain(client: Client, id: string, told: Told): Promise<Retried> {
  const { type, queue } = told;
  const [first, ...others] = told.input;
  const input = pinnedTo(type, first, told.day);
  const handle = await client.workflow.start(type, {
    ...{
      taskQueue: queue,
      workflowId: id,
      args: told.input.length === 0 ? [] : [input, ...others],
    },
    ...{ staticSummary: runSummary(type, input), memo: told.memo },
    ...{ workflowIdReusePolicy: 'ALLOW_DUPLICATE', workflowIdConflictPolicy: 'FAIL' },
  });
  const words = `with ${JSON.stringify(input ?? {})}`;
  return { id, run_id: handle.firstExecutionRunId, how: 'started_again', words };
}

async function reset(
  client: Client,
  { id, run_id, by }: { readonly id: string; readonly run_id: string; readonly by: string },
  { failed_step: step, failure }: Told,
): Promise<Retried> {
  if (step === null) {
    const why = failure === null ? '' : ` (${failure})`;
    const message =
      `${id} did not end with a step that failed${why}: there is no place to go back to. ` +
      `Start it again from the beginning: npx ssmd job retry ${shellWord(id)}`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { id } });
  }
  const answer = await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: id, runId: run_id },
    reason: `npx ssmd job retry --from-failure by ${by}: before ${step.name}`,
    workflowTaskFinishEventId: step.task_event as never,
    requestId: randomUUID(),
  });
  const words = `from before ${step.name}; what was done before that stays done`;
  return { id, run_id: answer.runId, how: 'reset', words };
}

/** Jobs that mean yesterday where no day is named: tomorrow that is another one. */
const OF_YESTERDAY: readonly string[] = [
  ...['daily-archive', 'daily-qa', 'reprocess', 'backfill', 'compare', 'export', 'replay'],
  'promote',
];

/** The input with the day that it meant when it was first started. */
export function pinnedTo(type: string, input: unknown, day: string | null): unknown {
  if (day === null || !OF_YESTERDAY.includes(type)) return input;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const said = ['day', 'from', 'to', 'undo'].some((field) => field in input);
  return said ? input : { ...input, day };
}

/** Pure: what the events of a whole run say. */
export function beginningAndEnd(events: readonly HistoryEvent[]): Told {
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  const last = events.at(-1);
  const failure = last?.workflowExecutionFailedEventAttributes?.failure ?? null;
  return {
    type: started?.workflowType?.name ?? '',
    queue: started?.taskQueue?.name ?? '',
    input: (started?.input?.payloads ?? []).map(({ data }) => jsonOf(data)),
    memo: Object.fromEntries(
      Object.entries(started?.memo?.fields ?? {}).map(([key, { data }]) => [key, jsonOf(data)]),
    ),
    parent: started?.parentWorkflowExecution?.workflowId ?? null,
    day: dayIn(events),
    failed_step: failure === null ? null : stepOf(failure, events),
    failure: failure === null ? null : failureChain(failure).join(': '),
  };
}

function dayIn(events: readonly HistoryEvent[]): string | null {
  const admitted = events.find(
    (it) => it.activityTaskScheduledEventAttributes?.activityType?.name === 'admitJob',
  );
  const done = events.find(
    ({ activityTaskCompletedEventAttributes: it }) =>
      it != null && Number(it.scheduledEventId) === Number(admitted?.eventId),
  )?.activityTaskCompletedEventAttributes;
  const found = jsonOf(done?.result?.payloads?.[0]?.data);
  if (typeof found !== 'object' || found === null || !('day' in found)) return null;
  return typeof found.day === 'string' ? found.day : null;
}

/** The step, or the run started, that the run's failure is of: by the failure's own word. */
function stepOf(failure: Failure, events: readonly HistoryEvent[]): FailedStep | null {
  for (let it: Failure | null | undefined = failure; it != null; it = it.cause) {
    const { activityFailureInfo: step, childWorkflowExecutionFailureInfo: child } = it;
    const id = Number(step?.scheduledEventId ?? child?.initiatedEventId ?? 0);
    const event = id === 0 ? undefined : events.find(({ eventId }) => Number(eventId) === id);
    const of =
      event?.activityTaskScheduledEventAttributes ??
      event?.startChildWorkflowExecutionInitiatedEventAttributes;
    if (of == null) continue;
    const name = step?.activityType?.name ?? child?.workflowExecution?.workflowId ?? 'a step';
    return { name, task_event: Number(of.workflowTaskCompletedEventId) };
  }
  return null;
}

function jsonOf(data: Uint8Array | null | undefined): unknown {
  if (data == null || data.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return undefined;
  }
}
