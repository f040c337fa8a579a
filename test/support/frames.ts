/** Frames of any feed, as text, through its decoder and its book. */
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import type { SubscribedTo } from '../../codec/event-buffer.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { Decode, FeedBook } from '../../connectors/feed.ts';
import { bufferEvents } from './buffer-events.ts';
import type { PlainEvent } from './buffer-events.ts';

export type Decoded = {
  readonly kind: string;
  readonly channel: string | null;
  readonly frame_symbol: number;
  readonly frame_sequence: number;
  readonly subscribed: readonly SubscribedTo[] | null;
  readonly reason: string;
  readonly request_id: string | null;
  readonly at: number;
  readonly events: readonly PlainEvent[];
};

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

/** A level as venues have it that quote their numbers. */
export type Level = readonly [price: string, size: string];

const utf8 = new TextEncoder();

/** What a decoder makes of frames; `own` are the markets where a test names no others. */
export function framesOf(decode: Decode, own: SymbolTable) {
  /** The frame's bytes at some offset of a larger buffer, as a log line holds them. */
  const decodeInto = (
    buffer: EventBuffer,
    frame: string | Uint8Array,
    symbols: SymbolTable = own,
  ): void => {
    const bytes = typeof frame === 'string' ? utf8.encode(frame) : frame;
    const line = new Uint8Array(bytes.length + 4);
    line.set([0x7b, 0x22, 0x0a], 0);
    line.set(bytes, 3);
    decode(line, 3, 3 + bytes.length, symbols, buffer);
  };
  const decodeFrame = (frame: string | Uint8Array, symbols: SymbolTable = own): Decoded => {
    const buffer = new EventBuffer();
    decodeInto(buffer, frame, symbols);
    const { kind, channel, frame_symbol, frame_sequence, subscribed } = buffer;
    const { reason, request_id, at } = buffer;
    const events = bufferEvents(buffer, symbols);
    return {
      ...{ kind, channel, frame_symbol, frame_sequence, subscribed },
      ...{ reason, request_id, at, events },
    };
  };
  const runBook = (
    frames: readonly string[],
    book: FeedBook,
    symbols: SymbolTable = own,
  ): BookRun => {
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
  };
  return { decodeInto, decodeFrame, runBook };
}
