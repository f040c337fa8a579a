/** What a simulated venue sends has the keys that the real one's recorded frames had, in their order. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { cardOf } from '../support/cards/venues.ts';
import { hearAll, shapeOf } from '../support/venue-kit.ts';

/** Every frame of five minutes, by channel. */
function framesOf(feed: string): Map<string, string[]> {
  const frames = new Map<string, string[]>();
  for (const { text, about } of hearAll(cardOf(feed), { seconds: 300, rate: 10 })) {
    const channel = about?.channel ?? 'control';
    const texts = frames.get(channel);
    if (texts === undefined) frames.set(channel, [text]);
    else texts.push(text);
  }
  return frames;
}

const kraken = framesOf('kraken');
const binance = framesOf('binance-usdm');
const okx = framesOf('okx');

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

  test('okx: recorded frames have no key that ours lack', () => {
    const recorded = readFileSync(capturePath('okx-v5/cryptofeed-20220513.txt'), 'utf8');
    for (const [channel, extra] of [
      ['books', ['seqId', 'prevSeqId']],
      ['trades', ['count', 'source', 'seqId']],
      ['tickers', []],
    ] as const) {
      const mark = `{"arg":{"channel":"${channel}","instId":"BTC-USDT"}`;
      const line = recorded.split('\n').find((it) => it.includes(`${mark},`)) ?? '';
      const theirs = JSON.parse(line.slice(line.indexOf(mark)));
      const ours = JSON.parse(okx.get(channel)?.[0] ?? '');
      for (const key of extra) delete ours.data[0][key];
      assert.deepEqual(shapeOf(ours), shapeOf(theirs), channel);
    }
  });

  test('okx, listed kinds: the keys the real one had are there', () => {
    for (const [file, channel] of [
      ['Trades', 'trades'],
      ['Ticker', 'tickers'],
      ['OrderBook', 'books'],
      ['FundingRate', 'funding-rate'],
    ] as const) {
      const text = readFileSync(capturePath(`shapes/OKX/Unified_ExchangeData_${file}.txt`), 'utf8');
      const theirs = JSON.parse(text.slice(text.indexOf('\n= ') + 3)).data[0];
      const ours = JSON.parse(okx.get(channel)?.[0] ?? '').data[0];
      const missing = Object.keys(theirs).filter((key) => !(key in ours));
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
