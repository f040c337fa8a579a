import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG } from '../../schema/events.ts';
import { decodeFrame } from '../support/kraken-frames.ts';
import type { Decoded } from '../support/frames.ts';
import type { PlainEvent } from '../support/buffer-events.ts';

const TRADE =
  '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy",' +
  '"price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,' +
  '"timestamp":"2023-10-06T17:35:55.440295Z"}]}';
const BOOK =
  '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[],"asks":[' +
  '{"price":62806.4,"qty":0.00000000},{"price":62808.0,"qty":0.79607759}],' +
  '"checksum":3303084279,"timestamp":"2026-08-16T23:37:05.815233Z"}]}';

function only(decoded: Decoded): PlainEvent {
  assert.equal(decoded.kind, 'data', decoded.reason);
  assert.equal(decoded.events.length, 1);
  const [event] = decoded.events;
  assert.ok(event);
  return event;
}

/** The fields that are there. */
function known(event: PlainEvent | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event ?? {}).filter(([, value]) => value !== null));
}

test('a trade, with the digits of the wire', () => {
  const decoded = decodeFrame(TRADE);
  assert.deepEqual([decoded.channel, decoded.frame_symbol], ['trade', 0]);
  assert.deepEqual(known(only(decoded)), {
    type: 'trade',
    symbol: 'BTCUSD',
    flags: 0,
    ts_event: '1696613755440295000',
    price: '105944.20',
    size: '0.00027625',
    side: 'buy',
    trade_id: '10218208',
    order_type: 'limit',
  });
});

test('trades of a snapshot are history; an empty one is data without events', () => {
  const snapshot = only(decodeFrame(TRADE.replace('update', 'snapshot')));
  assert.equal(snapshot.flags, FLAG.HISTORY);
  const empty = decodeFrame('{"channel":"trade","type":"snapshot","data":[]}');
  assert.deepEqual([empty.kind, empty.channel, empty.events.length], ['data', 'trade', 0]);
});

test('a book update keeps order, deletes and checksum', () => {
  assert.deepEqual(known(only(decodeFrame(BOOK))), {
    type: 'book',
    symbol: 'BTCUSD',
    flags: 0,
    ts_event: '1786923425815233000',
    checksum: 3303084279,
    bids: [],
    asks: ['62806.4 0.00000000', '62808.0 0.79607759'],
  });
});

test('a book snapshot states the whole; without both sides it is refused', () => {
  const snapshot = BOOK.replace('update', 'snapshot');
  assert.equal(only(decodeFrame(snapshot)).flags, FLAG.SNAPSHOT);
  const half = decodeFrame(snapshot.replace('"bids":[],', ''));
  assert.deepEqual([half.kind, half.reason], ['rejected', 'missing_field']);
  assert.equal(only(decodeFrame(BOOK.replace('"bids":[],', ''))).type, 'book');
});

test('a checksum of 0 is not provided; one over 32 bits is refused', () => {
  const sum = (text: string): Decoded => decodeFrame(BOOK.replace('3303084279', text));
  assert.equal(only(sum('0'))['checksum'], null);
  assert.equal(only(sum('4294967295'))['checksum'], 4294967295);
  assert.equal(sum('4294967296').reason, 'bad_integer');
});

test('a ticker is a ticker and a quote', () => {
  const { events } = decodeFrame(
    '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":63297.7,' +
      '"bid_qty":5.45673101,"ask":63297.8,"ask_qty":0.36974422,"last":63297.8,' +
      '"volume":1020.88391276,"vwap":63685.7,"low":63250,"high":64409.2,"change":-0.7,' +
      '"change_pct":0,"trades":47536,"timestamp":"2026-08-12T19:29:02.066592Z"}]}',
  );
  const head = { symbol: 'BTCUSD', flags: 0, ts_event: '1786562942066592000' };
  const quote = {
    bid_price: '63297.7',
    bid_size: '5.45673101',
    ask_price: '63297.8',
    ask_size: '0.36974422',
  };
  assert.deepEqual(events.map(known), [
    {
      type: 'ticker',
      ...head,
      ...quote,
      last_price: '63297.8',
      volume: '1020.88391276',
      vwap: '63685.7',
      low: '63250',
      high: '64409.2',
      change: '-0.7',
      change_percent: '0',
      trades: '47536',
    },
    { type: 'quote', ...head, ...quote },
  ]);
});

test('zeros and 1970 of an empty book are absent, and the quote says so', () => {
  const { events } = decodeFrame(
    '{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":0,"bid_qty":0,' +
      '"ask":0,"ask_qty":0,"timestamp":"1970-01-01T00:00:00.000000Z"}]}',
  );
  const head = { symbol: 'BTCUSD', flags: 0 };
  assert.deepEqual(events.map(known), [
    { type: 'ticker', ...head },
    { type: 'quote', ...head },
  ]);
});

test('one side of a quote may be there alone, and a ticker without either makes no quote', () => {
  const ticker = (fields: string): Decoded =>
    decodeFrame(`{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD",${fields}}]}`);
  const oneSided = ticker('"ask_qty":1.5,"bid_qty":0,"bid":0.0,"ask":7.0').events[1];
  assert.deepEqual(known(oneSided), {
    type: 'quote',
    symbol: 'BTCUSD',
    flags: FLAG.SNAPSHOT,
    ask_price: '7.0',
    ask_size: '1.5',
  });
  assert.deepEqual(
    ticker('"last":7.0,"volume":0').events.map(({ type, volume }) => [type, volume]),
    [['ticker', '0']],
  );
});

test('a candle takes the time of its frame; its interval is in seconds', () => {
  const event = only(
    decodeFrame(
      '{"channel":"ohlc","type":"update","timestamp":"2026-08-12T19:28:44.084233010Z","data":[' +
        '{"symbol":"BTC/USD","open":63301.6,"high":63301.6,"low":63297.7,"close":63297.7,' +
        '"trades":27,"volume":0.04121249,"vwap":63298.2,' +
        '"interval_begin":"2026-08-12T19:28:00.000000000Z","interval":1,' +
        '"timestamp":"2026-08-12T19:29:00.000000Z"}]}',
    ),
  );
  assert.deepEqual(known(event), {
    type: 'ohlc',
    symbol: 'BTCUSD',
    flags: 0,
    ts_event: '1786562924084233010',
    open: '63301.6',
    high: '63301.6',
    low: '63297.7',
    close: '63297.7',
    volume: '0.04121249',
    vwap: '63298.2',
    trades: '27',
    interval_begin: '1786562880000000000',
    interval_s: 60,
  });
});

const PAIR =
  '{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8,' +
  '"qty_increment":1e-08,"price_precision":1,"cost_precision":5,"marginable":true,' +
  '"has_index":true,"cost_min":0.50,"margin_initial":0.10,"position_limit_long":300,' +
  '"tick_size":0.1,"price_increment":0.10,"qty_min":5e-05}';

test('instruments: our pairs, increments in exponent form, the rest left out', () => {
  const decoded = decodeFrame(
    '{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD","status":"enabled"}],' +
      `"pairs":[{"symbol":"EUR/USD","base":"EUR"},${PAIR},{"symbol":"A/B"}]}}`,
  );
  assert.deepEqual(known(only(decoded)), {
    type: 'instrument',
    symbol: 'BTCUSD',
    flags: FLAG.SNAPSHOT,
    base: 'BTC',
    quote: 'USD',
    status: 'online',
    price_increment: '0.10',
    size_increment: '0.00000001',
    size_min: '0.00005',
    cost_min: '0.50',
    price_precision: 1,
    size_precision: 8,
  });
  const older = PAIR.replace(',"price_increment":0.10', '');
  const frame = `{"channel":"instrument","type":"update","data":{"pairs":[${older}]}}`;
  assert.equal(only(decodeFrame(frame))['price_increment'], '0.1');
});

test('what is not ours is ignored by name', () => {
  const reasonOf = (frame: string): [string, string] => {
    const { kind, reason } = decodeFrame(frame);
    return [kind, reason];
  };
  const other = TRADE.replace('BTC/USD', 'DOGE/USD');
  assert.deepEqual(reasonOf(other), ['ignored', 'symbol_not_configured']);
  assert.equal(decodeFrame(other).frame_symbol, -1);
  assert.deepEqual(
    reasonOf(
      '{"channel":"instrument","type":"update","data":{"assets":[{"id":"USD"}],"pairs":[]}}',
    ),
    ['ignored', 'instrument_assets'],
  );
  assert.deepEqual(
    reasonOf('{"channel":"level3","type":"snapshot","data":[{"symbol":"BTC/USD","bids":"x"}]}'),
    ['ignored', 'channel_not_supported:level3'],
  );
  assert.deepEqual(reasonOf('{"channel":"Weird name!","data":[]}'), [
    'ignored',
    'channel_not_supported:other',
  ]);
});

test('in one frame, our markets are kept and the others dropped', () => {
  const element = TRADE.slice(TRADE.indexOf('{"symbol"'), -2);
  const other = element.replace('BTC/USD', 'DOGE/USD').replace('limit', 'm\\u0061rket');
  const frame = `{"channel":"trade","type":"update","data":[${other},${element},${other}]}`;
  const decoded = decodeFrame(frame);
  assert.equal(only(decoded).symbol, 'BTCUSD');
  assert.equal(decoded.frame_symbol, 0);
});

test('heartbeats, pongs and the state of the system are not data', () => {
  assert.equal(decodeFrame('{"channel":"heartbeat"}').kind, 'heartbeat');
  const status = decodeFrame(
    '{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",' +
      '"api_version":"v2","connection_id":769405522530892351}]}',
  );
  assert.deepEqual([status.kind, status.channel, status.reason], ['system', 'status', 'online']);
  const pong = decodeFrame(
    '{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z",' +
      '"time_out":"2023-09-25T09:05:00.123500Z"}',
  );
  assert.deepEqual([pong.kind, pong.request_id, pong.channel], ['pong', '42', null]);
});

test('an acknowledgement names its request, channel and market', () => {
  const ack = decodeFrame(
    '{"method":"subscribe","req_id":7,"result":{"channel":"book","depth":10,"snapshot":true,' +
      '"symbol":"ETH/USDT","warnings":["timestamp is deprecated, use interval_begin"]},' +
      '"success":true,"time_in":"2026-08-16T23:37:04.334090Z"}',
  );
  assert.deepEqual(ack, {
    kind: 'ack',
    channel: 'book',
    frame_symbol: 1,
    frame_sequence: -1,
    subscribed: null,
    reason: 'timestamp is deprecated, use interval_begin',
    request_id: '7',
    at: -1,
    events: [],
  });
  const without = decodeFrame(
    '{"method":"subscribe","result":{"channel":"instrument","snapshot":true},"success":true}',
  );
  assert.deepEqual([without.kind, without.frame_symbol, without.request_id], ['ack', -2, null]);
  const left = decodeFrame(
    '{"method":"unsubscribe","result":{"channel":"book","symbol":"BTC/USD"},"success":true}',
  );
  assert.deepEqual([left.kind, left.reason], ['ack', 'unsubscribe']);
});

test('a refusal says why, and is no acknowledgement', () => {
  const refused = decodeFrame(
    '{"error":"Subscription depth not supported","method":"subscribe","success":false,' +
      '"req_id":9,"symbol":"BTC/USD","time_in":"2026-08-16T23:54:19.629313Z"}',
  );
  assert.deepEqual(
    [refused.kind, refused.reason, refused.request_id, refused.frame_symbol],
    ['refused', 'Subscription depth not supported', '9', 0],
  );
  const rate = decodeFrame('{"Error":"Exceeded msg rate"}');
  assert.deepEqual([rate.kind, rate.reason], ['refused', 'Exceeded msg rate']);
  assert.equal(decodeFrame('{"method":"subscribe","success":false}').kind, 'refused');
});

const element = (text: string): string => TRADE.replace('"price":105944.20', text);

/** [what, frame, code, what the offset points at] */
const REJECTED: readonly (readonly [string, string, string, string | null])[] = [
  ['no price', element('"cost":1'), 'missing_field', '{"symbol"'],
  ['a price in quotes', element('"price":"105944.20"'), 'bad_number', '"105944.20"'],
  ['a price that is null', element('"price":null'), 'bad_number', 'null'],
  ['a negative price', element('"price":-1'), 'negative', '-1'],
  ['a mantissa over int64', element('"price":9223372036854775808'), 'overflow', '9223'],
  ['an exponent out of range', element('"price":1e64'), 'overflow', '1e64'],
  ['digits with a leading zero', element('"price":01'), 'bad_json', null],
  ['a number cut short', element('"price":1.'), 'bad_json', null],
  ['no symbol', TRADE.replace('"symbol":"BTC/USD",', ''), 'missing_field', '{"side"'],
  ['a side unknown', TRADE.replace('"buy"', '"both"'), 'bad_side', 'both"'],
  ['a side that is no text', TRADE.replace('"buy"', '1'), 'bad_text', '1,"price"'],
  ['a trade id with a fraction', TRADE.replace('10218208', '1.0'), 'bad_integer', '1.0'],
  ['a trade id with an exponent', TRADE.replace('10218208', '1E0'), 'bad_integer', '1E0'],
  ['a time of another zone', TRADE.replace('295Z', '295+01:00'), 'bad_timestamp', '2023-'],
  ['a day that is none', TRADE.replace('10-06T', '13-06T'), 'bad_timestamp', '2023-'],
  ['a time beyond u64 ns', TRADE.replace('2023-10', '2555-10'), 'bad_timestamp', '2555-'],
  ['an unknown type', TRADE.replace('"update"', '"delta"'), 'bad_type', 'delta"'],
  ['no type', TRADE.replace('"type":"update",', ''), 'missing_field', '{'],
  ['no data', '{"channel":"book","type":"update"}', 'missing_field', '{'],
  ['data twice', TRADE.replace(/}$/, ',"data":[]}'), 'duplicate_key', '[]}'],
  ['channel twice', TRADE.replace(/}$/, ',"channel":"book"}'), 'duplicate_key', 'book"}'],
  ['data that is no list', '{"channel":"book","type":"update","data":7}', 'bad_json', '7}'],
  [
    'a level without a quantity',
    BOOK.replace(',"qty":0.79607759', ''),
    'missing_field',
    '{"price":62808.0}',
  ],
  ['an array', '[1,2]', 'not_object', '[1,2]'],
  ['an object of nothing', '{}', 'unknown_shape', '{}'],
  ['text', 'hello', 'bad_json', null],
  ['nothing', '', 'bad_json', null],
  ['a frame cut short', TRADE.slice(0, -1), 'bad_json', null],
  ['two frames', `${TRADE}{}`, 'bad_json', null],
];

for (const [what, frame, code, points_at] of REJECTED) {
  test(`rejected: ${what}`, () => {
    const decoded = decodeFrame(frame);
    assert.deepEqual([decoded.kind, decoded.reason, decoded.events], ['rejected', code, []]);
    assert.ok(decoded.at >= 0 && decoded.at <= frame.length, `offset ${decoded.at}`);
    if (points_at !== null)
      assert.ok(frame.slice(decoded.at).startsWith(points_at), frame.slice(decoded.at));
  });
}

test('one bad element takes its whole frame with it', () => {
  const good = TRADE.slice(TRADE.indexOf('{"symbol"'), -2);
  const bad = good.replace('105944.20', '"x"');
  const decoded = decodeFrame(`{"channel":"trade","type":"update","data":[${good},${bad}]}`);
  assert.deepEqual([decoded.kind, decoded.reason, decoded.events], ['rejected', 'bad_number', []]);
});

test('texts of the venue are kept as UTF-8, escaped or not', () => {
  const kind = (text: string): unknown =>
    only(decodeFrame(TRADE.replace('"limit"', `"${text}"`)))['order_type'];
  assert.equal(kind('stop\\u002dloss'), 'stop-loss');
  assert.equal(kind('größe'), 'größe');
  assert.equal(only(decodeFrame(TRADE.replace('BTC/USD', 'BTC\\/USD'))).symbol, 'BTCUSD');
  const bytes = new TextEncoder().encode(TRADE);
  bytes[TRADE.indexOf('limit')] = 0xff;
  assert.equal(only(decodeFrame(bytes))['order_type'], '\ufffdimit');
});
