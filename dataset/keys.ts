/**
 * Every object key there is, in one place: builders and strict parsers. A parser yields null for any
 * text its builder would not have produced, so that `parse(build(x))` is `x` and `build(parse(k))` is
 * `k`. Raw keys live in the raw bucket; `normalized/` and `qa/` in the normalized bucket.
 */
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import { NAME_PATTERN, SYMBOL_PATTERN } from '../schema/symbols.ts';
import { dayOf, formatIso, parseDay, parseIso } from '../schema/time.ts';
import type { Day, UnixNs } from '../schema/time.ts';

/** One raw segment: the epoch's log of one minute. Any `t` of that minute names it. */
export type RawSegmentId = {
  readonly feed: string;
  readonly shard: string;
  /** The epoch's start in ms since the Unix epoch. */
  readonly epoch: number;
  readonly t: bigint;
};

/** One object of a dataset: the events of a type and symbol from the minute of `t` on. */
export type ObjectId = {
  readonly version: string;
  readonly feed: string;
  readonly type: EventType;
  readonly symbol: string;
  readonly t: bigint;
};

/** What an epoch left of a day. */
export type InventoryId = {
  readonly feed: string;
  readonly day: Day;
  readonly shard: string;
  readonly epoch: number;
};

/** `v1`, `v2`, `v2.1`. */
export const VERSION_PATTERN = /^v[1-9]\d{0,5}(?:\.[1-9]\d{0,5})?$/;

const FEED_SYMBOL_PATTERN = /^_FEED-[a-z0-9][a-z0-9-]{0,31}$/;
const SHA8_PATTERN = /^[0-9a-f]{8}$/;
/** The largest instant a `Date` can hold; epochs beyond it are no starts of anything. */
const EPOCH_MAX = 8_640_000_000_000_000;

/** `raw/{feed}/{YYYY}/{MM}/{DD}/{HH}/{mm}-{shard}-{epoch}.jsonl.zst` */
export function rawSegmentKey({ feed, shard, epoch, t }: RawSegmentId): string {
  const at = minuteParts(t);
  const file = `${at.minute}-${name('shard', shard)}-${epochText(epoch)}.jsonl.zst`;
  return `raw/${name('feed', feed)}/${at.day}/${at.hour}/${file}`;
}

/** Where a segment goes whose key already holds other content; never read as a segment. */
export function rawConflictKey(id: RawSegmentId, sha256: string): string {
  return `${rawSegmentKey(id)}.conflict-${sha256.slice(0, 8)}`;
}

/** Everything the feed's connectors left in an hour (`hour` 0..23), or in the whole day. */
export function rawPrefix({ feed, day, hour }: { feed: string; day: Day; hour?: number }): string {
  const base = `raw/${name('feed', feed)}/${slashed(day)}/`;
  return hour === undefined ? base : `${base}${hour.toString().padStart(2, '0')}/`;
}

/** A segment's key to what it names (`t` is the minute's start); null for any other key. */
export function parseRawSegmentKey(key: string): (RawSegmentId & { readonly t: UnixNs }) | null {
  const match =
    /^raw\/([^/]+)\/(\d{4}\/\d\d\/\d\d)\/(\d\d)\/(\d\d)-([^/]+)-(\d{1,16})\.jsonl\.zst$/.exec(key);
  if (match === null) return null;
  const [, feed = '', date = '', hour = '', minute = '', shard = '', epoch = ''] = match;
  const t = instantOf(date, hour, minute);
  if (t === null || !NAME_PATTERN.test(feed) || !NAME_PATTERN.test(shard)) return null;
  const id = { feed, shard, epoch: Number(epoch), t };
  return id.epoch <= EPOCH_MAX && rawSegmentKey(id) === key ? id : null;
}

/** A conflicting segment's key: the segment it disputes and the first 8 hex digits of its hash. */
export function parseRawConflictKey(
  key: string,
): (RawSegmentId & { readonly sha8: string }) | null {
  const at = key.lastIndexOf('.conflict-');
  const id = at < 0 ? null : parseRawSegmentKey(key.slice(0, at));
  const sha8 = key.slice(at + '.conflict-'.length);
  return id !== null && SHA8_PATTERN.test(sha8) ? { ...id, sha8 } : null;
}

/** `raw/{feed}/_manifests/{day}/{shard}-{epoch}.json` */
export function inventoryKey({ feed, day, shard, epoch }: InventoryId): string {
  return `${inventoryPrefix(feed, day)}${name('shard', shard)}-${epochText(epoch)}.json`;
}

/** All inventories of a feed, in order of the day; or those of one day. */
export function inventoryPrefix(feed: string, day?: Day): string {
  const base = `raw/${name('feed', feed)}/_manifests/`;
  return day === undefined ? base : `${base}${day}/`;
}

export function parseInventoryKey(key: string): InventoryId | null {
  const match = /^raw\/([^/]+)\/_manifests\/([^/]+)\/([^/]+)-(\d{1,16})\.json$/.exec(key);
  if (match === null) return null;
  const [, feed = '', date = '', shard = '', epoch = ''] = match;
  const day = parseDay(date);
  if (day === null || !NAME_PATTERN.test(feed) || !NAME_PATTERN.test(shard)) return null;
  const id = { feed, day, shard, epoch: Number(epoch) };
  return id.epoch <= EPOCH_MAX && inventoryKey(id) === key ? id : null;
}

/** `normalized/{version}/{feed}/{type}/{symbol}/{YYYY}/{MM}/{DD}/{HH}-{mm}.capnp.zst` */
export function objectKey(id: ObjectId): string {
  return `${objectStem(id)}.capnp.zst`;
}

/** Where an object goes whose key already holds other content: `{HH}-{mm}.{sha8}.capnp.zst`. */
export function objectAlternativeKey(id: ObjectId, sha256: string): string {
  return `${objectStem(id)}.${sha256.slice(0, 8)}.capnp.zst`;
}

/** All objects of a version's feed; with `type` and `symbol` those of one series. */
export function objectPrefix(
  version: string,
  feed: string,
  series?: { readonly type: EventType; readonly symbol: string },
): string {
  const base = `normalized/${versionText(version)}/${name('feed', feed)}/`;
  return series === undefined ? base : `${base}${series.type}/${symbolText(series.symbol)}/`;
}

/** An object's key to what it names; `sha8` where it is an alternative; null for any other key. */
export function parseObjectKey(
  key: string,
): (ObjectId & { readonly t: UnixNs; readonly sha8: string | null }) | null {
  const match = OBJECT_KEY.exec(key);
  if (match === null) return null;
  const [
    ,
    version = '',
    feed = '',
    kind = '',
    symbol = '',
    date = '',
    hour = '',
    minute = '',
    sha8,
  ] = match;
  const t = instantOf(date, hour, minute);
  const type = EVENT_TYPES.find((known) => known === kind);
  if (t === null || type === undefined) return null;
  if (!VERSION_PATTERN.test(version) || !NAME_PATTERN.test(feed) || !isSymbol(symbol)) return null;
  return { version, feed, type, symbol, t, sha8: sha8 ?? null };
}
const OBJECT_KEY = new RegExp(
  '^normalized/([^/]+)/([^/]+)/([^/]+)/([^/]+)/(\\d{4}/\\d\\d/\\d\\d)/(\\d\\d)-(\\d\\d)' +
    '(?:\\.([0-9a-f]{8}))?\\.capnp\\.zst$',
);

/** The key without its `.{sha8}`: what an object is *of*, whichever copy the manifest names. */
export function canonicalObjectKey(key: string): string {
  return key.replace(/\.[0-9a-f]{8}\.capnp\.zst$/, '.capnp.zst');
}

/** `normalized/{version}/_manifests/{feed}/{YYYY}-{MM}-{DD}.json` */
export function manifestKey(id: { version: string; feed: string; day: Day }): string {
  return `${manifestPrefix(id.version, id.feed)}${id.day}.json`;
}

export function manifestPrefix(version: string, feed: string): string {
  return `normalized/${versionText(version)}/_manifests/${name('feed', feed)}/`;
}

export function parseManifestKey(key: string): { version: string; feed: string; day: Day } | null {
  const match = /^normalized\/([^/]+)\/_manifests\/([^/]+)\/([^/]+)\.json$/.exec(key);
  if (match === null) return null;
  const [, version = '', feed = '', date = ''] = match;
  const day = parseDay(date);
  if (day === null || !VERSION_PATTERN.test(version) || !NAME_PATTERN.test(feed)) return null;
  return { version, feed, day };
}

/** What was archived of one window before the day's manifest: `hour` is the window's first. */
export type StagedWindowId = {
  readonly version: string;
  readonly feed: string;
  readonly day: Day;
  readonly shard: string;
  readonly hour: number;
};

/** `normalized/{version}/_staging/{feed}/{YYYY}-{MM}-{DD}/{shard}-{HH}.json` */
export function stagedWindowKey({ version, feed, day, shard, hour }: StagedWindowId): string {
  const base = `normalized/${versionText(version)}/_staging/${name('feed', feed)}/${day}/`;
  return `${base}${name('shard', shard)}-${hour.toString().padStart(2, '0')}.json`;
}

/** What is laid down of a day while it is built under a version: plans and parts. */
export function stagingOf(of: { version: string; feed: string; day: Day }): string {
  return `normalized/${versionText(of.version)}/_staging/${name('feed', of.feed)}/${of.day}/`;
}

/** Whether a staged record is of a rebuild from RAW: a plan or a part, no window of the archive. */
export function isStagedRebuild(key: string): boolean {
  return /-(plan|part-\d+-of-\d+)-[0-9a-f]{16}\.json$/.test(key);
}

/** A shard's day as it was surveyed, and how its work is shared. */
export function stagedPlanKey(of: StagedPlanId): string {
  return `${stagingOf(of)}${name('shard', of.shard)}-plan-${basisText(of.basis)}.json`;
}

export type StagedPlanId = {
  readonly version: string;
  readonly feed: string;
  readonly day: Day;
  readonly shard: string;
  /** Of what is staged: the day's inputs and how its symbols are shared out. Lower-case hex. */
  readonly basis: string;
};

/** What one worker built of a shard's day. */
export function stagedPartKey(of: StagedPlanId & { part: number; parts: number }): string {
  const part = `part-${of.part + 1}-of-${of.parts}-${basisText(of.basis)}`;
  return `${stagingOf(of)}${name('shard', of.shard)}-${part}.json`;
}

function basisText(basis: string): string {
  if (!/^[0-9a-f]{64}$/.test(basis)) throw new RangeError(`no inputs id: ${basis}`);
  return basis.slice(0, 16);
}

/** How fast a feed's days were rebuilt so far. */
export function throughputKey(feed: string): string {
  return `normalized/_throughput/${name('feed', feed)}.json`;
}

export type DiffId = {
  readonly feed: string;
  readonly day: Day;
  readonly old: string;
  readonly new: string;
  readonly as: 'json' | 'html';
};

/** What changed of a day between two versions. */
export function diffKey(of: DiffId): string {
  return `diff/${pairOf(of)}`;
}

/** The same with the values of both looked at. */
export function compareKey(of: DiffId): string {
  return `compare/${pairOf(of)}`;
}

function pairOf(of: DiffId): string {
  const pair = `${versionText(of.old)}..${versionText(of.new)}`;
  return `${name('feed', of.feed)}/${slashed(of.day)}/${pair}.${of.as}`;
}

/** Where the hourly archive of a shard goes on reading the bus. */
export function tierCursorKey(of: { version: string; feed: string; shard: string }): string {
  const base = `normalized/${versionText(of.version)}/_staging/${name('feed', of.feed)}/`;
  return `${base}cursor-${name('shard', of.shard)}.json`;
}

/** How far the bus was seen to go of each epoch of a shard's day; whatever the version. */
export function busSeenKey(of: { feed: string; shard: string; day: Day }): string {
  return `normalized/_seen/${name('feed', of.feed)}/${name('shard', of.shard)}/${of.day}.json`;
}

/** `normalized/_versions/{version}.json` */
export function versionKey(version: string): string {
  return `${VERSION_PREFIX}${versionText(version)}.json`;
}
export const VERSION_PREFIX = 'normalized/_versions/';

export function parseVersionKey(key: string): string | null {
  const version = /^normalized\/_versions\/([^/]+)\.json$/.exec(key)?.[1];
  return version !== undefined && VERSION_PATTERN.test(version) ? version : null;
}

/** `normalized/_current/{feed}.json` */
export function currentKey(feed: string): string {
  return `normalized/_current/${name('feed', feed)}.json`;
}

/** Says that a cleanup takes a feed's days of a version: nobody may let them serve any more. */
export function retiringKey(of: { readonly version: string; readonly feed: string }): string {
  return `normalized/_retiring/${name('feed', of.feed)}/${versionText(of.version)}.json`;
}

/** `qa/{feed}/{YYYY}/{MM}/{DD}/results.json` */
export function qaResultsKey(feed: string, day: Day): string {
  return `qa/${name('feed', feed)}/${slashed(day)}/results.json`;
}

/** `qa/{feed}/{YYYY}/{MM}/{DD}/report.html` */
export function qaReportKey(feed: string, day: Day): string {
  return `qa/${name('feed', feed)}/${slashed(day)}/report.html`;
}

/** An audit's report, below the last day it looked at; `scope` is a feed, or `all`. */
export function auditKey(of: {
  readonly scope: string;
  readonly day: Day;
  readonly run: string;
  readonly as: 'json' | 'html';
}): string {
  return `audit/${slashed(of.day)}/${name('scope', of.scope)}-${name('run', of.run)}.${of.as}`;
}

/** What the objects of a day were when they were last proved: audits look for changes against it. */
export function provedKey(of: { version: string; feed: string; day: Day }): string {
  return `audit/_proved/${versionText(of.version)}/${name('feed', of.feed)}/${of.day}.json`;
}

/** When the last audit of all feeds looked at the runs of jobs. */
export const LAST_AUDIT_KEY = 'audit/_last.json';

/** What a cleanup would take, or (`deleted`) what it took. */
export function cleanupKey(digest: string, as: 'list' | 'deleted'): string {
  if (!/^[0-9a-f]{16}$/.test(digest)) throw new RangeError(`no digest of a cleanup: ${digest}`);
  return `cleanup/${digest}-${as}.json`;
}

/** A month's report of what is there; `scope` is a feed, or `all`. */
export function usageKey(of: {
  readonly scope: string;
  readonly day: Day;
  readonly run: string;
  readonly as: 'json' | 'html';
}): string {
  return `usage/${slashed(of.day)}/${name('scope', of.scope)}-${name('run', of.run)}.${of.as}`;
}

/** A market's symbol, or the symbol of a shard's own events. */
export function isSymbol(text: string): boolean {
  return SYMBOL_PATTERN.test(text) || FEED_SYMBOL_PATTERN.test(text);
}

function objectStem({ version, feed, type, symbol, t }: ObjectId): string {
  const at = minuteParts(t);
  return `${objectPrefix(version, feed, { type, symbol })}${at.day}/${at.hour}-${at.minute}`;
}

function minuteParts(t: bigint): { day: string; hour: string; minute: string } {
  const iso = formatIso(t);
  return { day: slashed(dayOf(t)), hour: iso.slice(11, 13), minute: iso.slice(14, 16) };
}

function slashed(day: Day): string {
  return day.replaceAll('-', '/');
}

function instantOf(date: string, hour: string, minute: string): UnixNs | null {
  return parseIso(`${date.replaceAll('/', '-')}T${hour}:${minute}:00Z`);
}

function name(what: string, text: string): string {
  if (!NAME_PATTERN.test(text)) throw new RangeError(`${what} is no name for a key: ${text}`);
  return text;
}

function symbolText(symbol: string): string {
  if (!isSymbol(symbol)) throw new RangeError(`symbol is no name for a key: ${symbol}`);
  return symbol;
}

function versionText(version: string): string {
  if (!VERSION_PATTERN.test(version)) throw new RangeError(`no version label: ${version}`);
  return version;
}

function epochText(epoch: number): string {
  if (!Number.isSafeInteger(epoch) || epoch < 0 || epoch > EPOCH_MAX) {
    throw new RangeError(`an epoch is its start in whole ms, received ${epoch}`);
  }
  return epoch.toString();
}
