/** Kraken, as the numbered cards know it. */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { SYMBOLS } from '../kraken-frames.ts';
import { START_NS, SECOND_NS, openVenue } from '../venue-kit.ts';
import type { Heard } from '../venue-kit.ts';
import { messagesOf, printed } from './venue.ts';
import type { BookReader, VenueCard } from './venue.ts';

const PATTERNS = {
  TYPE: '(?:snapshot|update)',
  PAIR: '(?:BTC|ETH)/USD',
  LEVELS: String.raw`(?:,?\{"price":\d+\.\d{1,2},"qty":\d+\.\d{8}\})*`,
  CHECKSUM: String.raw`\d{1,10}`,
  US: String.raw`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"`,
  NS: String.raw`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"`,
  N: String.raw`-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?`,
  COUNT: String.raw`\d+`,
  TRADES: String.raw`(?:,?\{"symbol":"(?:BTC|ETH)/USD","side":"(?:buy|sell)","price":\d+\.\d{1,2},"qty":\d+\.\d{8},"ord_type":"(?:limit|market)","trade_id":\d+,"timestamp":"[^"]{27}"\})+`,
  CANDLES: String.raw`(?:,?\{"symbol":"(?:BTC|ETH)/USD",(?:"(?:open|high|low|close)":[\d.]+,){4}"trades":\d+,"volume":[\d.]+,"vwap":[\d.]+,"interval_begin":"[^"]{30}","interval":1,"timestamp":"[^"]{27}"\})+`,
  ANY: '.*',
};

const FORMATS = {
  book: printed(
    '{"channel":"book","type":"<TYPE>","data":[{"symbol":"<PAIR>","bids":[<LEVELS>],"asks":[<LEVELS>],"checksum":<CHECKSUM>,"timestamp":<US>}]}',
    PATTERNS,
  ),
  trade: printed('{"channel":"trade","type":"<TYPE>","data":[<TRADES>]}', PATTERNS),
  ticker: printed(
    '{"channel":"ticker","type":"<TYPE>","data":[{"symbol":"<PAIR>","bid":<N>,"bid_qty":<N>,"ask":<N>,"ask_qty":<N>,"last":<N>,"volume":<N>,"vwap":<N>,"low":<N>,"high":<N>,"change":<N>,"change_pct":<N>,"trades":<COUNT>,"timestamp":<US>}]}',
    PATTERNS,
  ),
  ohlc: printed('{"channel":"ohlc","type":"<TYPE>","timestamp":<NS>,"data":[<CANDLES>]}', PATTERNS),
  // Increments below 0.0001 come with an exponent.
  instrument: printed(
    '{"channel":"instrument","type":"snapshot","data":{"assets":[<ANY>],"pairs":[<ANY>"qty_increment":1e-08,"price_precision":1<ANY>]}}',
    PATTERNS,
  ),
};

function krakenBook(depth: number): BookReader {
  const book = new KrakenBook(depth);
  return {
    hear: ({ text, about }) => {
      if (about?.channel === 'book') book.hear(text);
    },
    proven: () => {
      const { checked, fell_off, came_back } = book;
      return { checked, fell_off, came_back };
    },
  };
}

const bookRequest = (method: string, symbol: string, depth = 10): string =>
  JSON.stringify({ method, params: { channel: 'book', symbol: [symbol], depth } });

/** Ids count by one from the history on; the trades of one taker come in one message. */
function trades(heard: readonly Heard[]): number {
  const messages = messagesOf(heard, 'trade');
  assert.equal(messages[0].type, 'snapshot');
  assert.equal(messages[0].data.length, 50);
  assert.ok(messages.some(({ data }, at) => at > 0 && data.length > 1));
  const all = messages.flatMap(({ data }) => data);
  for (let at = 1; at < all.length; at++) {
    assert.equal(all[at].trade_id, all[at - 1].trade_id + 1);
    assert.ok(all[at].timestamp >= all[at - 1].timestamp);
  }
  return all.length;
}

/** The second minute's candle is what its trades sum up to. */
function sums(heard: readonly Heard[]): number {
  const begin = new Date(Number((START_NS + 60n * SECOND_NS) / 1_000_000n)).toISOString();
  const minute = begin.slice(0, 16);
  const rows = (channel: string) => messagesOf(heard, channel).flatMap(({ data }) => data);
  const own = rows('trade').filter((row) => row.timestamp.startsWith(minute));
  const last = rows('ohlc').findLast((row) => row.interval_begin.startsWith(minute));
  const prices = own.map(({ price }) => price);
  assert.deepEqual(
    [last.trades, last.open, last.close, last.high, last.low],
    [own.length, prices[0], prices.at(-1), Math.max(...prices), Math.min(...prices)],
  );
  const units = own.reduce((sum, { qty }) => sum + BigInt(Math.round(qty * 1e8)), 0n);
  assert.equal(BigInt(Math.round(last.volume * 1e8)), units);
  return own.length;
}

const refused = (method: string, symbol: string): string =>
  JSON.stringify({ method, params: { channel: 'trade', symbol: [symbol] }, req_id: 5 });

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
  connector: { book_depth: 10, update: '"channel":"book","type":"update"' },
  golden: {
    ...{ symbols: SYMBOLS, book_depth: 10 },
    sessions: [{ file: 'frames.txt', day: '2026-11-20' }],
    kinds: ['ack', 'data', 'heartbeat', 'ignored', 'pong', 'refused', 'rejected', 'system'],
    types: ['book', 'instrument', 'ohlc', 'quote', 'ticker', 'trade'],
    verdicts: [1, 3, 9, 16, 20],
  },
  books: [10, 25, 100].map((depth) => ({
    ...{ name: `depth ${depth}`, rate: 330, seconds: 60 },
    requests: [bookRequest('subscribe', 'BTC/USD', depth)],
    open: () => krakenBook(depth),
    at_least: { checked: 10_000, fell_off: 100, came_back: 100 },
  })),
  trades,
  heartbeat: { mark: '{"channel":"heartbeat"}', every_s: 1 },
  ping: {
    text: '{"method":"ping","req_id":42}',
    pong: /^\{"method":"pong","req_id":42,"time_in":"2025-.*Z","time_out":"2025-.*Z"\}$/,
  },
  idle: { seconds: 60, code: 1001 },
  formats: FORMATS,
  sums,
  again: {
    subscribe: bookRequest('subscribe', 'BTC/USD'),
    unsubscribe: bookRequest('unsubscribe', 'BTC/USD'),
    snapshot: '"channel":"book","type":"snapshot"',
    open: () => krakenBook(10),
  },
  refusals: [
    {
      path: '/v2',
      ask: [refused('subscribe', 'NO/SUCH')],
      says: /"error":"Currency pair not supported NO\/SUCH"/,
    },
    {
      path: '/v2',
      ask: [refused('unsubscribe', 'BTC/USD')],
      says: /"error":"Subscription Not Found"/,
    },
    {
      path: '/v2',
      ask: [refused('subscribe', 'BTC/USD'), refused('subscribe', 'BTC/USD')],
      says: /"error":"Already subscribed"/,
    },
  ],
  pace: { not: 'the rate above which it says `Exceeded msg rate` is not published' },
  own: {
    'BTC prices have one decimal, those of ETH two: never another number': () => {
      const { venue, connect } = openVenue('kraken', ['BTC/USD', 'ETH/USD'], { rate: 20 });
      const client = connect('/v2');
      for (const [symbol, decimals] of [
        ['BTC/USD', 1],
        ['ETH/USD', 2],
      ] as const) {
        client.connection.onMessage(bookRequest('subscribe', symbol), START_NS);
        venue.advance(START_NS + 30n * SECOND_NS);
        const own = client.heard.filter(({ about }) => about?.symbol === symbol);
        assert.ok(own.length > 0);
        for (const [, fraction] of own.flatMap(({ text }) => [
          ...text.matchAll(/"price":\d+\.(\d+)/g),
        ])) {
          assert.equal(fraction?.length, decimals);
        }
      }
    },
  },
};

/**
 * A plain reader of Kraken's books: wire digits kept as text by quoting them, a Map a side, cut to
 * the depth, CRC32 of the top ten by zlib. Throws at the first message that does not fit.
 */
class KrakenBook {
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
