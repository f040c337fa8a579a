/**
 * The manifest of a day: the one commit point of a dataset. A day exists, for readers, when its
 * manifest does, and then consists of exactly the objects it names.
 */
import type { Origin } from '../schema/log.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import type { Day } from '../schema/time.ts';
import { canonicalJson } from './canonical.ts';
import type { CaptureSpan } from './captures.ts';
import type { WindowHours } from './cutter.ts';
import { canonicalObjectKey } from './keys.ts';
import { SCHEMAS } from './version.ts';
import type { Schema } from './version.ts';

/** One object of the day; instants as text. */
export type ManifestObject = {
  /** As stored: may be an alternative `{HH}-{mm}.{sha8}`. */
  readonly key: string;
  /** Of the Cap'n Proto stream: the object's identity. */
  readonly plain_sha256: string;
  /** Of the bytes in the store. */
  readonly object_sha256: string;
  readonly plain_bytes: number;
  readonly bytes: number;
  readonly records: number;
  readonly first_t: string;
  readonly last_t: string;
  readonly source: 'bus' | 'raw';
};

/** One raw segment the day was made from: this list is the inventory of record. */
export type ManifestInput = {
  readonly key: string;
  /** Of the plain content as it was found. */
  readonly sha256: string;
  /** `whole`, or why only a prefix of it (possibly none) was used. */
  readonly state: 'whole' | 'prefix' | 'unreadable';
};

/**
 * A hole that no event records. `from` and `to` are instants as text, `[from, to)`; where they are equal
 * something was lost that the fold needed before that instant. `detail` is for people: no program may
 * read it, and no id is made of it.
 */
export type ManifestGap = {
  readonly shard: string;
  readonly epoch: number | null;
  readonly cause: GapCause;
  readonly from: string;
  readonly to: string;
  readonly detail: string;
};

/**
 * - `shard_absent`: no raw log of an expected shard at all
 * - `before_first_take`: the day began before the first epoch spoke, and no take-over covers it
 * - `epoch_ended`: the last epoch's log stops before the day does
 * - `handover`: an epoch's log ends, and the next did not take over from it
 * - `segment_missing`: a number of the epoch's sequence, or a listed segment, is not there
 * - `segment_corrupt`: a segment is damaged from some line on
 * - `chain_broken`: a segment is not the one its successor followed
 * - `log_behind_bus`: the epoch's log ends before what the bus saw of it
 * - `inventory_missing`: nobody vouches for the end of an epoch's log, or for any of it
 * - `not_speaking`: an epoch has a log of the day but its `_day` or `_take` cannot be found, or it had
 *   taken the shard and its lines are no data where nobody else's are
 */
export const GAP_CAUSES = [
  'shard_absent',
  'before_first_take',
  'epoch_ended',
  'handover',
  'segment_missing',
  'segment_corrupt',
  'chain_broken',
  'log_behind_bus',
  'inventory_missing',
  'not_speaking',
] as const;
export type GapCause = (typeof GAP_CAUSES)[number];

/** Who built something: package version, commit, build. */
export type Build = {
  readonly version: string;
  readonly commit: string;
  readonly build: string;
};

export type Manifest = {
  readonly format: 1;
  readonly version: string;
  readonly feed: string;
  readonly day: Day;
  readonly origin: Origin;
  readonly schema: Schema;
  /** `kraken@1` */
  readonly normalizer: string;
  readonly window_hours: WindowHours;
  readonly shards: readonly string[];
  readonly objects: readonly ManifestObject[];
  readonly inputs: readonly ManifestInput[];
  readonly gaps: readonly ManifestGap[];
  readonly totals: ManifestTotals;
  /** No gap stands here. A hole that an event records does not make a day incomplete. */
  readonly complete: boolean;
  readonly content_id: string;
  readonly builds: { readonly archiver: Build; readonly connectors: readonly string[] };
  /**
   * Where and by what clock its lines were captured, of RAW's headers: no part of any id. Absent in
   * manifests of workers that did not write it yet: then nobody can say.
   */
  readonly captures?: readonly CaptureSpan[];
};

export type ManifestTotals = {
  readonly objects: number;
  readonly records: number;
  readonly plain_bytes: number;
  readonly bytes: number;
  readonly records_by_type: Readonly<Partial<Record<EventType, number>>>;
};

export type ManifestParts = Pick<
  Manifest,
  | 'version'
  | 'feed'
  | 'day'
  | 'origin'
  | 'schema'
  | 'normalizer'
  | 'window_hours'
  | 'shards'
  | 'objects'
  | 'inputs'
  | 'gaps'
  | 'builds'
  | 'captures'
>;

/** Puts a manifest together: sorted, counted, identified. `sha256` yields lower-case hex. */
export function buildManifest(
  parts: ManifestParts,
  sha256: (bytes: Uint8Array) => string,
): Manifest {
  const objects = [...parts.objects].sort(byText((object) => object.key));
  const inputs = [...parts.inputs].sort(byText(({ key }) => key));
  const gaps = [...parts.gaps].sort(byText(gapOrder));
  return {
    format: 1,
    ...parts,
    shards: [...parts.shards].sort(),
    objects,
    inputs,
    gaps,
    totals: totalsOf(objects),
    complete: gaps.length === 0,
    content_id: contentId({ version: parts.version, objects, gaps }, sha256),
  };
}

/**
 * What the day says, whoever built it: its objects by name, hash and count, and its gaps. Two builds
 * of the same day agree on it or one of them is wrong.
 */
export function contentId(
  content: Pick<Manifest, 'version' | 'objects' | 'gaps'>,
  sha256: (bytes: Uint8Array) => string,
): string {
  const objects = content.objects
    .map((it) => [canonicalObjectKey(it.key), it.plain_sha256, it.records] as const)
    // By hash as well: which of two that claim a name has it depends on who came first.
    .sort(byText(canonicalJson));
  const text = canonicalJson({
    version: content.version,
    objects,
    gaps: sortedIdentities(content.gaps),
  });
  return sha256(new TextEncoder().encode(text));
}

/** What RAW was when a day was built: its segments and its holes, in whatever order they were found. */
export function inputsId(
  from: Pick<Manifest, 'inputs' | 'gaps'>,
  sha256: (bytes: Uint8Array) => string,
): string {
  const inputs = from.inputs.map(canonicalJson).sort();
  const gaps = sortedIdentities(from.gaps);
  return sha256(new TextEncoder().encode(canonicalJson({ inputs, gaps })));
}

/**
 * A manifest is there already: what does that mean for ours?
 * - `same`: our own write whose acknowledgement was lost, or an equal build
 * - `late_raw`: other inputs or other gaps in them; what came late is cured by a new version
 * - `conflict`: the same inputs, other content: one of the builds is wrong
 */
export function compareManifests(
  existing: Manifest,
  ours: Manifest,
): 'same' | 'late_raw' | 'conflict' {
  if (existing.content_id === ours.content_id) return 'same';
  // Gaps are read off RAW as well: an inventory that came late changes them and no segment.
  const rawOf = ({ inputs, gaps }: Manifest): string =>
    canonicalJson([[...inputs].sort(byText(({ key }) => key)), sortedIdentities(gaps)]);
  return rawOf(existing) === rawOf(ours) ? 'conflict' : 'late_raw';
}

/**
 * What tells a gap from others, and all of it that any id is made of: its words are for people and may
 * be told otherwise by the next release.
 */
function gapIdentity({ shard, epoch, cause, from, to }: ManifestGap): GapIdentity {
  return { shard, epoch, cause, from, to };
}
type GapIdentity = Omit<ManifestGap, 'detail'>;

/** Its identity as text: two gaps are the same where it is. */
export function gapName(gap: ManifestGap): string {
  return canonicalJson(gapIdentity(gap));
}

/** In order of time; the words decide only between gaps that are the same without them. */
function gapOrder(gap: ManifestGap): string {
  return canonicalJson([gap.from.padStart(20, '0'), gap.shard, gapIdentity(gap), gap.detail]);
}

function sortedIdentities(gaps: readonly ManifestGap[]): GapIdentity[] {
  return [...gaps].sort(byText(gapOrder)).map(gapIdentity);
}

/** A manifest read back, or null where it is none this version understands. */
export function parseManifest(text: string): Manifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const manifest = value as Manifest;
  const whole =
    manifest.format === 1 &&
    SCHEMAS.some((it) => it === manifest.schema) &&
    Array.isArray(manifest.objects) &&
    Array.isArray(manifest.inputs) &&
    Array.isArray(manifest.gaps) &&
    typeof manifest.content_id === 'string' &&
    typeof manifest.version === 'string' &&
    typeof manifest.window_hours === 'number';
  return whole ? manifest : null;
}

function totalsOf(objects: readonly ManifestObject[]): ManifestTotals {
  const records_by_type: Partial<Record<EventType, number>> = {};
  let records = 0;
  let plain_bytes = 0;
  let bytes = 0;
  for (const object of objects) {
    const segment = object.key.split('/')[3];
    const type = EVENT_TYPES.find((known) => known === segment);
    if (type !== undefined) records_by_type[type] = (records_by_type[type] ?? 0) + object.records;
    records += object.records;
    plain_bytes += object.plain_bytes;
    bytes += object.bytes;
  }
  return { objects: objects.length, records, plain_bytes, bytes, records_by_type };
}

function byText<T>(textOf: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const left = textOf(a);
    const right = textOf(b);
    return left < right ? -1 : left > right ? 1 : 0;
  };
}
