/**
 * The skew of one connector's messages over the last `SKEW_WINDOW_MS`: slots that take turns, each a
 * histogram with fixed buckets. One message a line is measured, and costs one bucket.
 */
import type { EventArena } from '../../codec/event-arena.ts';
import { EVENT, ROOT_BYTES } from '../../codec/md2-layout.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import {
  addSkew,
  clearSkew,
  createSkewTally,
  mergeSkew,
  summarizeSkew,
  trendOf,
} from '../../qa/skew.ts';
import type { SkewPoint, SkewSummary, SkewTally, SkewTrend } from '../../qa/skew.ts';

export const SKEW_SLOT_MS = 30_000;
export const SKEW_SLOTS = 20;
/** Ten minutes. */
export const SKEW_WINDOW_MS = SKEW_SLOT_MS * SKEW_SLOTS;

export type SkewWindow = {
  /** Measures what a line yielded: the first event that is of now. */
  readonly observe: (out: EventArena, now_ms: number) => void;
  readonly add: (skew_us: number, now_ms: number) => void;
  /** Of the window that ends now; null where nothing came. */
  readonly summary: (now_ms: number) => SkewSummary | null;
  readonly trend: (now_ms: number) => SkewTrend;
  /** Messages of the window whose venue time is further off than `SKEW_US_MAX`. */
  readonly beyond: (now_ms: number) => number;
};

/** What a venue states of a moment that is long over: bars by their beginning, reference data, our own. */
const OF_NOW = new Set([
  TYPE_CODE.trade,
  TYPE_CODE.quote,
  TYPE_CODE.book,
  TYPE_CODE.ticker,
  TYPE_CODE.mark,
  TYPE_CODE.liquidation,
]);
const NOT_OF_NOW = FLAG.SNAPSHOT | FLAG.HISTORY | FLAG.BAD_TS_RECV;
const TS_EVENT_AT = ROOT_BYTES + EVENT.ts_event_64 * 8;
const FLAGS_AT = ROOT_BYTES + EVENT.flags_32 * 4;

/** `now_ms` of every call is of one clock that never goes back. */
export function createSkewWindow(): SkewWindow {
  const slots: { tally: SkewTally; of: number }[] = [];
  for (let at = 0; at < SKEW_SLOTS; at++) slots.push({ tally: createSkewTally(), of: -1 });
  let bytes: Uint8Array | null = null;
  let view: DataView = new DataView(new ArrayBuffer(0));

  function slotOf(now_ms: number): SkewTally {
    const of = Math.floor(now_ms / SKEW_SLOT_MS);
    const slot = slots[of % SKEW_SLOTS] as (typeof slots)[number];
    if (slot.of !== of) {
      clearSkew(slot.tally);
      slot.of = of;
    }
    return slot.tally;
  }

  /** Slots of the window that ends now, the oldest first. */
  function recent(now_ms: number): { readonly tally: SkewTally; readonly of: number }[] {
    const last = Math.floor(now_ms / SKEW_SLOT_MS);
    return slots
      .filter(({ of }) => of > last - SKEW_SLOTS && of <= last && of >= 0)
      .toSorted((a, b) => a.of - b.of);
  }

  return {
    add: (skew_us, now_ms) => addSkew(slotOf(now_ms), skew_us),
    observe(out, now_ms) {
      for (let event = 0; event < out.count; event++) {
        if (!OF_NOW.has(out.type[event] as number)) continue;
        if (bytes !== out.bytes) {
          bytes = out.bytes;
          view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        }
        const at = out.offset[event] as number;
        if ((view.getUint32(at + FLAGS_AT, true) & NOT_OF_NOW) !== 0) continue;
        const ts_event = view.getBigUint64(at + TS_EVENT_AT, true);
        if (ts_event === 0n) continue;
        addSkew(slotOf(now_ms), Number((out.t[event] as bigint) - ts_event) / 1_000);
        return;
      }
    },
    summary(now_ms) {
      const all = createSkewTally();
      for (const { tally } of recent(now_ms)) mergeSkew(all, tally);
      return summarizeSkew(all);
    },
    beyond: (now_ms) => recent(now_ms).reduce((sum, { tally }) => sum + tally.beyond, 0),
    trend(now_ms) {
      const points: SkewPoint[] = [];
      for (const { tally, of } of recent(now_ms)) {
        const told = summarizeSkew(tally);
        if (told !== null) points.push({ at_s: (of * SKEW_SLOT_MS) / 1_000, p50_us: told.p50_us });
      }
      return trendOf(points);
    },
  };
}
