/** Bybit's linear contracts, as the numbered cards know them. */
import assert from 'node:assert/strict';
import { SYMBOLS } from '../bybit-frames.ts';
import { SECOND_NS, START_NS, openVenue } from '../venue-kit.ts';
import type { Heard } from '../venue-kit.ts';
import { messagesOf, printed } from './venue.ts';
import type { BookReader, VenueCard } from './venue.ts';

const PATH = '/v5/public/linear';
const PATTERNS = {
  S: '(?:BTC|ETH)USDT',
  MS: String.raw`\d{13}`,
  N: String.raw`\d+`,
  TYPE: '(?:snapshot|delta)',
  LEVELS: String.raw`(?:,?\["\d+\.\d{2}","(?:0|\d+\.\d{2,3})"\])*`,
  TRADES: String.raw`(?:,?\{"T":\d{13},"s":"(?:BTC|ETH)USDT","S":"(?:Buy|Sell)","v":"\d+\.\d{2,3}","p":"\d+\.\d{2}","L":"(?:Zero)?(?:Plus|Minus)Tick","i":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}","BT":false,"seq":\d+\})+`,
  FIELDS: String.raw`(?:,"[a-zA-Z0-9]+":"[^"]+")+`,
  P: String.raw`"\d+\.\d{2}"`,
  V: String.raw`"\d+\.\d+"`,
  BOOLEAN: '(?:true|false)',
  FORCED: String.raw`(?:,?\{"T":\d{13},"s":"(?:BTC|ETH)USDT","S":"(?:Buy|Sell)","v":"\d+\.\d{2,3}","p":"\d+\.\d{2}"\})+`,
};
const DATA = '"data":{"s":"<S>","b":[<LEVELS>],"a":[<LEVELS>],"u":<N>,"seq":<N>}';

const FORMATS = {
  orderbook: printed(
    `{"topic":"orderbook.200.<S>","type":"<TYPE>","ts":<MS>,${DATA},"cts":<MS>}`,
    PATTERNS,
  ),
  'orderbook.1': printed(
    `{"topic":"orderbook.1.<S>","type":"snapshot","ts":<MS>,${DATA},"cts":<MS>}`,
    PATTERNS,
  ),
  publicTrade: printed(
    '{"topic":"publicTrade.<S>","type":"snapshot","ts":<MS>,"data":[<TRADES>]}',
    PATTERNS,
  ),
  tickers: printed(
    '{"topic":"tickers.<S>","type":"<TYPE>","data":{"symbol":"<S>"<FIELDS>},"cs":<N>,"ts":<MS>}',
    PATTERNS,
  ),
  'kline.1': printed(
    '{"topic":"kline.1.<S>","data":[{"start":<MS>,"end":<MS>,"interval":"1","open":<P>,"close":<P>,"high":<P>,"low":<P>,"volume":<V>,"turnover":<V>,"confirm":<BOOLEAN>,"timestamp":<MS>}],"ts":<MS>,"type":"snapshot"}',
    PATTERNS,
  ),
  allLiquidation: printed(
    '{"topic":"allLiquidation.<S>","type":"snapshot","ts":<MS>,"data":[<FORCED>]}',
    PATTERNS,
  ),
};

const ask = (op: string, ...args: readonly string[]): string =>
  JSON.stringify({ req_id: '5', op, args });

/** No id twice, times that do not go back, and a tick direction that is that of the prices. */
function trades(heard: readonly Heard[]): number {
  const rows = messagesOf(heard, 'publicTrade').flatMap(({ data }) => data);
  assert.equal(new Set(rows.map(({ i }) => i)).size, rows.length, 'no id twice');
  for (let at = 1; at < rows.length; at++) {
    const [before, row] = [rows[at - 1], rows[at]];
    assert.ok(row.T >= before.T && row.seq >= before.seq);
    const step = Math.sign(Number(row.p) - Number(before.p));
    if (step === 0) assert.match(row.L, /^Zero/);
    else assert.equal(row.L, step > 0 ? 'PlusTick' : 'MinusTick');
  }
  return rows.length;
}

/** The second minute's candle, said to be final, is what its trades sum up to. */
function sums(heard: readonly Heard[]): number {
  const begin_ms = Number((START_NS + 60n * SECOND_NS) / 1_000_000n);
  const closed = messagesOf(heard, 'kline.1')
    .flatMap(({ data }) => data)
    .filter(({ start, confirm }) => confirm && start === begin_ms);
  assert.equal(closed.length, 1);
  const [{ open, close, high, low, volume, end }] = closed;
  const own = messagesOf(heard, 'publicTrade')
    .flatMap(({ data }) => data)
    .filter(({ T }) => T >= begin_ms && T <= end);
  const prices = own.map(({ p }) => Number(p));
  assert.deepEqual([open, close, high, low].map(Number), [
    prices[0],
    prices.at(-1),
    Math.max(...prices),
    Math.min(...prices),
  ]);
  const units = own.reduce((sum, { v }) => sum + Math.round(Number(v) * 1000), 0);
  assert.equal(Math.round(Number(volume) * 1000), units);
  return own.length;
}

/** A service that begins anew sends a snapshot with `u` of 1, in the midst of a stream. */
function serviceRestart(): void {
  const { venue, connect } = openVenue('bybit-linear', ['BTCUSDT'], { rate: 0.5, seed: 3 });
  const client = connect(PATH);
  client.connection.onMessage(ask('subscribe', 'orderbook.50.BTCUSDT'), START_NS);
  venue.advance(START_NS + 6n * 3600n * SECOND_NS);
  const book = new BybitBook();
  for (const it of client.heard) book.hear(it);
  const anew = client.heard.filter(({ text }) => /"type":"snapshot".*"u":1,/.test(text));
  assert.ok(anew.length >= 1, `${anew.length} restarts in six hours`);
}

/** One topic that is not known, and nothing of the request is granted. */
function oneBadTopic(): void {
  const { venue, connect } = openVenue('bybit-linear', ['BTCUSDT'], { rate: 30 });
  const client = connect(PATH);
  const topics = ['publicTrade.BTCUSDT', 'publicTrade.NOSUCH'];
  client.connection.onMessage(ask('subscribe', ...topics), START_NS);
  venue.advance(START_NS + 20n * SECOND_NS);
  assert.equal(client.heard.length, 1);
  assert.match(client.heard[0]?.text ?? '', /"success":false.*topic:publicTrade\.NOSUCH/);
}

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
  greeting: { not: 'the venue says nothing before it is asked' },
  acks: (_path, symbols) => BYBIT_TOPICS.length * symbols.length,
  isAck: (text) => text.includes('"success":true') && text.endsWith('"op":"subscribe"}'),
  badRequest: '{"req_id":"9","op":"subscribe","args":["orderbook.50.NOSUCH"]}',
  isRefusal: (text) => text.includes('"success":false') && text.includes(',topic:'),
  struck: { path: '/v5/public/linear', channel: 'orderbook', symbol: 'BTCUSDT' },
  prompt: { channel: 'tickers', subscribed: 'tickers' },
  trade: { mark: '"topic":"publicTrade.BTCUSDT"', price: 'p' },
  stated: { mark: '"topic":"orderbook.1.BTCUSDT"', name: '"orderbook' },
  proven: { lost: { orderbook: 'book' }, changed: { orderbook: ['u'] } },
  connector: { book_depth: 50, update: '"type":"delta","ts"' },
  golden: {
    ...{ symbols: SYMBOLS, book_depth: 50 },
    sessions: [{ file: 'frames.txt', day: '2026-11-20' }],
    kinds: ['ack', 'data', 'ignored', 'pong', 'refused', 'rejected'],
    types: ['book', 'liquidation', 'mark', 'ohlc', 'quote', 'ticker', 'trade'],
    verdicts: [0, 1, 9, 16, 20],
  },
  books: [
    {
      ...{ name: 'by u, against the stated best level', rate: 60, seconds: 200 },
      open: () => new BybitBook(),
      at_least: { chained: 1_500, compared: 1_000 },
    },
  ],
  trades,
  heartbeat: { not: 'a quiet market hears nothing but the answers to its pings' },
  ping: {
    text: '{"req_id":"7","op":"ping"}',
    pong: /^\{"success":true,"ret_msg":"pong",.*"req_id":"7"/,
  },
  idle: { seconds: 600, code: 1006 },
  formats: FORMATS,
  sums,
  again: {
    subscribe: ask('subscribe', 'orderbook.200.BTCUSDT'),
    unsubscribe: ask('unsubscribe', 'orderbook.200.BTCUSDT'),
    snapshot: '"type":"snapshot"',
    open: () => new BybitBook(),
  },
  refusals: [
    {
      ...{ path: PATH, ask: [ask('subscribe', 'orderbook.51.BTCUSDT')] },
      says: /"ret_msg":"error:handler not found,topic:orderbook\.51\.BTCUSDT".*"req_id":"5"/,
    },
    {
      path: PATH,
      ask: [ask('subscribe', 'tickers.BTCUSDT'), ask('subscribe', 'tickers.BTCUSDT')],
      says: /"ret_msg":"error:already subscribed,topic:tickers\.BTCUSDT"/,
    },
    {
      ...{ path: PATH, ask: [ask('subscribe')] },
      says: /"success":false,"ret_msg":"error:params error"/,
    },
  ],
  pace: {
    not: 'it bounds the length of all topics of a connection, not how often they are asked for',
  },
  own: {
    'a service that begins anew sends a snapshot with u of 1': serviceRestart,
    'one topic that is not known, and nothing of the request is granted': oneBadTopic,
  },
};

type BybitMessage = {
  readonly type: string;
  readonly data: {
    readonly b: readonly (readonly [string, string])[];
    readonly a: readonly (readonly [string, string])[];
    readonly u: number;
    readonly seq: number;
  };
};

/**
 * A plain reader of one market's deep book: `u` by one, each entry a change, never crossed, and its best
 * level against the one that the venue states of the same `seq`.
 */
class BybitBook implements BookReader {
  #sides: { readonly b: Map<number, string>; readonly a: Map<number, string> } | null = null;
  #u = 0;
  #seq = -1;
  #best: BybitMessage['data'] | null = null;
  #chained = 0;
  #compared = 0;

  hear({ text, about }: Heard): void {
    if (about === null || !about.channel.startsWith('orderbook')) return;
    const message = JSON.parse(text) as BybitMessage;
    if (about.channel === 'orderbook.1') this.#best = message.data;
    else this.#apply(message);
    if (this.#best?.seq === this.#seq) this.#compare(this.#best);
  }

  proven(): Readonly<Record<string, number>> {
    return { chained: this.#chained, compared: this.#compared };
  }

  #apply({ type, data }: BybitMessage): void {
    if (type === 'snapshot') this.#sides = { b: new Map(), a: new Map() };
    else {
      assert.equal(data.u, this.#u + 1, 'u counts by one');
      this.#chained++;
    }
    this.#u = data.u;
    this.#seq = data.seq;
    const sides = this.#sides ?? assert.fail('a delta before the snapshot');
    for (const side of ['b', 'a'] as const) {
      for (const [price, size] of data[side]) {
        const levels = sides[side];
        assert.notEqual(levels.get(Number(price)) ?? '0', size, 'an entry that changes nothing');
        if (size === '0') levels.delete(Number(price));
        else levels.set(Number(price), size);
      }
    }
    assert.ok(Math.max(...sides.b.keys()) < Math.min(...sides.a.keys()), 'crossed');
    assert.ok(sides.b.size <= 200 && sides.a.size <= 200, 'deeper than asked for');
  }

  #compare({ b, a }: BybitMessage['data']): void {
    if (this.#sides === null) return;
    for (const [levels, best, [stated]] of [
      [this.#sides.b, Math.max(...this.#sides.b.keys()), b],
      [this.#sides.a, Math.min(...this.#sides.a.keys()), a],
    ] as const) {
      assert.deepEqual([best, levels.get(best)], [Number(stated?.[0]), stated?.[1]]);
    }
    this.#compared++;
  }
}
