import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BookSide } from '../../books/book-side.ts';
import { updateCrc32 } from '../../books/crc32.ts';
import { sumDigits } from '../../books/digit-sums.ts';
import { levelsOf } from '../../books/order-book.ts';
import type { OrderBook } from '../../books/order-book.ts';
import { hi32, lo32 } from '../../codec/halves.ts';
import { bookChecksum } from '../../connectors/kraken/checksum.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { PlainSide, applyLevel, plainChecksum } from '../support/plain-book.ts';
import { hold } from '../support/property.ts';

type Operation =
  | { readonly kind: 'set'; readonly price: Decimal; readonly size: Decimal }
  | { readonly kind: 'remove'; readonly price: Decimal }
  | { readonly kind: 'truncate'; readonly depth: number }
  | { readonly kind: 'clear' }
  | { readonly kind: 'clone' };

function decimals(least: bigint, low: number, high: number): fc.Arbitrary<Decimal> {
  return fc
    .tuple(fc.bigInt({ min: least, max: 2n ** 63n - 1n }), fc.integer({ min: low, max: high }))
    .map(([mantissa, exponent]) => ({ mantissa, exponent }));
}

/** A few hundred prices close together, each in one of several scales. */
const nearPrice = fc
  .record({ tick: fc.integer({ min: 0, max: 400 }), zeros: fc.integer({ min: 0, max: 9 }) })
  .map(({ tick, zeros }): Decimal => ({
    mantissa: BigInt(tick) * 10n ** BigInt(zeros),
    exponent: -2 - zeros,
  }));

/** Mantissas beyond 2^53 whose neighbours share a double. */
const longPrice = fc
  .record({ offset: fc.integer({ min: 0, max: 60 }), zeros: fc.integer({ min: 0, max: 1 }) })
  .map(({ offset, zeros }): Decimal => ({
    mantissa: (900719925474099200n + BigInt(offset)) * 10n ** BigInt(zeros),
    exponent: -4 - zeros,
  }));

const widePrice = decimals(-(2n ** 63n), -64, 63);

/** Among them some whose lower half is nothing. */
const size = fc.oneof(
  { weight: 9, arbitrary: decimals(1n, -12, 3) },
  fc.integer({ min: 1, max: 0x7fffffff }).map((high): Decimal => ({
    mantissa: BigInt(high) << 32n,
    exponent: -8,
  })),
);

function operations(price: fc.Arbitrary<Decimal>): fc.Arbitrary<Operation[]> {
  return fc.array(
    fc.oneof(
      { weight: 60, arbitrary: fc.record({ kind: fc.constant('set' as const), price, size }) },
      { weight: 25, arbitrary: fc.record({ kind: fc.constant('remove' as const), price }) },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('truncate' as const),
          depth: fc.integer({ min: 0, max: 60 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: 'clone' as const }) },
    ),
    { maxLength: 250, size: 'max' },
  );
}

/** Runs one side and its plain twin; they must agree after every step. */
function agree(bids: boolean, steps: readonly Operation[]): [BookSide, PlainSide] {
  let side = new BookSide(bids ? 1 : -1, 1);
  const plain = new PlainSide(bids);
  for (const step of steps) {
    if (step.kind === 'set') {
      const { price, size } = step;
      applyLevel(side, { price, size });
      plain.apply({ price, size });
    } else if (step.kind === 'remove') {
      applyLevel(side, { price: step.price, size: { mantissa: 0n, exponent: -3 } });
      plain.remove(step.price);
    } else if (step.kind === 'truncate') {
      side.truncate(step.depth);
      plain.truncate(step.depth);
    } else if (step.kind === 'clear') {
      side.clear();
      plain.clear();
    } else {
      const left = side;
      side = side.clone();
      left.clear();
    }
    assert.equal(side.count, plain.size);
  }
  assert.deepEqual(levelsOf(side), plain.levels());
  return [side, plain];
}

for (const [name, price] of [
  ['near prices in changing scales', nearPrice],
  ['prices beyond 2^53', longPrice],
  ['any price', widePrice],
] as const) {
  test(`a side equals its plain twin: ${name}`, () => {
    hold(
      fc.property(fc.boolean(), operations(price), (bids, steps) => {
        agree(bids, steps);
      }),
      80,
    );
  });
}

test('the joined checksum equals the one over the text, whatever was cached before', () => {
  hold(
    fc.property(operations(nearPrice), operations(nearPrice), (bidSteps, askSteps) => {
      const [bids, plainBids] = agree(true, bidSteps);
      const [asks, plainAsks] = agree(false, askSteps);
      const book: OrderBook = { bids, asks };
      assert.equal(bookChecksum(book) >>> 0, plainChecksum(plainAsks.levels(), plainBids.levels()));
      for (const [side, plain] of [
        [bids, plainBids],
        [asks, plainAsks],
        [bids, plainBids],
      ] as const) {
        const [best] = plain.levels();
        if (best === undefined) continue;
        // Once more digits, then as many others.
        for (const mantissa of [12345678901234567n, 98765432109876543n]) {
          const level = { price: best.price, size: { mantissa, exponent: -8 } };
          applyLevel(side, level);
          plain.apply(level);
          const expected = plainChecksum(plainAsks.levels(), plainBids.levels());
          assert.equal(bookChecksum(book) >>> 0, expected);
        }
      }
    }),
    60,
  );
});

/** Few prices, also with zeros that nobody wrote, so that the same ones come again. */
const roundPrice = fc
  .record({ tick: fc.integer({ min: 1, max: 40 }), exponent: fc.integer({ min: -2, max: 2 }) })
  .map(({ tick, exponent }): Decimal => ({ mantissa: BigInt(tick), exponent }));

test('the checksum is that of the text after every step, whatever was summed before', () => {
  const steps = fc.array(
    fc.record({
      isBid: fc.boolean(),
      price: roundPrice,
      // A level goes as often as it comes; now and then the book is cut.
      size: fc.oneof(size, fc.constant<Decimal>({ mantissa: 0n, exponent: 0 })),
      depth: fc.oneof({ weight: 5, arbitrary: fc.constant(60) }, fc.integer({ min: 0, max: 14 })),
    }),
    { maxLength: 120, size: 'max' },
  );
  hold(
    fc.property(steps, (changes) => {
      const book: OrderBook = { bids: new BookSide(1, 1), asks: new BookSide(-1, 1) };
      const plain = { bids: new PlainSide(true), asks: new PlainSide(false) };
      for (const { isBid, price, size: own, depth } of changes) {
        const name = isBid ? 'bids' : 'asks';
        applyLevel(book[name], { price, size: own });
        plain[name].apply({ price, size: own });
        book[name].truncate(depth);
        plain[name].truncate(depth);
        const expected = plainChecksum(plain.asks.levels(), plain.bids.levels());
        assert.equal(bookChecksum(book) >>> 0, expected);
      }
    }),
    60,
  );
});

/** Below 2^53, of any length. */
const whole = fc
  .integer({ min: 0, max: 53 })
  .chain((bits) => fc.bigInt(0n, 2n ** BigInt(bits) - 1n));

test("the sum of two numbers' digits is that of their text", () => {
  hold(
    fc.property(whole, whole, (first, second) => {
      const halves = [first, second].flatMap((value) => [hi32(value), lo32(value)]);
      const cells = Int32Array.from([...halves, 7, 7]);
      sumDigits(cells, 0, 2, 4);
      const text = [first, second].map((value) => (value === 0n ? '' : `${value}`)).join('');
      const bytes = new TextEncoder().encode(text);
      assert.deepEqual([cells[4], cells[5]], [updateCrc32(0, bytes, 0, bytes.length), text.length]);
    }),
    2_000,
  );
});
