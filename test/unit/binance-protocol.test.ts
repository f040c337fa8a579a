import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CHANNEL_NAMES,
  STREAMS_PER_CONNECTION_MAX,
} from '../../connectors/binance-usdm/protocol.ts';
import { binanceUsdm } from '../../connectors/binance-usdm/feed.ts';
import { decoderOf } from '../../connectors/feed.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { decodeText } from '../support/binance-frames.ts';

const { protocol } = binanceUsdm;

function config(markets: number, channels: readonly string[] = protocol.channels): FoldConfig {
  return {
    feed: 'binance-usdm',
    shard: 'tier1',
    symbols: Array.from({ length: markets }, (_, index) => ({
      symbol: `C${index}USDT-PERP`,
      external: `C${index}USDT`,
      depth: 'l2' as const,
    })),
    channels,
    book_depth: 20,
  };
}

function ids(): () => string {
  let last = 0;
  return () => String(++last);
}

type Sent = { readonly method: string; readonly params: readonly string[]; readonly id: number };

test('two sockets, each with the channels its path serves', () => {
  const all = protocol.endpoints(config(1));
  assert.deepEqual(
    all.map(({ name, path, subscriptions }) => [name, path, subscriptions.map((it) => it.channel)]),
    [
      ['public', '/public/stream', ['bookTicker', 'depth']],
      ['market', '/market/stream', ['aggTrade', 'kline_1m', 'markPrice']],
    ],
  );
  const best = config(1);
  const l1 = { ...best, symbols: best.symbols.map((it) => ({ ...it, depth: 'l1' as const })) };
  assert.deepEqual(
    protocol.endpoints(l1)[0]?.subscriptions.map((it) => it.channel),
    ['bookTicker'],
  );
  const books = protocol.endpoints(config(1, ['depth']));
  assert.deepEqual(
    books.map((it) => it.name),
    ['public'],
  );
});

test('depth is the diffs and the partial book that proves them', () => {
  const shard = config(1, ['depth', 'bookTicker']);
  const [endpoint] = protocol.endpoints(shard);
  const [request, ...more] = protocol.subscribe(endpoint?.subscriptions ?? [], shard, ids());
  assert.equal(more.length, 0);
  assert.equal(
    request?.text,
    '{"method":"SUBSCRIBE","params":["c0usdt@depth@100ms","c0usdt@depth20@100ms",' +
      '"c0usdt@bookTicker"],"id":1}',
  );
  const ten = protocol.subscribe(
    endpoint?.subscriptions ?? [],
    { ...shard, book_depth: 10 },
    ids(),
  );
  assert.match(ten[0]?.text ?? '', /c0usdt@depth10@100ms/);
  const odd = protocol.subscribe(
    endpoint?.subscriptions ?? [],
    { ...shard, book_depth: 1000 },
    ids(),
  );
  assert.match(odd[0]?.text ?? '', /c0usdt@depth20@100ms/);
});

test('many markets: no socket and no request above its limit, nothing asked twice or left out', () => {
  const shard = config(150);
  const seen = new Set<string>();
  const names = new Set<string>();
  const nextId = ids();
  for (const endpoint of protocol.endpoints(shard)) {
    assert.ok(!names.has(endpoint.name));
    names.add(endpoint.name);
    const requests = protocol.subscribe(endpoint.subscriptions, shard, nextId);
    const streams = requests.flatMap((it) => (JSON.parse(it.text) as Sent).params);
    assert.ok(streams.length <= STREAMS_PER_CONNECTION_MAX, `${endpoint.name} ${streams.length}`);
    assert.deepEqual(
      requests.flatMap((it) => it.subscriptions),
      endpoint.subscriptions,
    );
    for (const request of requests) {
      const sent = JSON.parse(request.text) as Sent;
      assert.ok(sent.params.length <= 100);
      assert.equal(String(sent.id), request.id);
    }
    for (const stream of streams) {
      assert.ok(!seen.has(stream), stream);
      seen.add(stream);
    }
  }
  assert.equal(seen.size, 150 * 6);
});

test('unsubscribing names the same streams', () => {
  const shard = config(2);
  const [endpoint] = protocol.endpoints(shard);
  const subscriptions = endpoint?.subscriptions ?? [];
  const on = JSON.parse(protocol.subscribe(subscriptions, shard, ids())[0]?.text ?? '') as Sent;
  const off = JSON.parse(protocol.unsubscribe(subscriptions, shard, ids())[0]?.text ?? '') as Sent;
  assert.equal(off.method, 'UNSUBSCRIBE');
  assert.deepEqual(off.params, on.params);
});

test('an unknown channel, and both kinds of trades, are refused with what to do', () => {
  assert.throws(() => protocol.endpoints(config(1, ['depht'])), /received "depht"/);
  assert.throws(() => protocol.endpoints(config(1, ['trade', 'aggTrade'])), /keep one of them/);
});

test('a silent path is found on every channel that is ever heard', () => {
  const silent = CHANNEL_NAMES.filter((name) => protocol.limits.first_message_ms(name) === null);
  assert.deepEqual(silent, ['forceOrder']);
  assert.equal(protocol.limits.first_message_ms('markPrice'), 10_000);
});

test('a frame names its channel as the subscription does', () => {
  const channel = (text: string): string | null => decodeText(text).channel;
  assert.equal(channel('{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1","T":0}'), 'markPrice');
  assert.equal(
    channel('{"e":"bookTicker","u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}'),
    'bookTicker',
  );
  for (const name of protocol.channels) assert.ok(CHANNEL_NAMES.includes(name), name);
});

test('the connection is replaced before the venue cuts it; the decoder covers every day', () => {
  const { connection_life_ms } = protocol.limits;
  assert.ok(connection_life_ms !== null && connection_life_ms < 24 * 3_600_000);
  assert.equal(decoderOf(binanceUsdm, '2019-09-09'), binanceUsdm.decoders[0].decode);
  assert.equal(decoderOf(binanceUsdm, '2026-11-20'), binanceUsdm.decoders.at(-1)?.decode);
});
