/** The rolling skew against a plain twin that keeps every message and sorts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  SKEW_SLOT_MS,
  SKEW_SLOTS,
  createSkewWindow,
} from '../../connectors/runtime/skew-window.ts';
import {
  SKEW_BUCKETS,
  SKEW_SUB_BUCKETS,
  SKEW_US_MAX,
  addSkew,
  createSkewTally,
  mergeSkew,
  skewBucket,
  skewOf,
  summarizeSkew,
  trendOf,
} from '../../qa/skew.ts';
import type { SkewSummary } from '../../qa/skew.ts';
import { EventArena } from '../../codec/event-arena.ts';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { appendEvent } from '../../codec/event-object.ts';
import { encodeEvent } from '../../codec/md2.ts';
import { FLAG } from '../../schema/events.ts';
import type { EventType } from '../../schema/events.ts';
import { arbitraryEventOf } from '../support/arbitrary-events.ts';
import { hold } from '../support/property.ts';

const skew = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -2_000, max: 60_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -SKEW_US_MAX - 2, max: SKEW_US_MAX + 2 }) },
);

type Plain = { readonly seen: readonly number[]; readonly beyond: number };

function plainOf(skews: readonly number[]): Plain {
  const seen = skews.filter((us) => Math.abs(us) < SKEW_US_MAX).toSorted((a, b) => a - b);
  return { seen, beyond: skews.length - seen.length };
}

/** What is exact is equal; a percentile is off by its bucket at most. */
function assertSummary(told: SkewSummary | null, { seen, beyond }: Plain): void {
  if (seen.length === 0) return assert.equal(told, null);
  assert.ok(told);
  assert.deepEqual([told.count, told.beyond], [seen.length, beyond]);
  assert.deepEqual([told.min_us, told.max_us], [seen[0], seen.at(-1)]);
  const mean = seen.reduce((sum, us) => sum + us, 0) / seen.length;
  const variance = seen.reduce((sum, us) => sum + (us - mean) ** 2, 0) / seen.length;
  assert.ok(Math.abs(told.mean_us - mean) <= 1e-6 * (1 + Math.abs(mean)));
  assert.ok(Math.abs(told.stddev_us - Math.sqrt(variance)) <= 1 + 1e-3 * Math.sqrt(variance));
  for (const [share, value] of [
    [0.01, told.p1_us],
    [0.5, told.p50_us],
    [0.9, told.p90_us],
    [0.99, told.p99_us],
  ] as const) {
    const exact = seen[Math.max(1, Math.ceil(share * seen.length)) - 1] as number;
    const off = Math.abs(value - exact);
    assert.ok(off <= 0.5 + Math.abs(exact) / SKEW_SUB_BUCKETS, `p${share} ${value} for ${exact}`);
  }
}

test('buckets: in order, within the table, each holding what it says', () => {
  const us = fc.integer({ min: 1 - SKEW_US_MAX, max: SKEW_US_MAX - 1 });
  hold(
    fc.property(us, us, (a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      assert.ok(skewBucket(low) <= skewBucket(high));
      assert.ok(skewBucket(low) >= 0 && skewBucket(high) < SKEW_BUCKETS);
      assert.equal(skewBucket(Math.round(skewOf(skewBucket(a)))), skewBucket(a));
      assert.ok(Math.abs(skewOf(skewBucket(a)) - a) <= Math.abs(a) / (2 * SKEW_SUB_BUCKETS) + 0.5);
    }),
    2_000,
  );
});

test('a tally says what its messages say, and two merged what both say', () => {
  hold(
    fc.property(fc.array(skew, { maxLength: 300 }), fc.array(skew, { maxLength: 60 }), (a, b) => {
      const [one, two] = [createSkewTally(), createSkewTally()];
      for (const us of a) addSkew(one, us);
      for (const us of b) addSkew(two, us);
      assertSummary(summarizeSkew(one), plainOf(a));
      mergeSkew(one, two);
      assertSummary(summarizeSkew(one), plainOf([...a, ...b]));
    }),
    300,
  );
});

test('the window holds the slots that are not over for its length, and no other', () => {
  const message = fc.record({ us: skew, wait_ms: fc.integer({ min: 0, max: 3 * SKEW_SLOT_MS }) });
  hold(
    fc.property(fc.array(message, { maxLength: 120 }), fc.nat(40 * SKEW_SLOT_MS), (all, later) => {
      const window = createSkewWindow();
      const kept: { readonly us: number; readonly slot: number }[] = [];
      let now_ms = 1_000;
      for (const { us, wait_ms } of all) {
        now_ms += wait_ms;
        window.add(us, now_ms);
        kept.push({ us, slot: Math.floor(now_ms / SKEW_SLOT_MS) });
      }
      now_ms += later;
      const first = Math.floor(now_ms / SKEW_SLOT_MS) - SKEW_SLOTS + 1;
      const seen = kept.filter(({ slot }) => slot >= first).map(({ us }) => us);
      assertSummary(window.summary(now_ms), plainOf(seen));
    }),
    200,
  );
});

test('of a line the first event that is of now is measured, what is too far off is counted', () => {
  const buffer = new EventBuffer();
  const arena = new EventArena();
  const measured = (
    events: readonly { type: EventType; flags?: number; us?: number | null }[],
  ): readonly (number | null)[] => {
    const window = createSkewWindow();
    buffer.reset(new Uint8Array(0));
    arena.clear();
    events.forEach(({ type, flags = 0, us = 0 }, index) => {
      const [some] = fc.sample(arbitraryEventOf(type), { numRuns: 1, seed: 7 });
      assert.ok(some);
      const t = some.t + 10n ** 18n;
      const ts_event = us === null ? null : t - BigInt(us) * 1_000n;
      const event = { ...some, t, flags, ts_event } as typeof some;
      appendEvent(buffer, event, index);
      encodeEvent(buffer, index, event, arena);
    });
    window.observe(arena, 60_000);
    const told = window.summary(60_000);
    return [told?.count ?? 0, told?.mean_us ?? null, window.beyond(60_000)];
  };
  assert.deepEqual(measured([{ type: 'trade', us: 70 }]), [1, 70, 0]);
  assert.deepEqual(measured([{ type: 'trade', us: -70 }]), [1, -70, 0], 'the venue is ahead');
  const now = { type: 'quote', us: 5 } as const;
  for (const flags of [FLAG.HISTORY, FLAG.SNAPSHOT, FLAG.BAD_TS_RECV]) {
    const other = { type: 'trade', us: 900_000, flags } as const;
    assert.deepEqual(measured([other]), [0, null, 0], `flags ${flags}`);
    assert.deepEqual(measured([other, now]), [1, 5, 0], `flags ${flags}`);
  }
  assert.deepEqual(measured([{ type: 'ohlc', us: 900_000 }, now]), [1, 5, 0], 'bars');
  assert.deepEqual(measured([{ type: 'trade', us: null }, now]), [1, 5, 0], 'no time');
  assert.deepEqual(measured([now, { type: 'trade', us: 90 }]), [1, 5, 0], 'one a line');
  assert.deepEqual(measured([{ type: 'trade', us: 2 * SKEW_US_MAX }]), [0, null, 1], 'counted');
});

const NOISE_US = 400;

/** Medians half a minute apart, with noise of a way through the net. */
const series = (of: (at_s: number) => number) =>
  fc
    .array(fc.integer({ min: -NOISE_US, max: NOISE_US }), { minLength: 12, maxLength: 20 })
    .map((noise) => noise.map((us, at) => ({ at_s: at * 30, p50_us: of(at * 30) + us })));

test('noise is stable, a rate is a drift, a step is a shift: when, and by how much', () => {
  const base = fc.integer({ min: -30_000, max: 60_000 });
  hold(
    fc.property(
      base.chain((us) => series(() => us)),
      (points) => {
        const { word, slope_us_per_s } = trendOf(points);
        // Noise alone may lean, as much as its own size; never by more.
        assert.ok(word === 'stable' || Math.abs(slope_us_per_s ?? 0) < NOISE_US / 60, word);
      },
    ),
  );
  const rate = fc.integer({ min: 20, max: 60 });
  hold(
    fc.property(
      rate.chain((us) => series((at) => at * us)),
      (points) => {
        assert.equal(trendOf(points).word, 'drifting');
      },
    ),
  );
  const step = fc.tuple(fc.integer({ min: 60_000, max: 900_000 }), fc.constantFrom(-1, 1));
  hold(
    fc.property(
      step.chain(([us, sign]) => series((at) => (at < 180 ? 0 : us * sign))),
      (points) => {
        const { word, shift } = trendOf(points);
        assert.equal(word, 'shifted');
        assert.equal(shift?.at_s, 180);
      },
    ),
  );
});

test('one odd point among others is no shift; too few say nothing', () => {
  const flat = Array.from({ length: 12 }, (_, at) => ({ at_s: at * 30, p50_us: 25_000 }));
  const odd = flat.map((it, at) => (at === 6 ? { ...it, p50_us: 500_000 } : it));
  assert.notEqual(trendOf(odd).word, 'shifted');
  assert.equal(trendOf(flat.slice(0, 3)).word, 'unknown');
  assert.equal(trendOf([]).word, 'unknown');
});
