/** Coinbase's rigid reader against its plain twin: the same frame, odd or not, says the same to both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { simulated } from '../../bench/frames.ts';
import { decodeGeneric } from '../../connectors/coinbase/decode.ts';
import { decodeRigid } from '../../connectors/coinbase/rigid-frames.ts';
import { SYMBOLS } from '../support/coinbase-frames.ts';
import { holdTwins, id, leftByRigid, mostly, rigidOr, signed } from '../support/rigid-twins.ts';

const market = fc.constantFrom(
  'BTC-USD',
  'ETH-USD',
  'BTC-USD',
  'ETH-USD',
  'DOGE-USD',
  'BTC\\/',
  '',
);
/** Now and then the same once more, and out of order. */
const usualTime = fc
  .tuple(fc.constantFrom('29', '30', '31'), fc.nat(9), fc.constantFrom('', '000', '012', '999'))
  .map(([minute, second, rest]) => `2026-04-07T14:${minute}:0${second}.456${second}89${rest}Z`);
const time = fc.oneof(
  { weight: 12, arbitrary: usualTime },
  fc.constantFrom(
    ...[
      '2026-04-07T14:30:01Z',
      '2026-04-07T14:30:01.4Z',
      '1970-01-01T00:00:00Z',
      '0001-01-01T00:00:00Z',
    ],
    ...[
      '2026-02-30T00:00:00.000000Z',
      '2026-04-07T14:30:60.000000Z',
      '2026-04-07T14:30:01.456789',
      '',
    ],
  ),
);
const envelope = (
  channels: readonly string[],
  events: fc.Arbitrary<string>,
): fc.Arbitrary<string> =>
  fc
    .tuple(
      ...[fc.constantFrom(...channels), time, id, events, events],
      fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 1, 2, 0),
    )
    .map(([channel, at, number, one, other, count]) => {
      const list = [one, other].slice(0, count).join();
      return `{"channel":"${channel}","client_id":"","timestamp":"${at}","sequence_num":${number},"events":[${list}]}`;
    });
const type = fc.constantFrom('update', 'update', 'update', 'snapshot', 'snapshot', 'other');
const side = fc.constantFrom('bid', 'offer', 'bid', 'offer', 'bid', 'offer', 'bid', 'ask');
const book = mostly((amount) =>
  fc
    .tuple(type, market, fc.array(fc.tuple(side, time, amount, amount), { maxLength: 4 }))
    .map(([kind, product, list]) => {
      const updates = list.map(
        ([which, at, price, size]) =>
          `{"side":"${which}","event_time":"${at}","price_level":"${price}","new_quantity":"${size}"}`,
      );
      return `{"type":"${kind}","product_id":"${product}","updates":[${updates.join()}]}`;
    }),
);
const trades = mostly((amount) =>
  fc
    .tuple(
      fc.tuple(type, market),
      fc.array(
        fc.tuple(
          fc.oneof({ weight: 12, arbitrary: fc.constant(null) }, market),
          fc.tuple(id, amount, amount, time),
          fc.constantFrom('BUY', 'SELL', 'BUY', 'SELL', 'buy'),
        ),
        { maxLength: 4 },
      ),
    )
    .map(([[kind, product], list]) => {
      const rows = list.map(
        ([other, [number, price, size, at], maker]) =>
          `{"product_id":"${other ?? product}","trade_id":"${number}","price":"${price}","size":"${size}","time":"${at}","side":"${maker}"}`,
      );
      return `{"type":"${kind}","trades":[${rows.join()}]}`;
    }),
);
const SUMS = ['price', 'volume_24_h', 'low_24_h', 'high_24_h', 'low_52_w', 'high_52_w'];
const BEST = ['best_bid', 'best_bid_quantity', 'best_ask', 'best_ask_quantity'];
const ticker = mostly((amount) => {
  const value = fc.oneof({ weight: 20, arbitrary: amount }, fc.constantFrom('0', '0.00', '', '-1'));
  const values = fc.array(value, { minLength: 10, maxLength: 10 });
  return fc
    .tuple(fc.tuple(type, market), values, signed, fc.boolean())
    .map(([[kind, product], amounts, change, withBest]) => {
      const named = (names: readonly string[], from: number): string =>
        names.map((name, at) => `,"${name}":"${amounts[from + at]}"`).join('');
      const rest = withBest ? named(BEST, SUMS.length) : '';
      return `{"type":"${kind}","tickers":[{"type":"ticker","product_id":"${product}"${named(SUMS, 0)},"price_percent_chg_24_h":"${change}"${rest}}]}`;
    });
});

const FRAMES = {
  books: envelope(['l2_data'], book),
  trades: envelope(['market_trades'], trades),
  tickers: envelope(['ticker', 'ticker_batch'], ticker),
};

for (const [name, frames] of Object.entries(FRAMES)) {
  test(`Coinbase's ${name}: a frame says the same to both, whatever it looks like`, () => {
    holdTwins(rigidOr(decodeRigid, decodeGeneric), decodeGeneric, SYMBOLS, frames, 4_000);
  });
}

test('the rigid reader takes the bulk of what the simulated venue sends', () => {
  const externals = SYMBOLS.symbols.map(({ external }) => external);
  const frames = simulated('coinbase', externals, { frames: 3_000, rate: 20 });
  const bulk = frames.filter((frame) => /^\{"channel":"(l2_data|market_trades|ticker)/.test(frame));
  assert.ok(bulk.length > 2_500);
  assert.deepEqual(leftByRigid(decodeRigid, SYMBOLS, bulk), []);
});
