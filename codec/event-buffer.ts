/**
 * Where a decoder puts what it reads: columns of int32, no object per event. One buffer is reused for
 * every frame; `reset` starts a frame, and what was there is gone.
 *
 * An event of a type has one *slot* per field of `EVENT_FIELDS[type]`, in that order; a slot is three
 * int32 (`hi`, `lo`, `aux`):
 *
 * | kind           | hi, lo                          | aux                                          |
 * |----------------|---------------------------------|----------------------------------------------|
 * | decimal        | the int64 mantissa              | exponent, or `ABSENT`                        |
 * | u64, instant   | the value                       | 1, or `ABSENT`                               |
 * | u32, side      | lo = the value                  | 1, or `ABSENT`                               |
 * | text           | hi = start, lo = end            | 1: a range of `source`; 2: `strings[lo]`; or `ABSENT` |
 *
 * Text ranges point into the frame: encode the event before the frame's bytes are reused.
 */
import { EVENT_FIELDS, EVENT_TYPES, TYPE_CODE } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';

export const ABSENT = 127;
export const TEXT_IN_FRAME = 1;
export const TEXT_IN_STRINGS = 2;

/** Number of slots of each type, by type code. */
export const SLOT_COUNT: readonly number[] = EVENT_TYPES.map(
  (type) => Object.keys(EVENT_FIELDS[type]).length,
);

/** For `begin`: what a module exports it looks up at each use. */
const slot_count = SLOT_COUNT;
const absent = ABSENT;

type FieldIndex = {
  readonly [T in EventType]: { readonly [F in keyof (typeof EVENT_FIELDS)[T]]: number };
};
/** Position of a field within its type: `FIELD.trade.price` is 0. */
export const FIELD: FieldIndex = Object.fromEntries(
  EVENT_TYPES.map((type) => [
    type,
    Object.fromEntries(Object.keys(EVENT_FIELDS[type]).map((name, index) => [name, index])),
  ]),
) as FieldIndex;

/** What a frame turned out to be. */
export type FrameKind =
  /** Events follow (possibly none: an empty snapshot). */
  | 'data'
  | 'heartbeat'
  | 'pong'
  | 'ack'
  | 'refused'
  /** The venue about itself: status of the system, a warning. */
  | 'system'
  /** Understood and deliberately not normalized; `reason` names why. */
  | 'ignored'
  /** Not what the venue documents, or not representable; `reason` is its code. */
  | 'rejected';

/** A channel of a market (`symbol` as in `frame_symbol`) that an acknowledgement names. */
export type SubscribedTo = { readonly channel: string; readonly symbol: number };

export const TYPE_BOOK = TYPE_CODE.book;

/** `hi` and `lo` are the mantissa's halves. */
type ScannedDecimal = { readonly hi: number; readonly lo: number; readonly exp: number };

export class EventBuffer {
  /** The frame's bytes, that text ranges point into. */
  source: Uint8Array = new Uint8Array(0);
  strings: string[] = [];

  kind: FrameKind = 'ignored';
  /** The venue's word for the channel, or null where the frame has none. */
  channel: string | null = null;
  /** Index in the `SymbolTable` of the market a frame is about, -1 unknown, -2 none. */
  frame_symbol = -2;
  /** Named reason of `ignored`, code of `rejected`, the venue's words for `refused` and `system`. */
  reason = '';
  /** The request an ack or refusal answers, as text, or null. */
  request_id: string | null = null;
  /** Offset in the frame a rejection points at, or -1. */
  at = -1;
  /**
   * The frame's own number where the venue counts what it sends on a connection, one by one over all
   * channels; -1 where it does not, or the frame is rejected: what it held is lost like a frame's.
   */
  frame_sequence = -1;
  /** The venue says that it will soon end this connection. */
  ending = false;
  /** All a connection is subscribed to, where an acknowledgement states that; else null. */
  subscribed: SubscribedTo[] | null = null;

  /** Events in the buffer. */
  count = 0;
  type = new Uint8Array(16);
  /** Index in the `SymbolTable`. */
  symbol = new Int32Array(16);
  flags = new Int32Array(16);
  /** ts_event as a u64 of ns; both 0 is absent. */
  ts_hi = new Int32Array(16);
  ts_lo = new Int32Array(16);
  seq_hi = new Int32Array(16);
  seq_lo = new Int32Array(16);
  seq_known = new Uint8Array(16);
  /** First slot of the event. */
  slot = new Int32Array(16);
  bid_from = new Int32Array(16);
  bid_to = new Int32Array(16);
  ask_from = new Int32Array(16);
  ask_to = new Int32Array(16);

  slots = 0;
  hi = new Int32Array(128);
  lo = new Int32Array(128);
  aux = new Int32Array(128);

  levels = 0;
  price_hi = new Int32Array(256);
  price_lo = new Int32Array(256);
  price_exp = new Int32Array(256);
  size_hi = new Int32Array(256);
  size_lo = new Int32Array(256);
  size_exp = new Int32Array(256);

  reset(source: Uint8Array): void {
    this.source = source;
    if (this.strings.length > 0) this.strings.length = 0;
    this.kind = 'ignored';
    this.channel = null;
    this.frame_symbol = -2;
    this.reason = '';
    this.request_id = null;
    this.at = -1;
    this.frame_sequence = -1;
    this.ending = false;
    this.subscribed = null;
    this.count = 0;
    this.slots = 0;
    this.levels = 0;
  }

  /** Forgets the events read so far and says why: a frame is taken whole or not at all. */
  reject(reason: string, at: number): void {
    this.kind = 'rejected';
    this.reason = reason;
    this.at = at;
    this.frame_sequence = -1;
    this.subscribed = null;
    this.count = 0;
    this.slots = 0;
    this.levels = 0;
  }

  ignore(reason: string): void {
    this.kind = 'ignored';
    this.reason = reason;
    this.count = 0;
    this.slots = 0;
    this.levels = 0;
  }

  /** Starts an event; every field is absent until set. Returns its index. */
  begin(type_code: number, symbol: number, flags: number): number {
    const event = this.count;
    if (event === this.type.length) this.#growEvents();
    const { slots, levels } = this;
    const end = slots + (slot_count[type_code] as number);
    while (end > this.hi.length) this.#growSlots();
    const { aux } = this;
    for (let slot = slots; slot < end; slot++) aux[slot] = absent;
    this.slots = end;
    this.count = event + 1;
    this.type[event] = type_code;
    this.symbol[event] = symbol;
    this.flags[event] = flags;
    this.ts_hi[event] = 0;
    this.ts_lo[event] = 0;
    this.seq_hi[event] = 0;
    this.seq_lo[event] = 0;
    this.seq_known[event] = 0;
    this.slot[event] = slots;
    this.bid_from[event] = levels;
    this.bid_to[event] = levels;
    this.ask_from[event] = levels;
    this.ask_to[event] = levels;
    return event;
  }

  /** Puts the events from `first` on in the opposite order, as where a venue lists the newest first. */
  reverse(first: number): void {
    const last = this.count - 1;
    if (last <= first) return;
    for (const column of [this.type, this.seq_known]) reverseColumn(column, first, last);
    for (const column of this.#columns()) reverseColumn(column, first, last);
  }

  /** Forgets the events from `event` on, with their levels. */
  takeBack(event: number): void {
    if (event >= this.count) return;
    this.count = event;
    this.slots = this.slot[event] as number;
    this.levels = Math.min(this.bid_from[event] as number, this.ask_from[event] as number);
  }

  setTsEvent(event: number, hi: number, lo: number): void {
    this.ts_hi[event] = hi;
    this.ts_lo[event] = lo;
  }

  setSequence(event: number, hi: number, lo: number): void {
    this.seq_hi[event] = hi;
    this.seq_lo[event] = lo;
    this.seq_known[event] = 1;
  }

  /** Any kind but text: `aux` is the exponent of a decimal and 1 for the rest. */
  set(event: number, field: number, hi: number, lo: number, aux: number): void {
    const slot = (this.slot[event] as number) + field;
    this.hi[slot] = hi;
    this.lo[slot] = lo;
    this.aux[slot] = aux;
  }

  /** The number a scanner has just read. */
  setDecimal(event: number, field: number, of: ScannedDecimal): void {
    this.set(event, field, of.hi, of.lo, of.exp);
  }

  setU32(event: number, field: number, value: number): void {
    this.set(event, field, 0, value | 0, 1);
  }

  /** 1 buy, 2 sell; an unknown side is left absent. */
  setSide(event: number, field: number, side: 1 | 2): void {
    this.set(event, field, 0, side, 1);
  }

  /** A range of the frame's bytes: plain UTF-8 without escapes. */
  setTextRange(event: number, field: number, start: number, end: number): void {
    this.set(event, field, start, end, TEXT_IN_FRAME);
  }

  setText(event: number, field: number, text: string): void {
    this.set(event, field, 0, this.strings.length, TEXT_IN_STRINGS);
    this.strings.push(text);
  }

  /** The levels that follow, up to `endBids`, are bids. Bids and asks may come in either order. */
  beginBids(event: number): void {
    this.bid_from[event] = this.levels;
  }
  endBids(event: number): void {
    this.bid_to[event] = this.levels;
  }
  beginAsks(event: number): void {
    this.ask_from[event] = this.levels;
  }
  endAsks(event: number): void {
    this.ask_to[event] = this.levels;
  }

  level(
    price_hi: number,
    price_lo: number,
    price_exp: number,
    size_hi: number,
    size_lo: number,
    size_exp: number,
  ): void {
    const level = this.levels;
    if (level === this.price_hi.length) this.#growLevels();
    this.levels = level + 1;
    this.price_hi[level] = price_hi;
    this.price_lo[level] = price_lo;
    this.price_exp[level] = price_exp;
    this.size_hi[level] = size_hi;
    this.size_lo[level] = size_lo;
    this.size_exp[level] = size_exp;
  }

  #columns(): readonly Int32Array[] {
    const { symbol, flags, ts_hi, ts_lo, seq_hi, seq_lo, slot } = this;
    const { bid_from, bid_to, ask_from, ask_to } = this;
    return [symbol, flags, ts_hi, ts_lo, seq_hi, seq_lo, slot, bid_from, bid_to, ask_from, ask_to];
  }

  #growEvents(): void {
    const length = this.type.length * 2;
    const bytes = new Uint8Array(length);
    bytes.set(this.type);
    this.type = bytes;
    const known = new Uint8Array(length);
    known.set(this.seq_known);
    this.seq_known = known;
    this.symbol = grown(this.symbol, length);
    this.flags = grown(this.flags, length);
    this.ts_hi = grown(this.ts_hi, length);
    this.ts_lo = grown(this.ts_lo, length);
    this.seq_hi = grown(this.seq_hi, length);
    this.seq_lo = grown(this.seq_lo, length);
    this.slot = grown(this.slot, length);
    this.bid_from = grown(this.bid_from, length);
    this.bid_to = grown(this.bid_to, length);
    this.ask_from = grown(this.ask_from, length);
    this.ask_to = grown(this.ask_to, length);
  }

  #growSlots(): void {
    const length = this.hi.length * 2;
    this.hi = grown(this.hi, length);
    this.lo = grown(this.lo, length);
    this.aux = grown(this.aux, length);
  }

  #growLevels(): void {
    const length = this.price_hi.length * 2;
    this.price_hi = grown(this.price_hi, length);
    this.price_lo = grown(this.price_lo, length);
    this.price_exp = grown(this.price_exp, length);
    this.size_hi = grown(this.size_hi, length);
    this.size_lo = grown(this.size_lo, length);
    this.size_exp = grown(this.size_exp, length);
  }
}

function reverseColumn(column: Int32Array | Uint8Array, first: number, last: number): void {
  for (let low = first, high = last; low < high; low++, high--) {
    const kept = column[low] as number;
    column[low] = column[high] as number;
    column[high] = kept;
  }
}

function grown(column: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(column);
  return larger;
}
