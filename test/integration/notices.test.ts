/** From a run that ends badly to a notice in the file, on a real Temporal server. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import type { Day } from '../../schema/time.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, dayStart } from '../../schema/time.ts';
import { keepHistory } from '../support/histories.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { openNoticeFile } from '../support/notices.ts';
import { startTestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { SEARCH_ATTRIBUTES, startWorkflowJobs } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const NOW = '2026-11-22T06:00:00Z';
const DAY = '2026-11-20' as Day;
const HOLED = '2026-11-18' as Day;
const STEP = 20n * NS_PER_MINUTE;

const servers = await startTestServers({ temporal: true });
const file = await openNoticeFile();
const deps = memoryJobs(NOW);
const jobs = await startWorkflowJobs(servers.temporal.address, deps, SEARCH_ATTRIBUTES, null, {
  notifiers: [file.notifier],
  last_resort: file.notifier,
});

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
});

const archive = (id: string, input: object) =>
  jobs.run<{ complete: boolean }>('daily-archive', id, input);
/** How often a run handed something on. */
async function toldIn(id: string): Promise<number> {
  const { events } = await jobs.client.workflow.getHandle(id).fetchHistory();
  const names = events?.map((it) => it.markerRecordedEventAttributes?.markerName) ?? [];
  return names.filter((name) => name === 'core_local_activity').length;
}

const about = async (fingerprint: string) =>
  (await file.lines()).filter((line) => line.fingerprint === fingerprint);

test('a failed run is told once, again when it fails again, and is over when it succeeds', async () => {
  const input = { feed: 'tiny', day: DAY };
  const fingerprint = `run/daily-archive/tiny/${DAY}`;
  await assert.rejects(archive('one', input), WorkflowFailedError);
  const [opened] = await seen(
    () => about(fingerprint),
    (lines) => lines.length === 1,
  );
  assert.equal(opened?.event, 'opened');
  assert.equal(opened.title, `[test] daily-archive tiny ${DAY} failed: SSMD_NOT_FOUND`);
  const { runId } = await jobs.client.workflow.getHandle('one').describe();
  const { body } = opened;
  assert.ok(
    body.includes(`http://127.0.0.1:8233/namespaces/default/workflows/one/${runId}/history`),
  );
  assert.match(body, /- failed activity: `planArchiveDay`, attempt 1/);
  assert.match(body, /1\. `the activity planArchiveDay did not succeed \(non retryable failure\)`/);
  assert.match(body, /2\. `+ ?SSMD_NOT_FOUND: /);
  assert.match(body, /npx ssmd job retry one --env test/);
  assert.match(body, new RegExp(`- day: ${DAY}`));
  assert.deepEqual(file.logged[0], opened);

  await assert.rejects(archive('two', input), WorkflowFailedError);
  const [, again] = await seen(
    () => about(fingerprint),
    (lines) => lines.length === 2,
  );
  assert.equal(again?.event, 'again');
  assert.equal(again.count, 2);
  assert.match(again.body, /^\*\*Again\*\*, the 2nd time\./);

  await writeTinyDay(deps.raw, { day: DAY, step_ns: STEP });
  await archive('three', { ...input, qa: false });
  const [, , over] = await seen(
    () => about(fingerprint),
    (lines) => lines.length === 3,
  );
  assert.equal(over?.event, 'over');
  assert.match(over.body, /three succeeded\. It came up 2 times\./);
  const ended = await jobs.client.workflow.getHandle(`notice/${fingerprint}`).result();
  assert.deepEqual(ended, { outcome: 'over', count: 0 });
  await keepHistory(jobs.client, 'notice', `notice/${fingerprint}`);
  await keepHistory(jobs.client, 'daily-archive', 'two', 'failed-told');
  await keepHistory(jobs.client, 'daily-archive', 'three', 'told');
});

test('an incomplete day is told with its manifest, once for its content', async () => {
  await writeTinyDay(deps.raw, {
    ...{ day: HOLED, step_ns: STEP, end: 'crash' },
    stop_at: dayStart(HOLED) + 15n * NS_PER_HOUR,
  });
  const fingerprint = `incomplete/tiny/${HOLED}`;
  const day = await archive('holed', { feed: 'tiny', day: HOLED, qa: false });
  assert.equal(day.complete, false);
  const [told] = await seen(
    () => about(fingerprint),
    (lines) => lines.length === 1,
  );
  assert.equal(told?.title, `[test] tiny ${HOLED} is incomplete: 1 gap`);
  assert.match(told.body, /- manifest: `normalized\/v1\/_manifests\/tiny\/2026-11-18\.json`/);
  await archive('holed-again', { feed: 'tiny', day: HOLED, qa: false });
  const open = await jobs.client.workflow.getHandle(`notice/${fingerprint}`).describe();
  assert.equal(open.status.name, 'RUNNING');
  assert.equal((await about(fingerprint)).length, 1);
});

test('what was typed wrong, and what was cancelled, nobody is told', async () => {
  await assert.rejects(archive('wrong', { feed: 'tyni' }), WorkflowFailedError);
  const options = { taskQueue: 'ssmd', workflowId: 'stopped' };
  const waiting = { feed: 'tiny', day: '2026-11-21' };
  const handle = await jobs.client.workflow.start('daily-archive', { ...options, args: [waiting] });
  await handle.cancel();
  await assert.rejects(handle.result(), WorkflowFailedError);
  const told = await file.lines();
  assert.deepEqual(
    told.filter(({ body }) => /`(wrong|stopped)`/.test(body)),
    [],
  );
  for (const id of ['wrong', 'stopped']) {
    assert.equal(await toldIn(id), 0, id);
  }
  assert.equal(await toldIn('two'), 1);
});
