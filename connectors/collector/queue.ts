/**
 * Between the sockets and the writer: bounded by frames and by bytes, and it never makes a socket wait.
 * What has no room is refused, and its caller counts it. Frames count until they are durable or given up.
 */
import type { RawRow } from './raw-schema.ts';

export type QueueLimits = { readonly frames_max: number; readonly bytes_max: number };
/** At 10,000 frames a second twenty seconds of a store that does not answer. */
export const QUEUE_LIMITS: QueueLimits = { frames_max: 200_000, bytes_max: 256 * 1024 * 1024 };
/** What a frame takes beside its payload, about. */
const FRAME_BYTES = 256;

export type FrameQueue = {
  /** False where there is no room: the frame is not in it. */
  readonly offer: (row: RawRow) => boolean;
  /** All that wait, in order; they take room until they are released. */
  readonly take: () => readonly RawRow[];
  readonly release: (rows: readonly RawRow[]) => void;
  /** Frames and bytes in it, and the fuller of the two bounds' shares, 0..1. */
  readonly usage: () => { readonly frames: number; readonly bytes: number; readonly ratio: number };
};

export function createFrameQueue({ frames_max, bytes_max }: QueueLimits): FrameQueue {
  let waiting: RawRow[] = [];
  let frames = 0;
  let bytes = 0;
  const sizeOf = (row: RawRow): number => row.payload.length + FRAME_BYTES;
  return {
    offer(row) {
      const size = sizeOf(row);
      if (frames + 1 > frames_max || bytes + size > bytes_max) return false;
      waiting.push(row);
      frames += 1;
      bytes += size;
      return true;
    },
    take() {
      const taken = waiting;
      waiting = [];
      return taken;
    },
    release(rows) {
      frames -= rows.length;
      for (const row of rows) bytes -= sizeOf(row);
    },
    usage: () => ({ frames, bytes, ratio: Math.max(frames / frames_max, bytes / bytes_max) }),
  };
}
