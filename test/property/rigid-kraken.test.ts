/** Kraken's rigid reader of tickers and trades against its plain twin: the same frame says the same to both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { simulated } from '../../bench/frames.ts';
import { decode, decodeGeneric } from '../../connectors/kraken/decode.ts';
import { decodeRigid } from '../../connectors/kraken/rigid-channels.ts';
import { SYMBOLS } from '../support/kraken-frames.ts';
import { holdTwins, id, leftByRigid, mostly, signed } from '../support/rigid-twins.ts';

const market = fc.constantFrom(
  'BTC/USD',
  'ETH/USDT',
  'BTC/USD',
  'BTC/USD',
  'DOGE/USD',
  'BTC\\/USD',
);
const time = fc.oneof(
  { weight: 9, arbitrary: fc.nat(9).map((second) => `2026-08-16T23:37:0${second}.815233Z`) },
  fc.constantFrom(
    ...['2026-08-16T23:37:05Z', '2026-08-12T19:28:44.084233010Z', '1999-12-31T00:00:00.000000Z'],
    ...['2026-02-30T00:00:00.000000Z', '2200-01-01T00:00:00.000000Z', ''],
  ),
);
const type = fc.constantFrom('update', 'update', 'update', 'update', 'snapshot', 'other');
const NAMES = ['bid', 'bid_qty', 'ask', 'ask_qty', 'last', 'volume', 'vwap', 'low', 'high'];
const ticker = mostly((amount) => {
  const value = fc.oneof({ weight: 20, arbitrary: amount }, fc.constantFrom('0', '0.00', 'null'));
  const values = fc.array(value, { minLength: NAMES.length, maxLength: NAMES.length });
  const ending = fc.tuple(id, time).chain(([trades, at]) => {
    const [counted, timed] = [`,"trades":${trades}`, `,"timestamp":"${at}"`];
    return fc.constantFrom('', counted, timed, `${counted}${timed}`, `${counted}${timed}`);
  });
  return fc
    .tuple(type, market, values, fc.tuple(signed, signed), ending)
    .map(([kind, name, list, [change, percent], rest]) => {
      const fields = NAMES.map((field, at) => `,"${field}":${list[at]}`).join('');
      return `{"channel":"ticker","type":"${kind}","data":[{"symbol":"${name}"${fields},"change":${change},"change_pct":${percent}${rest}}]}`;
    });
});
const trades = mostly((amount) =>
  fc
    .tuple(
      ...[type, market],
      fc.array(
        fc.tuple(
          fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, market),
          fc.constantFrom('buy', 'sell', 'buy', 'sell', 'Buy'),
          ...[amount, amount],
          fc.constantFrom('limit', 'market', 'limit', 'market', 'stop', ''),
          ...[id, time],
        ),
        { maxLength: 3 },
      ),
    )
    .map(([kind, name, list]) => {
      const rows = list.map(
        ([other, side, price, qty, order, number, at]) =>
          `{"symbol":"${other ?? name}","side":"${side}","price":${price},"qty":${qty},"ord_type":"${order}","trade_id":${number},"timestamp":"${at}"}`,
      );
      return `{"channel":"trade","type":"${kind}","data":[${rows.join()}]}`;
    }),
);

for (const [name, frames] of Object.entries({ ticker, trades })) {
  test(`Kraken's ${name}: a frame says the same to both, whatever it looks like`, () => {
    holdTwins(decode, decodeGeneric, SYMBOLS, frames, 4_000);
  });
}

test('the rigid reader takes every such update that the simulated venue sends', () => {
  const externals = SYMBOLS.symbols.map(({ external }) => external);
  const frames = simulated('kraken', externals, { frames: 2_000, rate: 20 });
  const updates = frames.filter((it) => /^\{"channel":"t(icker|rade)","type":"update"/.test(it));
  assert.ok(updates.length > 500);
  assert.deepEqual(leftByRigid(decodeRigid, SYMBOLS, updates), []);
});
