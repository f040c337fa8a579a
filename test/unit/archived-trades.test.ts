/** Which trades of a committed day say how far our clock was from the venue's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAG } from '../../schema/events.ts';
import { tradesOf } from '../../workers/archived-trades.ts';
import { TRADE, at, layDay } from '../support/diff-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';

test('history, snapshots and what a stepped clock received are left out', async () => {
  const jobs = memoryJobs('2026-11-21T00:00:00Z');
  const flagged = [0, FLAG.HISTORY, FLAG.SNAPSHOT, FLAG.BAD_TS_RECV, FLAG.HISTORY | FLAG.LAST];
  const events = flagged.map((flags, minute) =>
    at({ ...TRADE, flags, trade_id: `${minute}` }, minute),
  );
  events.push(at({ ...TRADE, flags: FLAG.LAST, trade_id: '9' }, 9));
  const manifest = await layDay(jobs, { version: 'v1', events });
  const ids: string[] = [];
  const signal = new AbortController().signal;
  for await (const { id, location } of tradesOf(jobs.normalized, manifest, null, signal)) {
    ids.push(`${id} ${location}`);
  }
  assert.deepEqual(ids, ['0 unknown', '9 unknown']);
});
