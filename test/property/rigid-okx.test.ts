/** OKX's rigid reader against its plain twin: the same frame, odd or not, says the same to both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { recorded, simulated } from '../../bench/frames.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { decodeGeneric } from '../../connectors/okx/decode.ts';
import { decodeRigid } from '../../connectors/okx/rigid-frames.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { SYMBOLS } from '../support/okx-frames.ts';
import { holdTwins, id, leftByRigid, mostly, ms, rigidOr, signed } from '../support/rigid-twins.ts';

const market = fc.constantFrom(
  'BTC-USDT',
  'BTC-USDT-SWAP',
  'BTC-USDT',
  'DOGE-USDT',
  'BTC\\-USDT',
  '',
);
const text = fc.constantFrom('0', '1', '17', '', 'a', '\\n', '\u20ac');
const levels = mostly((amount) =>
  fc
    .array(fc.tuple(amount, amount, text, fc.constantFrom('0', '0', '0', '1')), { maxLength: 3 })
    .map((list) =>
      list
        .map(([price, size, orders, old]) => `["${price}","${size}","${old}","${orders}"]`)
        .join(),
    ),
);
const arg = (channel: string, name: string): string =>
  `"arg":{"channel":"${channel}","instId":"${name}"}`;
const checksum = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(String) },
  { weight: 3, arbitrary: fc.constant('0') },
  fc.constantFrom('-0', '2147483648', '-2147483648', '-2147483649', '1e3', '01', '-'),
);
const ids = fc.oneof(
  fc.tuple(checksum, id, fc.oneof(id, fc.constant('-1'))).chain(([sum, own, previous]) => {
    const [checked, chained] = [`,"checksum":${sum}`, `,"seqId":${own},"prevSeqId":${previous}`];
    return fc.constantFrom(checked, chained, `${checked}${chained}`, `${checked}${chained}`, '');
  }),
);
const book = fc
  .tuple(market, fc.constantFrom('update', 'update', 'snapshot', 'other'), levels, levels, ms, ids)
  .map(
    ([name, action, asks, bids, ts, rest]) =>
      `{${arg('books', name)},"action":"${action}","data":[{"asks":[${asks}],"bids":[${bids}],"ts":"${ts}"${rest}}]}`,
  );
const bbo = fc
  .tuple(market, levels, levels, ms, id)
  .map(
    ([name, asks, bids, ts, own]) =>
      `{${arg('bbo-tbt', name)},"data":[{"asks":[${asks}],"bids":[${bids}],"ts":"${ts}","seqId":${own}}]}`,
  );
const trade = mostly((amount) =>
  fc
    .record({ amounts: fc.tuple(amount, amount), ms, name: market, other: market, id, text })
    .chain((of) => {
      const side = fc.constantFrom('buy', 'sell', 'buy', 'sell', 'Buy');
      const twice = fc.boolean();
      const rest = fc.constantFrom(
        ...['', `,"count":"${of.text}","source":"${of.text}","seqId":${of.id}`],
        ...[`,"count":"${of.text}"`, `,"count":"${of.text}","seqId":${of.id}`],
      );
      return fc.tuple(side, rest, twice).map(([taker, more, same]) => {
        const { amounts, name, other } = of;
        return `{${arg('trades', name)},"data":[{"instId":"${same ? name : other}","tradeId":"${of.id}","px":"${amounts[0]}","sz":"${amounts[1]}","side":"${taker}","ts":"${of.ms}"${more}}]}`;
      });
    }),
);
const AMOUNTS = [
  ...['last', 'lastSz', 'askPx', 'askSz', 'bidPx', 'bidSz', 'open24h', 'high24h', 'low24h'],
  ...['sodUtc0', 'sodUtc8', 'volCcy24h', 'vol24h'],
];
const ticker = mostly((amount) =>
  fc
    .tuple(
      fc.array(fc.oneof({ weight: 20, arbitrary: amount }, fc.constant(''), signed), {
        minLength: AMOUNTS.length,
        maxLength: AMOUNTS.length,
      }),
      ...[market, fc.constantFrom('SPOT', 'SWAP', 'FUTURES', 'SPOTS', '')],
      ms,
    )
    .map(([amounts, name, type, ts]) => {
      const fields = AMOUNTS.map((key, at) => `"${key}":"${amounts[at]}"`).join();
      return `{${arg('tickers', name)},"data":[{"instType":"${type}","instId":"${name}",${fields},"ts":"${ts}"}]}`;
    }),
);

for (const [name, frames] of Object.entries({ book, bbo, trade, ticker })) {
  test(`a ${name} of OKX says the same to both, whatever it looks like`, () => {
    holdTwins(rigidOr(decodeRigid, decodeGeneric), decodeGeneric, SYMBOLS, frames, 3_000);
  });
}

const BULK = /^\{"arg":\{"channel":"(books|bbo-tbt|trades|tickers)",.*"data":/;

test('the rigid reader takes the bulk of a recording', { skip: skipWithoutCaptures }, () => {
  const symbols = createSymbolTable(
    ['BTC-USDT', 'BTC-USD-220527', 'UNI-USD-SWAP'].map((external) => {
      return { symbol: external.replaceAll('-', ''), external, depth: 'l2' };
    }),
  );
  const frames = recorded('okx-v5/cryptofeed-20220513.txt').filter((frame) => BULK.test(frame));
  assert.ok(frames.length > 300);
  assert.deepEqual(leftByRigid(decodeRigid, symbols, frames), []);
});

test('the rigid reader takes the bulk of what the simulated venue sends', () => {
  const markets = SYMBOLS.symbols.map(({ external }) => external);
  const frames = simulated('okx', markets, { frames: 2_000, rate: 20 });
  const bulk = frames.filter((frame) => BULK.test(frame));
  assert.ok(bulk.length > 1_500);
  assert.deepEqual(leftByRigid(decodeRigid, SYMBOLS, bulk), []);
});
