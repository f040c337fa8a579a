/**
 * An export as a prefix of a bucket: `export/{id}/`. A store has no rename, so an export is there, for
 * readers, when its `export.json` is; it is put last. Notes of finished files lie in `export/_staging/`.
 */
import { createHash } from 'node:crypto';
import { SsmdError } from '../schema/errors.ts';
import { parseNote } from './export-target.ts';
import type { ExportTarget, FileSink } from './export-target.ts';
import type { ObjectStore } from './object-store.ts';

/** `id` is of this export alone: it names the prefix. `bucket` is for people. */
export function createBucketTarget(of: {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly id: string;
}): ExportTarget {
  const { store, bucket, id } = of;
  const prefix = `export/${id}/`;
  const notes = `export/_staging/${id}/`;
  const manifest = `${prefix}export.json`;
  const noteOf = (path: string): string => `${notes}${path}.json`;
  const published = async (): Promise<Uint8Array | null> =>
    (await store.get(manifest))?.body ?? null;
  return {
    name: `s3://${bucket}/export/${id}`,
    fault: async () => {
      for await (const _ of store.list(prefix)) return 'something is there already';
      return null;
    },
    begin: () => Promise.resolve(),
    noted: async (path) => {
      const stored = await store.get(noteOf(path));
      const note = stored === null ? null : parseNote(new TextDecoder().decode(stored.body), path);
      const there = note === null ? null : await store.head(prefix + path);
      return there?.bytes === note?.bytes ? note : null;
    },
    create: (path) => openSink(store, path, { file: prefix + path, note: noteOf(path) }),
    publish: async (bytes) => {
      const outcome = await store.putIfAbsent(manifest, bytes, JSON_TYPE);
      const there = outcome === 'created' ? bytes : await published();
      if (there === null || Buffer.compare(there, bytes) !== 0) {
        throw new SsmdError('SSMD_INVALID_INPUT', `${manifest} is of another export by now`, {
          facts: { key: manifest },
        });
      }
      await removeAll(store, notes);
    },
    published,
    discard: async () => {
      if ((await store.head(manifest)) === null) await removeAll(store, prefix);
      await removeAll(store, notes);
    },
  };
}

const JSON_TYPE = { contentType: 'application/json' } as const;

async function openSink(
  store: ObjectStore,
  path: string,
  keys: { readonly file: string; readonly note: string },
): Promise<FileSink> {
  const upload = await store.upload(keys.file);
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    async write(some) {
      hash.update(some);
      bytes += some.length;
      await upload.write(some);
    },
    async finish(rows) {
      await upload.finish();
      const note = { path, sha256: hash.digest('hex'), bytes, rows };
      await store.put(keys.note, new TextEncoder().encode(JSON.stringify(note)), JSON_TYPE);
      return note;
    },
    abort: () => upload.abort(),
  };
}

async function removeAll(store: ObjectStore, prefix: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  for (const key of keys) await store.delete(key);
}
