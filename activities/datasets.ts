/** The records of a dataset in the normalized bucket: versions, pointer, staged windows, manifests. */
import { jsonDocument } from '../dataset/canonical.ts';
import { parseCurrent, versionOfDay, withCommittedDay } from '../dataset/current.ts';
import type { Current } from '../dataset/current.ts';
import {
  VERSION_PREFIX,
  busSeenKey,
  currentKey,
  manifestKey,
  parseVersionKey,
  stagedWindowKey,
  versionKey,
} from '../dataset/keys.ts';
import type { StagedWindowId } from '../dataset/keys.ts';
import { parseManifest } from '../dataset/manifest.ts';
import type { Manifest, ManifestObject } from '../dataset/manifest.ts';
import { chooseVersion, parseBinding } from '../dataset/version.ts';
import type { Making, VersionBinding } from '../dataset/version.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import type { JobDeps } from './deps.ts';

/** Other writers may win a compare-and-swap this often before we give up for now. */
const RACES_MAX = 10;

type Store = Pick<JobDeps, 'normalized'>;

/**
 * The label this making is archived under: where it fits, the one that serves the day already, or the
 * one the feed's days go to. The binding is put first where it is new.
 */
export async function resolveVersion(
  deps: Pick<JobDeps, 'normalized' | 'feeds'>,
  making: Making,
  day: Day | null = null,
): Promise<string> {
  const current = await readCurrent(deps, making.feed);
  const serves = day === null ? null : versionOfDay(current, day);
  const serving = [serves, current?.live].filter((it) => typeof it === 'string');
  for (let race = 0; race < RACES_MAX; race++) {
    const chosen = chooseVersion(await readBindings(deps), making, serving);
    if (chosen.exists) return chosen.version;
    const numbers = [...deps.feeds.values()].map((feed) => [feed.id, feed.normalizer] as const);
    const binding: VersionBinding = {
      format: 1,
      version: chosen.version,
      schema: making.schema,
      normalizers: { ...Object.fromEntries(numbers), [making.feed]: making.normalizer },
      window_hours: making.window_hours,
      origin: making.origin,
    };
    // Whether it was us or another: the next look finds what stands there now.
    await deps.normalized.putIfAbsent(versionKey(chosen.version), jsonDocument(binding), JSON_TYPE);
  }
  throw unsettled(VERSION_PREFIX);
}

export async function readBindings({ normalized }: Store): Promise<VersionBinding[]> {
  const bindings: VersionBinding[] = [];
  for await (const { key } of normalized.list(VERSION_PREFIX)) {
    if (parseVersionKey(key) === null) continue;
    const binding = parseBinding(await readJson({ normalized }, key));
    if (binding === null) throw unreadable(key, 'a version binding');
    bindings.push(binding);
  }
  return bindings;
}

/** A feed's pointer, or null where no day was committed yet. */
export async function readCurrent({ normalized }: Store, feed: string): Promise<Current | null> {
  const key = currentKey(feed);
  const value = await readJson({ normalized }, key);
  if (value === null) return null;
  const current = parseCurrent(value);
  if (current === null) throw unreadable(key, 'a pointer');
  return current;
}

/** Lets a committed day be served, unless another version already serves it. */
export async function pointAtDay(
  { normalized }: Store,
  of: { readonly feed: string; readonly day: Day; readonly version: string },
): Promise<void> {
  const key = currentKey(of.feed);
  for (let race = 0; race < RACES_MAX; race++) {
    const stored = await normalized.get(key);
    const current = stored === null ? null : parseCurrent(parsed(stored.body));
    if (stored !== null && current === null) throw unreadable(key, 'a pointer');
    const next = withCommittedDay(current, of.day, of.version);
    if (next === null) return;
    const body = jsonDocument(next);
    const outcome =
      stored === null
        ? await normalized.putIfAbsent(key, body, JSON_TYPE)
        : await normalized.replaceIf(key, body, stored.etag);
    if (outcome === 'created' || outcome === 'replaced') return;
  }
  throw unsettled(key);
}

/** What was archived of a window, in a place of its own until the day's manifest names it. */
export type StagedWindow = StagedWindowId & {
  readonly format: 1;
  readonly source: 'bus' | 'raw';
  /** Of the bus: whose chain proves it. Of RAW: null. */
  readonly epoch: number | null;
  /** Of RAW: the inputs it was built from. Of the bus: the records that prove it. */
  readonly basis: string;
  readonly objects: readonly ManifestObject[];
};

export async function stageWindow({ normalized }: Store, window: StagedWindow): Promise<void> {
  await normalized.put(stagedWindowKey(window), jsonDocument(window), JSON_TYPE);
}

/** A staged window, or null where none is there or it is not this version's. */
export async function readStagedWindow(
  { normalized }: Store,
  id: StagedWindowId,
): Promise<StagedWindow | null> {
  const value = await readJson({ normalized }, stagedWindowKey(id));
  if (typeof value !== 'object' || value === null) return null;
  const window = value as StagedWindow;
  return window.format === 1 && Array.isArray(window.objects) ? window : null;
}

/** Days of which it is remembered how far the bus went. */
const SEEN_DAYS_MAX = 7;

/** Remembers the last event the bus had of each `{epoch} {day}`. */
export async function rememberSeen(
  deps: Store,
  of: { readonly feed: string; readonly shard: string },
  seen: ReadonlyMap<string, bigint>,
): Promise<void> {
  if (seen.size === 0) return;
  const key = busSeenKey(of);
  for (let race = 0; race < RACES_MAX; race++) {
    const stored = await deps.normalized.get(key);
    const body = jsonDocument(mergedSeen(seenText(stored?.body ?? null), seen));
    // The hourly archive and a day's may run at once: neither may forget what the other saw.
    const outcome =
      stored === null
        ? await deps.normalized.putIfAbsent(key, body, JSON_TYPE)
        : await deps.normalized.replaceIf(key, body, stored.etag);
    if (outcome === 'created' || outcome === 'replaced') return;
  }
  throw unsettled(key);
}

function mergedSeen(
  known: ReadonlyMap<string, string>,
  seen: ReadonlyMap<string, bigint>,
): Record<string, string> {
  const merged = new Map(known);
  for (const [key, t] of seen) {
    const before = merged.get(key);
    if (before === undefined || BigInt(before) < t) merged.set(key, t.toString());
  }
  const dayIn = (key: string): string => key.split(' ')[1] ?? '';
  const days = [...new Set([...merged.keys()].map(dayIn))].sort().slice(-SEEN_DAYS_MAX);
  return Object.fromEntries([...merged].filter(([key]) => days.includes(dayIn(key))));
}

/** The last event the bus was seen to have of each epoch of a day. */
export async function readSeen(
  deps: Store,
  of: { readonly feed: string; readonly shard: string; readonly day: Day },
): Promise<Map<number, bigint>> {
  const seen = new Map<number, bigint>();
  const stored = await deps.normalized.get(busSeenKey(of));
  for (const [key, t] of seenText(stored?.body ?? null)) {
    const [epoch, day] = key.split(' ');
    if (day === of.day) seen.set(Number(epoch), BigInt(t));
  }
  return seen;
}

function seenText(body: Uint8Array | null): Map<string, string> {
  const value = body === null ? null : parsed(body);
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(
    Object.entries(value).filter(
      (entry): entry is [string, string] =>
        /^\d+ \d{4}-\d\d-\d\d$/.test(entry[0]) && /^\d+$/.test(String(entry[1])),
    ),
  );
}

/** A day's manifest, or null where the day is not committed. */
export async function readManifest(
  { normalized }: Store,
  of: { readonly version: string; readonly feed: string; readonly day: Day },
): Promise<Manifest | null> {
  const key = manifestKey(of);
  const stored = await normalized.get(key);
  if (stored === null) return null;
  const manifest = parseManifest(new TextDecoder().decode(stored.body));
  if (manifest === null) throw unreadable(key, 'a manifest');
  return manifest;
}

export const JSON_TYPE = { contentType: 'application/json' } as const;

async function readJson({ normalized }: Store, key: string): Promise<unknown> {
  const stored = await normalized.get(key);
  return stored === null ? null : parsed(stored.body);
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

function unreadable(key: string, what: string): SsmdError {
  return new SsmdError('SSMD_CORRUPT', `${key} is not ${what} this version understands`, {
    facts: { key },
  });
}

function unsettled(key: string): SsmdError {
  return new SsmdError(
    'SSMD_UNAVAILABLE',
    `${key} was changed by others ${RACES_MAX} times while we tried; trying again later`,
    { retryable: true, facts: { key } },
  );
}
