/** VENUE-10: what a simulated venue sends looks like what the real one sent, key by key and digit by digit. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  BINANCE_CARD,
  KRAKEN_CARD,
  SECOND_NS,
  START_NS,
  openVenue,
  shapeOf,
  subscribeAll,
  type VenueCard,
} from '../support/venue-kit.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';

/** Every frame of five minutes, by channel. */
function framesOf(card: VenueCard): Map<string, string[]> {
  const { venue, connect } = openVenue(card.feed, card.symbols, { rate: 10 });
  const frames = new Map<string, string[]>();
  const clients = card.paths.map((path) => {
    const client = connect(path);
    subscribeAll(card, path, client.connection, START_NS);
    return client;
  });
  venue.advance(START_NS + 300n * SECOND_NS);
  for (const { text, about } of clients.flatMap(({ heard }) => heard)) {
    const channel = about?.channel ?? 'control';
    const texts = frames.get(channel);
    if (texts === undefined) frames.set(channel, [text]);
    else texts.push(text);
  }
  return frames;
}

const kraken = framesOf(KRAKEN_CARD);
const binance = framesOf(BINANCE_CARD);

const TIME_US = String.raw`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"`;
const TIME_NS = String.raw`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"`;
const SHORT = String.raw`-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?`;

/** A whole frame as it is printed: nothing more, nothing less, in this order. */
const FORMATS: Readonly<Record<string, RegExp>> = {
  book: frame(
    String.raw`{"channel":"book","type":"(?:snapshot|update)","data":[{"symbol":"(?:BTC|ETH)/USD","bids":[LEVELS],"asks":[LEVELS],"checksum":\d{1,10},"timestamp":TIME_US}]}`,
  ),
  trade: frame(
    String.raw`{"channel":"trade","type":"(?:snapshot|update)","data":[(?:,?{"symbol":"(?:BTC|ETH)/USD","side":"(?:buy|sell)","price":\d+\.\d{1,2},"qty":\d+\.\d{8},"ord_type":"(?:limit|market)","trade_id":\d+,"timestamp":TIME_US})+]}`,
  ),
  ticker: frame(
    String.raw`{"channel":"ticker","type":"(?:snapshot|update)","data":[{"symbol":"(?:BTC|ETH)/USD","bid":SHORT,"bid_qty":SHORT,"ask":SHORT,"ask_qty":SHORT,"last":SHORT,"volume":SHORT,"vwap":SHORT,"low":SHORT,"high":SHORT,"change":SHORT,"change_pct":SHORT,"trades":\d+,"timestamp":TIME_US}]}`,
  ),
  ohlc: frame(
    String.raw`{"channel":"ohlc","type":"(?:snapshot|update)","timestamp":TIME_NS,"data":[(?:,?{"symbol":"(?:BTC|ETH)/USD","open":SHORT,"high":SHORT,"low":SHORT,"close":SHORT,"trades":\d+,"volume":SHORT,"vwap":SHORT,"interval_begin":TIME_NS,"interval":1,"timestamp":TIME_US})+]}`,
  ),
  'depth@100ms': stream(
    String.raw`{"e":"depthUpdate","E":\d{13},"T":\d{13},"s":"(?:BTC|ETH)USDT","U":\d{13},"u":\d{13},"pu":\d{13},"b":[PAIRS],"a":[PAIRS]}`,
  ),
  'depth20@100ms': stream(
    String.raw`{"e":"depthUpdate","E":\d{13},"T":\d{13},"s":"(?:BTC|ETH)USDT","U":\d{13},"u":\d{13},"pu":\d{13},"b":[PAIRS],"a":[PAIRS]}`,
  ),
  bookTicker: stream(
    String.raw`{"e":"bookTicker","u":\d{13},"s":"(?:BTC|ETH)USDT","b":"PRICE","B":"QTY","a":"PRICE","A":"QTY","T":\d{13},"E":\d{13}}`,
  ),
  '@trade': stream(
    String.raw`{"e":"trade","E":\d{13},"T":\d{13},"s":"(?:BTC|ETH)USDT","t":\d+,"p":"PRICE","q":"QTY","X":"MARKET","m":(?:true|false)}`,
  ),
  aggTrade: stream(
    String.raw`{"e":"aggTrade","E":\d{13},"a":\d+,"s":"(?:BTC|ETH)USDT","p":"PRICE","q":"QTY","f":\d+,"l":\d+,"T":\d{13},"m":(?:true|false)}`,
  ),
  kline_1m: stream(
    String.raw`{"e":"kline","E":\d{13},"s":"(?:BTC|ETH)USDT","k":{"t":\d{13},"T":\d{13},"s":"(?:BTC|ETH)USDT","i":"1m","f":\d+,"L":\d+,"o":"PRICE","c":"PRICE","h":"PRICE","l":"PRICE","v":"QTY","n":\d+,"x":(?:true|false),"q":"\d+\.\d{5}","V":"QTY","Q":"\d+\.\d{5}","B":"0"}}`,
  ),
  'markPrice@1s': stream(
    String.raw`{"e":"markPriceUpdate","E":\d{10}000,"s":"(?:BTC|ETH)USDT","p":"\d+\.\d{8}","i":"\d+\.\d{8}","P":"\d+\.\d{8}","r":"-?0\.\d{8}","T":\d{13}}`,
  ),
  forceOrder: stream(
    String.raw`{"e":"forceOrder","E":\d{13},"o":{"s":"(?:BTC|ETH)USDT","S":"(?:BUY|SELL)","o":"LIMIT","f":"IOC","q":"QTY","p":"PRICE","ap":"PRICE","X":"FILLED","l":"QTY","z":"QTY","T":\d{13}}}`,
  ),
};

function frame(template: string): RegExp {
  const level = String.raw`(?:,?\{"price":\d+\.\d{1,2},"qty":\d+\.\d{8}\})*`;
  const pair = String.raw`(?:,?\["PRICE","QTY"\])*`;
  const source = template
    .replace(/(?<!\(\?:,\?)(?<!\\)\{(?!\d)/g, String.raw`\{`)
    .replace(/\(\?:,\?\{/g, String.raw`(?:,?\{`)
    .replace(/(?<!\d)\}(?!\d)/g, '}')
    .replace(/\[/g, String.raw`\[`)
    .replace(/\]/g, String.raw`\]`)
    .replace(/LEVELS/g, level)
    .replace(/PAIRS/g, pair)
    .replace(/TIME_US/g, TIME_US)
    .replace(/TIME_NS/g, TIME_NS)
    .replace(/SHORT/g, SHORT)
    .replace(/PRICE/g, String.raw`\d+\.\d{2}`)
    .replace(/QTY/g, String.raw`\d+\.\d{3}`);
  return new RegExp(`^${source}$`);
}

function stream(template: string): RegExp {
  return frame(String.raw`{"stream":"(?:btc|eth)usdt@\w+(?:@\w+)?","data":${template}}`);
}

for (const [card, frames] of [
  [KRAKEN_CARD, kraken],
  [BINANCE_CARD, binance],
] as const) {
  describe(`VENUE-10 ${card.feed} prints as the venue does`, () => {
    for (const [channel, texts] of frames) {
      const format = FORMATS[card === BINANCE_CARD && channel === 'trade' ? '@trade' : channel];
      if (format === undefined) continue;
      test(`${channel}: ${texts.length} frames`, () => {
        assert.ok(texts.length > 0);
        for (const text of texts) assert.match(text, format);
      });
    }
    test('every channel asked for was heard', () => {
      const wanted =
        card === KRAKEN_CARD
          ? ['book', 'trade', 'ticker', 'ohlc', 'instrument', 'control']
          : Object.keys(FORMATS)
              .slice(4)
              .map((name) => name.replace('@trade', 'trade'))
              .concat('control');
      assert.deepEqual([...frames.keys()].sort(), wanted.sort());
    });
  });
}

test('BTC prices have one decimal on Kraken, ETH two: never another number', () => {
  const decimals = { 'BTC/USD': 1, 'ETH/USD': 2 };
  for (const [symbol, count] of Object.entries(decimals)) {
    const texts = (kraken.get('book') ?? []).filter((text) => text.includes(symbol));
    for (const text of texts) {
      for (const [, fraction] of text.matchAll(/"price":\d+\.(\d+)/g)) {
        assert.equal(fraction?.length, count);
      }
    }
  }
});

test('instrument: increments below 0.0001 come with an exponent', () => {
  const text = kraken.get('instrument')?.[0] ?? '';
  const pair = JSON.parse(text).data.pairs[0];
  assert.equal(pair.price_increment, 0.1);
  assert.match(text, /"qty_increment":1e-08,"price_precision":1/);
});

describe('shapes of recorded frames', { skip: skipWithoutCaptures }, () => {
  test('kraken book: same keys in the same order, same types', () => {
    const path = capturePath('kraken-v2/book-btcusd-d10-20230730.jsonl');
    const recorded = readFileSync(path, 'utf8').split('\n');
    for (const side of [
      /"update".*"bids":\[\],"asks":\[\{/,
      /"update".*"bids":\[\{.*"asks":\[\]/,
    ]) {
      const theirs = recorded.find((line) => side.test(line)) ?? '';
      const ours = (kraken.get('book') ?? []).find((line) => side.test(line)) ?? '';
      assert.deepEqual(shapeOf(JSON.parse(ours)), shapeOf(JSON.parse(theirs)));
    }
  });

  const recordings: readonly (readonly [string, () => readonly string[]])[] = [
    [
      'btcusdt-20240808',
      () =>
        gunzipSync(readFileSync(capturePath('binance-usdm/btcusdt-20240808.jsonl.gz')))
          .toString('utf8')
          .split('\n', 3000)
          .map((line) => line.slice(line.indexOf(' ') + 1)),
    ],
    [
      'cryptofeed-20210722',
      () =>
        readFileSync(capturePath('binance-usdm/cryptofeed-20210722.txt'), 'utf8')
          .split('\n')
          .map((line) => line.slice(line.indexOf(': ') + 2)),
    ],
  ];
  for (const [name, read] of recordings) {
    test(`binance ${name}: every kind of event has the keys it had`, () => {
      const seen = new Map<string, unknown>();
      for (const text of read()) {
        const kind = /^\{"stream":"[^"]*","data":\{"e":"(\w+)"/.exec(text)?.[1];
        if (kind !== undefined && !/"[ba]":\[\]/.test(text)) seen.set(kind, JSON.parse(text));
      }
      assert.ok(seen.size >= 3);
      for (const [kind, recorded] of seen) {
        const ours = [...binance.values()]
          .flat()
          .find((text) => text.includes(`"e":"${kind}"`) && !/"[ba]":\[\]/.test(text));
        assert.deepEqual(shapeOf(JSON.parse(ours ?? 'null')), shapeOf(recorded), kind);
      }
    });
  }

  test('every listed message kind: the keys the real one had are there', () => {
    const kinds = {
      'Kraken/Spot_Ticker.txt': kraken.get('ticker'),
      'Kraken/Spot_Kline.txt': kraken.get('ohlc'),
      'Kraken/Spot_Trades.txt': kraken.get('trade'),
      'Kraken/Spot_AggBook.txt': kraken.get('book'),
      'Binance/UsdFutures_AggTrades.txt': binance.get('aggTrade'),
      'Binance/UsdFutures_Book.txt': binance.get('depth@100ms'),
      'Binance/UsdFutures_BookTicker.txt': binance.get('bookTicker'),
      'Binance/UsdFutures_Klines.txt': binance.get('kline_1m'),
      'Binance/UsdFutures_Liquidations.txt': binance.get('forceOrder'),
      'Binance/UsdFutures_MarkPrice.txt': binance.get('markPrice@1s'),
      'Binance/UsdFutures_PartialBook.txt': binance.get('depth20@100ms'),
    };
    for (const [file, ours] of Object.entries(kinds)) {
      const text = readFileSync(capturePath(`shapes/${file}`), 'utf8');
      const recorded = JSON.parse(text.slice(text.indexOf('\n=') + 2));
      const missing = [...keysOf(recorded)].filter(
        (key) => !keysOf(JSON.parse(ours?.[0] ?? '')).has(key),
      );
      assert.deepEqual(missing, [], file);
    }
  });
});

/** Every key below a value, with its path. */
function keysOf(value: unknown, path = ''): Set<string> {
  if (Array.isArray(value)) return keysOf(value[0], `${path}[]`);
  if (typeof value !== 'object' || value === null) return new Set();
  return new Set(
    Object.entries(value).flatMap(([key, inner]) => [
      `${path}.${key}`,
      ...keysOf(inner, `${path}.${key}`),
    ]),
  );
}
