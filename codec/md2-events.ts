/**
 * Messages as our own writer lays them out (`md2-known.ts`) to plain events: straight code for the types
 * that markets send by the thousand, one literal each, so that all events of a type have one shape. What
 * is rare, or looks otherwise, is read by `readEvent` of `md2-read.ts`, the plain twin.
 */
import { TYPE_CODE } from '../schema/events.ts';
import type { BookLevel, EventOf, MarketEvent, Side } from '../schema/events.ts';
import type { Decimal } from '../schema/decimal.ts';
import type { UnixNs } from '../schema/time.ts';
import { wholeLength } from './capnp-read.ts';
import { ABSENT, FIELD } from './event-buffer.ts';
import { AT, FOUND, KNOWN_MASK, KnownMessages, ODD } from './md2-known.ts';
import { ASKS, BIDS, BODY, LEVEL } from './md2-layout.ts';
import { readEvent } from './md2-read.ts';

/** Of a level, in int32; price and size come first, then their exponents side by side. */
const LEVEL_INTS = LEVEL.data_words * 2;
const EXPONENTS = LEVEL.price_exponent_8 >> 2;

const NO_PLACES = new Uint16Array(0);

/** Reads the messages of one stream; what it gives out is its caller's. */
export class EventReader {
  readonly #known: KnownMessages;
  readonly #bytes: Uint8Array;
  readonly #ints: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #naturals: BigUint64Array;
  /** Of the body at hand: its data and its pointers in int32; by field, places and marks. */
  #data = 0;
  #pointers = 0;
  #value: Uint16Array = NO_PLACES;
  #mark: Uint16Array = NO_PLACES;
  /** The body at hand holds what the plain reader has to judge. */
  #odd = false;
  /** Where the message read ends, in bytes. */
  end = 0;

  constructor(stream: Uint8Array) {
    const known = new KnownMessages(stream);
    this.#known = known;
    this.#bytes = known.bytes;
    this.#ints = known.ints;
    this.#longs = known.longs;
    this.#naturals = known.naturals;
  }

  /** The event at byte `at`, where a message begins. @throws SSMD_CORRUPT */
  read(at: number): MarketEvent {
    const found = this.#known.find(at);
    if (found) {
      this.#odd = false;
      const event = this.#straight();
      if (event !== null && !this.#odd) {
        this.end = this.#known.end * 4;
        return event;
      }
    }
    const event = readEvent(this.#bytes, at);
    if (!found) this.#known.learn(at, TYPE_CODE[event.type], event);
    this.end = at + wholeLength(this.#bytes, at);
    return event;
  }

  #straight(): MarketEvent | null {
    const { at, prefix } = this.#known;
    const layout = BODY[prefix.type];
    if (layout === undefined) return null;
    this.#data = at + prefix.data;
    this.#pointers = at + prefix.pointers;
    this.#value = layout.value;
    this.#mark = layout.mark;
    switch (prefix.type) {
      case TYPE_CODE.trade:
        return this.#trade();
      case TYPE_CODE.quote:
        return this.#quote();
      case TYPE_CODE.book:
        return this.#book();
      case TYPE_CODE.ohlc:
        return this.#ohlc();
      case TYPE_CODE.ticker:
        return this.#ticker();
      case TYPE_CODE.mark:
        return this.#markPrice();
      default:
        return null;
    }
  }

  #trade(): EventOf<'trade'> {
    const { shard, feed, symbol } = this.#known.prefix.market;
    return {
      type: 'trade',
      t: this.#t(),
      ts_event: this.#tsEvent(),
      index: this.#index(),
      shard,
      feed,
      symbol,
      sequence: this.#sequence(),
      flags: this.#flags(),
      price: this.#decimal(FIELD.trade.price),
      size: this.#decimal(FIELD.trade.size),
      side: this.#side(FIELD.trade.side),
      trade_id: this.#text(FIELD.trade.trade_id),
      order_type: this.#text(FIELD.trade.order_type),
      first_trade_id: this.#u64(FIELD.trade.first_trade_id),
      last_trade_id: this.#u64(FIELD.trade.last_trade_id),
    };
  }

  #quote(): EventOf<'quote'> {
    const { shard, feed, symbol } = this.#known.prefix.market;
    return {
      type: 'quote',
      t: this.#t(),
      ts_event: this.#tsEvent(),
      index: this.#index(),
      shard,
      feed,
      symbol,
      sequence: this.#sequence(),
      flags: this.#flags(),
      bid_price: this.#decimal(FIELD.quote.bid_price),
      bid_size: this.#decimal(FIELD.quote.bid_size),
      ask_price: this.#decimal(FIELD.quote.ask_price),
      ask_size: this.#decimal(FIELD.quote.ask_size),
    };
  }

  #book(): EventOf<'book'> {
    const { shard, feed, symbol } = this.#known.prefix.market;
    return {
      type: 'book',
      t: this.#t(),
      ts_event: this.#tsEvent(),
      index: this.#index(),
      shard,
      feed,
      symbol,
      sequence: this.#sequence(),
      flags: this.#flags(),
      depth: this.#u32(FIELD.book.depth),
      checksum: this.#u32(FIELD.book.checksum),
      first_sequence: this.#u64(FIELD.book.first_sequence),
      prev_sequence: this.#u64(FIELD.book.prev_sequence),
      part: this.#u32(FIELD.book.part),
      parts: this.#u32(FIELD.book.parts),
      bids: this.#levels(BIDS),
      asks: this.#levels(ASKS),
    };
  }

  #ohlc(): EventOf<'ohlc'> {
    const { shard, feed, symbol } = this.#known.prefix.market;
    return {
      type: 'ohlc',
      t: this.#t(),
      ts_event: this.#tsEvent(),
      index: this.#index(),
      shard,
      feed,
      symbol,
      sequence: this.#sequence(),
      flags: this.#flags(),
      open: this.#decimal(FIELD.ohlc.open),
      high: this.#decimal(FIELD.ohlc.high),
      low: this.#decimal(FIELD.ohlc.low),
      close: this.#decimal(FIELD.ohlc.close),
      volume: this.#decimal(FIELD.ohlc.volume),
      vwap: this.#decimal(FIELD.ohlc.vwap),
      quote_volume: this.#decimal(FIELD.ohlc.quote_volume),
      trades: this.#u64(FIELD.ohlc.trades),
      interval_begin: this.#instant(FIELD.ohlc.interval_begin),
      interval_s: this.#u32(FIELD.ohlc.interval_s),
      closed: this.#u32(FIELD.ohlc.closed),
    };
  }

  #ticker(): EventOf<'ticker'> {
    const { shard, feed, symbol } = this.#known.prefix.market;
    return {
      type: 'ticker',
      t: this.#t(),
      ts_event: this.#tsEvent(),
      index: this.#index(),
      shard,
      feed,
      symbol,
      sequence: this.#sequence(),
      flags: this.#flags(),
      last_price: this.#decimal(FIELD.ticker.last_price),
      last_size: this.#decimal(FIELD.ticker.last_size),
      bid_price: this.#decimal(FIELD.ticker.bid_price),
      bid_size: this.#decimal(FIELD.ticker.bid_size),
      ask_price: this.#decimal(FIELD.ticker.ask_price),
      ask_size: this.#decimal(FIELD.ticker.ask_size),
      volume: this.#decimal(FIELD.ticker.volume),
      quote_volume: this.#decimal(FIELD.ticker.quote_volume),
      vwap: this.#decimal(FIELD.ticker.vwap),
      open: this.#decimal(FIELD.ticker.open),
      high: this.#decimal(FIELD.ticker.high),
      low: this.#decimal(FIELD.ticker.low),
      change: this.#decimal(FIELD.ticker.change),
      change_percent: this.#decimal(FIELD.ticker.change_percent),
      trades: this.#u64(FIELD.ticker.trades),
    };
  }

  #markPrice(): EventOf<'mark'> {
    const { shard, feed, symbol } = this.#known.prefix.market;
    return {
      type: 'mark',
      t: this.#t(),
      ts_event: this.#tsEvent(),
      index: this.#index(),
      shard,
      feed,
      symbol,
      sequence: this.#sequence(),
      flags: this.#flags(),
      mark_price: this.#decimal(FIELD.mark.mark_price),
      index_price: this.#decimal(FIELD.mark.index_price),
      settle_price: this.#decimal(FIELD.mark.settle_price),
      funding_rate: this.#decimal(FIELD.mark.funding_rate),
      next_funding: this.#instant(FIELD.mark.next_funding),
    };
  }

  // A u64 is never negative, which is all that `unixNs` would look at.
  #t(): UnixNs {
    return this.#naturals[(this.#known.at + AT.t) >> 1] as UnixNs;
  }

  #tsEvent(): UnixNs | null {
    const at = this.#known.at + AT.ts_event;
    if (this.#ints[at] === 0 && this.#ints[at + 1] === 0) return null;
    return this.#naturals[at >> 1] as UnixNs;
  }

  #sequence(): bigint | null {
    const { at } = this.#known;
    if (((this.#ints[at + AT.known] as number) & KNOWN_MASK) === 0) return null;
    return this.#naturals[(at + AT.sequence) >> 1] as bigint;
  }

  #index(): number {
    return (this.#ints[this.#known.at + AT.index] as number) >>> 0;
  }

  #flags(): number {
    return (this.#ints[this.#known.at + AT.flags] as number) >>> 0;
  }

  #decimal(field: number): Decimal | null {
    const mark = this.#bytes[this.#data * 4 + (this.#mark[field] as number)] as number;
    if (mark === 0) return null;
    const mantissa = this.#longs[(this.#data >> 1) + (this.#value[field] as number)] as bigint;
    return { mantissa, exponent: ((mark ^ ABSENT) << 24) >> 24 };
  }

  #marked(field: number): boolean {
    const bit = this.#mark[field] as number;
    return (((this.#ints[this.#data + (bit >> 5)] as number) >>> (bit & 31)) & 1) === 1;
  }

  #u64(field: number): bigint | null {
    if (!this.#marked(field)) return null;
    return this.#naturals[(this.#data >> 1) + (this.#value[field] as number)] as bigint;
  }

  #instant(field: number): UnixNs | null {
    return this.#u64(field) as UnixNs | null;
  }

  #u32(field: number): number | null {
    if (!this.#marked(field)) return null;
    return (this.#ints[this.#data + (this.#value[field] as number)] as number) >>> 0;
  }

  #side(field: number): Side | null {
    const side = this.#bytes[this.#data * 4 + (this.#value[field] as number) * 2] as number;
    const high = this.#bytes[this.#data * 4 + (this.#value[field] as number) * 2 + 1] as number;
    if (high !== 0) return null;
    return side === 1 ? 'buy' : side === 2 ? 'sell' : null;
  }

  #text(field: number): string | null {
    const known = this.#known;
    const found = known.text(this.#pointers + (this.#value[field] as number) * 2, known.end);
    if (found === FOUND) return textOf(this.#bytes, known.from, known.to);
    if (found === ODD) this.#odd = true;
    return null;
  }

  #levels(side: number): BookLevel[] {
    const known = this.#known;
    const ints = this.#ints;
    const longs = this.#longs;
    const levels: BookLevel[] = [];
    const found = known.levels(this.#pointers + side * 2, known.end);
    if (found === ODD) this.#odd = true;
    if (found !== FOUND) return levels;
    for (let at = known.from; at < known.to; at += LEVEL_INTS) {
      const marks = ints[at + EXPONENTS] as number;
      // A level without price or size: the plain reader says so.
      if ((marks & 0xff) === 0 || (marks & 0xff00) === 0) this.#odd = true;
      levels.push({
        price: { mantissa: longs[at >> 1] as bigint, exponent: ((marks ^ ABSENT) << 24) >> 24 },
        size: {
          mantissa: longs[(at >> 1) + 1] as bigint,
          exponent: ((marks ^ (ABSENT << 8)) << 16) >> 24,
        },
      });
    }
    return levels;
  }
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Where ASCII of so many characters is put together from its codes: a third of the decoder's time. */
const SHORT = 16;

function textOf(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from;
  if (length > SHORT) return utf8.decode(bytes.subarray(from, to));
  const codes: number[] = [];
  for (let at = from; at < to; at++) {
    const code = bytes[at] as number;
    if (code > 127) return utf8.decode(bytes.subarray(from, to));
    codes.push(code);
  }
  return String.fromCharCode(...codes);
}

/** Longest message that is copied to be read alone. */
const LONE_BYTES_MAX = 16 * 1024;
const lone_bytes = new Uint8Array(LONE_BYTES_MAX);
const lone = new EventReader(lone_bytes);

/**
 * The event of a message that stands alone, as the bus brings them: put where views are ready, since to
 * make them takes longer than to copy it.
 */
export function readLone(bytes: Uint8Array): MarketEvent {
  if (bytes.length > LONE_BYTES_MAX) return new EventReader(bytes).read(0);
  lone_bytes.set(bytes);
  return lone.read(0);
}
