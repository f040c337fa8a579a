/** What the demo's jobs left in the bucket, read as files: the S3 server keeps objects as they are. */
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseObjectKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { NS_PER_MINUTE, formatIso } from '../../schema/time.ts';

/** A hole of a day, as its manifest lists it. */
export type Hole = {
  readonly shard: string;
  readonly cause: string;
  /** ns since the epoch, as text. */
  readonly from: string;
  readonly to: string;
  readonly detail: string;
};

/** ISO instants, a minute apart. */
export type Minute = { readonly from: string; readonly to: string };

export type ArchivedFiles = {
  /** Path of an object of the normalized bucket, short where the reader stands above it. */
  readonly pathOf: (key: string) => string;
  /** Holes of a manifest's day, by where they begin. */
  readonly holesOf: (manifest: string) => Promise<Hole[]>;
  /** Something to look into: the smallest object with a book, else of all. Null where there is none. */
  readonly exampleOf: (manifest: string) => Promise<string | null>;
  /** An early minute in which something happens, as a span of instants; null where the day has no events. */
  readonly busyMinuteOf: (manifest: string) => Promise<Minute | null>;
};

const EARLY_OBJECTS = 10;

export function archivedFiles(dataDir: string, bucket: string): ArchivedFiles {
  const pathOf = (key: string): string => fromHere(join(dataDir, 's3/objects', bucket, key));
  const read = async (key: string): Promise<Manifest> =>
    JSON.parse(await readFile(pathOf(key), 'utf8')) as Manifest;
  return {
    pathOf,
    async holesOf(manifest) {
      const { gaps } = await read(manifest);
      return gaps
        .map(({ shard, cause, from, to, detail }) => ({ shard, cause, from, to, detail }))
        .toSorted((a, b) => (BigInt(a.from) < BigInt(b.from) ? -1 : 1));
    },
    async exampleOf(manifest) {
      const { objects } = await read(manifest);
      const books = objects.filter((it) => parseObjectKey(it.key)?.type === 'book');
      const [smallest] = (books.length > 0 ? books : objects).toSorted(
        (a, b) => a.records - b.records,
      );
      return smallest === undefined ? null : pathOf(smallest.key);
    },
    async busyMinuteOf(manifest) {
      const { objects } = await read(manifest);
      // Early in the day: what comes before is folded first.
      const early = objects.toSorted((a, b) => (BigInt(a.first_t) < BigInt(b.first_t) ? -1 : 1));
      const [largest] = early.slice(0, EARLY_OBJECTS).toSorted((a, b) => b.records - a.records);
      if (largest === undefined) return null;
      const first = BigInt(largest.first_t);
      const from = first - (first % NS_PER_MINUTE);
      return { from: formatIso(from), to: formatIso(from + NS_PER_MINUTE) };
    },
  };
}

/** Short where the reader stands above it. */
export function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
