/** What is wrong with a Bybit frame that is wrong: a code, and where. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CANDLE, LIQUIDATION, TICKER, TRADE, decodeFrame, frame } from '../support/bybit-frames.ts';

describe('rejections', () => {
  const book = { s: 'BTCUSDT', b: [], a: [], u: 7, seq: 3 };
  const update = (data: object, rest: object = { type: 'delta' }): string =>
    frame('orderbook.50.BTCUSDT', data, rest);
  const trade = (fields: object): string => frame('publicTrade.BTCUSDT', [{ ...TRADE, ...fields }]);
  const candle = (fields: object): string => frame('kline.1.BTCUSDT', [{ ...CANDLE, ...fields }]);
  const forced = (fields: object): string =>
    frame('allLiquidation.BTCUSDT', [{ ...LIQUIDATION, ...fields }]);
  const ticker = (fields: object): string => frame('tickers.BTCUSDT', { ...TICKER, ...fields });
  const none = undefined;
  const CASES: readonly (readonly [reason: string, frame: string, at?: string])[] = [
    ['bad_json', '{"topic":"tickers.BTCUSDT"'],
    ['bad_json', ''],
    ['bad_json', 'pong'],
    ['bad_json', `${trade({ S: 'x' })}}`],
    ['not_object', '[1,2]'],
    ['unknown_shape', '{"a":"x"}'],
    ['missing_field', '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1}'],
    ['missing_field', '{"op":"subscribe","req_id":"1"}'],
    ['missing_field', update(book, { type: none })],
    ['missing_field', update(book, { type: 'delta', ts: none })],
    ['missing_field', candle({}).replace('"ts"', '"tz"')],
    ['bad_type', update(book, { type: 'partial' }), 'partial'],
    ['unexpected_shape', update({ ...book, b: {} }), '{},"a"'],
    ['unexpected_shape', '{"topic":"tickers.BTCUSDT","data":1}', '1}'],
    ['missing_field', update({ ...book, a: none })],
    ['missing_field', update({ ...book, u: none })],
    ['missing_field', update({ ...book, b: [['1']] })],
    ['missing_field', update({ ...book, b: [[]] })],
    ['bad_number', update({ ...book, b: [[1, '2']] }), '1,"2"'],
    ['bad_number', update({ ...book, b: [['x', '2']] }), '"x"'],
    ['negative', update({ ...book, b: [['1', '-2']] }), '-2"'],
    ['overflow', update({ ...book, b: [['12345678901234567890', '1']] }), '123'],
    ['bad_integer', update({ ...book, u: 1.5 }), '1.5'],
    ['bad_integer', update({ ...book, u: -7 }), '-7'],
    ['bad_integer', update({ ...book, seq: 'x' }), '"x"'],
    ['bad_symbol', update({ ...book, s: 'ETHUSDT' }), 'ETHUSDT'],
    ['bad_time', update(book, { type: 'delta', ts: 1.5 }), '1.5'],
    ['bad_time', update(book, { type: 'delta', cts: 1672304486868000000 }), '16723'],
    ['missing_field', trade({ S: none })],
    ['missing_field', trade({ i: none })],
    ['bad_side', trade({ S: 'buy' }), 'buy'],
    ['bad_text', trade({ S: 1 }), '1,"v"'],
    ['bad_text', trade({ i: '' })],
    ['bad_text', trade({ i: 'x'.repeat(65) }), 'xxx'],
    ['bad_flag', trade({ BT: 'no' }), '"no"'],
    ['bad_symbol', trade({ s: 'ETHUSDT' }), 'ETHUSDT'],
    ['bad_time', trade({ T: '1.5' }), '"1.5'],
    ['missing_field', frame('orderbook.1.BTCUSDT', { ...book, b: [['1']] })],
    ['missing_field', ticker({ symbol: none })],
    ['bad_symbol', ticker({ symbol: 'ETHUSDT' }), 'ETHUSDT'],
    ['negative', ticker({ lastPrice: '-1' }), '-1"'],
    ['missing_field', candle({ confirm: none })],
    ['bad_flag', candle({ confirm: null }), 'null'],
    ['bad_interval', candle({ interval: '5' }), '5"'],
    ['missing_field', forced({ v: none })],
    ['duplicate_key', forced({ side: 'Buy' })],
    ['duplicate_key', '{"topic":"a.b","topic":"a.b"}'],
    ['duplicate_key', update(book).replace('"seq":3', '"seq":3,"seq":4')],
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
