/**
 * How Kraken's WebSocket v2 is spoken. Endpoints and limits are as documented or, where Kraken
 * publishes none, as other public clients keep to; all are safe to lower. Source: docs.kraken.com,
 * "Spot WebSocket API v2"; Kraken support, "API rate limits"; read 2026-11.
 */
import { invariant } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Endpoint, Protocol, Request, Subscription } from '../feed.ts';

/** Minutes of the candles we subscribe to. */
const OHLC_INTERVAL_MINUTES = 1;
/** The only one of our channels that is not per market. */
const CHANNELS_WITHOUT_SYMBOL: readonly string[] = ['instrument'];
/** Sent by the venue unasked; a subscription to them is an error. */
const AUTOMATIC_CHANNELS: readonly string[] = ['status', 'heartbeat'];
const SYMBOLS_PER_CONNECTION_MAX = 250;
/**
 * Longest wait for the first message once acknowledged. Every channel opens with a snapshot, but
 * those of trades and candles may be empty and then name no market: only the market's own pace
 * tells.
 */
const FIRST_MESSAGE_MS: Readonly<Record<string, number>> = {
  book: 10_000,
  ticker: 10_000,
  instrument: 10_000,
  trade: 600_000,
  ohlc: 600_000,
};

export const protocol: Protocol = {
  url: 'wss://ws.kraken.com/v2',
  channels: ['book', 'trade', 'ticker', 'ohlc', 'instrument'],
  book_depths: [10, 25, 100, 500, 1000],
  endpoints,
  subscribe: (subscriptions, config, nextId) =>
    requests('subscribe', subscriptions, config, nextId),
  unsubscribe: (subscriptions, config, nextId) =>
    requests('unsubscribe', subscriptions, config, nextId),
  // An idle connection is cut after about a minute; heartbeats come only with a subscription.
  ping: { interval_ms: 20_000, text: (id) => `{"method":"ping","req_id":${requestNumber(id)}}` },
  limits: {
    // Heartbeats come once a second, and 1.03 s was the longest silence in recorded sessions.
    silence_ms: 5_000,
    first_message_ms: (channel) => FIRST_MESSAGE_MS[channel] ?? null,
    // The instrument snapshot of all markets is the largest frame, under 1 MiB.
    frame_bytes_max: 16 * 1024 * 1024,
    // Above some unpublished rate: `Exceeded msg rate`.
    requests_per_second: 10,
    symbols_per_connection_max: SYMBOLS_PER_CONNECTION_MAX,
    connection_life_ms: null,
  },
};

/** One socket carries every channel of up to `SYMBOLS_PER_CONNECTION_MAX` markets. */
function endpoints(config: FoldConfig): readonly Endpoint[] {
  const channels = config.channels.filter((it) => !AUTOMATIC_CHANNELS.includes(it));
  const sockets: Endpoint[] = [];
  for (let from = 0; from < config.symbols.length; from += SYMBOLS_PER_CONNECTION_MAX) {
    const symbols = config.symbols.slice(from, from + SYMBOLS_PER_CONNECTION_MAX);
    const isFirst = sockets.length === 0;
    const subscriptions = channels.flatMap((channel): readonly Subscription[] => {
      if (!CHANNELS_WITHOUT_SYMBOL.includes(channel)) {
        return symbols
          .filter(({ depth }) => channel !== 'book' || depth === 'l2')
          .map(({ symbol, external }) => ({ channel, symbol, external }));
      }
      return isFirst ? [{ channel, symbol: null, external: null }] : [];
    });
    const name = isFirst ? 'public' : `public-${sockets.length + 1}`;
    sockets.push({ name, path: '', subscriptions });
  }
  return sockets;
}

/** One request a channel with all its markets; the venue acknowledges each market by itself. */
function requests(
  method: 'subscribe' | 'unsubscribe',
  subscriptions: readonly Subscription[],
  config: FoldConfig,
  nextId: () => string,
): readonly Request[] {
  const byChannel = Map.groupBy(subscriptions, (it) => it.channel);
  return [...byChannel].map(([channel, wanted]) => {
    const id = nextId();
    const symbol = wanted.flatMap((it) => (it.external === null ? [] : [it.external]));
    const params = {
      channel,
      ...(symbol.length > 0 ? { symbol } : {}),
      ...channelParams(channel, config),
      ...(method === 'subscribe' ? { snapshot: true } : {}),
    };
    const text = JSON.stringify({ method, params, req_id: requestNumber(id) });
    return { id, text, subscriptions: wanted };
  });
}

function channelParams(channel: string, config: FoldConfig): Readonly<Record<string, unknown>> {
  switch (channel) {
    case 'book':
      return { depth: config.book_depth };
    case 'ticker':
      return { event_trigger: 'bbo' };
    case 'ohlc':
      return { interval: OHLC_INTERVAL_MINUTES };
    default:
      return {};
  }
}

/** Kraken takes whole numbers as request ids and echoes them. */
function requestNumber(id: string): number {
  const value = Number(id);
  invariant(
    Number.isSafeInteger(value) && String(value) === id,
    `a Kraken request id is a whole number in plain digits, received ${JSON.stringify(id)}`,
  );
  return value;
}
