/**
 * `ssmd reprocess diff`: what changed of a day between two versions, straight from the store: no worker
 * and no Temporal is needed, and the report is the one the job writes.
 */
import type { Command } from 'commander';
import { VERSION_PATTERN } from '../../dataset/keys.ts';
import { invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { parseDay } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import { parseEnvName } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';
import { getLine } from '../storage/get-line.ts';

type DiffFlags = {
  readonly env?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly old: string;
  readonly new?: string;
  readonly json?: boolean;
};

const EXAMPLE = 'npx ssmd reprocess diff --feed kraken --date 2025-12-06 --old v1 --new v2';

/** Adds `diff` to `ssmd reprocess`. */
export function registerDiff(reprocess: Command, context: CliContext): void {
  reprocess
    .command('diff')
    .description(
      'What changed of a day between two versions: verdict, counts by type, fields, examples. Reads ' +
        'the store itself, and leaves the whole report there as JSON and HTML.',
    )
    .option('--feed <feed>', 'whose day (needed)')
    .option('--date <day>', 'which UTC day: YYYY-MM-DD (needed)')
    .option('--old <version>', 'such as v1; current is the one that serves the day', 'current')
    .option('--new <version>', 'such as v2 (needed)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print the whole report as one JSON object')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: DiffFlags) => diff(flags, context));
}

async function diff(flags: DiffFlags, context: CliContext): Promise<void> {
  const [{ diffStored }, { printDiff }, { FEEDS }] = await Promise.all([
    import('../../workers/compare-days.ts'),
    import('../compare/print.ts'),
    import('../../connectors/registry.ts'),
  ]);
  const faults = [
    ...dayFaults(flags, [...FEEDS.keys()]),
    ...versionFaults({ '--old': flags.old, '--new': flags.new }),
  ];
  const feed = FEEDS.get(flags.feed ?? '');
  const day = parseDay(flags.date ?? '');
  if (faults.length > 0 || feed === undefined || day === null) {
    throw invalidInput('the command line', faults, EXAMPLE);
  }
  const { output, interrupted } = context;
  const place = await resolveEnvironment(flags.env, context, 'stores');
  const label = `${feed.id} ${day} ${flags.old}..${flags.new}`;
  const bar = output.progress({ label, unit: 'records' });
  const watched = {
    signal: interrupted,
    onProgress: (at: { records: number; stage: string }) => bar.update(at.records, at.stage),
  };
  const of = { feed, day, old: flags.old, new: flags.new ?? '' };
  const found = await diffStored(place, of, watched).finally(() => bar.end());
  if (flags.json === true) output.json(found.document);
  else {
    const { json, html } = found.figures;
    printDiff(found.document, { json, html: getLine(html, flags.env) }, output);
  }
}

/** What is wrong with `--feed` and `--date`. */
export function dayFaults(
  { feed, date }: { readonly feed?: string; readonly date?: string },
  feeds: readonly string[],
): Fault[] {
  const wrong = feedFault(feed, feeds);
  const faults = wrong === null ? [] : [wrong];
  if (parseDay(date ?? '') !== null) return faults;
  const what = date === undefined ? 'is needed' : `'${date}' is not a day`;
  return [...faults, { where: '--date', what, hint: 'YYYY-MM-DD, in UTC' }];
}

/** What is wrong with versions, by the flag they stand at. */
export function versionFaults(flags: Readonly<Record<string, string | undefined>>): Fault[] {
  return Object.entries(flags).flatMap(([where, version]) => {
    if (version !== undefined && (version === 'current' || VERSION_PATTERN.test(version)))
      return [];
    const what = version === undefined ? 'is needed' : `'${version}' is no version`;
    return [{ where, what, hint: 'such as v2, or current' }];
  });
}
