/**
 * Rebuilds a shard's day from its raw segments: the same fold that ran live, over the same lines, so
 * the same bytes. Segments are read one after the other; what is held is the fold's state and the
 * objects that are not finished.
 */
import { EventArena } from '../codec/event-arena.ts';
import { LogLine, factOf } from '../codec/log-line.ts';
import type { Feed } from '../connectors/feed.ts';
import { DayFold } from '../fold/day-fold.ts';
import type { Wanted } from '../fold/day-fold.ts';
import type { FoldCounts } from '../fold/counts.ts';
import { addDays, dayStart } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import type { Interval } from './day-plan.ts';
import { goodLines } from './segment-survey.ts';
import type { SegmentSurvey } from './segment-survey.ts';

export type RebuildOptions = {
  readonly feed: Feed;
  readonly shard: string;
  readonly day: Day;
  readonly intervals: readonly Interval[];
  /** The plain content of a segment, as it was surveyed. */
  readonly load: (segment: SegmentSurvey) => Promise<Uint8Array>;
  /**
   * Takes the events of one segment, in order, or of a part of one where there are `rests`; the arena is
   * cleared afterwards.
   */
  readonly onEvents: (events: EventArena) => void;
  /**
   * Called after each segment: every event before `t` was handed over. May pause, to let others run,
   * or throw, to stop.
   */
  readonly onSegment: (t: bigint, segment: SegmentSurvey) => Promise<void> | void;
  /** Of which symbols to tell (`DayFoldOptions.wanted`); of all where left out. */
  readonly wanted?: Wanted;
  /** Within a segment, others may run after so many lines. */
  readonly rests?: { readonly lines: number; readonly rest: () => Promise<void> };
  /** Reads unproven segments too: only ever to find out where they were changed. */
  readonly trust_unproven?: boolean;
};

/** What the folds of a day counted, one entry an interval. */
export type RebuildCounts = readonly { readonly epoch: number; readonly counts: FoldCounts }[];

/** Runs the day's fold over each interval in turn. Events arrive in order of `t`. */
export async function rebuildShardDay(options: RebuildOptions): Promise<RebuildCounts> {
  const counted: { epoch: number; counts: FoldCounts }[] = [];
  const arena = new EventArena();
  for (const interval of options.intervals) {
    const run = new IntervalRun(options, interval, arena);
    const load = loadAhead(options, interval.segments);
    for (const [index, segment] of interval.segments.entries()) {
      for (const at_end of run.segment(segment, await load(index))) {
        options.onEvents(arena);
        arena.clear();
        if (!at_end) await options.rests?.rest();
      }
      await options.onSegment(run.settled(), segment);
      if (run.done) break;
    }
    if (run.counts !== null) counted.push({ epoch: interval.epoch, counts: run.counts });
  }
  return counted;
}

/** Segments asked for before they are needed: the store works while the fold does. */
const SEGMENTS_AHEAD = 4;

function loadAhead(
  { load }: Pick<RebuildOptions, 'load'>,
  segments: readonly SegmentSurvey[],
): (index: number) => Promise<Uint8Array> {
  const asked: Promise<Uint8Array>[] = [];
  return (index) => {
    for (const segment of segments.slice(asked.length, index + 1 + SEGMENTS_AHEAD)) {
      const content = load(segment);
      // If the run stops before it gets here, nobody waits for this one any more.
      content.catch(() => undefined);
      asked.push(content);
    }
    const wanted = asked[index];
    asked[index] = Promise.resolve(EMPTY);
    return wanted ?? Promise.resolve(EMPTY);
  };
}
const EMPTY = new Uint8Array(0);

/** One epoch's lines through a fold of the day. */
class IntervalRun {
  done = false;
  readonly #options: RebuildOptions;
  readonly #interval: Interval;
  readonly #arena: EventArena;
  readonly #line = new LogLine();
  readonly #open = new Set<number>();
  readonly #next_day: string;
  readonly #day_start: bigint;
  #fold: DayFold | null = null;
  /** A `_day` of the next day came: configurations are that day's from there on. */
  #next_day_open = false;
  #midnight_seen = false;
  /** Last `t` read, and whether what follows it is not what followed it in the log. */
  #last = 0n;
  #last_segment = -1;
  #broken_off = false;

  constructor(options: RebuildOptions, interval: Interval, arena: EventArena) {
    this.#options = options;
    this.#interval = interval;
    this.#arena = arena;
    this.#next_day = addDays(options.day, 1);
    this.#day_start = dayStart(options.day);
  }

  get counts(): FoldCounts | null {
    return this.#fold?.counts ?? null;
  }

  /** Events before this were all yielded. */
  settled(): bigint {
    const { from, until } = this.#interval;
    if (this.done) return until;
    return this.#last < from ? from : this.#last;
  }

  /** Yields where its events are to be taken: false for a rest, true at its end. */
  *segment(segment: SegmentSurvey, plain: Uint8Array): Generator<boolean> {
    const until_rest = this.#options.rests?.lines ?? Infinity;
    let lines = 0;
    const number = segment.capture?.segment ?? -1;
    const missing = this.#last_segment >= 0 && number !== this.#last_segment + 1;
    let first = missing || this.#broken_off;
    this.#last_segment = number < 0 ? this.#last_segment : number;
    const line = this.#line;
    const next = goodLines(segment, plain, line, this.#options.trust_unproven);
    while (next()) {
      if (line.t >= this.#interval.until) {
        this.done = true;
        return yield true;
      }
      if (first) this.#recordHole(line.t);
      first = false;
      this.#step(line);
      this.#last = line.t;
      if (this.done) return yield true;
      if (++lines % until_rest === 0) yield false;
    }
    this.#broken_off = segment.state !== 'whole';
    yield true;
  }

  #step(line: LogLine): void {
    const { t } = line;
    if (this.#fold === null) {
      if (factOf(line, '_day')?.day !== this.#options.day) return;
      this.#begin(t, factOf(line, '_day')?.taken === true);
    }
    const fold = this.#fold;
    if (fold === null) return;
    if (!this.#midnight_seen && t >= this.#day_start) this.#ensureMidnight(line);
    if (line.kind === 'frame') {
      fold.frame(t, line.c, line.bytes, line.from, line.to);
    } else if (line.key !== null && line.fact !== null) {
      this.#follow(line);
      const others = line.key === '_config' && this.#next_day_open;
      if (!others) fold.fact(t, line.key, line.fact);
    }
    if (fold.ended) this.done = true;
  }

  #begin(opened: bigint, taken: boolean): void {
    const { feed, shard, day, wanted } = this.#options;
    const told = wanted === undefined ? {} : { wanted };
    this.#fold = new DayFold({ feed, shard, day, opened, taken, out: this.#arena, ...told });
    this.#midnight_seen = opened >= this.#day_start;
  }

  /** Keeps account of what the rebuild itself has to know. */
  #follow(line: LogLine): void {
    const opened = factOf(line, '_open');
    if (opened !== null) this.#open.add(opened.c);
    const closed = factOf(line, '_close');
    if (closed !== null) this.#open.delete(closed.c);
    if (factOf(line, '_day')?.day === this.#next_day) this.#next_day_open = true;
  }

  /** The day begins even if the segment that said so is lost. */
  #ensureMidnight(line: LogLine): void {
    this.#midnight_seen = true;
    if (factOf(line, '_midnight') !== null) return;
    const { day } = this.#options;
    this.#fold?.fact(this.#day_start, '_midnight', { day });
  }

  /**
   * Lines are missing before `t`: every open connection dropped frames, so that no book is carried
   * across the hole. The positions are the first ones nobody used, one a connection.
   */
  #recordHole(t: bigint): void {
    const from = this.#last.toString();
    let at = this.#last + 1n;
    for (const c of [...this.#open].sort((a, b) => a - b)) {
      if (this.#fold === null || at >= t) return;
      this.#fold.fact(at, '_drop', { c, frames: 0, bytes: 0, from, reason: 'raw segment lost' });
      at += 1n;
    }
  }
}
