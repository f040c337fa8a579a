/** Kraken frames, as text, through the decoder and the book. */
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { decode } from '../../connectors/kraken/decode.ts';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { bufferEvents } from './buffer-events.ts';
import type { PlainEvent } from './buffer-events.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSD', external: 'BTC/USD', depth: 'l2' },
  { symbol: 'ETHUSDT', external: 'ETH/USDT', depth: 'l2' },
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
  decode(line, 3, 3 + bytes.length, symbols, buffer);
}

export function decodeFrame(frame: string | Uint8Array, symbols: SymbolTable = SYMBOLS): Decoded {
  const buffer = new EventBuffer();
  decodeInto(buffer, frame, symbols);
  const { kind, channel, frame_symbol, reason, request_id, at } = buffer;
  const events = bufferEvents(buffer, symbols);
  return { kind, channel, frame_symbol, reason, request_id, at, events };
}

/** How a sequence of book frames fared. */
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

export function runBook(frames: readonly string[], book: FeedBook): BookRun {
  const buffer = new EventBuffer();
  const verdicts: number[] = [];
  for (const frame of frames) {
    decodeInto(buffer, frame);
    for (let event = 0; event < buffer.count; event++) {
      if (buffer.type[event] === TYPE_BOOK) verdicts.push(book.apply(buffer, event));
    }
  }
  const emitted = verdicts.filter((verdict) => (verdict & BOOK.EMIT) !== 0).length;
  return { book, ...book.counts(), verdicts, emitted };
}
