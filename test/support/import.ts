/** Imports into a memory store, and reads back what is there. */
import { createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { LineCursor, LogLine, parseLogLine } from '../../codec/log-line.ts';
import { checkSegment } from '../../codec/segment-check.ts';
import type { SegmentCheck } from '../../codec/segment-check.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { importRecording } from '../../connectors/runtime/import.ts';
import type { ImportOptions, ImportReport, Reject } from '../../connectors/runtime/import.ts';
import type { FactKey, Facts, Inventory } from '../../schema/log.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

export type ReadLine =
  | { readonly t: bigint; readonly key: FactKey; readonly fact: Facts[FactKey] }
  | { readonly t: bigint; readonly c: number; readonly frame: string };

export type Imported = {
  readonly report: ImportReport;
  readonly rejects: readonly Reject[];
  readonly segments: readonly { readonly key: string; readonly check: SegmentCheck }[];
  readonly lines: readonly ReadLine[];
  readonly inventories: readonly Inventory[];
};

export async function importChunks(
  options: Pick<ImportOptions, 'feed' | 'config' | 'chunks' | 'time_from'> & Partial<ImportOptions>,
  store: ObjectStore = createMemoryObjectStore(),
): Promise<Imported> {
  const rejects: Reject[] = [];
  const report = await importRecording({
    source: 'recording',
    format: null,
    store,
    software: { connector_version: '0', connector_commit: '0', connector_build: '0' },
    host: 'test',
    clock: systemClock(),
    random: () => 0.5,
    reject: (reject) => void rejects.push(reject),
    ...options,
  });
  return { report, rejects, ...(await readBack(store)) };
}

async function readBack(
  store: ObjectStore,
): Promise<Pick<Imported, 'segments' | 'lines' | 'inventories'>> {
  const plain: { key: string; bytes: Uint8Array; check: SegmentCheck }[] = [];
  const inventories: Inventory[] = [];
  for await (const { key } of store.list('raw/')) {
    const body = (await store.get(key))?.body ?? new Uint8Array(0);
    if (key.endsWith('.json')) {
      inventories.push(JSON.parse(new TextDecoder().decode(body)) as Inventory);
      continue;
    }
    const bytes = new Uint8Array(zstdDecompressSync(body));
    plain.push({ key, bytes, check: checkSegment(bytes, sha256) });
  }
  const first = (check: SegmentCheck): bigint => check.first ?? 0n;
  plain.sort((a, b) => (first(a.check) < first(b.check) ? -1 : 1));
  return {
    segments: plain.map(({ key, check }) => ({ key, check })),
    lines: plain.flatMap(({ bytes }) => linesOf(bytes)),
    inventories,
  };
}

function linesOf(bytes: Uint8Array): ReadLine[] {
  const cursor = new LineCursor(bytes);
  const line = new LogLine();
  const lines: ReadLine[] = [];
  while (cursor.next()) {
    parseLogLine(bytes, cursor.start, cursor.end, line);
    const { t, c, key, fact } = line;
    if (key !== null && fact !== null) lines.push({ t, key, fact });
    if (line.kind !== 'frame') continue;
    lines.push({ t, c, frame: Buffer.from(line.bytes.subarray(line.from, line.to)).toString() });
  }
  return lines;
}

/** A text as a file would come, in chunks of a size. */
export async function* chunksOf(text: string, size = 1 << 20): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
