/**
 * Looks how full the bus's stream is. Above its bytes the server drops the oldest messages, which the
 * archive then has to take from RAW: half full is the time to say so.
 */
import type { StreamBounds } from '../../bus/bus.ts';
import type { Clock } from './clock.ts';

export type StreamUsage = Pick<StreamBounds, 'bytes' | 'max_bytes'>;

/** How often the stream is looked at. */
export const STREAM_LOOK_MS = 60_000;
/** A stream fuller than this share is an alarm. */
export const STREAM_RATIO_MAX = 0.5;

export type StreamWatch = {
  /** Once a second or so. */
  readonly tick: () => void;
  /** Share of the stream's bytes in use; null where it is not known, or there is no bound. */
  readonly ratio: () => number | null;
};

/** `alarm` is called once each time the stream becomes more than half full. */
export function createStreamWatch(deps: {
  readonly clock: Clock;
  readonly usage: () => Promise<StreamUsage>;
  readonly alarm: (usage: StreamUsage) => void;
}): StreamWatch {
  const { clock, usage, alarm } = deps;
  let next_ns = clock.monoNs();
  let looking = false;
  let ratio: number | null = null;
  let alarmed = false;

  async function look(): Promise<void> {
    try {
      const now = await usage();
      ratio = now.max_bytes === null ? null : now.bytes / now.max_bytes;
      const full = ratio !== null && ratio > STREAM_RATIO_MAX;
      if (full && !alarmed) alarm(now);
      alarmed = full;
    } catch {
      // The bus is away, which its publisher tells; nothing is known of the stream.
      ratio = null;
    } finally {
      looking = false;
    }
  }

  return {
    tick() {
      if (looking || clock.monoNs() < next_ns) return;
      next_ns = clock.monoNs() + BigInt(STREAM_LOOK_MS) * 1_000_000n;
      looking = true;
      void look();
    },
    ratio: () => ratio,
  };
}
