import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kraken } from '../../connectors/kraken/feed.ts';
import { decodeFrame } from '../support/kraken-frames.ts';
import type { FoldConfig } from '../../schema/symbols.ts';

const { protocol } = kraken;

function config(symbols: number, channels: readonly string[] = protocol.channels): FoldConfig {
  return {
    feed: 'kraken',
    shard: 'tier1',
    symbols: Array.from({ length: symbols }, (_, index) => ({
      symbol: `S${index}`,
      external: `S${index}/USD`,
      depth: index === 1 ? 'l1' : 'l2',
    })),
    channels,
    book_depth: 25,
  };
}

function ids(): () => string {
  let last = 0;
  return () => String(++last);
}

test('one request a channel with all its markets, each with a whole number as its id', () => {
  const both = config(2, ['book', 'ticker', 'ohlc', 'instrument', 'status']);
  const [endpoint, ...more] = protocol.endpoints(both);
  assert.ok(endpoint);
  assert.equal(more.length, 0);
  const requests = protocol.subscribe(endpoint.subscriptions, both, ids());
  assert.deepEqual(
    requests.map(({ id, text }) => [id, text]),
    [
      [
        '1',
        '{"method":"subscribe","params":{"channel":"book","symbol":["S0/USD"],"depth":25,"snapshot":true},"req_id":1}',
      ],
      [
        '2',
        '{"method":"subscribe","params":{"channel":"ticker","symbol":["S0/USD","S1/USD"],"event_trigger":"bbo","snapshot":true},"req_id":2}',
      ],
      [
        '3',
        '{"method":"subscribe","params":{"channel":"ohlc","symbol":["S0/USD","S1/USD"],"interval":1,"snapshot":true},"req_id":3}',
      ],
      ['4', '{"method":"subscribe","params":{"channel":"instrument","snapshot":true},"req_id":4}'],
    ],
  );
  assert.deepEqual(
    requests.flatMap((it) => it.subscriptions),
    endpoint.subscriptions,
  );
});

test('one market of one channel is left and asked for again by itself', () => {
  const wanted = [{ channel: 'book', symbol: 'S0', external: 'S0/USD' }];
  const [request] = protocol.unsubscribe(wanted, config(2), ids());
  assert.equal(
    request?.text,
    '{"method":"unsubscribe","params":{"channel":"book","symbol":["S0/USD"],"depth":25},"req_id":1}',
  );
});

test('markets beyond the limit of a socket go to the next; instruments are asked for once', () => {
  const limit = protocol.limits.symbols_per_connection_max;
  const sockets = protocol.endpoints(config(limit + 1, ['trade', 'instrument']));
  assert.deepEqual(
    sockets.map(({ name, subscriptions }) => [name, subscriptions.length]),
    [
      ['public', limit + 1],
      ['public-2', 1],
    ],
  );
});

test('a ping is answered by the pong of its id; other ids are a mistake of ours', () => {
  assert.equal(protocol.ping?.text('42'), '{"method":"ping","req_id":42}');
  assert.throws(() => protocol.ping?.text('a-1'), /whole number/);
});

test('every channel we subscribe to has rows of evidence, and the decoder knows it', () => {
  for (const channel of protocol.channels) {
    assert.ok(kraken.evidence.some((row) => row.channel === channel && row.role === 'data'));
    const frame = `{"channel":"${channel}","type":"update","data":${channel === 'instrument' ? '{}' : '[]'}}`;
    assert.ok(!decodeFrame(frame).reason.startsWith('channel_not_supported'), channel);
  }
});
