/** Talking to a simulated venue without socket or clock, and what the cards need to know of each. */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { FaultPlan, LedgerEntry } from '../../connectors/simulator/faults.ts';
import { openHarness, type Harness } from '../../connectors/simulator/harness.ts';
import type { EventType } from '../../schema/events.ts';
import { VENUES } from '../../connectors/simulator/registry.ts';
import type { About, VenueConnection } from '../../connectors/simulator/venue.ts';

export const START_NS = 1_763_683_200_000_000_000n;
export const SECOND_NS = 1_000_000_000n;

export type Heard = { readonly text: string; readonly about: About | null; readonly at_ns: bigint };

/** What one connection heard. */
export type Client = {
  readonly connection: VenueConnection;
  readonly heard: Heard[];
  readonly pings: bigint[];
  closed: { readonly code: number; readonly reason: string; readonly at_ns: bigint } | null;
};

export type OpenOptions = { readonly seed?: number; readonly rate?: number };

/** A venue alone, without faults. */
export function openVenue(feed: string, symbols: readonly string[], options: OpenOptions = {}) {
  const create = VENUES.get(feed);
  assert.ok(create, `no venue ${feed}`);
  const { seed = 7, rate = 5 } = options;
  const venue = create({ seed, symbols, start_ns: START_NS, rate });
  const connect = (path: string, now_ns: bigint = START_NS): Client => {
    const client: Partial<Client> & { heard: Heard[] } = { heard: [], pings: [], closed: null };
    const connection = venue.connect(path, now_ns, {
      frame: (text, about, at_ns) => client.heard.push({ text, about, at_ns }),
      ping: (at_ns) => client.pings?.push(at_ns),
      close: (code, reason, at_ns) => {
        client.closed = { code, reason, at_ns };
      },
    });
    assert.ok(connection, `path ${path} is refused`);
    return Object.assign(client, { connection }) as Client;
  };
  return { venue, connect };
}

export type Sent = { readonly payload: string | Uint8Array; readonly at_ns: bigint };
export type Line = {
  readonly frames: Sent[];
  readonly connection: VenueConnection;
  closed: { readonly code: number | null; readonly at_ns: bigint } | null;
};

/** A venue with faults. */
export function openFaulty(feed: string, symbols: readonly string[], faults: FaultPlan) {
  const create = VENUES.get(feed);
  assert.ok(create, `no venue ${feed}`);
  const harness = openHarness({ create, seed: 7, symbols, start_ns: START_NS, rate: 20, faults });
  return { harness, ledger: harness.ledger as readonly LedgerEntry[] };
}

/** Connects through the harness; a refused upgrade comes back as its status. */
export function dial(harness: Harness, path: string, now_ns: bigint): Line | number {
  const line: Partial<Line> & { frames: Sent[] } = { frames: [], closed: null };
  const result = harness.connect(path, now_ns, {
    frame: (payload, at_ns) => line.frames.push({ payload, at_ns }),
    ping: () => {},
    close: (code, _reason, at_ns) => {
      line.closed = { code, at_ns };
    },
  });
  return 'status' in result ? result.status : (Object.assign(line, { connection: result }) as Line);
}

/** What differs between venues in the numbered cards. */
export type VenueCard = {
  readonly feed: string;
  readonly symbols: readonly string[];
  readonly paths: readonly string[];
  /** Requests on a path, by what is wanted. */
  readonly subscribe: (path: string, symbols: readonly string[], id: number) => readonly string[];
  /** What the first frame has to be; null where the venue does not greet. */
  readonly greeting: RegExp | null;
  /** How many acks the requests of a path bring. */
  readonly acks: (path: string, symbols: readonly string[]) => number;
  readonly isAck: (text: string) => boolean;
  readonly badRequest: string;
  readonly isRefusal: (text: string) => boolean;
  /** Channel whose frames the fault cards strike, and the path it is on. */
  readonly struck: { readonly path: string; readonly channel: string; readonly symbol: string };
  /** A channel that begins at once, in the venue's words and as it is subscribed to. */
  readonly prompt: { readonly channel: string; readonly subscribed: string };
  /** What frames of trades hold, and the key of their price. */
  readonly trade: { readonly mark: string; readonly price: string };
  /** What frames of a channel hold of which each message states all, and its name in them. */
  readonly stated: { readonly mark: string; readonly name: string };
  /**
   * What its protocol lets one notice, in the venue's words: channels of which a frame that is lost or
   * late always shows, and on which type of event, and fields by channel of which another digit does.
   */
  readonly proven: {
    readonly lost: Readonly<Record<string, EventType>>;
    readonly changed: Readonly<Record<string, readonly string[]>>;
    /** What a message holds that says nothing: lost or late, it leaves no trace, and none is needed. */
    readonly empty?: string;
  };
};

export const KRAKEN_CARD: VenueCard = {
  feed: 'kraken',
  symbols: ['BTC/USD', 'ETH/USD'],
  paths: ['/v2'],
  subscribe: (_path, symbols, id) => [
    ...['book', 'trade', 'ohlc'].map((channel, at) =>
      JSON.stringify({
        method: 'subscribe',
        params: { channel, symbol: symbols },
        req_id: id + at,
      }),
    ),
    JSON.stringify({
      method: 'subscribe',
      params: { channel: 'ticker', symbol: symbols, event_trigger: 'bbo' },
      req_id: id + 3,
    }),
    JSON.stringify({ method: 'subscribe', params: { channel: 'instrument' }, req_id: id + 4 }),
  ],
  greeting: /^\{"channel":"status","type":"update","data":\[\{.*"connection_id":\d{18,19}\}\]\}$/,
  acks: (_path, symbols) => 4 * symbols.length + 1,
  isAck: (text) => text.includes('"method":"subscribe"') && text.includes('"success":true'),
  badRequest: '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":11}}',
  isRefusal: (text) => text.includes('"success":false') && text.includes('"error":"'),
  struck: { path: '/v2', channel: 'book', symbol: 'BTC/USD' },
  prompt: { channel: 'ticker', subscribed: 'ticker' },
  trade: { mark: '"channel":"trade","type":"update"', price: 'price' },
  stated: { mark: '"channel":"ticker","type":"update"', name: '"ticker"' },
  proven: {
    lost: { trade: 'trade' },
    changed: { book: ['price', 'qty', 'checksum'], trade: ['trade_id'] },
  },
};

const PUBLIC = ['trade', 'bookTicker', 'depth@100ms', 'depth20@100ms'];
const MARKET = ['aggTrade', 'kline_1m', 'markPrice@1s', 'forceOrder'];

export const BINANCE_CARD: VenueCard = {
  feed: 'binance-usdm',
  symbols: ['BTCUSDT', 'ETHUSDT'],
  paths: ['/public/stream', '/market/stream'],
  subscribe: (path, symbols, id) => {
    const channels = path.startsWith('/public') ? PUBLIC : MARKET;
    const params = symbols.flatMap((symbol) =>
      channels.map((channel) => `${symbol.toLowerCase()}@${channel}`),
    );
    return [JSON.stringify({ method: 'SUBSCRIBE', params, id })];
  },
  greeting: null,
  acks: () => 1,
  isAck: (text) => /^\{"result":null,"id":\d+\}$/.test(text),
  badRequest: '{"method":"SUBSCRIBE","params":["btcusdt"],"id":9}',
  isRefusal: (text) => text.includes('"error":{"code":2,"msg":"Invalid request'),
  struck: { path: '/public/stream', channel: 'depth@100ms', symbol: 'BTCUSDT' },
  prompt: { channel: 'markPrice@1s', subscribed: 'markPrice' },
  trade: { mark: '"e":"aggTrade"', price: 'p' },
  stated: { mark: '"e":"bookTicker"', name: '"bookTicker"' },
  proven: {
    lost: { 'depth@100ms': 'book', aggTrade: 'trade' },
    changed: { 'depth@100ms': ['u', 'pu'] },
  },
};

const OKX_PUBLIC = ['books', 'bbo-tbt', 'trades', 'tickers'];

export const OKX_CARD: VenueCard = {
  feed: 'okx',
  symbols: ['BTC-USDT', 'BTC-USDT-SWAP'],
  paths: ['/ws/v5/public', '/ws/v5/business'],
  subscribe: (path, symbols, id) => {
    const wanted = (instId: string): readonly string[] => {
      if (path.endsWith('/business')) return ['candle1m'];
      return instId.endsWith('-SWAP') ? [...OKX_PUBLIC, 'funding-rate'] : OKX_PUBLIC;
    };
    const args = symbols.flatMap((instId) =>
      wanted(instId).map((channel) => ({ channel, instId })),
    );
    return [JSON.stringify({ id: String(id), op: 'subscribe', args })];
  },
  greeting: null,
  acks: (path) => (path.endsWith('/business') ? 2 : 9),
  isAck: (text) => text.includes('"event":"subscribe"'),
  badRequest: '{"op":"subscribe","args":[{"channel":"books","instId":"NO-SUCH"}]}',
  isRefusal: (text) => text.includes('"event":"error"') && text.includes('"code":"60018"'),
  struck: { path: '/ws/v5/public', channel: 'books', symbol: 'BTC-USDT' },
  prompt: { channel: 'bbo-tbt', subscribed: 'bbo-tbt' },
  trade: { mark: '"channel":"trades","instId":"BTC-USDT"},"data"', price: 'px' },
  stated: { mark: '"channel":"bbo-tbt","instId":"BTC-USDT"},"data"', name: '"bbo-tbt"' },
  proven: {
    lost: { books: 'book' },
    changed: { books: ['seqId', 'prevSeqId'] },
    empty: '"asks":[],"bids":[]',
  },
};

const COINBASE_CHANNELS = [
  'level2',
  'market_trades',
  'ticker',
  'ticker_batch',
  'candles',
  'status',
];

export const COINBASE_CARD: VenueCard = {
  feed: 'coinbase',
  symbols: ['BTC-USD', 'ETH-USD'],
  paths: ['/'],
  subscribe: (_path, symbols) => [
    JSON.stringify({ type: 'subscribe', channel: 'heartbeats' }),
    ...COINBASE_CHANNELS.map((channel) =>
      JSON.stringify({ type: 'subscribe', product_ids: symbols, channel }),
    ),
  ],
  greeting: null,
  acks: () => COINBASE_CHANNELS.length + 1,
  isAck: (text) => text.startsWith('{"channel":"subscriptions"'),
  badRequest: '{"type":"subscribe","product_ids":["NO-SUCH"],"channel":"level2"}',
  isRefusal: (text) => text.includes('"type":"error"') && text.includes('is not a valid product'),
  struck: { path: '/', channel: 'level2', symbol: 'BTC-USD' },
  prompt: { channel: 'level2', subscribed: 'level2' },
  trade: { mark: '{"channel":"market_trades"', price: 'price' },
  stated: { mark: '{"channel":"ticker"', name: '"ticker"' },
  proven: {
    lost: {
      ...{ level2: 'book', market_trades: 'trade', ticker: 'ticker', ticker_batch: 'ticker' },
      ...{ candles: 'book', status: 'book' },
    },
    changed: {},
  },
};

const BYBIT_TOPICS = [
  ...['orderbook.200', 'orderbook.1', 'publicTrade'],
  ...['tickers', 'kline.1', 'allLiquidation'],
];

export const BYBIT_CARD: VenueCard = {
  feed: 'bybit-linear',
  symbols: ['BTCUSDT', 'ETHUSDT'],
  paths: ['/v5/public/linear'],
  subscribe: (_path, symbols, id) =>
    symbols.flatMap((symbol, market) =>
      BYBIT_TOPICS.map((topic, at) => {
        const req_id = String(id + 10 * market + at);
        return JSON.stringify({ req_id, op: 'subscribe', args: [`${topic}.${symbol}`] });
      }),
    ),
  greeting: null,
  acks: (_path, symbols) => BYBIT_TOPICS.length * symbols.length,
  isAck: (text) => text.includes('"success":true') && text.endsWith('"op":"subscribe"}'),
  badRequest: '{"req_id":"9","op":"subscribe","args":["orderbook.50.NOSUCH"]}',
  isRefusal: (text) => text.includes('"success":false') && text.includes(',topic:'),
  struck: { path: '/v5/public/linear', channel: 'orderbook', symbol: 'BTCUSDT' },
  prompt: { channel: 'tickers', subscribed: 'tickers' },
  trade: { mark: '"topic":"publicTrade.BTCUSDT"', price: 'p' },
  stated: { mark: '"topic":"orderbook.1.BTCUSDT"', name: '"orderbook' },
  proven: { lost: { orderbook: 'book' }, changed: { orderbook: ['u'] } },
};

export const VENUE_CARDS: readonly VenueCard[] = [
  KRAKEN_CARD,
  BINANCE_CARD,
  OKX_CARD,
  COINBASE_CARD,
  BYBIT_CARD,
];

export function cardOf(feed: string): VenueCard {
  return VENUE_CARDS.find((card) => card.feed === feed) ?? assert.fail(`no card of ${feed}`);
}

/** Sends a card's requests on a path. */
export function subscribeAll(
  card: VenueCard,
  path: string,
  connection: VenueConnection,
  now_ns: bigint,
): void {
  for (const request of card.subscribe(path, card.symbols, 100)) {
    connection.onMessage(request, now_ns);
  }
}

/**
 * A plain reader of Kraken's books: wire digits kept as text by quoting them, a Map a side, cut to
 * the depth, CRC32 of the top ten by zlib. Throws at the first message that does not fit.
 */
export class KrakenBookChecker {
  readonly #depth: number;
  #asks = new Map<string, string>();
  #bids = new Map<string, string>();
  seen_snapshot = false;
  checked = 0;
  fell_off = 0;
  came_back = 0;
  #fallen = new Set<string>();

  constructor(depth: number) {
    this.#depth = depth;
  }

  hear(text: string): void {
    const quoted = text.replace(/("(?:price|qty)":)(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g, '$1"$2"');
    const message = JSON.parse(quoted);
    const [data] = message.data;
    assert.equal(message.data.length, 1);
    if (message.type === 'snapshot') {
      this.#asks = new Map();
      this.#bids = new Map();
      this.seen_snapshot = true;
      assert.ok(data.asks.length <= this.#depth && data.bids.length <= this.#depth);
    }
    assert.ok(this.seen_snapshot, 'an update before the snapshot');
    this.#asks = this.#apply(this.#asks, data.asks, 1);
    this.#bids = this.#apply(this.#bids, data.bids, -1);
    const strip = (digits: string): string => digits.replace('.', '').replace(/^0+/, '');
    const top = [...[...this.#asks].slice(0, 10), ...[...this.#bids].slice(0, 10)];
    const digits = top.map(([price, qty]) => strip(price) + strip(qty)).join('');
    assert.equal(crc32(digits), data.checksum, `checksum of message ${this.checked}: ${text}`);
    const best_ask = Number(this.#asks.keys().next().value);
    const best_bid = Number(this.#bids.keys().next().value);
    assert.ok(best_bid < best_ask, `crossed: ${best_bid} ${best_ask}`);
    this.checked++;
  }

  #apply(
    side: Map<string, string>,
    entries: readonly { price: string; qty: string }[],
    sign: number,
  ): Map<string, string> {
    const prices = new Set(entries.map(({ price }) => price));
    assert.equal(prices.size, entries.length, 'a price twice in one list');
    for (const { price, qty } of entries) {
      if (Number(qty) === 0) {
        assert.ok(side.has(price), `removes a level that was never in the view: ${price}`);
        side.delete(price);
      } else {
        if (this.#fallen.delete(`${sign}${price}`) && !side.has(price)) this.came_back++;
        side.set(price, qty);
      }
    }
    const sorted = [...side].sort(([a], [b]) => sign * (Number(a) - Number(b)));
    for (const [price] of sorted.slice(this.#depth)) {
      this.fell_off++;
      this.#fallen.add(`${sign}${price}`);
    }
    return new Map(sorted.slice(0, this.#depth));
  }
}

type Levels = readonly (readonly [string, string])[];
type Depth = { readonly U: number; readonly u: number; readonly pu: number } & {
  readonly b: Levels;
  readonly a: Levels;
};

/**
 * A plain reader of one contract's `depth@100ms` and `depth20@100ms`: the `pu` chain, and the top
 * twenty as the changes build it against the top twenty as the venue states it.
 */
export class BinanceBookChecker {
  #bids: Map<number, string> | null = null;
  #asks: Map<number, string> | null = null;
  #last_u: number | null = null;
  #bound = { bid: 0, ask: 0 };
  chained = 0;
  compared = 0;

  diff(data: Depth): void {
    assert.ok(data.U <= data.u, `U ${data.U} > u ${data.u}`);
    assert.ok(data.pu < data.U, `pu ${data.pu} >= U ${data.U}`);
    if (this.#last_u !== null) {
      assert.equal(data.pu, this.#last_u, 'pu chain');
      this.chained++;
    }
    this.#last_u = data.u;
    if (this.#bids === null || this.#asks === null) return;
    for (const [side, changes] of [
      [this.#bids, data.b],
      [this.#asks, data.a],
    ] as const) {
      for (const [price, qty] of changes) {
        if (Number(qty) === 0) side.delete(Number(price));
        else side.set(Number(price), qty);
      }
    }
  }

  partial(data: Depth): void {
    assert.equal(data.b.length, 20);
    assert.equal(data.a.length, 20);
    if (this.#bids === null || this.#asks === null) {
      this.#bids = new Map(data.b.map(([price, qty]) => [Number(price), qty]));
      this.#asks = new Map(data.a.map(([price, qty]) => [Number(price), qty]));
      this.#bound = { bid: Number(data.b[19]?.[0]), ask: Number(data.a[19]?.[0]) };
      return;
    }
    if (data.u !== this.#last_u) return;
    this.#bound.bid = this.#compare(this.#bids, data.b, -1, this.#bound.bid);
    this.#bound.ask = this.#compare(this.#asks, data.a, 1, this.#bound.ask);
    this.compared++;
  }

  /** Up to `bound` the changes tell everything; beyond it the venue's word is taken in. */
  #compare(side: Map<number, string>, stated: Levels, sign: number, bound: number): number {
    const last = Number(stated[19]?.[0]);
    for (const [price, qty] of stated) {
      const level = Number(price);
      if (side.get(level) === undefined && sign * level > sign * bound) side.set(level, qty);
      assert.equal(side.get(level), qty, `level ${price} of u ${this.#last_u}`);
    }
    const within = [...side.keys()].filter((level) => sign * level <= sign * last);
    assert.equal(within.length, 20, `levels up to ${last} of u ${this.#last_u}`);
    return sign * last > sign * bound ? last : bound;
  }
}

/** The keys of a value in their order, types at the leaves; lists by their first element. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]);
}
