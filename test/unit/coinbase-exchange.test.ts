/** Frames of Coinbase's Exchange feed, one by one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeExchange } from '../../connectors/coinbase/exchange.ts';
import { decodeFrame } from '../support/coinbase-frames.ts';

const decode = (message: unknown) =>
  decodeFrame(typeof message === 'string' ? message : JSON.stringify(message), decodeExchange);
const only = (message: unknown) => {
  const decoded = decode(message);
  assert.equal(decoded.kind, 'data', decoded.reason);
  return decoded.events[0] ?? assert.fail();
};

const MATCH = {
  type: 'match',
  trade_id: 881613,
  maker_order_id: '27fff20b',
  taker_order_id: '1da6ce16',
  side: 'sell',
  size: '0.04',
  price: '14.7775',
  product_id: 'BTC-USD',
  sequence: 333938798,
  time: '2021-04-17T16:43:30.244075Z',
};
const TICKER = {
  ...{ type: 'ticker', sequence: 7, product_id: 'BTC-USD', price: '14.7775', side: 'buy' },
  ...{ open_24h: '14.6647', volume_24h: '94381.28000000', low_24h: '14.3691', high_24h: '16.55' },
  ...{ volume_30d: '1', best_bid: '14.7550', best_ask: '14.8060', last_size: '0.04' },
  ...{ time: '2021-04-17T16:43:30.244075Z', trade_id: 881613 },
};

describe('messages', () => {
  test('match: the maker’s side turned round; last_match is history', () => {
    const event = only(MATCH);
    assert.deepEqual(
      [event.type, event['side'], event['trade_id'], event.sequence, event.flags, event.ts_event],
      ['trade', 'buy', '881613', '333938798', 0, '1618677810244075000'],
    );
    assert.equal(only({ ...MATCH, side: 'buy' })['side'], 'sell');
    assert.equal(only({ ...MATCH, type: 'last_match' }).flags, 64);
  });

  test('ticker: its side is the taker’s, and not taken; sizes where they are sent', () => {
    const event = only(TICKER);
    assert.deepEqual(
      [event['last_price'], event['last_size'], event['open'], event['volume'], event['low']],
      ['14.7775', '0.04', '14.6647', '94381.28000000', '14.3691'],
    );
    assert.deepEqual([event['bid_price'], event['bid_size']], ['14.7550', null]);
    assert.equal(only({ ...TICKER, best_bid_size: '3' })['bid_size'], '3');
    assert.equal(only({ ...TICKER, best_ask: '0', best_ask_size: '0' })['ask_price'], null);
  });

  test('snapshot and l2update: both sides of one list, sizes as on the wire', () => {
    const book = { type: 'snapshot', product_id: 'BTC-USD', bids: [['1', '2.0']], asks: [] };
    assert.deepEqual([only(book).flags, only(book).bids], [1, ['1 2.0']]);
    const changes = [
      ['sell', '5', '1'],
      ['buy', '2', '0.00'],
      ['sell', '4', '3'],
    ];
    const update = only({ type: 'l2update', product_id: 'BTC-USD', changes, time: MATCH.time });
    assert.deepEqual(
      [update.bids, update.asks, update.sequence],
      [['2 0.00'], ['5 1', '4 3'], null],
    );
    assert.equal(decode(book).channel, 'level2');
    assert.equal(decode(book).frame_sequence, -1, 'no frame has a number');
  });

  test('type last, keys unknown, spacing: all the same', () => {
    const { type, ...rest } = MATCH;
    assert.deepEqual(only(JSON.stringify({ x: [{}], ...rest, type }, null, 1)), {
      ...only(MATCH),
    });
  });

  test('control: heartbeat, statement, error, other types, other markets', () => {
    const heartbeat = { type: 'heartbeat', sequence: 90, last_trade_id: 20, product_id: 'BTC-USD' };
    assert.equal(decode(heartbeat).kind, 'heartbeat');
    const channels = [{ name: 'level2_50', product_ids: ['ETH-USD'], account_ids: null }];
    assert.deepEqual(decode({ type: 'subscriptions', channels }).subscribed, [
      { channel: 'level2_batch', symbol: 1 },
    ]);
    const reason = 'BTC-USD is not a valid product';
    const error = decode({ type: 'error', message: 'Failed to subscribe', reason });
    assert.deepEqual(
      [error.kind, error.reason, error.frame_symbol],
      ['refused', `Failed to subscribe: ${reason}`, 0],
    );
    assert.equal(decode({ type: 'received' }).reason, 'type_not_supported:received');
    assert.equal(decode({ ...MATCH, product_id: 'NO' }).reason, 'symbol_not_configured');
  });
});

describe('rejections', () => {
  const cases: Readonly<Record<string, readonly [message: unknown, code: string]>> = {
    'no JSON': ['{"type":"match"', 'bad_json'],
    'no object': ['7', 'not_object'],
    'no type': [{ product_id: 'BTC-USD' }, 'unknown_shape'],
    'a type twice': ['{"type":"subscriptions","type":"x","channels":[]}', 'duplicate_key'],
    'a side of its own': [{ ...MATCH, side: 'BUY' }, 'bad_side'],
    'a price that is none': [{ ...MATCH, price: '' }, 'bad_number'],
    'no time': [{ ...MATCH, time: undefined }, 'missing_field'],
    'a time of ours': [{ ...MATCH, time: 'now' }, 'bad_time'],
    'a level without size': [
      { type: 'snapshot', product_id: 'BTC-USD', bids: [['1']], asks: [] },
      'missing_field',
    ],
    'a change without side': [
      { type: 'l2update', product_id: 'BTC-USD', changes: [[]] },
      'missing_field',
    ],
    'changes that are no list': [
      { type: 'l2update', product_id: 'BTC-USD', changes: 5 },
      'unexpected_shape',
    ],
  };
  for (const [name, [message, code]] of Object.entries(cases)) {
    test(`${name}: ${code}`, () => {
      const decoded = decode(message);
      assert.deepEqual([decoded.kind, decoded.reason, decoded.events], ['rejected', code, []]);
    });
  }
});
