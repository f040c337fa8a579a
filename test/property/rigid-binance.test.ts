/** The rigid reader of Binance's streams against its plain twin, and that it takes what the venue sends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recorded, simulated } from '../../bench/frames.ts';
import { decodeBinanceUsdm, decodeGeneric } from '../../connectors/binance-usdm/decode.ts';
import { decodeBulk } from '../../connectors/binance-usdm/rigid-streams.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { SYMBOLS } from '../support/binance-frames.ts';
import { holdTwins, leftByRigid, mostly } from '../support/rigid-twins.ts';

/** Mostly `usual`, now and then one of `rare`. */
function often(usual: fc.Arbitrary<string>, ...rare: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 19, arbitrary: usual }, fc.constantFrom(...rare));
}

const amount = mostly((it) => it);
const market = often(fc.constantFrom('BTCUSDT', 'BNBUSDT'), 'NONEUSDT', '', 'BTC\\u0055SDT');
const ms = often(
  fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }).map(String),
  ...['0', '1', '999999999999', '10000000000000', '17592186044416', '18446744073710'],
  ...['0123456789012', '1723161256.13', '172316125631e1', '-172316125631', '"1723161256313"'],
  ...['172316125631:', '17231612563/0', '172316 256313'],
);
const id = often(
  fc.nat(Number.MAX_SAFE_INTEGER).map((value) => String(Math.floor(value / 2 ** (value % 40)))),
  ...['0', '00', '-0', '1.0', '1e3', '999999999999999', '1000000000000000', '9223372036854775808'],
  ...['-5', 'null', '"7"', '4294967295', '4294967296'],
);
const flag = often(fc.constantFrom('true', 'false'), 'null', '1', 'True', 'fals');
const levels = mostly((of) =>
  fc
    .array(fc.tuple(of, of), { maxLength: 3 })
    .map((list) => list.map(([price, size]) => `["${price}","${size}"]`).join(',')),
);

/** `{}` of the template filled in turn. */
function filled(
  template: string,
  ...values: readonly fc.Arbitrary<string>[]
): fc.Arbitrary<string> {
  const parts = template.split('{}');
  assert.equal(parts.length, values.length + 1);
  return fc
    .tuple(...values)
    .map((texts) => parts.map((part, at) => part + (texts[at] ?? '')).join(''));
}

/** In the wrapper of a combined stream of this name. */
function wrapped(name: string, data: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return data.map((text) => `{"stream":"${name}","data":${text}}`);
}

const quote = filled(
  '{"e":"bookTicker","u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}","T":{},"E":{}}',
  ...[id, market, amount, amount, amount, amount, ms, ms],
);
const trade = filled(
  '{"e":"trade","E":{},"T":{},"s":"{}","t":{},"p":"{}","q":"{}","X":"{}","m":{}}',
  ...[ms, ms, market, id, amount, amount],
  ...[often(fc.constant('MARKET'), 'INSURANCE_FUND', 'ADL', ''), flag],
);
const aggregate = filled(
  '{"e":"aggTrade","E":{},"a":{},"s":"{}","p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{}}',
  ...[ms, id, market, amount, amount, id, id, ms, flag],
);
const depth = filled(
  '{"e":"depthUpdate","E":{},"T":{},"s":"{}","U":{},"u":{},"pu":{},"b":[{}],"a":[{}]}',
  ...[ms, ms, market, id, id, id, levels, levels],
);
const rate = fc
  .tuple(fc.constantFrom('', '', '-', '+'), amount)
  .map(([sign, text]) => `${sign}${text}`);
const mark = filled(
  '{"e":"markPriceUpdate","E":{},"s":"{}","p":"{}","i":"{}","P":"{}","r":"{}","T":{}}',
  ...[ms, market, amount, amount, amount, often(rate, ''), ms],
);

const streams: Readonly<Record<string, fc.Arbitrary<string>>> = {
  quotes: wrapped('btcusdt@bookTicker', quote),
  trades: wrapped('btcusdt@trade', trade),
  aggregates: wrapped('btcusdt@aggTrade', aggregate),
  'mark prices': wrapped('btcusdt@markPrice@1s', mark),
  'books, diffs and partial ones': fc
    .constantFrom(
      '',
      '',
      '@100ms',
      '20@100ms',
      '5',
      '1000',
      '0',
      '05@0ms',
      '10000',
      '@100"ms',
      '1x',
    )
    .chain((speed) => wrapped(`btcusdt@depth${speed}`, depth)),
  'payloads below another name': fc
    .tuple(
      fc.constantFrom('bookTicker', 'trade', 'aggTrade', 'depth', 'markPrice', 'b', '', 'a@depth5'),
      fc.oneof(quote, trade, aggregate, depth, mark),
    )
    .chain(([name, data]) => wrapped(`btcusdt@${name}`, fc.constant(data))),
};

for (const [name, frames] of Object.entries(streams)) {
  test(`Binance: ${name} say the same to both readers`, () => {
    holdTwins(decodeBinanceUsdm, decodeGeneric, SYMBOLS, frames, 1_500);
  });
}

const TAKEN = /@(bookTicker|trade|aggTrade|depth|markPrice)/;
/** The reply of a REST request among the recorded frames is none of a stream. */
const isTaken = (text: string): boolean => TAKEN.test(text) && text.startsWith('{"stream"');

for (const path of ['btcusdt-20240808.jsonl.gz', 'cryptofeed-20210722.txt']) {
  test(`all of these streams in ${path} are taken`, { skip: skipWithoutCaptures }, () => {
    const frames = recorded(`binance-usdm/${path}`).filter(isTaken);
    assert.ok(frames.length > 1_000);
    assert.deepEqual(leftByRigid(decodeBulk, SYMBOLS, frames).slice(0, 3), notOurs(frames));
  });
}

test('all of these streams that the simulated venue sends are taken', () => {
  const channels = ['aggTrade', 'bookTicker', 'depth', 'markPrice'];
  const frames = simulated('binance-usdm', ['BTCUSDT', 'BNBUSDT'], { frames: 3_000, rate: 50 });
  const taken = frames.filter(isTaken);
  for (const channel of [...channels, 'depth20@']) {
    assert.ok(
      taken.some((text) => text.includes(`@${channel}`)),
      channel,
    );
  }
  assert.deepEqual(leftByRigid(decodeBulk, SYMBOLS, taken), []);
});

/** Frames of markets that are not configured are left to the twin, which says so. */
function notOurs(frames: readonly string[]): string[] {
  const ours = SYMBOLS.symbols.map(({ external }) => `"s":"${external}"`);
  return frames.filter((text) => !ours.some((it) => text.includes(it))).slice(0, 3);
}
