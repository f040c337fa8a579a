/** Node's zstd as the cores take it: any length, frames of other writers, and frames that lie. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { SsmdError } from '../../schema/errors.ts';
import { PLAIN_BYTES_MAX, zstd } from '../../storage/zstd.ts';
import { hold } from '../support/property.ts';

/** Around the lengths at which a frame's head changes its form, and at which chunks end. */
const LENGTHS = [0, 1, 255, 256, 257, 65_535, 65_536, 65_791, 65_792, 65_793, 300_000];

function bytesOf(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (Math.imul(at, 2_654_435_761) >>> 13) & 0x3f;
  return bytes;
}

const corrupt = (error: unknown): boolean =>
  error instanceof SsmdError && error.code === 'SSMD_CORRUPT';

test('what is packed is unpacked, of any length', () => {
  for (const length of LENGTHS) {
    const plain = bytesOf(length);
    assert.deepEqual(zstd.decompress(zstd.compress(plain)), plain, `${length} bytes`);
  }
  hold(
    fc.property(fc.uint8Array({ maxLength: 4_000 }), (plain) => {
      assert.deepEqual(zstd.decompress(zstd.compress(plain)), plain);
    }),
    200,
  );
});

test('frames of other writers: no length told, and every form of telling it', async () => {
  for (const length of LENGTHS) {
    const plain = bytesOf(length);
    const stream = createZstdCompress();
    stream.end(plain);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.deepEqual(zstd.decompress(Buffer.concat(chunks)), plain, `${length}, untold`);
    for (const told of [0, 1]) {
      const params = {
        [constants.ZSTD_c_contentSizeFlag]: told,
        [constants.ZSTD_c_checksumFlag]: told,
      };
      const packed = zstdCompressSync(plain, { params, pledgedSrcSize: length });
      assert.deepEqual(zstd.decompress(packed), plain, `${length}, told ${told}`);
    }
  }
});

test('a frame that is cut, changed, or says that it holds a lot, is corrupt', () => {
  const packed = zstd.compress(bytesOf(70_000));
  for (const end of [0, 1, 4, 5, 8, packed.length - 5, packed.length - 1])
    assert.throws(() => zstd.decompress(packed.subarray(0, end)), corrupt, `cut at ${end}`);
  const changed = packed.slice();
  changed[packed.length >> 1] = (changed[packed.length >> 1] ?? 0) ^ 1;
  assert.throws(() => zstd.decompress(changed), corrupt);
  // Eight bytes that say how long it is: more than is taken for any frame.
  const head = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, ...[0, 0, 0, 0, 0, 0, 0, 0x10], 0x01, 0x00, 0x00];
  const before = process.memoryUsage().arrayBuffers;
  assert.throws(() => zstd.decompress(Uint8Array.from(head)), corrupt);
  assert.ok(process.memoryUsage().arrayBuffers - before < PLAIN_BYTES_MAX / 2);
});
