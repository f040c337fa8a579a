/** Bybit's rigid reader against its plain twin: the same frame, odd or not, says the same to both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { simulated } from '../../bench/frames.ts';
import { decodeGeneric } from '../../connectors/bybit-linear/decode.ts';
import { decodeRigid } from '../../connectors/bybit-linear/rigid-frames.ts';
import { SYMBOLS } from '../support/bybit-frames.ts';
import { holdTwins, id, leftByRigid, mostly, ms, rigidOr, signed } from '../support/rigid-twins.ts';

const market = fc.constantFrom(
  'BTCUSDT',
  'ETHUSDT',
  'BTCUSDT',
  'BTCUSDT',
  'DOGEUSDT',
  'BTC\\/',
  '',
);
/** The topic's market and, mostly the same, the element's. */
const markets = fc.tuple(market, fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, market));
const type = fc.constantFrom('delta', 'snapshot', 'delta', 'snapshot', 'delta', 'update');
const levels = mostly((amount) =>
  fc
    .array(fc.tuple(amount, amount), { maxLength: 3 })
    .map((list) => list.map(([price, size]) => `["${price}","${size}"]`).join()),
);
const book = fc
  .tuple(
    fc.constantFrom('1', '50', '200', '500', '1000', '1', '25'),
    fc.tuple(markets, type, fc.oneof(fc.constant('1'), id, id), id),
    ...[levels, levels, ms, ms],
  )
  .map(([depth, [[own, other], kind, update, sequence], bids, asks, ts, cts]) => {
    const data = `{"s":"${other ?? own}","b":[${bids}],"a":[${asks}],"u":${update},"seq":${sequence}}`;
    return `{"topic":"orderbook.${depth}.${own}","type":"${kind}","ts":${ts},"data":${data},"cts":${cts}}`;
  });
const uuid = fc.oneof(
  { weight: 9, arbitrary: fc.uuid() },
  fc.constantFrom('', 'x'.repeat(64), 'x'.repeat(65), '\\u0041', '\u20ac'),
);
const trades = mostly((amount) =>
  fc
    .tuple(
      markets,
      fc.array(
        fc.record({
          amounts: fc.tuple(amount, amount),
          ...{ ms, uuid, id },
          side: fc.constantFrom('Buy', 'Sell', 'Buy', 'Sell', 'buy'),
          rest: fc.constantFrom(',"seq":', ',"RPI":false,"seq":', ',"RPI":true,"seq":', ''),
          block: fc.constantFrom('false', 'false', 'false', 'true', '0'),
        }),
        { minLength: 0, maxLength: 3 },
      ),
      ms,
    )
    .map(([[own, other], list, ts]) => {
      const rows = list.map((of) => {
        const [size, price] = of.amounts;
        const rest = of.rest === '' ? '' : `${of.rest}${of.id}`;
        return `{"T":${of.ms},"s":"${other ?? own}","S":"${of.side}","v":"${size}","p":"${price}","L":"PlusTick","i":"${of.uuid}","BT":${of.block}${rest}}`;
      });
      return `{"topic":"publicTrade.${own}","type":"snapshot","ts":${ts},"data":[${rows.join()}]}`;
    }),
);
const NAMES = [
  ...['tickDirection', 'price24hPcnt', 'lastPrice', 'prevPrice24h', 'highPrice24h', 'lowPrice24h'],
  ...['prevPrice1h', 'markPrice', 'indexPrice', 'openInterest', 'openInterestValue', 'turnover24h'],
  ...['volume24h', 'fundingIntervalHour', 'fundingCap', 'nextFundingTime', 'fundingRate'],
  ...['bid1Price', 'bid1Size', 'ask1Price', 'ask1Size', 'preOpenPrice', 'preQty'],
];
/** A part of the fields in their order, mostly. */
const named = fc.oneof(
  { weight: 6, arbitrary: fc.subarray(NAMES) },
  { weight: 2, arbitrary: fc.constant(NAMES) },
  { weight: 3, arbitrary: fc.subarray(['markPrice', 'indexPrice', 'bid1Price', 'ask1Size']) },
  fc.shuffledSubarray(NAMES),
  fc.subarray([...NAMES, 'lastPrice', 'basis']),
);
const ticker = mostly((amount) => {
  const value = (name: string): fc.Arbitrary<string> => {
    if (name === 'nextFundingTime') return fc.oneof(ms, fc.constant('0'));
    const own = name === 'price24hPcnt' || name === 'fundingRate' ? signed : amount;
    return fc.oneof({ weight: 30, arbitrary: own }, fc.constantFrom('0', '0.00', '', '-1'));
  };
  const fields = named.chain((names) =>
    fc.tuple(...names.map((name) => value(name).map((of) => `,"${name}":"${of}"`))),
  );
  return fc.tuple(markets, type, fields, id, ms).map(([[own, other], kind, list, cs, ts]) => {
    const data = `{"symbol":"${other ?? own}"${list.join('')}}`;
    return `{"topic":"tickers.${own}","type":"${kind}","data":${data},"cs":${cs},"ts":${ts}}`;
  });
});

for (const [name, frames] of Object.entries({ book, trades, ticker })) {
  test(`Bybit's ${name}: a frame says the same to both, whatever it looks like`, () => {
    holdTwins(rigidOr(decodeRigid, decodeGeneric), decodeGeneric, SYMBOLS, frames, 4_000);
  });
}

test('the rigid reader takes the bulk of what the simulated venue sends', () => {
  const externals = SYMBOLS.symbols.map(({ external }) => external);
  const frames = simulated('bybit-linear', externals, { frames: 3_000, rate: 20 });
  const bulk = frames.filter((frame) => /^\{"topic":"(orderbook|publicTrade|tickers)/.test(frame));
  assert.ok(bulk.length > 2_500);
  assert.deepEqual(leftByRigid(decodeRigid, SYMBOLS, bulk), []);
});

test('the rigid reader takes what the documentation shows of today', () => {
  const frames = [
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,"RPI":false,"seq":1783284617}]}',
    '{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","tickDirection":"MinusTick","price24hPcnt":"-0.158315","lastPrice":"66666.60","prevPrice24h":"79206.20","highPrice24h":"79266.30","lowPrice24h":"65076.90","prevPrice1h":"66666.60","markPrice":"66666.60","indexPrice":"115418.19","openInterest":"492373.72","openInterestValue":"32824881841.75","turnover24h":"4936790807.6521","volume24h":"73191.3870","fundingIntervalHour":"8","fundingCap":"0.005","nextFundingTime":"1760342400000","fundingRate":"-0.005","bid1Price":"66666.60","bid1Size":"23789.165","ask1Price":"66666.70","ask1Size":"23775.469","preOpenPrice":"","preQty":"","curPreListingPhase":""},"cs":9532239429,"ts":1760325052630}',
  ];
  assert.deepEqual(leftByRigid(decodeRigid, SYMBOLS, frames), []);
});
