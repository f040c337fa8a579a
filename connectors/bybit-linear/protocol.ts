/**
 * How Bybit's public WebSocket v5 of linear contracts is spoken. A request for several topics has one
 * answer that names none of them, and one bad topic refuses all: each topic is asked for by itself, so
 * that every answer belongs to one subscription. Limits: Bybit v5 documentation, "Connect", read 2026-11
 * (the ten arguments a request are for spot only; here the characters of a connection count).
 */
import { SsmdError } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Endpoint, Protocol, Request, Subscription } from '../feed.ts';
import { INTERVALS } from './intervals.ts';

/** The venue sets no number of markets; fewer lose less when one connection goes. */
export const SYMBOLS_PER_CONNECTION_MAX = 50;
/** Characters of all topics of a connection, with quotes and commas. */
export const ARGS_CHARACTERS_MAX = 21_000;
/** Depths of books the venue offers beside the best level; 500 was replaced by 1000. */
const BOOK_DEPTHS: readonly number[] = [200, 50, 1000];

/**
 * Bounds on the first message after an acknowledgement. Books and tickers are stated at once, the best
 * level every 3 s at least; a trade may be long in coming, and a candle follows the trades; a market
 * may go without a liquidation for ever.
 */
const FIRST_MESSAGE_MS: Readonly<Record<string, number | null>> = {
  orderbook: 10_000,
  'orderbook.1': 10_000,
  tickers: 10_000,
  publicTrade: 600_000,
  allLiquidation: null,
  ...Object.fromEntries(INTERVALS.map(({ name }) => [name, 600_000])),
};

/** Channels that can be configured. */
export const CHANNEL_NAMES: readonly string[] = Object.keys(FIRST_MESSAGE_MS);

function firstMessageMs(name: string): number | null {
  const bound = Object.hasOwn(FIRST_MESSAGE_MS, name) ? FIRST_MESSAGE_MS[name] : undefined;
  if (bound !== undefined) return bound;
  throw new SsmdError(
    'SSMD_INVALID_CONFIG',
    `channels of feed bybit-linear: expected some of ${CHANNEL_NAMES.join(', ')}, ` +
      `received ${JSON.stringify(name)}; correct the shard's channels`,
    { facts: { channel: name, known: CHANNEL_NAMES } },
  );
}

function topicOf({ channel, external }: Subscription, { book_depth }: FoldConfig): string {
  const depth = channel === 'orderbook' ? `.${book_depth}` : '';
  return `${channel}${depth}.${external ?? ''}`;
}

/** A socket per 50 markets, or fewer where their topics are too long; a market's stay together. */
function endpoints(config: FoldConfig): readonly Endpoint[] {
  for (const channel of config.channels) firstMessageMs(channel);
  const sockets: Endpoint[] = [];
  let subscriptions: Subscription[] = [];
  let markets = 0;
  let characters = 0;
  const finish = (): void => {
    if (subscriptions.length === 0) return;
    const name = sockets.length === 0 ? 'linear' : `linear-${sockets.length + 1}`;
    sockets.push({ name, path: '/v5/public/linear', subscriptions });
    subscriptions = [];
    markets = 0;
    characters = 0;
  };
  for (const { symbol, external, depth } of config.symbols) {
    const wanted = config.channels
      .filter((channel) => channel !== 'orderbook' || depth === 'l2')
      .map((channel): Subscription => ({ channel, symbol, external }));
    const length = wanted.reduce((sum, it) => sum + topicOf(it, config).length + 3, 0);
    const full = markets === SYMBOLS_PER_CONNECTION_MAX;
    if (full || characters + length > ARGS_CHARACTERS_MAX) finish();
    subscriptions.push(...wanted);
    markets++;
    characters += length;
  }
  finish();
  return sockets;
}

/** One topic a request. */
function requests(
  op: 'subscribe' | 'unsubscribe',
  subscriptions: readonly Subscription[],
  config: FoldConfig,
  nextId: () => string,
): readonly Request[] {
  return subscriptions.map((subscription) => {
    const id = nextId();
    const args = [topicOf(subscription, config)];
    const text = JSON.stringify({ req_id: id, op, args });
    return { id, text, subscriptions: [subscription] };
  });
}

export const bybitLinearProtocol: Protocol = {
  url: 'wss://stream.bybit.com',
  channels: ['orderbook', 'orderbook.1', 'publicTrade', 'tickers', 'kline.1', 'allLiquidation'],
  book_depths: BOOK_DEPTHS,
  endpoints,
  subscribe: (subscriptions, config, nextId) =>
    requests('subscribe', subscriptions, config, nextId),
  unsubscribe: (subscriptions, config, nextId) =>
    requests('unsubscribe', subscriptions, config, nextId),
  ping: { interval_ms: 20_000, text: (id) => JSON.stringify({ req_id: id, op: 'ping' }) },
  limits: {
    // Two unanswered pings are enough to know; the venue itself cuts after ten minutes.
    silence_ms: 45_000,
    first_message_ms: firstMessageMs,
    // A snapshot of 1,000 levels a side is about 50 KiB, 1,024 trades about 200.
    frame_bytes_max: 4 * 1024 * 1024,
    requests_per_second: 20,
    symbols_per_connection_max: SYMBOLS_PER_CONNECTION_MAX,
    connection_life_ms: null,
  },
};
