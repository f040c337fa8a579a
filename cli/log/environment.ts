/**
 * Where an environment keeps RAW: its buckets, opened to read and never made, and the local log of the
 * connectors of this host.
 */
import { join, resolve } from 'node:path';
import type { Environment } from '../../environments/env.ts';
import type { Endpoints } from '../../environments/endpoints.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { S3ObjectStore } from '../../storage/s3.ts';
import type { CliContext } from '../command.ts';
import { resolveEnvironment } from '../resolve-environment.ts';
import type { Bucket } from './sources.ts';

export type RawPlaces = AsyncDisposable & {
  readonly environment: Environment;
  readonly log_dir: string;
  /** Null where the environment does not say where S3 is: then the local log is all there is. */
  readonly endpoints: Endpoints | null;
  readonly raw: Bucket | null;
  readonly normalized: Bucket | null;
  /** Another bucket of the same store. @throws SSMD_UNAVAILABLE */
  readonly bucket: (name: string) => Bucket;
};

export async function openRawPlaces(
  name: string | undefined,
  context: CliContext,
): Promise<RawPlaces> {
  const { environment } = await resolveEnvironment(name, context, 'none');
  const resolved = await resolveEnvironment(name, context, 'stores').catch((error: unknown) => {
    if (error instanceof SsmdError && error.code === 'SSMD_UNAVAILABLE') return error;
    throw error;
  });
  const { createS3ObjectStore } = await import('../../storage/s3.ts');
  const opened: S3ObjectStore[] = [];
  const open = (bucket: string): Bucket => {
    if (resolved instanceof SsmdError) throw resolved;
    const store = createS3ObjectStore({ ...resolved.endpoints.s3, bucket });
    opened.push(store);
    return { name: bucket, store };
  };
  const { storage, capture } = environment.spec;
  const stores = !(resolved instanceof SsmdError);
  return {
    environment,
    log_dir:
      capture.log_dir === undefined
        ? join(context.root, '.ssmd', environment.name, 'log')
        : resolve(context.root, capture.log_dir),
    endpoints: stores ? resolved.endpoints : null,
    raw: stores ? open(storage.raw.bucket) : null,
    normalized: stores ? open(storage.normalized.bucket) : null,
    bucket: open,
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((store) => store[Symbol.asyncDispose]()));
    },
  };
}
