/** Starts a job `replay`, follows it to its end, and says what it came to. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import { speedWords } from '../schema/replay.ts';
import type { ReplayReport } from '../workflows/replay.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import { runSummary } from '../schema/run-words.ts';
import type { CliContext } from './command.ts';
import { follow } from './follow.ts';
import { sameEnv } from './same-env.ts';
import { failureOf } from './job-failure.ts';
import { whereIs } from './replay-runs.ts';

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
      staticSummary: runSummary('replay', input),
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
  const { output } = context;
  const bar = output.progress({ label: 'replaying', total: 1000, unit: 'thousandths of the span' });
  const show = async (): Promise<boolean> => {
    const { position } = await whereIs(handle);
    if (position === null) return false;
    const { state, at, speed, late_ms } = position;
    const late = late_ms > 1_000 ? `, ${Math.round(late_ms / 1000)} s late` : '';
    bar.update(Math.round(position.share * 1000), `${state} at ${at}, ${speedWords(speed)}${late}`);
    return true;
  };
  const left = `the replay goes on. End it: npx ssmd replay stop ${id}${sameEnv(context)}`;
  try {
    return await follow<ReplayReport>({ client, handle, name: id, show, left }, context);
  } finally {
    bar.end();
  }
}

/** What it came to. @throws what it failed with, as an error of ours where it is one */
export async function resultOf(handle: WorkflowHandle, id: string): Promise<ReplayReport> {
  try {
    return (await handle.result()) as ReplayReport;
  } catch (error) {
    throw failureOf(error, id);
  }
}
