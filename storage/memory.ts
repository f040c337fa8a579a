/**
 * An object store in this process's memory: a real adapter (the contract suite holds it to the same
 * promises as S3) for tests and for tools that need no durability. Nothing is shared between two.
 */
import { hash } from 'node:crypto';
import type { ListedObject, ObjectStore, StoredObject } from './object-store.ts';

type Kept = StoredObject & Pick<ListedObject, 'modified_ms'>;

/**
 * Creates an empty store. As on S3, the etag depends on the content alone. `nowMs` is its clock; without
 * one everything in it was put in 1970.
 */
export function createMemoryObjectStore(nowMs: () => number = () => 0): ObjectStore {
  const objects = new Map<string, Kept>();
  const keep = (key: string, body: Uint8Array): void => {
    objects.set(key, { body: body.slice(), etag: etagOf(body), modified_ms: nowMs() });
  };
  return {
    get: (key, options) => {
      options?.signal?.throwIfAborted();
      const found = objects.get(key);
      return Promise.resolve(
        found === undefined ? null : { body: found.body.slice(), etag: found.etag },
      );
    },
    head: (key) => {
      const found = objects.get(key);
      return Promise.resolve(
        found === undefined ? null : { bytes: found.body.length, etag: found.etag },
      );
    },
    putIfAbsent: (key, body, options) => {
      options?.signal?.throwIfAborted();
      if (objects.has(key)) return Promise.resolve('exists');
      keep(key, body);
      return Promise.resolve('created');
    },
    replaceIf: (key, body, etag) => {
      if (objects.get(key)?.etag !== etag) return Promise.resolve('changed');
      keep(key, body);
      return Promise.resolve('replaced');
    },
    put: (key, body) => {
      keep(key, body);
      return Promise.resolve();
    },
    upload: (key) => {
      let pieces: Uint8Array[] = [];
      return Promise.resolve({
        write: (bytes) => Promise.resolve(void pieces.push(bytes.slice())),
        finish: () => Promise.resolve(keep(key, new Uint8Array(Buffer.concat(pieces)))),
        abort: () => Promise.resolve(void (pieces = [])),
      });
    },
    delete: (key) => {
      objects.delete(key);
      return Promise.resolve();
    },
    list: (prefix) => listed(objects, prefix),
  };
}

async function* listed(
  objects: ReadonlyMap<string, Kept>,
  prefix: string,
): AsyncGenerator<ListedObject> {
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix));
  keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const key of keys) {
    const found = objects.get(key);
    if (found === undefined) continue;
    const { body, etag, modified_ms } = found;
    yield { key, bytes: body.length, etag, modified_ms };
  }
}

function etagOf(body: Uint8Array): string {
  return `"${hash('md5', body, 'hex')}"`;
}
