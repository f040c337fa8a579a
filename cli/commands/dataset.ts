/** `ssmd dataset`: which days are archived, and what a day consists of. */
import type { Command } from 'commander';
import {
  VERSION_PREFIX,
  manifestPrefix,
  parseManifestKey,
  parseVersionKey,
} from '../../dataset/keys.ts';
import { compareVersions } from '../../dataset/version.ts';
import { parseManifest } from '../../dataset/manifest.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { SsmdError } from '../../schema/errors.ts';
import { formatIso } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { CliContext } from '../command.ts';
import { GROUPS, parseEnvName } from '../command.ts';
import { formatBytes, formatCount } from '../output.ts';
import { ENV_HELP, resolveEnvironment } from '../resolve-environment.ts';

type ListFlags = { readonly env?: string; readonly feed?: string; readonly json?: boolean };
type ShowFlags = {
  readonly env?: string;
  readonly feed: string;
  readonly day: string;
  readonly datasetVersion?: string;
  readonly json?: boolean;
};

export function register(program: Command, context: CliContext): void {
  const dataset = program
    .command('dataset')
    .helpGroup(GROUPS.data)
    .summary('archived days: list them, look at one')
    .description('Days exist once their manifest does. Reads the normalized bucket alone.');
  dataset
    .command('list')
    .description('Committed days of every feed and version.')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--feed <feed>', 'only of this feed')
    .option('--json', 'print one JSON array')
    .action((flags: ListFlags) => listDays(flags, context));
  dataset
    .command('show')
    .description('One day: its objects, its holes, what it was made from.')
    .requiredOption('--feed <feed>', 'such as kraken')
    .requiredOption('--day <day>', 'YYYY-MM-DD')
    .option('--dataset-version <version>', 'such as v1 (default: the newest that has the day)')
    .option('--env <name>', ENV_HELP, parseEnvName)
    .option('--json', 'print the manifest')
    .action((flags: ShowFlags) => showDay(flags, context));
}

async function listDays(flags: ListFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const manifests = await withBucket(flags.env, context, async (store, feeds) => {
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
  if (rows.length === 0) output.line('no day is committed yet; run the workflow daily-archive');
  else {
    output.table(
      ['feed', 'day', 'version', 'origin', 'state', 'objects', 'events', 'bytes'],
      rows.map((row) => [
        row.feed,
        row.day,
        row.version,
        row.origin,
        row.complete ? 'complete' : `${row.gaps} gaps`,
        formatCount(row.objects),
        formatCount(row.records),
        formatBytes(row.bytes),
      ]),
    );
  }
}

async function showDay(flags: ShowFlags, context: CliContext): Promise<void> {
  const { output } = context;
  const manifests = await withBucket(flags.env, context, (store) => manifestsOf(store, flags.feed));
  const wanted = manifests
    .filter(
      ({ day, version }) => day === flags.day && (flags.datasetVersion ?? version) === version,
    )
    .sort((a, b) => compareVersions(a.version, b.version))
    .at(-1);
  if (wanted === undefined) {
    const message = `${flags.feed} ${flags.day} is not committed; see: npx ssmd dataset list`;
    throw new SsmdError('SSMD_NOT_FOUND', message, {
      facts: { feed: flags.feed, day: flags.day, days: manifests.map((it) => it.day) },
    });
  }
  if (flags.json === true) {
    output.json(wanted);
    return;
  }
  const { totals, gaps, inputs, objects, content_id } = wanted;
  output.line(`${wanted.feed} ${wanted.day} ${wanted.version} (${wanted.normalizer})`);
  output.line(`  content ${content_id}`);
  output.line(
    `  ${formatCount(totals.records)} events in ${totals.objects} objects, ` +
      `${formatBytes(totals.bytes)}, from ${inputs.length} raw segments`,
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

async function withBucket<T>(
  name: string | undefined,
  context: CliContext,
  use: (store: ObjectStore, feeds: readonly string[]) => Promise<T>,
): Promise<T> {
  const { environment, endpoints } = await resolveEnvironment(name, context, 'stores');
  const [{ openStores }, { feedsOf }] = await Promise.all([
    import('../../workers/adapters.ts'),
    import('../../environments/env.ts'),
  ]);
  await using stores = await openStores(environment, endpoints);
  return await use(stores.normalized, feedsOf(environment));
}
