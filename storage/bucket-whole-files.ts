/** Whole files below a prefix of a bucket: one conditional put each, so nothing is ever half there. */
import { SsmdError } from '../schema/errors.ts';
import type { ObjectStore } from './object-store.ts';
import { sameBytes } from './whole-files.ts';
import type { WholeFiles } from './whole-files.ts';

/** `prefix` ends in `/`; `bucket` is for people. */
export function createBucketWholeFiles(of: {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly prefix: string;
}): WholeFiles {
  const { store, bucket, prefix } = of;
  const name = `s3://${bucket}/${prefix.replace(/\/$/, '')}`;
  return {
    name,
    async put(path, bytes) {
      if ((await store.putIfAbsent(prefix + path, bytes)) === 'created') return;
      const there = await store.get(prefix + path);
      if (there !== null && sameBytes(there.body, bytes)) return;
      const message = `${name}/${path}: other bytes stand under this name, and it is never written over`;
      throw new SsmdError('SSMD_VERSION_CONFLICT', message, { facts: { key: prefix + path } });
    },
    readNote: async (note) => (await store.get(prefix + note))?.body ?? null,
    writeNote: (note, bytes) => store.put(prefix + note, bytes),
    // A put that did not finish leaves nothing.
    unfinished: () => Promise.resolve([]),
  };
}
