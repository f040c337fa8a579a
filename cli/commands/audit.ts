/** `ssmd audit`: whatever does not hold, named; the job `audit`, started and followed. */
import type { Command } from 'commander';
import type { AuditInput } from '../../schema/jobs.ts';
import type { AuditReport } from '../../workflows/audit.ts';
import type { CliContext } from '../command.ts';
import { ExitWith, GROUPS, parseEnvName } from '../command.ts';
import { formatBytes, formatCount } from '../format.ts';
import { givenOf } from '../flag-input.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { getLine } from '../storage/get-line.ts';
import { withClient } from '../temporal-client.ts';

type AuditFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly start?: string;
  readonly end?: string;
  readonly datasetVersion?: string;
  readonly deep?: boolean;
  readonly json?: boolean;
};

const EXAMPLE = 'npx ssmd audit --feed kraken --start 2026-11-01 --end 2026-11-20';

export function register(program: Command, context: CliContext): void {
  program
    .command('audit')
    .helpGroup(GROUPS.jobs)
    .summary('find whatever does not hold: days, manifests, objects, runs')
    .description(
      'Starts the job audit and follows it. Without a day: the last week of all feeds against RAW, its ' +
        'inventories and the buckets, two days rebuilt from RAW, runs that ended badly or not at all, ' +
        'and what lies around. With --date: that day alone, rebuilt. Exit code 1 where anything is found.',
    )
    .option('--feed <feed>', 'only of this feed')
    .option('--date <day>', 'one UTC day, rebuilt from RAW: YYYY-MM-DD')
    .option('--start <day>', 'first day of a range')
    .option('--end <day>', 'last day of it, included')
    .option('--dataset-version <version>', 'of one day: another than the one that serves it')
    .option('--deep', 'rebuild every committed day of the range; without one, of all there are')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: AuditFlags) => audit(flags, context));
}

const FLAG_OF = {
  ...{ feed: '--feed', day: '--date', from: '--start', to: '--end', deep: '--deep' },
  version: '--dataset-version',
} as const;

async function audit(flags: AuditFlags, context: CliContext): Promise<void> {
  const { feed, date: day, start: from, end: to, deep, datasetVersion: version } = flags;
  const input = givenOf({ feed, day, from, to, deep, version }) as AuditInput;
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  const admitted = await judged({ type: 'audit', input }, flags.env, context, shown);
  const [{ followJob }, { auditId, standingAuditId }] = await Promise.all([
    import('../follow-job.ts'),
    import('../../workflows/lib/ids.ts'),
  ]);
  const one = day !== undefined || version !== undefined;
  const id = one
    ? auditId({ feed: feed ?? 'all', day: admitted.day })
    : standingAuditId({ ...input, day: admitted.day });
  const report = await withClient(flags.env, context, (client) =>
    followJob<AuditReport>(client, { type: 'audit', id, input }, context),
  );
  if (flags.json === true) context.output.json({ id, ...report });
  else print(report, flags.env, context);
  if (report.outcome === 'failed') throw new ExitWith(1);
}

function print(report: AuditReport, env: string | undefined, { output }: CliContext): void {
  const { line, color } = output;
  const { outcome, from, to, days, ranges, findings } = report;
  const paint = outcome === 'passed' ? color.green : color.red;
  line(`${color.bold(from === to ? to : `${from} to ${to}`)}: ${paint(outcome)}`);
  for (const { feed, days: seen, manifests, objects, bytes } of ranges) {
    const amount = `${formatCount(objects)} objects, ${formatBytes(bytes)}`;
    line(`  ${feed}: ${seen} days, ${manifests} manifests, ${amount}`);
  }
  if (days.length > 0) {
    output.table(
      ['rebuilt', 'day', 'version', 'outcome', 'objects', 'equal', 'known gaps'],
      days.map((it) => [
        ...[it.feed, it.day, it.version ?? '', it.outcome],
        ...[it.objects, it.equal, it.gaps].map(formatCount),
      ]),
    );
  }
  const all = [...findings, ...days.flatMap((it) => it.findings)];
  for (const { kind, key, detail } of all) line(`  ${color.red(kind)} ${key}: ${detail}`);
  const more = report.findings_total - all.length;
  if (more > 0) line(`  and ${formatCount(more)} more findings, in the report`);
  line(`  report: ${getLine(report.html, env)}`);
  line(`  the same as JSON: ${report.json}`);
}
