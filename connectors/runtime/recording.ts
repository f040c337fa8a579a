/**
 * Reads a recording's file as plain bytes, in chunks: gzip, zstd (any number of frames) or plain,
 * told apart by their first bytes.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { zstdFrameLengths } from './zstd-frames.ts';

const CHUNK_BYTES = 1024 * 1024;

export type Packing = 'gzip' | 'zstd' | 'plain';

/** How a file that begins with these bytes is packed. */
export function detectPacking(head: Uint8Array): Packing {
  const [a, b, c, d] = head;
  if (a === 0x1f && b === 0x8b) return 'gzip';
  const zstd = a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd;
  const skippable = a !== undefined && a >> 4 === 5 && b === 0x2a && c === 0x4d && d === 0x18;
  return zstd || skippable ? 'zstd' : 'plain';
}

/**
 * Plain bytes of a file. `consumed` hears how many bytes of the file itself were read. A file that ends
 * inside its compression yields what there is, then throws.
 */
export async function* readRecording(
  path: string,
  consumed: (bytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const head = new Uint8Array(4);
    const { bytesRead } = await file.read(head, 0, 4, 0);
    const packing = detectPacking(head.subarray(0, bytesRead));
    if (packing === 'zstd') {
      yield* unzstd(file, consumed);
    } else {
      const raw = Readable.from(chunksOf(file, 0, Number.MAX_SAFE_INTEGER, consumed));
      yield* packing === 'plain' ? raw : raw.pipe(forwardErrors(raw, createGunzip()));
    }
  } finally {
    await file.close();
  }
}

/** Node's decompressor ends without a word after a first frame, so frames are fed one by one. */
async function* unzstd(
  file: FileHandle,
  consumed: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let start = 0;
  for await (const { length, skippable } of zstdFrameLengths(file)) {
    if (skippable) {
      consumed(length);
    } else {
      const raw = Readable.from(chunksOf(file, start, start + length, consumed));
      yield* raw.pipe(forwardErrors(raw, createZstdDecompress()));
    }
    start += length;
  }
}

async function* chunksOf(
  file: FileHandle,
  start: number,
  end: number,
  consumed: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end;) {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, end - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    consumed(bytesRead);
    yield chunk.subarray(0, bytesRead);
  }
}

/** A fault of the file itself must end the reading of what is made of it. */
function forwardErrors<T extends NodeJS.ReadWriteStream & { destroy: (error: Error) => unknown }>(
  from: Readable,
  to: T,
): T {
  from.once('error', (error) => to.destroy(error));
  return to;
}
