/**
 * The fold of one day of one shard: log lines in, normalized events out. Pure: no clock, no
 * randomness, no I/O, and it never throws on what a venue sends. Live capture and every rebuild run
 * this same code. `fold/SPEC.md` states its rules by number; comments here refer to them.
 */
import { EventArena } from '../codec/event-arena.ts';
import { EventBuffer } from '../codec/event-buffer.ts';
import { createSymbolTable } from '../codec/symbol-table.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import { decoderOf, typesOf } from '../connectors/feed.ts';
import type { Decode, Feed } from '../connectors/feed.ts';
import type { FactKey, Facts } from '../schema/log.ts';
import type { FoldConfig } from '../schema/symbols.ts';
import { TYPE_CODE, feedSymbol } from '../schema/events.ts';
import { dayStart } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { countDropped, countFrame, createCounts } from './counts.ts';
import type { BookChecks, FoldCounts } from './counts.ts';
import { Emitter } from './emitter.ts';
import { Speech } from './speech.ts';
import type { BookFault } from './faults.ts';
import type { SpeechOptions } from './speech.ts';
import { openingKeys } from './opening.ts';
import { hearRefusal } from './refusals.ts';
import { BOOK_TYPE, TRADE, TYPES, UNWANTED, addSlot, createState, newConnection } from './state.ts';
import type { Connection, DayState } from './state.ts';
import { hearTrade } from './trades.ts';

export type DayFoldOptions = {
  readonly feed: Feed;
  readonly shard: string;
  readonly day: Day;
  /** `t` of the `_day` line that opened the fold, and whether the epoch spoke already. */
  readonly opened: bigint;
  readonly taken: boolean;
  /** Where events go; a fold of its own has an arena of its own. */
  readonly out?: EventArena;
  /** Where what books are proven to be is counted on; its own where left out. */
  readonly books?: BookChecks;
  /**
   * Of which symbols it tells; of all where left out. What is said of a symbol depends on no other, so
   * that folds of parts of a day say together what one fold of the whole says.
   */
  readonly wanted?: Wanted;
};

/** Whether a symbol is told of: a market's, or that of the feed's own events (`feedSymbol`). */
export type Wanted = (symbol: string) => boolean;

export class DayFold {
  readonly day: Day;
  readonly out: EventArena;
  /** What the last frame decoded to; overwritten by the next. */
  readonly buffer = new EventBuffer();
  readonly counts: FoldCounts;
  /** Books that broke at the last line. */
  readonly faults: BookFault[] = [];

  readonly #feed: Feed;
  readonly #shard: string;
  readonly #decode: Decode;
  readonly #emitter: Emitter;
  #speech: Speech;
  #table: SymbolTable = createSymbolTable([]);
  readonly #wanted: Wanted | null;
  /** Configured symbols that others tell of. */
  #unwanted = new Set<string>();
  /** Slot by index of the symbol table; `UNWANTED` for a symbol that others tell of. */
  #slots: number[] = [];

  constructor(options: DayFoldOptions) {
    const { feed, shard, day, opened, taken } = options;
    this.day = day;
    this.out = options.out ?? new EventArena();
    this.counts = createCounts(options.books);
    this.#feed = feed;
    this.#shard = shard;
    this.#decode = decoderOf(feed, day);
    this.#wanted = options.wanted ?? null;
    const mute = options.wanted?.(feedSymbol(shard)) === false;
    this.#emitter = new Emitter(this.out, feed.id, shard, mute);
    this.#speech = new Speech(this.#speaker(), createState(shard, taken, opened >= dayStart(day)));
  }

  /** R3: it speaks once its epoch has taken the shard and its day has begun, until the day ends. */
  get speaking(): boolean {
    return this.#speech.speaking;
  }

  get ended(): boolean {
    return this.#speech.state.ended;
  }

  /** Whether this connection serves the fold's day. */
  serves(c: number): boolean {
    return this.#speech.state.connections.get(c)?.serves === true;
  }

  /** One frame; `bytes[end]` must exist. Returns what it decoded to, valid until the next frame. */
  frame(t: bigint, c: number, bytes: Uint8Array, start: number, end: number): EventBuffer {
    const { buffer } = this;
    const state = this.#begin(t);
    this.#decode(bytes, start, end, this.#table, buffer);
    countFrame(this.counts, buffer);
    const connection = this.#connection(c);
    const number = buffer.frame_sequence;
    const isNew = number < 0 || this.#speech.numbered(connection, number);
    if (!isNew) this.#repeated(buffer);
    else if (buffer.count > 0) this.#data(connection, buffer);
    else if (connection.serves) this.#control(connection, buffer);
    connection.last_t = t;
    state.t = t;
    this.#emitter.endLine();
    return buffer;
  }

  /** One of our own facts. */
  fact<K extends FactKey>(t: bigint, key: K, fact: Facts[K]): void {
    this.#begin(t);
    FACTS[key].call(this, fact as never);
    this.#emitter.endLine();
  }

  /** A copy at this line that puts its events into `out`. */
  clone(out: EventArena): DayFold {
    const copy = new DayFold({
      feed: this.#feed,
      shard: this.#shard,
      day: this.day,
      opened: 0n,
      taken: false,
      out,
      ...(this.#wanted === null ? {} : { wanted: this.#wanted }),
    });
    copy.#speech = this.#speech.clone(copy.#speaker());
    copy.#table = this.#table;
    copy.#slots = [...this.#slots];
    copy.#unwanted = new Set(this.#unwanted);
    return copy;
  }

  /** @internal The day's configuration: symbols are only ever added within a day. */
  configure(config: FoldConfig): void {
    this.#speech.book_depth = config.book_depth;
    this.#table = createSymbolTable(config.symbols);
    this.#slots = config.symbols.map(({ symbol }) => {
      if (this.#wanted?.(symbol) !== false) return addSlot(this.#speech.state, symbol);
      this.#unwanted.add(symbol);
      return UNWANTED;
    });
    this.#speech.expect(openingKeys(this.#feed, config, this.#slots));
  }

  /** @internal */
  opened(fact: Facts['_open']): void {
    this.#speech.opened(fact, fact.day === this.day);
  }

  /** @internal */
  closed(fact: Facts['_close']): void {
    this.#speech.closed(fact.c, fact.by === 'us' ? 'closed' : 'disconnect');
  }

  /** @internal */
  dropped(fact: Facts['_drop']): void {
    this.#speech.dropped(fact);
  }

  /** @internal */
  clock(fact: Facts['_clock']): void {
    this.#speech.state.bad_clock = fact.bad;
    this.#speech.status(0, { kind: 'clock', cause: 'clock', detail: fact.detail }, null);
  }

  /** @internal */
  alarm(fact: Facts['_alarm']): void {
    if (fact.symbol !== null && this.#unwanted.has(fact.symbol)) return;
    if (fact.kind === 'refused') return this.#refused(fact);
    const slot =
      fact.symbol === null ? 0 : Math.max(0, this.#speech.state.names.indexOf(fact.symbol));
    this.#speech.status(slot, { kind: 'system', cause: fact.kind, detail: fact.detail }, fact.c);
  }

  /** R15: every type the channel makes, of its symbol, or of all where it has none of its own. */
  #refused({ c, channel, symbol, detail }: Facts['_alarm']): void {
    if (c === null || channel === null) return;
    const { state } = this.#speech;
    const own = symbol === null ? this.#slots : [state.names.indexOf(symbol)];
    const slots = own.filter((it) => it > 0);
    const codes = typesOf(this.#feed, channel).map((type) => TYPE_CODE[type]);
    const keys = slots.flatMap((slot) => codes.map((code) => slot * TYPES + code));
    const refusal = { c, expected: `subscribed to ${channel}`, received: detail };
    hearRefusal(state, this.#emitter, this.speaking, refusal, keys);
  }

  /** @internal R7 */
  took(fact: Facts['_take']): void {
    if (this.#speech.state.taken) return;
    this.#speech.state.taken = true;
    if (this.#speech.state.begun) this.#speech.speak(fact);
  }

  /** @internal R2 */
  midnight(day: string): void {
    if (day > this.day) this.#speech.state.ended = true;
    if (day !== this.day || this.#speech.state.begun) return;
    this.#speech.state.begun = true;
    if (this.#speech.state.taken) this.#speech.speak(null);
  }

  #speaker(): SpeechOptions {
    const { counts, faults } = this;
    return { feed: this.#feed, shard: this.#shard, emitter: this.#emitter, counts, faults };
  }

  #begin(t: bigint): DayState {
    this.#emitter.beginLine(t);
    this.#speech.state.t = t;
    this.faults.length = 0;
    return this.#speech.state;
  }

  #connection(c: number): Connection {
    let connection = this.#speech.state.connections.get(c);
    if (connection === undefined) {
      // Opened before this fold was: its trades count, nothing else does (R4).
      connection = newConnection(c, false, null, this.#speech.state.t);
      this.#speech.state.connections.set(c, connection);
    }
    return connection;
  }

  #data(connection: Connection, buffer: EventBuffer): void {
    const speech = this.#speech;
    speech.floors.clear();
    for (let event = 0; event < buffer.count; event++) {
      const slot = this.#slots[buffer.symbol[event] as number];
      if (slot === undefined || slot === UNWANTED) continue;
      const type = buffer.type[event] as number;
      if (type === TRADE) hearTrade(speech, connection, buffer, event, slot);
      else if (!connection.serves) countDropped(this.counts, 'other_day');
      else if (type === BOOK_TYPE) speech.book(connection, buffer, event, slot);
      else speech.value(connection, buffer, event, slot, type);
    }
  }

  /** A frame whose number was the last one's: it came twice (R13). */
  #repeated({ count }: EventBuffer): void {
    for (let event = 0; event < count; event++) countDropped(this.counts, 'repeat');
  }

  #control(c: Connection, buffer: EventBuffer): void {
    const index = buffer.frame_symbol;
    const slot = index >= 0 ? (this.#slots[index] ?? 0) : 0;
    if (slot === UNWANTED) return;
    const { reason, channel, at } = buffer;
    if (buffer.kind === 'refused') {
      this.#speech.status(
        slot,
        { kind: 'refused', cause: 'refused', about: channel, detail: reason },
        c.c,
      );
    } else if (buffer.kind === 'rejected') {
      const detail = at < 0 ? null : `at byte ${at}`;
      this.#speech.status(slot, { kind: 'rejected', cause: reason, about: channel, detail }, c.c);
    } else if (buffer.kind === 'system') {
      this.#speech.status(
        slot,
        { kind: 'system', cause: 'venue', about: channel, detail: reason },
        c.c,
      );
    }
  }
}

const FACTS: { readonly [K in FactKey]: (this: DayFold, fact: Facts[K]) => void } = {
  _open(fact) {
    this.opened(fact);
  },
  _sent() {},
  _close(fact) {
    this.closed(fact);
  },
  _drop(fact) {
    this.dropped(fact);
  },
  _alarm(fact) {
    this.alarm(fact);
  },
  _clock(fact) {
    this.clock(fact);
  },
  _config(fact) {
    this.configure(fact.config);
  },
  _day() {},
  _midnight(fact) {
    this.midnight(fact.day);
  },
  _take(fact) {
    this.took(fact);
  },
};
