/** `ssmd env`: environments side by side. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import { parseDay } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { dayFaults, versionFaults } from '../reprocess/diff.ts';
import { resolveEnvironment } from '../resolve-environment.ts';

type CompareFlags = {
  readonly baseline: string;
  readonly candidate: string;
  readonly feed?: string;
  readonly date?: string;
  readonly baselineVersion: string;
  readonly candidateVersion: string;
  readonly output: string;
  readonly json?: boolean;
};

const EXAMPLE =
  'npx ssmd env compare --baseline demo --candidate dev --feed kraken --date 2025-12-05 ' +
  '--output diff-report.json';

export function register(program: Command, context: CliContext): void {
  const env = program
    .command('env')
    .helpGroup(GROUPS.data)
    .summary('compare a day of two environments')
    .description('Environments side by side.');
  env
    .command('compare')
    .description(
      'A day as two environments have it: counts, fields, values, timing, the first records that ' +
        'differ with their lines of RAW. Both have to be up and to have the day: archived, or ' +
        'rebuilt there (npx ssmd reprocess run). Neither is changed.',
    )
    .requiredOption('--baseline <env>', 'what is compared with', parseEnvName)
    .requiredOption('--candidate <env>', 'what is new', parseEnvName)
    .option('--feed <feed>', 'whose day (needed)')
    .option('--date <day>', 'which UTC day: YYYY-MM-DD (needed)')
    .option('--baseline-version <version>', 'such as v1', 'current')
    .option('--candidate-version <version>', 'such as v2', 'current')
    .option('--output <file>', 'JSON; the HTML goes beside it', 'diff-report.json')
    .option('--json', 'print the report as well')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: CompareFlags) => compare(flags, context));
}

async function compare(flags: CompareFlags, context: CliContext): Promise<void> {
  const [{ compareEnvironments }, { printDiff }, { FEEDS }] = await Promise.all([
    import('../../workers/compare-days.ts'),
    import('../compare/print.ts'),
    import('../../connectors/registry.ts'),
  ]);
  const { baselineVersion, candidateVersion } = flags;
  const versions = {
    '--baseline-version': baselineVersion,
    '--candidate-version': candidateVersion,
  };
  const faults = [...dayFaults(flags, [...FEEDS.keys()]), ...versionFaults(versions)];
  if (!flags.output.endsWith('.json')) {
    faults.push({ where: '--output', what: `'${flags.output}' does not end in .json` });
  }
  const feed = FEEDS.get(flags.feed ?? '');
  const day = parseDay(flags.date ?? '');
  if (faults.length > 0 || feed === undefined || day === null) {
    throw invalidInput('the command line', faults, EXAMPLE);
  }
  const { output, interrupted } = context;
  const old = await resolveEnvironment(flags.baseline, context, 'stores');
  const now = await resolveEnvironment(flags.candidate, context, 'stores');
  const label = `${feed.id} ${day} ${flags.baseline}..${flags.candidate}`;
  const bar = output.progress({ label, unit: 'records' });
  const watched = {
    signal: interrupted,
    onProgress: (at: { records: number; stage: string }) => bar.update(at.records, at.stage),
  };
  const sides = {
    old: { ...old, version: baselineVersion },
    new: { ...now, version: candidateVersion },
  };
  const found = await compareEnvironments({ feed, day }, sides, watched).finally(() => bar.end());
  const json = resolve(flags.output);
  const html = json.replace(/\.json$/, '.html');
  await save(json, found.json);
  await save(html, found.html);
  if (flags.json === true) output.json(found.document);
  else printDiff(found.document, { json, html }, output);
}

async function save(file: string, body: Uint8Array): Promise<void> {
  await writeFile(file, body).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SsmdError('SSMD_INVALID_INPUT', `the report cannot be written: ${why}`, {
      facts: { file },
      cause,
    });
  });
}
