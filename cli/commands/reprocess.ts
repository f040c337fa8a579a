/** `ssmd reprocess`: rebuild days with other code or another schema, compare, let them serve. */
import type { Command } from 'commander';
import { SsmdError } from '../../schema/errors.ts';
import type { ReprocessInput } from '../../schema/jobs.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { registerDiff } from '../reprocess/diff.ts';
import { givenOf, numberOrText } from '../flag-input.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { sameEnv } from '../same-env.ts';
import { withClient } from '../temporal-client.ts';

type RunFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly start?: string;
  readonly end?: string;
  readonly to?: string;
  readonly schema?: string;
  readonly connectorVersion?: string;
  readonly promote?: string;
  readonly maxChanged?: number | string;
  readonly parts?: number | string;
  readonly concurrency?: number | string;
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly json?: boolean;
};
type DecideFlags = {
  readonly env?: string;
  readonly by?: string;
  readonly reason?: string;
  readonly days?: string;
  readonly json?: boolean;
};
type LookFlags = { readonly env?: string; readonly json?: boolean };

const EXAMPLE = 'npx ssmd reprocess run --feed kraken --date 2026-11-20 --to v2';

export function register(program: Command, context: CliContext): void {
  const reprocess = program
    .command('reprocess')
    .helpGroup(GROUPS.jobs)
    .summary('rebuild days from RAW under a version of their own, compare, promote')
    .description(
      'Rebuilds committed or never committed days from RAW with the code that runs now (or a ' +
        'registered build) under a version of their own, compares them with what is served, and ' +
        'moves the pointer once somebody said so. Nothing that is served changes before that.',
    );
  addRun(reprocess, context);
  registerDiff(reprocess, context);
  reprocess
    .command('list')
    .description('Runs of reprocess: what runs, then what ended, the latest first.')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON array')
    .action((flags: LookFlags) => listReprocesses(flags, context));
  reprocess
    .command('status')
    .description(
      'One run: its days, its comparison, what it waits for. Without an id: all that wait.',
    )
    .argument('[id]', 'workflow id, as `ssmd reprocess list` prints it')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .action((id: string | undefined, flags: LookFlags) => showReprocess(id, flags, context));
  for (const [verb, what] of [
    ['promote', 'Lets the rebuilt days of a run serve, in one move.'],
    ['reject', 'Ends a run and moves nothing.'],
  ] as const) {
    const command = reprocess
      .command(verb)
      .description(what)
      .argument('<id>', 'workflow id of the run')
      .option('--env <name>', ENV_HELP, parseEnvName)
      .requiredOption('--by <name>', 'who decides (needed)')
      .requiredOption('--reason <words>', 'why (needed)')
      .option('--json', 'print one JSON object');
    if (verb === 'promote') command.option('--days <days>', 'only these: YYYY-MM-DD,...');
    command.action((id: string, flags: DecideFlags) => decide(verb, id, flags, context));
  }
}

function addRun(reprocess: Command, context: CliContext): void {
  reprocess
    .command('run')
    .description('Starts a run and follows it until it is over or waits for a decision.')
    .option('--feed <feed>', 'whose days (needed)')
    .option('--date <day>', 'one day: YYYY-MM-DD')
    .option('--start <day>', 'first day of a range')
    .option('--end <day>', 'last day of a range, included')
    .option(
      '--to <version>',
      'label to build under, such as v2 (default: what fits, else a new one)',
    )
    .option('--schema <schema>', 'md2, or md1: the simple schema (default: md2)')
    .option('--connector-version <version>', "a registered build (default: the worker's own)")
    .option('--promote <how>', 'manual, auto or never (default: manual)')
    .option(
      '--max-changed <share>',
      'auto promotes up to this share of events, 0 to 1',
      numberOrText,
    )
    .option('--parts <count>', "workers a shard's day is shared over", numberOrText)
    .option('--concurrency <count>', 'days built at once (default: 2)', numberOrText)
    .option('--dry-run', 'only say what would be done')
    .option('--detach', 'start it and do not follow it')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: RunFlags) => run(flags, context));
}

/** The job's own words; it judges them, all at once. */
function inputOf(flags: RunFlags): ReprocessInput {
  const { feed, date, start, end, to, schema, connectorVersion, promote } = flags;
  const given = {
    ...{ feed, day: date, from: start, to: end, version: to, schema },
    ...{ connector_version: connectorVersion, promote, max_changed: flags.maxChanged },
    ...{ parts: flags.parts, concurrency: flags.concurrency, dry_run: flags.dryRun },
  };
  return givenOf(given) as ReprocessInput;
}

async function run(flags: RunFlags, context: CliContext): Promise<void> {
  const input = inputOf(flags);
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  const { day } = await judged({ type: 'reprocess', input }, flags.env, context, shown);
  const whole = { ...input, from: input.from ?? day, to: input.to ?? day };
  delete (whole as { day?: string }).day;
  const { printStanding, runReprocess, startReprocess } = await import('../reprocess/run.ts');
  const { output } = context;
  if (flags.detach === true) {
    const { id } = await withClient(flags.env, context, (client) => startReprocess(client, whole));
    if (flags.json === true) output.json({ id });
    else
      output.line(`started ${id}; look at it: npx ssmd reprocess status ${id}${sameEnv(context)}`);
    return;
  }
  const { id, standing } = await withClient(flags.env, context, (client) =>
    runReprocess(client, whole, context),
  );
  if (flags.json === true) output.json({ id, ...standing });
  else printStanding({ id, env: flags.env }, standing, context);
  const days = standing.over ? standing.report.days : standing.days;
  if (days.failed.length > 0) {
    throw new SsmdError('SSMD_UNAVAILABLE', `${id}: some days were not built, see above`);
  }
}

/** How the fields of the input are typed here. */
const FLAG_OF: Readonly<Record<string, string>> = {
  feed: '--feed',
  day: '--date',
  from: '--start',
  to: '--end',
  version: '--to',
  schema: '--schema',
  connector_version: '--connector-version',
  promote: '--promote',
  max_changed: '--max-changed',
  parts: '--parts',
  concurrency: '--concurrency',
};

async function listReprocesses(flags: LookFlags, context: CliContext): Promise<void> {
  const { listRuns } = await import('../job-runs.ts');
  const { output } = context;
  const rows = await withClient(flags.env, context, (client) =>
    listRuns(client, { limit: 100, types: ['reprocess'] }),
  );
  if (flags.json === true) output.json(rows);
  else if (rows.length === 0) output.line(`no run of reprocess yet; start one with:\n  ${EXAMPLE}`);
  else {
    output.table(
      ['id', 'version', 'status', 'stage', 'outcome', 'started'],
      rows.map((row) => [
        row.id,
        row.version ?? '',
        row.status,
        row.stage ?? '',
        row.outcome ?? row.failure ?? '',
        row.started.slice(0, 16).replace('T', ' '),
      ]),
      { optional: ['started', 'version'] },
    );
  }
}

async function showReprocess(
  id: string | undefined,
  flags: LookFlags,
  context: CliContext,
): Promise<void> {
  const { lookAtReprocess, printStanding, waitingRuns } = await import('../reprocess/run.ts');
  const { output } = context;
  if (id === undefined) {
    const waiting = await withClient(flags.env, context, waitingRuns);
    if (flags.json === true) output.json(waiting);
    else if (waiting.length === 0) output.line('no run waits for a decision');
    for (const one of flags.json === true ? [] : waiting)
      printStanding({ id: one.id, env: flags.env }, one, context);
    return;
  }
  const standing = await withClient(flags.env, context, (client) => lookAtReprocess(client, id));
  if (flags.json === true) output.json({ id, ...standing });
  else printStanding({ id, env: flags.env }, standing, context);
}

async function decide(
  verb: 'promote' | 'reject',
  id: string,
  flags: DecideFlags,
  context: CliContext,
): Promise<void> {
  const { decideReprocess } = await import('../reprocess/run.ts');
  const { output } = context;
  const days = flags.days?.split(',').map((it) => it.trim());
  const said = { by: flags.by, reason: flags.reason, ...(days === undefined ? {} : { days }) };
  const answer = await withClient(flags.env, context, (client) =>
    decideReprocess(client, id, verb, said),
  );
  if (flags.json === true) output.json({ id, verb, answer });
  else output.line(`${id}: ${answer}`);
}
