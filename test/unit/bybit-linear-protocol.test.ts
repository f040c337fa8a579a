/** What we ask Bybit for, on which socket, in which words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ARGS_CHARACTERS_MAX,
  bybitLinearProtocol,
} from '../../connectors/bybit-linear/protocol.ts';
import { INTERVALS } from '../../connectors/bybit-linear/intervals.ts';
import type { FoldConfig, SymbolConfig } from '../../schema/symbols.ts';

const BTC: SymbolConfig = { symbol: 'BTCUSDT-PERP', external: 'BTCUSDT', depth: 'l2' };
const ETH: SymbolConfig = { symbol: 'ETHUSDT-PERP', external: 'ETHUSDT', depth: 'l1' };

function config(
  symbols: readonly SymbolConfig[],
  channels = bybitLinearProtocol.channels,
): FoldConfig {
  return { feed: 'bybit-linear', shard: 'tier1', symbols, channels, book_depth: 200 };
}

function ids(): () => string {
  let id = 0;
  return () => String(++id);
}

function argsOf(text: string): string[] {
  return (JSON.parse(text) as { args: string[] }).args;
}

test('all topics on one socket; no book of a market kept to its best prices', () => {
  const plan = config([BTC, ETH]);
  const endpoints = bybitLinearProtocol.endpoints(plan);
  assert.deepEqual(
    endpoints.map(({ name, path }) => [name, path]),
    [['linear', '/v5/public/linear']],
  );
  const { subscriptions } = endpoints[0] ?? assert.fail();
  const requests = bybitLinearProtocol.subscribe(subscriptions, plan, ids());
  assert.deepEqual(
    requests.flatMap(({ text }) => argsOf(text)),
    [
      ...['orderbook.200.BTCUSDT', 'orderbook.1.BTCUSDT', 'publicTrade.BTCUSDT'],
      ...['tickers.BTCUSDT', 'kline.1.BTCUSDT', 'allLiquidation.BTCUSDT'],
      ...['orderbook.1.ETHUSDT', 'publicTrade.ETHUSDT', 'tickers.ETHUSDT'],
      ...['kline.1.ETHUSDT', 'allLiquidation.ETHUSDT'],
    ],
  );
});

test('each topic is asked for by itself: its answer names nothing but the request', () => {
  const plan = config([BTC]);
  const subscriptions = bybitLinearProtocol.endpoints(plan)[0]?.subscriptions ?? [];
  const requests = bybitLinearProtocol.subscribe(subscriptions, plan, ids());
  assert.deepEqual(
    requests.map((it) => [it.id, it.subscriptions.length]),
    subscriptions.map((_, at) => [String(at + 1), 1]),
  );
  assert.equal(
    requests[0]?.text,
    '{"req_id":"1","op":"subscribe","args":["orderbook.200.BTCUSDT"]}',
  );
  const [gone] = bybitLinearProtocol.unsubscribe(subscriptions, plan, ids());
  assert.match(gone?.text ?? '', /^\{"req_id":"1","op":"unsubscribe",/);
});

test('many markets are several sockets, each market on one', () => {
  const limit = bybitLinearProtocol.limits.symbols_per_connection_max;
  const symbols = Array.from({ length: limit + 1 }, (_, at): SymbolConfig => {
    return { symbol: `S${at}`, external: `S${at}USDT`, depth: 'l2' };
  });
  const endpoints = bybitLinearProtocol.endpoints(config(symbols, ['orderbook', 'publicTrade']));
  assert.deepEqual(
    endpoints.map(({ name, subscriptions }) => [name, subscriptions.length]),
    [
      ['linear', 2 * limit],
      ['linear-2', 2],
    ],
  );
});

test('the topics of a connection stay below 21,000 characters', () => {
  const symbols = Array.from({ length: 50 }, (_, at): SymbolConfig => {
    return { symbol: `S${at}`, external: `1000000SOMETHING${at}USDT`, depth: 'l2' };
  });
  const plan = config(symbols, [
    ...bybitLinearProtocol.channels,
    ...INTERVALS.slice(1).map(({ name }) => name),
  ]);
  const endpoints = bybitLinearProtocol.endpoints(plan);
  assert.ok(endpoints.length > 1, `${endpoints.length} sockets`);
  for (const { subscriptions } of endpoints) {
    const requests = bybitLinearProtocol.subscribe(subscriptions, plan, ids());
    const topics = requests.flatMap(({ text }) => argsOf(text));
    assert.ok(JSON.stringify(topics).length <= ARGS_CHARACTERS_MAX + 2);
  }
});

test('a ping every 20 s; two without an answer are enough', () => {
  const { ping, limits } = bybitLinearProtocol;
  assert.equal(ping?.text('9'), '{"req_id":"9","op":"ping"}');
  assert.equal(ping.interval_ms, 20_000);
  assert.ok(ping.interval_ms * 2 < limits.silence_ms && limits.silence_ms < 60_000);
});

test('acknowledged and silent is an alarm, but for what may never come', () => {
  const { first_message_ms } = bybitLinearProtocol.limits;
  for (const channel of ['orderbook', 'orderbook.1', 'tickers']) {
    assert.equal(first_message_ms(channel), 10_000, channel);
  }
  assert.equal(first_message_ms('allLiquidation'), null);
});

test('a channel there is not is named with those there are', () => {
  assert.throws(() => bybitLinearProtocol.endpoints(config([BTC], ['book'])), {
    code: 'SSMD_INVALID_CONFIG',
    message: /channels of feed bybit-linear: expected some of orderbook, .*kline\.1.*"book"/,
  });
  assert.equal(bybitLinearProtocol.endpoints(config([BTC], ['kline.D'])).length, 1);
});
