/** Starts a job `export` and follows it to its end: how far it is, what it waits for, what it came to. */
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { ExportProgress, ExportReport } from '../workflows/export.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import { runSummary } from '../schema/run-words.ts';
import type { CliContext } from './command.ts';
import { follow } from './follow.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';

export type Follow = {
  readonly id: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: CliContext;
};

/** @throws what the job failed with; SSMD_INTERRUPTED at Ctrl-C, the job goes on. */
export async function followExport(
  client: Client,
  { id, input, context }: Follow,
): Promise<ExportReport> {
  const { output } = context;
  const handle = await client.workflow.start('export', {
    ...{ taskQueue: TASK_QUEUE, workflowId: id, args: [input] },
    staticSummary: runSummary('export', input),
  });
  output.note(`started ${id}`);
  const bars = createBars(output);
  const show = async (): Promise<boolean> => {
    const seen = await progressOf(handle);
    if (seen.rows > 0) bars.show(seen);
    return seen.rows > 0;
  };
  try {
    return await follow<ExportReport>({ client, handle, show }, context);
  } finally {
    bars.end();
  }
}

/** A bar for each stage, one after the other. */
function createBars(output: Output) {
  let stage = '';
  let bar: Progress | null = null;
  return {
    show(seen: Seen) {
      if (stage !== seen.stage) {
        bar?.end();
        stage = seen.stage;
        bar = output.progress({ label: LABELS[stage] ?? stage, total: seen.rows, unit: 'rows' });
      }
      bar?.update(seen.done, seen.doing);
    },
    end: () => bar?.end(),
  };
}

const LABELS: Readonly<Record<string, string>> = {
  survey: 'checking',
  write: 'writing ',
  publish: 'publishing',
};

type Seen = ExportProgress & { readonly done: number; readonly doing: string };

async function progressOf(handle: WorkflowHandle): Promise<Seen> {
  const [told, { raw }] = await Promise.all([
    handle.query<ExportProgress>('progress'),
    handle.describe(),
  ]);
  const [pending] = raw.pendingActivities ?? [];
  const cursor = cursorOf(pending?.heartbeatDetails?.payloads?.[0]?.data);
  const done = Math.max(told.rows_done, cursor.records);
  return { ...told, done: told.stage === 'publish' ? told.rows : done, doing: cursor.stage };
}

function cursorOf(data: Uint8Array | null | undefined): { records: number; stage: string } {
  if (data === null || data === undefined) return { records: 0, stage: '' };
  const value: unknown = JSON.parse(new TextDecoder().decode(data));
  if (typeof value !== 'object' || value === null) return { records: 0, stage: '' };
  const records = 'records' in value ? Number(value.records) : 0;
  return { records, stage: 'stage' in value ? String(value.stage) : '' };
}
