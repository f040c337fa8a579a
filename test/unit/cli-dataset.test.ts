/** `ssmd dataset list`: days in their order, each with the version that serves it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daysOf } from '../../cli/dataset/days.ts';
import type { Current } from '../../dataset/current.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import type { Day } from '../../schema/time.ts';

/** What the list shows of a manifest. */
function manifest(day: string, version: string): Manifest {
  const shown = { feed: 'kraken', day: day as Day, version, origin: 'live', complete: true };
  return { ...shown, gaps: [], totals: {} } as unknown as Manifest;
}

test('days come in order, versions by their number, and what serves is marked', () => {
  const day = '2026-11-20' as Day;
  const current: Current = {
    ...{ format: 1, revision: 5, live: 'v1', moves: [] },
    ranges: [{ from: day, to: day, version: 'v2' }],
  };
  // As keys are listed: v10 before v2, v5.1 before v5.
  const stored = [
    manifest('2026-11-20', 'v10'),
    manifest('2026-11-20', 'v2'),
    manifest('2026-11-20', 'v5.1'),
    manifest('2026-11-19', 'v5'),
    manifest('2026-11-20', 'v5'),
  ];
  assert.deepEqual(
    daysOf(stored, current).map((it) => [it.day, it.version, it.serves]),
    [
      ['2026-11-19', 'v5', false],
      ['2026-11-20', 'v2', true],
      ['2026-11-20', 'v5', false],
      ['2026-11-20', 'v5.1', false],
      ['2026-11-20', 'v10', false],
    ],
  );
  assert.ok(daysOf(stored, null).every((it) => !it.serves));
});
