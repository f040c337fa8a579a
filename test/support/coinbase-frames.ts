/** Coinbase frames, as text, through the decoders and the book. */
import { BOOK } from '../../connectors/feed.ts';
import type { Decode, FeedBook } from '../../connectors/feed.ts';
import { decodeAdvanced } from '../../connectors/coinbase/decode.ts';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { SubscribedTo } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { bufferEvents } from './buffer-events.ts';
import type { PlainEvent } from './buffer-events.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSD', external: 'BTC-USD', depth: 'l2' },
  { symbol: 'ETHUSD', external: 'ETH-USD', depth: 'l2' },
]);

export type Decoded = {
  readonly kind: string;
  readonly channel: string | null;
  readonly frame_symbol: number;
  readonly frame_sequence: number;
  readonly subscribed: readonly SubscribedTo[] | null;
  readonly reason: string;
  readonly at: number;
  readonly events: readonly PlainEvent[];
};

const utf8 = new TextEncoder();

/** The frame's bytes at some offset of a larger buffer, as a log line holds them. */
export function decodeInto(
  buffer: EventBuffer,
  frame: string | Uint8Array,
  symbols: SymbolTable = SYMBOLS,
  decode: Decode = decodeAdvanced,
): void {
  const bytes = typeof frame === 'string' ? utf8.encode(frame) : frame;
  const line = new Uint8Array(bytes.length + 4);
  line.set([0x7b, 0x22, 0x0a], 0);
  line.set(bytes, 3);
  decode(line, 3, 3 + bytes.length, symbols, buffer);
}

export function decodeFrame(
  frame: string | Uint8Array,
  decode: Decode = decodeAdvanced,
  symbols: SymbolTable = SYMBOLS,
): Decoded {
  const buffer = new EventBuffer();
  decodeInto(buffer, frame, symbols, decode);
  const { kind, channel, frame_symbol, frame_sequence, subscribed, reason, at } = buffer;
  const events = bufferEvents(buffer, symbols);
  return { kind, channel, frame_symbol, frame_sequence, subscribed, reason, at, events };
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
  decode: Decode = decodeAdvanced,
): BookRun {
  const buffer = new EventBuffer();
  const verdicts: number[] = [];
  for (const frame of frames) {
    decodeInto(buffer, frame, symbols, decode);
    for (let event = 0; event < buffer.count; event++) {
      if (buffer.type[event] === TYPE_BOOK) verdicts.push(book.apply(buffer, event));
    }
  }
  const emitted = verdicts.filter((verdict) => (verdict & BOOK.EMIT) !== 0).length;
  return { book, ...book.counts(), verdicts, emitted };
}

/** A change of a book: `bid` or `offer`, price, size. */
export type Update = readonly [side: string, price: string, size: string];

export const TIME = '2026-04-07T14:30:01.456789Z';

/** A frame of Advanced Trade. */
export function frame(channel: string, events: readonly unknown[], sequence_num = 0): string {
  return JSON.stringify({ channel, client_id: '', timestamp: TIME, sequence_num, events });
}

/** A frame of `l2_data`. */
export function bookFrame(
  type: 'snapshot' | 'update',
  updates: readonly Update[],
  sequence_num = 0,
  product_id = 'BTC-USD',
): string {
  const listed = updates.map(([side, price_level, new_quantity]) => {
    const event_time = type === 'snapshot' ? '1970-01-01T00:00:00Z' : '2026-04-07T14:30:01.4Z';
    return { side, event_time, price_level, new_quantity };
  });
  return frame('l2_data', [{ type, product_id, updates: listed }], sequence_num);
}
