/**
 * `ssmd job watch`: a run as it goes on, on one screen: its stages, what it works on, what it waits for.
 * Where there is no terminal, a line for each change. Ends with the run; its exit code says how.
 */
import type { Client } from '@temporalio/client';
import { exitCodeOf } from './output.ts';
import { ExitWith } from './command.ts';
import type { CliContext } from './command.ts';
import { follow } from './follow.ts';
import { plainDetails, printJob } from './job-print.ts';
import { describeRun, lookAtRun } from './job-runs.ts';
import type { JobStatus } from './job-runs.ts';

/** Attempts of one step after which somebody should look. */
export const ATTEMPTS_TOLD = 25;

/**
 * `called_off`: its end is what was asked for.
 * @throws SSMD_NOT_FOUND; SSMD_INTERRUPTED at Ctrl-C; ExitWith where it did not end well
 */
export async function watchRun(
  client: Client,
  id: string,
  { json, called_off = false }: { readonly json: boolean; readonly called_off?: boolean },
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const { runId, status } = await describeRun(client, id);
  let failed: unknown = null;
  if (status.name === 'RUNNING') {
    const screen = openScreen(id, context);
    const show = async (): Promise<boolean> => {
      const found = await lookAtRun(client, id);
      screen.show(found);
      // What it waits for is shown as well: nothing is left to ask.
      return true;
    };
    const handle = client.workflow.getHandle(id, runId);
    try {
      await follow({ client, handle, show }, context);
    } catch (error) {
      if (context.interrupted.aborted) throw error;
      failed = error;
    } finally {
      screen.end();
    }
  }
  const found = await lookAtRun(client, id);
  if (json) output.json(found);
  else printJob(found, context);
  const done = called_off && found.job.status === 'CANCELLED';
  const code = done ? 0 : failed === null ? codeOf(found) : exitCodeOf(failed);
  if (code !== 0) throw new ExitWith(code);
}

/** Outcomes of runs that ended well and found or left something that did not. */
const NOT_WELL: readonly string[] = ['failed', 'partial', 'missing', 'refused', 'expired'];

/** How a run that is over ended, as an exit code. */
export function codeOf({ job }: JobStatus): number {
  if (job.status === 'CANCELLED') return 130;
  if (job.status !== 'COMPLETED') return 1;
  return NOT_WELL.includes(job.outcome ?? '') ? 1 : 0;
}

function openScreen(id: string, { output }: CliContext) {
  if (output.isTerminal) {
    const screen = output.progress({ label: id });
    return {
      show: (found: JobStatus) => screen.update(0, ['', ...screenRows(found, Date.now())]),
      end: () => screen.end(),
    };
  }
  let said = '';
  return {
    show: (found: JobStatus) => {
      const words = oneLine(found);
      if (words === said) return;
      said = words;
      output.note(`${new Date().toISOString().slice(11, 19)}  ${words}`);
    },
    end: () => undefined,
  };
}

/** The screen's rows under its title. */
export function screenRows(found: JobStatus, now_ms: number): string[] {
  const { says, stuck, working_on, job } = found;
  const rows =
    says === null ? [`at ${job.stage ?? 'its beginning'}`] : plainDetails(says).split('\n');
  const steps = working_on.flatMap((step) => {
    const { activity, attempt, cursor, last_failure, next_attempt } = step;
    const tried = attempt === 1 ? '' : `, attempt ${attempt}`;
    const wait_s =
      next_attempt === null ? 0 : Math.ceil((Date.parse(next_attempt) - now_ms) / 1_000);
    const again = wait_s > 0 ? `, again in ${wait_s} s` : '';
    const why = last_failure === null ? [] : [`  the attempt before: ${last_failure}`];
    const warn =
      attempt > ATTEMPTS_TOLD ? [`  tried more than ${ATTEMPTS_TOLD} times: look into it`] : [];
    return [`${activity}${tried}${again}${cursor === null ? '' : `: ${cursor}`}`, ...why, ...warn];
  });
  const waits = stuck === null ? [] : [`it waits: ${stuck}`];
  return [...rows.filter((row, at) => row !== '' || at > 0), ...waits, ...steps];
}

/** The same where only lines can be printed: what changes when the run gets on. */
export function oneLine({ says, stuck, working_on, job }: JobStatus): string {
  if (stuck !== null) return `it waits: ${stuck}`;
  const row = says?.split('\n').find((line) => line.startsWith('| > |')) ?? '';
  const [, , stage = '', note = ''] = row.split('|').map((cell) => cell.trim());
  const where = stage === '' ? `at ${job.stage ?? 'its beginning'}` : stage;
  const [step] = working_on;
  const tried =
    step !== undefined && step.attempt > 1
      ? `${step.activity} attempt ${step.attempt}${step.last_failure === null ? '' : `: ${step.last_failure}`}`
      : '';
  return [where, note, tried].filter((word) => word !== '').join(': ');
}
