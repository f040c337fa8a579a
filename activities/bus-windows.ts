/**
 * Cuts the objects of windows that the bus holds whole, from a shard's messages in stream order. What
 * is whole is proven by `bus/chain.ts`: a window counts when an unbroken run of proven stretches, of
 * one epoch under the version's normalizer, begins before it and reaches its end. Pure.
 */
import type { StoredMessage } from '../bus/bus.ts';
import { createBusChain } from '../bus/chain.ts';
import type { BusChain, ChainEvent, ProvenStretch } from '../bus/chain.ts';
import { parseCtl } from '../bus/ctl.ts';
import type { Ctl } from '../bus/ctl.ts';
import { parseInternalSubject } from '../bus/subjects.ts';
import { readHeader } from '../codec/md2.ts';
import { Cutter, windowOf } from '../dataset/cutter.ts';
import type { CutObject, WindowHours } from '../dataset/cutter.ts';
import { SsmdError } from '../schema/errors.ts';
import { TYPE_CODE } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import { NS_PER_DAY, NS_PER_SECOND, dayOf } from '../schema/time.ts';

/** A window that the bus holds whole. */
export type ProvenWindow = {
  readonly start: bigint;
  readonly end: bigint;
  readonly epoch: number;
  /** First and last stream sequence of the records that prove it. */
  readonly from_seq: number;
  readonly to_seq: number;
  readonly objects: readonly CutObject[];
};

/**
 * Events may run ahead of the record whose position they follow: a later reader starts at a record
 * this much older than its window.
 */
const ANCHOR_MARGIN_NS = 10n * NS_PER_SECOND;

type BusEvent = ChainEvent & { readonly bytes: Uint8Array };

/** Stretches of one epoch that touch: proven in `(from, to]`. */
type Run = {
  readonly epoch: number;
  readonly from: bigint;
  readonly from_seq: number;
  to: bigint;
  readonly cutter: Cutter;
  /** By the start of their window. */
  readonly objects: Map<bigint, CutObject[]>;
};

export class BusWindows {
  /** Windows that ended and could not be proven. */
  unproven = 0;
  /** Messages that are not ours, or a newer version's. */
  unreadable = 0;
  /** Where a later reader has to start for the first window that has not ended; null: as before. */
  resume_seq: number | null = null;
  /** Last event seen of each epoch and day, by `{epoch} {day}`. */
  readonly seen = new Map<string, bigint>();
  readonly #window_hours: WindowHours;
  readonly #normalizer: string;
  readonly #chain: BusChain<BusEvent> = createBusChain<BusEvent>();
  #run: Run | null = null;
  /** Start of the first window that has not ended. */
  #running: bigint | null = null;
  /** That is not one to be counted again. */
  #judged: boolean;
  /** The window `resume_seq` is for, and the record that will be it for the next. */
  #anchored: bigint | null = null;
  #candidate: number | null = null;
  #last_seq = 0;
  #seen_epoch = -1;
  #seen_day = -1n;
  #seen_key = '';

  /** `anchored`: reading begins within a window that a reader before has judged (`resume_seq`). */
  constructor(options: {
    readonly window_hours: WindowHours;
    readonly normalizer: string;
    readonly anchored?: boolean;
  }) {
    this.#window_hours = options.window_hours;
    this.#normalizer = options.normalizer;
    this.#judged = options.anchored === true;
  }

  /** Takes one message, in stream order; returns the windows it proves whole. */
  take(message: StoredMessage): ProvenWindow[] {
    const subject = parseInternalSubject(message.subject);
    if (subject !== null) {
      const epoch = Number(message.header('epoch') ?? Number.NaN);
      if (Number.isSafeInteger(epoch)) this.#events(epoch, message, subject);
      return [];
    }
    const record = parseCtl(message.data);
    return record === null ? [] : this.#record(record, message.seq);
  }

  /**
   * What cannot be read is nobody's: if it was ours, the count of the next record says so, and RAW has it.
   */
  #events(
    epoch: number,
    { data }: StoredMessage,
    { type, symbol }: { readonly type: string; readonly symbol: string },
  ): void {
    let events: BusEvent[];
    try {
      events = [...eventsOf(data, type, symbol)];
    } catch (error) {
      if (!(error instanceof SsmdError)) throw error;
      this.unreadable++;
      return;
    }
    this.#chain.add(epoch, events);
    const last = events.at(-1);
    if (last !== undefined) this.#see(epoch, last.t);
  }

  #see(epoch: number, t: bigint): void {
    const day = t / NS_PER_DAY;
    if (epoch !== this.#seen_epoch || day !== this.#seen_day) {
      this.#seen_epoch = epoch;
      this.#seen_day = day;
      this.#seen_key = `${epoch} ${dayOf(t)}`;
    }
    const known = this.seen.get(this.#seen_key);
    if (known === undefined || t > known) this.seen.set(this.#seen_key, t);
  }

  #record(record: Ctl, seq: number): ProvenWindow[] {
    const stretch = this.#chain.ctl(record);
    if (stretch !== null) this.#extend(stretch);
    else if (this.#run !== null && (record.epoch !== this.#run.epoch || record.t > this.#run.to)) {
      this.#run = null;
    }
    const proven = this.#closeUntil(record.t, seq);
    this.#remember(record.t, seq);
    this.#last_seq = seq;
    return proven;
  }

  #extend(stretch: ProvenStretch<BusEvent>): void {
    const { epoch, normalizer, from, to } = stretch;
    if (normalizer !== this.#normalizer) {
      this.#run = null;
      return;
    }
    const goes_on = this.#run?.epoch === epoch && this.#run.to === from;
    if (!goes_on) this.#run = this.#openRun(epoch, from);
    const run = this.#run;
    if (run === null) return;
    for (const event of stretch.events) {
      const code = TYPE_CODE[event.type as EventType];
      run.cutter.append(code, event.symbol, event.t, event.bytes);
    }
    run.to = to;
  }

  #openRun(epoch: number, from: bigint): Run {
    const objects = new Map<bigint, CutObject[]>();
    const cutter = new Cutter(this.#window_hours, (object) => {
      const { start } = windowOf(object.start, this.#window_hours);
      const known = objects.get(start);
      if (known === undefined) objects.set(start, [object]);
      else known.push(object);
    });
    return { epoch, from, from_seq: this.#last_seq, to: from, cutter, objects };
  }

  /** Ends every window that a position has passed. */
  #closeUntil(t: bigint, seq: number): ProvenWindow[] {
    const { start: running } = windowOf(t, this.#window_hours);
    this.#running ??= running;
    const run = this.#run;
    run?.cutter.closeUntil(running);
    const proven: ProvenWindow[] = [];
    for (; this.#running < running; this.#running = this.#windowEnd(this.#running)) {
      const start = this.#running;
      const end = this.#windowEnd(start);
      if (run === null || run.from >= start || run.to < end - 1n) {
        if (!this.#judged) this.unproven++;
        this.#judged = false;
        continue;
      }
      const objects = run.objects.get(start) ?? [];
      const { epoch, from_seq } = run;
      this.#judged = false;
      proven.push({ start, end, epoch, from_seq, to_seq: seq, objects });
    }
    for (const start of run?.objects.keys() ?? []) {
      if (start < running) run?.objects.delete(start);
    }
    return proven;
  }

  #windowEnd(start: bigint): bigint {
    return windowOf(start, this.#window_hours).end;
  }

  /** Keeps, for the running window, the last record that lies well before it. */
  #remember(t: bigint, seq: number): void {
    const { start, end } = windowOf(t, this.#window_hours);
    if (this.#anchored !== start) {
      this.#anchored = start;
      this.resume_seq = this.#candidate ?? seq;
      this.#candidate = null;
    }
    if (t <= end - ANCHOR_MARGIN_NS) this.#candidate = seq;
  }
}

function* eventsOf(data: Uint8Array, type: string, symbol: string): Generator<BusEvent> {
  for (let at = 0; at < data.length;) {
    const { t, index, length } = readHeader(data, at);
    yield { t, index, type, symbol, bytes: data.subarray(at, at + length) };
    at += length;
  }
}
