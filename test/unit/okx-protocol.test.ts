/** What we ask OKX for, on which socket, in which words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARGS_PER_REQUEST_MAX, okxProtocol } from '../../connectors/okx/protocol.ts';
import type { FoldConfig, SymbolConfig } from '../../schema/symbols.ts';

const SPOT: SymbolConfig = { symbol: 'BTCUSDT', external: 'BTC-USDT', depth: 'l2' };
const SWAP: SymbolConfig = { symbol: 'BTCUSDT-PERP', external: 'BTC-USDT-SWAP', depth: 'l1' };

function config(symbols: readonly SymbolConfig[], channels = okxProtocol.channels): FoldConfig {
  return { feed: 'okx', shard: 'tier1', symbols, channels, book_depth: 400 };
}

function ids(): () => string {
  let id = 0;
  return () => String(++id);
}

test('candles on the business socket, the rest on the public one', () => {
  const endpoints = okxProtocol.endpoints(config([SPOT, SWAP]));
  assert.deepEqual(
    endpoints.map(({ name, path, subscriptions }) => [
      name,
      path,
      subscriptions.map(({ channel, external }) => `${channel} ${external}`),
    ]),
    [
      [
        'public',
        '/ws/v5/public',
        [
          'books BTC-USDT',
          'bbo-tbt BTC-USDT',
          'trades BTC-USDT',
          'tickers BTC-USDT',
          // No book of a market kept to its best prices; a funding rate of a swap only.
          'bbo-tbt BTC-USDT-SWAP',
          'trades BTC-USDT-SWAP',
          'tickers BTC-USDT-SWAP',
          'funding-rate BTC-USDT-SWAP',
        ],
      ],
      ['business', '/ws/v5/business', ['candle1m BTC-USDT', 'candle1m BTC-USDT-SWAP']],
    ],
  );
});

test('many markets are several sockets, each market on one', () => {
  const limit = okxProtocol.limits.symbols_per_connection_max;
  const symbols = Array.from({ length: limit + 1 }, (_, at): SymbolConfig => {
    return { symbol: `S${at}`, external: `S${at}-USDT`, depth: 'l2' };
  });
  const endpoints = okxProtocol.endpoints(config(symbols, ['books', 'trades']));
  assert.deepEqual(
    endpoints.map(({ name, subscriptions }) => [name, subscriptions.length]),
    [
      ['public', 2 * limit],
      ['public-2', 2],
    ],
  );
});

test('requests hold many channels, an id of letters and digits, and stay below 64 KiB', () => {
  const wanted = Array.from({ length: ARGS_PER_REQUEST_MAX + 1 }, (_, at) => {
    return { channel: 'candle12Hutc', symbol: `S${at}`, external: `SOMETHING${at}-USDT-SWAP` };
  });
  const requests = okxProtocol.subscribe(wanted, config([]), ids());
  assert.deepEqual(
    requests.map(({ id, subscriptions }) => [id, subscriptions.length]),
    [
      ['1', ARGS_PER_REQUEST_MAX],
      ['2', 1],
    ],
  );
  assert.ok((requests[0]?.text.length ?? 0) < 64 * 1024);
  assert.equal(
    requests[1]?.text,
    '{"id":"2","op":"subscribe","args":[{"channel":"candle12Hutc","instId":"SOMETHING100-USDT-SWAP"}]}',
  );
  const [gone] = okxProtocol.unsubscribe(wanted.slice(0, 1), config([]), ids());
  assert.match(gone?.text ?? '', /^\{"id":"1","op":"unsubscribe",/);
});

test('the ping is the word, well within the 30 s after which the venue cuts', () => {
  const { ping, limits } = okxProtocol;
  assert.equal(ping?.text('1'), 'ping');
  assert.ok(ping.interval_ms * 2 < limits.silence_ms && limits.silence_ms < 30_000);
});

test('a channel there is not is named with those there are', () => {
  assert.throws(() => okxProtocol.endpoints(config([SPOT], ['book'])), {
    code: 'SSMD_INVALID_CONFIG',
    message: /channels of feed okx: expected some of books, .*candle1m.*, received "book"/,
  });
  assert.equal(okxProtocol.endpoints(config([SPOT], ['candle1Dutc'])).length, 1);
});
