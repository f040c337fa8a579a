/** OKX, as the numbered cards know it. */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { VENUES } from '../../../connectors/simulator/registry.ts';
import { SYMBOLS } from '../okx-frames.ts';
import { SECOND_NS, START_NS, openVenue } from '../venue-kit.ts';
import type { Heard } from '../venue-kit.ts';
import { messagesOf } from './venue.ts';
import type { BookReader, VenueCard } from './venue.ts';

const PUBLIC = '/ws/v5/public';
const BUSINESS = '/ws/v5/business';
const ask = (op: string, channel: string, instId: string, id = '5'): string =>
  JSON.stringify({ id, op, args: [{ channel, instId }] });

const NUMBER = String.raw`"(?:0|[1-9]\d*)(?:\.\d*[1-9])?"`;
const LEVELS = String.raw`\[(?:,?\[${NUMBER},${NUMBER},"0","\d+"\])*\]`;
const MS = String.raw`"\d{13}"`;
const arg = (channel: string): string =>
  String.raw`\{"arg":\{"channel":"${channel}","instId":"BTC-USDT(?:-SWAP)?"\}`;
const whole = (source: string): RegExp => new RegExp(`^${source}$`);

const FORMATS: Readonly<Record<string, RegExp>> = {
  books: whole(
    String.raw`${arg('books')},"action":"(?:snapshot|update)","data":\[\{"asks":${LEVELS},"bids":${LEVELS},"ts":${MS},"checksum":-?\d+,"seqId":\d+,"prevSeqId":-?\d+\}\]\}`,
  ),
  'bbo-tbt': whole(
    String.raw`${arg('bbo-tbt')},"data":\[\{"asks":${LEVELS},"bids":${LEVELS},"ts":${MS},"seqId":\d+\}\]\}`,
  ),
  trades: whole(
    String.raw`${arg('trades')},"data":\[\{"instId":"BTC-USDT(?:-SWAP)?","tradeId":"\d+","px":${NUMBER},"sz":${NUMBER},"side":"(?:buy|sell)","ts":${MS},"count":"\d+","source":"0","seqId":\d+\}\]\}`,
  ),
  tickers: whole(
    String.raw`${arg('tickers')},"data":\[\{"instType":"(?:SPOT|SWAP)","instId":"BTC-USDT(?:-SWAP)?",(?:"\w+":${NUMBER},){13}"ts":${MS}\}\]\}`,
  ),
  'funding-rate': whole(
    String.raw`${arg('funding-rate')},"data":\[\{"fundingRate":"-?0\.\d+","fundingTime":${MS},.*,"nextFundingRate":"","nextFundingTime":${MS},.*"ts":${MS}\}\]\}`,
  ),
  candle1m: whole(String.raw`${arg('candle1m')},"data":\[\[${MS}(?:,${NUMBER}){7},"[01]"\]\]\}`),
};

function okxBook(): BookReader & { readonly quiet: () => number } {
  const book = new OkxBook();
  return {
    hear: ({ text, about }) => {
      if (about?.channel === 'books') book.hear(text);
    },
    proven: () => ({ chained: book.chained, summed: book.summed }),
    quiet: () => book.quiet,
  };
}

/** Each is one taker's at one price, of `count` trades, the last of them named. */
function trades(heard: readonly Heard[]): number {
  const [first, ...rest] = messagesOf(heard, 'trades').flatMap(({ data }) => data);
  assert.ok(rest.some(({ count }) => Number(count) > 1));
  // On subscribing the last trade comes again, with the id and size it had.
  let last = Number(first.tradeId);
  for (const trade of rest) {
    assert.equal(Number(trade.tradeId), last + Number(trade.count), 'nothing between');
    last = Number(trade.tradeId);
  }
  return rest.length;
}

/** The second minute's candle is its trades; a quote is the top of the book of the same id. */
function sums(heard: readonly Heard[]): number {
  const rows = (channel: string) => messagesOf(heard, channel).flatMap(({ data }) => data);
  const begin = String((START_NS + 60n * SECOND_NS) / 1_000_000n);
  const closed = rows('candle1m').filter((row) => row[0] === begin && row[8] === '1');
  assert.equal(closed.length, 1);
  const [, open, high, low, close, volume] = closed[0].map(Number);
  const until = Number(begin) + 60_000;
  const own = rows('trades').filter(({ ts }) => ts >= Number(begin) && ts < until);
  const prices = own.map(({ px }) => Number(px));
  assert.deepEqual(
    [open, high, low, close],
    [prices[0], Math.max(...prices), Math.min(...prices), prices.at(-1)],
  );
  const units = own.reduce((sum, { sz }) => sum + Math.round(Number(sz) * 1e8), 0);
  assert.equal(Math.round((volume ?? 0) * 1e8), units);
  quotesMeetTheBook(heard);
  return own.length;
}

function quotesMeetTheBook(heard: readonly Heard[]): void {
  const bids = new Map<string, string>();
  const asks = new Map<string, string>();
  const best = (side: Map<string, string>, sign: number) =>
    [...side].sort(([a], [b]) => sign * (Number(a) - Number(b)))[0];
  let met = 0;
  let id = -1;
  for (const { about, text } of heard) {
    const [row] = JSON.parse(about === null ? '{"data":[]}' : text).data;
    if (about?.channel === 'books') {
      id = row.seqId;
      for (const [side, levels] of [[bids, row.bids] as const, [asks, row.asks] as const]) {
        for (const [price, size] of levels) {
          if (size === '0') side.delete(price);
          else side.set(price, size);
        }
      }
    } else if (about?.channel === 'bbo-tbt' && row.seqId === id) {
      assert.deepEqual(
        [row.bids[0].slice(0, 2), row.asks[0].slice(0, 2)],
        [best(bids, -1), best(asks, 1)],
      );
      met++;
    }
  }
  assert.ok(met > 20, `${met} quotes met their book`);
}

/** From the spring of 2026 on the checksum is 0, and the chain goes on. */
function withoutChecksum(): void {
  const create = VENUES.get('okx') ?? assert.fail();
  const start_ns = 1_795_000_000n * SECOND_NS;
  const venue = create({ seed: 3, symbols: ['BTC-USDT'], start_ns, rate: 40 });
  const heard: Heard[] = [];
  const connection = venue.connect(PUBLIC, start_ns, {
    frame: (text, about, at_ns) => void heard.push({ text, about, at_ns }),
    ping: () => {},
    close: () => {},
  });
  connection?.onMessage(ask('subscribe', 'books', 'BTC-USDT'), start_ns);
  venue.advance(start_ns + 60n * SECOND_NS);
  const book = okxBook();
  for (const it of heard) book.hear(it);
  const { chained, summed } = book.proven();
  assert.ok((chained ?? 0) > 500);
  assert.equal(summed, 0);
  const books = heard.filter(({ about }) => about !== null);
  assert.ok(books.every(({ text }) => text.includes('"checksum":0,')));
}

/** A book that does not change says so each minute. */
function quietBook(): void {
  const { venue, connect } = openVenue('okx', ['BTC-USDT'], { rate: 0.0005 });
  const client = connect(PUBLIC);
  client.connection.onMessage(ask('subscribe', 'books', 'BTC-USDT'), START_NS);
  for (let second = 20n; second <= 600n; second += 20n) {
    venue.advance(START_NS + second * SECOND_NS);
    client.connection.onMessage('ping', START_NS + second * SECOND_NS);
  }
  const book = okxBook();
  for (const it of client.heard) book.hear(it);
  assert.ok(book.quiet() >= 8, `${book.quiet()} in ten minutes`);
}

/** Pings keep a connection that has nothing else to say. */
function pinging(): void {
  const { venue, connect } = openVenue('okx', ['BTC-USDT'], { rate: 0.001 });
  const client = connect(BUSINESS);
  for (let second = 20n; second <= 120n; second += 20n) {
    venue.advance(START_NS + second * SECOND_NS);
    client.connection.onMessage('ping', START_NS + second * SECOND_NS);
  }
  assert.equal(client.closed === null, true);
  assert.equal(client.heard.length, 6);
  venue.advance(START_NS + 150n * SECOND_NS);
  assert.equal(client.closed?.at_ns, START_NS + 150n * SECOND_NS);
}

const WRONG = [
  [PUBLIC, 'books', 'NO-SUCH'],
  [PUBLIC, 'candle1m', 'BTC-USDT'],
  [BUSINESS, 'books', 'BTC-USDT'],
  [PUBLIC, 'funding-rate', 'BTC-USDT'],
] as const;

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
  greeting: { not: 'the venue says nothing before it is asked' },
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
  connector: { book_depth: 400, update: '"action":"update"' },
  golden: {
    ...{ symbols: SYMBOLS, book_depth: 400 },
    sessions: [{ file: 'frames.txt', day: '2026-11-20' }],
    kinds: ['ack', 'data', 'ignored', 'pong', 'refused', 'rejected', 'system'],
    types: ['book', 'mark', 'ohlc', 'quote', 'ticker', 'trade'],
    verdicts: [0, 1, 3, 9, 11, 16, 20],
  },
  books: [
    {
      ...{ name: 'by id and signed checksum', rate: 40, seconds: 400, open: okxBook },
      at_least: { chained: 3_000, summed: 3_000 },
    },
  ],
  trades,
  heartbeat: { not: 'a quiet market hears nothing but the answers to its pings' },
  ping: { text: 'ping', pong: /^pong$/ },
  idle: { seconds: 30, code: 4004 },
  formats: FORMATS,
  sums,
  again: {
    subscribe: ask('subscribe', 'books', 'BTC-USDT'),
    unsubscribe: ask('unsubscribe', 'books', 'BTC-USDT'),
    snapshot: '"action":"snapshot"',
    open: okxBook,
  },
  refusals: [
    ...WRONG.map(([path, channel, instId]) => ({
      ...{ path, ask: [ask('subscribe', channel, instId)] },
      says: new RegExp(
        `"msg":"Wrong URL or channel:${channel},instId:${instId} doesn't exist\\..*` +
          '","code":"60018","connId":"[0-9a-f]{8}","id":"5"\\}$',
      ),
    })),
    { path: PUBLIC, ask: [ask('subscribe', 'trades', 'BTC-USDT', 'a-1')], says: /"60033"/ },
  ],
  pace: {
    ...{ path: BUSINESS, request: ask('unsubscribe', 'trades', 'BTC-USDT') },
    ...{ times: 481, says: /"60014"/ },
  },
  own: {
    'from the spring of 2026 on the checksum is 0, and the chain goes on': withoutChecksum,
    'a book that does not change says so each minute': quietBook,
    'pings keep a connection that has nothing else to say': pinging,
  },
};

type Message = {
  readonly action: string;
  readonly data: readonly [
    {
      readonly asks: readonly (readonly string[])[];
      readonly bids: readonly (readonly string[])[];
      readonly checksum: number;
      readonly seqId: number;
      readonly prevSeqId: number;
    },
  ];
};

/** A plain reader of one `books` channel. Throws at the first message that does not fit. */
class OkxBook {
  #sides = { asks: new Map<string, string>(), bids: new Map<string, string>() };
  #last: number | null = null;
  chained = 0;
  summed = 0;
  quiet = 0;

  hear(text: string): void {
    const { action, data } = JSON.parse(text) as Message;
    const [{ asks, bids, checksum, seqId, prevSeqId }] = data;
    if (action === 'snapshot') {
      assert.equal(prevSeqId, -1);
      this.#sides = { asks: new Map(), bids: new Map() };
    } else {
      assert.equal(prevSeqId, this.#last, 'the chain');
      this.chained++;
      if (seqId === prevSeqId) {
        assert.deepEqual([asks, bids], [[], []]);
        this.quiet++;
      } else assert.ok(asks.length + bids.length > 0);
    }
    this.#last = seqId;
    for (const [name, levels] of [['asks', asks] as const, ['bids', bids] as const]) {
      for (const [price = '', size = ''] of levels) {
        if (size === '0') this.#sides[name].delete(price);
        else this.#sides[name].set(price, size);
      }
    }
    if (checksum !== 0) {
      assert.equal(this.#sum(), checksum, `message ${this.chained}`);
      this.summed++;
    }
  }

  #sum(): number {
    const top = (side: Map<string, string>, sign: number) =>
      [...side].sort(([a], [b]) => sign * (Number(a) - Number(b))).slice(0, 25);
    const [bids, asks] = [top(this.#sides.bids, -1), top(this.#sides.asks, 1)];
    const parts = Array.from({ length: 25 }, (_, at) => [bids[at], asks[at]]).flat(2);
    return crc32(parts.filter((part) => part !== undefined).join(':')) | 0;
  }
}
