/** Each rigid reader against its plain twin: the same frame, odd or not, says the same to both. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, decodeGeneric } from '../../connectors/kraken/decode.ts';
import { decodeBookUpdate } from '../../connectors/kraken/rigid-book.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { SYMBOLS } from '../support/kraken-frames.ts';
import { holdTwins, leftByRigid, mostly } from '../support/rigid-twins.ts';

const levels = mostly((amount) =>
  fc
    .array(fc.tuple(amount, amount), { maxLength: 3 })
    .map((list) => list.map(([price, qty]) => `{"price":${price},"qty":${qty}}`).join(',')),
);
const checksum = fc.oneof(
  { weight: 9, arbitrary: fc.nat(0xffffffff).map(String) },
  fc.constantFrom('0', '4294967295', '4294967296', '01', '1e3', '1.0', '-1', '12345678901'),
);
const time = fc.constantFrom(
  ...Array.from({ length: 12 }, (_, at) => `2026-08-16T23:37:0${at % 10}.815233Z`),
  ...['2026-08-16T23:37:05.815233Z', '2023-07-30T15:29:58.343415Z', '2026-08-16T23:37:05Z'],
  ...[
    '2026-08-12T19:28:44.084233010Z',
    '2026-02-30T00:00:00.000000Z',
    '2026-08-16T23:37:60.000000Z',
  ],
  ...['1970-01-01T00:00:00.000000Z', '2200-01-01T00:00:00.000000Z', '2099-12-31T23:59:59.999999Z'],
);
const market = fc.constantFrom('BTC/USD', 'ETH/USDT', 'BTC/USD', 'DOGE/USD', 'BTC\\/USD', '');
const update = fc
  .tuple(market, levels, levels, checksum, time)
  .map(
    ([symbol, bids, asks, sum, at]) =>
      `{"channel":"book","type":"update","data":[{"symbol":"${symbol}","bids":[${bids}],` +
      `"asks":[${asks}],"checksum":${sum},"timestamp":"${at}"}]}`,
  );

test('an update of a Kraken book says the same to both, whatever it looks like', () => {
  holdTwins(decode, decodeGeneric, SYMBOLS, update);
});

test('the rigid reader takes every update of a recording', { skip: skipWithoutCaptures }, () => {
  const path = capturePath('kraken-v2/book-btcusd-d10-20230730.jsonl');
  const frames = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const left = leftByRigid(decodeBookUpdate, SYMBOLS, frames);
  assert.equal(left.length, 1, 'all but the snapshot');
});
