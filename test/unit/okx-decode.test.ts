/** OKX frames, one by one: what each channel becomes, and what is wrong with what is wrong. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeFrame } from '../support/okx-frames.ts';
import type { Decoded } from '../support/frames.ts';

const frame = (channel: string, element: unknown, market = 'BTC-USDT', rest = {}): string =>
  JSON.stringify({ arg: { channel, instId: market }, ...rest, data: [element] });
const only = (decoded: Decoded) => {
  assert.equal(decoded.kind, 'data', decoded.reason);
  assert.equal(decoded.events.length, 1);
  return decoded.events[0] ?? assert.fail();
};

const TRADE = {
  instId: 'BTC-USDT-SWAP',
  tradeId: '2978601964',
  px: '83725.9',
  sz: '5.20',
  side: 'buy',
  ts: '1791369350776',
  count: '3',
  source: '0',
  seqId: 344430848209,
};

describe('channels', () => {
  test('books: levels with the wire’s digits, both ids, signed checksum', () => {
    const book = {
      asks: [['83725.90', '1712.41', '0', '92']],
      bids: [
        ['83725.8', '7.69', '0', '5'],
        ['83725.1', '0', '0', '0'],
      ],
      ts: '1791369351001',
      checksum: -855196043,
      seqId: 344430849237,
      prevSeqId: 344430848984,
    };
    const decoded = decodeFrame(frame('books', book, 'BTC-USDT-SWAP', { action: 'update' }));
    assert.deepEqual(
      [decoded.channel, decoded.frame_symbol, decoded.request_id],
      ['books', 1, null],
    );
    assert.deepEqual(only(decoded), {
      type: 'book',
      symbol: 'BTCUSDT-PERP',
      flags: 0,
      ts_event: '1791369351001000000',
      sequence: '344430849237',
      depth: null,
      checksum: 2 ** 32 - 855196043,
      first_sequence: null,
      prev_sequence: '344430848984',
      part: null,
      parts: null,
      bids: ['83725.8 7.69', '83725.1 0'],
      asks: ['83725.90 1712.41'],
    });
  });

  test('books: a snapshot says so; -1 is no id, a checksum of 0 is none', () => {
    const book = { asks: [], bids: [], ts: '1', checksum: 0, seqId: 7, prevSeqId: -1 };
    const event = only(decodeFrame(frame('books', book, 'BTC-USDT', { action: 'snapshot' })));
    assert.deepEqual(
      [event.flags, event.sequence, event['prev_sequence'], event['checksum']],
      [1, '7', null, null],
    );
  });

  test('bbo-tbt: a quote; a side that is empty is absent', () => {
    const bbo = { asks: [['8476.98', '415', '0', '13']], bids: [], ts: '1597026383085', seqId: 5 };
    assert.deepEqual(only(decodeFrame(frame('bbo-tbt', bbo))), {
      type: 'quote',
      symbol: 'BTCUSDT',
      flags: 0,
      ts_event: '1597026383085000000',
      sequence: '5',
      bid_price: null,
      bid_size: null,
      ask_price: '8476.98',
      ask_size: '415',
    });
  });

  test('trades: side is the taker’s as it stands, not turned round', () => {
    for (const side of ['buy', 'sell']) {
      assert.deepEqual(only(decodeFrame(frame('trades', { ...TRADE, side }, 'BTC-USDT-SWAP'))), {
        type: 'trade',
        symbol: 'BTCUSDT-PERP',
        flags: 0,
        ts_event: '1791369350776000000',
        sequence: '344430848209',
        price: '83725.9',
        size: '5.20',
        side,
        trade_id: '2978601964',
        order_type: null,
        first_trade_id: null,
        last_trade_id: null,
      });
    }
  });

  test('trades: every element of a message', () => {
    const both = { arg: { channel: 'trades', instId: 'BTC-USDT' }, data: [TRADE, TRADE] };
    assert.equal(decodeFrame(JSON.stringify(both)).events.length, 2);
  });

  test('tickers: currency volume is quote currency on spot only; none is not zero', () => {
    const ticker = {
      instType: 'SPOT',
      instId: 'BTC-USDT',
      last: '9999.99',
      lastSz: '0.1',
      askPx: '',
      askSz: '0',
      bidPx: '8888.88',
      bidSz: '5',
      open24h: '9000',
      high24h: '10000',
      low24h: '8888.88',
      sodUtc0: '2222',
      sodUtc8: '2222',
      volCcy24h: '3333',
      vol24h: '2222',
      ts: '1597026383085',
    };
    const event = only(decodeFrame(frame('tickers', ticker)));
    assert.deepEqual(event, {
      type: 'ticker',
      symbol: 'BTCUSDT',
      flags: 0,
      ts_event: '1597026383085000000',
      sequence: null,
      last_price: '9999.99',
      last_size: '0.1',
      bid_price: '8888.88',
      bid_size: '5',
      ask_price: null,
      ask_size: null,
      volume: '2222',
      quote_volume: '3333',
      vwap: null,
      open: '9000',
      high: '10000',
      low: '8888.88',
      change: null,
      change_percent: null,
      trades: null,
    });
    const swap = { ...ticker, instType: 'SWAP', instId: 'BTC-USDT-SWAP' };
    const other = only(decodeFrame(frame('tickers', swap, 'BTC-USDT-SWAP')));
    assert.deepEqual([other['volume'], other['quote_volume']], ['2222', null]);
  });

  test('candles: the bar’s length by the channel’s name; confirm is closed', () => {
    const row = ['1597026360000', '8533.02', '8553.74', '8527.17', '8548.26', '45', '52', '5529'];
    const event = only(decodeFrame(frame('candle1m', [...row, '1'])));
    assert.deepEqual(event, {
      type: 'ohlc',
      symbol: 'BTCUSDT',
      flags: 0,
      ts_event: null,
      sequence: null,
      open: '8533.02',
      high: '8553.74',
      low: '8527.17',
      close: '8548.26',
      volume: '45',
      vwap: null,
      quote_volume: '5529',
      trades: null,
      interval_begin: '1597026360000000000',
      interval_s: 60,
      closed: 1,
    });
    for (const [name, seconds] of [
      ['candle1s', 1],
      ['candle4H', 14_400],
      ['candle1Dutc', 86_400],
      ['candle1Mutc', null],
    ] as const) {
      const other = only(decodeFrame(frame(name, [...row, '0'])));
      assert.deepEqual([other['interval_s'], other['closed']], [seconds, 0], name);
    }
    const old = only(decodeFrame(frame('candle1m', row.slice(0, 7))));
    assert.deepEqual([old['quote_volume'], old['closed']], [null, null]);
  });

  test('funding-rate: the rate, and when it is settled', () => {
    const funding = {
      fundingRate: '-0.0001875391284828',
      fundingTime: '1700726400000',
      instId: 'BTC-USDT-SWAP',
      instType: 'SWAP',
      nextFundingRate: '',
      nextFundingTime: '1700755200000',
      ts: '1700724675402',
    };
    assert.deepEqual(only(decodeFrame(frame('funding-rate', funding, 'BTC-USDT-SWAP'))), {
      type: 'mark',
      symbol: 'BTCUSDT-PERP',
      flags: 0,
      ts_event: '1700724675402000000',
      sequence: null,
      mark_price: null,
      index_price: null,
      settle_price: null,
      funding_rate: '-0.0001875391284828',
      next_funding: '1700726400000000000',
    });
  });

  test('keys in any order, spacing and escapes change nothing', () => {
    const plain = frame('trades', TRADE, 'BTC-USDT-SWAP');
    const { arg, data } = JSON.parse(plain) as { arg: unknown; data: unknown };
    const turned = JSON.stringify({ data, arg }, null, 1)
      .replace('"trades"', String.raw`"tr\u0061des"`)
      .replaceAll('BTC-USDT-SWAP', String.raw`BTC\u002dUSDT-SWAP`)
      .replace('"buy"', String.raw`"bu\u0079"`);
    assert.deepEqual(decodeFrame(turned).events, decodeFrame(plain).events);
    const book = { asks: [], bids: [], ts: '1', seqId: 7, prevSeqId: -1 };
    const late = {
      data: [book],
      action: 'snapshot',
      arg: { instId: 'BTC-USDT', channel: 'books' },
    };
    assert.equal(only(decodeFrame(JSON.stringify(late))).flags, 1);
  });
});

describe('answers and notices', () => {
  const outcome = ({ kind, channel, frame_symbol, reason, request_id }: Decoded) => {
    return [kind, channel, frame_symbol, reason, request_id];
  };
  const arg = { channel: 'books', instId: 'BTC-USDT-SWAP' };

  test('an acknowledgement names its request, channel and market', () => {
    const ack = JSON.stringify({ id: '1512', event: 'subscribe', arg, connId: 'bfcb4b8e' });
    assert.deepEqual(outcome(decodeFrame(ack)), ['ack', 'books', 1, '', '1512']);
    const gone = JSON.stringify({ event: 'unsubscribe', arg });
    assert.deepEqual(outcome(decodeFrame(gone)), ['ack', 'books', 1, 'unsubscribe', null]);
  });

  test('an error names its channel and market in words only, and they are read', () => {
    for (const words of [
      "Wrong URL or channel:books,instId:BTC-USDT-SWAP doesn't exist. Please use the correct URL.",
      "channel:books,instId:BTC-USDT-SWAP doesn't exist",
      "Subscribe failed, wrong URL or channel:books,instId:BTC-USDT-SWAP doesn't exist.",
    ]) {
      const error = JSON.stringify({ event: 'error', msg: words, code: '60018', id: '3' });
      const expected = ['refused', 'books', 1, `60018: ${words}`, '3'];
      assert.deepEqual(outcome(decodeFrame(error)), expected);
    }
    const bare = JSON.stringify({ event: 'error', msg: 'Illegal request: x', code: '60012' });
    assert.deepEqual(outcome(decodeFrame(bare)), [
      'refused',
      null,
      -2,
      '60012: Illegal request: x',
      null,
    ]);
  });

  test('too many connections of a channel are a refusal, a notice is about the system', () => {
    const full = { event: 'channel-conn-count-error', channel: 'books', connCount: '30' };
    assert.equal(decodeFrame(JSON.stringify(full)).kind, 'refused');
    const notice = { event: 'notice', code: '64008', msg: 'soon be closed', connId: 'a4d3ae55' };
    const said = outcome(decodeFrame(JSON.stringify(notice)));
    assert.deepEqual(said, ['system', null, -2, '64008: soon be closed', null]);
  });

  test('the word pong is a pong and no data; other words are not', () => {
    const { kind, events } = decodeFrame('pong');
    assert.deepEqual([kind, events.length], ['pong', 0]);
    for (const word of ['ping', 'pon', 'pongs', '"pong"']) {
      assert.equal(decodeFrame(word).kind, 'rejected', word);
    }
  });

  test('what is not supported is ignored by name', () => {
    const ignored = (text: string): string => decodeFrame(text).reason;
    assert.equal(ignored(frame('mark-price', {})), 'channel_not_supported:mark-price');
    assert.equal(ignored(frame('books5', {})), 'channel_not_supported:books5');
    assert.equal(ignored(frame('no name!', {})), 'channel_not_supported:other');
    assert.equal(ignored('{"event":"login","code":"0"}'), 'event_not_supported:login');
    assert.equal(ignored('{"event":"?"}'), 'event_not_supported:other');
    assert.equal(ignored(frame('trades', { ...TRADE, instId: 'X' })), 'symbol_not_configured');
    const book = { asks: [], bids: [], ts: '1' };
    const other = frame('books', book, 'ETH-USDT', { action: 'update' });
    assert.equal(ignored(other), 'symbol_not_configured');
  });
});

describe('rejections', () => {
  const book = { asks: [], bids: [], ts: '1', seqId: 7, prevSeqId: 3 };
  const update = (element: object): string =>
    frame('books', element, 'BTC-USDT', { action: 'update' });
  const candle = ['1', '1', '1', '1', '1', '1', '1', '1', '1'];
  const without = (element: object, key: string) => {
    return Object.fromEntries(Object.entries(element).filter(([name]) => name !== key));
  };
  const CASES: readonly (readonly [reason: string, frame: string, at?: string])[] = [
    ['bad_json', '{"arg":{"channel":"books"'],
    ['bad_json', ''],
    ['bad_json', `${frame('trades', { ...TRADE, side: 'x' })}}`],
    ['not_object', '[1,2]'],
    ['unknown_shape', '{"op":"x"}'],
    ['missing_field', '{"arg":{"instId":"BTC-USDT"},"data":[]}'],
    ['missing_field', '{"arg":{"channel":"trades","instId":"BTC-USDT"}}'],
    ['missing_field', frame('books', book)],
    ['bad_action', frame('books', book, 'BTC-USDT', { action: 'partial' }), 'partial'],
    ['unexpected_shape', '{"arg":[],"data":[]}', '['],
    ['unexpected_shape', update({ ...book, bids: {} }), '{},"ts"'],
    ['missing_field', update(without(book, 'asks'))],
    ['missing_field', update(without(book, 'ts'))],
    ['missing_field', update({ ...book, bids: [['1']] })],
    ['missing_field', update({ ...book, bids: [[]] })],
    ['bad_number', update({ ...book, bids: [[1, '2']] }), '1,"2"'],
    ['bad_number', update({ ...book, bids: [['x', '2']] }), '"x"'],
    ['negative', update({ ...book, bids: [['1', '-2']] }), '-2"'],
    ['overflow', update({ ...book, bids: [['12345678901234567890', '1']] }), '123'],
    ['bad_integer', update({ ...book, checksum: 1.5 }), '1.5'],
    ['bad_integer', update({ ...book, checksum: 4294967295 }), '42949'],
    ['bad_integer', update({ ...book, seqId: -7 }), '-7'],
    ['bad_integer', update({ ...book, prevSeqId: -2 }), '-2'],
    ['bad_integer', update({ ...book, seqId: 'x' }), '"x"'],
    ['bad_time', update({ ...book, ts: '1.5' }), '"1.5'],
    ['bad_time', update({ ...book, ts: '1791369351001000000' }), '"17913'],
    ['missing_field', frame('trades', without(TRADE, 'side'))],
    ['missing_field', frame('trades', without(TRADE, 'tradeId'))],
    ['bad_side', frame('trades', { ...TRADE, side: 'BUY' }), 'BUY'],
    ['bad_text', frame('trades', { ...TRADE, side: 1 }), '1,"ts"'],
    ['bad_integer', frame('trades', { ...TRADE, tradeId: 'a1' }), '"a1'],
    ['missing_field', frame('bbo-tbt', { asks: [], ts: '1' })],
    ['missing_field', frame('bbo-tbt', { asks: [['1']], bids: [], ts: '1' })],
    ['missing_field', frame('tickers', { instId: 'BTC-USDT' })],
    ['missing_field', frame('candle1m', candle.slice(0, 6))],
    ['bad_flag', frame('candle1m', [...candle.slice(0, 8), '2']), '2"]'],
    ['missing_field', frame('funding-rate', { fundingTime: '1', instId: 'BTC-USDT' })],
    ['duplicate_key', '{"arg":{},"arg":{}}'],
    ['duplicate_key', update(book).replace('"seqId":7', '"seqId":7,"seqId":8')],
  ];
  for (const [reason, text, at] of CASES) {
    test(`${reason}: ${text.slice(0, 110)}`, () => {
      const decoded = decodeFrame(text);
      assert.deepEqual([decoded.kind, decoded.reason], ['rejected', reason]);
      assert.equal(decoded.events.length, 0);
      if (at !== undefined) assert.equal(text.slice(decoded.at, decoded.at + at.length), at);
    });
  }
});
