/**
 * The events of a feed's span, as its archive has them: each shard's day through the fold its archive
 * is rebuilt by, the shards merged by `t`. A day is folded from its beginning, whatever part of it is
 * wanted: what a book holds at noon, only the morning says. Events before the wanted one are not kept.
 */
import type { EventArena } from '../../codec/event-arena.ts';
import type { ShardPlan } from '../../dataset/day-plan.ts';
import { rebuildShardDay } from '../../dataset/rebuild.ts';
import { daysOfSpan } from '../../dataset/replay-span.ts';
import type { ReplaySpan } from '../../dataset/replay-span.ts';
import type { SegmentSurvey } from '../../dataset/segment-survey.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { EventType } from '../../schema/events.ts';
import { dayStart, unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { Feed } from '../feed.ts';

/** Lines of a shard folded at once: some milliseconds, in which nothing else is sent. */
const LINES_AT_ONCE = 256;
/** Such stretches that were folded and wait to be sent. */
const STRETCHES_READY_MAX = 64;
/** Events handed over at once. */
const EVENTS_AT_ONCE = 512;

export type ReplayEvent = {
  readonly shard: string;
  readonly t: bigint;
  readonly type: EventType;
  readonly symbol: string;
  readonly index: number;
  /** A whole Cap'n Proto message, the archive's bytes. */
  readonly bytes: Uint8Array;
};

/** Events in order, from the first at or after `start` on; ends with the span. */
export type ReplaySource = (
  start: bigint,
  signal: AbortSignal,
) => AsyncGenerator<readonly ReplayEvent[], void, undefined>;

export type SourceOptions = {
  readonly feed: Feed;
  readonly span: ReplaySpan;
  /** All where null. */
  readonly types: ReadonlySet<string> | null;
  readonly symbols: ReadonlySet<string> | null;
  /** Plans a day as its archive does. */
  readonly plan: (day: Day, signal: AbortSignal) => Promise<readonly ShardPlan[]>;
  readonly load: (segment: SegmentSurvey, signal: AbortSignal) => Promise<Uint8Array>;
  /** Lets timers and I/O run. */
  readonly breathe: (signal: AbortSignal) => Promise<void>;
};

export function replaySource(options: SourceOptions): ReplaySource {
  return async function* from(start, signal) {
    const { span } = options;
    if (start >= span.to) return;
    for (const day of daysOfSpan({ from: unixNs(start), to: span.to })) {
      const until = span.to;
      const from_t = start > dayStart(day) ? start : dayStart(day);
      const plans = await options.plan(day, signal);
      const ended = new AbortController();
      const stop = (): void => ended.abort(signal.reason);
      signal.addEventListener('abort', stop);
      try {
        const wanted = { day, from: from_t, until, signal: ended.signal };
        yield* merged(plans.map((plan) => shardReader(options, plan, wanted)));
      } finally {
        signal.removeEventListener('abort', stop);
        ended.abort();
      }
      signal.throwIfAborted();
    }
  };
}

type Wanted = {
  readonly day: Day;
  readonly from: bigint;
  readonly until: bigint;
  readonly signal: AbortSignal;
};

/** One shard's events, a stretch at a time; empty when it has no more. */
type Reader = () => Promise<readonly ReplayEvent[]>;

/** Folds ahead of the one who reads, up to a limit. */
function shardReader(options: SourceOptions, plan: ShardPlan, wanted: Wanted): Reader {
  const { shard } = plan;
  const { signal } = wanted;
  const ready: (readonly ReplayEvent[])[] = [];
  let over = false;
  let failed: { readonly error: unknown } | null = null;
  const waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const go_on of waiting.splice(0)) go_on();
  };
  const turn = (): Promise<void> => new Promise((resolve) => waiting.push(resolve));
  signal.addEventListener('abort', wake, { once: true });

  const rest = async (): Promise<void> => {
    wake();
    await options.breathe(signal);
    while (ready.length >= STRETCHES_READY_MAX && !signal.aborted) await turn();
    signal.throwIfAborted();
  };
  const run = rebuildShardDay({
    feed: options.feed,
    shard,
    day: wanted.day,
    intervals: plan.intervals,
    load: (segment) => options.load(segment, signal),
    onEvents: (arena) => {
      const events = copied(arena, shard, wanted, options);
      if (events.length > 0) ready.push(events);
    },
    onSegment: async (t) => {
      await rest();
      if (t >= wanted.until) throw new SpanOver();
    },
    rests: { lines: LINES_AT_ONCE, rest },
  });
  void run
    .then(
      () => undefined,
      (error: unknown) => {
        if (!(error instanceof SpanOver)) failed = { error };
      },
    )
    .then(() => {
      over = true;
      wake();
    });

  return async () => {
    for (;;) {
      const events = ready.shift();
      wake();
      if (events !== undefined) return events;
      if (failed !== null) throw failed.error;
      if (over) return [];
      signal.throwIfAborted();
      await turn();
    }
  };
}

/** The rest of the day is not wanted. */
class SpanOver extends Error {}

/** The wanted events of a stretch; their bytes in one copy. */
function copied(
  arena: EventArena,
  shard: string,
  { from, until }: Wanted,
  { types, symbols }: SourceOptions,
): ReplayEvent[] {
  const { count } = arena;
  if (count === 0 || (arena.t[count - 1] as bigint) < from || (arena.t[0] as bigint) >= until) {
    return [];
  }
  const bytes = arena.bytes.slice(0, arena.used);
  const events: ReplayEvent[] = [];
  for (let event = 0; event < count; event++) {
    const t = arena.t[event] as bigint;
    if (t < from || t >= until) continue;
    const symbol = arena.symbol[event] as string;
    const type = EVENT_TYPES[arena.type[event] as number] as EventType;
    if ((types !== null && !types.has(type)) || (symbols !== null && !symbols.has(symbol)))
      continue;
    const start = arena.offset[event] as number;
    const end = start + (arena.length[event] as number);
    const index = arena.index[event] as number;
    events.push({ shard, t, type, symbol, index, bytes: bytes.subarray(start, end) });
  }
  return events;
}

type Head = { readonly read: Reader; events: readonly ReplayEvent[]; at: number };

/** Merges shards by `t`; at the same `t` by the shard's name, whose order is the plan's. */
async function* merged(
  readers: readonly Reader[],
): AsyncGenerator<readonly ReplayEvent[], void, undefined> {
  let heads: Head[] = readers.map((read) => ({ read, events: [], at: 0 }));
  for (const head of heads) head.events = await head.read();
  heads = heads.filter((head) => head.events.length > 0);
  let out: ReplayEvent[] = [];
  while (heads.length > 0) {
    let first = heads[0] as Head;
    for (const head of heads) if (tOf(head) < tOf(first)) first = head;
    out.push(first.events[first.at++] as ReplayEvent);
    const read_on = first.at === first.events.length;
    if (read_on || out.length >= EVENTS_AT_ONCE) {
      yield out;
      out = [];
    }
    if (!read_on) continue;
    first.events = await first.read();
    first.at = 0;
    if (first.events.length === 0) heads = heads.filter((head) => head !== first);
  }
}

function tOf({ events, at }: Head): bigint {
  return (events[at] as ReplayEvent).t;
}
