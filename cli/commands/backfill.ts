/** `ssmd backfill`: days without a manifest, built from RAW; the job `backfill`, started and followed. */
import type { Command } from 'commander';
import type { BackfillInput } from '../../schema/jobs.ts';
import type { BackfillReport } from '../../workflows/backfill.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { formatBytes, formatCount } from '../format.ts';
import { givenOf } from '../flag-input.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { withClient } from '../temporal-client.ts';

type BackfillFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly start?: string;
  readonly end?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
};

const EXAMPLE = 'npx ssmd backfill --feed kraken --start 2026-11-01 --end 2026-11-20 --dry-run';

export function register(program: Command, context: CliContext): void {
  program
    .command('backfill')
    .helpGroup(GROUPS.jobs)
    .summary('build days that have no manifest from RAW')
    .description(
      'Starts the job backfill and follows it: each day of the range that has no manifest is built from ' +
        'RAW and served. A committed day is left as it is; a day that cannot be built is named, with ' +
        'the reason. Exit code 1 where a day failed.',
    )
    .option('--feed <feed>', 'whose days (needed)')
    .option('--date <day>', 'one UTC day: YYYY-MM-DD (default: yesterday)')
    .option('--start <day>', 'first day of a range')
    .option('--end <day>', 'last day of it, included')
    .option('--dry-run', 'only say what would be built')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: BackfillFlags) => backfill(flags, context));
}

const FLAG_OF = {
  ...{ feed: '--feed', day: '--date', from: '--start', to: '--end', dry_run: '--dry-run' },
} as const;

async function backfill(flags: BackfillFlags, context: CliContext): Promise<void> {
  const { feed, date: day, start: from, end: to, dryRun: dry_run } = flags;
  const input = givenOf({ feed, day, from, to, dry_run }) as BackfillInput;
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  const admitted = await judged({ type: 'backfill', input }, flags.env, context, shown);
  const [{ followJob }, { backfillId }] = await Promise.all([
    import('../follow-job.ts'),
    import('../../workflows/lib/ids.ts'),
  ]);
  const range = { from: from ?? admitted.day, to: to ?? admitted.day };
  const whole = { ...input, day: undefined, ...range };
  const id = backfillId(whole);
  const report = await withClient(flags.env, context, (client) =>
    followJob<BackfillReport>(client, { type: 'backfill', id, input: whole }, context),
  );
  if (flags.json === true) context.output.json({ id, ...report });
  else print(report, context);
  if (report.outcome === 'failed' || report.outcome === 'partial') throw new ExitWith(1);
}

function print(
  { feed, from, to, outcome, days, counts, raw_bytes }: BackfillReport,
  context: CliContext,
): void {
  const { output } = context;
  const span = from === to ? from : `${from} to ${to}`;
  output.line(`${output.color.bold(`${feed} ${span}`)}: ${outcome.replaceAll('_', ' ')}`);
  output.table(
    ['day', 'state', 'version', 'records', 'note'],
    days.map(({ day, state, version, complete, records, why }) => [
      day,
      state.replaceAll('_', ' '),
      version ?? '',
      records === null ? '' : formatCount(records),
      complete === false ? 'incomplete: npx ssmd dataset show names its gaps' : why,
    ]),
  );
  const words = Object.entries(counts).map(([state, n]) => `${n} ${state.replaceAll('_', ' ')}`);
  output.line(`  ${words.join(', ')}; RAW of ${formatBytes(raw_bytes)}`);
}
