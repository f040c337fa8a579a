/**
 * The object store of the model: conditional writes as the real one makes them, and what was proven to
 * go wrong around them: an answer that never comes, one that comes as a conflict with our own write, a
 * put that lands long after its sender is gone.
 */
import type { VirtualClock } from '../../../connectors/simulator/clock.ts';
import { SsmdError } from '../../../schema/errors.ts';
import type { ObjectStore } from '../../../storage/object-store.ts';
import type { ModelProcess } from './process.ts';

export type StoreFaults = {
  /** Answers nothing but errors. */
  down: boolean;
  /** Writes that are stored and answered with an error, or as if someone had been faster. */
  lost_acks: number;
  lost_as: 'error' | 'conflict';
  /** Writes that land this much later, whether their sender lives or not. */
  slow: number;
  slow_ms: number;
};

export function noStoreFaults(): StoreFaults {
  return { down: false, lost_acks: 0, lost_as: 'error', slow: 0, slow_ms: 0 };
}

const never = new Promise<never>(() => undefined);

/** The store as one process sees it. */
export function storeFor(
  process: ModelProcess,
  {
    store,
    faults,
    world,
  }: {
    readonly store: ObjectStore;
    readonly faults: StoreFaults;
    readonly world: VirtualClock;
  },
): ObjectStore {
  function read<T>(look: () => Promise<T>): Promise<T> {
    if (!process.alive()) return never;
    return process.seen(faults.down ? Promise.reject(away()) : look());
  }

  function write<T>(put: () => Promise<T>, conflict: T): Promise<T> {
    if (!process.acts()) return never;
    if (faults.down) return process.seen(Promise.reject(away()));
    const lost = faults.lost_acks > 0;
    if (lost) faults.lost_acks -= 1;
    let done: Promise<T>;
    if (faults.slow > 0) {
      faults.slow -= 1;
      done = new Promise((resolve, reject) => {
        world.setTimer(
          () => void put().then(resolve, reject),
          world.nowNs() + BigInt(faults.slow_ms) * 1_000_000n,
        );
      });
    } else done = put();
    if (!lost) return process.seen(done);
    const { lost_as } = faults;
    return process.seen(
      done.then(() => {
        if (lost_as === 'error') throw away();
        return conflict;
      }),
    );
  }

  return {
    get: (key, options) => read(() => store.get(key, options)),
    head: (key) => read(() => store.head(key)),
    // What is on its way lands, whatever its sender thinks of it by then.
    putIfAbsent: async (key, body, options) => {
      options?.signal?.throwIfAborted();
      return write<'created' | 'exists'>(() => store.putIfAbsent(key, body), 'exists');
    },
    replaceIf: (key, body, etag) =>
      write<'replaced' | 'changed'>(() => store.replaceIf(key, body, etag), 'changed'),
    put: (key, body, options) => write(() => store.put(key, body, options), undefined),
    // No job of the model exports.
    upload: (key, options) => store.upload(key, options),
    delete: (key) => write(() => store.delete(key), undefined),
    async *list(prefix) {
      const keys = await read(async () => {
        const found = [];
        for await (const listed of store.list(prefix)) found.push(listed);
        return found;
      });
      yield* keys;
    },
  };
}

function away(): SsmdError {
  return new SsmdError('SSMD_UNAVAILABLE', 'the store did not answer', { retryable: true });
}
