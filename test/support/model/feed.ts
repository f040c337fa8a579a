/** The tiny feed with a protocol to speak, so that the runtime can capture it. */
import type { EventBuffer } from '../../../codec/event-buffer.ts';
import type { SymbolTable } from '../../../codec/symbol-table.ts';
import type { Feed, Request, Subscription } from '../../../connectors/feed.ts';
import { hashConfig } from '../../../connectors/runtime/provenance.ts';
import { tinyFeed } from '../tiny-feed.ts';

export const SHARD = 'tier1';
export const SYMBOLS = [
  { symbol: 'BTCUSD', external: 'BTC', depth: 'l2' },
  { symbol: 'ETHUSD', external: 'ETH', depth: 'l2' },
] as const;

const CHANNELS = ['books', 'trades', 'quotes'] as const;
const CHANNEL_OF: Readonly<Record<string, string>> = {
  snap: 'books',
  delta: 'books',
  trade: 'trades',
  trades: 'trades',
  quote: 'quotes',
};

const [{ valid_from, decode: decodeTiny }] = tinyFeed.decoders;

function decode(
  source: Uint8Array,
  start: number,
  end: number,
  symbols: SymbolTable,
  out: EventBuffer,
): void {
  decodeTiny(source, start, end, symbols, out);
  const kind = out.channel;
  out.channel = kind === null ? null : (CHANNEL_OF[kind] ?? null);
  if (kind !== 'ack') return;
  const answer = JSON.parse(new TextDecoder().decode(source.subarray(start, end))) as {
    id: string;
  };
  out.request_id = answer.id;
}

function requests(
  op: string,
  subscriptions: readonly Subscription[],
  nextId: () => string,
): Request[] {
  const id = nextId();
  const asked = subscriptions.map(({ channel, external }) => [channel, external]);
  return [{ id, subscriptions, text: JSON.stringify({ op, id, asked }) }];
}

/** `silence_ms`: how long a connection may bring nothing before it is given up. */
export function modelFeed(silence_ms: number): Feed {
  return {
    ...tinyFeed,
    decoders: [{ valid_from, decode }],
    evidence: [
      { channel: 'books', variant: 'delta', role: 'data', action: 'book', evidence: 'this model' },
    ],
    protocol: {
      ...tinyFeed.protocol,
      url: 'ws://model',
      channels: CHANNELS,
      endpoints: () => [
        {
          name: 'all',
          path: '/all',
          subscriptions: SYMBOLS.flatMap(({ symbol, external }) =>
            CHANNELS.map((channel) => ({ channel, symbol, external })),
          ),
        },
      ],
      subscribe: (subscriptions, _, nextId) => requests('sub', subscriptions, nextId),
      unsubscribe: (subscriptions, _, nextId) => requests('unsub', subscriptions, nextId),
      limits: { ...tinyFeed.protocol.limits, silence_ms, requests_per_second: 1_000 },
    },
  };
}

export const modelConfig = hashConfig({
  feed: tinyFeed.id,
  shard: SHARD,
  symbols: SYMBOLS,
  channels: CHANNELS,
  book_depth: 10,
});
