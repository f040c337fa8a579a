/** Job dependencies over two real buckets. */
import type { JobDeps } from '../../activities/deps.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { memoryJobs } from './memory-jobs.ts';
import type { TestS3 } from './servers.ts';

export type S3Jobs = AsyncDisposable & { readonly deps: JobDeps };

let buckets = 0;

/** Opens two new buckets on the server; `now` is ISO text. */
export async function openS3Jobs(
  server: TestS3,
  now: string,
  other: Partial<JobDeps> = {},
): Promise<S3Jobs> {
  buckets++;
  const open = async (bucket: string) => {
    const store = createS3ObjectStore({
      endpoint: server.endpoint,
      region: server.region,
      access_key_id: server.accessKey,
      secret_access_key: server.secretKey,
      bucket,
    });
    await store.ensureBucket();
    return store;
  };
  const raw = await open(`test-raw-${buckets}`);
  const normalized = await open(`test-normalized-${buckets}`);
  return {
    deps: memoryJobs(now, { raw, normalized, ...other }),
    [Symbol.asyncDispose]: async () => {
      await raw[Symbol.asyncDispose]();
      await normalized[Symbol.asyncDispose]();
    },
  };
}
