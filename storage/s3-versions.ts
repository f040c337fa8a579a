/** Versions of objects in an S3-compatible store. */
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3';
import type {
  DeleteMarkerEntry,
  ListObjectVersionsCommandOutput,
  S3Client,
  ObjectVersion as SdkVersion,
} from '@aws-sdk/client-s3';
import { SsmdError } from '../schema/errors.ts';
import type { ObjectVersion, VersionedBucket } from './object-versions.ts';
import { explained, openClient } from './s3.ts';
import type { S3Config } from './s3.ts';

/** Opens a client of one bucket. Errors are those of the object store. */
export function openVersionedBucket(config: S3Config): VersionedBucket & Disposable {
  const client = openClient(config);
  const { bucket: Bucket } = config;
  const run = <T>(what: string, action: () => Promise<T>): Promise<T> =>
    action().catch((cause: unknown) => {
      throw isWithout(cause)
        ? withoutVersions(config, cause)
        : explained(cause, `${what} in bucket ${Bucket} at ${config.endpoint}`);
    });
  return {
    state: () =>
      run('versioning', async () => {
        const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket }));
        return Status === 'Enabled' ? 'enabled' : Status === 'Suspended' ? 'suspended' : 'off';
      }),
    setState: async (state) => {
      const Status = state === 'enabled' ? 'Enabled' : 'Suspended';
      const VersioningConfiguration = { Status } as const;
      await run('versioning', () =>
        client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration })),
      );
    },
    list: (prefix) => listVersions(client, Bucket, prefix, run),
    restore: async (Key, id) => {
      const CopySource = `${Bucket}/${encodeURIComponent(Key)}?versionId=${encodeURIComponent(id)}`;
      await run(`restore ${Key}`, () =>
        client.send(new CopyObjectCommand({ Bucket, Key, CopySource })),
      );
    },
    delete: async (Key, VersionId) => {
      await run(`delete ${Key}`, () =>
        client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })),
      );
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}

async function* listVersions(
  client: S3Client,
  Bucket: string,
  Prefix: string,
  run: <T>(what: string, action: () => Promise<T>) => Promise<T>,
): AsyncGenerator<ObjectVersion> {
  let of: ObjectVersion[] = [];
  let after: { KeyMarker: string; VersionIdMarker?: string } | null = null;
  do {
    const marker: object = after ?? {};
    const page: ListObjectVersionsCommandOutput = await run(`list versions of ${Prefix}`, () =>
      client.send(new ListObjectVersionsCommand({ Bucket, Prefix, ...marker })),
    );
    // A key's versions may go on in the next page: it is told once it is whole.
    const all = [...of, ...versionsIn(page)].sort(inOrder);
    const { IsTruncated, NextKeyMarker, NextVersionIdMarker } = page;
    const goes_on = IsTruncated === true && NextKeyMarker !== undefined;
    const open = goes_on ? NextKeyMarker : null;
    for (const it of all) if (it.key !== open) yield it;
    of = all.filter((it) => it.key === open);
    const at = NextVersionIdMarker;
    after = goes_on
      ? { KeyMarker: NextKeyMarker, ...(at === undefined ? {} : { VersionIdMarker: at }) }
      : null;
  } while (after !== null);
  yield* of;
}

function versionsIn(page: ListObjectVersionsCommandOutput): ObjectVersion[] {
  const versions = (page.Versions ?? []).map((it) => ({
    ...placeOf(it),
    deleted: false,
    bytes: it.Size ?? 0,
    etag: it.ETag ?? '',
  }));
  const marks = (page.DeleteMarkers ?? []).map((it) => ({
    ...placeOf(it),
    deleted: true,
    bytes: 0,
    etag: '',
  }));
  return [...versions, ...marks];
}

function placeOf(of: SdkVersion | DeleteMarkerEntry) {
  const { Key: key = '', VersionId: version_id = '', IsLatest: latest = false } = of;
  return { key, version_id, latest, modified_ms: of.LastModified?.getTime() ?? 0 };
}

function inOrder(a: ObjectVersion, b: ObjectVersion): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  if (a.latest !== b.latest) return a.latest ? -1 : 1;
  return b.modified_ms - a.modified_ms;
}

/** How stores say that they keep no versions. */
const WITHOUT: readonly string[] = ['NotImplemented', 'VersioningNotConfigured', 'NotSupported'];

function isWithout(cause: unknown): boolean {
  return cause instanceof Error && WITHOUT.includes(cause.name);
}

function withoutVersions({ bucket, endpoint }: S3Config, cause: unknown): SsmdError {
  return new SsmdError(
    'SSMD_UNAVAILABLE',
    `the store at ${endpoint} keeps no versions of the objects of ${bucket}: start it with a place for ` +
      'them (versitygw: posix --versioning-dir FOLDER, as npx ssmd up does), or use a store that has them; ' +
      'nothing of ssmd rests on it: no object is ever overwritten, and days can be rebuilt from RAW',
    { facts: { bucket, endpoint }, cause },
  );
}
