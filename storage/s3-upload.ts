/** Bodies sent to S3 in parts: the store shows nothing of them until they are complete. */
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { CompletedPart, S3Client } from '@aws-sdk/client-s3';
import { SsmdError } from '../schema/errors.ts';
import type { Upload } from './object-store.ts';

/** All parts but the last; S3 takes none below 5 MiB. */
export const PART_BYTES = 8 * 1024 * 1024;
/** What S3 takes of one body: with such parts 78 GiB. */
export const PARTS_MAX = 10_000;

export type UploadOf = {
  readonly bucket: string;
  readonly key: string;
  readonly contentType?: string | undefined;
  /** Puts a body that is smaller than a part, whole. */
  readonly putWhole: (body: Uint8Array) => Promise<unknown>;
  /** Maps errors. */
  readonly run: <T>(what: string, action: () => Promise<T>) => Promise<T>;
};

export function openUpload(client: S3Client, of: UploadOf): Upload {
  const { bucket, key, run } = of;
  const place = { Bucket: bucket, Key: key };
  const parts: CompletedPart[] = [];
  let id: string | undefined;
  let waiting: Uint8Array[] = [];
  let bytes = 0;

  async function send(): Promise<void> {
    if (parts.length === PARTS_MAX) {
      const size = `${PARTS_MAX} parts of ${PART_BYTES} bytes`;
      throw new SsmdError('SSMD_LIMIT', `put ${key}: a body has at most PARTS_MAX: ${size}`);
    }
    const Body = taken();
    id ??= (
      await run(`begin ${key}`, () =>
        client.send(
          new CreateMultipartUploadCommand({
            ...place,
            ...(of.contentType === undefined ? {} : { ContentType: of.contentType }),
          }),
        ),
      )
    ).UploadId;
    const PartNumber = parts.length + 1;
    const ContentMD5 = createHash('md5').update(Body).digest('base64');
    const command = { ...place, UploadId: id, PartNumber, Body, ContentMD5 };
    const answer = await run(`put part ${PartNumber} of ${key}`, () =>
      client.send(new UploadPartCommand(command)),
    );
    parts.push({ PartNumber, ETag: answer.ETag });
  }

  function taken(): Uint8Array {
    const [only = new Uint8Array(0)] = waiting;
    const body = waiting.length === 1 ? only : Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
    return body;
  }

  return {
    async write(some) {
      for (let at = 0; at < some.length;) {
        const piece = some.subarray(at, at + PART_BYTES - bytes);
        // The caller may use its bytes again.
        waiting.push(piece.slice());
        bytes += piece.length;
        at += piece.length;
        if (bytes === PART_BYTES) await send();
      }
    },
    async finish() {
      if (id === undefined && parts.length === 0) {
        await of.putWhole(taken());
        return;
      }
      if (bytes > 0) await send();
      const command = { ...place, UploadId: id, MultipartUpload: { Parts: parts } };
      await run(`complete ${key}`, () => client.send(new CompleteMultipartUploadCommand(command)));
      id = undefined;
    },
    async abort() {
      waiting = [];
      if (id === undefined) return;
      const UploadId = id;
      id = undefined;
      await run(`abort ${key}`, () =>
        client.send(new AbortMultipartUploadCommand({ ...place, UploadId })),
      );
    },
  };
}
