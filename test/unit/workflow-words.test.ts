/** Words of runs: deadlines, progress pages, memos, summaries; pure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { BEGUN_LATE_MS, deadlineOf, untilWarned } from '../../workflows/lib/deadline.ts';
import { memoOfFailure, memoOfResult } from '../../workflows/lib/memo.ts';
import {
  entered,
  failed,
  finished,
  renderProgress,
  startProgress,
  warned,
} from '../../workflows/lib/progress.ts';
import { runSummary } from '../../schema/run-words.ts';
import { failureNotice, recoveryOf } from '../../workflows/lib/run-notice.ts';
import { stepSummary } from '../../workflows/lib/step-words.ts';

const day = '2026-11-20' as Day;
const iso = (ms: number): string => new Date(ms).toISOString();

test('a day is due two hours after the later of its close and its schedule', () => {
  const scheduled = deadlineOf({ day, due_ms: Date.parse('2026-11-21T06:00:00Z') });
  assert.equal(iso(scheduled), '2026-11-21T08:00:00.000Z');
  const early = deadlineOf({ day, due_ms: Date.parse('2026-11-20T12:00:00Z') });
  assert.equal(iso(early), '2026-11-21T03:00:00.000Z', 'midnight, an hour to settle, two hours');
  const close_ns = unixNs(BigInt(Date.parse('2026-11-20T21:00:00Z')) * 1_000_000n);
  const stocks = deadlineOf({ day, close_ns, due_ms: 0 });
  assert.equal(iso(stocks), '2026-11-21T00:00:00.000Z');
});

test('a page grows with its run', () => {
  const began = entered(startProgress('archive', ['plan', 'build', 'commit']), 'build', 'a | b');
  const page = renderProgress(warned(warned(began, 'it is late'), 'it is late'));
  assert.match(page, /^\*\*archive\*\*\n\n`█{8}░{16}` 1 of 3 stages\n\n/);
  assert.match(page, /\| > \| build \| a \/ b \|/, 'a note ends no cell');
  assert.equal(page.match(/it is late/g)?.length, 1);
  const done = renderProgress(finished(began, 'look at it'));
  assert.match(done, /`█{24}` 3 of 3 stages[^]*look at it$/);
  const broken = renderProgress(failed(began, 'no store', 'Again: x'));
  assert.match(
    broken,
    /`█{8}░{16}` 1 of 3 stages[^]*\| ! \| build \| no store \|\n\| {3}\| commit \|[^]*\*\*It failed\*\*\. Next:\n\nAgain: x$/,
  );
  assert.match(
    renderProgress(failed(startProgress('t', []), 'why', 'n')),
    /It failed\*\*: why\. Next:\n\nn$/,
  );
});

test('a memo holds the facts of a result and of a failure, and nothing long', () => {
  const result = { outcome: 'exported', rows: 3, days: ['x'], note: 'y'.repeat(500), none: null };
  assert.deepEqual(memoOfResult(result), { outcome: 'exported', rows: 3 });
  for (const none of [null, undefined, 'text', [1]]) assert.deepEqual(memoOfResult(none), {});
  const failure = memoOfFailure({ code: null, causes: ['a', 'b'.repeat(999)], cancelled: false });
  assert.equal(String(failure['why']).length, 400);
  assert.deepEqual(memoOfFailure({ code: 'X', causes: [], cancelled: true }), {
    outcome: 'cancelled',
  });
});

test('summaries are short words, whatever was typed', () => {
  const input = { feed: 'kraken', from: '2026-11-01', to: '2026-11-20', version: 'v2' };
  assert.equal(runSummary('reprocess', input), 'reprocess kraken 2026-11-01..2026-11-20 v2');
  for (const odd of [null, undefined, 'x', [1], { feed: { a: 1 } }, { feed: 'ü'.repeat(400) }]) {
    assert.ok(Buffer.byteLength(runSummary('audit', odd)) <= 180);
  }
  const filed = { SsmdFeed: 'kraken', SsmdDay: '2026-11-20' };
  assert.equal(stepSummary('moveDays', undefined, filed), 'kraken 2026-11-20: move the pointer');
  assert.equal(stepSummary('buildArchiveShard', 'given', filed), 'given');
  assert.equal(stepSummary('x', 'y'.repeat(400), {}).length, 120);
  assert.equal(stepSummary('unheardOf', undefined, {}), '');
});

test('a run that begins after its deadline has a moment to find its day done', () => {
  assert.equal(untilWarned(5_000, 3_000), 2_000);
  assert.equal(untilWarned(5_000, 5_000), BEGUN_LATE_MS);
  assert.equal(untilWarned(5_000, 9_000_000), BEGUN_LATE_MS);
});

test('a scheduled run that failed before its day was known is over with the next that succeeds', () => {
  const type = 'daily-archive';
  const run = (day: number) => ({ type, id: `daily-archive/tiny-2026-11-${day}T06:00:00Z` });
  const refused = failureNotice({ ...run(21), run_id: 'r1', filed: {} }, new Error('no feed'));
  const filed = { SsmdFeed: 'tiny', SsmdDay: '2026-11-21' };
  const next = recoveryOf({ ...run(22), run_id: 'r2', filed }).map((it) => it.fingerprint);
  assert.ok(next.includes(refused.fingerprint), refused.fingerprint);
  const failed = failureNotice({ ...run(22), run_id: 'r3', filed }, new Error('no store'));
  assert.ok(next.includes(failed.fingerprint));
  const other = { ...filed, SsmdDay: '2026-11-20' };
  const before = failureNotice({ ...run(21), run_id: 'r4', filed: other }, new Error('no store'));
  assert.ok(!next.includes(before.fingerprint), 'another day is trouble of its own');
});
