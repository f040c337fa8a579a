/** Binance USD-M futures, as the numbered cards know them. */
import assert from 'node:assert/strict';
import { SYMBOLS } from '../binance-frames.ts';
import { SECOND_NS, START_NS, openVenue } from '../venue-kit.ts';
import type { Heard } from '../venue-kit.ts';
import { messagesOf, printed } from './venue.ts';
import type { BookReader, VenueCard } from './venue.ts';

const PATTERNS = {
  S: '(?:BTC|ETH)USDT',
  MS: String.raw`\d{13}`,
  N: String.raw`\d+`,
  P: String.raw`"\d+\.\d{2}"`,
  Q: String.raw`"\d+\.\d{3}"`,
  D: String.raw`"-?\d+\.\d{8}"`,
  V: String.raw`"\d+\.\d{5}"`,
  PAIRS: String.raw`(?:,?\["\d+\.\d{2}","\d+\.\d{3}"\])*`,
  BOOLEAN: '(?:true|false)',
  STREAM: String.raw`(?:btc|eth)usdt@\w+(?:@\w+)?`,
  SECOND: String.raw`\d{10}000`,
  SIDE: '(?:BUY|SELL)',
};
const stream = (data: string): RegExp => printed(`{"stream":"<STREAM>","data":${data}}`, PATTERNS);
const DEPTH =
  '{"e":"depthUpdate","E":<MS>,"T":<MS>,"s":"<S>","U":<MS>,"u":<MS>,"pu":<MS>,"b":[<PAIRS>],"a":[<PAIRS>]}';

const FORMATS = {
  'depth@100ms': stream(DEPTH),
  'depth20@100ms': stream(DEPTH),
  bookTicker: stream(
    '{"e":"bookTicker","u":<MS>,"s":"<S>","b":<P>,"B":<Q>,"a":<P>,"A":<Q>,"T":<MS>,"E":<MS>}',
  ),
  trade: stream(
    '{"e":"trade","E":<MS>,"T":<MS>,"s":"<S>","t":<N>,"p":<P>,"q":<Q>,"X":"MARKET","m":<BOOLEAN>}',
  ),
  aggTrade: stream(
    '{"e":"aggTrade","E":<MS>,"a":<N>,"s":"<S>","p":<P>,"q":<Q>,"f":<N>,"l":<N>,"T":<MS>,"m":<BOOLEAN>}',
  ),
  kline_1m: stream(
    '{"e":"kline","E":<MS>,"s":"<S>","k":{"t":<MS>,"T":<MS>,"s":"<S>","i":"1m","f":<N>,"L":<N>,"o":<P>,"c":<P>,"h":<P>,"l":<P>,"v":<Q>,"n":<N>,"x":<BOOLEAN>,"q":<V>,"V":<Q>,"Q":<V>,"B":"0"}}',
  ),
  'markPrice@1s': stream(
    '{"e":"markPriceUpdate","E":<SECOND>,"s":"<S>","p":<D>,"i":<D>,"P":<D>,"r":<D>,"T":<MS>}',
  ),
  forceOrder: stream(
    '{"e":"forceOrder","E":<MS>,"o":{"s":"<S>","S":"<SIDE>","o":"LIMIT","f":"IOC","q":<Q>,"p":<P>,"ap":<P>,"X":"FILLED","l":<Q>,"z":<Q>,"T":<MS>}}',
  ),
};

function binanceBook(): BookReader {
  const book = new BinanceBook();
  return {
    hear: ({ about, text }) => {
      if (about?.channel === 'depth@100ms') book.diff(JSON.parse(text).data);
      if (about?.channel === 'depth20@100ms') book.partial(JSON.parse(text).data);
    },
    proven: () => ({ chained: book.chained, compared: book.compared }),
  };
}

const dataOf = (heard: readonly Heard[], channel: string) =>
  messagesOf(heard, channel).map(({ data }) => data);

/** Ids of trades and of aggregates count by one, and both tell the same trades. */
function trades(heard: readonly Heard[]): number {
  const singles = dataOf(heard, 'trade');
  const aggregates = dataOf(heard, 'aggTrade');
  assert.ok(aggregates.length > 200 && singles.length > aggregates.length);
  for (let at = 1; at < singles.length; at++) assert.equal(singles[at].t, singles[at - 1].t + 1);
  for (let at = 0; at < aggregates.length; at++) {
    const { a, f, l, q, m, p } = aggregates[at];
    if (at > 0) {
      assert.equal(a, aggregates[at - 1].a + 1);
      assert.equal(f, aggregates[at - 1].l + 1);
    }
    const parts = singles.filter(({ t }) => t >= f && t <= l);
    assert.equal(parts.length, l - f + 1);
    const units = parts.reduce((sum, part) => sum + Math.round(part.q * 1000), 0);
    assert.equal(Math.round(q * 1000), units);
    assert.ok(parts.every((part) => part.p === p && part.m === m));
  }
  return singles.length;
}

/** The second minute's candle is its trades; a quote is the top of the book of the same id. */
function sums(heard: readonly Heard[]): number {
  const begin_ms = Number((START_NS + 60n * SECOND_NS) / 1_000_000n);
  const closed = dataOf(heard, 'kline_1m').filter(({ k }) => k.x && k.t === begin_ms);
  assert.equal(closed.length, 1);
  const { k } = closed[0];
  const own = dataOf(heard, 'trade').filter(({ T }) => T >= k.t && T <= k.T);
  assert.deepEqual(
    [k.n, k.f, k.L, k.o, k.c],
    [own.length, own[0].t, own.at(-1).t, own[0].p, own.at(-1).p],
  );
  const lots = (rows: readonly { q: string }[]): number =>
    rows.reduce((sum, { q }) => sum + Math.round(Number(q) * 1000), 0);
  assert.equal(Math.round(k.v * 1000), lots(own));
  assert.equal(Math.round(k.V * 1000), lots(own.filter(({ m }) => !m)));
  const all = dataOf(heard, 'bookTicker');
  for (const quote of all) assert.ok(Number(quote.b) < Number(quote.a));
  const quotes = new Map(all.map((quote) => [quote.u, quote]));
  const met = dataOf(heard, 'depth20@100ms').filter(({ u }) => quotes.has(u));
  assert.ok(met.length > 100);
  for (const { u, b, a } of met) {
    const quote = quotes.get(u);
    assert.deepEqual([quote.b, quote.B, quote.a, quote.A], [...b[0], ...a[0]]);
  }
  return own.length;
}

function wrongPath(): void {
  const { venue, connect } = openVenue('binance-usdm', ['BTCUSDT'], { rate: 100 });
  const client = connect('/market/stream');
  const params = ['btcusdt@depth@100ms', 'nosuchusdt@aggTrade', 'BTCUSDT@aggTrade'];
  const request = { method: 'SUBSCRIBE', params, id: 99 };
  client.connection.onMessage(JSON.stringify(request), START_NS);
  venue.advance(START_NS + 20n * SECOND_NS);
  assert.deepEqual(
    client.heard.map(({ text }) => text),
    ['{"result":null,"id":99}'],
  );
  const list = '{"method":"LIST_SUBSCRIPTIONS","id":3}';
  client.connection.onMessage(list, START_NS + 21n * SECOND_NS);
  assert.equal(client.heard.at(-1)?.text, JSON.stringify({ result: params, id: 3 }));
}

function rawPath(): void {
  const { venue, connect } = openVenue('binance-usdm', ['BTCUSDT'], { rate: 100 });
  const client = connect('/public/ws/btcusdt@bookTicker');
  venue.advance(START_NS + 2n * SECOND_NS);
  assert.match(client.heard[0]?.text ?? '', /^\{"e":"bookTicker",/);
  const leave = '{"method":"UNSUBSCRIBE","params":["btcusdt@bookTicker"],"id":4}';
  client.connection.onMessage(leave, START_NS + 2n * SECOND_NS);
  const told = client.heard.length;
  venue.advance(START_NS + 4n * SECOND_NS);
  assert.equal(client.heard.length, told);
}

function pingsAndEnd(): void {
  const { venue, connect } = openVenue('binance-usdm', ['BTCUSDT'], { rate: 0.01 });
  const client = connect('/market/stream');
  venue.advance(START_NS + 86_399n * SECOND_NS);
  assert.equal(client.pings.length, 479);
  assert.equal(client.pings[0], START_NS + 180n * SECOND_NS);
  assert.equal(client.closed === null, true);
  venue.advance(START_NS + 86_400n * SECOND_NS);
  assert.equal(client.closed?.at_ns, START_NS + 86_400n * SECOND_NS);
}

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
  greeting: { not: 'the venue says nothing before it is asked' },
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
  connector: { book_depth: 20, update: '@depth@100ms"' },
  golden: {
    ...{ symbols: SYMBOLS, book_depth: 20 },
    sessions: [{ file: 'frames.txt', day: '2026-11-20' }],
    kinds: ['ack', 'data', 'ignored', 'refused', 'rejected'],
    types: ['book', 'liquidation', 'mark', 'ohlc', 'quote', 'trade'],
    verdicts: [0, 1, 3, 9, 13, 23],
  },
  books: [
    {
      ...{ name: 'by pu, against the stated top twenty', rate: 60, seconds: 640 },
      open: binanceBook,
      at_least: { chained: 5_000, compared: 4_000 },
    },
  ],
  trades,
  heartbeat: { not: 'no message of its own: the venue pings, as a frame of the socket' },
  ping: { not: 'the venue pings the client, each three minutes; nothing is asked of the venue' },
  idle: { not: 'a connection that asks for nothing lives as long as all others, 24 hours' },
  formats: FORMATS,
  sums,
  again: {
    not: 'its changes have no snapshot: what is asked for again goes on at the next of them',
  },
  refusals: [
    {
      path: '/public/stream',
      ask: ['{"method":"SUBSCRIBE","params":["btcusdt"],"id":9}'],
      says: /"error":\{"code":2,"msg":"Invalid request/,
    },
  ],
  pace: {
    ...{ path: '/public/stream', request: '{"method":"LIST_SUBSCRIPTIONS","id":1}' },
    ...{ times: 11, code: 1008 },
  },
  own: {
    'a ping every three minutes, the end after 24 hours': pingsAndEnd,
    'a stream on the wrong path, or of no market, is acked and silent': wrongPath,
    'one stream of a raw path comes bare, and stops when unsubscribed': rawPath,
  },
};

type Levels = readonly (readonly [string, string])[];
type Depth = { readonly U: number; readonly u: number; readonly pu: number } & {
  readonly b: Levels;
  readonly a: Levels;
};

/**
 * A plain reader of one contract's `depth@100ms` and `depth20@100ms`: the `pu` chain, and the top
 * twenty as the changes build it against the top twenty as the venue states it.
 */
class BinanceBook {
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
