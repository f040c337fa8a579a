/** What `ssmd reprocess diff` prints, to the letter. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { plainContext } from '../../activities/deps.ts';
import { diffDay } from '../../activities/diff.ts';
import { createOutput } from '../../cli/output.ts';
import { printDiff } from '../../cli/compare/print.ts';
import type { DiffDocument } from '../../dataset/diff.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { BOOK, DIFF_DAY, TICKER, TRADE, at, layDay } from '../support/diff-day.ts';
import type { LaidDay } from '../support/diff-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

async function printed(old: Omit<LaidDay, 'version'>, now: Omit<LaidDay, 'version'>) {
  const deps = memoryJobs('2026-11-21T00:00:00Z');
  await layDay(deps, { ...old, version: 'v1' });
  await layDay(deps, { ...now, version: 'v2' });
  const of = { feed: tinyFeed, day: DIFF_DAY, old: 'v1', new: 'v2' };
  const figures = await diffDay(deps, of, plainContext());
  const stored = await deps.normalized.get(figures.json);
  const document = JSON.parse(new TextDecoder().decode(stored?.body)) as DiffDocument;
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text), columns: 100 };
  const output = createOutput({ stdout: stream, stderr: stream, env: { NO_COLOR: '1' } });
  printDiff(document, figures, output);
  return lines.join('').trimEnd();
}

const trades: readonly MarketEvent[] = Array.from({ length: 1_200 }, (_, minute) =>
  at({ ...TRADE, trade_id: `${minute}` }, minute),
);

test('a day that differs', async () => {
  const now = trades
    .map((event, place) =>
      event.type === 'trade' && place < 3 ? { ...event, side: null, trade_id: null } : event,
    )
    .slice(0, -1);
  const old = [...trades, at(TICKER, 5)];
  assert.equal(
    await printed({ events: old }, { events: [...now, at(TICKER, 5)] }),
    `tiny 2026-11-19 v1..v2: differs
  3 changed, 1 removed of 1,201 records
type    old    new    equal  changed  added  removed  dropped
trade   1,200  1,199  1,196  3        0      1        0
ticker  1      1      1      0        0      0        0
all     1,201  1,200  1,197  3        0      1        0
  trade fields: side 3, trade_id 3
  npx ssmd trace tiny/tier1/1795046400000000000/trade/BTCUSD/0
  report: diff/tiny/2026/11/19/v1..v2.html
  the same as JSON: diff/tiny/2026/11/19/v1..v2.json`,
  );
});

test('a projection', async () => {
  const events = [at(BOOK, 1), at(TRADE, 2), at(TICKER, 3)];
  assert.equal(
    await printed({ events }, { events, schema: 'md1' }),
    `tiny 2026-11-19 v1..v2: projected
  1 of 1 md1 records are equal to the byte; of 3 events 2 have no form in md1
  schema md2 -> md1
type    old  new  equal  changed  added  removed  dropped
trade   1    1    1      0        0      0        0
book    1    0    0      0        0      0        1
ticker  1    0    0      0        0      0        1
all     3    1    1      0        0      0        2
  dropped: book_not_whole 1, other_type 1
  report: diff/tiny/2026/11/19/v1..v2.html
  the same as JSON: diff/tiny/2026/11/19/v1..v2.json`,
  );
});

test('equal days', async () => {
  assert.equal(
    await printed({ events: trades }, { events: trades, cuts: [60] }),
    `tiny 2026-11-19 v1..v2: identical
  1,200 of 1,200 records are equal to the byte, and so are the gaps
type   old    new    equal  changed  added  removed  dropped
trade  1,200  1,200  1,200  0        0      0        0
  report: diff/tiny/2026/11/19/v1..v2.html
  the same as JSON: diff/tiny/2026/11/19/v1..v2.json`,
  );
});
