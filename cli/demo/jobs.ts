/** The demo's jobs: real Temporal workflows, started as an operator would, followed to their end. */
import { Client, WorkflowFailedError } from '@temporalio/client';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { auditId, dailyArchiveId } from '../../workflows/lib/ids.ts';
import { TASK_QUEUE } from '../../workflows/lib/queues.ts';
import type { JobInputs, JobType } from '../../schema/jobs.ts';
import type { Output } from '../output.ts';
import { connectTemporal } from '../temporal-connection.ts';

export type JobsOptions = {
  readonly address: string;
  readonly days: readonly FeedDay[];
  readonly output: Output;
};

type FeedDay = { readonly feed: string; readonly day: string };

export type DayJobs = {
  readonly feed: string;
  readonly day: string;
  readonly archive: DailyArchiveReport;
  /** Result of `daily-qa`, as the workflow returned it. */
  readonly qa: Readonly<Record<string, unknown>>;
  /** Result of `audit`. */
  readonly audit: Readonly<Record<string, unknown>>;
  readonly seconds: number;
};

const SHOW_MS = 250;

export async function runJobs(options: JobsOptions): Promise<DayJobs[]> {
  await using temporal = await connectTemporal({ address: options.address });
  const client = new Client({ connection: temporal.connection });
  return await Promise.all(options.days.map((it) => runDay(client, it, options.output)));
}

async function runDay(client: Client, of: FeedDay, output: Output): Promise<DayJobs> {
  const started = performance.now();
  const { feed, day } = of;
  const input = { feed, day };
  const archive = await follow<DailyArchiveReport, 'daily-archive'>(client, output, {
    ...{ type: 'daily-archive', id: dailyArchiveId(of), input },
  });
  const qa_id = archive.qa ?? '';
  const qa = await shown(
    output,
    qa_id,
    () => client.workflow.getHandle(qa_id).result() as Promise<Record<string, unknown>>,
  );
  const audit = await follow<Record<string, unknown>, 'audit'>(client, output, {
    ...{ type: 'audit', id: auditId(of), input },
  });
  return { feed, day, archive, qa, audit, seconds: (performance.now() - started) / 1000 };
}

async function follow<R, T extends JobType>(
  client: Client,
  output: Output,
  job: { readonly type: T; readonly id: string; readonly input: JobInputs[T] },
): Promise<R> {
  const handle = await client.workflow.start(job.type, {
    taskQueue: TASK_QUEUE,
    workflowId: job.id,
    args: [job.input],
  });
  return shown(output, job.id, () => handle.result() as Promise<R>);
}

/** A line while it runs and one when it is over; a failed workflow's cause is the error. */
export async function shown<T>(output: Output, id: string, run: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const progress = output.progress({ label: `  ${id.padEnd(42)}` });
  const timer = setInterval(() => progress.update(0), SHOW_MS);
  try {
    const result = await run();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    progress.end(`  ${id.padEnd(42)} completed in ${seconds} s`);
    return result;
  } catch (error) {
    progress.end(`  ${id.padEnd(42)} failed`);
    throw error instanceof WorkflowFailedError && error.cause !== undefined ? error.cause : error;
  } finally {
    clearInterval(timer);
  }
}
