/** Coinbase frames, as text, through the decoders and the book. */
import type { EventBuffer } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { decodeAdvanced } from '../../connectors/coinbase/decode.ts';
import type { Decode, FeedBook } from '../../connectors/feed.ts';
import { framesOf } from './frames.ts';
import type { BookRun, Decoded } from './frames.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSD', external: 'BTC-USD', depth: 'l2' },
  { symbol: 'ETHUSD', external: 'ETH-USD', depth: 'l2' },
]);

export function decodeInto(
  buffer: EventBuffer,
  frame: string | Uint8Array,
  symbols: SymbolTable = SYMBOLS,
  decode: Decode = decodeAdvanced,
): void {
  framesOf(decode, symbols).decodeInto(buffer, frame);
}

export function decodeFrame(
  frame: string | Uint8Array,
  decode: Decode = decodeAdvanced,
  symbols: SymbolTable = SYMBOLS,
): Decoded {
  return framesOf(decode, symbols).decodeFrame(frame);
}

export function runBook(
  frames: readonly string[],
  book: FeedBook,
  symbols: SymbolTable = SYMBOLS,
  decode: Decode = decodeAdvanced,
): BookRun {
  return framesOf(decode, symbols).runBook(frames, book);
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
