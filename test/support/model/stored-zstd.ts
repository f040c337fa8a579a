/**
 * Zstandard frames that hold their content as it is (RFC 8878, raw blocks): valid for every reader, and
 * free of a compressor's cost where thousands of small days are archived.
 */
import type { Zstd } from '../../../storage/zstd.ts';
import { SsmdError } from '../../../schema/errors.ts';

const MAGIC = 0xfd2fb528;
/** Single segment, content size in four bytes, no checksum. */
const DESCRIPTOR = 0xa0;
const HEAD_BYTES = 9;
const BLOCK_BYTES_MAX = 128 * 1024;

export const storedZstd: Zstd = {
  compress(plain) {
    const blocks = Math.max(1, Math.ceil(plain.length / BLOCK_BYTES_MAX));
    const packed = new Uint8Array(HEAD_BYTES + 3 * blocks + plain.length);
    const view = new DataView(packed.buffer);
    view.setUint32(0, MAGIC, true);
    packed[4] = DESCRIPTOR;
    view.setUint32(5, plain.length, true);
    let at = HEAD_BYTES;
    for (let block = 0; block < blocks; block++) {
      const part = plain.subarray(block * BLOCK_BYTES_MAX, (block + 1) * BLOCK_BYTES_MAX);
      const head = (part.length << 3) | (block === blocks - 1 ? 1 : 0);
      packed[at] = head & 0xff;
      packed[at + 1] = (head >> 8) & 0xff;
      packed[at + 2] = head >> 16;
      packed.set(part, at + 3);
      at += 3 + part.length;
    }
    return packed;
  },
  decompress(packed) {
    const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
    if (packed.length < HEAD_BYTES + 3 || view.getUint32(0, true) !== MAGIC) throw broken();
    const plain = new Uint8Array(view.getUint32(5, true));
    let from = HEAD_BYTES;
    let at = 0;
    for (let last = false; !last;) {
      if (from + 3 > packed.length) throw broken();
      const head = view.getUint16(from, true) | ((packed[from + 2] as number) << 16);
      const length = head >> 3;
      last = (head & 1) === 1;
      if ((head & 6) !== 0 || from + 3 + length > packed.length) throw broken();
      plain.set(packed.subarray(from + 3, from + 3 + length), at);
      at += length;
      from += 3 + length;
    }
    if (at !== plain.length) throw broken();
    return plain;
  },
};

function broken(): SsmdError {
  return new SsmdError('SSMD_CORRUPT', 'not a whole frame of stored blocks');
}
