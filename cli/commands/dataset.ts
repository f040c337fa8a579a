/** `ssmd dataset`: which days are archived, and what a day consists of. */
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import {
  VERSION_PATTERN,
  VERSION_PREFIX,
  manifestPrefix,
  parseManifestKey,
  parseVersionKey,
} from '../../dataset/keys.ts';
import { compareVersions } from '../../dataset/version.ts';
import { parseManifest } from '../../dataset/manifest.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { formatIso, parseDay } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { CliContext } from '../command.ts';
import type { RollbackFlags } from '../dataset/pointer.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import { countOf, formatBytes, formatCount } from '../format.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';

type ListFlags = { readonly env?: string; readonly feed?: string; readonly json?: boolean };
type ShowFlags = {
  readonly env?: string;
  readonly feed: string;
  readonly date: string;
  readonly datasetVersion?: string;
  readonly json?: boolean;
};

const NO_DAYS =
  'no day is committed yet; archive one: npx ssmd temporal workflow start --type daily-archive ' +
  `--task-queue ssmd --input '{"feed":"kraken"}'`;
const LIST_EXAMPLE = 'npx ssmd dataset list --feed kraken';
const VERSION_HELP = 'such as v1 (default: the one that serves the day, else the newest)';
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
    .description('Committed days of every feed and version.')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--feed <feed>', 'only of this feed')
    .option('--json', 'print one JSON array')
    .action((flags: ListFlags) => listDays(flags, context));
  dataset
    .command('show')
    .description('One day: its holes and its objects, and what it was made from.')
    .requiredOption('--feed <feed>', 'whose day: kraken, binance-usdm or okx')
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
    .requiredOption('--feed <feed>', 'whose day: kraken, binance-usdm or okx')
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
    .requiredOption('--feed <feed>', 'whose days: kraken, binance-usdm or okx')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print the pointer')
    .action((flags: CurrentFlags) => showCurrent(flags, context));
  dataset
    .command('rollback')
    .description('Takes a move of days between versions back, by the job promote.')
    .requiredOption('--feed <feed>', 'whose days: kraken, binance-usdm or okx')
    .option('--revision <number>', 'of the move (default: the last one)', parseRevision)
    .option('--by <name>', 'who decides (needed)')
    .option('--reason <words>', 'why (needed)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print one JSON object')
    .action((flags: CurrentFlags & RollbackFlags) => rollBackMove(flags, context));
}

type CurrentFlags = { readonly env?: string; readonly feed: string; readonly json?: boolean };

function parseRevision(text: string): number {
  const revision = Number(text);
  if (Number.isSafeInteger(revision) && revision > 0) return revision;
  throw new InvalidArgumentError(`expected a revision of the pointer, received '${text}'`);
}

async function showCurrent(flags: CurrentFlags, context: CliContext): Promise<void> {
  const { pointerOf, printPointer } = await import('../dataset/pointer.ts');
  const current = await withBucket(flags, context, (store) => pointerOf(store, flags.feed));
  if (flags.json === true) context.output.json(current);
  else printPointer(flags.feed, current, context);
}

async function rollBackMove(
  flags: CurrentFlags & RollbackFlags,
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const { pointerOf, rollBack } = await import('../dataset/pointer.ts');
  const before = await withBucket(flags, context, (store) => pointerOf(store, flags.feed));
  const report = await rollBack(flags, before.moves.at(-1)?.revision ?? null, context);
  if (flags.json === true) output.json(report);
  else output.line(`${flags.feed}: the pointer is at revision ${report.moved?.revision ?? ''}`);
}

async function verifyDay(flags: ShowFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const { verifyManifest } = await import('../dataset/verify.ts');
  const verified = await withBucket(flags, context, async (store) =>
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

/** The version that was asked for; else the one that serves the day, else the newest. */
async function chosenManifest(store: ObjectStore, flags: ShowFlags): Promise<Manifest> {
  const manifests = await manifestsOf(store, flags.feed);
  const { readPointer } = await import('../dataset/pointer.ts');
  const current = await readPointer(store, flags.feed);
  const served = current?.ranges.find((it) => it.from <= flags.date && flags.date <= it.to);
  const of_day = manifests
    .filter((it) => it.day === flags.date)
    .sort((a, b) => compareVersions(a.version, b.version));
  const asked = flags.datasetVersion ?? served?.version ?? of_day.at(-1)?.version;
  const wanted = of_day.find((it) => it.version === asked);
  if (wanted === undefined) throw notCommitted(manifests, flags);
  return wanted;
}

async function listDays(flags: ListFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const manifests = await withBucket(flags, context, async (store, feeds) => {
    const found: Manifest[] = [];
    for (const feed of flags.feed === undefined ? feeds : [flags.feed]) {
      found.push(...(await manifestsOf(store, feed)));
    }
    return found;
  });
  const rows = manifests.map(({ feed, day, version, origin, complete, gaps, totals }) => ({
    feed,
    day,
    version,
    origin,
    complete,
    gaps: gaps.length,
    ...totals,
  }));
  if (flags.json === true) {
    output.json(rows);
    return;
  }
  if (rows.length === 0) output.line(NO_DAYS);
  else {
    output.table(
      ['feed', 'day', 'version', 'origin', 'state', 'objects', 'events', 'bytes'],
      rows.map((row) => [
        row.feed,
        row.day,
        row.version,
        row.origin,
        row.complete ? 'complete' : countOf(row.gaps, 'gap'),
        formatCount(row.objects),
        formatCount(row.records),
        formatBytes(row.bytes),
      ]),
      { optional: ['origin', 'bytes'] },
    );
  }
}

async function showDay(flags: ShowFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const wanted = await withBucket(flags, context, (store) => chosenManifest(store, flags));
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
  for (const gap of gaps) {
    const span = `${formatIso(BigInt(gap.from))} to ${formatIso(BigInt(gap.to))}`;
    output.line(`  gap ${gap.shard} ${gap.cause}: ${span}: ${gap.detail}`);
  }
  output.table(
    ['object', 'events', 'bytes', 'from'],
    objects.map((it) => [it.key, formatCount(it.records), formatBytes(it.bytes), it.source]),
  );
}

/** All manifests of a feed, by version and day. */
async function manifestsOf(store: ObjectStore, feed: string): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for await (const { key } of store.list(VERSION_PREFIX)) {
    const version = parseVersionKey(key);
    if (version === null) continue;
    for await (const item of store.list(manifestPrefix(version, feed))) {
      if (parseManifestKey(item.key) === null) continue;
      const stored = await store.get(item.key);
      const manifest =
        stored === null ? null : parseManifest(new TextDecoder().decode(stored.body));
      if (manifest !== null) manifests.push(manifest);
    }
  }
  return manifests;
}

/** Days a message lists, the latest; the others are counted. */
const DAYS_SAID = 7;

/** SSMD_NOT_FOUND that names what there is instead. */
export function notCommitted(
  manifests: readonly { readonly day: string; readonly version: string }[],
  wanted: { readonly feed: string; readonly date: string; readonly datasetVersion?: string },
): SsmdError {
  const { feed, date: day, datasetVersion } = wanted;
  const versions = manifests.filter((it) => it.day === day).map((it) => it.version);
  const days = [...new Set(manifests.map((it) => it.day))].toSorted();
  const facts = { feed, day, version: datasetVersion ?? null, versions, days };
  const absent = (text: string): SsmdError => new SsmdError('SSMD_NOT_FOUND', text, { facts });
  if (versions.length > 0) {
    return absent(`${feed} ${day} has no version ${datasetVersion}; it has ${versions.join(', ')}`);
  }
  if (days.length === 0) {
    return absent(`${feed} has no committed day at all; the workflow daily-archive commits one`);
  }
  const listed = days.slice(-DAYS_SAID).join(', ');
  const more = days.length > DAYS_SAID ? ` and ${days.length - DAYS_SAID} before` : '';
  return absent(`${feed} ${day} is not committed; there are ${listed}${more}`);
}

type Chosen = {
  readonly env?: string;
  readonly feed?: string;
  readonly date?: string;
  readonly datasetVersion?: string;
};

/** Flags are checked, all of them, before the store is asked. */
async function withBucket<T>(
  chosen: Chosen,
  context: CliContext,
  use: (store: ObjectStore, feeds: readonly string[]) => Promise<T>,
): Promise<T> {
  const [{ openStores }, { feedsOf }, { FEEDS }] = await Promise.all([
    import('../../workers/adapters.ts'),
    import('../../environments/env.ts'),
    import('../../connectors/registry.ts'),
  ]);
  const { environment } = await resolveEnvironment(chosen.env, context, 'none');
  // A recording may have been imported of a feed that this environment does not capture.
  const faults = flagFaults(chosen, [...FEEDS.keys()]);
  const example = chosen.date === undefined ? LIST_EXAMPLE : EXAMPLE;
  if (faults.length > 0) throw invalidInput('the command line', faults, example);
  const { endpoints } = await resolveEnvironment(chosen.env, context, 'stores');
  await using stores = await openStores(environment, endpoints);
  return await use(stores.normalized, feedsOf(environment));
}

function flagFaults({ feed, date, datasetVersion }: Chosen, feeds: readonly string[]): Fault[] {
  const faults: Fault[] = [];
  const wrong = feed === undefined ? null : feedFault(feed, feeds);
  if (wrong !== null) faults.push(wrong);
  if (date !== undefined && parseDay(date) === null) {
    faults.push({ where: '--date', what: `'${date}' is not a day`, hint: 'YYYY-MM-DD, in UTC' });
  }
  if (datasetVersion !== undefined && !VERSION_PATTERN.test(datasetVersion)) {
    const what = `'${datasetVersion}' is no version`;
    faults.push({ where: '--dataset-version', what, hint: 'such as v1 or v1.1' });
  }
  return faults;
}
