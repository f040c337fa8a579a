/**
 * Takes what waits in the queue every two seconds and puts it away: a file for each partition, whole or
 * not at all. A file that cannot be put is tried again while the queue takes what comes; after
 * `WRITE_RETRY_MS_MAX` its frames are given up and counted, and the next ones are tried.
 */
import type { OpenTable } from '../../schema/table.ts';
import type { WholeFiles } from '../../storage/whole-files.ts';
import type { Clock } from '../runtime/clock.ts';
import { batchesOf, fileName } from './partitions.ts';
import type { Batch } from './partitions.ts';
import type { FrameQueue } from './queue.ts';
import { encodeRaw } from './raw-schema.ts';

/** Between the beginnings of two flushes; one that takes longer is followed at once. */
export const FLUSH_INTERVAL_MS = 2_000;
/** A file that could not be put for this long is given up. */
export const WRITE_RETRY_MS_MAX = 30_000;
const RETRY_MS_FIRST = 250;
const RETRY_MS_MAX = 4_000;
/** Files on their way at once. */
export const PUTS_MAX = 8;

export type WriterCounts = {
  readonly frames: number;
  readonly bytes: number;
  readonly files: number;
  /** Attempts that failed, and the frames that were given up for them. */
  readonly failures: number;
  readonly lost: number;
};

export type Writer = {
  readonly start: () => void;
  /** Puts away all that waits, or gives it up within the bound of one file, and ends. */
  readonly close: () => Promise<void>;
  readonly counts: () => WriterCounts;
  /** Why frames were given up; null again after a flush of which nothing was. */
  readonly failure: () => string | null;
};

export type WriterDeps = {
  readonly clock: Clock;
  readonly queue: FrameQueue;
  readonly files: WholeFiles;
  readonly openTable: OpenTable;
  /** Names the process in its files. */
  readonly run: string;
  /** Called when a flush begins, with all that waited; what it returns is called once that is durable. */
  readonly onFlush: () => () => Promise<void>;
  /** A fault of this program: nothing is put away any more. */
  readonly onFault: (error: unknown) => void;
  readonly retry_ms_max?: number;
};

export function createWriter(deps: WriterDeps): Writer {
  const { clock, queue, files, openTable, run, onFlush } = deps;
  const retry_ms_max = deps.retry_ms_max ?? WRITE_RETRY_MS_MAX;
  const counts = { frames: 0, bytes: 0, files: 0, failures: 0, lost: 0 };
  let failure: string | null = null;
  let number = 0;
  let flushing: Promise<void> | null = null;
  let closed = false;
  /** At the end all that waits has the time of one file, not each file its own. */
  let deadline = Infinity;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => void clock.setTimeout(resolve, ms));
  const nowMs = (): number => Number(clock.monoNs() / 1_000_000n);

  async function put(batch: Batch): Promise<boolean> {
    const bytes = await encodeRaw(batch.rows, openTable, () => pause(0));
    const path = `${batch.folder}/${fileName(run, ++number)}`;
    const started = nowMs();
    for (let wait_ms = RETRY_MS_FIRST; ; wait_ms = Math.min(wait_ms * 2, RETRY_MS_MAX)) {
      try {
        await files.put(path, bytes);
        counts.files += 1;
        counts.bytes += bytes.length;
        counts.frames += batch.rows.length;
        return true;
      } catch (error) {
        counts.failures += 1;
        if (nowMs() + wait_ms > Math.min(started + retry_ms_max, deadline)) {
          counts.lost += batch.rows.length;
          failure = error instanceof Error ? error.message : String(error);
          return false;
        }
      }
      await pause(wait_ms);
    }
  }

  async function flush(): Promise<void> {
    const done = onFlush();
    const batches = [...batchesOf(queue.take())];
    if (batches.length === 0) return;
    let whole = true;
    const worker = async (): Promise<void> => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
        const stored = await put(batch);
        whole &&= stored;
        queue.release(batch.rows);
      }
    };
    await Promise.all(Array.from({ length: Math.min(PUTS_MAX, batches.length) }, worker));
    if (!whole) return;
    failure = null;
    await done();
  }

  function loop(): void {
    if (closed) return;
    const started = nowMs();
    flushing = flush().then(() => {
      flushing = null;
      const spent = nowMs() - started;
      if (!closed) clock.setTimeout(loop, Math.max(FLUSH_INTERVAL_MS - spent, 0));
    }, deps.onFault);
  }

  return {
    start: () => void clock.setTimeout(loop, FLUSH_INTERVAL_MS),
    async close() {
      closed = true;
      deadline = nowMs() + retry_ms_max;
      await flushing;
      await flush();
    },
    counts: () => counts,
    failure: () => failure,
  };
}
