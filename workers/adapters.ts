/** Builds the adapters of an environment: two buckets and the bus. For composition roots only. */
import { randomUUID } from 'node:crypto';
import { DEFAULT_LIMITS } from '../bus/bus.ts';
import type { Bus } from '../bus/bus.ts';
import { createNatsBus } from '../bus/nats.ts';
import type { Endpoints } from '../environments/endpoints.ts';
import type { Environment } from '../environments/env.ts';
import { requireConditionalWrites } from '../storage/probe.ts';
import { createS3ObjectStore } from '../storage/s3.ts';
import type { S3ObjectStore } from '../storage/s3.ts';

export type Stores = AsyncDisposable & {
  readonly raw: S3ObjectStore;
  readonly normalized: S3ObjectStore;
};

/** Opens both buckets, makes them where they are missing, and proves conditional writes. */
export async function openStores(environment: Environment, endpoints: Endpoints): Promise<Stores> {
  const { storage } = environment.spec;
  const open = async (bucket: string): Promise<S3ObjectStore> => {
    const store = createS3ObjectStore({ ...endpoints.s3, bucket });
    await store.ensureBucket();
    await requireConditionalWrites(store, {
      nonce: randomUUID(),
      single_writer: storage.single_writer,
      name: bucket,
    });
    return store;
  };
  const raw = await open(storage.raw.bucket);
  const normalized = await open(storage.normalized.bucket);
  return {
    raw,
    normalized,
    async [Symbol.asyncDispose]() {
      await Promise.all([raw[Symbol.asyncDispose](), normalized[Symbol.asyncDispose]()]);
    },
  };
}

/**
 * Connects to the bus. With `wait` it returns before NATS is there (capture goes on without it), and
 * whoever publishes makes sure of the streams; else they are made here.
 */
export async function openBus(
  environment: Environment,
  endpoints: Endpoints,
  options: { readonly name: string; readonly wait: boolean },
): Promise<Bus & AsyncDisposable> {
  const { transport, jetstream } = environment.spec;
  const bus = await createNatsBus({
    servers: endpoints.nats_url,
    environment: environment.name,
    subject_prefix: transport.subject_prefix,
    name: options.name,
    wait: options.wait,
  });
  if (!options.wait) await bus.ensureStreams({ ...DEFAULT_LIMITS, ...jetstream });
  return bus;
}
