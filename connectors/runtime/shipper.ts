/**
 * Ships closed segments: one zstd frame each, put where nothing is. What is there already and equal is
 * our own earlier put; what is there and differs is kept beside it and reported. It tries for ever,
 * since the file stays on disk until it is uploaded and published past (`release`).
 */
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { rawConflictKey } from '../../dataset/keys.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { ZSTD_LEVEL } from '../../storage/zstd.ts';
import type { Clock } from './clock.ts';
import { segmentKey } from './inventory.ts';
import { nodeFiles } from './log-files.ts';
import type { LogFiles } from './log-files.ts';
import type { ClosedSegment } from './log-writer.ts';
import { backoffMs } from './subscriptions.ts';

/** Segments in flight at once. */
export const SHIPMENTS_MAX = 4;
/** Plain bytes a stored segment is unpacked to at most, when one has to be compared. */
const PLAIN_BYTES_MAX = 2 ** 31 - 1;

export type ShipperReport =
  | {
      readonly type: 'shipped';
      readonly key: string;
      readonly bytes: number;
      readonly plain_bytes: number;
    }
  | {
      readonly type: 'retry';
      readonly key: string;
      readonly attempt: number;
      readonly error: string;
    }
  | { readonly type: 'lost'; readonly key: string; readonly error: string }
  | { readonly type: 'conflict'; readonly key: string; readonly kept_as: string };

/** `lost`: its file went away before it was in the store; nobody can bring it there. */
export type Shipment = 'shipped' | 'lost';

export type ShipOptions = {
  readonly before?: () => Promise<void>;
  readonly disputed?: boolean;
};

export type Shipper = {
  /**
   * Takes a segment whose file is complete. Resolves when it is in the store, or can never be;
   * rejects on `stop`. `before` is tried, like the rest, until it succeeds: nothing goes from this
   * host without it. `disputed`: its name is another's, it is kept beside what that one ships.
   */
  readonly ship: (segment: ClosedSegment, options?: ShipOptions) => Promise<Shipment>;
  /** Everything up to and including `t` is published: files uploaded up to there may go. */
  readonly release: (t: bigint) => void;
  /** Resolves once all segments taken so far are in the store. */
  readonly idle: () => Promise<void>;
  /** Gives up what is in flight; the files stay for the next start. */
  readonly stop: () => void;
  /** Segments not yet in the store. */
  readonly pending: () => number;
  /** Plain bytes of the segment files still on disk. */
  readonly localBytes: () => number;
};

/** The form segments have in the store: one zstd frame each. */
export type SegmentPacking = {
  readonly pack: (plain: Uint8Array) => Promise<Uint8Array>;
  /** Rejects where the bytes are no whole frame. */
  readonly unpack: (packed: Uint8Array) => Promise<Uint8Array>;
};

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Node's zstd, on its own threads. */
export const zstdPacking: SegmentPacking = {
  pack: (plain) =>
    compress(plain, {
      params: {
        [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
      pledgedSrcSize: plain.length,
    }),
  unpack: (packed) => decompress(packed, { maxOutputLength: PLAIN_BYTES_MAX }),
};

export function createShipper(deps: {
  readonly store: ObjectStore;
  /** Times retries; the real clock also where the log runs on a virtual one. */
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: (report: ShipperReport) => void;
  /** Where the segments lie: this host's own where left out. */
  readonly files?: LogFiles;
  readonly packing?: SegmentPacking;
}): Shipper {
  const { store, clock, random, report, files = nodeFiles, packing = zstdPacking } = deps;
  const waiting: (() => void)[] = [];
  const unreleased: ClosedSegment[] = [];
  const stopping = new AbortController();
  const open = new Set<Promise<Shipment>>();
  let running = 0;
  let released = 0n;
  let local_bytes = 0;

  async function slot(): Promise<void> {
    if (running < SHIPMENTS_MAX) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function freeSlot(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  function pause(delay_ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.setTimeout(done, delay_ms);
      function done(): void {
        clock.clearTimeout(timer);
        stopping.signal.removeEventListener('abort', done);
        resolve();
      }
      stopping.signal.addEventListener('abort', done);
    });
  }

  async function put(segment: ClosedSegment, disputed: boolean): Promise<void> {
    const key = segmentKey(segment);
    const plain = await files.readWhole(segment.path);
    if (plain === null) throw new Error(`${segment.path} is gone before it was shipped`);
    const packed = await packing.pack(plain);
    const options = { contentType: 'application/zstd', signal: stopping.signal };
    const taken = disputed || (await store.putIfAbsent(key, packed, options)) === 'exists';
    const stored = taken && !disputed ? await store.get(key) : null;
    if (taken && (stored === null || !(await holds(packing, stored.body, segment.sha256)))) {
      const kept_as = rawConflictKey({ ...segment, t: BigInt(segment.first) }, segment.sha256);
      await store.putIfAbsent(kept_as, packed, options);
      report({ type: 'conflict', key, kept_as });
    }
    report({ type: 'shipped', key, bytes: packed.length, plain_bytes: plain.length });
  }

  /** A file that cannot be read may be readable later; one that is not there never will be. */
  async function isGone(path: string): Promise<boolean> {
    return (await files.readWhole(path).catch(() => undefined)) === null;
  }

  async function shipOne(
    segment: ClosedSegment,
    { before, disputed = false }: ShipOptions,
  ): Promise<Shipment> {
    await slot();
    try {
      for (let attempt = 1; ; attempt++) {
        stopping.signal.throwIfAborted();
        try {
          await before?.();
          await put(segment, disputed);
          break;
        } catch (error) {
          if (stopping.signal.aborted) throw error;
          if (await isGone(segment.path)) {
            local_bytes -= segment.bytes;
            report({ type: 'lost', key: segmentKey(segment), error: String(error) });
            return 'lost';
          }
          report({ type: 'retry', key: segmentKey(segment), attempt, error: String(error) });
        }
        await pause(backoffMs(attempt, null, random()));
      }
    } finally {
      freeSlot();
    }
    unreleased.push(segment);
    await removeReleased().catch(reportLocal);
    return 'shipped';
  }

  async function removeReleased(): Promise<void> {
    const going = unreleased.filter((segment) => BigInt(segment.last) <= released);
    for (const segment of going) unreleased.splice(unreleased.indexOf(segment), 1);
    for (const segment of going) {
      await files.remove(segment.path);
      local_bytes -= segment.bytes;
    }
  }

  /** It is in the store all the same: the file goes with the epoch's directory. */
  function reportLocal(error: unknown): void {
    report({ type: 'retry', key: 'local file', attempt: 1, error: String(error) });
  }

  return {
    ship(segment, options = {}) {
      local_bytes += segment.bytes;
      const shipment = shipOne(segment, options);
      open.add(shipment);
      const forget = (): void => void open.delete(shipment);
      shipment.then(forget, forget);
      return shipment;
    },
    release(t) {
      if (t <= released) return;
      released = t;
      void removeReleased().catch(reportLocal);
    },
    async idle() {
      while (open.size > 0) await Promise.allSettled([...open]);
    },
    stop: () => stopping.abort(),
    pending: () => open.size,
    localBytes: () => local_bytes,
  };
}

async function holds(
  packing: SegmentPacking,
  packed: Uint8Array,
  sha256: string,
): Promise<boolean> {
  try {
    return sha256Hex(await packing.unpack(packed)) === sha256;
  } catch {
    return false;
  }
}

export function sha256Hex(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
