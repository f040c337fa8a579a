/**
 * How Binance USD-M futures are spoken to: two sockets, by path, because the venue serves book data
 * below `/public` and the rest below `/market` (announced 2026-03-06, the old roots are off since
 * 2026-04-23). A subscription on the wrong path is acknowledged and stays silent for ever, which is
 * what `first_message_ms` finds. Limits: developers.binance.com, USD-M futures, read 2026-11.
 */
import { SsmdError } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Endpoint, Protocol, Request, Subscription } from '../feed.ts';

/** Levels a side the partial book stream offers: the depth to which a book is proven. */
export const PARTIAL_DEPTHS: readonly number[] = [20, 10, 5];
const PARTIAL_DEPTH_DEFAULT = 20;

/** The venue allows 1,024; fewer lose less when one connection goes. */
export const STREAMS_PER_CONNECTION_MAX = 200;
const STREAMS_PER_REQUEST_MAX = 100;
/** The most streams one symbol has on one socket: depth, its partial book, bookTicker, trade. */
const STREAMS_PER_SYMBOL_MAX = 4;

type Path = 'public' | 'market';
type Channel = {
  readonly path: Path;
  /** Names of its streams without the symbol. */
  readonly streams: (config: FoldConfig) => readonly string[];
  readonly first_message_ms: number | null;
};

/**
 * Bounds on the first message after an acknowledgement: markPrice comes every second whatever the
 * market does; books and quotes of a quiet pair were silent for 10.5 s; trades of a market nobody
 * trades may take long, and forced orders may never come.
 */
const CHANNELS: Readonly<Record<string, Channel>> = {
  depth: {
    path: 'public',
    streams: (config) => ['depth@100ms', `depth${partialDepth(config)}@100ms`],
    first_message_ms: 60_000,
  },
  bookTicker: { path: 'public', streams: () => ['bookTicker'], first_message_ms: 60_000 },
  trade: { path: 'public', streams: () => ['trade'], first_message_ms: 600_000 },
  aggTrade: { path: 'market', streams: () => ['aggTrade'], first_message_ms: 600_000 },
  kline_1m: { path: 'market', streams: () => ['kline_1m'], first_message_ms: 120_000 },
  markPrice: { path: 'market', streams: () => ['markPrice@1s'], first_message_ms: 10_000 },
  forceOrder: { path: 'market', streams: () => ['forceOrder'], first_message_ms: null },
};

/** Channels that can be configured. */
export const CHANNEL_NAMES: readonly string[] = Object.keys(CHANNELS);

/**
 * The partial book nearest to the depth asked for, where the venue has that one; else the deepest.
 */
export function partialDepth(config: FoldConfig): number {
  return PARTIAL_DEPTHS.includes(config.book_depth) ? config.book_depth : PARTIAL_DEPTH_DEFAULT;
}

function channelOf(name: string): Channel {
  const channel = Object.hasOwn(CHANNELS, name) ? CHANNELS[name] : undefined;
  if (channel !== undefined) return channel;
  throw new SsmdError(
    'SSMD_INVALID_CONFIG',
    `channels of feed binance-usdm: expected some of ${CHANNEL_NAMES.join(', ')}, ` +
      `received ${JSON.stringify(name)}; correct the shard's channels`,
    { facts: { channel: name, known: CHANNEL_NAMES } },
  );
}

function streamsOf(subscription: Subscription, config: FoldConfig): readonly string[] {
  const market = (subscription.external ?? '').toLowerCase();
  return channelOf(subscription.channel)
    .streams(config)
    .map((stream) => `${market}@${stream}`);
}

function endpoints(config: FoldConfig): readonly Endpoint[] {
  if (config.channels.includes('trade') && config.channels.includes('aggTrade')) {
    throw new SsmdError(
      'SSMD_INVALID_CONFIG',
      'channels of feed binance-usdm: expected trade or aggTrade, received both; they report the ' +
        'same executions under two kinds of ids, so keep one of them',
      { facts: { channels: config.channels } },
    );
  }
  return (['public', 'market'] as const).flatMap((path) => endpointsOf(path, config));
}

/** A socket per 200 streams; a symbol's subscriptions stay together. */
function endpointsOf(path: Path, config: FoldConfig): readonly Endpoint[] {
  const channels = config.channels.filter((name) => channelOf(name).path === path);
  const sockets: Subscription[][] = [];
  let streams = STREAMS_PER_CONNECTION_MAX;
  for (const { symbol, external, depth } of config.symbols) {
    const wanted = channels
      .filter((channel) => channel !== 'depth' || depth === 'l2')
      .map((channel) => ({ channel, symbol, external }));
    const needed = wanted.flatMap((subscription) => streamsOf(subscription, config)).length;
    if (needed === 0) continue;
    if (streams + needed > STREAMS_PER_CONNECTION_MAX) {
      sockets.push([]);
      streams = 0;
    }
    streams += needed;
    sockets.at(-1)?.push(...wanted);
  }
  return sockets.map((subscriptions, index) => ({
    name: index === 0 ? path : `${path}-${index + 1}`,
    path: `/${path}/stream`,
    subscriptions,
  }));
}

function requests(
  method: 'SUBSCRIBE' | 'UNSUBSCRIBE',
  subscriptions: readonly Subscription[],
  config: FoldConfig,
  nextId: () => string,
): readonly Request[] {
  const batches: { subscriptions: Subscription[]; params: string[] }[] = [];
  for (const subscription of subscriptions) {
    const params = streamsOf(subscription, config);
    let batch = batches.at(-1);
    if (batch === undefined || batch.params.length + params.length > STREAMS_PER_REQUEST_MAX) {
      batch = { subscriptions: [], params: [] };
      batches.push(batch);
    }
    batch.subscriptions.push(subscription);
    batch.params.push(...params);
  }
  return batches.map((batch) => {
    const id = nextId();
    // The venue documents an unsigned integer; its answer carries the id back as it was sent.
    const sent = /^(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
    return {
      id,
      text: JSON.stringify({ method, params: batch.params, id: sent }),
      subscriptions: batch.subscriptions,
    };
  });
}

export const binanceUsdmProtocol: Protocol = {
  url: 'wss://fstream.binance.com',
  channels: ['aggTrade', 'bookTicker', 'depth', 'kline_1m', 'markPrice'],
  book_depths: PARTIAL_DEPTHS,
  endpoints,
  subscribe: (subscriptions, config, nextId) =>
    requests('SUBSCRIBE', subscriptions, config, nextId),
  unsubscribe: (subscriptions, config, nextId) =>
    requests('UNSUBSCRIBE', subscriptions, config, nextId),
  // The server pings every three minutes and wants a pong within ten: WebSocket frames, no text.
  ping: null,
  limits: {
    /** The one sign of life a quiet market has is the ping, every three minutes. */
    silence_ms: 200_000,
    first_message_ms: (channel) => channelOf(channel).first_message_ms,
    frame_bytes_max: 4 * 1024 * 1024,
    /** The venue cuts a connection that sends more than ten a second, pings included. */
    requests_per_second: 5,
    symbols_per_connection_max: STREAMS_PER_CONNECTION_MAX / STREAMS_PER_SYMBOL_MAX,
    /** The venue cuts at 24 h. */
    connection_life_ms: 23 * 3_600_000,
  },
};
