/**
 * Schedules in their long form: a server that goes away again and again across due times. Each run that was
 * due is started once. `SSMD_SOAK_ROUNDS` says how often it goes (default 6).
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as elapsed } from 'node:timers/promises';
import { parseIso } from '../../schema/time.ts';
import { createSchedule } from '../../workers/schedule-apply.ts';
import { rule } from '../../workers/schedule-times.ts';
import { desired } from '../../workers/schedules.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import { shippedCalendar } from '../support/shipped-calendar.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';

const ROUNDS = Number(process.env['SSMD_SOAK_ROUNDS'] ?? '6');
const NOW = '2026-11-22T06:00:00Z';
const ID = 'every-second';

const servers = await startTestServers({ temporal: true });
after(() => servers[Symbol.asyncDispose]());

test('each run that was due while the server was away is started once', async () => {
  const now = parseIso(NOW) ?? assert.fail();
  await using jobs = await startWorkflowJobs(servers.temporal.address, memoryJobs(NOW));
  const [like] = desired({ feeds: ['tiny'] }, () => shippedCalendar('crypto'), now);
  assert.ok(like);
  const times = { fire: [rule({ hours: [], minutes: [], seconds: [] })], skip: [], tz: 'UTC' };
  const { schedule, workflow } = jobs.client;
  const marks = { environment: 'soak', source: 'create' } as const;
  await createSchedule(schedule, { ...like, id: ID, times }, marks);
  for (let round = 0; round < ROUNDS; round++) {
    await elapsed(2_000);
    await (round % 2 === 0 ? servers.temporal.kill() : servers.temporal.stop());
    await elapsed(1_000 * (1 + (round % 10)));
    await servers.temporal.restart();
  }
  const handle = schedule.getHandle(ID);
  // What was due meanwhile is started little by little.
  const back = Date.now();
  for (const late = back + 120_000; ; await elapsed(500)) {
    const last = (await handle.describe()).info.recentActions.at(-1);
    if ((last?.scheduledAt.getTime() ?? 0) > back) break;
    assert.ok(Date.now() < late, 'it never caught up');
  }
  await handle.pause('enough');
  const { info } = await handle.describe();
  const due: number[] = [];
  for (const late = performance.now() + 60_000; performance.now() < late;) {
    due.length = 0;
    for await (const { workflowId } of workflow.list({
      query: `WorkflowId STARTS_WITH "${ID}-2"`,
    })) {
      due.push(Date.parse(workflowId.slice(ID.length + 1)) / 1_000);
    }
    if (due.length >= info.numActionsTaken) break;
  }
  due.sort((a, b) => a - b);
  const [first = 0] = due;
  const expected = due.map((_, index) => first + index);
  assert.deepEqual(due, expected, 'nothing missed, nothing twice');
  assert.equal(info.numActionsMissedCatchupWindow + info.numActionsSkippedOverlap, 0);
  console.log(`# away ${ROUNDS} times, ${due.length} runs due, each started once`);
});
