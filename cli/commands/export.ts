/** `ssmd export`: days of a dataset as Parquet, CSV or JSON lines; the job `export`, started and followed. */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import { EXPORT_FORMATS } from '../../schema/jobs.ts';
import { nsFromMs } from '../../schema/time.ts';
import type { ExportReport } from '../../workflows/export.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { formatBytes, formatCount } from '../format.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import { withClient } from '../temporal-client.ts';

type ExportFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly day?: string;
  readonly from?: string;
  readonly to?: string;
  readonly symbols?: string;
  readonly types?: string;
  readonly datasetVersion?: string;
  readonly format: string;
  readonly out?: string;
  readonly json?: boolean;
};

const EXAMPLE =
  'npx ssmd export --feed kraken --day 2026-11-20 --types trade,quote --format parquet --out kraken-20';

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
    .option('--feed <feed>', 'whose days: kraken or binance-usdm (needed)')
    .option('--day <day>', 'one UTC day: YYYY-MM-DD (default: yesterday)')
    .option('--from <day>', 'the first day of a range')
    .option('--to <day>', 'the last day of it, included')
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
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}\n\nColumns: docs/export.md`)
    .action((flags: ExportFlags) => startExport(flags, context));
}

async function startExport(flags: ExportFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const input = inputOf(flags);
  const asked = await judged(input, flags, context);
  const [{ exportId }, { followExport }] = await Promise.all([
    import('../../workflows/lib/ids.ts'),
    import('../follow-export.ts'),
  ]);
  const from = asked.from ?? asked.day;
  const to = asked.to ?? asked.day;
  const id = exportId({ feed: asked.feed, from, to, request: randomUUID().slice(0, 8) });
  const report = await withClient(flags.env, context, (client) =>
    followExport(client, { id, input, context }),
  );
  if (flags.json === true) output.json({ ...report, id });
  else print(report, context);
}

/** What the job is given: what was not typed is left out. */
function inputOf(flags: ExportFlags): Readonly<Record<string, unknown>> {
  const list = (text: string | undefined): string[] | undefined =>
    text
      ?.split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
  const { feed, day, from, to, symbols, types, datasetVersion: version, format, out } = flags;
  const given = {
    ...{ feed, day, from, to, symbols: list(symbols), types: list(types), version, format },
    // The worker has another folder to begin from.
    out: out === undefined ? undefined : resolve(out),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

type Asked = {
  readonly feed: string;
  readonly day: string;
  readonly from?: string;
  readonly to?: string;
};

const FLAGS: Readonly<Record<string, string>> = { version: '--dataset-version' };

/** By the job's own judge, so that nothing is started in vain; in the words of the command line. */
async function judged(
  input: Readonly<Record<string, unknown>>,
  flags: ExportFlags,
  context: CliContext,
): Promise<Asked> {
  const { environment } = await resolveEnvironment(flags.env, context, 'none');
  const [{ feedsOf }, { admit }] = await Promise.all([
    import('../../environments/env.ts'),
    import('../../activities/admission.ts'),
  ]);
  const known = { feeds: feedsOf(environment), shards: [], now: nsFromMs(Date.now()) };
  const admission = admit(known, { type: 'export', input });
  if (admission.refusal === null) {
    const { from, to } = flags;
    const range = from === undefined || to === undefined ? {} : { from, to };
    return { feed: String(input['feed']), day: admission.day, ...range };
  }
  const { code, message, facts } = admission.refusal;
  if (code !== 'SSMD_INVALID_INPUT') throw new SsmdError(code, message, { facts });
  const faults = (facts['faults'] as readonly Fault[]).map((fault) => ({
    ...fault,
    where: FLAGS[fault.where] ?? `--${fault.where}`,
  }));
  throw invalidInput('the command line', faults, EXAMPLE);
}

function print(report: ExportReport, { output }: CliContext): void {
  const { color } = output;
  const { feed, from, to, format, target, files, rows, bytes, versions, incomplete_days } = report;
  const days = from === to ? from : `${from} to ${to}`;
  output.line(`${color.bold(feed)} ${days}, ${versions.join(', ')}, as ${format}: ${target}`);
  output.line(
    `  ${formatCount(files)} files, ${formatCount(rows)} rows, ${formatBytes(bytes)}; ` +
      'export.json lists them with their hashes',
  );
  if (incomplete_days > 0) {
    output.line(
      `  ${incomplete_days} of ${report.days} days are incomplete: npx ssmd dataset show names their gaps`,
    );
  }
  if (format === 'parquet' && target.startsWith('/')) {
    output.line(`  in DuckDB: SELECT * FROM '${target}/trade/*/*.parquet';`);
  }
}
