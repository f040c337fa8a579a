/** Which day of which version a command means, and the bucket that has it. */
import {
  VERSION_PATTERN,
  VERSION_PREFIX,
  manifestPrefix,
  parseManifestKey,
  parseVersionKey,
} from '../../dataset/keys.ts';
import { parseManifest } from '../../dataset/manifest.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { compareVersions } from '../../dataset/version.ts';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import type { Fault } from '../../schema/errors.ts';
import { parseDay } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { CliContext } from '../command.ts';
import { feedFault } from '../flag-faults.ts';
import { resolveEnvironment } from '../resolve-environment.ts';

export const VERSION_HELP = 'such as v1 (default: the one that serves the day, else the newest)';

/** One day of a feed. */
export type DayFlags = {
  readonly feed: string;
  readonly date: string;
  readonly datasetVersion?: string;
};

/** The version that was asked for; else the one that serves the day, else the newest. */
export async function chosenManifest(store: ObjectStore, flags: DayFlags): Promise<Manifest> {
  const manifests = await manifestsOf(store, flags.feed);
  const { readPointer } = await import('./pointer.ts');
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

/** All manifests of a feed, by version and day. */
export async function manifestsOf(store: ObjectStore, feed: string): Promise<Manifest[]> {
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
export async function withBucket<T>(
  chosen: Chosen & { readonly example: string },
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
  if (faults.length > 0) throw invalidInput('the command line', faults, chosen.example);
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
