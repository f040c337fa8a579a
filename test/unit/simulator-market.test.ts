import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mutateDigit } from '../../connectors/simulator/faults.ts';
import { fixed, isoMicros, isoNanos, shortest } from '../../connectors/simulator/format.ts';
import { Market, activity } from '../../connectors/simulator/market.ts';
import { Random } from '../../connectors/simulator/random.ts';
import { hold } from '../support/property.ts';

const START_US = 1_763_683_200_000_000;
const SPEC = { symbol: 'BTC/USD', start_tick: 628_000, gap: 5, size: 6_000_000, trade_id: 1000 };

test('a market’s book is never crossed, its sides stay sorted and deep', () => {
  const market = new Market(SPEC, 5, 20, START_US);
  let last_us = 0;
  for (let step = 0; step < 20_000; step++) {
    market.step();
    const { bids, asks } = market;
    assert.ok((bids.ticks[0] as number) < (asks.ticks[0] as number));
    assert.ok(bids.length >= 150 && bids.length <= 171 && asks.length >= 150);
    assert.ok(market.now_us > last_us);
    last_us = market.now_us;
    if (step % 500 !== 0) continue;
    const sortedAsks = [...asks.ticks].sort((a, b) => a - b);
    const sortedBids = [...bids.ticks].sort((a, b) => b - a);
    assert.deepEqual(asks.ticks, sortedAsks);
    assert.deepEqual(bids.ticks, sortedBids);
    assert.ok([...bids.lots, ...asks.lots].every((lots) => Number.isSafeInteger(lots) && lots > 0));
  }
});

test('its changes alone rebuild its book', () => {
  const market = new Market(SPEC, 6, 20, START_US);
  const book = {
    bid: new Map(market.bids.ticks.map((tick, at) => [tick, market.bids.lots[at]])),
    ask: new Map(market.asks.ticks.map((tick, at) => [tick, market.asks.lots[at]])),
  };
  for (let step = 0; step < 5_000; step++) {
    market.step();
    for (const { side, tick, lots } of market.changes) {
      if (lots === 0) book[side].delete(tick);
      else book[side].set(tick, lots);
    }
  }
  assert.deepEqual(
    [...book.ask].sort(([a], [b]) => a - b),
    market.asks.ticks.map((tick, at) => [tick, market.asks.lots[at]]),
  );
  assert.deepEqual(
    [...book.bid].sort(([a], [b]) => b - a),
    market.bids.ticks.map((tick, at) => [tick, market.bids.lots[at]]),
  );
});

test('a day has the rate asked for, with its rhythm', () => {
  const market = new Market(SPEC, 9, 0.5, START_US);
  const hours = new Array<number>(24).fill(0);
  let steps = 0;
  while (market.next_us < START_US + 86_400e6) {
    market.step();
    steps++;
    const hour = Math.floor((market.now_us % 86_400e6) / 3_600e6);
    hours[hour] = (hours[hour] as number) + 1;
  }
  assert.ok(Math.abs(steps / 43_200 - 1) < 0.05, `${steps} events for 43,200`);
  assert.ok((hours[15] as number) > 1.5 * (hours[3] as number));
  const mean = Array.from({ length: 24 }, (_, hour) => activity(hour)).reduce((a, b) => a + b) / 24;
  assert.ok(Math.abs(mean - 1) < 1e-9);
});

test('numbers print exactly', () => {
  assert.equal(fixed(628_004, 1), '62800.4');
  assert.equal(fixed(5, 8), '0.00000005');
  assert.equal(fixed(0, 8), '0.00000000');
  assert.equal(fixed(-17, 5), '-0.00017');
  assert.equal(fixed(7, 0), '7');
  assert.equal(shortest(632_500, 1), '63250');
  assert.equal(shortest(-700, 3), '-0.7');
  assert.equal(shortest(0, 2), '0');
  hold(
    fc.property(
      fc.bigInt(-(10n ** 20n), 10n ** 20n),
      fc.integer({ min: 0, max: 12 }),
      (units, decimals) => {
        const [whole = '', fraction = ''] = fixed(units, decimals).split('.');
        assert.equal(fraction.length, decimals);
        assert.equal(BigInt(`${whole}${fraction}`), units);
        const text = shortest(units, decimals);
        assert.ok(decimals === 0 || !/\..*0$|\.$/.test(text));
        assert.equal(Number(text), Number(fixed(units, decimals)));
      },
    ),
  );
});

test('instants print exactly', () => {
  assert.equal(isoMicros(START_US + 334_090), '2025-11-21T00:00:00.334090Z');
  assert.equal(isoMicros(START_US - 1), '2025-11-20T23:59:59.999999Z');
  assert.equal(isoNanos(START_US + 7, 3), '2025-11-21T00:00:00.000007003Z');
});

test('randomness: the same label the same, another label another, unit in [0, 1)', () => {
  const draw = (seed: number, label: string): number[] => {
    const random = new Random(seed, label);
    return Array.from({ length: 200 }, () => random.unit());
  };
  assert.deepEqual(draw(1, 'a'), draw(1, 'a'));
  assert.notDeepEqual(draw(1, 'a'), draw(1, 'b'));
  assert.notDeepEqual(draw(1, 'a'), draw(2, 'a'));
  const all = draw(3, 'c');
  assert.ok(all.every((unit) => unit >= 0 && unit < 1));
  assert.ok(Math.abs(all.reduce((a, b) => a + b) / 200 - 0.5) < 0.08);
});

test('a mutated digit leaves valid JSON of the same length, one digit away', () => {
  const random = new Random(1, 'mutate');
  hold(
    fc.property(
      fc.array(fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })), {
        minLength: 1,
      }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.nat()),
      (numbers, fields) => {
        const text = JSON.stringify({ channel: 'book1', data: [{ ...fields, numbers }] });
        const mutated = mutateDigit(text, random);
        assert.ok(mutated);
        JSON.parse(mutated.text);
        assert.equal(mutated.text.length, text.length);
        const places = [...text].flatMap((digit, at) => (digit === mutated.text[at] ? [] : [at]));
        assert.equal(places.length, 1);
        assert.ok((places[0] as number) > text.indexOf('"data":'));
      },
    ),
  );
  assert.equal(mutateDigit('{"data":["x"]}', random), null);
});
