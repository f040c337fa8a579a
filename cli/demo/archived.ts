/** What the demo's jobs left in the bucket, read as files: the S3 server keeps objects as they are. */
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseObjectKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';

/** A hole of a day, as its manifest lists it. */
export type Hole = {
  readonly shard: string;
  readonly cause: string;
  /** ns since the epoch, as text. */
  readonly from: string;
  readonly to: string;
  readonly detail: string;
};

export type ArchivedFiles = {
  /** Path of an object of the normalized bucket, short where the reader stands above it. */
  readonly pathOf: (key: string) => string;
  /** Holes of a manifest's day, by where they begin. */
  readonly holesOf: (manifest: string) => Promise<Hole[]>;
  /** Something to look into: the smallest object with a book, else of all. Null where there is none. */
  readonly exampleOf: (manifest: string) => Promise<string | null>;
};

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
  };
}

/** Short where the reader stands above it. */
export function fromHere(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}
