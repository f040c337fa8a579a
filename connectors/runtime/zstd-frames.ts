/** Where the frames of a zstd file lie (RFC 8878 §3.1), by their headers alone. */
import type { FileHandle } from 'node:fs/promises';

export type ZstdFrame = { readonly length: number; readonly skippable: boolean };

const MAGIC = 0xfd2fb528;
const SKIPPABLE_LOW = 0x184d2a50;
const RLE_BLOCK = 1;
const HEADER_BYTES_MAX = 18;

/**
 * Lengths of the frames in order. Of a file that is cut, the last frame is as long as what is left of
 * it; what is no frame at all is given as one too, for the decompressor to refuse.
 */
export async function* zstdFrameLengths(file: FileHandle): AsyncGenerator<ZstdFrame> {
  const { size } = await file.stat();
  for (let start = 0; start < size;) {
    const head = await bytesAt(file, start, HEADER_BYTES_MAX);
    const magic = head.length < 4 ? 0 : head.getUint32(0);
    const skippable = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_LOW && head.length >= 8;
    const whole = skippable
      ? start + 8 + head.getUint32(4)
      : magic === MAGIC
        ? await endOfFrame(file, start, head)
        : size;
    const end = Math.min(whole, size);
    yield { length: end - start, skippable };
    start = end;
  }
}

async function endOfFrame(file: FileHandle, start: number, head: LittleEndian): Promise<number> {
  const descriptor = head.length > 4 ? head.getUint8(4) : 0;
  const single = (descriptor & 0x20) !== 0;
  const size_flag = descriptor >> 6;
  const size_bytes = size_flag === 0 ? (single ? 1 : 0) : 1 << size_flag;
  const dictionary_bytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  let at = start + 5 + (single ? 0 : 1) + dictionary_bytes + size_bytes;
  for (;;) {
    const block = await bytesAt(file, at, 3);
    if (block.length < 3) return at + 3;
    const header = block.getUint8(0) | (block.getUint8(1) << 8) | (block.getUint8(2) << 16);
    at += 3 + (((header >> 1) & 3) === RLE_BLOCK ? 1 : header >> 3);
    if ((header & 1) === 1) break;
  }
  return at + ((descriptor & 4) === 0 ? 0 : 4);
}

/** A few bytes of a file, read as little-endian integers. */
type LittleEndian = {
  readonly length: number;
  readonly getUint8: (at: number) => number;
  readonly getUint32: (at: number) => number;
};

async function bytesAt(file: FileHandle, at: number, length: number): Promise<LittleEndian> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, at);
  const view = new DataView(bytes.buffer, 0, bytesRead);
  return {
    length: bytesRead,
    getUint8: (offset) => view.getUint8(offset),
    getUint32: (offset) => view.getUint32(offset, true),
  };
}
