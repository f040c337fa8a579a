/** Receive times for recordings that have none: made up by rule, and marked as such. */
import { EventBuffer } from '../../codec/event-buffer.ts';
import { u64 } from '../../codec/halves.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { dayOf, parseIso } from '../../schema/time.ts';
import { decoderOf } from '../feed.ts';
import type { Feed } from '../feed.ts';

/** `venue`: the venue's own time in each frame. `steps`: a start and an equal step a frame. */
export type TimeFrom =
  | { readonly kind: 'venue' }
  | { readonly kind: 'steps'; readonly start: bigint; readonly step_ns: bigint };

const UNIT_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
};

/** `venue` or `2023-07-30T15:29:58Z+100ms`; null for anything else. */
export function readTimeFrom(text: string): TimeFrom | null {
  if (text === 'venue') return { kind: 'venue' };
  const match = /^(.+)\+(\d{1,12})(ns|us|ms|s|m)$/.exec(text);
  const start = match === null ? null : parseIso(match[1] ?? '');
  const step_ns = BigInt(match?.[2] ?? '0') * (UNIT_NS[match?.[3] ?? ''] ?? 0n);
  return start !== null && step_ns > 0n ? { kind: 'steps', start, step_ns } : null;
}

/** What it takes, for a message. */
export const TIME_FROM_HINT =
  'START is an ISO instant, STEP a whole number of ns, us, ms, s or m, above 0';

/** Why times are bad, in words, for the `_clock` line. */
export function describeTimeFrom(from: TimeFrom): string {
  return from.kind === 'venue'
    ? "recorded without receive times: the venue's own times stand in"
    : `recorded without receive times: one frame each ${from.step_ns} ns stands in`;
}

/** A day by the newest decoder. */
const LATEST = '9999-12-31';

/** What a frame decodes to, for counting, and when the venue says it happened. */
export type FrameReader = {
  /** `bytes[to]` must exist; `t` is when the frame was received, null where nobody says. */
  readonly read: (bytes: Uint8Array, from: number, to: number, t: bigint | null) => EventBuffer;
  /** Of the frame last read: the latest time of its events, or null. */
  readonly venueTime: () => bigint | null;
};

export function createFrameReader(feed: Feed, config: FoldConfig): FrameReader {
  const symbols = createSymbolTable(config.symbols);
  const buffer = new EventBuffer();
  let day: string | null = null;

  function venueTime(): bigint | null {
    let latest = 0n;
    for (let event = 0; event < buffer.count; event++) {
      const t = u64(buffer.ts_hi[event] ?? 0, buffer.ts_lo[event] ?? 0);
      if (t > latest) latest = t;
    }
    return latest === 0n ? null : latest;
  }

  /** Of a day nobody knows yet: by the decoder that finds a time of its own days in the frame. */
  function readUndated(bytes: Uint8Array, from: number, to: number): void {
    for (const { decode } of feed.decoders.toReversed()) {
      decode(bytes, from, to, symbols, buffer);
      const t = venueTime();
      if (t !== null && decoderOf(feed, dayOf(t)) === decode) return;
    }
    decoderOf(feed, LATEST)(bytes, from, to, symbols, buffer);
  }

  return {
    read(bytes, from, to, t) {
      if (t !== null) day = dayOf(t);
      if (day === null) readUndated(bytes, from, to);
      else decoderOf(feed, day)(bytes, from, to, symbols, buffer);
      return buffer;
    },
    venueTime() {
      const latest = venueTime();
      if (latest !== null) day = dayOf(latest);
      return latest;
    },
  };
}
