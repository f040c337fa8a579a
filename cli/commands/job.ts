/** `ssmd job`: what runs and ran, without opening the UI. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { invalidInput } from '../../schema/errors.ts';
import { JOB_TYPES } from '../../schema/jobs.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import type { JobRow, JobStatus } from '../job-runs.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { withClient } from '../temporal-client.ts';

const LISTED_DEFAULT = 20;
const LISTED_MAX = 1_000;
const START =
  'npx ssmd temporal workflow start --type daily-archive --task-queue ssmd ' +
  `--input '{"feed":"kraken"}'`;

type ListFlags = {
  readonly env?: string;
  readonly limit: number;
  readonly feed?: string;
  readonly json?: boolean;
};

export function register(program: Command, context: CliContext): void {
  const job = program
    .command('job')
    .helpGroup(GROUPS.jobs)
    .summary('list jobs, or look at one')
    .description(
      'Runs of jobs, as the Temporal server of the environment knows them. There are ' +
        `${JOB_TYPES.join(', ')}; each is started by Temporal and done by npx ssmd worker.`,
    )
    .addHelpText('after', `\nTo start one (input: docs/operating.md, Jobs):\n  ${START}`);
  job
    .command('list')
    .description('The latest runs, newest first: what about, how it stands, what came of it.')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--feed <feed>', 'only of this feed')
    .option('--limit <count>', 'at most so many', parseLimit, LISTED_DEFAULT)
    .option('--json', 'print one JSON array')
    .action((flags: ListFlags) => listJobs(flags, context));
  job
    .command('status')
    .description('One run: where it is, why it waits, what it returned or why it failed.')
    .argument('<id>', 'workflow id, as `ssmd job list` prints it')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .action((id: string, flags: { readonly env?: string; readonly json?: boolean }) =>
      showJob(id, flags, context),
    );
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= LISTED_MAX) return limit;
  throw new InvalidArgumentError(`expected 1 to ${LISTED_MAX}, received '${text}'`);
}

async function listJobs(flags: ListFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const [{ FEEDS }, { listRuns }] = await Promise.all([
    import('../../connectors/registry.ts'),
    import('../job-runs.ts'),
  ]);
  const fault = flags.feed === undefined ? null : feedFault(flags.feed, [...FEEDS.keys()]);
  if (fault !== null) {
    throw invalidInput('the command line', [fault], 'npx ssmd job list --feed kraken');
  }
  const rows = await withClient(flags.env, context, (client) => listRuns(client, flags));
  if (flags.json === true) {
    output.json(rows);
    return;
  }
  if (rows.length === 0) {
    output.line(`no jobs yet; start one with:\n  ${START}`);
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
}

/** What it came to; while it runs, where it is. */
export function outcomeOf({ status, outcome, failure, stage }: JobRow): string {
  if (status === 'RUNNING') return stage === null ? '' : `at ${stage}`;
  return outcome ?? failure ?? '';
}

async function showJob(
  id: string,
  flags: { readonly env?: string; readonly json?: boolean },
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const { lookAtRun } = await import('../job-runs.ts');
  const found = await withClient(flags.env, context, (client) => lookAtRun(client, id));
  if (flags.json === true) output.json(found);
  else printJob(found, context);
}

function printJob(found: JobStatus, { output }: CliContext): void {
  const { job, says, stuck, working_on, result, failure } = found;
  const { color } = output;
  output.line(`${color.bold(job.type)} ${job.id}: ${job.status}`);
  output.line(`  started ${job.started}${job.closed === null ? '' : `, closed ${job.closed}`}`);
  if (job.outcome !== null) output.line(`  outcome ${job.outcome}`);
  if (stuck !== null) output.line(color.red(`  waits: ${stuck}`));
  if (says !== null) output.line(`\n${plainDetails(says)}\n`);
  for (const { activity, attempt, cursor, last_failure } of working_on) {
    output.line(`  ${activity}, attempt ${attempt}: ${cursor ?? 'no word yet'}`);
    if (last_failure !== null) output.line(`    the attempt before: ${last_failure}`);
  }
  if (failure !== null) output.line(color.red(`  ${failure}`));
  if (result !== null) output.line(JSON.stringify(result, null, 2));
}

/** What a run shows of itself is Markdown, for Temporal's UI: here without its marks, a row a stage. */
export function plainDetails(markdown: string): string {
  return markdown
    .split('\n')
    .filter((line) => !line.startsWith('| | ') && !line.startsWith('|---'))
    .map((line) => {
      const cells = line.startsWith('|') ? line.split('|').slice(1, -1) : null;
      if (cells === null) return line.replaceAll('**', '');
      const [mark = '', ...others] = cells.map((cell) => cell.trim());
      return `  ${mark.padEnd(2)} ${others.filter((cell) => cell !== '').join('  ')}`;
    })
    .join('\n');
}
