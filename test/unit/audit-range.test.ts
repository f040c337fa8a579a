/** Days of which nothing is there: a hole as long as a day is found, and only where a day was to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditRange } from '../../activities/audit-range.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { NS_PER_HOUR, addDays, dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { shippedCalendar } from '../support/shipped-calendar.ts';

const feed = 'tiny';
const FIRST = '2026-11-10' as Day;
const day = (after: number): Day => addDays(FIRST, after);

/** Two lives of a connector: the first day, and the fourth. */
async function prepared(other: Partial<JobDeps> = {}): Promise<JobDeps> {
  const deps = memoryJobs('2026-11-22T06:00:00Z', other);
  for (const it of [day(0), day(3)]) {
    const life = { start_at: dayStart(it), stop_at: dayEnd(it) - NS_PER_HOUR };
    await writeTinyDay(deps.raw, {
      ...{ day: it, step_ns: 2n * NS_PER_HOUR, end: 'shutdown', ...life },
    });
    await archiveDay(deps, { feed, day: it });
  }
  return deps;
}

async function missing(deps: JobDeps): Promise<string[]> {
  const range = { feed, from: day(-3), to: day(5) };
  const { findings, days } = await auditRange(deps, range, plainContext());
  assert.equal(days, 2);
  return findings.map(({ kind, key }) => `${kind} ${key}`);
}

test('days without RAW and without a manifest are named, from the first that was captured on', async () => {
  const raw = (after: number): string => `day_missing raw/tiny/${day(after).replaceAll('-', '/')}/`;
  assert.deepEqual(await missing(await prepared()), [raw(1), raw(2), raw(4), raw(5)]);
});

test('a day on which its market is closed is not missed', async () => {
  const calendar = shippedCalendar('us-equity');
  const found = await missing({ ...(await prepared()), calendarOf: () => calendar });
  // The two after that are a weekend.
  assert.deepEqual(found, ['day_missing raw/tiny/2026/11/11/', 'day_missing raw/tiny/2026/11/12/']);
});

test('what was imported is expected of no other day', async () => {
  const deps = await prepared();
  assert.deepEqual(await missing({ ...deps, origin: 'live' }), []);
});
