/** Minutes of a day against what a count of its ten-second cells says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Hole } from '../../qa/check.ts';
import { MINUTES_A_DAY, minutesOf } from '../../qa/ledger.ts';
import { NS_PER_SECOND, dayStart, unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

const DAY = '2026-11-20' as Day;
const CELL = 10n * NS_PER_SECOND;
const CELLS_A_MINUTE = 6;
/** Only the day's first minutes, so that gaps meet. */
const CELLS = 8 * CELLS_A_MINUTE;

type Cells = {
  readonly from: number;
  readonly length: number;
  readonly symbol: string | null;
  readonly shard: string | null;
  readonly about: readonly 'trade'[] | null;
  readonly repaired: boolean;
};

const cells: fc.Arbitrary<Cells> = fc.record({
  from: fc.integer({ min: -4, max: CELLS - 1 }),
  length: fc.integer({ min: 0, max: 20 }),
  symbol: fc.constantFrom(null, 'BTCUSD', 'ETHUSD'),
  shard: fc.constantFrom(null, 'tier1', 'tier2'),
  about: fc.constantFrom(null, null, ['trade'] as const),
  repaired: fc.boolean(),
});

function holeOf({ from, length, ...of }: Cells): Hole {
  const at = (cell: number) => unixNs(dayStart(DAY) + BigInt(cell) * CELL);
  return {
    ...of,
    ...{ source: 'events', cause: 'disconnect', detail: '', event: null },
    ...{ expected: null, received: null, from: at(from), to: at(from + length) },
  };
}

/** Whether a gap says anything of BTCUSD on tier1, written out. */
function isOurs({ symbol, shard }: Cells): boolean {
  if (symbol !== null) return symbol === 'BTCUSD';
  return shard === null || shard === 'tier1';
}

function conditionOf(minute: number, gaps: readonly Cells[]): string {
  const first = minute * CELLS_A_MINUTE;
  const own = gaps.filter((it) => isOurs(it) && !it.repaired);
  const within = (it: Cells, cell: number): boolean =>
    cell >= it.from && cell < it.from + it.length;
  const all = Array.from({ length: CELLS_A_MINUTE }, (_, at) => first + at);
  if (all.every((cell) => own.some((it) => it.about === null && within(it, cell))))
    return 'missing';
  const touches = own.some(
    (it) =>
      all.some((cell) => within(it, cell)) ||
      (it.length === 0 && it.from >= first && it.from < first + CELLS_A_MINUTE),
  );
  return touches ? 'degraded' : 'complete';
}

test('each minute is what its cells say, and the counts add up', () => {
  hold(
    fc.property(fc.array(cells, { maxLength: 6 }), (gaps) => {
      const of = { symbol: 'BTCUSD', shard: 'tier1', day: DAY };
      const found = minutesOf(gaps.map(holeOf), of);
      const said = new Array<string>(MINUTES_A_DAY).fill('complete');
      for (const { from_minute, to_minute, condition } of found.stretches) {
        said.fill(condition, from_minute, to_minute);
      }
      for (let minute = 0; minute < 12; minute++) {
        // Before midnight nothing is of this day: a gap of no length there touches none of it.
        const ours = gaps.filter((it) => it.length > 0 || it.from >= 0);
        assert.equal(said[minute], conditionOf(minute, ours), `minute ${minute}`);
      }
      const counted = [found.complete, found.degraded, found.missing];
      assert.equal(
        counted.reduce((a, b) => a + b),
        MINUTES_A_DAY,
      );
      for (const [at, condition] of ['complete', 'degraded', 'missing'].entries()) {
        assert.equal(counted[at], said.filter((it) => it === condition).length);
      }
    }),
    1_000,
  );
});
