/**
 * A venue small enough to read at a glance, for tests of what lies behind the decoder:
 * `{"s":"A","id":7,"p":"1.5","q":"2"}` is a trade of the market spelled `A`, `{"s":"A","bid":"1",
 * "ask":"2"}` a quote, anything else is ignored.
 */
import { FIELD } from '../../codec/event-buffer.ts';
import type { EventBuffer } from '../../codec/event-buffer.ts';
import type { Decode, Feed, FeedBook } from '../../connectors/feed.ts';
import { parseDecimal } from '../../schema/decimal.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import type { Day } from '../../schema/time.ts';

export const TOY_CONFIG = {
  feed: 'toy',
  shard: 'tier1',
  symbols: [
    { symbol: 'AUSD', external: 'A', depth: 'l2' },
    { symbol: 'BUSD', external: 'B', depth: 'l2' },
  ],
  channels: ['trade', 'quote'],
  book_depth: 10,
} as const;

const decode: Decode = (bytes, start, end, symbols, out) => {
  const source = bytes.subarray(start, end);
  out.reset(source);
  let frame: Record<string, unknown>;
  try {
    frame = JSON.parse(new TextDecoder().decode(source)) as Record<string, unknown>;
  } catch {
    out.reject('not_json', 0);
    return;
  }
  const name = new TextEncoder().encode(String(frame['s']));
  const symbol = symbols.find(name, 0, name.length);
  if (symbol < 0) {
    out.ignore('unknown_symbol');
    return;
  }
  out.kind = 'data';
  if (frame['id'] !== undefined) {
    const event = out.begin(TYPE_CODE.trade, symbol, 0);
    decimal(out, event, FIELD.trade.price, frame['p']);
    decimal(out, event, FIELD.trade.size, frame['q']);
    out.setText(event, FIELD.trade.trade_id, String(frame['id']));
  } else if (frame['bid'] !== undefined) {
    const event = out.begin(TYPE_CODE.quote, symbol, 0);
    decimal(out, event, FIELD.quote.bid_price, frame['bid']);
    decimal(out, event, FIELD.quote.ask_price, frame['ask']);
  } else out.ignore('nothing_to_say');
};

function decimal(out: EventBuffer, event: number, field: number, text: unknown): void {
  const value = parseDecimal(String(text));
  if (value === null) return;
  const hi = Number(BigInt.asIntN(32, value.mantissa >> 32n));
  const lo = Number(BigInt.asIntN(32, value.mantissa));
  out.set(event, field, hi, lo, value.exponent);
}

const noBook: FeedBook = {
  apply: () => 0,
  isWhole: () => false,
  fault: () => ({ cause: 'book', expected: '', received: '' }),
  snapshot: () => undefined,
  counts: () => ({ verified: 0, failed: 0, unproven: 0 }),
  clone: () => noBook,
};

export const toyFeed: Feed = {
  id: 'toy',
  normalizer: 1,
  decoders: [{ valid_from: '2020-01-01' as Day, decode }],
  trade_ids: 'increasing',
  openBook: () => noBook,
  evidence: [],
  protocol: {
    url: 'wss://toy.invalid',
    channels: ['trade', 'quote'],
    book_depths: [10],
    endpoints: () => [],
    subscribe: () => [],
    unsubscribe: () => [],
    ping: null,
    limits: {
      silence_ms: 30_000,
      first_message_ms: () => null,
      frame_bytes_max: 65_536,
      requests_per_second: 10,
      symbols_per_connection_max: 100,
      connection_life_ms: null,
    },
  },
};
