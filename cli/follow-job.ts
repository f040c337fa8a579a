/** Starts a job and follows it to its end; the very same that runs already is joined. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import type { JobType } from '../schema/jobs.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import type { CliContext } from './command.ts';
import { failureOf } from './job-failure.ts';
import { lookAtRun } from './job-runs.ts';

const LOOK_MS = 500;

/** @throws what the job failed with; SSMD_INTERRUPTED at Ctrl-C: the job goes on */
export async function followJob<T>(
  client: Client,
  of: { readonly type: JobType; readonly id: string; readonly input: unknown },
  { output, interrupted }: CliContext,
): Promise<T> {
  const { type, id, input } = of;
  const handle = await client.workflow.start(type, {
    ...{ taskQueue: TASK_QUEUE, workflowId: id, args: [input] },
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  const ended = new AbortController();
  const result = (handle.result() as Promise<T>).finally(() => ended.abort());
  result.catch(() => undefined);
  const bar = output.progress({ label: id });
  let said = '';
  try {
    while (!ended.signal.aborted) {
      if (interrupted.aborted) throw left(id);
      const { stuck, working_on, says } = await lookAtRun(client, id);
      if (stuck !== null && stuck !== said) output.note(`it waits: ${(said = stuck)}`);
      bar.update(0, working_on[0]?.cursor ?? runningStage(says));
      const either = AbortSignal.any([ended.signal, interrupted]);
      await delay(LOOK_MS, undefined, { signal: either }).catch(() => undefined);
    }
    return await result;
  } catch (error) {
    throw failureOf(error, id);
  } finally {
    bar.end();
  }
}

/** The row of the stage that runs, of what a job shows of itself. */
export function runningStage(says: string | null): string {
  const row = says?.split('\n').find((line) => line.startsWith('| > |')) ?? '';
  const [, , stage = '', note = ''] = row.split('|').map((cell) => cell.trim());
  return [stage, note].filter((word) => word !== '').join(': ');
}

function left(id: string): SsmdError {
  return new SsmdError(
    'SSMD_INTERRUPTED',
    `not followed any more; the job goes on. Look at it: npx ssmd job status ${id}; ` +
      `end it: npx ssmd temporal workflow cancel -w ${id}`,
    { facts: { id } },
  );
}
