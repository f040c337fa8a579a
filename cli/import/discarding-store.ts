/** A store that takes everything and keeps nothing: an import that is only tried. */
import type { ObjectStore } from '../../storage/object-store.ts';

export function discardingStore(): ObjectStore {
  return {
    get: () => Promise.resolve(null),
    head: () => Promise.resolve(null),
    putIfAbsent: () => Promise.resolve('created'),
    replaceIf: () => Promise.resolve('replaced'),
    put: nothing,
    upload: () => Promise.resolve({ write: nothing, finish: nothing, abort: nothing }),
    delete: nothing,
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: ended }) }),
  };
}

function nothing(): Promise<void> {
  return Promise.resolve();
}

function ended(): Promise<IteratorResult<never>> {
  return Promise.resolve({ done: true, value: undefined });
}
