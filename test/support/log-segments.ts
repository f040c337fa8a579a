/** Two small segments of one epoch, written by the real log writer, and readers to judge them with. */
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { createSegmentsReader } from '../../cli/log/read.ts';
import type { ReadSegment } from '../../cli/log/read.ts';
import { runningSha256 } from '../../cli/log/content.ts';
import { SegmentReader } from '../../cli/log/segment-reader.ts';
import type { SegmentFault, SegmentVisitor } from '../../cli/log/segment-reader.ts';
import { bucketSource } from '../../cli/log/sources.ts';
import { unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { openLog } from '../../connectors/runtime/log-writer.ts';
import { rawSegmentKey } from '../../dataset/keys.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { sampleCapture } from './log.ts';
import { scratchDirectory } from './runtime.ts';

/** 2025-11-21 00:00 UTC. */
export const LOG_START = 1_763_683_200_000_000_000n;
const { format: _f, segment: _s, previous_sha256: _p, ...capture } = sampleCapture;

export type TwoSegments = {
  readonly keys: [string, string];
  readonly plain: [Uint8Array, Uint8Array];
};

/** Frames of every form, and facts, in two minutes. */
export function writeTwoSegments(t: TestContext): TwoSegments {
  const dir = scratchDirectory(t);
  const log = openLog({ dir, capture: () => capture, files: unsyncedFiles });
  const paths: string[] = [];
  log.onSegmentClosed(({ path }) => paths.push(path));
  const put = (at: bigint, c: number, bytes: Uint8Array): void => {
    log.frame(at, c, bytes, 0, bytes.length);
  };
  for (const minute of [LOG_START, LOG_START + NS_PER_MINUTE]) {
    log.fact(minute + 1n, '_open', { c: 1, url: 'wss://venue/v2', day: '2025-11-21' });
    log.fact(minute + 2n, '_sent', { c: 1, text: '{"method":"subscribe","é":1}' });
    put(minute + 3n, 1, Buffer.from('{"channel":"heartbeat"}'));
    put(minute + 4n, 2, Buffer.from('no json'));
    put(minute + 5n, 1, Uint8Array.of(0xff, 0xfe, 0x41));
  }
  log.close();
  const [first = '', second = ''] = paths;
  const keyOf = (at: bigint): string => rawSegmentKey({ ...capture, t: at });
  return {
    keys: [keyOf(LOG_START), keyOf(LOG_START + NS_PER_MINUTE)],
    plain: [new Uint8Array(readFileSync(first)), new Uint8Array(readFileSync(second))],
  };
}

/** What a plain content has wrong by itself; handed over in chunks of `chunk` bytes. */
export function judge(
  plain: Uint8Array,
  options: {
    readonly chunk?: number;
    readonly visitor?: SegmentVisitor;
    readonly growing?: boolean;
  } = {},
): SegmentReader {
  const reader = new SegmentReader(runningSha256(), options.visitor ?? {});
  const { chunk = Math.max(plain.length, 1) } = options;
  for (let at = 0; at < plain.length; at += chunk) reader.push(plain.subarray(at, at + chunk));
  reader.finish(null, options.growing === true);
  return reader;
}

export function kindsOf(faults: readonly SegmentFault[]): string[] {
  return [...new Set(faults.map(({ kind }) => kind))];
}

/** Verifies keys of a bucket in order, as the command does. */
export async function verifyKeys(
  store: ObjectStore,
  keys: readonly string[],
): Promise<readonly ReadSegment[]> {
  const segments = createSegmentsReader();
  const read: ReadSegment[] = [];
  for (const key of keys) {
    const source = bucketSource({ name: 'raw', store }, key);
    const { signal } = new AbortController();
    read.push(await segments.read(source, { visitor: {}, signal, fetch_before: true }));
  }
  return read;
}
