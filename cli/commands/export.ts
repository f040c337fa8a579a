/** `ssmd export`: days of a dataset as Parquet, CSV or JSON lines; the job `export`, started and followed. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CLOCK_SOURCES, CLOCK_STATUSES } from '../../schema/clock.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import { EXPORT_FORMATS } from '../../schema/jobs.ts';
import type { ExportReport } from '../../workflows/export.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { givenOf, listOf } from '../flag-input.ts';
import { formatBytes, formatCount } from '../format.ts';
import { ENV_HELP } from '../resolve-environment.ts';
import { withClient } from '../temporal-client.ts';

type ExportFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly start?: string;
  readonly end?: string;
  readonly symbols?: string;
  readonly types?: string;
  readonly datasetVersion?: string;
  readonly format: string;
  readonly out?: string;
  readonly clockSource?: string;
  readonly clockStatus?: string;
  readonly json?: boolean;
};

const EXAMPLE =
  'npx ssmd export --feed kraken --date 2026-11-20 --types trade,quote --format parquet --out kraken-20';

export function register(program: Command, context: CliContext): void {
  program
    .command('export')
    .helpGroup(GROUPS.data)
    .summary('days of a dataset as Parquet, CSV or JSON lines')
    .description(
      'Starts the job export and follows it: a file for each type, symbol and day, every value exact, ' +
        'with a manifest of hashes. It is shown whole or not at all. A worker has to run (npx ssmd ' +
        'worker). Ctrl-C stops following it; the job goes on.',
    )
    .option('--feed <feed>', 'whose days, such as kraken (needed)')
    .option('--date <day>', 'one UTC day: YYYY-MM-DD (default: yesterday)')
    .option('--start <day>', 'the first day of a range')
    .option('--end <day>', 'the last day of it, included')
    .option('--symbols <list>', 'such as BTCUSD,ETHUSD (default: all there are)')
    .option('--types <list>', `of ${EVENT_TYPES.join(', ')} (default: all there are)`)
    .option(
      '--dataset-version <version>',
      'such as v1; current is what serves each day as the job begins',
      'current',
    )
    .option('--format <format>', EXPORT_FORMATS.join(', '), 'parquet')
    .option(
      '--out <folder>',
      "a folder that is not there yet, on the worker's machine (default: the normalized bucket)",
    )
    .option('--clock-source <list>', `only what such clocks timed: ${CLOCK_SOURCES.join(', ')}`)
    .option('--clock-status <list>', `only while they were: ${CLOCK_STATUSES.join(', ')}`)
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}\n\nColumns: docs/export.md`)
    .action((flags: ExportFlags) => startExport(flags, context));
}

async function startExport(flags: ExportFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const input = inputOf(flags);
  const { judged } = await import('../judged-input.ts');
  const shown = { flagOf: FLAG_OF, example: EXAMPLE };
  const { day } = await judged({ type: 'export', input }, flags.env, context, shown);
  const [{ exportId }, { followExport }] = await Promise.all([
    import('../../workflows/lib/ids.ts'),
    import('../follow-export.ts'),
  ]);
  const { feed = '', start: from = day, end: to = day } = flags;
  const id = exportId({ feed, from, to, request: randomUUID().slice(0, 8) });
  const report = await withClient(flags.env, context, (client) =>
    followExport(client, { id, input, context }),
  );
  if (flags.json === true) output.json({ ...report, id });
  else print(report, context);
}

/** What the job is given. */
function inputOf(flags: ExportFlags): Readonly<Record<string, unknown>> {
  const { feed, date: day, start: from, end: to, symbols, types } = flags;
  const { datasetVersion: version, format, out, clockSource, clockStatus } = flags;
  return givenOf({
    ...{ feed, day, from, to, symbols: listOf(symbols), types: listOf(types), version, format },
    ...{ clock_source: listOf(clockSource), clock_status: listOf(clockStatus) },
    // The worker has another folder to begin from.
    out: out === undefined ? undefined : resolve(out),
  });
}

const FLAG_OF: Readonly<Record<string, string>> = {
  ...{ feed: '--feed', day: '--date', from: '--start', to: '--end', symbols: '--symbols' },
  ...{ clock_source: '--clock-source', clock_status: '--clock-status' },
  ...{ types: '--types', version: '--dataset-version', format: '--format', out: '--out' },
};

function print(report: ExportReport, { output }: CliContext): void {
  const { color } = output;
  const { feed, from, to, format, target, files, rows, bytes, versions, incomplete_days } = report;
  const days = from === to ? from : `${from} to ${to}`;
  output.line(`${color.bold(feed)} ${days}, ${versions.join(', ')}, as ${format}: ${target}`);
  output.line(
    `  ${formatCount(files)} files, ${formatCount(rows)} rows, ${formatBytes(bytes)}; ` +
      'export.json lists them with their hashes',
  );
  if (report.left_out !== undefined) {
    output.line(
      `  ${formatCount(report.left_out)} rows were left out: captured under another clock, or ` +
        'nobody knows under which',
    );
  }
  if (incomplete_days > 0) {
    output.line(
      `  ${incomplete_days} of ${report.days} days are incomplete: npx ssmd dataset show names their gaps`,
    );
  }
  if (format === 'parquet' && target.startsWith('/')) {
    output.line(`  in DuckDB: SELECT * FROM '${target}/trade/*/*.parquet';`);
  }
}
