/**
 * What the fold of a day remembers. All of it is plain data apart from the books, so that a copy can
 * be taken at any line (`cloneState`) and go on by itself.
 *
 * A *slot* is a symbol's place in the fold: slot 0 is the feed itself (`_FEED-{shard}`), symbols follow
 * in the order they were configured. A *key* is `slot * TYPES + type code`.
 */
import type { FeedBook } from '../connectors/feed.ts';
import { EVENT_TYPES, TYPE_CODE, feedSymbol } from '../schema/events.ts';
import type { MarketEvent } from '../schema/events.ts';
import { createTradeMemory } from './trade-memory.ts';
import type { TradeMemory } from './trade-memory.ts';

export const TYPES = EVENT_TYPES.length;
export const TRADE = TYPE_CODE.trade;
export const BOOK_TYPE = TYPE_CODE.book;
export const LIQUIDATION = TYPE_CODE.liquidation;
export const STATUS = TYPE_CODE.status;
/** The key of the feed itself: a gap in it is one of everything. */
export const FEED_KEY = STATUS;

/** One connection as a day's fold sees it. */
export type Connection = {
  readonly c: number;
  /** Opened for this fold's day: everything on it counts. Otherwise only its trades do. */
  readonly serves: boolean;
  /** What it is connected to; null where the fold did not see it open. */
  readonly url: string | null;
  /** `t` of its last frame, or of its opening: where a gap begins if it dies. */
  last_t: bigint;
  /** Number of its last frame that had one (`EventBuffer.frame_sequence`), else -1. */
  last_number: number;
  /** By slot: bit per type of which a whole state was seen. */
  readonly whole: number[];
  /** By slot: the last trade id heard on it, where ids are numbers. */
  readonly last_trade: (bigint | null)[];
  /** By key: the last whole state of a type of which the venue tells changes (`changes.ts`). */
  readonly values: Map<number, Int32Array>;
  /** Keys of which the venue refused a subscription on it (R15). */
  readonly refused: Set<number>;
};

/** A gap that is open; of a refusal also what was said, since most are heard before the fold speaks. */
export type Gap = {
  readonly cause: string;
  readonly from: bigint;
  readonly connection?: number;
  readonly expected?: string;
  readonly received?: string;
};

export type DayState = {
  /** The epoch has written its `_take`. */
  taken: boolean;
  /** The day has begun: its fold was opened within it, or `_midnight` came. */
  begun: boolean;
  ended: boolean;
  /** Receive times are not to be trusted from the last `_clock` line on. */
  bad_clock: boolean;
  /** `t` of the last line. */
  t: bigint;
  /** The position the previous epoch reached; 0 where it is not known. */
  prev_t: bigint;
  /** Symbol by slot. */
  readonly names: string[];
  readonly connections: Map<number, Connection>;
  /** Every url a connection that serves the day was opened to: one without any is a gap (R12). */
  readonly urls: Set<string>;
  /** Connection that speaks, by key; 0 is none. */
  readonly speakers: number[];
  readonly gaps: Map<number, Gap>;
  /** By slot. */
  readonly trades: TradeMemory[];
  /** By slot: trades heard before the epoch spoke, in order of arrival. */
  readonly pending: MarketEvent[][];
  /** By key: the last value of a type that has one, while the fold is muted. */
  readonly last_values: Map<number, MarketEvent>;
};

/** Books by connection and slot. */
export type Books = Map<number, FeedBook[]>;

export function createState(shard: string, taken: boolean, begun: boolean): DayState {
  const state: DayState = {
    taken,
    begun,
    ended: false,
    bad_clock: false,
    t: 0n,
    prev_t: 0n,
    names: [],
    connections: new Map(),
    urls: new Set(),
    speakers: [],
    gaps: new Map(),
    trades: [],
    pending: [],
    last_values: new Map(),
  };
  addSlot(state, feedSymbol(shard));
  return state;
}

/** A connection of which nothing was heard yet; `t`: since when it is open. */
export function newConnection(
  c: number,
  serves: boolean,
  url: string | null,
  t: bigint,
): Connection {
  return {
    ...{ c, serves, url, last_t: t, last_number: -1, whole: [], last_trade: [] },
    ...{ values: new Map(), refused: new Set() },
  };
}

/** In place of a slot: a symbol that this fold does not tell of. */
export const UNWANTED = -1;

/** The slot of a symbol, made if it is new. Slots are never taken back within a day. */
export function addSlot(state: DayState, symbol: string): number {
  const known = state.names.indexOf(symbol);
  if (known >= 0) return known;
  state.names.push(symbol);
  for (let type = 0; type < TYPES; type++) state.speakers.push(0);
  state.trades.push(createTradeMemory());
  state.pending.push([]);
  return state.names.length - 1;
}

export function cloneState(state: DayState): DayState {
  return structuredClone(state);
}

export function cloneBooks(books: Books): Books {
  return new Map(
    [...books].map(([c, bySlot]) => {
      const copies: FeedBook[] = [];
      bySlot.forEach((book, slot) => {
        copies[slot] = book.clone();
      });
      return [c, copies];
    }),
  );
}

/** Open connections that serve the day, newest first. */
export function servingNewestFirst(state: DayState): Connection[] {
  return [...state.connections.values()].filter((it) => it.serves).sort((a, b) => b.c - a.c);
}

/** Whether the day is served by nobody, or no longer by every url it was. */
export function isPartlyServed(state: DayState): boolean {
  const open = new Set(servingNewestFirst(state).map((it) => it.url));
  return open.size === 0 || [...state.urls].some((url) => !open.has(url));
}

/** Whether an open connection takes the place of one that is gone: one of the same url, where it is known. */
export function isReplaced(state: DayState, gone: Connection): boolean {
  return servingNewestFirst(state).some((it) => gone.url === null || it.url === gone.url);
}

/** Whether a connection has brought a trade of a slot. */
export function carriesTrades(connection: Connection, slot: number): boolean {
  return ((connection.whole[slot] ?? 0) & (1 << TRADE)) !== 0;
}

/** Slots of which a connection has brought a trade. */
export function tradeSlots(connection: Connection): number[] {
  return [...connection.whole.keys()].filter((slot) => carriesTrades(connection, slot));
}
