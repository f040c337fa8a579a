/** Bybit frames, as text, through the decoder and the book. */
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { decodeBybitLinear } from '../../connectors/bybit-linear/decode.ts';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { bufferEvents } from './buffer-events.ts';
import type { PlainEvent } from './buffer-events.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' },
  { symbol: 'ETHUSDT-PERP', external: 'ETHUSDT', depth: 'l2' },
]);

export type Decoded = {
  readonly kind: string;
  readonly channel: string | null;
  readonly frame_symbol: number;
  readonly reason: string;
  readonly request_id: string | null;
  readonly at: number;
  readonly events: readonly PlainEvent[];
};

const utf8 = new TextEncoder();

/** The frame's bytes at some offset of a larger buffer, as a log line holds them. */
export function decodeInto(
  buffer: EventBuffer,
  frame: string | Uint8Array,
  symbols: SymbolTable = SYMBOLS,
): void {
  const bytes = typeof frame === 'string' ? utf8.encode(frame) : frame;
  const line = new Uint8Array(bytes.length + 4);
  line.set([0x7b, 0x22, 0x0a], 0);
  line.set(bytes, 3);
  decodeBybitLinear(line, 3, 3 + bytes.length, symbols, buffer);
}

export function decodeFrame(frame: string | Uint8Array, symbols: SymbolTable = SYMBOLS): Decoded {
  const buffer = new EventBuffer();
  decodeInto(buffer, frame, symbols);
  const { kind, channel, frame_symbol, reason, request_id, at } = buffer;
  const events = bufferEvents(buffer, symbols);
  return { kind, channel, frame_symbol, reason, request_id, at, events };
}

/** How a sequence of book frames of one market fared. */
export type BookRun = {
  readonly book: FeedBook;
  readonly verified: number;
  readonly failed: number;
  readonly unproven: number;
  /** Verdict of each book message, in order. */
  readonly verdicts: readonly number[];
  /** Messages yielded. */
  readonly emitted: number;
};

export function runBook(
  frames: readonly string[],
  book: FeedBook,
  symbols: SymbolTable = SYMBOLS,
): BookRun {
  const buffer = new EventBuffer();
  const verdicts: number[] = [];
  for (const frame of frames) {
    decodeInto(buffer, frame, symbols);
    for (let event = 0; event < buffer.count; event++) {
      if (buffer.type[event] === TYPE_BOOK) verdicts.push(book.apply(buffer, event));
    }
  }
  const emitted = verdicts.filter((verdict) => (verdict & BOOK.EMIT) !== 0).length;
  return { book, ...book.counts(), verdicts, emitted };
}

/** A level as the wire has it. */
export type Level = readonly [price: string, size: string];

/** A frame of `orderbook`. */
export function bookFrame(
  type: 'snapshot' | 'delta',
  {
    u,
    bids = [],
    asks = [],
    depth = 50,
    ts = 1_763_683_200_000,
    market = 'BTCUSDT',
  }: {
    readonly u: number;
    readonly bids?: readonly Level[];
    readonly asks?: readonly Level[];
    readonly depth?: number;
    readonly ts?: number;
    readonly market?: string;
  },
): string {
  const data = { s: market, b: bids, a: asks, u, seq: 7_961_638_724 + u };
  return JSON.stringify({ topic: `orderbook.${depth}.${market}`, type, ts, data, cts: ts - 2 });
}

/** Elements of each topic as the documentation has them, and the frame they stand in. */
export const TS = 1672304486868;
export const NS = '1672304486868000000';
export const frame = (topic: string, data: unknown, rest: object = {}): string =>
  JSON.stringify({ topic, type: 'snapshot', ts: TS, data, ...rest });
export const TRADE = {
  T: 1672304486865,
  s: 'BTCUSDT',
  S: 'Buy',
  v: '0.001',
  p: '16578.50',
  L: 'PlusTick',
  i: '20f43950-d8dd-5b31-9112-a178eb6023af',
  BT: false,
  seq: 1783284617,
};
export const CANDLE = {
  start: 1672324800000,
  end: 1672324859999,
  interval: '1',
  open: '16649.50',
  close: '16677.00',
  high: '16678.00',
  low: '16608.00',
  volume: '2.081',
  turnover: '34666.40050',
  confirm: false,
  timestamp: 1672324988882,
};
export const TICKER = {
  symbol: 'BTCUSDT',
  tickDirection: 'PlusTick',
  price24hPcnt: '-0.017103',
  lastPrice: '17216.00',
  prevPrice24h: '16926.50',
  highPrice24h: '17281.50',
  lowPrice24h: '16915.00',
  prevPrice1h: '17238.00',
  markPrice: '17217.33',
  indexPrice: '17227.36',
  openInterest: '68744.761',
  turnover24h: '1570383121.943499',
  volume24h: '91705.276',
  nextFundingTime: '1673280000000',
  fundingRate: '-0.000212',
  bid1Price: '17215.50',
  bid1Size: '84.489',
  ask1Price: '17216.00',
  ask1Size: '83.020',
};
export const LIQUIDATION = { T: 1739502302929, s: 'BTCUSDT', S: 'Sell', v: '20000', p: '0.04499' };
