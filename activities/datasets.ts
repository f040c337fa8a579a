/** The records of a dataset in the normalized bucket: versions, pointer, staged windows, manifests. */
import { jsonDocument } from '../dataset/canonical.ts';
import { decodeCurrent, versionOfDay, withCommittedDay } from '../dataset/current.ts';
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
import { parseDay } from '../schema/time.ts';
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
  const stored = await normalized.get(key);
  return stored === null ? null : decodeCurrent(stored.body, key);
}

/** Lets a committed day be served, unless another version already serves it. */
export async function pointAtDay(
  { normalized, origin }: Pick<JobDeps, 'normalized' | 'origin'>,
  of: Pick<Manifest, 'feed' | 'day' | 'version' | 'origin'>,
): Promise<void> {
  const key = currentKey(of.feed);
  for (let race = 0; race < RACES_MAX; race++) {
    const stored = await normalized.get(key);
    const current = stored === null ? null : decodeCurrent(stored.body, key);
    const next = withCommittedDay(current, of.day, of.version, { own: of.origin === origin });
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

/**
 * Remembers the last event the bus had of each `{epoch} {day}`. Each day has a record of its own, kept
 * for as long as the dataset: however long an epoch lives, however late a day is archived, it is there.
 */
export async function rememberSeen(
  deps: Store,
  of: { readonly feed: string; readonly shard: string },
  seen: ReadonlyMap<string, bigint>,
): Promise<void> {
  const days = new Map<Day, Map<string, bigint>>();
  for (const [name, t] of seen) {
    const [epoch = '', date = ''] = name.split(' ');
    const day = parseDay(date);
    if (day === null) continue;
    const known = days.get(day) ?? new Map<string, bigint>();
    days.set(day, known.set(epoch, t));
  }
  for (const [day, last] of days) await rememberDay(deps, busSeenKey({ ...of, day }), last);
}

async function rememberDay(
  { normalized }: Store,
  key: string,
  last: ReadonlyMap<string, bigint>,
): Promise<void> {
  for (let race = 0; race < RACES_MAX; race++) {
    const stored = await normalized.get(key);
    const known = seenOf(stored?.body ?? null);
    const news = [...last].filter(([epoch, t]) => t > (known.get(epoch) ?? -1n));
    if (news.length === 0) return;
    const merged = new Map([...known, ...news]);
    const body = jsonDocument(
      Object.fromEntries([...merged].map(([epoch, t]) => [epoch, t.toString()])),
    );
    // The hourly archive and a day's may run at once: neither may forget what the other saw.
    const outcome =
      stored === null
        ? await normalized.putIfAbsent(key, body, JSON_TYPE)
        : await normalized.replaceIf(key, body, stored.etag);
    if (outcome === 'created' || outcome === 'replaced') return;
  }
  throw unsettled(key);
}

/** The last event the bus was seen to have of each epoch of a day. */
export async function readSeen(
  { normalized }: Store,
  of: { readonly feed: string; readonly shard: string; readonly day: Day },
): Promise<Map<number, bigint>> {
  const stored = await normalized.get(busSeenKey(of));
  return new Map([...seenOf(stored?.body ?? null)].map(([epoch, t]) => [Number(epoch), t]));
}

function seenOf(body: Uint8Array | null): Map<string, bigint> {
  const value = body === null ? null : parsed(body);
  if (typeof value !== 'object' || value === null) return new Map();
  const entries = Object.entries(value).filter(
    ([epoch, t]) => /^\d+$/.test(epoch) && /^\d+$/.test(String(t)),
  );
  return new Map(entries.map(([epoch, t]) => [epoch, BigInt(String(t))]));
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
