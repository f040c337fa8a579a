/**
 * How the lines of a day were captured: where, and how well the clock was kept, as the headers of their
 * segments say. Spans of minutes in a manifest, and what a filter by them lets through.
 */
import type { ClockSource, ClockStatus } from '../schema/clock.ts';
import { NS_PER_MINUTE } from '../schema/time.ts';
import type { SegmentSurvey } from './segment-survey.ts';

/** Lines of a shard's day with `t` in `[from, to)`, of one epoch, captured alike. Instants as text. */
export type CaptureSpan = {
  readonly shard: string;
  readonly epoch: number;
  readonly from: string;
  readonly to: string;
  readonly location_id: string;
  readonly clock_source: ClockSource;
  readonly clock_sync_status: ClockStatus;
  /** Over the span's headers; null where none said. */
  readonly clock_offset_us_min: number | null;
  readonly clock_offset_us_max: number | null;
};

/** What a day is made of, of one shard: each epoch's part, with the segments it is in. */
type Planned = {
  readonly shard: string;
  readonly intervals: readonly {
    readonly epoch: number;
    readonly from: bigint;
    readonly until: bigint;
    readonly segments: readonly Pick<SegmentSurvey, 'id' | 'capture'>[];
  }[];
};

/** By shard, then in order of time. A segment without a header says nothing of its minute. */
export function captureSpans(plans: readonly Planned[]): CaptureSpan[] {
  return plans
    .toSorted((a, b) => (a.shard < b.shard ? -1 : 1))
    .flatMap(({ shard, intervals }) => {
      const spans: CaptureSpan[] = [];
      for (const { epoch, from, until, segments } of intervals) {
        for (const { id, capture } of segments) {
          const begins = id.t > from ? id.t : from;
          const ends = id.t + NS_PER_MINUTE < until ? id.t + NS_PER_MINUTE : until;
          // Segments before the interval warm its fold up; nothing of them is in the day.
          if (capture === null || begins >= ends) continue;
          const { location_id, clock_source, clock_sync_status, clock_offset_us: us } = capture;
          const offsets = { clock_offset_us_min: us, clock_offset_us_max: us };
          const alike = { shard, epoch, location_id, clock_source, clock_sync_status };
          add(spans, { ...alike, from: `${begins}`, to: `${ends}`, ...offsets });
        }
      }
      return spans;
    });
}

/** A quiet minute has no segment, and no line that could be asked about: alike spans run through it. */
function add(spans: CaptureSpan[], next: CaptureSpan): void {
  const last = spans.at(-1);
  const alike =
    last?.epoch === next.epoch &&
    last.location_id === next.location_id &&
    last.clock_source === next.clock_source &&
    last.clock_sync_status === next.clock_sync_status;
  if (!alike) return void spans.push(next);
  const least = [last.clock_offset_us_min, next.clock_offset_us_min].filter((us) => us !== null);
  const most = [last.clock_offset_us_max, next.clock_offset_us_max].filter((us) => us !== null);
  spans[spans.length - 1] = {
    ...last,
    to: next.to,
    clock_offset_us_min: least.length === 0 ? null : Math.min(...least),
    clock_offset_us_max: most.length === 0 ? null : Math.max(...most),
  };
}

/** Which span a line lies in; null where none is known. Asked in order of `t`, it takes no search. */
export function captureLookup(
  spans: readonly CaptureSpan[],
): (shard: string, t: bigint) => CaptureSpan | null {
  type Known = { readonly span: CaptureSpan; readonly from: bigint; readonly to: bigint };
  const byShard = new Map<string, Known[]>();
  for (const span of spans) {
    const list = byShard.get(span.shard) ?? [];
    list.push({ span, from: BigInt(span.from), to: BigInt(span.to) });
    byShard.set(span.shard, list);
  }
  for (const list of byShard.values()) list.sort((a, b) => (a.from < b.from ? -1 : 1));
  let last: Known | null = null;
  return (shard, t) => {
    if (last !== null && last.span.shard === shard && t >= last.from && t < last.to) {
      return last.span;
    }
    const list = byShard.get(shard) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle] as Known).from <= t) low = middle + 1;
      else high = middle;
    }
    const found = list[low - 1];
    if (found === undefined || t >= found.to) return null;
    last = found;
    return found.span;
  };
}

/** What is asked of a capture; null: anything. */
export type ClockFilter = {
  readonly sources: readonly ClockSource[] | null;
  readonly statuses: readonly ClockStatus[] | null;
};

/** Whether a line's capture is known to be as asked: what is not known is not let through. */
export function passesClock(span: CaptureSpan | null, { sources, statuses }: ClockFilter): boolean {
  if (span === null) return false;
  return (
    (sources === null || sources.includes(span.clock_source)) &&
    (statuses === null || statuses.includes(span.clock_sync_status))
  );
}
