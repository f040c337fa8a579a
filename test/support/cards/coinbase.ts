/** Coinbase Advanced Trade, as the numbered cards know it. */
import assert from 'node:assert/strict';
import { SYMBOLS } from '../coinbase-frames.ts';
import { SECOND_NS, START_NS, openVenue } from '../venue-kit.ts';
import type { Heard } from '../venue-kit.ts';
import { messagesOf, printed } from './venue.ts';
import type { BookReader, VenueCard } from './venue.ts';

const PATTERNS = {
  ID: '(?:BTC|ETH)-USD',
  B: '(?:BTC|ETH)',
  NS: String.raw`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`,
  N: String.raw`\d+`,
  P: String.raw`"\d+\.\d{2}"`,
  Q: String.raw`"(?:0|[1-9]\d*)(?:\.\d*[1-9])?"`,
  SIGNED: String.raw`"-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?"`,
  TYPE: '(?:snapshot|update)',
  LEVELS: String.raw`(?:,?\{"side":"(?:bid|offer)","event_time":"[^"]+Z","price_level":"\d+\.\d{2}","new_quantity":"[\d.]+"\})+`,
  TRADES: String.raw`(?:,?\{"product_id":"(?:BTC|ETH)-USD","trade_id":"\d+","price":"\d+\.\d{2}","size":"[\d.]+","time":"[^"]{26}Z","side":"(?:BUY|SELL)"\})+`,
  BARS: String.raw`(?:,?\{"start":"\d{10}",(?:"(?:high|low|open|close)":"\d+\.\d{2}",){4}"volume":"[\d.]+","product_id":"(?:BTC|ETH)-USD"\})+`,
  INCREMENT: String.raw`"0\.0*1"`,
};
const DAY =
  '"price":<P>,"volume_24_h":<Q>,"low_24_h":<P>,"high_24_h":<P>,"low_52_w":<P>,"high_52_w":<P>,"price_percent_chg_24_h":<SIGNED>';
const message = (channel: string, event: string): RegExp =>
  printed(
    `{"channel":"${channel}","client_id":"","timestamp":"<NS>","sequence_num":<N>,"events":[${event}]}`,
    PATTERNS,
  );

const FORMATS = {
  level2: message('l2_data', '{"type":"<TYPE>","product_id":"<ID>","updates":[<LEVELS>]}'),
  market_trades: message('market_trades', '{"type":"<TYPE>","trades":[<TRADES>]}'),
  ticker: message(
    'ticker',
    `{"type":"<TYPE>","tickers":[{"type":"ticker","product_id":"<ID>",${DAY},"best_bid":<P>,"best_bid_quantity":<Q>,"best_ask":<P>,"best_ask_quantity":<Q>}]}`,
  ),
  ticker_batch: message(
    'ticker_batch',
    `{"type":"<TYPE>","tickers":[{"type":"ticker","product_id":"<ID>",${DAY}}]}`,
  ),
  candles: message('candles', '{"type":"<TYPE>","candles":[<BARS>]}'),
  status: message(
    'status',
    '{"type":"snapshot","products":[{"product_type":"SPOT","id":"<ID>","base_currency":"<B>","quote_currency":"USD","base_increment":<INCREMENT>,"quote_increment":<INCREMENT>,"display_name":"<B>/USD","status":"online","status_message":"","min_market_funds":"1"}]}',
  ),
};

const ask = (type: string, channel: string, product_ids?: readonly string[]): string =>
  JSON.stringify({ type, product_ids, channel });

/** Numbers of all frames count by one; the trades of one market do, newest first in a message. */
function trades(heard: readonly Heard[]): number {
  const rows = messagesOf(heard, 'market_trades').flatMap(({ events }) =>
    events[0].trades.toReversed(),
  );
  for (let at = 1; at < rows.length; at++) {
    assert.equal(Number(rows[at].trade_id), Number(rows[at - 1].trade_id) + 1);
    assert.ok(rows[at].time >= rows[at - 1].time);
  }
  return rows.length;
}

/** The first five minutes' bar is what their trades sum up to. */
function sums(heard: readonly Heard[]): number {
  const start = START_NS / SECOND_NS;
  const until = new Date(Number(start + 300n) * 1000).toISOString().slice(0, 19);
  const updates = (channel: string) =>
    messagesOf(heard, channel)
      .map(({ events }) => events[0])
      .filter(({ type }) => type === 'update');
  const bar = updates('candles')
    .flatMap(({ candles }) => candles)
    .findLast((row) => row.start === String(start));
  const own = updates('market_trades')
    .flatMap((event) => event.trades.toReversed())
    .filter(({ time }) => time < until);
  const prices = own.map(({ price }) => Number(price));
  assert.deepEqual([bar.open, bar.close, bar.high, bar.low].map(Number), [
    prices[0],
    prices.at(-1),
    Math.max(...prices),
    Math.min(...prices),
  ]);
  const units = own.reduce((sum, { size }) => sum + BigInt(Math.round(size * 1e8)), 0n);
  assert.equal(BigInt(Math.round(bar.volume * 1e8)), units);
  return own.length;
}

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
  greeting: { not: 'the venue says nothing before it is asked' },
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
  connector: { book_depth: 0, update: '"events":[{"type":"update","product_id"' },
  golden: {
    ...{ symbols: SYMBOLS, book_depth: 0 },
    sessions: [
      { file: 'exchange-frames.txt', day: '2021-04-17' },
      { file: 'frames.txt', day: '2026-11-20' },
    ],
    kinds: ['ack', 'data', 'heartbeat', 'ignored', 'refused', 'rejected'],
    types: ['book', 'instrument', 'ohlc', 'ticker', 'trade'],
    verdicts: [1, 3, 9, 16, 20],
  },
  books: [
    {
      ...{ name: 'by number, against the ticker', rate: 60, seconds: 120 },
      open: () => new CoinbaseBook(),
      at_least: { numbered: 3_000, applied: 2_000, compared: 300 },
    },
  ],
  trades,
  heartbeat: { mark: '{"channel":"heartbeats"', every_s: 1 },
  ping: { not: 'it documents no ping in words; heartbeats are a channel' },
  idle: { seconds: 5, code: 1000 },
  formats: FORMATS,
  sums,
  again: {
    subscribe: ask('subscribe', 'level2', ['BTC-USD']),
    unsubscribe: ask('unsubscribe', 'level2', ['BTC-USD']),
    snapshot: '"type":"snapshot","product_id"',
    open: () => new CoinbaseBook(),
  },
  refusals: [
    {
      ...{ path: '/', ask: [ask('subscribe', 'level2', ['NO-SUCH'])] },
      says: /"message":"Failed to subscribe","reason":"NO-SUCH is not a valid product"/,
    },
    {
      ...{ path: '/', ask: [ask('subscribe', 'nonsense', ['BTC-USD'])] },
      says: /"reason":"nonsense is not a valid channel"/,
    },
    {
      ...{ path: '/', ask: [ask('subscribe', 'level2', [])] },
      says: /"reason":"You need to specify at least one product ID"/,
    },
    {
      ...{ path: '/', ask: [ask('nonsense', 'level2', ['BTC-USD'])] },
      says: /"message":"Type has to be either subscribe or unsubscribe"/,
    },
  ],
  pace: { not: 'what it does above eight messages a second of an address is not published' },
  own: {
    'each answer states all that the connection is subscribed to': () => {
      const { connect } = openVenue('coinbase', ['BTC-USD', 'ETH-USD']);
      const client = connect('/');
      const stated = (request: string): unknown => {
        client.connection.onMessage(request, START_NS);
        const answer = client.heard.findLast(({ text }) => text.includes('"subscriptions"'));
        return JSON.parse(answer?.text ?? '').events[0].subscriptions;
      };
      const both = ['BTC-USD', 'ETH-USD'];
      assert.deepEqual(stated(ask('subscribe', 'level2', both)), { level2: both });
      assert.deepEqual(stated(ask('subscribe', 'ticker', ['ETH-USD'])), {
        level2: both,
        ticker: ['ETH-USD'],
      });
      const left = { level2: ['ETH-USD'], ticker: ['ETH-USD'] };
      assert.deepEqual(stated(ask('unsubscribe', 'level2', ['BTC-USD'])), left);
    },
  },
};

/**
 * A plain reader of one market: frames of the connection numbered by one, a book that is never crossed,
 * and its top against every ticker.
 */
class CoinbaseBook implements BookReader {
  #sides: { readonly bid: Map<number, string>; readonly offer: Map<number, string> } | null = null;
  #number: number | null = null;
  #numbered = 0;
  #applied = 0;
  #compared = 0;

  hear({ text, about }: Heard): void {
    const { sequence_num, events } = JSON.parse(text);
    if (this.#number !== null) {
      assert.equal(sequence_num, this.#number + 1, 'frames count by one');
      this.#numbered++;
    }
    this.#number = sequence_num;
    if (about?.channel === 'level2') this.#apply(events[0]);
    if (about?.channel === 'ticker') this.#compare(events[0].tickers[0]);
  }

  proven(): Readonly<Record<string, number>> {
    return { numbered: this.#numbered, applied: this.#applied, compared: this.#compared };
  }

  #apply({ type, updates }: CoinbaseChange): void {
    if (type === 'snapshot') this.#sides = { bid: new Map(), offer: new Map() };
    const sides = this.#sides ?? assert.fail('an update before the snapshot');
    for (const { side, price_level, new_quantity } of updates) {
      const levels = sides[side];
      const price = Number(price_level);
      if (new_quantity === '0') levels.delete(price);
      else levels.set(price, new_quantity);
    }
    assert.ok(Math.max(...sides.bid.keys()) < Math.min(...sides.offer.keys()), 'crossed');
    this.#applied++;
  }

  #compare(ticker: Readonly<Record<string, string>>): void {
    if (this.#sides === null) return;
    const { bid, offer } = this.#sides;
    const [best_bid, best_ask] = [Math.max(...bid.keys()), Math.min(...offer.keys())];
    assert.deepEqual(
      [Number(ticker['best_bid']), ticker['best_bid_quantity']],
      [best_bid, bid.get(best_bid)],
    );
    assert.deepEqual(
      [Number(ticker['best_ask']), ticker['best_ask_quantity']],
      [best_ask, offer.get(best_ask)],
    );
    this.#compared++;
  }
}

type CoinbaseChange = {
  readonly type: string;
  readonly updates: readonly {
    readonly side: 'bid' | 'offer';
    readonly price_level: string;
    readonly new_quantity: string;
  }[];
};
