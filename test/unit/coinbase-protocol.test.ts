/** What is asked of Coinbase, and how. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CHANNEL_NAMES,
  SYMBOLS_PER_CONNECTION_MAX,
  coinbaseProtocol,
} from '../../connectors/coinbase/protocol.ts';
import type { FoldConfig, SymbolConfig } from '../../schema/symbols.ts';

const BTC: SymbolConfig = { symbol: 'BTCUSD', external: 'BTC-USD', depth: 'l2' };

function config(
  symbols: readonly SymbolConfig[],
  channels = coinbaseProtocol.channels,
): FoldConfig {
  return { feed: 'coinbase', shard: 's', symbols, channels, book_depth: 0 };
}

function ids(): () => string {
  let id = 0;
  return () => String(++id);
}

test('one socket: heartbeats first, then one request a channel and market', () => {
  const [endpoint, ...more] = coinbaseProtocol.endpoints(config([BTC]));
  assert.deepEqual(more, []);
  assert.deepEqual([endpoint?.name, endpoint?.path], ['market', '']);
  const subscriptions = endpoint?.subscriptions ?? [];
  const requests = coinbaseProtocol.subscribe(subscriptions, config([BTC]), ids());
  assert.deepEqual(
    requests.map(({ id, text }) => [id, text]),
    [
      ['1', '{"type":"subscribe","channel":"heartbeats"}'],
      ['2', '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}'],
      ['3', '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}'],
      ['4', '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"ticker"}'],
      ['5', '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"candles"}'],
      ['6', '{"type":"subscribe","product_ids":["BTC-USD"],"channel":"status"}'],
    ],
  );
  const [gone] = coinbaseProtocol.unsubscribe(subscriptions.slice(1, 2), config([BTC]), ids());
  assert.match(gone?.text ?? '', /^\{"type":"unsubscribe","product_ids":\["BTC-USD"\]/);
});

test('a market kept to its best prices has no book', () => {
  const [endpoint] = coinbaseProtocol.endpoints(config([{ ...BTC, depth: 'l1' }]));
  assert.ok(endpoint?.subscriptions.every(({ channel }) => channel !== 'level2'));
});

test('a socket carries so many markets, each with its heartbeats', () => {
  const symbols = Array.from({ length: SYMBOLS_PER_CONNECTION_MAX + 1 }, (_, at): SymbolConfig => {
    return { symbol: `S${at}`, external: `S${at}-USD`, depth: 'l2' };
  });
  const endpoints = coinbaseProtocol.endpoints(config(symbols, ['market_trades']));
  assert.deepEqual(
    endpoints.map(({ name, subscriptions }) => [name, subscriptions.length]),
    [
      ['market', 1 + SYMBOLS_PER_CONNECTION_MAX],
      ['market-2', 2],
    ],
  );
});

test('life is told by heartbeats, five times as often as their absence is believed', () => {
  assert.equal(coinbaseProtocol.ping, null);
  assert.equal(coinbaseProtocol.limits.silence_ms, 5_000);
  assert.equal(coinbaseProtocol.limits.first_message_ms('heartbeats'), null);
  assert.ok(coinbaseProtocol.limits.requests_per_second < 8);
});

test('a channel there is not is named with those there are', () => {
  assert.throws(() => coinbaseProtocol.endpoints(config([BTC], ['l2_data'])), {
    code: 'SSMD_INVALID_CONFIG',
    message: /channels of feed coinbase: expected some of level2, .*, received "l2_data"/,
  });
  assert.equal(coinbaseProtocol.endpoints(config([BTC], CHANNEL_NAMES)).length, 1);
});
