/**
 * Normalized events: what the fold yields, the bus carries and the archive holds.
 *
 * One table, `EVENT_FIELDS`, names the fields of every type in their order; the TypeScript types, the
 * columns of the decoder's `EventBuffer`, the Cap'n Proto layout (`codec/md2.capnp`) and the docs are
 * derived from it or tested against it. Fields are only ever appended: an old archive stays readable.
 *
 * An event is identified by `(shard, t, type, symbol, index)`: `t` is the position of its line in the
 * shard's log, `index` counts within one line, type and symbol.
 */
import type { Decimal } from './decimal.ts';
import type { UnixNs } from './time.ts';

/** Codes are the ordinals of the union in `md2.capnp`: append only. */
export const EVENT_TYPES = [
  'trade',
  'quote',
  'book',
  'ohlc',
  'ticker',
  'mark',
  'liquidation',
  'instrument',
  'status',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export const TYPE_CODE: { readonly [T in EventType]: number } = Object.fromEntries(
  EVENT_TYPES.map((type, code) => [type, code]),
) as { [T in EventType]: number };

/** Bits of `flags`. */
export const FLAG = {
  /** The event states the whole (a book's levels replace what was there), not a change. */
  SNAPSHOT: 1,
  /** The last event of its type and symbol that this line yields. */
  LAST: 2,
  /** A gap is open on this book: its levels may be wrong. */
  MAYBE_BAD_BOOK: 4,
  /** The receive time is not trustworthy: imported without one, or after a clock step. */
  BAD_TS_RECV: 8,
  /** Nothing the venue sends proves this value (levels below the proven depth, an unchained delta). */
  UNVERIFIED: 16,
  /** A venue's id that was seen before, with other content. */
  ID_CONFLICT: 32,
  /** Sent by the venue as history on subscribing; emitted because it was not known yet. */
  HISTORY: 64,
} as const;

/**
 * What a field holds: an exact decimal; an unsigned 64-bit integer; an unsigned 32-bit integer; a
 * text of at most 64 KiB UTF-8; an instant (u64 ns); a side (0 unknown, 1 buy, 2 sell). Every kind
 * has an absent value of its own, `null` in TypeScript; zero is never used for "absent".
 */
export type FieldKind = 'decimal' | 'u64' | 'u32' | 'text' | 'instant' | 'side';

export const EVENT_FIELDS = {
  /** One execution, or Binance's aggregate of executions at one price. `side` is the aggressor's. */
  trade: {
    price: 'decimal',
    size: 'decimal',
    side: 'side',
    trade_id: 'text',
    order_type: 'text',
    first_trade_id: 'u64',
    last_trade_id: 'u64',
  },
  /** Best bid and offer. */
  quote: {
    bid_price: 'decimal',
    bid_size: 'decimal',
    ask_price: 'decimal',
    ask_size: 'decimal',
  },
  /** Levels of a book (beside these fields: `bids`, `asks`); size 0 deletes a level. */
  book: {
    /** Levels a side the subscription keeps; null where the venue sends all. */
    depth: 'u32',
    /** The venue's checksum of the book after this message, unsigned. */
    checksum: 'u32',
    /** First update id in this message (Binance `U`). */
    first_sequence: 'u64',
    /** The update id this message follows (Binance `pu`, OKX `prevSeqId`). */
    prev_sequence: 'u64',
    /** A message over the size limit comes as parts 1..parts. */
    part: 'u32',
    parts: 'u32',
  },
  /** A candle as the venue computes it; updates repeat until the interval ends. */
  ohlc: {
    open: 'decimal',
    high: 'decimal',
    low: 'decimal',
    close: 'decimal',
    volume: 'decimal',
    vwap: 'decimal',
    quote_volume: 'decimal',
    trades: 'u64',
    interval_begin: 'instant',
    /** Length of the interval in seconds. */
    interval_s: 'u32',
    /** 1 closed, 0 still open, null where the venue does not say. */
    closed: 'u32',
  },
  /** The venue's rolling summary of a market. */
  ticker: {
    last_price: 'decimal',
    last_size: 'decimal',
    bid_price: 'decimal',
    bid_size: 'decimal',
    ask_price: 'decimal',
    ask_size: 'decimal',
    volume: 'decimal',
    quote_volume: 'decimal',
    vwap: 'decimal',
    open: 'decimal',
    high: 'decimal',
    low: 'decimal',
    change: 'decimal',
    change_percent: 'decimal',
    trades: 'u64',
  },
  /** A derivative's mark and index price with its funding. */
  mark: {
    mark_price: 'decimal',
    index_price: 'decimal',
    settle_price: 'decimal',
    funding_rate: 'decimal',
    next_funding: 'instant',
  },
  /** A forced order. */
  liquidation: {
    price: 'decimal',
    size: 'decimal',
    average_price: 'decimal',
    filled_size: 'decimal',
    side: 'side',
    order_type: 'text',
    status: 'text',
  },
  /** Reference data of one market, as the venue states it. */
  instrument: {
    base: 'text',
    quote: 'text',
    status: 'text',
    price_increment: 'decimal',
    size_increment: 'decimal',
    size_min: 'decimal',
    cost_min: 'decimal',
    price_precision: 'u32',
    size_precision: 'u32',
  },
  /** A fact about the data itself, derived from log lines alone. */
  status: {
    /** `gap_opened gap_closed refused rejected clock system` */
    kind: 'text',
    /** `disconnect sequence checksum crossed refused take_over opening drop clock stale ...` */
    cause: 'text',
    /** The type of event it concerns (`trade`, `book`, ...), null for all. */
    about: 'text',
    connection: 'u32',
    /** Where a gap begins (the last line known good) and ends. */
    from: 'instant',
    to: 'instant',
    expected: 'text',
    received: 'text',
    detail: 'text',
    /** 1 what was missed came later (trade history), 0 it did not, null while open. */
    repaired: 'u32',
  },
} as const satisfies { readonly [T in EventType]: Readonly<Record<string, FieldKind>> };

export type Side = 'buy' | 'sell';

type FieldValue<K extends FieldKind> = K extends 'decimal'
  ? Decimal | null
  : K extends 'u64'
    ? bigint | null
    : K extends 'u32'
      ? number | null
      : K extends 'text'
        ? string | null
        : K extends 'instant'
          ? UnixNs | null
          : Side | null;

type FieldsOf<T extends EventType> = {
  readonly [F in keyof (typeof EVENT_FIELDS)[T]]: (typeof EVENT_FIELDS)[T][F] extends FieldKind
    ? FieldValue<(typeof EVENT_FIELDS)[T][F]>
    : never;
};

export type BookLevel = { readonly price: Decimal; readonly size: Decimal };

export type EventHeader = {
  readonly t: UnixNs;
  /** When the venue says it happened; null where it does not say. */
  readonly ts_event: UnixNs | null;
  readonly index: number;
  readonly shard: string;
  readonly feed: string;
  readonly symbol: string;
  /** The venue's own number for this message where it has one. */
  readonly sequence: bigint | null;
  readonly flags: number;
};

/** One event of a given type as a plain object: for tests, tools and library users. */
export type EventOf<T extends EventType> = T extends 'book'
  ? EventHeader & { readonly type: 'book' } & FieldsOf<'book'> & {
        readonly bids: readonly BookLevel[];
        readonly asks: readonly BookLevel[];
      }
  : EventHeader & { readonly type: T } & FieldsOf<T>;

export type MarketEvent = { [T in EventType]: EventOf<T> }[EventType];

/** The symbol of events that concern a whole shard rather than one market. */
export function feedSymbol(shard: string): string {
  return `_FEED-${shard}`;
}

/** Plain bytes one event may take; a larger book snapshot is cut into parts. */
export const EVENT_BYTES_MAX = 256 * 1024;
