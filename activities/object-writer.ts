/**
 * Puts finished objects where nothing is. An object is never replaced: if the key holds the same plain
 * stream it is done, if it holds another one ours goes beside it under a name with its hash.
 */
import type { CutObject } from '../dataset/cutter.ts';
import { objectAlternativeKey, objectKey } from '../dataset/keys.ts';
import type { ManifestObject } from '../dataset/manifest.ts';
import { packObject, unpackObject } from '../dataset/object-codec.ts';
import type { Schema } from '../dataset/version.ts';
import { SsmdError } from '../schema/errors.ts';
import type { JobDeps } from './deps.ts';

/** Objects packed and put at once. */
const PUTS_MAX = 4;

type WriterDeps = Pick<JobDeps, 'normalized' | 'zstd' | 'sha256' | 'build'>;

export type WriterOf = {
  readonly version: string;
  readonly feed: string;
  readonly schema: Schema;
  readonly source: 'bus' | 'raw';
  /** `archive-tier`, `daily-archive` */
  readonly processor: string;
  /** For the lineage: keys or stream positions, short. */
  readonly inputs: readonly string[];
};

/** Writes objects, a few at a time; returns what the manifest needs of them, in order. */
export async function writeObjects(
  deps: WriterDeps,
  of: WriterOf,
  objects: readonly CutObject[],
  signal: AbortSignal,
): Promise<ManifestObject[]> {
  const written: ManifestObject[] = [];
  for (let first = 0; first < objects.length; first += PUTS_MAX) {
    signal.throwIfAborted();
    const some = objects.slice(first, first + PUTS_MAX);
    written.push(...(await Promise.all(some.map((it) => writeObject(deps, of, it, signal)))));
  }
  return written;
}

async function writeObject(
  deps: WriterDeps,
  of: WriterOf,
  object: CutObject,
  signal: AbortSignal,
): Promise<ManifestObject> {
  const { plain, records } = object;
  const plain_sha256 = deps.sha256(plain);
  const packed = packObject(plain, lineageOf(deps, of, object), deps.zstd);
  const id = { ...of, type: object.type, symbol: object.symbol, t: object.start };
  const ours = { plain_sha256, packed, object };
  const stored = await putOnce(deps, objectKey(id), ours, signal);
  const kept =
    stored ?? (await putOnce(deps, objectAlternativeKey(id, plain_sha256), ours, signal));
  if (kept === null) {
    throw new SsmdError(
      'SSMD_VERSION_CONFLICT',
      `object ${objectAlternativeKey(id, plain_sha256)} holds other content than its name says`,
      { facts: { key: objectAlternativeKey(id, plain_sha256), plain_sha256 } },
    );
  }
  return {
    key: kept.key,
    plain_sha256,
    object_sha256: kept.sha256,
    plain_bytes: plain.length,
    bytes: kept.bytes,
    records,
    first_t: object.first_t.toString(),
    last_t: object.last_t.toString(),
    source: of.source,
  };
}

/** What is at the key afterwards, if it is this content with a footer of it; null where it is not. */
async function putOnce(
  deps: WriterDeps,
  key: string,
  ours: { readonly plain_sha256: string; readonly packed: Uint8Array; readonly object: CutObject },
  signal: AbortSignal,
): Promise<{ key: string; sha256: string; bytes: number } | null> {
  const { packed } = ours;
  const options = { contentType: 'application/zstd', signal };
  if ((await deps.normalized.putIfAbsent(key, packed, options)) === 'created') {
    return { key, sha256: deps.sha256(packed), bytes: packed.length };
  }
  const there = await deps.normalized.get(key, { signal });
  if (there === null) return null;
  return isSame(deps, key, there.body, ours)
    ? { key, sha256: deps.sha256(there.body), bytes: there.body.length }
    : null;
}

/** Whether what lies at a key is ours; what cannot be read, or tells otherwise of itself, is nobody's. */
function isSame(
  deps: WriterDeps,
  key: string,
  there: Uint8Array,
  { plain_sha256, object }: { readonly plain_sha256: string; readonly object: CutObject },
): boolean {
  try {
    const { plain, lineage } = unpackObject(there, deps.zstd, key);
    const { message_count, time_range } = lineage;
    return (
      deps.sha256(plain) === plain_sha256 &&
      message_count === object.records &&
      time_range?.start === object.first_t.toString() &&
      time_range.end === object.last_t.toString()
    );
  } catch (error) {
    if (error instanceof SsmdError) return false;
    throw error;
  }
}

function lineageOf(deps: WriterDeps, of: WriterOf, object: CutObject) {
  return {
    schema_version: of.schema,
    processor: of.processor,
    processor_version: deps.build.version,
    processor_commit: deps.build.commit,
    processor_build: deps.build.build,
    source: of.source,
    message_count: object.records,
    time_range: { start: object.first_t.toString(), end: object.last_t.toString() },
    inputs: of.inputs,
  };
}
