/**
 * Adapters that may be built before their server is there: capture must not wait for the bus or the
 * store. Each call tries to open what is not open yet and fails like a call to a server that is away.
 */
import type { Bus, RangeRequest, StoredMessage } from '../bus/bus.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Opens once; after a failure the next call tries again. */
function openOnce<T>(open: () => Promise<T>): () => Promise<T> {
  let opening: Promise<T> | null = null;
  return () => {
    opening ??= open().catch((error: unknown) => {
      opening = null;
      throw error;
    });
    return opening;
  };
}

export function lateStore(open: () => Promise<ObjectStore>): ObjectStore {
  const store = openOnce(open);
  return {
    get: async (...args) => (await store()).get(...args),
    head: async (...args) => (await store()).head(...args),
    putIfAbsent: async (...args) => (await store()).putIfAbsent(...args),
    replaceIf: async (...args) => (await store()).replaceIf(...args),
    put: async (...args) => (await store()).put(...args),
    upload: async (...args) => (await store()).upload(...args),
    delete: async (...args) => (await store()).delete(...args),
    async *list(prefix) {
      yield* (await store()).list(prefix);
    },
  };
}

export function lateBus(open: () => Promise<Bus>): Bus {
  let opened: Bus | null = null;
  const bus = openOnce(async () => (opened = await open()));
  return {
    ensureStreams: async (limits) => (await bus()).ensureStreams(limits),
    openPublisher: async (options) => (await bus()).openPublisher(options),
    lastCtl: async (shard, feed) => (await bus()).lastCtl(shard, feed),
    bounds: async () => (await bus()).bounds(),
    async *readRange(request: RangeRequest): AsyncIterable<StoredMessage> {
      yield* (await bus()).readRange(request);
    },
    subscribe: async (pattern, options) => (await bus()).subscribe(pattern, options),
    close: async () => opened?.close(),
  };
}
