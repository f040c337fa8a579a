/** `ssmd job`: what runs and ran, what became of it and why, and what to do about it. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { invalidInput } from '../../schema/errors.ts';
import { JOB_TYPES } from '../../schema/jobs.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { STATUSES, filterFaults } from '../job-filter.ts';
import type { FilterFlags } from '../job-filter.ts';
import { plainDetails, printJob } from '../job-print.ts';
import type { JobRow } from '../job-runs.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { sameEnv } from '../same-env.ts';
import { shellWord } from '../shell-word.ts';
import { userName, withClient } from '../temporal-client.ts';

export { plainDetails };

const LISTED_DEFAULT = 20;
const LISTED_MAX = 1_000;
const DAYS_MAX = 3_650;
const START =
  'npx ssmd temporal workflow start --type daily-archive --task-queue ssmd ' +
  `--input '{"feed":"kraken"}'`;
const ID_HELP = 'workflow id, as `ssmd job list` prints it';

type Shared = { readonly env?: string; readonly json?: boolean };
type ListFlags = Shared & FilterFlags & { readonly limit: number };

export function register(program: Command, context: CliContext): void {
  const job = program
    .command('job')
    .helpGroup(GROUPS.jobs)
    .summary('list jobs, look at one, retry or cancel it')
    .description(
      'Runs of jobs, as the Temporal server of the environment knows them. There are ' +
        `${JOB_TYPES.join(', ')}; each is started by Temporal and done by npx ssmd worker.`,
    )
    .addHelpText('after', `\nTo start one (input: docs/operating.md, Jobs):\n  ${START}`);
  registerList(job, context);
  of(job, 'status', 'One run: where it is, why it waits, what it returned or why it failed.')
    .option('--json', 'print one JSON object')
    .action((id: string, flags: Shared) => showJob(id, flags, context));
  of(job, 'watch', 'One run as it goes on, to its end. The exit code says how it ended.')
    .option('--json', 'print one JSON object at its end')
    .action((id: string, flags: Shared) => watchJob(id, flags, context));
  of(job, 'logs', 'The story of a run in plain words: what waited, was retried, failed, and why.')
    .option('--follow', 'go on as long as the run does')
    .option('--json', 'print one JSON object a line')
    .action((id: string, flags: Shared & { readonly follow?: boolean }) =>
      tellJob(id, flags, context),
    );
  of(job, 'cancel', 'Calls a running job off, in order; says what will happen then.')
    .option('--reason <words>', 'why, for whoever reads its story')
    .option('--wait', 'wait until it is over')
    .option('--json', 'print one JSON object')
    .action((id: string, flags: CancelFlags) => cancelJob(id, flags, context));
  of(job, 'retry', 'Starts a run that did not end well again: same id, same input, same day.')
    .option('--from-failure', 'go back to before the step that failed, and keep what was done')
    .option('--json', 'print one JSON object')
    .action((id: string, flags: RetryFlags) => retryJob(id, flags, context));
}

function of(job: Command, name: string, description: string): Command {
  return job
    .command(name)
    .description(description)
    .argument('<id>', ID_HELP)
    .option('--env <name>', ENV_HELP, parseEnvName);
}

function registerList(job: Command, context: CliContext): void {
  job
    .command('list')
    .description(
      'What runs, then what ended, the latest first: what about, how it stands, what came of it.',
    )
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--status <status>', `only ${Object.keys(STATUSES).join(', ')}`)
    .option('--type <job>', 'only of this type')
    .option('--feed <feed>', 'only of this feed')
    .option('--date <day>', 'only about this day')
    .option('--start <day>', 'only about this day and later ones')
    .option('--end <day>', 'only about this day and earlier ones')
    .option('--outcome <word>', 'only what came to this, such as incomplete')
    .option('--days <count>', 'only what was started in the last so many days', countTo(DAYS_MAX))
    .option('--limit <count>', 'at most so many', countTo(LISTED_MAX), LISTED_DEFAULT)
    .option('--json', 'print one JSON array')
    .action((flags: ListFlags) => listJobs(flags, context));
}

function countTo(max: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (Number.isInteger(count) && count > 0 && count <= max) return count;
    throw new InvalidArgumentError(`expected 1 to ${max}, received '${text}'`);
  };
}

async function listJobs(flags: ListFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const [{ FEEDS }, { listRuns }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../job-runs.ts'),
  ]);
  const faults = filterFaults(flags, [...FEEDS.keys()]);
  if (faults.length > 0) {
    const example = 'npx ssmd job list --status failed --feed kraken --days 7';
    throw invalidInput('the command line', faults, example);
  }
  const { limit } = flags;
  const list = { limit, filter: flags };
  const rows = await withClient(flags.env, context, (client) => listRuns(client, list));
  if (flags.json === true) {
    output.json(rows);
    return;
  }
  if (rows.length === 0) {
    const { env: _, json: __, limit: ___, ...asked } = flags;
    const none = Object.keys(asked).length === 0 ? 'no jobs yet' : 'no such jobs';
    output.line(`${none}; start one with:\n  ${START}`);
    return;
  }
  output.table(
    ['type', 'id', 'feed', 'day', 'status', 'started', 'outcome'],
    rows.map((row) => [
      row.type,
      row.id,
      row.feed ?? '',
      row.day ?? '',
      row.status,
      row.started.slice(0, 16).replace('T', ' '),
      outcomeOf(row),
    ]),
    { optional: ['type', 'started', 'feed', 'day'] },
  );
  if (rows.length === limit) output.note(`the first ${limit}; there may be more: --limit`);
}

/** What it came to; while it runs, where it is. */
export function outcomeOf({ status, outcome, failure, stage }: JobRow): string {
  if (status === 'RUNNING') return stage === null ? '' : `at ${stage}`;
  return failure ?? outcome ?? '';
}

async function showJob(id: string, flags: Shared, context: CliContext): Promise<void> {
  const { lookAtRun } = await import('../job-runs.ts');
  const found = await withClient(flags.env, context, (client) => lookAtRun(client, id));
  if (flags.json === true) context.output.json(found);
  else printJob(found, context);
}

async function watchJob(id: string, flags: Shared, context: CliContext): Promise<void> {
  const { watchRun } = await import('../job-watch.ts');
  const json = flags.json === true;
  await withClient(flags.env, context, (client) => watchRun(client, id, { json }, context));
}

async function tellJob(
  id: string,
  flags: Shared & { readonly follow?: boolean },
  context: CliContext,
): Promise<void> {
  const { printStory } = await import('../job-logs.ts');
  const options = { follow: flags.follow === true, json: flags.json === true };
  await withClient(flags.env, context, (client) => printStory(client, id, options, context));
}

type CancelFlags = Shared & { readonly reason?: string; readonly wait?: boolean };

async function cancelJob(id: string, flags: CancelFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const [{ cancelRun }, { watchRun }] = await Promise.all([
    import('../job-cancel.ts'),
    import('../job-watch.ts'),
  ]);
  const by = { reason: flags.reason, name: userName() };
  await withClient(flags.env, context, async (client) => {
    const cancelled = await cancelRun(client, id, by);
    const { words, waits } = cancelled;
    if (flags.json !== true) output.line(`${id}: asked to cancel: ${words}`);
    if (flags.json !== true && waits !== null) output.line(output.color.red(`  waits: ${waits}`));
    const json = flags.json === true;
    if (flags.wait === true) await watchRun(client, id, { json, called_off: true }, context);
    else if (json) output.json(cancelled);
  });
}

type RetryFlags = Shared & { readonly fromFailure?: boolean };

async function retryJob(id: string, flags: RetryFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const { retryRun } = await import('../job-retry.ts');
  const options = { from_failure: flags.fromFailure === true, by: userName() };
  const done = await withClient(flags.env, context, (client) => retryRun(client, id, options));
  if (flags.json === true) {
    output.json(done);
    return;
  }
  const how = done.how === 'reset' ? 'goes on' : 'started again';
  output.line(`${id}: ${how} ${done.words}`);
  output.line(`  run ${done.run_id}`);
  output.line(`  watch it: npx ssmd job watch ${shellWord(id)}${sameEnv(context)}`);
}
