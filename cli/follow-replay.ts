/** Starts a job `replay`, follows it to its end, and says what it came to. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  ApplicationFailure,
  CancelledFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
} from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import type { ErrorCode, ErrorFacts } from '../schema/errors.ts';
import { speedWords } from '../schema/replay.ts';
import type { ReplayReport } from '../workflows/replay.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import type { CliContext } from './command.ts';
import { lookAtRun } from './job-runs.ts';
import { whereIs } from './replay-runs.ts';

const LOOK_MS = 500;
/** A run that says nothing for so long is asked why. */
const SILENCE_MS = 3_000;

/** A name is used once: subjects of two replays would be one. @throws SSMD_INVALID_INPUT */
export async function startReplay(
  client: Client,
  workflow_id: string,
  input: Readonly<Record<string, unknown>>,
): Promise<WorkflowHandle> {
  try {
    return await client.workflow.start('replay', {
      ...{ taskQueue: TASK_QUEUE, workflowId: workflow_id, args: [input] },
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new SsmdError(
      'SSMD_INVALID_INPUT',
      `there is a replay ${workflow_id} already; give another --id, or none`,
      { facts: { workflow_id }, cause: error },
    );
  }
}

/** @throws what it failed with; SSMD_INTERRUPTED at Ctrl-C, the replay goes on. */
export async function followReplay(
  client: Client,
  handle: WorkflowHandle,
  id: string,
  context: CliContext,
): Promise<ReplayReport> {
  const { interrupted } = context;
  const ended = new AbortController();
  const result = resultOf(handle, id).finally(() => ended.abort());
  const leaves = new Promise<never>((_, reject) => {
    interrupted.addEventListener('abort', () => reject(left(id)), { once: true });
  });
  const shown = show(client, handle, context, AbortSignal.any([ended.signal, interrupted]));
  try {
    return await Promise.race([result, leaves]);
  } finally {
    // Not waited for any more, where it was left.
    result.catch(() => undefined);
    leaves.catch(() => undefined);
    await shown;
  }
}

function left(id: string): SsmdError {
  return new SsmdError(
    'SSMD_INTERRUPTED',
    `not followed any more; the replay goes on. End it: npx ssmd replay stop ${id}`,
    { facts: { id } },
  );
}

/** What is shown of it until `over`. */
async function show(
  client: Client,
  handle: WorkflowHandle,
  { output }: CliContext,
  over: AbortSignal,
): Promise<void> {
  const bar = output.progress({ label: 'replaying', total: 1000, unit: 'per mille of the span' });
  let heard = performance.now();
  let said = '';
  while (!over.aborted) {
    const position = (await whereIs(handle).catch(() => null))?.position ?? null;
    if (position !== null) {
      heard = performance.now();
      const { state, at, speed, late_ms } = position;
      const late = late_ms > 1_000 ? `, ${Math.round(late_ms / 1000)} s late` : '';
      bar.update(
        Math.round(position.share * 1000),
        `${state} at ${at}, ${speedWords(speed)}${late}`,
      );
    } else if (performance.now() - heard > SILENCE_MS) {
      heard = performance.now();
      const stuck = (await lookAtRun(client, handle.workflowId).catch(() => null))?.stuck ?? null;
      if (stuck !== null && stuck !== said) output.note(`it waits: ${(said = stuck)}`);
    }
    await delay(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
  }
  bar.end();
}

/** What it came to. @throws what it failed with, as an error of ours where it is one */
export async function resultOf(handle: WorkflowHandle, id: string): Promise<ReplayReport> {
  try {
    return (await handle.result()) as ReplayReport;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    let cause: unknown = error;
    while (cause instanceof Error && cause.cause instanceof Error && !isOurs(cause)) {
      cause = cause.cause;
    }
    if (isOurs(cause)) {
      const [facts = {}] = (cause.details ?? []) as readonly ErrorFacts[];
      const code = cause.type as ErrorCode;
      throw new SsmdError(code, cause.message, { facts: { ...facts, id }, cause });
    }
    if (!(cause instanceof CancelledFailure)) throw cause;
    const message = `the replay ${id} was cancelled`;
    throw new SsmdError('SSMD_INTERRUPTED', message, { facts: { id }, cause });
  }
}

function isOurs(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type?.startsWith('SSMD_') === true;
}
