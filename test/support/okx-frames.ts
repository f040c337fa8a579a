/** OKX frames, as text, through the decoder and the book. */
import { BOOK } from '../../connectors/feed.ts';
import type { FeedBook } from '../../connectors/feed.ts';
import { decodeOkx } from '../../connectors/okx/decode.ts';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { bufferEvents } from './buffer-events.ts';
import type { PlainEvent } from './buffer-events.ts';

export const SYMBOLS = createSymbolTable([
  { symbol: 'BTCUSDT', external: 'BTC-USDT', depth: 'l2' },
  { symbol: 'BTCUSDT-PERP', external: 'BTC-USDT-SWAP', depth: 'l2' },
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
  decodeOkx(line, 3, 3 + bytes.length, symbols, buffer);
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

/** A level as the wire has it: price, size, a retired field, the number of orders. */
export type Level = readonly [price: string, size: string];

/** A frame of `books`; ids and checksum only where they are given. */
export function bookFrame(
  action: 'snapshot' | 'update',
  {
    bids = [],
    asks = [],
    ids,
    checksum,
    ts = 1_763_683_200_000,
    market = 'BTC-USDT',
  }: {
    readonly bids?: readonly Level[];
    readonly asks?: readonly Level[];
    /** `prevSeqId` and `seqId`. */
    readonly ids?: readonly [previous: number, id: number];
    readonly checksum?: number;
    readonly ts?: number;
    readonly market?: string;
  },
): string {
  const wire = (levels: readonly Level[]) => levels.map(([price, size]) => [price, size, '0', '1']);
  return JSON.stringify({
    arg: { channel: 'books', instId: market },
    action,
    data: [
      {
        asks: wire(asks),
        bids: wire(bids),
        ts: String(ts),
        ...(checksum === undefined ? {} : { checksum }),
        ...(ids === undefined ? {} : { seqId: ids[1], prevSeqId: ids[0] }),
      },
    ],
  });
}
