/** Segments by name: local files and folders, keys of a bucket, the files of a local log. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseRawConflictKey, parseRawSegmentKey } from '../../dataset/keys.ts';
import type { RawSegmentId } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { NamedAs } from './chain.ts';
import { readFileContent, unpackContent } from './content.ts';
import type { Content, ContentOptions } from './content.ts';

export type SegmentSource = {
  /** A path, or `s3://bucket/key`. */
  readonly name: string;
  readonly where: 'bucket' | 'local';
  readonly named: NamedAs;
  /** The last of a local log: its connector may be writing to it. */
  readonly growing: boolean;
  /** Null where it went away since it was found. */
  readonly read: (options: ContentOptions) => Promise<Content | null>;
  /** The one before it in its epoch, where it is at hand. */
  readonly before: () => Promise<SegmentSource | null>;
};

export type Bucket = { readonly name: string; readonly store: ObjectStore };

/** What was found of what was asked for, and what lies there that is none of ours. */
export type Found = {
  readonly sources: readonly SegmentSource[];
  readonly foreign: readonly string[];
};

const WAL_FILE = /^(\d{8})\.jsonl$/;
const PACKED_FILE = /^(\d\d)-(.+)-(\d{1,16})\.jsonl(?:\.zst)?$/;

/** A file as it is, or a folder's segments in order. @throws SSMD_NOT_FOUND */
export async function localSources(path: string): Promise<Found> {
  const found = await stat(path).catch((error: unknown) => {
    throw new SsmdError('SSMD_NOT_FOUND', `${path} cannot be read: ${codeOf(error)}`, {
      facts: { path },
    });
  });
  if (!found.isDirectory()) return { sources: [await fileSource(path)], foreign: [] };
  const names = (await readdir(path)).sort();
  const ours = names.filter((name) => WAL_FILE.test(name) || PACKED_FILE.test(name));
  const own_files = ['owner.json', 'closed.jsonl'];
  const sources = await Promise.all(ours.map((name) => fileSource(join(path, name), names)));
  const foreign = names
    .filter((name) => !ours.includes(name) && !own_files.includes(name))
    .map((name) => join(path, name));
  return { sources, foreign };
}

/** `names`: what lies beside it, where that is known. */
async function fileSource(path: string, names?: readonly string[]): Promise<SegmentSource> {
  const dir = dirname(path);
  const beside = names ?? (await readdir(dir).catch(() => []));
  const segment = wal(basename(path));
  const last = Math.max(...beside.map((name) => wal(name) ?? -1));
  return {
    name: path,
    where: 'local',
    named: { id: idOfPath(path), segment },
    growing: segment !== null && segment === last && beside.includes('owner.json'),
    read: (options) => readFileContent(path, options).catch(goneAsNull),
    before: async () => {
      const name = segment === null ? besideBefore(path, beside) : fileOf(segment - 1);
      return name !== null && beside.includes(name) ? fileSource(join(dir, name), beside) : null;
    },
  };
}

function wal(name: string): number | null {
  const digits = WAL_FILE.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

function fileOf(segment: number): string {
  return `${segment.toString().padStart(8, '0')}.jsonl`;
}

/** Of a copy of the bucket's hour: the epoch's minute before. */
function besideBefore(path: string, names: readonly string[]): string | null {
  const own = PACKED_FILE.exec(basename(path));
  if (own === null) return null;
  const [, minute = '', shard, epoch] = own;
  const earlier = names.filter((name) => {
    const other = PACKED_FILE.exec(name);
    return other?.[2] === shard && other?.[3] === epoch && (other?.[1] ?? '') < minute;
  });
  return earlier.sort().at(-1) ?? null;
}

/** A copy below the bucket's own folders is held to its key. */
function idOfPath(path: string): RawSegmentId | null {
  const at = path.lastIndexOf('raw/');
  return at < 0 ? null : parseRawSegmentKey(path.slice(at));
}

/** Hours before a segment in which the one before it is looked for. */
const HOURS_BACK = 2;

export function bucketSource({ name, store }: Bucket, key: string): SegmentSource {
  const id = parseRawSegmentKey(key);
  return {
    name: `s3://${name}/${key}`,
    where: 'bucket',
    named: { id, segment: null },
    growing: false,
    async read(options) {
      const stored = await store.get(key, { signal: options.signal });
      return stored === null ? null : await unpackContent(stored.body, options);
    },
    async before() {
      if (id === null) return null;
      for (let back = 0; back <= HOURS_BACK; back++) {
        const hour = hourPrefix(id.feed, id.t - BigInt(back) * HOUR_NS);
        const { keys } = await keysBelow(store, hour, { ...id, to: id.t });
        const found = keys.filter((it) => it.id.epoch === id.epoch).at(-1);
        if (found !== undefined) return bucketSource({ name, store }, found.key);
      }
      return null;
    },
  };
}

const HOUR_NS = 3_600_000_000_000n;
const MINUTE_NS = 60_000_000_000n;

export type ShardSpan = {
  readonly feed: string;
  readonly shard: string;
  /** Instants, `[from, to)`. */
  readonly from: bigint;
  readonly to: bigint;
};

export type FoundSegment = { readonly source: SegmentSource; readonly id: RawSegmentId };
export type FoundShard = {
  /** By minute, then by epoch; a local one only where the bucket does not have it. */
  readonly segments: readonly FoundSegment[];
  readonly foreign: readonly string[];
  /** Segments whose name was taken by other content: kept beside it, never read. */
  readonly conflicts: readonly string[];
  /** Where was looked, in words. */
  readonly looked: readonly string[];
};

/** Every segment of a shard that may hold a line of the span: in the bucket, and in the local log. */
export async function shardSources(
  span: ShardSpan,
  where: { readonly bucket: Bucket | null; readonly log_dir: string | null },
): Promise<FoundShard> {
  const segments: FoundSegment[] = [];
  const foreign: string[] = [];
  const conflicts: string[] = [];
  const looked: string[] = [];
  const { bucket, log_dir } = where;
  if (bucket !== null) {
    const first = span.from - (span.from % HOUR_NS);
    for (let hour = first; hour < span.to; hour += HOUR_NS) {
      const prefix = hourPrefix(span.feed, hour);
      const found = await keysBelow(bucket.store, prefix, span);
      for (const { key, id } of found.keys)
        segments.push({ source: bucketSource(bucket, key), id });
      foreign.push(...found.foreign.map((key) => `s3://${bucket.name}/${key}`));
      conflicts.push(...found.conflicts.map((key) => `s3://${bucket.name}/${key}`));
    }
    looked.push(`s3://${bucket.name}/${hourPrefix(span.feed, first)} and later hours asked for`);
  }
  if (log_dir !== null) {
    const dir = join(log_dir, span.feed, span.shard);
    const shipped = new Set(segments.map(({ id }) => minuteName(id)));
    for (const found of await walSegments(dir, span)) {
      if (!shipped.has(minuteName(found.id))) segments.push(found);
    }
    looked.push(dir);
  }
  segments.sort((a, b) => compare(a.id.t, b.id.t) || a.id.epoch - b.id.epoch);
  return { segments, foreign, conflicts, looked };
}

function minuteName({ epoch, t }: RawSegmentId): string {
  return `${epoch} ${t / MINUTE_NS}`;
}

async function keysBelow(
  store: ObjectStore,
  prefix: string,
  { shard, from = 0n, to }: { readonly shard: string; readonly from?: bigint; readonly to: bigint },
): Promise<{
  keys: { readonly key: string; readonly id: RawSegmentId }[];
  foreign: string[];
  conflicts: string[];
}> {
  const keys: { readonly key: string; readonly id: RawSegmentId }[] = [];
  const foreign: string[] = [];
  const conflicts: string[] = [];
  const inside = (id: RawSegmentId): boolean =>
    id.shard === shard && id.t + MINUTE_NS > from && id.t < to;
  for await (const { key } of store.list(prefix)) {
    const id = parseRawSegmentKey(key);
    const conflict = id === null ? parseRawConflictKey(key) : null;
    if (id !== null && inside(id)) keys.push({ key, id });
    else if (conflict !== null && inside(conflict)) conflicts.push(key);
    else if (id === null && conflict === null) foreign.push(key);
  }
  return { keys, foreign, conflicts };
}

function hourPrefix(feed: string, t: bigint): string {
  const iso = new Date(Number(t / 1_000_000n)).toISOString();
  return `raw/${feed}/${iso.slice(0, 10).replaceAll('-', '/')}/${iso.slice(11, 13)}/`;
}

/** Segments of the epochs below a shard's local log: files not shipped yet, or not published past. */
async function walSegments(dir: string, span: ShardSpan): Promise<FoundSegment[]> {
  const epochs = (await readdir(dir).catch(() => [])).filter((name) => /^\d{1,16}$/.test(name));
  const found: FoundSegment[] = [];
  for (const epoch of epochs.sort()) {
    const names = (await readdir(join(dir, epoch)).catch(() => [])).sort();
    for (const name of names.filter((it) => WAL_FILE.test(it))) {
      const path = join(dir, epoch, name);
      const first = await firstT(path);
      if (first === null) continue;
      const t = first - (first % MINUTE_NS);
      if (t + MINUTE_NS <= span.from || t >= span.to) continue;
      const id = { feed: span.feed, shard: span.shard, epoch: Number(epoch), t };
      const source = await fileSource(path, names);
      found.push({ source: { ...source, named: { ...source.named, id } }, id });
    }
  }
  return found;
}

/** `t` of the first line that has one; null where there is none yet, or the file went away. */
async function firstT(path: string): Promise<bigint | null> {
  let head = '';
  const found = (): string | undefined => /\n\{"t":"(\d{1,19})"/.exec(head)?.[1];
  const options: ContentOptions = {
    onChunk: (chunk) => (head += Buffer.from(chunk.subarray(0, HEAD_BYTES)).toString('latin1')),
    enough: () => true,
    signal: NEVER,
  };
  await readFileContent(path, options).catch(goneAsNull);
  const digits = found();
  return digits === undefined ? null : BigInt(digits);
}
const NEVER = new AbortController().signal;
/** `_capture` and the beginning of the line after it. */
const HEAD_BYTES = 64 * 1024;

function goneAsNull(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
