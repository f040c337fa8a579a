/** The plain content of a segment's file, chunk by chunk, whether it is stored plain or as zstd. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createZstdDecompress } from 'node:zlib';
import { SsmdError } from '../../schema/errors.ts';
import { faultOf } from './segment-reader.ts';
import type { RunningHash, SegmentFault } from './segment-reader.ts';
import { zstdFrameEnd } from './zstd-frame.ts';

export type ContentOptions = {
  readonly onChunk: (chunk: Uint8Array) => void;
  /** Asked between chunks: true stops, and what was read so far is all. */
  readonly enough: () => boolean;
  readonly signal: AbortSignal;
};

/** Bytes as stored, and why the zstd frame is not whole (null: it is, or there is none). */
export type Content = { readonly stored_bytes: number; readonly fault: SegmentFault | null };

export function runningSha256(): RunningHash {
  const hash = createHash('sha256');
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => hash.copy().digest('hex'),
  };
}

const CHUNK_BYTES = 256 * 1024;

/** Unpacks a stored segment; nothing but the packed bytes and a chunk is held. */
export async function unpackContent(packed: Uint8Array, options: ContentOptions): Promise<Content> {
  const stored_bytes = packed.length;
  const end = zstdFrameEnd(packed);
  if (end.state === 'foreign') {
    const fault = faultOf('frame', null, 0, 'not a zstd frame');
    const received = stored_bytes === 0 ? 'nothing' : hex(packed.subarray(0, 4));
    return { stored_bytes, fault: { ...fault, expected: '28b52ffd', received } };
  }
  const said = await unpack(packed.subarray(0, end.state === 'whole' ? end.length : undefined), {
    ...options,
    cut: end.state === 'cut',
  });
  if (said !== null) {
    const at = end.state === 'cut' ? stored_bytes : null;
    return { stored_bytes, fault: faultOf('frame', null, at, said) };
  }
  const more = end.state === 'whole' ? stored_bytes - end.length : 0;
  if (more === 0) return { stored_bytes, fault: null };
  const fault = faultOf('frame', null, stored_bytes - more, 'something follows the zstd frame');
  const expected = `${stored_bytes - more} bytes`;
  return { stored_bytes, fault: { ...fault, expected, received: `${stored_bytes} bytes` } };
}

/** Why the frame could not be read to its end, or null. */
function unpack(
  packed: Uint8Array,
  { onChunk, enough, signal, cut }: ContentOptions & { readonly cut: boolean },
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const stream = createZstdDecompress({ chunkSize: CHUNK_BYTES });
    let done = false;
    const settle = (said: string | null): void => {
      if (done) return;
      done = true;
      stream.destroy();
      resolve(said);
    };
    stream.on('data', (chunk: Uint8Array) => {
      if (done) return;
      if (signal.aborted) {
        done = true;
        stream.destroy();
        reject(interrupted());
        return;
      }
      onChunk(chunk);
      if (enough()) settle(null);
    });
    stream.once('error', (error) => {
      settle(cut ? CUT_WORDS : `the zstd frame is damaged: ${error.message}`);
    });
    stream.once('end', () => settle(cut ? CUT_WORDS : null));
    stream.end(packed);
  });
}
const CUT_WORDS = 'the zstd frame is cut: it goes on where the file ends';

/** Reads a plain file; one that grows is read up to where it ends when its end is met. */
async function readPlainFile(path: string, options: ContentOptions): Promise<Content> {
  let stored_bytes = 0;
  const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  for await (const chunk of stream) {
    if (options.signal.aborted) throw interrupted();
    const bytes = chunk as Uint8Array;
    stored_bytes += bytes.length;
    options.onChunk(bytes);
    if (options.enough()) break;
  }
  return { stored_bytes, fault: null };
}

/** A file that is stored as zstd, or plain: its first bytes say which, else its name. */
export async function readFileContent(path: string, options: ContentOptions): Promise<Content> {
  if (!path.endsWith('.zst') && !(await startsAsZstd(path))) return readPlainFile(path, options);
  return unpackContent(new Uint8Array(await readFile(path)), options);
}

async function startsAsZstd(path: string): Promise<boolean> {
  for await (const chunk of createReadStream(path, { end: 3 })) {
    return zstdFrameEnd(chunk as Uint8Array).state !== 'foreign' && (chunk as Buffer).length === 4;
  }
  return false;
}

function interrupted(): SsmdError {
  return new SsmdError('SSMD_INTERRUPTED', 'stopped while reading the log');
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
