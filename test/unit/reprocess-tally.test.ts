/** What the days of a range came to: nothing of one day may be offset by another, or by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DayDiff } from '../../activities/diff.ts';
import { collect, emptyTally, isWithin, tallyWords } from '../../workflows/lib/reprocess-tally.ts';
import type { Tally } from '../../workflows/lib/reprocess-tally.ts';

const EVENTS = { old: 10, new: 10, equal: 10, changed: 0, added: 0, removed: 0, dropped: 0 };
const GAPS = { old: 1, new: 1, equal: true, added: 0, gone: 0 };
const BOTH_MD2: DayDiff['schemas'] = { old: 'md2', new: 'md2' };

function withDay(
  tally: Tally,
  day: string,
  found: Pick<DayDiff, 'verdict'> & Partial<DayDiff>,
): Tally {
  const name = { feed: 'tiny', day, old: 'v1', new: 'v2', json: 'x.json', html: 'x.html' };
  const diff = { ...name, events: EVENTS, gaps: GAPS, schemas: BOTH_MD2, ...found };
  const of = { feed: 'tiny', day, version: 'v2', manifest: 'm', content_id: 'c' };
  return collect(tally, { outcome: 'built', ...of, complete: false, records: 10, was: 'v1', diff });
}

test('a gap that took the place of another, or of one of another day, is added', () => {
  const moved = { old: 1, new: 1, equal: false, added: 1, gone: 1 };
  const one = withDay(emptyTally, '2026-11-20', { verdict: 'differs', gaps: moved });
  assert.deepEqual([one.gaps_added, one.gaps_gone], [1, 1]);
  const fewer = { old: 3, new: 0, equal: false, added: 0, gone: 3 };
  const two = withDay(one, '2026-11-21', { verdict: 'differs', gaps: fewer });
  assert.deepEqual([two.gaps_added, two.gaps_gone], [1, 4]);
  assert.match(tallyWords(two), /gaps: 1 added, 4 gone/);
  assert.doesNotMatch(tallyWords(emptyTally), /gaps|schema/);
});

test('a day of another schema is told, though its projection is exact', () => {
  const found = { verdict: 'projected', schemas: { old: 'md2', new: 'md1' } } as const;
  const tally = withDay(emptyTally, '2026-11-20', found);
  assert.equal(tally.schema_changed, 1);
  assert.match(tallyWords(tally), /1 day of another schema/);
  assert.equal(withDay(tally, '2026-11-21', { verdict: 'identical' }).schema_changed, 1);
});

test('whoever is asked to promote hears of days with holes', () => {
  const two = withDay(withDay(emptyTally, '2026-11-20', { verdict: 'identical' }), '2026-11-21', {
    verdict: 'identical',
  });
  assert.match(tallyWords(two), /^2 days built, 2 days with holes in RAW, 2 identical$/);
  assert.doesNotMatch(tallyWords(emptyTally), /holes/);
});

test('what would move is kept in stretches, each from what it was compared with', () => {
  const report = (day: string, was: string | null) => {
    const of = { feed: 'tiny', day, version: 'v2', manifest: 'm', content_id: 'c' };
    return { outcome: 'built' as const, ...of, complete: true, records: 1, was, diff: null };
  };
  let tally = emptyTally;
  for (const [day, was] of [
    ['2026-11-22', 'v1'],
    ['2026-11-20', 'v1'],
    ['2026-11-21', 'v1'],
    ['2026-11-23', null],
    // Served by the version already: nothing has to move.
    ['2026-11-24', 'v2'],
  ] as const) {
    tally = collect(tally, report(day, was));
  }
  assert.deepEqual(tally.moves, [
    { from: '2026-11-20', to: '2026-11-22', was: 'v1' },
    { from: '2026-11-23', to: '2026-11-23', was: null },
  ]);
});

test('by itself only what was compared moves, in one schema, with no gap more, and within the limit', () => {
  const events = { old: 100, new: 101, equal: 97, changed: 1, added: 2, removed: 1, dropped: 0 };
  const changed = withDay(emptyTally, '2026-11-20', { verdict: 'differs', events });
  assert.deepEqual([isWithin(changed, 0.039), isWithin(changed, 0.04)], [false, true]);
  const identical = withDay(emptyTally, '2026-11-20', { verdict: 'identical' });
  assert.equal(isWithin(identical, 0), true);
  const gaps = { old: 1, new: 1, equal: false, added: 1, gone: 1 };
  const holed = withDay(emptyTally, '2026-11-20', { verdict: 'differs', gaps });
  assert.equal(isWithin(holed, 1), false);
  const fewer = { old: 1, new: 0, equal: false, added: 0, gone: 1 };
  assert.equal(
    isWithin(withDay(emptyTally, '2026-11-20', { verdict: 'differs', gaps: fewer }), 0),
    true,
  );
  const schemas = { old: 'md2', new: 'md1' } as const;
  const projected = withDay(emptyTally, '2026-11-20', { verdict: 'projected', schemas });
  assert.equal(isWithin(projected, 1), false);
  const of = { feed: 'tiny', version: 'v2', manifest: 'm', content_id: 'c' };
  const alone = {
    outcome: 'built' as const,
    ...of,
    complete: true,
    records: 1,
    was: null,
    diff: null,
  };
  assert.equal(isWithin(collect(identical, { ...alone, day: '2026-11-21' }), 1), false);
  const own = collect(identical, { ...alone, was: 'v2', day: '2026-11-21' });
  assert.equal(isWithin(own, 0), true, 'a day that the version serves stands in no way');
  assert.equal(own.verdicts.nothing_to_compare, 0);
  const none = { old: 0, new: 1, equal: 0, changed: 0, added: 1, removed: 0, dropped: 0 };
  const first = withDay(emptyTally, '2026-11-20', { verdict: 'differs', events: none });
  assert.deepEqual([isWithin(first, 0.99), isWithin(first, 1)], [false, true]);
});
