/**
 * Who speaks for what, and what is said (R3, R5, R7, R8): the part of a day's fold that holds its
 * memory. `day-fold.ts` reads the lines and calls it.
 */
import { EventBuffer } from '../codec/event-buffer.ts';
import { eventOf } from '../codec/event-object.ts';
import { BOOK } from '../connectors/feed.ts';
import type { Feed, FeedBook } from '../connectors/feed.ts';
import { EVENT_TYPES, FLAG, TYPE_CODE } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import type { Facts } from '../schema/log.ts';
import { unixNs } from '../schema/time.ts';
import { forgetValues, makeWhole } from './changes.ts';
import { countBook, countDropped } from './counts.ts';
import type { FoldCounts } from './counts.ts';
import type { Emitter } from './emitter.ts';
import type { BookFault } from './faults.ts';
import { closeGap, openGap } from './gaps.ts';
import type { GapFacts } from './gaps.ts';
import { causeUnspoken, isRefused, isSpoken } from './refusals.ts';
import {
  BOOK_TYPE,
  FEED_KEY,
  LIQUIDATION,
  STATUS,
  TRADE,
  TYPES,
  cloneBooks,
  cloneState,
  isPartlyServed,
  isReplaced,
  newConnection,
  servingNewestFirst,
  tradeSlots,
} from './state.ts';
import type { Books, Connection, DayState } from './state.ts';
import { HistoryFloors } from './trade-memory.ts';
import { speakPendingTrades } from './trades.ts';
import type { TradeContext } from './trades.ts';

export type SpeechOptions = {
  readonly feed: Feed;
  readonly shard: string;
  readonly emitter: Emitter;
  readonly counts: FoldCounts;
  /** Filled as books break; the fold clears it at each line. */
  readonly faults: BookFault[];
};

/** The two values a rule compared, where it did. */
type Compared = { readonly expected?: string; readonly received?: string };

export class Speech implements TradeContext {
  readonly state: DayState;
  readonly emitter: Emitter;
  readonly counts: FoldCounts;
  readonly feed: string;
  readonly shard: string;
  readonly contiguous: boolean;
  readonly floors: HistoryFloors = new HistoryFloors();
  /** Levels a side that books are kept to. */
  book_depth = 0;
  readonly #feed: Feed;
  readonly #changes: ReadonlySet<number>;
  readonly #faults: BookFault[];
  readonly #books: Books;
  readonly #scratch = new EventBuffer();
  /** Keys whose state the venue sends by itself (R12). */
  #opening: readonly number[] = [];

  constructor(options: SpeechOptions, state: DayState, books: Books = new Map()) {
    this.state = state;
    this.emitter = options.emitter;
    this.counts = options.counts;
    this.feed = options.feed.id;
    this.shard = options.shard;
    this.contiguous = options.feed.trade_ids === 'contiguous';
    this.#feed = options.feed;
    this.#changes = new Set((options.feed.changes ?? []).map((type) => TYPE_CODE[type]));
    this.#faults = options.faults;
    this.#books = books;
  }

  /** R3: once the epoch has taken the shard and the day has begun, until the day ends. */
  get speaking(): boolean {
    return this.state.taken && this.state.begun && !this.state.ended;
  }

  /** A copy of what it remembers, speaking through other options. */
  clone(options: SpeechOptions): Speech {
    const copy = new Speech(options, cloneState(this.state), cloneBooks(this.#books));
    copy.book_depth = this.book_depth;
    copy.#opening = this.#opening;
    return copy;
  }

  /** The day's configuration is known, or grew. */
  expect(keys: readonly number[]): void {
    this.#opening = keys;
    if (this.speaking) this.#openUnspoken();
  }

  opened({ c, url }: Facts['_open'], serves: boolean): void {
    const state = this.state;
    state.connections.set(c, newConnection(c, serves, url, state.t));
    if (!serves) return;
    state.urls.add(url);
    if (!isPartlyServed(state)) this.#close(FEED_KEY, false);
  }

  /** R5: whoever the dead connection spoke for passes to the next whole one, or is a gap. */
  closed(c: number, cause: string): void {
    const state = this.state;
    const connection = state.connections.get(c);
    if (connection === undefined) return;
    state.connections.delete(c);
    this.#books.delete(c);
    for (let key = 0; key < state.speakers.length; key++) {
      if (state.speakers[key] === c) this.#passOn(key, c, cause, connection.last_t);
    }
    const alone = !isReplaced(state, connection);
    if (connection.serves && alone) {
      this.#open(FEED_KEY, { cause, from: connection.last_t, connection: c });
    }
    // A planned close leaves the trades to the connections that replace it, where those may have them.
    const handed = cause === 'closed' && !alone;
    this.#tradesLost(connection, cause, (key) => handed && !isRefused(this.state, key));
  }

  /**
   * Frames were lost on a connection: nothing it says can be built on what came before, and whatever
   * it carried may be among them. The feed's own gap is bounded; each type's is open until it speaks.
   */
  dropped(fact: Facts['_drop']): void {
    const state = this.state;
    const connection = state.connections.get(fact.c);
    const hole = { cause: 'drop', from: BigInt(fact.from) };
    this.status(0, { kind: 'gap_opened', ...hole, detail: fact.reason }, fact.c);
    this.status(0, { kind: 'gap_closed', ...hole, detail: `${fact.frames} frames` }, fact.c);
    if (connection === undefined) return;
    // Those frames had numbers: it is these that are missing, once.
    connection.last_number = -1;
    this.#forget(connection, 'drop');
  }

  /**
   * R13: the number of a frame on its connection. Returns whether the frame is new; one that comes
   * twice in a row is not. Any other than the next means that frames were lost, or came out of order.
   */
  numbered(connection: Connection, number: number): boolean {
    const { c, last_t: from, last_number: last } = connection;
    if (number === last) return false;
    connection.last_number = number;
    if (last < 0 || number === last + 1) return true;
    const values = { expected: String(last + 1), received: String(number) };
    if (connection.serves) {
      this.status(0, { kind: 'gap_opened', cause: 'sequence', from, ...values }, c);
      this.status(0, { kind: 'gap_closed', cause: 'sequence', from, ...values }, c);
    }
    this.#forget(connection, 'sequence', values);
    return true;
  }

  /** Frames of a connection are missing: what it said before proves nothing about what follows. */
  #forget(connection: Connection, cause: string, compared: Compared = {}): void {
    const { state } = this;
    const { c, last_t } = connection;
    const books = this.#books.get(c) ?? [];
    books.forEach((_, slot) => {
      this.#fault(connection, slot, BOOK_TYPE, cause);
    });
    this.#books.delete(c);
    forgetValues(connection, (slot, type) => this.#fault(connection, slot, type, cause));
    const trades = tradeSlots(connection);
    connection.whole.length = 0;
    for (let key = 0; key < state.speakers.length; key++) {
      if (state.speakers[key] === c) this.#passOn(key, c, cause, last_t, compared);
    }
    // Whatever the ids will look like: the next trade says whether any was lost.
    for (const slot of trades) {
      const key = slot * TYPES + TRADE;
      this.#open(key, { cause, from: last_t, connection: c, ...compared });
    }
  }

  /** Quotes, candles, tickers ...: a message is the whole state, or a change of it (`changes.ts`). */
  value(c: Connection, buffer: EventBuffer, event: number, slot: number, type: number): void {
    const key = slot * TYPES + type;
    if (this.#changes.has(type) && !makeWhole(c, buffer, event, key)) {
      countDropped(this.counts, 'held');
      return;
    }
    c.whole[slot] = (c.whole[slot] ?? 0) | (1 << type);
    if (!this.#speaks(c, key)) {
      countDropped(this.counts, 'not_speaking');
    } else if (this.speaking) {
      this.emitter.emit(this.state, buffer, event, slot, 0);
    } else {
      countDropped(this.counts, 'muted');
      // A forced order is no state: whoever spoke then has told it.
      if (type === LIQUIDATION) return;
      const symbol = this.state.names[slot] as string;
      const header = {
        t: this.state.t,
        index: 0,
        shard: this.shard,
        feed: this.feed,
        symbol,
      };
      this.state.last_values.set(key, eventOf(buffer, event, header));
    }
  }

  book(c: Connection, buffer: EventBuffer, event: number, slot: number): void {
    const key = slot * TYPES + BOOK_TYPE;
    const book = this.#bookOf(c, slot);
    const verdict = book.apply(buffer, event);
    countBook(this.counts, verdict);
    // A first message may break the book it opens: it speaks first, and closes no gap of its own.
    const speaks = book.isWhole() ? this.#speaks(c, key) : this.state.speakers[key] === c.c;
    if ((verdict & BOOK.BROKEN) !== 0) this.#broken(c, book, key, slot, speaks);
    if (!book.isWhole()) {
      countDropped(this.counts, 'held');
      return;
    }
    if (!speaks) {
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
    this.emitter.emit(this.state, buffer, event, slot, flags);
  }

  #bookOf(c: Connection, slot: number): FeedBook {
    let books = this.#books.get(c.c);
    if (books === undefined) this.#books.set(c.c, (books = []));
    let book = books[slot];
    if (book === undefined) {
      book = this.#feed.openBook(this.book_depth);
      books[slot] = book;
    }
    return book;
  }

  /** The venue's own rule broke: a gap with the two values it compared. */
  #broken(c: Connection, book: FeedBook, key: number, slot: number, speaks: boolean): void {
    const { cause, expected, received } = book.fault();
    this.#fault(c, slot, BOOK_TYPE, cause);
    if (!speaks) return;
    this.#open(key, { cause, from: c.last_t, connection: c.c, expected, received });
    if (!book.isWhole()) this.#passOn(key, c.c, cause, c.last_t);
  }

  #fault(c: Connection, slot: number, type: number, cause: string): void {
    const symbol = this.state.names[slot] as string;
    this.#faults.push({ c: c.c, symbol, type: EVENT_TYPES[type] as EventType, cause });
  }

  /**
   * R5: whether `c` speaks for the key at this line. The newest connection whose state is whole
   * takes over from an older one here, and closes what gap there was.
   */
  #speaks(c: Connection, key: number): boolean {
    const speaker = this.state.speakers[key] as number;
    if (speaker === c.c) return true;
    if (speaker > c.c) return false;
    this.state.speakers[key] = c.c;
    this.#close(key, false);
    return true;
  }

  /** The speaker of `key` is gone: the newest whole connection follows, or a gap opens. */
  #passOn(key: number, from: number, cause: string, last_t: bigint, compared: Compared = {}): void {
    const slot = Math.floor(key / TYPES);
    const type = key % TYPES;
    this.state.speakers[key] = 0;
    if (type === TRADE || type === STATUS) return;
    for (const next of servingNewestFirst(this.state)) {
      if (next.c === from) continue;
      const book = type === BOOK_TYPE ? this.#books.get(next.c)?.[slot] : undefined;
      const whole =
        type === BOOK_TYPE
          ? book?.isWhole() === true
          : ((next.whole[slot] ?? 0) & (1 << type)) !== 0;
      if (!whole) continue;
      this.state.speakers[key] = next.c;
      // It may have broken while another spoke: its gap begins here, not where nobody heard it.
      if (book !== undefined && this.#restate(book, slot)) {
        this.#open(key, { ...book.fault(), from: last_t, connection: next.c });
      } else this.#close(key, false);
      return;
    }
    const why = causeUnspoken(this.state, key, cause);
    this.#open(key, { cause: why, from: last_t, connection: from, ...compared });
  }

  /** Trades have no speaker: a hole begins when the last connection that carried them dies. */
  #tradesLost(dead: Connection, cause: string, isHanded: (key: number) => boolean): void {
    for (const slot of tradeSlots(dead)) {
      const key = slot * TYPES + TRADE;
      if (isSpoken(this.state, key) || isHanded(key)) continue;
      const why = causeUnspoken(this.state, key, cause);
      this.#open(key, { cause: why, from: dead.last_t, connection: dead.c });
    }
  }

  /** R7, R8: the fold speaks from this line on, and states what it knows first. */
  speak(take: Facts['_take'] | null): void {
    const state = this.state;
    if (take !== null) {
      // Without `from` where nobody said who had the shard before, or how far that one came.
      state.prev_t = BigInt(take.prev?.t ?? 0);
      const hole = { cause: 'take_over', ...(take.prev === null ? {} : { from: state.prev_t }) };
      this.status(0, { kind: 'gap_opened', ...hole }, null);
      this.status(0, { kind: 'gap_closed', ...hole }, null);
    }
    for (let slot = 1; slot < state.names.length; slot++) {
      for (let type = 0; type < TYPES; type++) this.#stateOf(slot, type);
    }
    state.last_values.clear();
    speakPendingTrades(this, take?.ids ?? {});
    const open = [...state.gaps];
    state.gaps.clear();
    for (const [key, gap] of open) this.#open(key, gap);
    this.#openUnspoken();
  }

  /** R12: what has no state yet, though the venue sends one, and everything while nothing is heard. */
  #openUnspoken(): void {
    const hole = { cause: 'opening', from: this.state.t };
    for (const key of this.#opening) {
      if (this.state.speakers[key] === 0) this.#open(key, hole);
    }
    if (servingNewestFirst(this.state).length === 0) this.#open(FEED_KEY, hole);
  }

  #stateOf(slot: number, type: number): void {
    const state = this.state;
    const key = slot * TYPES + type;
    if (type === BOOK_TYPE) {
      const book = this.#books.get(state.speakers[key] as number)?.[slot];
      if (book?.isWhole() === true) this.#restate(book, slot);
      return;
    }
    const value = state.last_values.get(key);
    if (value !== undefined && state.speakers[key] !== 0) {
      this.emitter.emitObject(state, value, slot, FLAG.SNAPSHOT);
    }
  }

  /** States a whole book, where the fold speaks; returns whether what it holds may be wrong. */
  #restate(book: FeedBook, slot: number): boolean {
    const scratch = this.#scratch;
    scratch.reset(new Uint8Array(0));
    book.snapshot(scratch, 0);
    for (let event = 0; this.speaking && event < scratch.count; event++) {
      this.emitter.emit(this.state, scratch, event, slot, FLAG.SNAPSHOT);
    }
    return ((scratch.flags[0] as number) & FLAG.MAYBE_BAD_BOOK) !== 0;
  }

  #open(key: number, gap: GapFacts): void {
    openGap(this.state, this.emitter, this.speaking, key, gap);
  }

  #close(key: number, repaired: boolean): void {
    closeGap(this.state, this.emitter, this.speaking, key, repaired);
  }

  status(
    slot: number,
    fields: {
      kind: string;
      cause: string;
      about?: string | null;
      detail?: string | null;
      from?: bigint;
    } & Compared,
    connection: number | null,
  ): void {
    if (!this.speaking) return;
    const { from, ...rest } = fields;
    this.emitter.emitStatus(this.state, slot, {
      ...rest,
      connection,
      ...(from === undefined ? {} : { from: unixNs(from), to: unixNs(this.state.t) }),
    });
  }
}
