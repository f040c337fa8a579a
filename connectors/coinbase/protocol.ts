/**
 * How Coinbase's Advanced Trade WebSocket is spoken: one socket, no key for market data. A request
 * asks for one channel; each is answered by a statement of all that is subscribed to, or by an error,
 * neither of which says which request it answers. One market a request, so that an unknown one takes
 * none of the others with it. Source: docs.cdp.coinbase.com "Advanced Trade WebSocket Overview",
 * "Rate Limits", read 2026-11.
 */
import { SsmdError } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Endpoint, Protocol, Request, Subscription } from '../feed.ts';

/** The venue sets no number; five requests a market at six a second are asked for in 17 s. */
export const SYMBOLS_PER_CONNECTION_MAX = 20;

/** Always subscribed to: it comes each second, and keeps quiet channels from being closed. */
const HEARTBEATS: Subscription = { channel: 'heartbeats', symbol: null, external: null };

/**
 * Bounds on the first message after an acknowledgement. Books and summaries are stated at once, and
 * so are the last trades and candles of a market that ever traded; the status of a product comes again
 * at an interval the documentation leaves open.
 */
const FIRST_MESSAGE_MS: Readonly<Record<string, number | null>> = {
  level2: 10_000,
  market_trades: 600_000,
  ticker: 60_000,
  ticker_batch: 60_000,
  candles: 600_000,
  status: 60_000,
};

/** Channels that can be configured. */
export const CHANNEL_NAMES: readonly string[] = Object.keys(FIRST_MESSAGE_MS);

function firstMessageMs(channel: string): number | null {
  return Object.hasOwn(FIRST_MESSAGE_MS, channel) ? (FIRST_MESSAGE_MS[channel] ?? null) : null;
}

function endpoints(config: FoldConfig): readonly Endpoint[] {
  for (const name of config.channels) assertKnown(name);
  const sockets: Endpoint[] = [];
  for (let from = 0; from < config.symbols.length; from += SYMBOLS_PER_CONNECTION_MAX) {
    const markets = config.symbols.slice(from, from + SYMBOLS_PER_CONNECTION_MAX);
    const subscriptions = markets.flatMap(({ symbol, external, depth }) =>
      config.channels
        .filter((channel) => channel !== 'level2' || depth === 'l2')
        .map((channel): Subscription => ({ channel, symbol, external })),
    );
    const name = from === 0 ? 'market' : `market-${sockets.length + 1}`;
    sockets.push({ name, path: '', subscriptions: [HEARTBEATS, ...subscriptions] });
  }
  return sockets;
}

function assertKnown(name: string): void {
  if (CHANNEL_NAMES.includes(name)) return;
  throw new SsmdError(
    'SSMD_INVALID_CONFIG',
    `channels of feed coinbase: expected some of ${CHANNEL_NAMES.join(', ')}, ` +
      `received ${JSON.stringify(name)}; correct the shard's channels`,
    { facts: { channel: name, known: CHANNEL_NAMES } },
  );
}

function requests(
  type: 'subscribe' | 'unsubscribe',
  subscriptions: readonly Subscription[],
  nextId: () => string,
): readonly Request[] {
  return subscriptions.map((subscription) => {
    const { channel, external } = subscription;
    const products = external === null ? {} : { product_ids: [external] };
    const text = JSON.stringify({ type, ...products, channel });
    // The venue knows no ids: this one names the request among ours.
    return { id: nextId(), text, subscriptions: [subscription] };
  });
}

export const coinbaseProtocol: Protocol = {
  url: 'wss://advanced-trade-ws.coinbase.com',
  channels: ['level2', 'market_trades', 'ticker', 'candles', 'status'],
  // All levels, always.
  book_depths: [],
  endpoints,
  subscribe: (subscriptions, _config, nextId) => requests('subscribe', subscriptions, nextId),
  unsubscribe: (subscriptions, _config, nextId) => requests('unsubscribe', subscriptions, nextId),
  answers: 'in_order',
  ping: null,
  limits: {
    // Heartbeats come each second.
    silence_ms: 5_000,
    first_message_ms: firstMessageMs,
    // A busy book has 44,000 levels, of some 120 bytes each in a snapshot.
    frame_bytes_max: 32 * 1024 * 1024,
    // Eight messages a second are allowed an address without a key.
    requests_per_second: 6,
    symbols_per_connection_max: SYMBOLS_PER_CONNECTION_MAX,
    connection_life_ms: null,
  },
};
