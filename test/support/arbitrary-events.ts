/** Arbitrary events of every type, with every field now and then absent or at its limit. */
import fc from 'fast-check';
import { EXPONENT_MAX, EXPONENT_MIN, MANTISSA_MAX, MANTISSA_MIN } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { EVENT_FIELDS, EVENT_TYPES } from '../../schema/events.ts';
import type { EventType, FieldKind, MarketEvent } from '../../schema/events.ts';
import { asEvent } from '../../codec/event-object.ts';

/** Records as literals make them: with the prototype of any object. */
function plainRecord<T extends object>(model: {
  [K in keyof T]: fc.Arbitrary<T[K]>;
}): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const U64_MAX = 2n ** 64n - 1n;
const U32_MAX = 2 ** 32 - 1;

export const arbitraryDecimal: fc.Arbitrary<Decimal> = plainRecord({
  mantissa: fc.oneof(
    fc.bigInt({ min: MANTISSA_MIN, max: MANTISSA_MAX }),
    fc.bigInt({ min: -100_000n, max: 100_000n }),
    fc.constantFrom(MANTISSA_MIN, MANTISSA_MAX, 0n, 2n ** 32n, -(2n ** 32n), 2n ** 53n + 1n),
  ),
  exponent: fc.integer({ min: EXPONENT_MIN, max: EXPONENT_MAX }),
});
export const arbitraryU64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: U64_MAX }),
  fc.constantFrom(0n, 1n, U64_MAX, 2n ** 32n, 2n ** 31n),
);
const text = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('', '\ufeffx', '\0', 'BTC/USD'),
  )
  .map((value) => value.toWellFormed());
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/);

const VALUES: { readonly [K in FieldKind]: fc.Arbitrary<unknown> } = {
  decimal: arbitraryDecimal,
  u64: arbitraryU64,
  instant: arbitraryU64,
  u32: fc.oneof(fc.integer({ min: 0, max: U32_MAX }), fc.constantFrom(0, U32_MAX, 2 ** 31)),
  side: fc.constantFrom('buy', 'sell'),
  text,
};

const level = plainRecord({ price: arbitraryDecimal, size: arbitraryDecimal });

/** An event of one type. */
export function arbitraryEventOf(type: EventType): fc.Arbitrary<MarketEvent> {
  const fields = Object.fromEntries(
    Object.entries<FieldKind>(EVENT_FIELDS[type]).map(([field, kind]) => [
      field,
      fc.option(VALUES[kind], { nil: null, freq: 3 }),
    ]),
  );
  const levels = fc.array(level, { maxLength: 8 });
  return plainRecord({
    type: fc.constant(type),
    t: arbitraryU64,
    ts_event: fc.option(fc.bigInt({ min: 1n, max: U64_MAX }), { nil: null }),
    index: fc.integer({ min: 0, max: U32_MAX }),
    shard: name,
    feed: name,
    symbol: fc.stringMatching(/^[A-Z0-9][A-Z0-9_-]{0,20}$/),
    sequence: fc.option(arbitraryU64, { nil: null }),
    flags: fc.integer({ min: 0, max: 127 }),
    ...fields,
    ...(type === 'book' ? { bids: levels, asks: levels } : {}),
  }).map(asEvent);
}

export const arbitraryEvent: fc.Arbitrary<MarketEvent> = fc.oneof(
  ...EVENT_TYPES.map(arbitraryEventOf),
);

/** Events whose names come again in other company, as those of shards and feeds read in turn do. */
export const eventsOfFewNames: fc.Arbitrary<MarketEvent[]> = fc
  .array(fc.tuple(arbitraryEvent, fc.nat(7)), { maxLength: 12 })
  .map((drawn) =>
    drawn.map(([event, names]): MarketEvent => {
      const shard = (names & 1) === 0 ? 'a' : 'longer-than-a-word';
      const feed = (names & 2) === 0 ? 'a' : 'kraken';
      return { ...event, shard, feed, symbol: (names & 4) === 0 ? 'a' : 'XBTUSD' };
    }),
  );
