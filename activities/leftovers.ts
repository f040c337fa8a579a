/**
 * What lies in the normalized bucket and nothing refers to: staged records of days that are committed,
 * objects of such days that their manifest does not name, and rebuilds that were begun and left. Any other
 * day without a manifest may be in the making, of what only the bus had, and is left out whatever its age.
 */
import {
  VERSION_PREFIX,
  isStagedRebuild,
  manifestKey,
  parseManifestKey,
  parseObjectKey,
  parseVersionKey,
} from '../dataset/keys.ts';
import { dayOf, parseDay } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { readManifest } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';

export type Leftover = {
  /** `abandoned`: of a day that was rebuilt from RAW and not committed; it can be rebuilt again. */
  readonly kind: 'staged' | 'object' | 'abandoned';
  readonly version: string;
  readonly feed: string;
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
};

const KEYS_A_BEAT = 500;

/**
 * By version; `before_ms`: only what was put before, by the store's clock, and of a rebuild nothing unless
 * all of it was.
 */
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
  const begun = new Map<string, Begun>();
  let seen = 0;
  // Manifests come first, then what is staged (`_manifests` is before `_staging` and before any feed), so one
  // pass will do. What is committed meanwhile counts as not committed, and is left alone.
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
    if (place === null || !of.feeds.includes(place.feed)) continue;
    const { kind, feed } = place;
    const name = `${feed} ${place.day}`;
    if (!committed.has(name)) {
      const it = { kind: 'abandoned', version, feed, key, bytes, etag } as const;
      note(begun, place, { ...it, modified_ms });
      continue;
    }
    if (modified_ms >= of.before_ms || named.has(key)) continue;
    yield { kind, version, feed, key, bytes, etag };
  }
  for (const { is_rebuild, feed, day, newest_ms, entries } of begun.values()) {
    if (!is_rebuild || newest_ms >= of.before_ms) continue;
    if ((await deps.normalized.head(manifestKey({ version, feed, day }))) !== null) continue;
    yield* entries;
  }
}

/** A day that has no manifest, as far as it was seen. */
type Begun = Place & { is_rebuild: boolean; newest_ms: number; readonly entries: Leftover[] };

/** Only what a rebuild staged, and objects after it, are kept: of other days nothing may be taken. */
function note(
  begun: Map<string, Begun>,
  place: Place,
  { modified_ms, ...it }: Leftover & { readonly modified_ms: number },
): void {
  const name = `${place.feed} ${place.day}`;
  const fresh = { ...place, is_rebuild: place.kind === 'staged', newest_ms: 0, entries: [] };
  const group = begun.get(name) ?? fresh;
  begun.set(name, group);
  if (place.kind === 'staged' && !isStagedRebuild(it.key)) group.is_rebuild = false;
  if (!group.is_rebuild) return void group.entries.splice(0);
  group.newest_ms = Math.max(group.newest_ms, modified_ms);
  group.entries.push(it);
}

type Place = { readonly kind: 'staged' | 'object'; readonly feed: string; readonly day: Day };

/** Of which day a staged record or an object is; null for any other key. */
export function placeOf(key: string): Place | null {
  const staged = /^normalized\/[^/]+\/_staging\/([^/]+)\/(\d{4}-\d\d-\d\d)\/[^/]+\.json$/.exec(key);
  const day = parseDay(staged?.[2] ?? '');
  if (staged !== null) return day === null ? null : { kind: 'staged', feed: staged[1] ?? '', day };
  const object = parseObjectKey(key);
  return object === null ? null : { kind: 'object', feed: object.feed, day: dayOf(object.t) };
}
