/** Which runs of jobs need somebody: of rows as the server lists them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditRuns } from '../../activities/audit-runs.ts';
import type { JobRuns, RunRow } from '../../activities/audit-runs.ts';
import { plainContext } from '../../activities/deps.ts';
import { parseIso, unixNs } from '../../schema/time.ts';

const NOW = parseIso('2026-11-22T06:00:00Z') ?? unixNs(0n);

function running(of: Partial<RunRow>): RunRow {
  const row = { type: 'reprocess', id: 'r', run_id: '1', status: 'RUNNING', closed: null };
  return {
    ...row,
    started: '2026-11-21T05:00:00.000Z',
    events: 40,
    stage: null,
    feed: null,
    day: null,
    ...of,
  };
}

function listing(rows: readonly RunRow[]): JobRuns {
  return {
    list: (query) => Promise.resolve(query.includes('"Running"') ? rows : []),
    failureOf: () => Promise.resolve({ code: 'none', words: '' }),
  };
}

async function kindOf(of: Partial<RunRow>): Promise<string | null> {
  const runs = listing([running(of)]);
  const found = await auditRuns(runs, { since: 0n, now: NOW, own: 'own' }, plainContext());
  return found[0]?.kind ?? null;
}

test('an approval that waits for more than a day, and a run that does not end', async () => {
  assert.equal(await kindOf({ stage: 'awaiting-promotion' }), 'approval_waiting');
  assert.equal(await kindOf({ stage: 'build' }), 'run_stuck');
  const today = { started: '2026-11-21T07:00:00.000Z' };
  assert.equal(await kindOf({ ...today, stage: 'awaiting-promotion' }), null);
  assert.equal(await kindOf({ ...today, events: 2 }), 'run_stuck');
  assert.equal(await kindOf({ type: 'replay' }), null);
  assert.equal(await kindOf({ id: 'own' }), null);
});

test('a day that failed and went well since, under whatever id, needs nobody', async () => {
  const failed = (of: Partial<RunRow>): RunRow => ({
    ...running({ type: 'daily-archive', id: 'daily-archive/tiny-2026-11-21T06:00:00Z' }),
    ...{ status: 'TERMINATED', closed: '2026-11-21T07:00:00.000Z', feed: 'tiny' },
    ...{ day: '2026-11-20', ...of },
  });
  const kinds = async (row: RunRow): Promise<string[]> => {
    const ended = failed({ id: 'daily-archive/tiny/2026-11-20', status: 'COMPLETED' });
    const cured =
      'WorkflowType = "daily-archive" AND SsmdFeed = "tiny" AND SsmdDay = "2026-11-20" ' +
      'AND ExecutionStatus = "Completed" AND CloseTime > "2026-11-21T07:00:00.000Z"';
    const runs: JobRuns = {
      list: (query) =>
        Promise.resolve(query.includes('"Terminated"') ? [row] : query === cured ? [ended] : []),
      failureOf: () => Promise.resolve({ code: 'none', words: '' }),
    };
    const found = await auditRuns(runs, { since: 0n, now: NOW, own: 'own' }, plainContext());
    return found.map(({ kind }) => kind);
  };
  assert.deepEqual(await kinds(failed({})), []);
  assert.deepEqual(await kinds(failed({ day: '2026-11-19' })), ['run_failed']);
  assert.deepEqual(await kinds(failed({ type: 'export' })), ['run_failed'], 'not one of a day');
});
