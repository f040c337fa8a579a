/** Refused subscriptions as gaps (R15). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typesOf } from '../../connectors/feed.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { Facts } from '../../schema/log.ts';
import { dayStart } from '../../schema/time.ts';
import { DAY, NEXT, NOON, Story, delta, quote, snap, trade } from '../support/fold-story.ts';

const refused = (c: number, channel: string, symbol: string | null): Facts['_alarm'] => ({
  ...{ kind: 'refused', c, channel, symbol },
  detail: 'no such market',
});

test('R15: a refusal is a gap of each type its channel makes, over when the type speaks', () => {
  const story = new Story()
    .start()
    .take()
    .fact('_alarm', refused(1, 'quotes', 'BTCUSD'));
  const [opened, ...more] = story.events;
  assert.deepEqual(more, []);
  assert.ok(opened?.type === 'status');
  const { expected, received, from, to, connection } = opened;
  assert.deepEqual(
    { expected, received, from, to, connection },
    {
      ...{ expected: 'subscribed to quotes', received: 'no such market' },
      ...{ from: NOON + 5n, to: null, connection: 1 },
    },
  );
  assert.deepEqual(story.told(), [
    'gap_opened BTCUSD refused quote subscribed to quotes/no such market',
  ]);
  story.close(1).open(2).frame(2, quote(3));
  assert.deepEqual(story.told(), [
    'gap_opened _FEED-s disconnect -',
    'gap_closed _FEED-s disconnect - repaired=0',
    'gap_closed BTCUSD refused quote repaired=0',
    'quote BTCUSD 3',
  ]);
});

test('R15: heard while mute, it is told with its words where the fold begins to speak', () => {
  const story = new Story(['books']).start().fact('_alarm', refused(1, 'books', 'BTCUSD'));
  assert.deepEqual(story.told(), []);
  story.take();
  assert.deepEqual(story.told(), [
    'gap_opened BTCUSD refused book subscribed to books/no such market',
    'gap_opened ETHUSD opening book',
  ]);
});

test('R15: it ends the gap that waited: opening, disconnect, a broken book', () => {
  const story = new Story(['books']).start().take().frame(1, snap(7, 'ETH'));
  story.told();
  story.fact('_alarm', refused(1, 'books', 'BTCUSD')).frame(1, delta(9, 'ETH'));
  story.fact('_alarm', refused(1, 'books', 'ETHUSD'));
  story.fact('_alarm', refused(1, 'books', 'ETHUSD'));
  assert.deepEqual(story.told(), [
    'gap_closed BTCUSD opening book repaired=0',
    'gap_opened BTCUSD refused book subscribed to books/no such market',
    'gap_opened ETHUSD sequence book 8/9',
    'gap_closed ETHUSD sequence book repaired=0',
    'gap_opened ETHUSD refused book subscribed to books/no such market',
  ]);
});

test('R15: what another connection brings is no gap, until that one is closed as planned', () => {
  const story = new Story().start().take();
  story.frame(1, snap(7)).frame(1, trade(1)).frame(1, quote(3)).open(2);
  story.told();
  story
    .fact('_alarm', refused(2, 'books', 'BTCUSD'))
    .fact('_alarm', refused(2, 'trades', 'BTCUSD'));
  story.frame(2, quote(4));
  assert.deepEqual(story.told(), ['quote BTCUSD 4']);
  story.close(1, 'us');
  assert.deepEqual(story.told(), [
    'gap_opened BTCUSD refused book',
    'gap_opened BTCUSD refused trade',
  ]);
});

test('R15: of a connection of another day it says nothing, and of no symbol it is of all', () => {
  const story = new Story().start().take();
  story.day(NEXT, true, dayStart(NEXT) - 600_000_000_000n).open(2, NEXT);
  story.told();
  story.fact('_alarm', refused(2, 'quotes', null));
  assert.deepEqual(story.told(), [], 'the day before goes on');
  story.fact('_midnight', { day: NEXT }, dayStart(NEXT));
  assert.deepEqual(story.told(), [
    'gap_opened BTCUSD refused quote subscribed to quotes/no such market',
    'gap_opened ETHUSD refused quote subscribed to quotes/no such market',
  ]);
  story.fact('_alarm', refused(2, 'nothing', 'BTCUSD'));
  assert.deepEqual(story.told(), []);
  assert.equal(DAY < NEXT, true);
});

test('the types of each channel that is subscribed to by default', () => {
  const types = [...FEEDS.values()].map((feed) => [
    feed.id,
    Object.fromEntries(
      feed.protocol.channels.map((channel) => [channel, typesOf(feed, channel).join(' ')]),
    ),
  ]);
  assert.deepEqual(Object.fromEntries(types), {
    kraken: {
      ...{ book: 'book', trade: 'trade', ticker: 'quote ticker', ohlc: 'ohlc' },
      instrument: 'instrument',
    },
    'binance-usdm': {
      ...{ aggTrade: 'trade', bookTicker: 'quote', depth: 'book', kline_1m: 'ohlc' },
      markPrice: 'mark',
    },
    coinbase: {
      ...{ level2: 'book', market_trades: 'trade', ticker: 'ticker', candles: 'ohlc' },
      status: 'instrument',
    },
    'bybit-linear': {
      ...{ orderbook: 'book', 'orderbook.1': 'quote', publicTrade: 'trade' },
      ...{ tickers: 'ticker mark', 'kline.1': 'ohlc', allLiquidation: 'liquidation' },
    },
    okx: {
      ...{ books: 'book', 'bbo-tbt': 'quote', trades: 'trade', tickers: 'ticker' },
      ...{ 'funding-rate': 'mark', candle1m: 'ohlc' },
    },
  });
});
