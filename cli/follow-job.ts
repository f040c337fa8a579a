/** Starts a job and follows it to its end; the very same that runs already is joined. */
import type { Client } from '@temporalio/client';
import type { JobType } from '../schema/jobs.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import { runSummary } from '../schema/run-words.ts';
import type { CliContext } from './command.ts';
import { follow } from './follow.ts';
import { lookAtRun } from './job-runs.ts';

/** @throws what the job failed with; SSMD_INTERRUPTED at Ctrl-C: the job goes on */
export async function followJob<T>(
  client: Client,
  of: { readonly type: JobType; readonly id: string; readonly input: unknown },
  context: CliContext,
): Promise<T> {
  const { output } = context;
  const { type, id, input } = of;
  const handle = await client.workflow.start(type, {
    ...{ taskQueue: TASK_QUEUE, workflowId: id, args: [input] },
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: runSummary(type, input),
  });
  const bar = output.progress({ label: id });
  const show = async (): Promise<boolean> => {
    const { stuck, working_on, says } = await lookAtRun(client, id);
    if (stuck !== null) return false;
    bar.update(0, working_on[0]?.cursor ?? runningStage(says));
    return true;
  };
  try {
    return await follow<T>({ client, handle, show }, context);
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
