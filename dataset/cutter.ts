/**
 * Where one object ends and the next begins: a rule of the data alone, so that whoever cuts the same
 * events, live or years later, cuts the same objects.
 *
 * The day is tiled into windows. Within its window an object starts where the one before ended and
 * ends at the first minute boundary at which it holds at least `OBJECT_BYTES_MIN` of plain bytes, at
 * the latest with the window. A stretch without events is no object.
 */
import type { EventArena } from '../codec/event-arena.ts';
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import { NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, unixNs } from '../schema/time.ts';
import type { UnixNs } from '../schema/time.ts';

/** Plain bytes from which on an object ends with the running minute. */
export const OBJECT_BYTES_MIN = 4 * 1024 * 1024;
/** Plain bytes an object may reach; beyond it a minute of one symbol is no longer market data. */
export const OBJECT_BYTES_MAX = 512 * 1024 * 1024;
/** Windows divide the day evenly. */
export const WINDOW_HOURS = [1, 2, 3, 4, 6, 8, 12, 24] as const;
export type WindowHours = (typeof WINDOW_HOURS)[number];

/** One finished object: events of one type and symbol in `(t, index)` order. */
export type CutObject = {
  readonly type: EventType;
  readonly symbol: string;
  /** The stretch it covers, minute boundaries: `[start, end)`. */
  readonly start: UnixNs;
  readonly end: UnixNs;
  readonly first_t: UnixNs;
  readonly last_t: UnixNs;
  readonly records: number;
  /** The Cap'n Proto stream. */
  readonly plain: Uint8Array;
};

/** The window an instant falls in. */
export function windowOf(t: bigint, window_hours: number): { start: UnixNs; end: UnixNs } {
  const length = BigInt(window_hours) * NS_PER_HOUR;
  const day = t - (t % NS_PER_DAY);
  const start = day + ((t - day) / length) * length;
  return { start: unixNs(start), end: unixNs(start + length) };
}

/**
 * Cuts the events of many series. Events of a series arrive in order of `t`; `closeUntil` says how far
 * all of them have arrived. Finished objects go to `emit`, which may keep `plain`.
 */
export class Cutter {
  readonly #window_hours: number;
  readonly #emit: (object: CutObject) => void;
  /** In order of their first events. */
  readonly #series: Series[] = [];
  /** The same by type code and symbol. */
  readonly #known = EVENT_TYPES.map(() => new Map<string, Series>());
  /** Bytes of the last arena, and the same in words. */
  #source: Uint8Array = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);

  constructor(window_hours: WindowHours, emit: (object: CutObject) => void) {
    this.#window_hours = window_hours;
    this.#emit = emit;
  }

  /** Copies one encoded event. Throws where `t` runs backwards: the caller's error. */
  append(type_code: number, symbol: string, t: bigint, event: Uint8Array): void {
    this.#seriesAt(type_code, symbol, t).append(t, event);
  }

  /** The same for event `at` of an arena, of which no view is made. */
  appendFrom(arena: EventArena, at: number): void {
    const t = arena.t[at] as bigint;
    const series = this.#seriesAt(arena.type[at] as number, arena.symbol[at] as string, t);
    if (arena.bytes !== this.#source) {
      this.#source = arena.bytes;
      const { buffer, byteOffset, length } = arena.bytes;
      this.#words = new Int32Array(buffer, byteOffset, length >> 2);
    }
    series.appendWords(t, this.#words, arena.offset[at] as number, arena.length[at] as number);
  }

  #seriesAt(type_code: number, symbol: string, t: bigint): Series {
    const known = this.#known[type_code] as Map<string, Series>;
    let series = known.get(symbol);
    if (series === undefined) {
      series = new Series(EVENT_TYPES[type_code] as EventType, symbol);
      known.set(symbol, series);
      this.#series.push(series);
    }
    this.#close(series, t);
    if (series.records === 0) series.open(t, this.#window_hours);
    return series;
  }

  /** Every event before `t` was appended: ends what ends at or before `t`. */
  closeUntil(t: bigint): void {
    for (const series of this.#series) this.#close(series, t);
  }

  /** Bytes held of objects that are not finished. */
  heldBytes(): number {
    let held = 0;
    for (const series of this.#series) held += series.used;
    return held;
  }

  #close(series: Series, t: bigint): void {
    if (series.records === 0) return;
    const end = series.endIfAt(t);
    if (end === null) return;
    this.#emit(series.take(end));
  }
}

class Series {
  readonly type: EventType;
  readonly symbol: string;
  records = 0;
  used = 0;
  #bytes = new Uint8Array(4096);
  #words = new Int32Array(this.#bytes.buffer);
  /** End of the last object: the next one of the same window starts there. */
  #resume = 0n;
  #start = 0n;
  #window_end = 0n;
  #first_t = 0n;
  #last_t = 0n;

  constructor(type: EventType, symbol: string) {
    this.type = type;
    this.symbol = symbol;
  }

  open(t: bigint, window_hours: number): void {
    const window = windowOf(t, window_hours);
    this.#start = this.#resume > window.start ? this.#resume : window.start;
    this.#window_end = window.end;
    this.#first_t = t;
  }

  append(t: bigint, event: Uint8Array): void {
    const at = this.#room(t, event.length);
    this.#bytes.set(event, at);
  }

  /** `words` holds whole messages, which begin and end at words. */
  appendWords(t: bigint, words: Int32Array, offset: number, length: number): void {
    const from = offset >> 2;
    const at = this.#room(t, length) >> 2;
    const to = this.#words;
    const count = length >> 2;
    for (let word = 0; word < count; word++) to[at + word] = words[from + word] as number;
  }

  /** Makes room for a record of so many bytes, which is one more; where it goes. */
  #room(t: bigint, length: number): number {
    if (t < this.#last_t) {
      throw new RangeError(`${this.type} ${this.symbol}: t ${t} arrives after ${this.#last_t}`);
    }
    const at = this.used;
    const needed = at + length;
    if (needed > OBJECT_BYTES_MAX) {
      throw new RangeError(
        `${this.type} ${this.symbol}: one object would exceed ${OBJECT_BYTES_MAX} bytes`,
      );
    }
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max((needed + 7) & ~7, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#words = new Int32Array(larger.buffer);
    }
    this.used = needed;
    this.records++;
    this.#last_t = t;
    return at;
  }

  /** Where the object ends, if that is at or before `t`. */
  endIfAt(t: bigint): bigint | null {
    if (t >= this.#window_end && this.used < OBJECT_BYTES_MIN) return this.#window_end;
    if (this.used < OBJECT_BYTES_MIN) return null;
    // The size only grew with the last event: the first boundary at which it is enough follows it.
    const boundary = this.#last_t - (this.#last_t % NS_PER_MINUTE) + NS_PER_MINUTE;
    return t >= boundary ? boundary : null;
  }

  take(end: bigint): CutObject {
    const object: CutObject = {
      type: this.type,
      symbol: this.symbol,
      start: unixNs(this.#start),
      end: unixNs(end),
      first_t: unixNs(this.#first_t),
      last_t: unixNs(this.#last_t),
      records: this.records,
      plain: this.#bytes.slice(0, this.used),
    };
    this.#resume = end;
    this.records = 0;
    this.used = 0;
    return object;
  }
}
