/** The worker's log of steps: ids and attempts on each line; one notice where a step is stuck. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Context } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Headers } from '@temporalio/common';
import { TROUBLE_HEADER } from '../../schema/notice.ts';
import type { Notice } from '../../schema/notice.ts';
import { SsmdError } from '../../schema/errors.ts';
import { ATTEMPTS_TOLD, stepLog } from '../../workers/step-log.ts';

type Line = Record<string, unknown>;

function rig(attempt: number, activity = 'runQaSuite', headers: Headers = {}) {
  const lines: Line[] = [];
  const told: Notice[] = [];
  const write = (facts: object, words = ''): void => void lines.push({ ...facts, words });
  const factory = stepLog({
    logger: { info: write, warn: write, error: write } as never,
    desk: { told: (notice) => Promise.resolve(void told.push(notice)) },
    now: () => '2026-11-21T06:00:00.000Z',
  });
  const info = {
    ...{ activityType: activity, workflowType: 'daily-qa', attempt },
    workflowExecution: { workflowId: 'daily-qa/kraken/2026-11-20', runId: 'r1' },
  };
  const { inbound } = factory({ info } as Context);
  const run = (step: () => Promise<unknown>) =>
    inbound?.execute?.({ args: [], headers }, step) ?? Promise.reject(new Error('none'));
  return { lines, told, run };
}

test('each attempt is a line with the run, the attempt, and why it failed', async () => {
  const { lines, told, run } = rig(3);
  assert.equal(await run(() => Promise.resolve(7)), 7);
  const away = new SsmdError('SSMD_UNAVAILABLE', 'no store', { retryable: true });
  await assert.rejects(
    run(() => Promise.reject(away)),
    away,
  );
  const ids = {
    ...{ activity: 'runQaSuite', workflow: 'daily-qa', attempt: 3, run_id: 'r1' },
    workflow_id: 'daily-qa/kraken/2026-11-20',
  };
  for (const line of lines) assert.equal(typeof line['took_ms'], 'number');
  assert.deepEqual(
    lines.map(({ took_ms: _, ...line }) => line),
    [
      { event: 'step.done', ...ids, words: '' },
      { event: 'step.failed', ...ids, code: 'SSMD_UNAVAILABLE', words: 'no store' },
    ],
  );
  assert.equal(told.length, 0);
});

test('after 25 attempts somebody is told, once, and of what carries notices never', async () => {
  for (let attempt = ATTEMPTS_TOLD - 1; attempt < ATTEMPTS_TOLD + 5; attempt++) {
    const { told, lines, run } = rig(attempt);
    await run(() => Promise.resolve(null));
    assert.equal(told.length, attempt === ATTEMPTS_TOLD + 1 ? 1 : 0, `attempt ${attempt}`);
    if (told.length === 0) continue;
    assert.equal(told[0]?.fingerprint, 'run/daily-qa/kraken/2026-11-20');
    assert.match(told[0]?.title ?? '', /is stuck: runQaSuite fails again and again/);
    assert.equal(lines[0]?.['event'], 'step.stuck');
  }
  const carrier = rig(ATTEMPTS_TOLD + 1, 'deliverNotice');
  await carrier.run(() => Promise.resolve(null));
  assert.equal(carrier.told.length, 0);
});

test('what a run says it is about counts, since an id that a schedule made does not say its day', async () => {
  const trouble = {
    ...{ fingerprint: 'run/daily-qa/kraken/2026-11-19', feed: 'kraken', day: '2026-11-19' },
  };
  const headers = { [TROUBLE_HEADER]: defaultPayloadConverter.toPayload(trouble) };
  const { told, run } = rig(ATTEMPTS_TOLD + 1, 'runQaSuite', headers);
  await run(() => Promise.resolve(null));
  const [{ fingerprint, feed, day } = trouble] = told;
  assert.equal(told.length, 1);
  assert.deepEqual({ fingerprint, feed, day }, trouble);
});
