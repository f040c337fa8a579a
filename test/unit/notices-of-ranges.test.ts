/** What is told of jobs over a range of days that end, and not all of whose days do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noticesOfResult } from '../../workflows/lib/run-notice.ts';
import { emptyTally } from '../../workflows/lib/reprocess-tally.ts';
import { partialFingerprint, troublesOf } from '../../schema/notice.ts';

const range = { feed: 'tiny', from: '2026-11-01', to: '2026-11-03' };
const factsOf = (type: string) => ({
  ...{ type, id: `${type}/tiny/2026-11-01..2026-11-03`, run_id: '01a2' },
  filed: { SsmdFeed: 'tiny', SsmdDay: '2026-11-01' },
});
const bad = { day: '2026-11-02', why: 'SSMD_CORRUPT: a segment' };

const results = {
  reprocess: (failed: boolean) => ({
    ...{ ...range, outcome: failed ? 'partial' : 'promoted' },
    days: { ...emptyTally, failed: failed ? [bad] : [] },
  }),
  backfill: (failed: boolean) => ({
    ...{ ...range, outcome: failed ? 'partial' : 'built' },
    days: [
      { day: '2026-11-01', state: 'built', why: '' },
      { ...bad, state: failed ? 'failed' : 'built' },
      { day: '2026-11-03', state: 'no_raw', why: 'nothing' },
    ],
  }),
};

for (const type of ['reprocess', 'backfill'] as const) {
  test(`days that fail in a ${type} are told once a job, by name, and are over when it does them all`, () => {
    const facts = factsOf(type);
    const { told, well } = noticesOfResult(facts, results[type](true));
    assert.deepEqual(well, []);
    const [notice] = told;
    assert.equal(told.length, 1);
    assert.equal(notice?.title, `${type} tiny 2026-11-01..2026-11-03: 1 day failed`);
    assert.deepEqual(notice.causes, ['2026-11-02: SSMD_CORRUPT: a segment']);
    assert.equal(notice.fingerprint, partialFingerprint(facts.id));
    assert.equal(notice.run?.id, facts.id);
    const cured = noticesOfResult(facts, results[type](false));
    assert.deepEqual(cured.told, []);
    assert.deepEqual(
      cured.well.map(({ fingerprint }) => fingerprint),
      [notice.fingerprint],
    );
    // The next run of the same begins with its ticket.
    const begins = troublesOf({ type, id: facts.id, feed: 'tiny', day: '2026-11-21' });
    assert.ok(begins.includes(notice.fingerprint));
  });

  test(`a dry run of a ${type} says nothing`, () => {
    const planned = { ...results[type](false), outcome: 'planned' };
    assert.deepEqual(noticesOfResult(factsOf(type), planned), { told: [], well: [] });
  });
}
