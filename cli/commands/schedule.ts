/** `ssmd schedule`: which jobs start by themselves, when, and whether they did. */
import type { Command } from 'commander';
import { nsFromMs } from '../../schema/time.ts';
import { JOB_TYPES } from '../../schema/jobs.ts';
import type { WantedSchedule } from '../../workers/schedules.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import { sameEnv } from '../same-env.ts';
import type { CreateFlags } from '../schedule-change.ts';
import { userName, withClient } from '../temporal-client.ts';

type Shared = { readonly env?: string; readonly json?: boolean };
type ApplyFlags = Shared & { readonly dryRun?: boolean; readonly prune?: boolean };
type BackfillFlags = Shared & {
  readonly start: string;
  readonly end: string;
  readonly dryRun?: boolean;
};

const NAME = 'name of a schedule; daily-archive is that of every feed';

const EXAMPLES = `
Examples:
  npx ssmd schedule apply --dry-run
  npx ssmd schedule show daily-archive
  npx ssmd schedule backfill daily-archive/kraken --start 2026-11-14 --end 2026-11-20
  npx ssmd schedule create my-job --cron "0 6 * * *" --workflow daily-archive --input '{"feed":"kraken"}'

Times are UTC. A run's day is the one before it was due, however late it starts.`;

export function register(program: Command, context: CliContext): void {
  const schedule = program
    .command('schedule')
    .helpGroup(GROUPS.jobs)
    .summary('which jobs start by themselves, and when')
    .description(
      'Schedules of jobs, kept by the Temporal server of the environment. Those of the environment ' +
        'are code: apply brings the server to them.',
    )
    .addHelpText('after', EXAMPLES);
  const add = (name: string, says: string, json = 'print one JSON array'): Command =>
    schedule
      .command(name)
      .description(says)
      .option('--env <name>', ENV_HELP, parseEnvName)
      .option('--json', json);

  add(
    'apply',
    "Brings the server's schedules to those of the environment; repeated, it changes nothing.",
  )
    .option('--dry-run', 'only say what would change, and the next ten times')
    .option('--prune', 'delete what was applied once and is wanted no more')
    .action((flags: ApplyFlags) => apply(flags, context));
  add('list', 'All there are: when they fire next, what they started, what they missed.').action(
    (flags: Shared) => list(flags, context),
  );
  add('show', 'One whole: its times, its counts, its next and its last runs.')
    .argument('<name>', NAME)
    .action((name: string, flags: Shared) => show(name, flags, context));
  add('pause', 'Starts nothing until it is resumed; what was due meanwhile is not made up for.')
    .argument('<name>', NAME)
    .option('--reason <words>', 'why, for whoever looks at it')
    .action((name: string, flags: PauseFlags) => pause(name, flags, true, context));
  add('resume', 'Goes on with what is due from now on; what was due meanwhile: backfill.')
    .argument('<name>', NAME)
    .option('--reason <words>', 'why, for whoever looks at it')
    .action((name: string, flags: PauseFlags) => pause(name, flags, false, context));
  add('trigger', 'Starts a run now, out of schedule, also of one that is paused.')
    .argument('<name>', NAME)
    .action((name: string, flags: Shared) => trigger(name, flags, context));
  add(
    'create',
    'A schedule of your own; judged whole before the server is asked.',
    'print one JSON object',
  )
    .argument('<name>', 'such as my-job')
    .requiredOption('--cron <line>', 'minute hour day-of-month month day-of-week')
    .requiredOption('--workflow <job>', `the job: ${JOB_TYPES.join(', ')}`)
    .option('--input <json>', 'its input')
    .option('--timezone <zone>', 'of the line (default: UTC); hours its clocks skip are refused')
    .option('--overlap <policy>', 'while one runs: ALLOW_ALL, BUFFER_ALL, BUFFER_ONE, SKIP')
    .option('--paused', 'starts nothing until it is resumed')
    .action((name: string, flags: Shared & CreateFlags) => create(name, flags, context));
  add('backfill', 'Starts what was due for days that are past, as if it were then.')
    .argument('<name>', NAME)
    .requiredOption('--start <day>', 'the first day, of the data where the job is about a day')
    .requiredOption('--end <day>', 'the last day')
    .option('--dry-run', 'only say which runs')
    .action((name: string, flags: BackfillFlags) => backfill(name, flags, context));
}

type PauseFlags = Shared & { readonly reason?: string };

/** What the environment is to have, by its feeds and their calendars. */
async function wantedIn(
  flags: Shared,
  context: CliContext,
): Promise<{ readonly environment: string; readonly wanted: WantedSchedule[] }> {
  const [{ environment }, { desired }, { feedsOf }, files] = await Promise.all([
    resolveEnvironment(flags.env, context, 'none'),
    import('../../workers/schedules.ts'),
    import('../../environments/env.ts'),
    import('../../environments/calendar-files.ts'),
  ]);
  const calendars = files.calendarsOf(environment, files.calendarFolders(context.root));
  const wanted = desired({ feeds: feedsOf(environment) }, calendars, nsFromMs(Date.now()));
  return { environment: environment.name, wanted };
}

async function apply(flags: ApplyFlags, context: CliContext): Promise<void> {
  const [{ applySchedules }, { printApplied, upcoming }] = await Promise.all([
    import('../../workers/schedule-apply.ts'),
    import('../schedule-print.ts'),
  ]);
  const { environment, wanted } = await wantedIn(flags, context);
  const options = { environment, dry_run: flags.dryRun === true, prune: flags.prune === true };
  const applied = await withClient(flags.env, context, (client) =>
    applySchedules(client.schedule, wanted, options),
  );
  const rows = applied.map((it) => {
    const of = wanted.find(({ id }) => id === it.id);
    return { ...it, next: of === undefined ? [] : upcoming(of, Date.now()) };
  });
  if (flags.json === true) context.output.json(rows);
  else printApplied(rows, options.dry_run, context);
}

async function list(flags: Shared, context: CliContext): Promise<void> {
  const { listSchedules, rowOf } = await import('../schedule-rows.ts');
  const found = await withClient(flags.env, context, listSchedules);
  const rows = found.map(rowOf);
  if (flags.json === true) context.output.json(rows);
  else if (rows.length === 0) {
    context.output.line(`no schedules yet; make them: npx ssmd schedule apply${sameEnv(context)}`);
  } else {
    const { printRows } = await import('../schedule-print.ts');
    printRows(rows, context);
  }
}

async function show(name: string, flags: Shared, context: CliContext): Promise<void> {
  const [{ findSchedules, rowOf }, { printRow, statesOf }] = await Promise.all([
    import('../schedule-rows.ts'),
    import('../schedule-print.ts'),
  ]);
  const shown = await withClient(flags.env, context, async (client) => {
    const rows = (await findSchedules(client, name)).map(rowOf);
    return Promise.all(rows.map(async (row) => ({ row, states: await statesOf(client, row) })));
  });
  if (flags.json === true) {
    const recentOf = ({ row, states }: (typeof shown)[number]): object[] =>
      row.recent.map((it, index) => ({ ...it, ...states[index] }));
    context.output.json(shown.map((it) => ({ ...it.row, recent: recentOf(it) })));
    return;
  }
  for (const { row, states } of shown) printRow(row, states, context);
}

async function pause(
  name: string,
  flags: PauseFlags,
  paused: boolean,
  context: CliContext,
): Promise<void> {
  const { findSchedules } = await import('../schedule-rows.ts');
  const word = paused ? 'paused' : 'resumed';
  const note = `${word} by ${userName()}${flags.reason === undefined ? '' : `: ${flags.reason}`}`;
  const done = await withClient(flags.env, context, async (client) => {
    const found = await findSchedules(client, name);
    for (const { scheduleId, state } of found) {
      const handle = client.schedule.getHandle(scheduleId);
      // Paused twice it has the newer reason; what runs is left alone, with what is noted of it.
      if (paused) await handle.pause(note);
      else if (state.paused) await handle.unpause(note);
    }
    return found.map(({ scheduleId: id, state }) => ({ id, was_paused: state.paused }));
  });
  if (flags.json === true) {
    context.output.json(done.map((it) => ({ ...it, paused, note })));
    return;
  }
  for (const { id, was_paused } of done) {
    const said = paused ? 'is paused already; it has this reason now' : 'is not paused';
    context.output.line(`${id}: ${was_paused === paused ? said : word}`);
  }
}

async function trigger(name: string, flags: Shared, context: CliContext): Promise<void> {
  const [{ findSchedules }, { triggerOne }] = await Promise.all([
    import('../schedule-rows.ts'),
    import('../schedule-change.ts'),
  ]);
  const started = await withClient(flags.env, context, async (client) => {
    const found = await findSchedules(client, name);
    return Promise.all(found.map((it) => triggerOne(client, it)));
  });
  if (flags.json === true) {
    context.output.json(started);
    return;
  }
  for (const { id, run } of started) {
    const waits = 'asked for; no run yet, as one may run already';
    context.output.line(`${id}: ${run ?? waits}`);
    if (run !== null) context.output.note(`  see: npx ssmd job watch ${run}${sameEnv(context)}`);
  }
}

async function create(
  name: string,
  flags: Shared & CreateFlags,
  context: CliContext,
): Promise<void> {
  const [{ createOwn, judgedSchedule }, { knownIn }, { upcoming }] = await Promise.all([
    import('../schedule-change.ts'),
    import('../judged-input.ts'),
    import('../schedule-print.ts'),
  ]);
  const { environment, wanted: reserved } = await wantedIn(flags, context);
  const taken = reserved.map(({ id }) => id);
  const wanted = judgedSchedule(name, flags, await knownIn(flags.env, context), taken);
  const of = { environment, paused: flags.paused === true };
  await withClient(flags.env, context, (client) => createOwn(client, wanted, of));
  const next = upcoming(wanted, Date.now());
  if (flags.json === true) {
    context.output.json({ id: name, paused: of.paused, next });
    return;
  }
  context.output.line(`${name}: created${of.paused ? ', paused' : ''}; next: ${next.join(', ')}`);
}

async function backfill(name: string, flags: BackfillFlags, context: CliContext): Promise<void> {
  const [{ findSchedules }, { backfillOne, daysAsked, dueTimes }] = await Promise.all([
    import('../schedule-rows.ts'),
    import('../schedule-change.ts'),
  ]);
  const days = daysAsked(flags.start, flags.end);
  const dry_run = flags.dryRun === true;
  const asked = await withClient(flags.env, context, async (client) => {
    const found = await findSchedules(client, name);
    const due = await Promise.all(found.map((it) => dueTimes(client, it, days, Date.now())));
    for (const of of dry_run ? [] : due) await backfillOne(client, of);
    return due;
  });
  if (flags.json === true) {
    context.output.json(asked.map(({ id, job, due }) => ({ id, job, due, dry_run })));
    return;
  }
  for (const { id, due } of asked) {
    const words =
      due.length === 0 ? 'nothing was due' : due.map((at) => `${id}-${at}`).join('\n  ');
    context.output.line(`${id}: ${dry_run ? 'would start' : 'starts'}\n  ${words}`);
  }
}
