import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REJECTIONS } from '../../connectors/binance-usdm/frame-reader.ts';
import { FLAG } from '../../schema/events.ts';
import { decodeEvent, decodeText, diffFrame, partialFrame } from '../support/binance-frames.ts';

const AGG =
  '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1763712000191,"a":9223372036854775807,' +
  '"s":"BTCUSDT","p":"61800.10","q":"0.312","f":9007199254740993,"l":9007199254740995,' +
  '"T":1763712000134,"m":true}}';

test('an aggregate is a trade whose ids keep every digit', () => {
  assert.deepEqual(decodeEvent(AGG), {
    type: 'trade',
    symbol: 'BTCUSDT-PERP',
    flags: 0,
    ts_event: '1763712000134000000',
    sequence: null,
    price: '61800.10',
    size: '0.312',
    side: 'sell',
    trade_id: '9223372036854775807',
    order_type: null,
    first_trade_id: '9007199254740993',
    last_trade_id: '9007199254740995',
  });
});

test('the buyer was the maker: the aggressor sold; otherwise it bought', () => {
  assert.equal(decodeEvent(AGG)['side'], 'sell');
  assert.equal(decodeEvent(AGG.replace('"m":true', '"m":false'))['side'], 'buy');
});

const TRADE =
  '{"e":"trade","E":1763712000456,"T":1763712000455,"s":"BTCUSDT","t":5933014,"p":"0.001",' +
  '"q":"100","X":"MARKET","m":true}';

test('a single trade, bare, with and without X', () => {
  const event = decodeEvent(TRADE);
  assert.equal(event['trade_id'], '5933014');
  assert.equal(event['first_trade_id'], null);
  assert.equal(event.ts_event, '1763712000455000000');
  assert.deepEqual(decodeEvent(TRADE.replace('"X":"MARKET",', '')), event);
});

test('a trade that never met the book is ignored by name', () => {
  for (const word of ['INSURANCE_FUND', 'ADL', 'NA']) {
    const frame = decodeText(TRADE.replace('MARKET', word));
    assert.equal(frame.kind, 'ignored');
    assert.equal(frame.reason, `trade_not_on_book:${word}`);
    assert.equal(frame.events.length, 0);
  }
});

test('a diff keeps its three ids, its zeros and its order', () => {
  const event = decodeEvent(
    diffFrame(
      { U: 5123107832006n, u: 9223372036854775807n, pu: 5123107831937n },
      [
        ['61496.50', '0.010'],
        ['61510.90', '0.000'],
      ],
      [['61800.30', '2.510']],
    ),
  );
  assert.deepEqual(event, {
    type: 'book',
    symbol: 'BTCUSDT-PERP',
    flags: 0,
    ts_event: '1763712000120000000',
    sequence: '9223372036854775807',
    depth: null,
    checksum: null,
    first_sequence: '5123107832006',
    prev_sequence: '5123107831937',
    part: null,
    parts: null,
    bids: ['61496.50 0.010', '61510.90 0.000'],
    asks: ['61800.30 2.510'],
  });
});

test('asks before bids is the same book', () => {
  const frame = diffFrame({ u: 2, pu: 1 }, [['1.0', '2.0']], [['3.0', '4.0']]);
  const swapped = frame.replace(
    '"b":[["1.0","2.0"]],"a":[["3.0","4.0"]]',
    '"a":[["3.0","4.0"]],"b":[["1.0","2.0"]]',
  );
  assert.notEqual(swapped, frame);
  assert.deepEqual(decodeEvent(swapped), decodeEvent(frame));
});

test('only the name of the stream makes a partial book', () => {
  for (const depth of [5, 10, 20]) {
    const event = decodeEvent(partialFrame(7, [['1.0', '2.0']], [['3.0', '4.0']], depth));
    assert.equal(event.flags, FLAG.SNAPSHOT);
    assert.equal(event['depth'], depth);
    assert.equal(event.sequence, '7');
  }
  for (const stream of ['btcusdt@depth', 'btcusdt@depth@500ms', 'btcusdt@depth@0ms']) {
    const frame = diffFrame({ u: 2, pu: 1 }).replace('btcusdt@depth@100ms', stream);
    assert.equal(decodeEvent(frame).flags, 0, stream);
  }
  const bare = decodeEvent(/"data":(.*)\}$/.exec(diffFrame({ u: 2, pu: 1 }))?.[1] ?? '');
  assert.equal(bare.flags, 0);
});

test('another book under the same event name is not taken for ours', () => {
  for (const stream of ['rpiDepth@500ms', 'depthful', 'depth0', 'depth2x', 'depth12345']) {
    const frame = diffFrame({ u: 2, pu: 1 }).replace('depth@100ms', stream);
    const { kind, reason } = decodeText(frame);
    assert.equal(kind, 'ignored', stream);
    assert.equal(reason, `channel_not_supported:${stream}`);
  }
});

test('bookTicker: bid is b and B, ask a and A; times may be missing', () => {
  const frame =
    '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"s":"BTCUSDT",' +
    '"b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000","T":1568014460891,"E":1568014460893}}';
  const event = decodeEvent(frame);
  assert.equal(event.sequence, '400900217');
  assert.equal(event.ts_event, '1568014460891000000');
  assert.equal(event['bid_price'], '25.35190000');
  assert.equal(event['bid_size'], '31.21000000');
  assert.equal(event['ask_price'], '25.36520000');
  assert.equal(event['ask_size'], '40.66000000');
  const sendOnly = decodeEvent(frame.replace('"T":1568014460891,', ''));
  assert.equal(sendOnly.ts_event, '1568014460893000000');
  const none = decodeEvent(frame.replace(',"T":1568014460891,"E":1568014460893', ''));
  assert.equal(none.ts_event, null);
});

const KLINE =
  '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1638747660123,"s":"BTCUSDT","k":{' +
  '"t":1638747660000,"T":1638747719999,"s":"BTCUSDT","i":"1m","f":100,"L":200,"o":"0.0010",' +
  '"c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500",' +
  '"Q":"0.500","B":"123456"}}}';

test('a candle: closed by x, its own times, no time of an event but E', () => {
  const event = decodeEvent(KLINE);
  assert.deepEqual(event, {
    type: 'ohlc',
    symbol: 'BTCUSDT-PERP',
    flags: 0,
    ts_event: '1638747660123000000',
    sequence: null,
    open: '0.0010',
    high: '0.0025',
    low: '0.0015',
    close: '0.0020',
    volume: '1000',
    vwap: null,
    quote_volume: '1.0000',
    trades: '100',
    interval_begin: '1638747660000000000',
    interval_s: 60,
    closed: 0,
  });
  assert.equal(decodeEvent(KLINE.replace('"x":false', '"x":true'))['closed'], 1);
  assert.equal(decodeText(KLINE).channel, 'kline_1m');
  assert.equal(decodeEvent(KLINE.replace('"i":"1m"', '"i":"1M"'))['interval_s'], null);
  assert.equal(decodeText(KLINE.replace('"i":"1m"', '"i":"7m"')).reason, 'bad_interval:k.i');
});

const MARK =
  '{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000",' +
  '"i":"11784.62659091","P":"11784.25641265","r":"-0.00038167","T":1562306400000}';

test('a mark price: T is the next funding, never the time of the event', () => {
  const event = decodeEvent(MARK);
  assert.equal(event.ts_event, '1562305380000000000');
  assert.equal(event['next_funding'], '1562306400000000000');
  assert.equal(event['funding_rate'], '-0.00038167');
  assert.equal(event['settle_price'], '11784.25641265');
  const delivery = decodeEvent(
    MARK.replace('"-0.00038167"', '""').replace('"T":1562306400000', '"T":0'),
  );
  assert.equal(delivery['funding_rate'], null);
  assert.equal(delivery['next_funding'], null);
});

test('a forced order is a liquidation on the side of its order', () => {
  const event = decodeEvent(
    '{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1568014460999,"o":{"s":"BTCUSDT",' +
      '"S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"9910","ap":"9910.5","X":"FILLED",' +
      '"l":"0.010","z":"0.014","T":1568014460893}}}',
  );
  assert.equal(event.type, 'liquidation');
  assert.equal(event['side'], 'sell');
  assert.equal(event['price'], '9910');
  assert.equal(event['average_price'], '9910.5');
  assert.equal(event['filled_size'], '0.014');
  assert.equal(event['status'], 'FILLED');
  assert.equal(event['order_type'], 'LIMIT');
  assert.equal(event.ts_event, '1568014460893000000');
});

test('acknowledged only by a null result', () => {
  assert.deepEqual(
    ['{"result":null,"id":1}', '{"id":"a-1","result":null}', '{"result":null}'].map((text) => {
      const { kind, request_id } = decodeText(text);
      return [kind, request_id];
    }),
    [
      ['ack', '1'],
      ['ack', 'a-1'],
      ['ack', null],
    ],
  );
  assert.equal(decodeText('{"result":["btcusdt@trade"],"id":3}').reason, 'result_not_null');
});

test('an error is a refusal, in both spellings, with the venue own words', () => {
  const frames = [
    '{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":99}',
    '{"id":99,"error":{"msg":"Invalid request: invalid stream","code":2}}',
    '{"code":2,"msg":"Invalid request: invalid stream","id":99}',
  ];
  for (const text of frames) {
    const { kind, request_id, reason } = decodeText(text);
    assert.deepEqual(
      { kind, request_id, reason },
      { kind: 'refused', request_id: '99', reason: '2: Invalid request: invalid stream' },
    );
  }
  assert.equal(decodeText('{"error":"down","id":1}').reason, 'down');
});

test('what is not configured or not supported is ignored under a name', () => {
  const named: Readonly<Record<string, string>> = {
    [AGG.replace('"s":"BTCUSDT"', '"s":"ETHUSDT"')]: 'symbol_not_configured',
    '{"e":"24hrTicker","s":"BTCUSDT","p":"0.0015"}': 'channel_not_supported:24hrTicker',
    '{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker"}]}':
      'channel_not_supported:!miniTicker@arr',
    '{"stream":"x","data":{"e":"contractInfo","bks":[{"bs":1}]}}':
      'channel_not_supported:contractInfo',
    '{"stream":"btcusdt@odd","data":{"a":1}}': 'channel_not_supported:btcusdt@odd',
  };
  for (const [text, reason] of Object.entries(named)) {
    const frame = decodeText(text);
    assert.equal(frame.kind, 'ignored', text);
    assert.equal(frame.reason, reason);
  }
});

test('each rejection has its code, and leaves no event behind', () => {
  const diff = diffFrame({ u: 2, pu: 1 }, [['1.0', '2.0']], []);
  const cases: readonly (readonly [string, string])[] = [
    ['', 'invalid_json'],
    ['nonsense', 'invalid_json'],
    [AGG.slice(0, -1), 'invalid_json'],
    [`${AGG}}`, 'invalid_json'],
    [AGG.replace('"m":true', '"m":tru'), 'invalid_json'],
    [AGG.replace('"m":true', '"m":1'), 'unexpected_shape'],
    [AGG.replace('"m":true', '"m":null'), 'unexpected_shape'],
    [AGG.replace('"p":"61800.10"', '"p":61800.10'), 'unexpected_shape'],
    [AGG.replace('"p":"61800.10"', '"p":"abc"'), 'unexpected_shape'],
    [AGG.replace('"p":"61800.10"', '"p":""'), 'unexpected_shape'],
    ['[]', 'unexpected_shape'],
    ['12', 'unexpected_shape'],
    ['{}', 'unknown_message'],
    ['{"lastUpdateId":1,"bids":[],"asks":[]}', 'unknown_message'],
    [AGG.replace('9223372036854775807', '9223372036854775808'), 'number_overflow'],
    [AGG.replace('0.312', '0.3123123123123123123123'), 'number_overflow'],
    [AGG.replace('"a":9223372036854775807', '"a":-1'), 'bad_integer:a'],
    [AGG.replace('"a":9223372036854775807', '"a":1.5'), 'bad_integer:a'],
    [AGG.replace('"a":9223372036854775807', '"a":1e3'), 'bad_integer:a'],
    [AGG.replace('1763712000134', '17637120001340000000'), 'number_overflow'],
    [AGG.replace('1763712000134', '1763712000134000000'), 'bad_time:T'],
    [AGG.replace('"q":"0.312"', '"q":"-0.312"'), 'negative_size:q'],
    [AGG.replace('"l":9007199254740995,', ''), 'missing_field:l'],
    [AGG.replace('"s":"BTCUSDT",', ''), 'missing_field:s'],
    [AGG.replace('"p":', '"p":"1","p":'), 'duplicate_field:p'],
    [AGG.replace('"e":"aggTrade"', '"e":"aggTrade","e":"trade"'), 'duplicate_field:e'],
    [AGG.replace('}}', '},"data":{}}'), 'duplicate_field:data'],
    [diff.replace('"pu":1,', ''), 'missing_field:pu'],
    [diff.replace('["1.0","2.0"]', '["1.0"]'), 'unexpected_shape'],
    [diff.replace('["1.0","2.0"]', '["1.0","2.0","3"]'), 'unexpected_shape'],
    [diff.replace('["1.0","2.0"]', '[]'), 'unexpected_shape'],
    [diff.replace('"2.0"', '"-2.0"'), 'negative_size:b'],
    [KLINE.replace('"x":false,', ''), 'missing_field:x'],
  ];
  const known = new Set(Object.keys(REJECTIONS).map((code) => code.replace('<field>', '')));
  for (const [text, reason] of cases) {
    const frame = decodeText(text);
    assert.equal(frame.kind, 'rejected', text);
    assert.equal(frame.reason, reason, text);
    assert.equal(frame.events.length, 0);
    assert.ok(known.has(reason.replace(/:.*$/, ':')) || known.has(reason), `${reason} documented`);
  }
});

test('fields the venue added in 2026 change nothing', () => {
  const added = AGG.replace('"m":true', '"m":true,"st":1,"nq":"0.3","ps":{"x":[1,{"y":null}]}');
  assert.deepEqual(decodeEvent(added), decodeEvent(AGG));
  assert.deepEqual(decodeEvent(MARK.replace('"r":', '"ap":"1.0","st":1,"r":')), decodeEvent(MARK));
});
