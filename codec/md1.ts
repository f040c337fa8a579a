/**
 * md1 (`md1.capnp`): what the requirements' simple schema shows of md2 events, and its bytes. Pure: the
 * same events in the same order give the same records. Not on the hot path.
 */
import { compareDecimals, decimalToDouble } from '../schema/decimal.ts';
import type { Decimal } from '../schema/decimal.ts';
import { FLAG } from '../schema/events.ts';
import type { BookLevel, EventOf, MarketEvent, Side } from '../schema/events.ts';
import { openMessage, wholeLength } from './capnp-read.ts';
import type { StructReader } from './capnp-read.ts';

/** Levels a side of a book snapshot. */
export const MD1_LEVELS_MAX = 10;

export type Md1Level = { readonly price: number; readonly size: number };

type Md1Common = {
  readonly symbol: string;
  /** ns since the Unix epoch; 0 where the venue does not say. */
  readonly timestamp: bigint;
  readonly exchange: string;
};
export type Md1Quote = Md1Common & {
  readonly type: 'Quote';
  readonly bid_price: number;
  readonly bid_size: number;
  readonly ask_price: number;
  readonly ask_size: number;
};
export type Md1Trade = Md1Common & {
  readonly type: 'Trade';
  readonly price: number;
  readonly size: number;
  readonly side: Side;
  readonly trade_id: string;
};
export type Md1Book = Md1Common & {
  readonly type: 'OrderBookSnapshot';
  readonly bids: readonly Md1Level[];
  readonly asks: readonly Md1Level[];
};
/** Types are the names of the schema's structs. */
export type Md1Record = Md1Quote | Md1Trade | Md1Book;

/**
 * A projection of one feed's events, fed in order: it keeps a book a symbol. Null where an event has
 * no form in md1: other types, a trade without a side, a book that is not whole and verified.
 */
export function createMd1Projection(): (event: MarketEvent) => Md1Record | null {
  const books = new Map<string, TopBook>();
  return (event) => {
    if (event.type === 'quote') return quoteOf(event);
    if (event.type === 'trade') return tradeOf(event);
    if (event.type !== 'book') return null;
    const key = `${event.feed} ${event.symbol}`;
    const book = books.get(key) ?? new TopBook();
    books.set(key, book);
    return book.apply(event)
      ? { type: 'OrderBookSnapshot', ...common(event), ...book.top() }
      : null;
  };
}

function common({ symbol, ts_event, feed }: MarketEvent): Md1Common {
  return { symbol, timestamp: ts_event ?? 0n, exchange: feed };
}

function double(value: Decimal | null): number {
  return value === null ? NaN : decimalToDouble(value);
}

function quoteOf(event: EventOf<'quote'>): Md1Quote {
  return {
    type: 'Quote',
    ...common(event),
    bid_price: double(event.bid_price),
    bid_size: double(event.bid_size),
    ask_price: double(event.ask_price),
    ask_size: double(event.ask_size),
  };
}

function tradeOf(event: EventOf<'trade'>): Md1Trade | null {
  const { side, trade_id } = event;
  if (side === null) return null;
  const price = double(event.price);
  const size = double(event.size);
  return { type: 'Trade', ...common(event), price, size, side, trade_id: trade_id ?? '' };
}

/** One market's book as the events state it, best levels first. */
class TopBook {
  readonly #bids: BookLevel[] = [];
  readonly #asks: BookLevel[] = [];
  /** A snapshot was stated, and nothing has broken since. */
  #whole = false;

  /** Returns whether the book is whole and verified after the event. */
  apply(event: EventOf<'book'>): boolean {
    const { flags, part, parts, depth } = event;
    const snapshot = (flags & FLAG.SNAPSHOT) !== 0;
    if (snapshot && (part === null || part === 1)) {
      this.#bids.length = 0;
      this.#asks.length = 0;
      this.#whole = true;
    }
    if ((flags & FLAG.MAYBE_BAD_BOOK) !== 0) this.#whole = false;
    for (const level of event.bids) put(this.#bids, level, -1);
    for (const level of event.asks) put(this.#asks, level, 1);
    if (depth !== null) {
      // The venue does not delete what falls below the depth subscribed to.
      this.#bids.length = Math.min(this.#bids.length, depth);
      this.#asks.length = Math.min(this.#asks.length, depth);
    }
    const complete = part === null || part === parts;
    return this.#whole && complete && (flags & FLAG.UNVERIFIED) === 0;
  }

  top(): Pick<Md1Book, 'bids' | 'asks'> {
    return { bids: topOf(this.#bids), asks: topOf(this.#asks) };
  }
}

function topOf(side: readonly BookLevel[]): Md1Level[] {
  return side
    .slice(0, MD1_LEVELS_MAX)
    .map(({ price, size }) => ({ price: double(price), size: double(size) }));
}

/** Sets or, by size 0, deletes a level of a side ordered by `direction` times its price. */
function put(side: BookLevel[], level: BookLevel, direction: 1 | -1): void {
  let low = 0;
  let high = side.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = side[middle] as BookLevel;
    if (compareDecimals(other.price, level.price) * direction < 0) low = middle + 1;
    else high = middle;
  }
  const there = side[low];
  const same = there !== undefined && compareDecimals(there.price, level.price) === 0;
  if (level.size.mantissa === 0n) side.splice(low, same ? 1 : 0);
  else side.splice(low, same ? 1 : 0, level);
}

/** One framed message whose root is the struct that `record.type` names. */
export function encodeMd1(record: Md1Record): Uint8Array {
  const { symbol, timestamp, exchange } = record;
  switch (record.type) {
    case 'Quote': {
      const { bid_price, bid_size, ask_price, ask_size } = record;
      const out = new Message(4, 3);
      [bid_price, bid_size, ask_price, ask_size].forEach((value, at) => out.double(at, value));
      out.text(0, symbol).instant(1, timestamp).text(2, exchange);
      return out.bytes();
    }
    case 'Trade': {
      const out = new Message(3, 4);
      out
        .double(0, record.price)
        .double(1, record.size)
        .u16(8, record.side === 'buy' ? 0 : 1);
      out.text(0, symbol).instant(1, timestamp).text(2, record.trade_id).text(3, exchange);
      return out.bytes();
    }
    case 'OrderBookSnapshot': {
      const out = new Message(0, 5);
      out.text(0, symbol).levels(1, record.bids).levels(2, record.asks);
      out.instant(3, timestamp).text(4, exchange);
      return out.bytes();
    }
    default:
      return record satisfies never;
  }
}

/**
 * Reads a stream of messages whose roots are all of one struct.
 * @throws SSMD_CORRUPT with the offset where the bytes are not whole messages
 */
export function* decodeMd1(type: Md1Record['type'], bytes: Uint8Array): Generator<Md1Record> {
  for (let at = 0; at < bytes.length; at += wholeLength(bytes, at)) {
    yield readRecord(type, openMessage(bytes, at));
  }
}

function readRecord(type: Md1Record['type'], root: StructReader): Md1Record {
  const text = (pointer: number): string => root.text(pointer) ?? '';
  const instant = (pointer: number): bigint => root.struct(pointer).u64(0);
  const levels = (pointer: number): Md1Level[] =>
    root.structs(pointer).map((level) => ({ price: level.f64(0), size: level.f64(1) }));
  switch (type) {
    case 'Quote':
      return {
        type,
        symbol: text(0),
        timestamp: instant(1),
        exchange: text(2),
        bid_price: root.f64(0),
        bid_size: root.f64(1),
        ask_price: root.f64(2),
        ask_size: root.f64(3),
      };
    case 'Trade':
      return {
        type,
        symbol: text(0),
        timestamp: instant(1),
        exchange: text(3),
        price: root.f64(0),
        size: root.f64(1),
        side: root.u16(8) === 0 ? 'buy' : 'sell',
        trade_id: text(2),
      };
    case 'OrderBookSnapshot': {
      const [bids, asks] = [levels(1), levels(2)];
      return { type, symbol: text(0), timestamp: instant(3), exchange: text(4), bids, asks };
    }
    default:
      return type satisfies never;
  }
}

const utf8 = new TextEncoder();
const WORD = 8;
const LEVEL_WORDS = 2;

/** A message of one segment, its objects in the order they are set. */
class Message {
  #view: DataView;
  /** Words used, the segment table included. */
  #used: number;
  readonly #data: number;
  readonly #pointers: number;

  constructor(data: number, pointers: number) {
    this.#data = 2;
    this.#pointers = this.#data + data;
    this.#used = this.#pointers + pointers;
    this.#view = new DataView(new ArrayBuffer(64 * WORD));
    this.#view.setUint32(WORD + 4, data | (pointers << 16), true);
  }

  double(at: number, value: number): this {
    this.#view.setFloat64((this.#data + at) * WORD, value, true);
    return this;
  }

  u16(at: number, value: number): this {
    this.#view.setUint16(this.#data * WORD + at * 2, value, true);
    return this;
  }

  text(pointer: number, text: string): this {
    const bytes = utf8.encode(text);
    const target = this.#reserve((bytes.length >> 3) + 1);
    new Uint8Array(this.#view.buffer).set(bytes, target * WORD);
    return this.#point(pointer, target, 1, ((bytes.length + 1) << 3) | 2);
  }

  instant(pointer: number, value: bigint): this {
    const target = this.#reserve(1);
    this.#view.setBigUint64(target * WORD, value, true);
    return this.#point(pointer, target, 0, 1);
  }

  levels(pointer: number, levels: readonly Md1Level[]): this {
    if (levels.length === 0) return this;
    const words = levels.length * LEVEL_WORDS;
    const target = this.#reserve(1 + words);
    this.#view.setUint32(target * WORD, levels.length << 2, true);
    this.#view.setUint32(target * WORD + 4, LEVEL_WORDS, true);
    levels.forEach(({ price, size }, index) => {
      const at = (target + 1 + index * LEVEL_WORDS) * WORD;
      this.#view.setFloat64(at, price, true);
      this.#view.setFloat64(at + WORD, size, true);
    });
    return this.#point(pointer, target, 1, (words << 3) | 7);
  }

  bytes(): Uint8Array {
    this.#view.setUint32(4, this.#used - 1, true);
    return new Uint8Array(this.#view.buffer).slice(0, this.#used * WORD);
  }

  #point(pointer: number, target: number, kind: number, size: number): this {
    const at = this.#pointers + pointer;
    this.#view.setInt32(at * WORD, ((target - at - 1) << 2) | kind, true);
    this.#view.setUint32(at * WORD + 4, size, true);
    return this;
  }

  #reserve(words: number): number {
    const target = this.#used;
    this.#used += words;
    if (this.#used * WORD > this.#view.byteLength) {
      const larger = new Uint8Array(this.#used * WORD * 2);
      larger.set(new Uint8Array(this.#view.buffer));
      this.#view = new DataView(larger.buffer);
    }
    return target;
  }
}
