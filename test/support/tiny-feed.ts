/**
 * A venue for tests of the fold alone: frames are small JSON objects, the book's rule is `u` + 1. It
 * uses `JSON.parse` and shares nothing with a real feed.
 *
 * `{"k":"snap","s":"BTC","u":7}` `{"k":"delta","s":"BTC","u":8}` a book of one bid at price `u`
 * `{"k":"trade","s":"BTC","id":"5","px":12,"history":true}` `{"k":"trades","s":"BTC","ids":[..]}`
 * `{"k":"quote","s":"BTC","px":12}` `{"k":"forced","s":"BTC","px":12}` `{"k":"refused"}` `{"k":"ack"}`; anything else is rejected
 * `n` is the frame's number on its connection, where it has one.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { SymbolTable } from '../../codec/symbol-table.ts';
import { BOOK } from '../../connectors/feed.ts';
import type { Feed, FeedBook } from '../../connectors/feed.ts';
import { FLAG, TYPE_CODE } from '../../schema/events.ts';
import type { Day } from '../../schema/time.ts';

type Frame = {
  readonly k: string;
  readonly s?: string;
  readonly u?: number;
  readonly id?: string;
  readonly ids?: readonly number[];
  readonly px?: number;
  readonly history?: boolean;
  readonly n?: number;
};

const text = new TextDecoder();
const bytes = new TextEncoder();

function decode(
  source: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  out.reset(source);
  let frame: Frame;
  try {
    frame = JSON.parse(text.decode(source.subarray(start, end))) as Frame;
  } catch {
    out.reject('not_json', 0);
    return;
  }
  const name = bytes.encode(frame.s ?? '');
  const symbol = symbols.find(name, 0, name.length);
  out.frame_sequence = frame.n ?? -1;
  out.channel = frame.k;
  out.frame_symbol = frame.s === undefined ? -2 : symbol;
  if (frame.k === 'ack' || frame.k === 'refused' || frame.k === 'heartbeat') {
    out.kind = frame.k;
    out.reason = frame.k === 'refused' ? 'no such market' : '';
    return;
  }
  if (symbol < 0) return out.ignore('symbol_not_configured');
  out.kind = 'data';
  if (frame.k === 'snap' || frame.k === 'delta') {
    const event = out.begin(TYPE_CODE.book, symbol, frame.k === 'snap' ? FLAG.SNAPSHOT : 0);
    out.setSequence(event, 0, frame.u ?? 0);
    out.beginBids(event);
    out.level(0, frame.u ?? 0, 0, 0, 1, 0);
    out.endBids(event);
  } else if (frame.k === 'trade' || frame.k === 'trades') {
    for (const id of frame.ids?.map(String) ?? [frame.id ?? '']) {
      const event = out.begin(TYPE_CODE.trade, symbol, frame.history === true ? FLAG.HISTORY : 0);
      out.set(event, FIELD.trade.price, 0, frame.px ?? 1, 0);
      out.setText(event, FIELD.trade.trade_id, id);
    }
  } else if (frame.k === 'quote') {
    const event = out.begin(TYPE_CODE.quote, symbol, 0);
    out.set(event, FIELD.quote.bid_price, 0, frame.px ?? 1, 0);
  } else if (frame.k === 'forced') {
    out.set(out.begin(TYPE_CODE.liquidation, symbol, 0), FIELD.liquidation.price, 0, 1, 0);
  } else {
    out.reject('unknown_kind', 5);
  }
}

type TinyState = { whole: boolean; last: number; expected: number };

function openBook(start: TinyState = { whole: false, last: 0, expected: 0 }): FeedBook {
  const state = { ...start };
  return {
    apply(buffer, event) {
      const sequence = buffer.seq_lo[event] as number;
      const broken = state.expected !== 0 && !state.whole;
      if (((buffer.flags[event] as number) & FLAG.SNAPSHOT) !== 0) {
        Object.assign(state, { whole: true, last: sequence, expected: 0 });
        return BOOK.EMIT | (broken ? BOOK.HEALED : 0);
      }
      if (!state.whole) return 0;
      if (sequence !== state.last + 1) {
        Object.assign(state, { whole: false, expected: state.last + 1, last: sequence });
        return BOOK.BROKEN;
      }
      state.last = sequence;
      return BOOK.EMIT;
    },
    isWhole: () => state.whole,
    fault: () => ({
      cause: 'sequence',
      expected: String(state.expected),
      received: String(state.last),
    }),
    snapshot(out, symbol) {
      const event = out.begin(TYPE_CODE.book, symbol, FLAG.SNAPSHOT);
      out.setSequence(event, 0, state.last);
      out.beginBids(event);
      out.level(0, state.last, 0, 0, 1, 0);
      out.endBids(event);
    },
    counts: () => ({ verified: 0, failed: 0, unproven: 0 }),
    clone: () => openBook(state),
  };
}

export const tinyFeed: Feed = {
  id: 'tiny',
  normalizer: 1,
  decoders: [{ valid_from: '1970-01-01' as Day, decode }],
  trade_ids: 'contiguous',
  opens: { books: ['book'] },
  openBook: () => openBook(),
  evidence: (
    [
      ['books', 'book'],
      ['trades', 'trade'],
      ['quotes', 'quote'],
    ] as const
  ).map(([channel, action]) => ({ channel, variant: '', role: 'data', action, evidence: '' })),
  protocol: {
    url: 'ws://127.0.0.1:1',
    channels: ['all'],
    book_depths: [10],
    endpoints: () => [],
    subscribe: () => [],
    unsubscribe: () => [],
    ping: null,
    limits: {
      silence_ms: 1000,
      first_message_ms: () => null,
      frame_bytes_max: 1 << 20,
      requests_per_second: 10,
      symbols_per_connection_max: 10,
      connection_life_ms: null,
    },
  },
};
