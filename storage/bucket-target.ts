/**
 * An export as a prefix of a bucket: `export/{id}/`. A store has no rename, so an export is there, for
 * readers, when its `export.json` is; it is put last. Notes of finished files lie in `export/_staging/{id}/`, and a mark that says
 * it is being made: the first thing to go, so that whoever still writes sees that nobody waits for it.
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
  const mark = `${notes}_begun`;
  const noteOf = (path: string): string => `${notes}${path}.json`;
  const published = async (): Promise<Uint8Array | null> =>
    (await store.get(manifest))?.body ?? null;
  const isMade = async (): Promise<boolean> => (await store.head(mark)) !== null;
  const isPublished = async (): Promise<boolean> => (await store.head(manifest)) !== null;
  const over = (): SsmdError => {
    const message = `s3://${bucket}/${prefix}: its export ended while this was written; nothing of it is kept`;
    return new SsmdError('SSMD_INVALID_INPUT', message, { facts: { id } });
  };
  return {
    name: `s3://${bucket}/export/${id}`,
    fault: async () => {
      for await (const _ of store.list(prefix)) return 'something is there already';
      return null;
    },
    begin: async () => {
      await store.put(mark, new Uint8Array(0));
    },
    noted: async (path) => {
      const stored = await store.get(noteOf(path));
      const note = stored === null ? null : parseNote(new TextDecoder().decode(stored.body), path);
      const there = note === null ? null : await store.head(prefix + path);
      return there?.bytes === note?.bytes ? note : null;
    },
    create: async (path) => {
      if (!(await isMade())) throw over();
      const keys = { file: prefix + path, note: noteOf(path) };
      return openSink(store, path, {
        ...keys,
        // The mark goes before what lies beside it is listed: what was put while it stood is found.
        settle: async () => {
          if (await isMade()) return;
          await store.delete(keys.note);
          // Another attempt wrote the very same, and it was shown.
          if (await isPublished()) return;
          await store.delete(keys.file);
          throw over();
        },
      });
    },
    publish: async (bytes) => {
      if (!(await isMade()) && !(await isPublished())) throw over();
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
      await store.delete(mark);
      if (!(await isPublished())) await removeAll(store, prefix);
      await removeAll(store, notes);
    },
  };
}

const JSON_TYPE = { contentType: 'application/json' } as const;

async function openSink(
  store: ObjectStore,
  path: string,
  of: { readonly file: string; readonly note: string; readonly settle: () => Promise<void> },
): Promise<FileSink> {
  const upload = await store.upload(of.file);
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
      await store.put(of.note, new TextEncoder().encode(JSON.stringify(note)), JSON_TYPE);
      await of.settle();
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
