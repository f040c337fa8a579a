/**
 * What has to be read to compare two versions of a day: objects of one name and one content are equal
 * without being read, the others are paired into stretches of time that can be compared by themselves,
 * however each side cut its objects.
 */
import { TYPE_CODE } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import { SsmdError } from '../schema/errors.ts';
import { canonicalObjectKey, parseObjectKey } from './keys.ts';
import type { Manifest, ManifestObject } from './manifest.ts';

/** Objects of one side whose instants overlap; `place` of the first record in its stream. */
export type PlannedRun = { readonly objects: readonly ManifestObject[]; readonly place: number };

/** Runs of both sides that touch no others. */
export type Stretch = { readonly old: readonly PlannedRun[]; readonly new: readonly PlannedRun[] };

export type StreamPlan = {
  readonly type: EventType;
  readonly symbol: string;
  /** Objects a side has in all. */
  readonly old: readonly ManifestObject[];
  readonly new: readonly ManifestObject[];
  /** Objects, and their records, that are equal by name and hash. */
  readonly same_objects: number;
  readonly same_records: number;
  /** In order of time. */
  readonly stretches: readonly Stretch[];
};

/** Every stream either side has, by type and symbol. @throws SSMD_CORRUPT where a key is not ours */
export function planDiff(old: Manifest, now: Manifest): StreamPlan[] {
  const [left, right] = [streamsOf(old), streamsOf(now)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  return names
    .map((name) => {
      const [one, other] = [left.get(name), right.get(name)];
      const of = (one ?? other) as Stream;
      const objects = { old: one?.objects ?? [], new: other?.objects ?? [] };
      const same_schema = old.schema === now.schema;
      return planStream(of, objects.old, objects.new, same_schema);
    })
    .sort((a, b) => TYPE_CODE[a.type] - TYPE_CODE[b.type] || (a.symbol < b.symbol ? -1 : 1));
}

type Stream = {
  readonly type: EventType;
  readonly symbol: string;
  readonly objects: ManifestObject[];
};

function streamsOf({ objects }: Manifest): Map<string, Stream> {
  const streams = new Map<string, Stream>();
  for (const object of objects) {
    const id = parseObjectKey(object.key);
    if (id === null) {
      const message = `the manifest names ${object.key}, which is no key of an object; audit the day`;
      throw new SsmdError('SSMD_CORRUPT', message, { facts: { key: object.key } });
    }
    const name = `${id.type}/${id.symbol}`;
    const stream = streams.get(name) ?? { type: id.type, symbol: id.symbol, objects: [] };
    stream.objects.push(object);
    streams.set(name, stream);
  }
  return streams;
}

function planStream(
  { type, symbol }: Stream,
  old: readonly ManifestObject[],
  now: readonly ManifestObject[],
  same_schema: boolean,
): StreamPlan {
  const [left, right] = [placed(old), placed(now)];
  const same = same_schema ? equalPairs(left, right) : new Set<Placed>();
  const stretches = stretchesOf(
    left.filter((it) => !same.has(it)),
    right.filter((it) => !same.has(it)),
  );
  const skipped = left.filter((it) => same.has(it));
  return {
    ...{ type, symbol, old, new: now, stretches },
    same_objects: skipped.length,
    same_records: skipped.reduce((sum, { object }) => sum + object.records, 0),
  };
}

/** An object with the instants it spans and the records before it. */
type Placed = {
  readonly object: ManifestObject;
  readonly tail: string;
  readonly first: bigint;
  readonly last: bigint;
  readonly place: number;
};

function placed(objects: readonly ManifestObject[]): Placed[] {
  const spans = objects.map((object) => ({
    object,
    tail: tailOf(object.key),
    first: BigInt(object.first_t),
    last: BigInt(object.last_t),
  }));
  spans.sort((a, b) => {
    if (a.first !== b.first) return a.first < b.first ? -1 : 1;
    return a.object.key < b.object.key ? -1 : 1;
  });
  let place = 0;
  return spans.map((span) => {
    const it = { ...span, place };
    place += span.object.records;
    return it;
  });
}

/** A key without its version and without the mark of a copy: `{feed}/{type}/{symbol}/{when}`. */
function tailOf(key: string): string {
  return canonicalObjectKey(key).split('/').slice(2).join('/');
}

/** Of both sides what has a twin in the other one: the same name, the same plain stream. */
function equalPairs(old: readonly Placed[], now: readonly Placed[]): Set<Placed> {
  const nameOf = ({ tail, object }: Placed): string => `${tail} ${object.plain_sha256}`;
  const twins = Map.groupBy(now, nameOf);
  const same = new Set<Placed>();
  for (const it of old) {
    const twin = twins.get(nameOf(it))?.shift();
    if (twin !== undefined) same.add(it).add(twin);
  }
  return same;
}

function stretchesOf(old: readonly Placed[], now: readonly Placed[]): Stretch[] {
  const all = [
    ...old.map((it) => ({ ...it, side: 'old' as const })),
    ...now.map((it) => ({ ...it, side: 'new' as const })),
  ].sort((a, b) => (a.first === b.first ? 0 : a.first < b.first ? -1 : 1));
  return overlapping(all).map((group) => ({
    old: runsOf(group.filter(({ side }) => side === 'old')),
    new: runsOf(group.filter(({ side }) => side === 'new')),
  }));
}

function runsOf(objects: readonly Placed[]): PlannedRun[] {
  return overlapping(objects).map((group) => ({
    objects: group.map(({ object }) => object),
    place: group[0]?.place ?? 0,
  }));
}

/** Groups of what overlaps, of a list in order of `first`. */
function overlapping<T extends { readonly first: bigint; readonly last: bigint }>(
  spans: readonly T[],
): T[][] {
  const groups: T[][] = [];
  let until = -1n;
  for (const span of spans) {
    if (span.first > until || groups.length === 0) groups.push([span]);
    else groups.at(-1)?.push(span);
    if (span.last > until) until = span.last;
  }
  return groups;
}
