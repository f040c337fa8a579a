/** The cards of the simulated OKX: what only this venue promises. Books are read the plain way, by zlib. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { VENUES } from '../../connectors/simulator/registry.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import {
  OKX_CARD,
  SECOND_NS,
  START_NS,
  openVenue,
  shapeOf,
  subscribeAll,
} from '../support/venue-kit.ts';

const PUBLIC = '/ws/v5/public';
const BUSINESS = '/ws/v5/business';
const ask = (op: string, channel: string, instId: string, id = '5'): string =>
  JSON.stringify({ id, op, args: [{ channel, instId }] });

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
class Checker {
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

/** Everything heard of `symbols` on both sockets in `seconds`. */
function collect(symbols: readonly string[], seconds: bigint, rate: number) {
  const { venue, connect } = openVenue('okx', symbols, { rate });
  const heard = OKX_CARD.paths.flatMap((path) => {
    const client = connect(path);
    subscribeAll({ ...OKX_CARD, symbols }, path, client.connection, START_NS);
    return [client.heard];
  });
  venue.advance(START_NS + seconds * SECOND_NS);
  const texts = (channel: string): string[] =>
    heard
      .flat()
      .filter(({ about }) => about?.channel === channel)
      .map(({ text }) => text);
  const data = (channel: string) => texts(channel).flatMap((text) => JSON.parse(text).data);
  return { texts, data, heard: heard.flat() };
}

describe('okx', () => {
  test('VENUE-05 3,000 book messages chain, and fit a plain reader’s signed checksum', () => {
    const checker = new Checker();
    for (const text of collect(['BTC-USDT'], 400n, 40).texts('books')) checker.hear(text);
    assert.ok(checker.chained >= 3_000, `${checker.chained} chained`);
    assert.equal(checker.summed, checker.chained + 1);
  });

  test('VENUE-05 from the spring of 2026 on the checksum is 0, and the chain goes on', () => {
    const create = VENUES.get('okx') ?? assert.fail();
    const start_ns = 1_795_000_000n * SECOND_NS;
    const venue = create({ seed: 3, symbols: ['BTC-USDT'], start_ns, rate: 40 });
    const texts: string[] = [];
    const connection = venue.connect(PUBLIC, start_ns, {
      frame: (text, about) => void (about === null ? 0 : texts.push(text)),
      ping: () => {},
      close: () => {},
    });
    connection?.onMessage(ask('subscribe', 'books', 'BTC-USDT'), start_ns);
    venue.advance(start_ns + 60n * SECOND_NS);
    const checker = new Checker();
    for (const text of texts) checker.hear(text);
    assert.ok(checker.chained > 500);
    assert.equal(checker.summed, 0);
    assert.ok(texts.every((text) => text.includes('"checksum":0,')));
  });

  test('VENUE-05 a book that does not change says so each minute', () => {
    const { venue, connect } = openVenue('okx', ['BTC-USDT'], { rate: 0.0005 });
    const client = connect(PUBLIC);
    client.connection.onMessage(ask('subscribe', 'books', 'BTC-USDT'), START_NS);
    for (let second = 20n; second <= 600n; second += 20n) {
      venue.advance(START_NS + second * SECOND_NS);
      client.connection.onMessage('ping', START_NS + second * SECOND_NS);
    }
    const checker = new Checker();
    for (const { text, about } of client.heard) if (about !== null) checker.hear(text);
    assert.ok(checker.quiet >= 8, `${checker.quiet} in ten minutes`);
  });

  test('VENUE-06 trades are one taker’s at one price, of count trades, the last of them named', () => {
    const { data } = collect(['BTC-USDT'], 120n, 30);
    const [first, ...trades] = data('trades');
    assert.ok(trades.length > 300);
    assert.ok(trades.some(({ count }) => Number(count) > 1));
    // On subscribing the last trade comes again, with the id and size it had.
    let last = Number(first.tradeId);
    for (const trade of trades) {
      assert.equal(Number(trade.tradeId), last + Number(trade.count), 'nothing between');
      last = Number(trade.tradeId);
    }
  });

  test('VENUE-07 pong to ping; nothing sent for 30 s ends the connection', () => {
    const { venue, connect } = openVenue('okx', ['BTC-USDT'], { rate: 0.001 });
    const [idle, pinging] = [connect(PUBLIC), connect(BUSINESS)];
    for (let second = 20n; second <= 120n; second += 20n) {
      venue.advance(START_NS + second * SECOND_NS);
      pinging.connection.onMessage('ping', START_NS + second * SECOND_NS);
    }
    assert.deepEqual([idle.closed?.code, idle.closed?.at_ns], [4004, START_NS + 30n * SECOND_NS]);
    assert.equal(pinging.closed === null, true);
    assert.deepEqual(
      pinging.heard.map(({ text }) => text),
      Array.from({ length: 6 }, () => 'pong'),
    );
    venue.advance(START_NS + 150n * SECOND_NS);
    assert.equal(pinging.closed?.at_ns, START_NS + 150n * SECOND_NS);
  });

  test('refusals in its words: no such market, the wrong socket, a bad id, too many requests', () => {
    const { connect } = openVenue('okx', ['BTC-USDT']);
    const [one, two] = [connect(PUBLIC), connect(BUSINESS)];
    const answer = (client: typeof one, text: string): string => {
      const from = client.heard.length;
      client.connection.onMessage(text, START_NS);
      return client.heard[from]?.text ?? '';
    };
    for (const [client, channel, instId] of [
      [one, 'books', 'NO-SUCH'],
      [one, 'candle1m', 'BTC-USDT'],
      [two, 'books', 'BTC-USDT'],
      [one, 'funding-rate', 'BTC-USDT'],
    ] as const) {
      const text = answer(client, ask('subscribe', channel, instId));
      const words = `Wrong URL or channel:${channel},instId:${instId} doesn't exist.`;
      assert.ok(text.includes(words), text);
      assert.match(text, /"code":"60018","connId":"[0-9a-f]{8}","id":"5"\}$/);
    }
    assert.match(answer(one, ask('subscribe', 'trades', 'BTC-USDT', 'a-1')), /"60033"/);
    assert.match(
      answer(one, ask('subscribe', 'trades', 'BTC-USDT')),
      /^\{"id":"5","event":"subscribe","arg":\{"channel":"trades","instId":"BTC-USDT"\},"connId"/,
    );
    assert.match(answer(one, ask('unsubscribe', 'trades', 'BTC-USDT')), /"event":"unsubscribe"/);
    let last = '';
    for (let at = 0; at < 480; at++) last = answer(two, ask('unsubscribe', 'trades', 'BTC-USDT'));
    assert.match(last, /"60014"/);
  });

  test('a resubscribed book begins with a snapshot and goes on right', () => {
    const { venue, connect } = openVenue('okx', ['BTC-USDT'], { rate: 60 });
    const client = connect(PUBLIC);
    client.connection.onMessage(ask('subscribe', 'books', 'BTC-USDT'), START_NS);
    venue.advance(START_NS + 5n * SECOND_NS);
    client.connection.onMessage(ask('unsubscribe', 'books', 'BTC-USDT'), START_NS + 6n * SECOND_NS);
    const told = client.heard.length;
    venue.advance(START_NS + 9n * SECOND_NS);
    assert.equal(client.heard.length, told, 'nothing in between');
    client.connection.onMessage(ask('subscribe', 'books', 'BTC-USDT'), START_NS + 10n * SECOND_NS);
    venue.advance(START_NS + 15n * SECOND_NS);
    const checker = new Checker();
    for (const { text, about } of client.heard) if (about !== null) checker.hear(text);
    const snapshots = client.heard.filter(({ text }) => text.includes('"action":"snapshot"'));
    assert.equal(snapshots.length, 2);
  });

  test('VENUE-11 candles, quotes, trades and the book agree', () => {
    const { data, heard } = collect(['ETH-USDT'], 180n, 20);
    const begin = String((START_NS + 60n * SECOND_NS) / 1_000_000n);
    const closed = data('candle1m').filter((row) => row[0] === begin && row[8] === '1');
    assert.equal(closed.length, 1);
    const [, open, high, low, close, volume] = closed[0].map(Number);
    const until = Number(begin) + 60_000;
    const trades = data('trades').filter(({ ts }) => ts >= Number(begin) && ts < until);
    assert.ok(trades.length > 50);
    const prices = trades.map(({ px }) => Number(px));
    assert.deepEqual(
      [open, high, low, close],
      [prices[0], Math.max(...prices), Math.min(...prices), prices.at(-1)],
    );
    const units = trades.reduce((sum, { sz }) => sum + Math.round(Number(sz) * 1e6), 0);
    assert.equal(Math.round((volume ?? 0) * 1e6), units);
    // A quote is the top of the book of the same id.
    const bids = new Map<string, string>();
    const asks = new Map<string, string>();
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
        const best = (side: Map<string, string>, sign: number) =>
          [...side].sort(([a], [b]) => sign * (Number(a) - Number(b)))[0];
        assert.deepEqual(
          [row.bids[0].slice(0, 2), row.asks[0].slice(0, 2)],
          [best(bids, -1), best(asks, 1)],
        );
        met++;
      }
    }
    assert.ok(met > 20, `${met} quotes met their book`);
  });
});

const NUMBER = String.raw`"(?:0|[1-9]\d*)(?:\.\d*[1-9])?"`;
const LEVELS = String.raw`\[(?:,?\[${NUMBER},${NUMBER},"0","\d+"\])*\]`;
const arg = (channel: string): string =>
  String.raw`\{"arg":\{"channel":"${channel}","instId":"BTC-USDT(?:-SWAP)?"\}`;
const MS = String.raw`"\d{13}"`;

/** A whole frame as it is printed: nothing more, nothing less, in this order. */
const FORMATS: Readonly<Record<string, string>> = {
  books: String.raw`${arg('books')},"action":"(?:snapshot|update)","data":\[\{"asks":${LEVELS},"bids":${LEVELS},"ts":${MS},"checksum":-?\d+,"seqId":\d+,"prevSeqId":-?\d+\}\]\}`,
  'bbo-tbt': String.raw`${arg('bbo-tbt')},"data":\[\{"asks":${LEVELS},"bids":${LEVELS},"ts":${MS},"seqId":\d+\}\]\}`,
  trades: String.raw`${arg('trades')},"data":\[\{"instId":"BTC-USDT(?:-SWAP)?","tradeId":"\d+","px":${NUMBER},"sz":${NUMBER},"side":"(?:buy|sell)","ts":${MS},"count":"\d+","source":"0","seqId":\d+\}\]\}`,
  tickers: String.raw`${arg('tickers')},"data":\[\{"instType":"(?:SPOT|SWAP)","instId":"BTC-USDT(?:-SWAP)?",(?:"\w+":${NUMBER},){13}"ts":${MS}\}\]\}`,
  'funding-rate': String.raw`${arg('funding-rate')},"data":\[\{"fundingRate":"-?0\.\d+","fundingTime":${MS},.*,"nextFundingRate":"","nextFundingTime":${MS},.*"ts":${MS}\}\]\}`,
  candle1m: String.raw`${arg('candle1m')},"data":\[\[${MS}(?:,${NUMBER}){7},"[01]"\]\]\}`,
};

describe('VENUE-10 okx prints as the venue does', () => {
  const { texts } = collect(OKX_CARD.symbols, 300n, 10);
  for (const [channel, format] of Object.entries(FORMATS)) {
    test(channel, () => {
      const frames = texts(channel);
      assert.ok(frames.length > 5, `${frames.length} frames`);
      for (const text of frames) assert.match(text, new RegExp(`^${format}$`));
    });
  }

  test('recorded frames have no key that ours lack', { skip: skipWithoutCaptures }, () => {
    const recorded = readFileSync(capturePath('okx-v5/cryptofeed-20220513.txt'), 'utf8');
    for (const [channel, extra] of [
      ['books', ['seqId', 'prevSeqId']],
      ['trades', ['count', 'source', 'seqId']],
      ['tickers', []],
    ] as const) {
      const mark = `{"arg":{"channel":"${channel}","instId":"BTC-USDT"}`;
      const line = recorded.split('\n').find((it) => it.includes(`${mark},`)) ?? '';
      const theirs = JSON.parse(line.slice(line.indexOf(mark)));
      const ours = JSON.parse(texts(channel)[0] ?? '');
      for (const key of extra) delete ours.data[0][key];
      assert.deepEqual(shapeOf(ours), shapeOf(theirs), channel);
    }
  });

  test('listed kinds: the keys the real one had are there', { skip: skipWithoutCaptures }, () => {
    for (const [file, channel] of [
      ['Trades', 'trades'],
      ['Ticker', 'tickers'],
      ['OrderBook', 'books'],
      ['FundingRate', 'funding-rate'],
    ] as const) {
      const text = readFileSync(capturePath(`shapes/OKX/Unified_ExchangeData_${file}.txt`), 'utf8');
      const theirs = JSON.parse(text.slice(text.indexOf('\n= ') + 3)).data[0];
      const ours = JSON.parse(texts(channel)[0] ?? '').data[0];
      const missing = Object.keys(theirs).filter((key) => !(key in ours));
      assert.deepEqual(missing, [], file);
    }
  });
});
