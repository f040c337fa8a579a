/**
 * `ssmd temporal ... start` of one of our jobs, judged before anything is started: by the same judge as
 * the job's own first step, with the environment that is up.
 */
import { SsmdError, invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import { JOB_TYPES } from '../schema/jobs.ts';
import { nearMiss, suggestion } from '../schema/near-miss.ts';
import type { Known } from '../activities/admission.ts';
import { TASK_QUEUE } from '../workflows/lib/queues.ts';
import { runSummary } from '../schema/run-words.ts';

/** Commands of the Temporal CLI that start a workflow, now or by a schedule. */
const STARTS = ['workflow start', 'workflow execute', 'schedule create'];

type Flag = 'type' | 'task-queue' | 'input';
const FLAGS: Readonly<Record<string, Flag>> = {
  ...{ '--type': 'type', '--task-queue': 'task-queue', '-t': 'task-queue' },
  ...{ '--input': 'input', '-i': 'input' },
};

/** Whether these arguments start a workflow that is ours: by its queue, or by its type. */
export function startsJob(args: readonly string[]): boolean {
  if (!STARTS.includes(args.slice(0, 2).join(' '))) return false;
  const { type = '', 'task-queue': queue } = flagsOf(args);
  // Without a queue a type that is nearly one of ours is a slip, and told as one.
  const ours = queue === undefined ? nearMiss(type, JOB_TYPES) : type;
  return queue === TASK_QUEUE || JOB_TYPES.some((it) => it === ours);
}

/** The same with our task queue, where a job of ours is started and none is given. */
export function withTaskQueue(args: readonly string[]): readonly string[] {
  if (!startsJob(args) || flagsOf(args)['task-queue'] !== undefined) return args;
  return [...args, '--task-queue', TASK_QUEUE];
}

/** The same with words for the list of runs, where a job of ours is started and none are given. */
export function withSummary(args: readonly string[]): readonly string[] {
  const given = args.some((it) => it.split('=')[0] === '--static-summary');
  if (given || args[0] !== 'workflow' || !startsJob(args)) return args;
  const { type = '', input } = flagsOf(args);
  const read = parsed(input, []);
  return [...args, '--static-summary', runSummary(type, read === INVALID ? undefined : read)];
}

/**
 * @throws SSMD_INVALID_INPUT with everything that is wrong and a valid example, SSMD_DAY_NOT_OVER
 */
export async function refuseWrongStart(args: readonly string[], known: Known): Promise<void> {
  const { type: named, 'task-queue': queue, input: text } = flagsOf(args);
  const faults: Fault[] = [];
  if (queue !== undefined && queue !== TASK_QUEUE) {
    const what = `our workers poll "${TASK_QUEUE}" and no other, received '${queue}'`;
    faults.push({ where: '--task-queue', what });
  }
  const type = JOB_TYPES.find((it) => it === named);
  if (type === undefined) {
    const what = `there is no job ${named === undefined ? 'without a type' : `'${named}'`}`;
    faults.push({ where: '--type', what, hint: suggestion(named ?? '', JOB_TYPES) });
  }
  const input = parsed(text, faults);
  // A file is the job's own to judge: it is read by Temporal.
  const judged = type !== undefined && input !== INVALID && !args.includes('--input-file');
  if (judged) {
    const { admit } = await import('../activities/admission.ts');
    const { refusal } = admit(known, { type, input });
    if (refusal !== null && faults.length === 0) {
      throw new SsmdError(refusal.code, refusal.message, { facts: refusal.facts });
    }
    if (refusal !== null) faults.push({ where: '--input', what: refusal.message });
  }
  if (faults.length > 0) throw invalidInput('the start of a job', faults, EXAMPLE);
}

const EXAMPLE =
  `npx ssmd temporal workflow start --type daily-archive --task-queue ${TASK_QUEUE} ` +
  `--input '{"feed":"kraken"}'`;

const INVALID = Symbol('no JSON');

function parsed(text: string | undefined, faults: Fault[]): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const hint = 'the shell needs quotes around it: \'{"feed":"kraken"}\'';
    faults.push({ where: '--input', what: `is no JSON: ${why}`, hint });
    return INVALID;
  }
}

/** `--flag value` and `--flag=value`; the last one wins. */
function flagsOf(args: readonly string[]): Partial<Record<Flag, string>> {
  const found: Partial<Record<Flag, string>> = {};
  args.forEach((arg, index) => {
    const at = arg.indexOf('=');
    const flag = FLAGS[at < 0 ? arg : arg.slice(0, at)];
    const value = at < 0 ? args[index + 1] : arg.slice(at + 1);
    if (flag !== undefined && value !== undefined) found[flag] = value;
  });
  return found;
}
