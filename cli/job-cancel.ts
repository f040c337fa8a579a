/** Calls a run off, in order: what it does then is the job's own. */
import type { Client } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import { describeRun, whyNotTaken } from './job-runs.ts';
import { shellWord } from './shell-word.ts';

/** What will happen now, in words. */
export type Cancelled = {
  readonly id: string;
  readonly run_id: string;
  readonly words: string;
  /** Why nothing happens for now; null where something does. */
  readonly waits: string | null;
};

/** @throws SSMD_NOT_FOUND, and SSMD_INVALID_INPUT where it is over already */
export async function cancelRun(
  client: Client,
  id: string,
  by: { readonly reason: string | undefined; readonly name: string },
): Promise<Cancelled> {
  const { runId: run_id, status, type, taskQueue } = await describeRun(client, id);
  if (status.name !== 'RUNNING') {
    const message = `${id} is over already (${status.name}): there is nothing to cancel`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { id, status: status.name } });
  }
  await client.workflowService.requestCancelWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId: id, runId: run_id },
    identity: by.name,
    reason: by.reason ?? '',
  });
  const alone = await whyNotTaken(client, taskQueue);
  const end = `npx ssmd temporal workflow terminate -w ${shellWord(id)}`;
  const waits =
    alone === null ? null : `${alone}. Until then it stays open; without any cleanup: ${end}`;
  return { id, run_id, words: WORDS[type] ?? ANY, waits };
}

const ANY = 'what runs of it is told to stop, and it ends as CANCELED';

/** What a cancellation leaves behind, by type. */
const WORDS: Readonly<Record<string, string>> = {
  'daily-archive':
    'it stops where it is and commits nothing; what it wrote waits for the next run of the day',
  'daily-qa': 'the checks stop; the day and its last results stay as they are',
  'archive-tier': 'it stops where it is; windows it wrote stay, the others are taken next time',
  reprocess:
    'its days are cancelled with it; days that are built stay under their version, nothing is moved',
  backfill: 'it stops after the step it is at; days that are committed stay',
  export: 'what it has written is removed, then it ends as CANCELED',
  replay: 'its process ends, and its stream goes unless it is kept',
  'weekly-cleanup': 'it stops where it is; what is deleted is in its record',
};
