/**
 * How OKX's public WebSocket v5 is spoken: two sockets, by path, because candles are served below
 * `/business` and the rest below `/public`; a channel asked for on the wrong one is refused (60018).
 * The host listens on port 443; 8443 was retired on 2026-10-31. Limits: OKX v5 documentation,
 * "WebSocket / Overview, Connect", read 2026-11.
 */
import { SsmdError } from '../../schema/errors.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Endpoint, Protocol, Request, Subscription } from '../feed.ts';
import { CANDLE_CHANNELS } from './bars.ts';
import { LEVELS } from './book.ts';

/** The venue sets no number of channels; fewer lose less when one connection goes. */
export const SYMBOLS_PER_CONNECTION_MAX = 50;
/** One request may hold 64 KiB of arguments; these many take a tenth of that. */
export const ARGS_PER_REQUEST_MAX = 100;
/** What the name of a perpetual swap ends in; only those have a funding rate. */
const SWAP = '-SWAP';

type Path = 'public' | 'business';
type Channel = {
  readonly path: Path;
  readonly swaps_only: boolean;
  readonly first_message_ms: number | null;
};

/**
 * Bounds on the first message after an acknowledgement. Books, quotes and tickers are stated at once;
 * a trade may be long in coming; a candle follows the trades; a funding rate comes every 30 to 90 s.
 */
const CHANNELS: Readonly<Record<string, Channel>> = {
  books: { path: 'public', swaps_only: false, first_message_ms: 10_000 },
  'bbo-tbt': { path: 'public', swaps_only: false, first_message_ms: 10_000 },
  tickers: { path: 'public', swaps_only: false, first_message_ms: 60_000 },
  trades: { path: 'public', swaps_only: false, first_message_ms: 600_000 },
  'funding-rate': { path: 'public', swaps_only: true, first_message_ms: 120_000 },
  ...Object.fromEntries(
    CANDLE_CHANNELS.map(({ name }) => [
      name,
      { path: 'business', swaps_only: false, first_message_ms: 600_000 } satisfies Channel,
    ]),
  ),
};

/** Channels that can be configured. */
export const CHANNEL_NAMES: readonly string[] = Object.keys(CHANNELS);

function channelOf(name: string): Channel {
  const channel = Object.hasOwn(CHANNELS, name) ? CHANNELS[name] : undefined;
  if (channel !== undefined) return channel;
  throw new SsmdError(
    'SSMD_INVALID_CONFIG',
    `channels of feed okx: expected some of ${CHANNEL_NAMES.join(', ')}, ` +
      `received ${JSON.stringify(name)}; correct the shard's channels`,
    { facts: { channel: name, known: CHANNEL_NAMES } },
  );
}

function endpoints(config: FoldConfig): readonly Endpoint[] {
  return (['public', 'business'] as const).flatMap((path) => endpointsOf(path, config));
}

/** A socket per 50 markets; a market's subscriptions stay together. */
function endpointsOf(path: Path, config: FoldConfig): readonly Endpoint[] {
  const channels = config.channels.filter((name) => channelOf(name).path === path);
  const markets = config.symbols
    .map(({ symbol, external, depth }) =>
      channels
        .filter((channel) => channel !== 'books' || depth === 'l2')
        .filter((channel) => !channelOf(channel).swaps_only || external.endsWith(SWAP))
        .map((channel): Subscription => ({ channel, symbol, external })),
    )
    .filter((wanted) => wanted.length > 0);
  const sockets: Endpoint[] = [];
  for (let from = 0; from < markets.length; from += SYMBOLS_PER_CONNECTION_MAX) {
    const name = from === 0 ? path : `${path}-${sockets.length + 1}`;
    const subscriptions = markets.slice(from, from + SYMBOLS_PER_CONNECTION_MAX).flat();
    sockets.push({ name, path: `/ws/v5/${path}`, subscriptions });
  }
  return sockets;
}

/** Many channels a request: 480 requests are allowed an hour. Each is acknowledged by itself. */
function requests(
  op: 'subscribe' | 'unsubscribe',
  subscriptions: readonly Subscription[],
  nextId: () => string,
): readonly Request[] {
  const batches: Request[] = [];
  for (let from = 0; from < subscriptions.length; from += ARGS_PER_REQUEST_MAX) {
    const wanted = subscriptions.slice(from, from + ARGS_PER_REQUEST_MAX);
    const args = wanted.map(({ channel, external }) => ({ channel, instId: external }));
    // The venue takes letters and digits only, 32 at most (60033).
    const id = nextId();
    batches.push({ id, text: JSON.stringify({ id, op, args }), subscriptions: wanted });
  }
  return batches;
}

export const okxProtocol: Protocol = {
  url: 'wss://ws.okx.com',
  channels: ['books', 'bbo-tbt', 'trades', 'tickers', 'funding-rate', 'candle1m'],
  book_depths: [LEVELS],
  endpoints,
  subscribe: (subscriptions, _config, nextId) => requests('subscribe', subscriptions, nextId),
  unsubscribe: (subscriptions, _config, nextId) => requests('unsubscribe', subscriptions, nextId),
  // Not JSON, and without an id: the answer is the word `pong`.
  ping: { interval_ms: 10_000, text: () => 'ping' },
  limits: {
    // A connection on which nothing was sent for 30 s is cut; two unanswered pings are enough to know.
    silence_ms: 25_000,
    first_message_ms: (channel) => channelOf(channel).first_message_ms,
    // A snapshot of 400 levels a side is about 40 KiB.
    frame_bytes_max: 4 * 1024 * 1024,
    // The venue counts by the hour (480): an unsubscription and its subscription go close together.
    requests_per_second: 10,
    symbols_per_connection_max: SYMBOLS_PER_CONNECTION_MAX,
    connection_life_ms: null,
  },
};
