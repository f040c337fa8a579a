/**
 * Objects in an S3-compatible store. What the SDK does by itself and what we must ask for (each was
 * seen to bite): a request that hangs only warns unless `throwOnRequestTimeout`; three attempts are
 * spent in a tenth of a second, ten last seven; a repeat after a lost acknowledgement answers 412 for
 * our own write, so `exists` and `changed` are questions to the caller, not verdicts.
 *
 * Bodies are sent with their SHA-256, which the server verifies. Reads are not checked here: every
 * object of ours is checked above, against the hash its manifest, inventory or chain holds.
 */
import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { SsmdError } from '../schema/errors.ts';
import type { ListedObject, ObjectStore, StoredObject } from './object-store.ts';
import { openUpload } from './s3-upload.ts';

export type S3Config = {
  /** `http://127.0.0.1:7070`; buckets are addressed by path. */
  readonly endpoint: string;
  readonly region: string;
  /** At least 3 characters. */
  readonly bucket: string;
  readonly access_key_id: string;
  readonly secret_access_key: string;
  /** One attempt's limit; a silent store is given up after it. Default 20,000. */
  readonly request_timeout_ms?: number;
  /** Attempts of one request, backing off between them. Default 10, about 8 s. */
  readonly attempts_max?: number;
};

export type S3ObjectStore = ObjectStore &
  AsyncDisposable & {
    /** Creates the bucket where it is missing. */
    readonly ensureBucket: () => Promise<'created' | 'exists'>;
  };

const REQUEST_TIMEOUT_MS = 20_000;
const CONNECTION_TIMEOUT_MS = 3_000;
const ATTEMPTS_MAX = 10;
/** Sockets kept open to the store; more requests wait for a free one. */
const SOCKETS_MAX = 16;
/** Two conditional writes of one key at once may answer 409: the loser asks again. */
const RACE_ATTEMPTS_MAX = 8;
const RACE_DELAY_MS = 25;
/** A body that breaks off while it is read is asked for again, whole. */
const READ_ATTEMPTS_MAX = 4;

/**
 * Opens a client of one bucket. Fails with `SSMD_UNAVAILABLE` (retryable) where the store does not
 * answer, `SSMD_NOT_FOUND` where the bucket is missing, `SSMD_INVALID_CONFIG` where it refuses us.
 */
export function createS3ObjectStore(config: S3Config): S3ObjectStore {
  const client = openClient(config);
  const bucket = config.bucket;
  const run = <T>(what: string, action: () => Promise<T>): Promise<T> =>
    action().catch((cause: unknown) => {
      throw explained(cause, `${what} in bucket ${bucket} at ${config.endpoint}`);
    });
  const put = (key: string, body: Uint8Array, more: PutOptions): Promise<number> =>
    run(`put ${key}`, () => sendPut(client, { bucket, key, body, ...more }));
  return {
    get: (key, options) => run(`get ${key}`, () => sendGet(client, bucket, key, options?.signal)),
    head: (key) => run(`head ${key}`, () => sendHead(client, bucket, key)),
    putIfAbsent: async (key, body, options) => {
      const status = await put(key, body, { ...options, IfNoneMatch: '*' });
      return status === 412 ? 'exists' : 'created';
    },
    replaceIf: async (key, body, etag) => {
      const status = await put(key, body, { IfMatch: etag });
      return status === 200 ? 'replaced' : 'changed';
    },
    put: async (key, body, options) => {
      await put(key, body, options ?? {});
    },
    upload: (key, options) => {
      const putWhole = (body: Uint8Array): Promise<number> => put(key, body, options ?? {});
      const of = { bucket, key, contentType: options?.contentType, putWhole, run };
      return Promise.resolve(openUpload(client, of));
    },
    delete: async (key) => {
      await run(`delete ${key}`, () =>
        client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })),
      );
    },
    list: (prefix) => listPages(client, bucket, prefix, run),
    ensureBucket: () => run('create', () => ensureBucket(client, bucket)),
    [Symbol.asyncDispose]: () => {
      client.destroy();
      return Promise.resolve();
    },
  };
}

/** A client of the SDK as all of ours are set up. */
export function openClient(config: S3Config): S3Client {
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX };
  return new S3Client({
    endpoint: config.endpoint,
    region: config.region,
    forcePathStyle: true,
    credentials: {
      accessKeyId: config.access_key_id,
      secretAccessKey: config.secret_access_key,
    },
    maxAttempts: config.attempts_max ?? ATTEMPTS_MAX,
    retryMode: 'standard',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: config.request_timeout_ms ?? REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    }),
  });
}

type PutOptions = {
  contentType?: string;
  signal?: AbortSignal;
  IfNoneMatch?: string;
  IfMatch?: string;
};

/** 200, or the status by which a condition failed: 412, or 404 for an If-Match on nothing. */
async function sendPut(
  client: S3Client,
  put: PutOptions & { bucket: string; key: string; body: Uint8Array },
): Promise<number> {
  const conditional = put.IfNoneMatch !== undefined || put.IfMatch !== undefined;
  const command = {
    Bucket: put.bucket,
    Key: put.key,
    Body: put.body,
    ChecksumSHA256: createHash('sha256').update(put.body).digest('base64'),
    ...(put.contentType === undefined ? {} : { ContentType: put.contentType }),
    ...(put.IfNoneMatch === undefined ? {} : { IfNoneMatch: put.IfNoneMatch }),
    ...(put.IfMatch === undefined ? {} : { IfMatch: put.IfMatch }),
  };
  for (let attempt = 1; ; attempt++) {
    try {
      await client.send(new PutObjectCommand(command), abortable(put.signal));
      return 200;
    } catch (error) {
      const status = statusOf(error);
      if (conditional && status === 412) return status;
      const missing = status === 404 && nameOf(error) !== 'NoSuchBucket';
      if (put.IfMatch !== undefined && missing) return status;
      if (!conditional || status !== 409 || attempt === RACE_ATTEMPTS_MAX) throw error;
      await delay(RACE_DELAY_MS * attempt, undefined, abortSignal(put.signal));
    }
  }
}

async function sendGet(
  client: S3Client,
  bucket: string,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredObject | null> {
  for (let attempt = 1; ; attempt++) {
    const answer = await orNull(() =>
      client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), abortable(signal)),
    );
    if (answer === null) return null;
    try {
      const body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array(0);
      if (answer.ContentLength !== undefined && body.length !== answer.ContentLength) {
        throw new Error(
          `body broke off: expected ${answer.ContentLength} bytes, ` + `received ${body.length}`,
        );
      }
      return { body, etag: answer.ETag ?? '' };
    } catch (error) {
      if (signal?.aborted === true || attempt === READ_ATTEMPTS_MAX) throw error;
    }
  }
}

async function sendHead(
  client: S3Client,
  bucket: string,
  key: string,
): Promise<{ bytes: number; etag: string } | null> {
  const answer = await orNull(() =>
    client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
  );
  return answer === null ? null : { bytes: answer.ContentLength ?? 0, etag: answer.ETag ?? '' };
}

/**
 * Pages of up to 1,000 keys in byte order. Readers cut listings at keys, so a store that breaks the
 * order (S3 promises it) is an error, not a surprise later.
 */
async function* listPages(
  client: S3Client,
  bucket: string,
  prefix: string,
  run: <T>(what: string, action: () => Promise<T>) => Promise<T>,
): AsyncGenerator<ListedObject> {
  let token: string | undefined;
  let last = '';
  do {
    const page = await run(`list ${prefix}`, () =>
      client.send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      ),
    );
    for (const item of page.Contents ?? []) {
      const key = item.Key ?? '';
      if (key < last) {
        throw new SsmdError(
          'SSMD_UNAVAILABLE',
          `the store at bucket ${bucket} lists ${key} after ${last}`,
        );
      }
      last = key;
      const modified_ms = item.LastModified?.getTime() ?? 0;
      yield { key, bytes: item.Size ?? 0, etag: item.ETag ?? '', modified_ms };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

async function ensureBucket(client: S3Client, bucket: string): Promise<'created' | 'exists'> {
  const found = await orNull(() => client.send(new HeadBucketCommand({ Bucket: bucket })));
  if (found !== null) return 'exists';
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    return 'created';
  } catch (error) {
    // Two starters at once: the other one made it.
    const known = ['BucketAlreadyOwnedByYou', 'BucketAlreadyExists'];
    if (known.includes(nameOf(error))) return 'exists';
    throw error;
  }
}

/** The answer, or null where the store says 404 of the thing asked for. */
async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    const bucketOnly = nameOf(error) === 'NoSuchBucket';
    if (statusOf(error) === 404 && !bucketOnly) return null;
    throw error;
  }
}

function abortable(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

function abortSignal(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** One SDK error to ours. An abort stays what it is: the caller asked for it. */
export function explained(cause: unknown, what: string): unknown {
  if (cause instanceof SsmdError || nameOf(cause) === 'AbortError') return cause;
  const status = statusOf(cause);
  const said = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  const facts = { status, said };
  if (nameOf(cause) === 'NoSuchBucket') {
    return new SsmdError('SSMD_NOT_FOUND', `${what}: no such bucket`, { facts, cause });
  }
  if (status === 401 || status === 403) {
    const next = 'check the access key of the environment';
    return new SsmdError('SSMD_INVALID_CONFIG', `${what}: refused (${said}); ${next}`, {
      facts,
      cause,
    });
  }
  return new SsmdError('SSMD_UNAVAILABLE', `${what}: ${said}`, { retryable: true, facts, cause });
}

function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return 0;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null) return 0;
  return 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number'
    ? metadata.httpStatusCode
    : 0;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}
