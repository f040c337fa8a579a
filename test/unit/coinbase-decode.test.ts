/** Advanced Trade frames, one by one: what each channel becomes, and what is wrong with what is wrong. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TIME, bookFrame, decodeFrame, frame } from '../support/coinbase-frames.ts';
import type { Decoded } from '../support/frames.ts';

const only = (decoded: Decoded) => {
  assert.equal(decoded.kind, 'data', decoded.reason);
  assert.equal(decoded.events.length, 1);
  return decoded.events[0] ?? assert.fail();
};
const listed = (channel: string, list: string, element: object, type = 'update'): string =>
  frame(channel, [{ type, [list]: [element] }], 7);

const TRADE = {
  product_id: 'ETH-USD',
  trade_id: '22381691',
  price: '2375.50',
  size: '0.5',
  time: '2024-10-04T07:13:31.088388Z',
  side: 'BUY',
};
const TICKER = {
  type: 'ticker',
  product_id: 'BTC-USD',
  price: '21932.98',
  volume_24_h: '16038.28770938',
  low_24_h: '21835.29',
  high_24_h: '23011.18',
  low_52_w: '15460',
  high_52_w: '48240',
  price_percent_chg_24_h: '-4.15775596190603',
  best_bid: '21931.98',
  best_bid_quantity: '8000.21',
  best_ask: '0',
  best_ask_quantity: '0',
};
const TIME_NS = '1775572201456789000';

describe('channels', () => {
  test('l2_data: called level2, sides apart, the latest time, the frame’s number', () => {
    const text = bookFrame(
      'update',
      [
        ['offer', '68901.00', '0.00000000'],
        ['bid', '68900.00', '2.00000000'],
        ['offer', '68902.00', '1'],
      ],
      344,
    );
    const decoded = decodeFrame(text);
    assert.deepEqual(
      [decoded.channel, decoded.frame_symbol, decoded.frame_sequence],
      ['level2', 0, 344],
    );
    assert.deepEqual(only(decoded), {
      type: 'book',
      symbol: 'BTCUSD',
      flags: 0,
      ts_event: '1775572201400000000',
      sequence: '344',
      depth: null,
      checksum: null,
      first_sequence: null,
      prev_sequence: null,
      part: null,
      parts: null,
      bids: ['68900.00 2.00000000'],
      asks: ['68901.00 0.00000000', '68902.00 1'],
    });
  });

  test('l2_data: a snapshot says so; its time is the frame’s, not the levels’ of 1970', () => {
    const event = only(decodeFrame(bookFrame('snapshot', [['bid', '1', '1']])));
    assert.deepEqual([event.flags, event.ts_event, event.sequence], [1, TIME_NS, '0']);
  });

  test('market_trades: the side is the maker’s, turned round', () => {
    for (const [side, taker] of [
      ['BUY', 'sell'],
      ['SELL', 'buy'],
    ] as const) {
      const event = only(decodeFrame(listed('market_trades', 'trades', { ...TRADE, side })));
      assert.deepEqual(event, {
        type: 'trade',
        symbol: 'ETHUSD',
        flags: 0,
        ts_event: '1728026011088388000',
        sequence: '7',
        price: '2375.50',
        size: '0.5',
        side: taker,
        trade_id: '22381691',
        order_type: null,
        first_trade_id: null,
        last_trade_id: null,
      });
    }
  });

  test('market_trades: newest first becomes oldest first, by time and then by id', () => {
    const at = (id: string, time: string): object => ({ ...TRADE, trade_id: id, time });
    const order = (...trades: object[]): unknown[] =>
      decodeFrame(frame('market_trades', [{ type: 'snapshot', trades }])).events.map((event) => {
        assert.equal(event.flags, 64, 'history');
        return event['trade_id'];
      });
    const [one, two] = ['2024-10-04T07:13:31.1Z', '2024-10-04T07:13:31.2Z'];
    assert.deepEqual(order(at('12', two), at('11', two), at('10', one)), ['10', '11', '12']);
    assert.deepEqual(order(at('11', one), at('10', one)), ['10', '11']);
    assert.deepEqual(order(at('10', one), at('11', two)), ['10', '11'], 'as it stands');
  });

  test('ticker: the frame’s time; a side priced 0 is none', () => {
    const event = only(decodeFrame(listed('ticker', 'tickers', TICKER, 'snapshot')));
    assert.deepEqual(event, {
      type: 'ticker',
      symbol: 'BTCUSD',
      flags: 1,
      ts_event: TIME_NS,
      sequence: '7',
      last_price: '21932.98',
      last_size: null,
      bid_price: '21931.98',
      bid_size: '8000.21',
      ask_price: null,
      ask_size: null,
      volume: '16038.28770938',
      quote_volume: null,
      vwap: null,
      open: null,
      high: '23011.18',
      low: '21835.29',
      change: null,
      change_percent: '-4.15775596190603',
      trades: null,
    });
    const batch = decodeFrame(listed('ticker_batch', 'tickers', { ...TICKER, best_bid: '' }));
    assert.equal(batch.channel, 'ticker_batch');
    assert.deepEqual([only(batch)['bid_price'], only(batch)['bid_size']], [null, null]);
  });

  test('candles: five minutes from start, never said to be closed', () => {
    const candle = {
      ...{ start: '1688998200', high: '1867.72', low: '1865.63', open: '1867.38' },
      ...{ close: '1866.81', volume: '0.20269406', product_id: 'ETH-USD' },
    };
    const event = only(decodeFrame(listed('candles', 'candles', candle, 'snapshot')));
    assert.deepEqual(
      [event.flags, event['interval_begin'], event['interval_s'], event['closed']],
      [65, '1688998200000000000', 300, null],
    );
    const { open, high, low, close, volume } = event;
    assert.deepEqual(
      [open, high, low, close, volume],
      ['1867.38', '1867.72', '1865.63', '1866.81', '0.20269406'],
    );
  });

  test('status: reference data of the market', () => {
    const product = {
      ...{ id: 'BTC-USD', base_currency: 'BTC', quote_currency: 'USD', status: 'online' },
      ...{ base_increment: '0.00000001', quote_increment: '0.01', min_market_funds: '1' },
    };
    const event = only(decodeFrame(listed('status', 'products', product)));
    assert.deepEqual(
      [event['base'], event['quote'], event['status'], event['cost_min']],
      ['BTC', 'USD', 'online', '1'],
    );
    assert.deepEqual([event['size_increment'], event['price_increment']], ['0.00000001', '0.01']);
  });

  test('several markets in one frame: ours of them', () => {
    const trades = [
      TRADE,
      { ...TRADE, product_id: 'NO-SUCH' },
      { ...TRADE, product_id: 'BTC-USD' },
    ];
    const decoded = decodeFrame(frame('market_trades', [{ type: 'update', trades }]));
    assert.deepEqual(
      decoded.events.map(({ symbol }) => symbol),
      ['ETHUSD', 'BTCUSD'],
    );
    const others = decodeFrame(bookFrame('snapshot', [['bid', '1', '1']], 3, 'NO-SUCH'));
    assert.deepEqual(
      [others.kind, others.reason, others.frame_sequence],
      ['ignored', 'symbol_not_configured', 3],
    );
  });
});

describe('what is no data', () => {
  test('heartbeats live, and count as frames', () => {
    const text = frame('heartbeats', [{ current_time: 'x', heartbeat_counter: 42 }], 12);
    const { kind, frame_sequence } = decodeFrame(text);
    assert.deepEqual([kind, frame_sequence], ['heartbeat', 12]);
  });

  test('a statement acknowledges all it names', () => {
    const subscriptions = { level2: ['BTC-USD', 'NO-SUCH'], heartbeats: ['heartbeats'] };
    const decoded = decodeFrame(frame('subscriptions', [{ subscriptions }], 1));
    assert.equal(decoded.kind, 'ack');
    assert.deepEqual(decoded.subscribed, [
      { channel: 'level2', symbol: 0 },
      { channel: 'level2', symbol: -1 },
      { channel: 'heartbeats', symbol: -1 },
    ]);
    assert.deepEqual(decodeFrame(frame('subscriptions', [{ subscriptions: {} }])).subscribed, []);
  });

  test('an error is a refusal in the venue’s words, of the market it names', () => {
    const error = { type: 'error', message: 'Failed to subscribe' };
    const named = decodeFrame(
      JSON.stringify({ ...error, reason: 'ETH-USD is not a valid product' }),
    );
    assert.deepEqual(
      [named.kind, named.reason, named.frame_symbol, named.frame_sequence],
      ['refused', 'Failed to subscribe: ETH-USD is not a valid product', 1, -1],
    );
    assert.equal(decodeFrame(JSON.stringify(error)).reason, 'Failed to subscribe');
  });

  test('a channel or type we do not know is ignored by name, and counts as a frame', () => {
    const other = decodeFrame(frame('user', [{}], 9));
    assert.deepEqual(
      [other.kind, other.reason, other.frame_sequence],
      ['ignored', 'channel_not_supported:user', 9],
    );
    assert.equal(decodeFrame('{"type":"pong"}').reason, 'type_not_supported:pong');
    assert.equal(decodeFrame('{"type":"<b>"}').reason, 'type_not_supported:other');
    assert.equal(decodeFrame(frame('Ü', [])).reason, 'channel_not_supported:other');
  });
});

describe('rejections', () => {
  const broken = (change: object): string =>
    listed('market_trades', 'trades', { ...TRADE, ...change });
  const cases: Readonly<Record<string, readonly [text: string, code: string]>> = {
    'no JSON': ['{"channel":', 'bad_json'],
    'no object': ['[]', 'not_object'],
    'neither channel nor type': ['{}', 'unknown_shape'],
    'no number': [JSON.stringify({ channel: 'ticker', events: [] }), 'missing_field'],
    'no events': ['{"channel":"ticker","sequence_num":1}', 'missing_field'],
    'a number that is none': [broken({ price: '1,5' }), 'bad_number'],
    'a price that is bare': [broken({ price: 5 }), 'bad_number'],
    'a size below zero': [broken({ size: '-1' }), 'negative'],
    'an id with a point': [broken({ trade_id: '1.5' }), 'bad_integer'],
    'a side of its own': [broken({ side: 'HOLD' }), 'bad_side'],
    'a time without a zone': [broken({ time: '2024-10-04 07:13:31' }), 'bad_time'],
    'milliseconds for a time': [broken({ time: '1728026011088' }), 'bad_time'],
    'a market that is no text': [broken({ product_id: 5 }), 'bad_text'],
    'a field missing': [listed('market_trades', 'trades', { price: '1' }), 'missing_field'],
    'a type of its own': [listed('ticker', 'tickers', TICKER, 'delta'), 'bad_type'],
    'no type': [frame('ticker', [{ tickers: [TICKER] }]), 'missing_field'],
    'a book without market': [frame('l2_data', [{ type: 'update', updates: [] }]), 'missing_field'],
    'levels that are no list': [
      frame('l2_data', [{ type: 'update', product_id: 'BTC-USD', updates: {} }]),
      'unexpected_shape',
    ],
    'a side of a level': [bookFrame('update', [['ask', '1', '1']]), 'bad_side'],
    'a number beyond all': [broken({ price: '9'.repeat(30) }), 'overflow'],
    'a frame number with a point': [
      '{"channel":"ticker","sequence_num":1.5,"events":[]}',
      'bad_integer',
    ],
    'a key twice': ['{"channel":"ticker","channel":"ticker","sequence_num":1}', 'duplicate_key'],
  };
  for (const [name, [text, code]] of Object.entries(cases)) {
    test(`${name}: ${code}`, () => {
      const decoded = decodeFrame(text);
      assert.deepEqual([decoded.kind, decoded.reason], ['rejected', code]);
      assert.deepEqual(decoded.events, []);
      assert.equal(decoded.frame_sequence, -1, 'what it held is lost, and the next frame says so');
      assert.ok(decoded.at >= 0 && decoded.at <= text.length);
    });
  }

  test('a frame is taken whole or not at all', () => {
    const trades = [TRADE, { ...TRADE, price: 'x' }];
    const decoded = decodeFrame(frame('market_trades', [{ type: 'update', trades }]));
    assert.deepEqual([decoded.kind, decoded.events], ['rejected', []]);
  });
});

test('any order of keys: events before their channel, type after the list', () => {
  const event = { trades: [TRADE], type: 'snapshot' };
  const late = JSON.stringify({
    ...{ events: [event], sequence_num: 3, timestamp: TIME },
    channel: 'market_trades',
  });
  const decoded = decodeFrame(late);
  assert.deepEqual([only(decoded).flags, only(decoded).sequence], [64, '3']);
  const escaped = frame('l2_data', [
    { type: 'update', product_id: 'BTC-USD', updates: [] },
  ]).replace('l2_data', 'l2\\u005fdata');
  assert.equal(decodeFrame(escaped).channel, 'level2');
});
