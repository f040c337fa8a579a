/** `ssmd dataset`: which days are archived, and what a day consists of. */
import type { Command } from 'commander';
import { SsmdError } from '../../schema/errors.ts';
import { formatIso } from '../../schema/time.ts';
import type { CliContext } from '../command.ts';
import type { DayRow } from '../dataset/days.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { VERSION_HELP, chosenManifest, manifestsOf, withBucket } from '../dataset/chosen.ts';
import type { DayFlags } from '../dataset/chosen.ts';
import type { RollbackFlags } from '../dataset/pointer.ts';
import { numberOrText } from '../flag-input.ts';
import { countOf, formatBytes, formatCount } from '../format.ts';
import { ENV_HELP } from '../resolve-environment.ts';

type ListFlags = { readonly env?: string; readonly feed?: string; readonly json?: boolean };
type ShowFlags = DayFlags & { readonly env?: string; readonly json?: boolean };

const NO_DAYS =
  'no day is committed yet; archive one: npx ssmd temporal workflow start --type daily-archive ' +
  `--task-queue ssmd --input '{"feed":"kraken"}'`;
const CURRENT_EXAMPLE = 'npx ssmd dataset current --feed kraken';
const LIST_EXAMPLE = 'npx ssmd dataset list --feed kraken';
const EXAMPLE = 'npx ssmd dataset show --feed kraken --date 2026-11-20';

export function register(program: Command, context: CliContext): void {
  const dataset = program
    .command('dataset')
    .helpGroup(GROUPS.data)
    .summary('archived days: list them, look at one, verify it; which version serves')
    .description('A day exists once its manifest does. Only the normalized bucket is read.');
  addPointer(dataset, context);
  addVerify(dataset, context);
  dataset
    .command('list')
    .description('Committed days of every feed and version, and which version serves a day.')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--feed <feed>', 'only of this feed')
    .option('--json', 'print one JSON array')
    .action((flags: ListFlags) => listDays(flags, context));
  dataset
    .command('show')
    .description('One day: its holes and its objects, and what it was made from.')
    .requiredOption('--feed <feed>', 'whose day, such as kraken')
    .requiredOption('--date <day>', 'which UTC day: YYYY-MM-DD')
    .option('--dataset-version <version>', VERSION_HELP)
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print the manifest')
    .addHelpText('after', `\nExample:\n  ${EXAMPLE}`)
    .action((flags: ShowFlags) => showDay(flags, context));
}

function addVerify(dataset: Command, context: CliContext): void {
  dataset
    .command('verify')
    .description('Reads every object of a day back and holds it against the manifest.')
    .requiredOption('--feed <feed>', 'whose day, such as kraken')
    .requiredOption('--date <day>', 'which UTC day: YYYY-MM-DD')
    .option('--dataset-version <version>', VERSION_HELP)
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .action((flags: ShowFlags) => verifyDay(flags, context));
}

function addPointer(dataset: Command, context: CliContext): void {
  dataset
    .command('current')
    .description('Which version serves which days of a feed, and who moved them.')
    .requiredOption('--feed <feed>', 'whose days, such as kraken')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print the pointer')
    .action((flags: CurrentFlags) => showCurrent(flags, context));
  dataset
    .command('rollback')
    .description('Takes a move of days between versions back, by the job promote.')
    .requiredOption('--feed <feed>', 'whose days, such as kraken')
    .option('--revision <number>', 'of the move (default: the last one)', numberOrText)
    .option('--by <name>', 'who decides (needed)')
    .option('--reason <words>', 'why (needed)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .action((flags: CurrentFlags & RollbackFlags) => rollBackMove(flags, context));
}

type CurrentFlags = { readonly env?: string; readonly feed: string; readonly json?: boolean };

async function showCurrent(flags: CurrentFlags, context: CliContext): Promise<void> {
  const { pointerOf, printPointer } = await import('../dataset/pointer.ts');
  const current = await withBucket({ ...flags, example: CURRENT_EXAMPLE }, context, (store) =>
    pointerOf(store, flags.feed),
  );
  if (flags.json === true) context.output.json(current);
  else printPointer(flags.feed, current, context);
}

async function rollBackMove(
  flags: CurrentFlags & RollbackFlags,
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const { judgeRollBack, pointerOf, rollBack } = await import('../dataset/pointer.ts');
  await judgeRollBack(flags, context);
  const before = await withBucket({ ...flags, example: CURRENT_EXAMPLE }, context, (store) =>
    pointerOf(store, flags.feed),
  );
  const revision = flags.revision ?? before.moves.at(-1)?.revision;
  if (revision === undefined) throw nothingToTakeBack(flags.feed);
  const report = await rollBack(flags, Number(revision), context);
  if (flags.json === true) output.json(report);
  else output.line(`${flags.feed}: the pointer is at revision ${report.moved?.revision ?? ''}`);
}

function nothingToTakeBack(feed: string): SsmdError {
  const message =
    `no day of ${feed} was ever moved between versions: there is nothing to take back; ` +
    `which version serves which day: npx ssmd dataset current --feed ${feed}`;
  return new SsmdError('SSMD_NOT_FOUND', message, { facts: { feed } });
}

async function verifyDay(flags: ShowFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const { verifyManifest } = await import('../dataset/verify.ts');
  const verified = await withBucket({ ...flags, example: EXAMPLE }, context, async (store) =>
    verifyManifest(store, await chosenManifest(store, flags), context),
  );
  const { feed, day, version, objects, records, faults } = verified;
  if (flags.json === true) output.json(verified);
  else if (faults.length === 0) {
    const held = `${countOf(objects, 'object')}, ${countOf(records, 'event')}: all as committed`;
    output.line(`${feed} ${day} ${version}: ${held}`);
  } else for (const { key, fault } of faults) output.line(`${key}: ${fault}`);
  if (faults.length === 0) return;
  const what = `${feed} ${day} ${version}: ${countOf(faults.length, 'object')} of ${objects} not as committed`;
  throw new SsmdError('SSMD_CORRUPT', what, { facts: { feed, day, version, faults } });
}

async function listDays(flags: ListFlags, context: CliContext): Promise<void> {
  const [{ daysOf, printDays }, { readPointer }] = await Promise.all([
    import('../dataset/days.ts'),
    import('../dataset/pointer.ts'),
  ]);
  const rows = await withBucket(
    { ...flags, example: LIST_EXAMPLE },
    context,
    async (store, feeds) => {
      const found: DayRow[] = [];
      for (const feed of flags.feed === undefined ? feeds : [flags.feed]) {
        const manifests = await manifestsOf(store, feed);
        found.push(...daysOf(manifests, await readPointer(store, feed)));
      }
      return found;
    },
  );
  if (flags.json === true) context.output.json(rows);
  else if (rows.length === 0) context.output.line(NO_DAYS);
  else printDays(rows, context);
}

async function showDay(flags: ShowFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const wanted = await withBucket({ ...flags, example: EXAMPLE }, context, (store) =>
    chosenManifest(store, flags),
  );
  if (flags.json === true) {
    output.json(wanted);
    return;
  }
  const { totals, gaps, inputs, objects, content_id } = wanted;
  output.line(
    `${wanted.feed} ${wanted.day} ${wanted.version} (${wanted.normalizer}, ${wanted.schema})`,
  );
  output.line(`  content ${content_id}`);
  output.line(
    `  ${countOf(totals.records, 'event')} in ${countOf(totals.objects, 'object')}, ` +
      `${formatBytes(totals.bytes)}, from ${countOf(inputs.length, 'raw segment')}`,
  );
  for (const words of capturesIn(wanted)) output.line(`  ${words}`);
  for (const gap of gaps) {
    const span = `${formatIso(BigInt(gap.from))} to ${formatIso(BigInt(gap.to))}`;
    output.line(`  gap ${gap.shard} ${gap.cause}: ${span}: ${gap.detail}`);
  }
  output.table(
    ['object', 'events', 'bytes', 'from'],
    objects.map((it) => [it.key, formatCount(it.records), formatBytes(it.bytes), it.source]),
  );
}

/** Each way in which some of the day was captured, once. */
function capturesIn({ captures }: Manifest): string[] {
  if (captures === undefined) return ['captured nobody knows how: its manifest does not say'];
  const words = captures.map(
    ({ shard, location_id, clock_source, clock_sync_status }) =>
      `captured at ${location_id}, clock ${clock_source} ${clock_sync_status} (${shard})`,
  );
  return [...new Set(words)];
}
