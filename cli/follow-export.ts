/** Starts a job `export` and follows it to its end: how far it is, what it waits for, what it came to. */
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure, WorkflowFailedError } from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { SsmdError } from '../schema/errors.ts';
import type { ErrorCode, ErrorFacts } from '../schema/errors.ts';
import type { ExportProgress, ExportReport } from '../workflows/export.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import type { CliContext } from './command.ts';
import { lookAtRun } from './job-runs.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';

const LOOK_MS = 500;
/** A run that says nothing for so long is asked why. */
const SILENCE_MS = 3_000;
/** A query waits for a worker, a client for its server: not for so long here. */
const ANSWER_MS = 2_000;

export type Follow = {
  readonly id: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: CliContext;
};

/** @throws what the job failed with; SSMD_INTERRUPTED at Ctrl-C, the job goes on. */
export async function followExport(client: Client, of: Follow): Promise<ExportReport> {
  const { id, input, context } = of;
  const { output, interrupted } = context;
  const handle = await client.workflow.start('export', {
    ...{ taskQueue: TASK_QUEUE, workflowId: id, args: [input] },
  });
  output.note(`started ${id}`);
  const ended = new AbortController();
  const result = handle.result().finally(() => ended.abort()) as Promise<ExportReport>;
  const leaves = new Promise<never>((_, reject) => {
    interrupted.addEventListener('abort', () => reject(left(id)), { once: true });
  });
  const shown = show(client, handle, of, AbortSignal.any([ended.signal, interrupted]));
  try {
    return await Promise.race([result, leaves]);
  } catch (error) {
    throw failureOf(error, id);
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
    `not followed any more; the job goes on. Look at it: npx ssmd job status ${id}; ` +
      `end it: npx ssmd temporal workflow cancel -w ${id}`,
    { facts: { id } },
  );
}

/** What is shown of a run until `over`. */
async function show(
  client: Client,
  handle: WorkflowHandle,
  { id, context }: Follow,
  over: AbortSignal,
): Promise<void> {
  const { output } = context;
  const bars = createBars(output);
  let heard = performance.now();
  let said = '';
  while (!over.aborted) {
    const progress = await within(client, over, () => progressOf(handle));
    if (progress !== null && progress.rows > 0) {
      heard = performance.now();
      bars.show(progress);
    } else if (performance.now() - heard > SILENCE_MS) {
      heard = performance.now();
      const found = await within(client, over, () => lookAtRun(client, id));
      const stuck = found?.stuck ?? said;
      if (stuck !== said) output.note(`it waits: ${(said = stuck)}`);
    }
    await delay(LOOK_MS, undefined, { signal: over }).catch(() => undefined);
  }
  bars.end();
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

/** What a server or a worker may not answer: null then, and once it is `over`. */
async function within<T>(
  client: Client,
  over: AbortSignal,
  ask: () => Promise<T>,
): Promise<T | null> {
  const signal = AbortSignal.any([over, AbortSignal.timeout(ANSWER_MS)]);
  return client.withAbortSignal(signal, ask).catch(() => null);
}

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

/** The innermost cause, as an error of ours where it is one. */
function failureOf(error: unknown, id: string): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause instanceof Error && !isOurs(cause)) {
    cause = cause.cause;
  }
  if (isOurs(cause)) {
    const [facts = {}] = (cause.details ?? []) as readonly ErrorFacts[];
    return new SsmdError(cause.type as ErrorCode, cause.message, {
      facts: { ...facts, id },
      cause,
    });
  }
  if (cause instanceof CancelledFailure) {
    const message = `${id} was cancelled; nothing was published`;
    return new SsmdError('SSMD_INTERRUPTED', message, { facts: { id }, cause });
  }
  return cause;
}

function isOurs(error: unknown): error is ApplicationFailure {
  return error instanceof ApplicationFailure && error.type?.startsWith('SSMD_') === true;
}
