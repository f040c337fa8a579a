/**
 * The fold of one day of one shard: log lines in, normalized events out. Pure: no clock, no
 * randomness, no I/O, and it never throws on what a venue sends. Live capture and every rebuild run
 * this same code. `fold/SPEC.md` states its rules by number; comments here refer to them.
 */
import { EventArena } from '../codec/event-arena.ts';
import { EventBuffer } from '../codec/event-buffer.ts';
import { eventOf } from '../codec/event-object.ts';
import { createSymbolTable } from '../codec/symbol-table.ts';
import type { SymbolTable } from '../codec/symbol-table.ts';
import { BOOK, decoderOf } from '../connectors/feed.ts';
import type { Decode, Feed, FeedBook } from '../connectors/feed.ts';
import { FLAG } from '../schema/events.ts';
import type { FactKey, Facts } from '../schema/log.ts';
import type { FoldConfig } from '../schema/symbols.ts';
import { dayStart, unixNs } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { countDropped, countFrame, createCounts } from './counts.ts';
import type { FoldCounts } from './counts.ts';
import { Emitter } from './emitter.ts';
import { closeGap, openGap } from './gaps.ts';
import type { GapFacts } from './gaps.ts';
import {
  BOOK_TYPE,
  STATUS,
  TRADE,
  TYPES,
  addSlot,
  cloneBooks,
  cloneState,
  createState,
  servingNewestFirst,
} from './state.ts';
import type { Books, Connection, DayState } from './state.ts';
import { hearTrade, speakPendingTrades } from './trades.ts';
import type { TradeContext } from './trades.ts';
import type { HistoryFloor } from './trade-memory.ts';

/** A book that broke at the last line, so that the connector asks for its snapshot again. */
export type BookFault = {
  readonly c: number;
  readonly symbol: string;
  readonly channel: string | null;
  readonly cause: string;
};

export type DayFoldOptions = {
  readonly feed: Feed;
  readonly shard: string;
  readonly day: Day;
  /** `t` of the `_day` line that opened the fold, and whether the epoch spoke already. */
  readonly opened: bigint;
  readonly taken: boolean;
  /** Where events go; a fold of its own has an arena of its own. */
  readonly out?: EventArena;
};

export class DayFold {
  readonly day: Day;
  readonly out: EventArena;
  /** What the last frame decoded to; overwritten by the next. */
  readonly buffer = new EventBuffer();
  readonly counts: FoldCounts = createCounts();
  /** Books that broke at the last line. */
  readonly faults: BookFault[] = [];

  readonly #feed: Feed;
  readonly #shard: string;
  readonly #decode: Decode;
  readonly #emitter: Emitter;
  readonly #scratch = new EventBuffer();
  readonly #floors = new Map<number, HistoryFloor>();
  #state: DayState;
  #books: Books = new Map();
  #config: FoldConfig | null = null;
  #table: SymbolTable = createSymbolTable([]);
  /** Slot by index of the symbol table. */
  #slots: number[] = [];

  constructor(options: DayFoldOptions) {
    const { feed, shard, day, opened, taken } = options;
    this.day = day;
    this.out = options.out ?? new EventArena();
    this.#feed = feed;
    this.#shard = shard;
    this.#decode = decoderOf(feed, day);
    this.#emitter = new Emitter(this.out, feed.id, shard);
    this.#state = createState(shard, taken, opened >= dayStart(day));
  }

  /** R3: it speaks once its epoch has taken the shard and its day has begun, until the day ends. */
  get speaking(): boolean {
    return this.#state.taken && this.#state.begun && !this.#state.ended;
  }

  get ended(): boolean {
    return this.#state.ended;
  }

  /** Whether this connection serves the fold's day. */
  serves(c: number): boolean {
    return this.#state.connections.get(c)?.serves === true;
  }

  /** Symbols whose book is whole on some connection that serves the day: how warm the fold is. */
  wholeBooks(): number {
    let whole = 0;
    this.#state.names.forEach((_, slot) => {
      const ready = servingNewestFirst(this.#state).some((it) =>
        this.#books.get(it.c)?.[slot]?.isWhole(),
      );
      if (ready) whole++;
    });
    return whole;
  }

  /** One frame; `bytes[end]` must exist. Returns what it decoded to, valid until the next frame. */
  frame(t: bigint, c: number, bytes: Uint8Array, start: number, end: number): EventBuffer {
    const { buffer } = this;
    const state = this.#begin(t);
    this.#decode(bytes, start, end, this.#table, buffer);
    countFrame(this.counts, buffer);
    const connection = this.#connection(c);
    if (buffer.count > 0) this.#data(connection, buffer);
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
    });
    copy.#state = cloneState(this.#state);
    copy.#books = cloneBooks(this.#books);
    copy.#config = this.#config;
    copy.#table = this.#table;
    copy.#slots = [...this.#slots];
    return copy;
  }

  /** @internal The day's configuration: symbols are only ever added within a day. */
  configure(config: FoldConfig): void {
    this.#config = config;
    this.#table = createSymbolTable(config.symbols);
    this.#slots = config.symbols.map((it) => addSlot(this.#state, it.symbol));
  }

  /** @internal */
  opened(fact: Facts['_open']): void {
    this.#state.connections.set(fact.c, newConnection(fact.c, fact.day === this.day));
  }

  /** @internal R5: whoever the dead connection spoke for passes to the next whole one, or is a gap. */
  closed(c: number, cause: string): void {
    const state = this.#state;
    const connection = state.connections.get(c);
    if (connection === undefined) return;
    state.connections.delete(c);
    this.#books.delete(c);
    for (let key = 0; key < state.speakers.length; key++) {
      if (state.speakers[key] === c) this.#passOn(key, c, cause, connection.last_t);
    }
    // A planned close leaves the trades to the connections that replace it.
    if (cause === 'closed' && servingNewestFirst(state).length > 0) return;
    this.#tradesLost(connection, cause);
  }

  /** @internal Frames were lost on a connection: nothing it says can be built on what came before. */
  dropped(fact: Facts['_drop']): void {
    const state = this.#state;
    const connection = state.connections.get(fact.c);
    this.#status(
      0,
      { kind: 'gap_opened', cause: 'drop', from: BigInt(fact.from), detail: fact.reason },
      fact.c,
    );
    this.#status(
      0,
      {
        kind: 'gap_closed',
        cause: 'drop',
        from: BigInt(fact.from),
        detail: `${fact.frames} frames`,
      },
      fact.c,
    );
    if (connection === undefined) return;
    const books = this.#books.get(fact.c) ?? [];
    books.forEach((_, slot) => {
      this.#fault(connection, slot, 'drop');
    });
    this.#books.delete(fact.c);
    for (let key = BOOK_TYPE; key < state.speakers.length; key += TYPES) {
      if (state.speakers[key] === fact.c) this.#passOn(key, fact.c, 'drop', connection.last_t);
    }
  }

  /** @internal */
  clock(fact: Facts['_clock']): void {
    this.#state.bad_clock = fact.bad;
    this.#status(0, { kind: 'clock', cause: 'clock', detail: fact.detail }, null);
  }

  /** @internal */
  alarm(fact: Facts['_alarm']): void {
    const slot = fact.symbol === null ? 0 : Math.max(0, this.#state.names.indexOf(fact.symbol));
    this.#status(slot, { kind: 'system', cause: fact.kind, detail: fact.detail }, fact.c);
  }

  /** @internal R7 */
  took(fact: Facts['_take']): void {
    if (this.#state.taken) return;
    this.#state.taken = true;
    if (this.#state.begun) this.#speak(fact);
  }

  /** @internal R2 */
  midnight(day: string): void {
    if (day > this.day) this.#state.ended = true;
    if (day !== this.day || this.#state.begun) return;
    this.#state.begun = true;
    if (this.#state.taken) this.#speak(null);
  }

  #begin(t: bigint): DayState {
    this.#emitter.beginLine(t);
    this.#state.t = t;
    this.faults.length = 0;
    return this.#state;
  }

  #connection(c: number): Connection {
    let connection = this.#state.connections.get(c);
    if (connection === undefined) {
      // Opened before this fold was: its trades count, nothing else does (R4).
      connection = newConnection(c, false);
      this.#state.connections.set(c, connection);
    }
    return connection;
  }

  #data(connection: Connection, buffer: EventBuffer): void {
    this.#floors.clear();
    const context = this.#tradeContext();
    for (let event = 0; event < buffer.count; event++) {
      const slot = this.#slots[buffer.symbol[event] as number];
      if (slot === undefined) continue;
      const type = buffer.type[event] as number;
      if (type === TRADE) hearTrade(context, connection, buffer, event, slot);
      else if (!connection.serves) countDropped(this.counts, 'other_day');
      else if (type === BOOK_TYPE) this.#book(connection, buffer, event, slot);
      else this.#value(connection, buffer, event, slot, type);
    }
  }

  #tradeContext(): TradeContext {
    return {
      state: this.#state,
      emitter: this.#emitter,
      counts: this.counts,
      feed: this.#feed.id,
      shard: this.#shard,
      contiguous: this.#feed.trade_ids === 'contiguous',
      speaking: this.speaking,
      floors: this.#floors,
    };
  }

  /** Quotes, candles, tickers ...: the first message is the whole state. */
  #value(c: Connection, buffer: EventBuffer, event: number, slot: number, type: number): void {
    c.whole[slot] = (c.whole[slot] ?? 0) | (1 << type);
    if (!this.#speaks(c, slot * TYPES + type)) {
      countDropped(this.counts, 'not_speaking');
    } else if (this.speaking) {
      this.#emitter.emit(this.#state, buffer, event, slot, 0);
    } else {
      countDropped(this.counts, 'muted');
      const symbol = this.#state.names[slot] as string;
      const header = {
        t: this.#state.t,
        index: 0,
        shard: this.#shard,
        feed: this.#feed.id,
        symbol,
      };
      this.#state.last_values.set(slot * TYPES + type, eventOf(buffer, event, header));
    }
  }

  #book(c: Connection, buffer: EventBuffer, event: number, slot: number): void {
    const key = slot * TYPES + BOOK_TYPE;
    const book = this.#bookOf(c, slot);
    const verdict = book.apply(buffer, event);
    const spoke = this.#state.speakers[key] === c.c;
    if ((verdict & BOOK.BROKEN) !== 0) this.#broken(c, book, key, slot, spoke);
    if (!book.isWhole()) {
      countDropped(this.counts, 'held');
      return;
    }
    if (!this.#speaks(c, key)) {
      countDropped(this.counts, 'not_speaking');
      return;
    }
    if ((verdict & BOOK.EMIT) === 0) {
      countDropped(this.counts, 'held');
      return;
    }
    if ((verdict & BOOK.HEALED) !== 0) this.#close(key, false);
    if (!this.speaking) {
      countDropped(this.counts, 'muted');
      return;
    }
    const flags =
      ((verdict & BOOK.UNVERIFIED) === 0 ? 0 : FLAG.UNVERIFIED) |
      ((verdict & BOOK.BAD) === 0 ? 0 : FLAG.MAYBE_BAD_BOOK);
    this.#emitter.emit(this.#state, buffer, event, slot, flags);
  }

  #bookOf(c: Connection, slot: number): FeedBook {
    let books = this.#books.get(c.c);
    if (books === undefined) this.#books.set(c.c, (books = []));
    let book = books[slot];
    if (book === undefined) {
      book = this.#feed.openBook(this.#config?.book_depth ?? 0);
      books[slot] = book;
    }
    return book;
  }

  /** The venue's own rule broke: a gap with the two values it compared. */
  #broken(c: Connection, book: FeedBook, key: number, slot: number, spoke: boolean): void {
    const { cause, expected, received } = book.fault();
    this.#fault(c, slot, cause);
    if (!spoke) return;
    this.#open(key, { cause, from: c.last_t, connection: c.c, expected, received });
    if (!book.isWhole()) this.#passOn(key, c.c, cause, c.last_t);
  }

  #fault(c: Connection, slot: number, cause: string): void {
    const symbol = this.#state.names[slot] as string;
    this.faults.push({ c: c.c, symbol, channel: this.buffer.channel, cause });
  }

  /**
   * R5: whether `c` speaks for the key at this line. The newest connection whose state is whole
   * takes over from an older one here, and closes what gap there was.
   */
  #speaks(c: Connection, key: number): boolean {
    const speaker = this.#state.speakers[key] as number;
    if (speaker === c.c) return true;
    if (speaker > c.c) return false;
    this.#state.speakers[key] = c.c;
    this.#close(key, false);
    return true;
  }

  /** The speaker of `key` is gone: the newest whole connection follows, or a gap opens. */
  #passOn(key: number, from: number, cause: string, last_t: bigint): void {
    const slot = Math.floor(key / TYPES);
    const type = key % TYPES;
    this.#state.speakers[key] = 0;
    if (type === TRADE || type === STATUS) return;
    for (const next of servingNewestFirst(this.#state)) {
      if (next.c === from) continue;
      const book = type === BOOK_TYPE ? this.#books.get(next.c)?.[slot] : undefined;
      const whole =
        type === BOOK_TYPE
          ? book?.isWhole() === true
          : ((next.whole[slot] ?? 0) & (1 << type)) !== 0;
      if (!whole) continue;
      this.#state.speakers[key] = next.c;
      if (book !== undefined && this.speaking) this.#snapshot(book, slot);
      this.#close(key, false);
      return;
    }
    this.#open(key, { cause, from: last_t, connection: from });
  }

  /** Trades have no speaker: a hole begins when the last connection that carried them dies. */
  #tradesLost(dead: Connection, cause: string): void {
    dead.whole.forEach((whole, slot) => {
      if ((whole & (1 << TRADE)) === 0) return;
      const carried = [...this.#state.connections.values()].some(
        (it) => ((it.whole[slot] ?? 0) & (1 << TRADE)) !== 0,
      );
      if (carried) return;
      this.#open(slot * TYPES + TRADE, { cause, from: dead.last_t, connection: dead.c });
    });
  }

  #control(c: Connection, buffer: EventBuffer): void {
    const index = buffer.frame_symbol;
    const slot = index >= 0 ? (this.#slots[index] ?? 0) : 0;
    const { reason, channel, at } = buffer;
    if (buffer.kind === 'refused') {
      this.#status(
        slot,
        { kind: 'refused', cause: 'refused', about: channel, detail: reason },
        c.c,
      );
    } else if (buffer.kind === 'rejected') {
      const detail = at < 0 ? null : `at byte ${at}`;
      this.#status(slot, { kind: 'rejected', cause: reason, about: channel, detail }, c.c);
    } else if (buffer.kind === 'system') {
      this.#status(slot, { kind: 'system', cause: 'venue', about: channel, detail: reason }, c.c);
    }
  }

  /** R7, R8: the fold speaks from this line on, and states what it knows first. */
  #speak(take: Facts['_take'] | null): void {
    const state = this.#state;
    if (take?.prev != null) {
      const hole = { cause: 'take_over', from: BigInt(take.prev.t) };
      this.#status(0, { kind: 'gap_opened', ...hole }, null);
      this.#status(0, { kind: 'gap_closed', ...hole }, null);
    }
    for (let slot = 1; slot < state.names.length; slot++) {
      for (let type = 0; type < TYPES; type++) this.#stateOf(slot, type);
    }
    state.last_values.clear();
    speakPendingTrades(this.#tradeContext(), take?.ids ?? {});
    const open = [...state.gaps];
    state.gaps.clear();
    for (const [key, gap] of open) this.#open(key, gap);
  }

  #stateOf(slot: number, type: number): void {
    const state = this.#state;
    const key = slot * TYPES + type;
    if (type === BOOK_TYPE) {
      const book = this.#books.get(state.speakers[key] as number)?.[slot];
      if (book?.isWhole() === true) this.#snapshot(book, slot);
      return;
    }
    const value = state.last_values.get(key);
    if (value !== undefined && state.speakers[key] !== 0) {
      this.#emitter.emitObject(state, value, slot, FLAG.SNAPSHOT);
    }
  }

  #snapshot(book: FeedBook, slot: number): void {
    const scratch = this.#scratch;
    scratch.reset(new Uint8Array(0));
    book.snapshot(scratch, 0);
    for (let event = 0; event < scratch.count; event++) {
      this.#emitter.emit(this.#state, scratch, event, slot, FLAG.SNAPSHOT);
    }
  }

  #open(key: number, gap: GapFacts): void {
    openGap(this.#state, this.#emitter, this.speaking, key, gap);
  }

  #close(key: number, repaired: boolean): void {
    closeGap(this.#state, this.#emitter, this.speaking, key, repaired);
  }

  #status(
    slot: number,
    fields: {
      kind: string;
      cause: string;
      about?: string | null;
      detail?: string | null;
      from?: bigint;
    },
    connection: number | null,
  ): void {
    if (!this.speaking) return;
    const { from, ...rest } = fields;
    this.#emitter.emitStatus(this.#state, slot, {
      ...rest,
      connection,
      ...(from === undefined ? {} : { from: unixNs(from), to: unixNs(this.#state.t) }),
    });
  }
}

const FACTS: { readonly [K in FactKey]: (this: DayFold, fact: Facts[K]) => void } = {
  _open(fact) {
    this.opened(fact);
  },
  _sent() {},
  _close(fact) {
    this.closed(fact.c, fact.by === 'us' ? 'closed' : 'disconnect');
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

function newConnection(c: number, serves: boolean): Connection {
  return { c, serves, last_t: 0n, whole: [], last_trade: [] };
}
