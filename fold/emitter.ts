/**
 * Puts the events of one line into the arena: numbers them within (line, type, symbol), adds the
 * flags that hold for the whole line, and marks the last of each type and symbol.
 */
import type { EventArena } from '../codec/event-arena.ts';
import type { EventBuffer } from '../codec/event-buffer.ts';
import { addFlags, encodeMarketEvent, encodeParts } from '../codec/md2.ts';
import { EVENT_TYPES, FLAG, TYPE_CODE } from '../schema/events.ts';
import type { EventOf, MarketEvent } from '../schema/events.ts';
import { unixNs } from '../schema/time.ts';
import { TYPES } from './state.ts';
import type { DayState } from './state.ts';

export type StatusFields = Partial<
  Pick<
    EventOf<'status'>,
    'about' | 'connection' | 'from' | 'to' | 'expected' | 'received' | 'detail' | 'repaired'
  >
> & { readonly kind: string; readonly cause: string };

export class Emitter {
  readonly #arena: EventArena;
  readonly #feed: string;
  readonly #shard: string;
  readonly #mute: boolean;
  #t = 0n;
  /** By key: events emitted by this line so far, and where the last of them lies in the arena. */
  readonly #counts: number[] = [];
  readonly #last: number[] = [];
  readonly #touched: number[] = [];
  /** Events emitted, by type code. */
  readonly by_type: number[] = EVENT_TYPES.map(() => 0);

  /** `mute`: the feed's own events (slot 0) are told by another fold. */
  constructor(arena: EventArena, feed: string, shard: string, mute = false) {
    this.#arena = arena;
    this.#feed = feed;
    this.#shard = shard;
    this.#mute = mute;
  }

  beginLine(t: bigint): void {
    this.#t = t;
  }

  /** Marks the last event of each type and symbol that the line yielded. */
  endLine(): void {
    const touched = this.#touched;
    for (const key of touched) {
      addFlags(this.#arena, this.#last[key] as number, FLAG.LAST);
      this.#counts[key] = 0;
    }
    touched.length = 0;
  }

  /** Event `event` of a decoded frame, with flags added. */
  emit(state: DayState, buffer: EventBuffer, event: number, slot: number, flags: number): void {
    const type = buffer.type[event] as number;
    buffer.flags[event] = (buffer.flags[event] as number) | flags | this.#lineFlags(state);
    const header = {
      t: this.#t,
      index: this.#next(slot, type),
      shard: this.#shard,
      feed: this.#feed,
      symbol: state.names[slot] as string,
    };
    const parts = encodeParts(buffer, event, header, this.#arena);
    for (let part = 1; part < parts; part++)
      this.#next(slot, type, this.#arena.count - parts + part);
  }

  /** An event that is not part of a frame: a remembered value, spoken at this line. */
  emitObject(state: DayState, event: MarketEvent, slot: number, flags: number): void {
    const type = TYPE_CODE[event.type];
    const index = this.#next(slot, type);
    const stamped = {
      ...event,
      t: unixNs(this.#t),
      index,
      flags: (event.flags & ~FLAG.LAST) | flags | this.#lineFlags(state),
    };
    const bytes = encodeMarketEvent(stamped);
    // Making room may put the bytes elsewhere: only then are they looked at.
    const at = this.#arena.reserve(bytes.length);
    this.#arena.bytes.set(bytes, at);
    this.#arena.commit(bytes.length, type, event.symbol, this.#t, index);
  }

  /** A fact about the data itself; slot 0 is the feed. */
  emitStatus(state: DayState, slot: number, fields: StatusFields): void {
    if (slot === 0 && this.#mute) return;
    const event: EventOf<'status'> = {
      type: 'status',
      t: unixNs(this.#t),
      ts_event: null,
      index: 0,
      shard: this.#shard,
      feed: this.#feed,
      symbol: state.names[slot] as string,
      sequence: null,
      flags: 0,
      about: null,
      connection: null,
      from: null,
      to: null,
      expected: null,
      received: null,
      detail: null,
      repaired: null,
      ...fields,
    };
    this.emitObject(state, event, slot, 0);
  }

  #lineFlags(state: DayState): number {
    return state.bad_clock ? FLAG.BAD_TS_RECV : 0;
  }

  /** The next index of a key in this line, for the event at `place` in the arena. */
  #next(slot: number, type: number, place = this.#arena.count): number {
    const key = slot * TYPES + type;
    const index = this.#counts[key] ?? 0;
    if (index === 0) this.#touched.push(key);
    this.#counts[key] = index + 1;
    this.#last[key] = place;
    this.by_type[type] = (this.by_type[type] as number) + 1;
    return index;
  }
}
