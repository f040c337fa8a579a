/** `ssmd cleanup`: what nothing needs any more, listed, and taken with the digest of that list. */
import type { Command } from 'commander';
import type { CleanupInput } from '../../schema/jobs.ts';
import type { CleanupReport } from '../../workflows/weekly-cleanup.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { formatBytes, formatCount } from '../format.ts';
import { givenOf, numberOrText } from '../flag-input.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { sameEnv } from '../same-env.ts';
import { withClient } from '../temporal-client.ts';

type CleanupFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly keepVersions?: number | string;
  readonly olderThan?: number | string;
  readonly dryRun?: boolean;
  readonly confirm?: string;
  readonly json?: boolean;
};

const EXAMPLE = 'npx ssmd cleanup --dry-run';

export function register(program: Command, context: CliContext): void {
  program
    .command('cleanup')
    .helpGroup(GROUPS.jobs)
    .summary('list what nothing needs any more, and delete it once confirmed')
    .description(
      'Starts the job weekly-cleanup and follows it. A dry run lists superseded versions, staged records ' +
        'of committed days, objects no manifest names and rebuilds that were never committed, with a ' +
        'digest; that digest deletes what the list names, and nothing else.',
    )
    .option('--dry-run', 'list, and delete nothing (this is what it does without --confirm)')
    .option('--confirm <digest>', 'delete what the list of this digest names')
    .option('--feed <feed>', 'only of this feed')
    .option('--keep-versions <count>', 'newest versions that stay (default: 3)', numberOrText)
    .option('--older-than <days>', 'a superseded version stays so long (default: 90)', numberOrText)
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: CleanupFlags) => cleanup(flags, context));
}

const FLAG_OF = {
  ...{ feed: '--feed', keep_versions: '--keep-versions', older_than_days: '--older-than' },
  ...{ dry_run: '--dry-run', confirm: '--confirm' },
} as const;

async function cleanup(flags: CleanupFlags, context: CliContext): Promise<void> {
  const { feed, keepVersions: keep_versions, olderThan: older_than_days, confirm } = flags;
  const given = { feed, keep_versions, older_than_days, dry_run: flags.dryRun, confirm };
  const input = givenOf(given) as CleanupInput;
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  await judged({ type: 'weekly-cleanup', input }, flags.env, context, shown);
  const [{ followJob }, { cleanupId }] = await Promise.all([
    import('../follow-job.ts'),
    import('../../workflows/lib/ids.ts'),
  ]);
  const id = cleanupId(input);
  const report = await withClient(flags.env, context, (client) =>
    followJob<CleanupReport>(client, { type: 'weekly-cleanup', id, input }, context),
  );
  if (flags.json === true) context.output.json({ id, ...report });
  else print(report, context);
}

function print({ outcome, list, done }: CleanupReport, context: CliContext): void {
  const { line, color } = context.output;
  line(`${color.bold(outcome.replaceAll('_', ' '))}: ${list.digest}`);
  for (const { version, feed, days, keys, bytes } of list.superseded) {
    line(`  ${feed} ${version}: ${days} days, ${formatCount(keys)} keys, ${formatBytes(bytes)}`);
  }
  line(
    `  ${formatCount(list.staged)} staged records, ${formatCount(list.objects)} unnamed objects, ` +
      `${formatCount(list.abandoned ?? 0)} keys of rebuilds never committed`,
  );
  const share = `${(list.share * 100).toFixed(1)} % of the bucket`;
  line(`  ${formatCount(list.keys)} keys, ${formatBytes(list.bytes)}, ${share}; list: ${list.key}`);
  if (done !== null) {
    const { deleted, gone, changed, bytes, tombstone } = done;
    line(`  deleted ${formatCount(deleted)} keys, ${formatBytes(bytes)}; ${gone} were gone`);
    if (changed > 0) line(`  ${formatCount(changed)} were put anew since, and left`);
    line(`  record: ${tombstone}`);
  } else if (outcome === 'refused') {
    line(color.red('  too much at once: take less, by --feed, --keep-versions or --older-than'));
  } else if (outcome === 'listed')
    line(`To delete these:\n  npx ssmd cleanup --confirm ${list.digest}${sameEnv(context)}`);
}
