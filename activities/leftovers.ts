/**
 * What lies in the normalized bucket and nothing refers to: staged records of days that are committed,
 * and objects of such days that their manifest does not name. A day without a manifest may be in the
 * making, and is left out whatever its age.
 */
import {
  VERSION_PREFIX,
  parseManifestKey,
  parseObjectKey,
  parseVersionKey,
} from '../dataset/keys.ts';
import { dayOf } from '../schema/time.ts';
import { readManifest } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';

export type Leftover = {
  readonly kind: 'staged' | 'object';
  readonly version: string;
  readonly feed: string;
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
};

const KEYS_A_BEAT = 500;

/** In byte order of keys within a version; `before_ms`: only what was put before, by the store's clock. */
export async function* findLeftovers(
  deps: Pick<JobDeps, 'normalized'>,
  of: { readonly feeds: readonly string[]; readonly before_ms: number },
  context: JobContext,
): AsyncGenerator<Leftover> {
  for (const version of await versionsIn(deps)) yield* leftoversOf(deps, version, of, context);
}

/** Labels that are bound, in order of their keys. */
export async function versionsIn({ normalized }: Pick<JobDeps, 'normalized'>): Promise<string[]> {
  const versions: string[] = [];
  for await (const { key } of normalized.list(VERSION_PREFIX)) {
    const version = parseVersionKey(key);
    if (version !== null) versions.push(version);
  }
  return versions;
}

async function* leftoversOf(
  deps: Pick<JobDeps, 'normalized'>,
  version: string,
  of: { readonly feeds: readonly string[]; readonly before_ms: number },
  context: JobContext,
): AsyncGenerator<Leftover> {
  const named = new Set<string>();
  const committed = new Set<string>();
  let seen = 0;
  // Manifests come first (`_manifests` is before `_staging` and before any feed), so one pass will do.
  // What is committed meanwhile counts as not committed, and is left alone.
  for await (const { key, bytes, etag, modified_ms } of deps.normalized.list(
    `normalized/${version}/`,
  )) {
    if (++seen % KEYS_A_BEAT === 0) {
      const stage = `${version}: ${seen} keys looked at`;
      context.beat({ v: 1, stage, done: [], records: seen, bytes: 0 });
      await breathe(context.signal);
    }
    const day = parseManifestKey(key);
    if (day !== null) {
      if (!of.feeds.includes(day.feed)) continue;
      const manifest = await readManifest(deps, day);
      for (const object of manifest?.objects ?? []) named.add(object.key);
      committed.add(`${day.feed} ${day.day}`);
      continue;
    }
    const place = placeOf(key);
    if (place === null || modified_ms >= of.before_ms || named.has(key)) continue;
    if (!committed.has(`${place.feed} ${place.day}`)) continue;
    yield { kind: place.kind, version, feed: place.feed, key, bytes, etag };
  }
}

function placeOf(key: string): (Pick<Leftover, 'kind' | 'feed'> & { readonly day: string }) | null {
  const staged = /^normalized\/[^/]+\/_staging\/([^/]+)\/(\d{4}-\d\d-\d\d)\/[^/]+\.json$/.exec(key);
  if (staged !== null) return { kind: 'staged', feed: staged[1] ?? '', day: staged[2] ?? '' };
  const object = parseObjectKey(key);
  return object === null ? null : { kind: 'object', feed: object.feed, day: dayOf(object.t) };
}
