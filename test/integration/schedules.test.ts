/** Schedules on a real Temporal server: applied, fired, made up for, and filled in afterwards. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { msToTs, tsToMs } from '@temporalio/common/lib/time.js';
import { TROUBLE_HEADER } from '../../schema/notice.ts';
import type { Trouble } from '../../schema/notice.ts';
import { parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import { auditSchedules } from '../../workers/schedule-audit.ts';
import { applySchedules, createSchedule } from '../../workers/schedule-apply.ts';
import type { Applied } from '../../workers/schedule-apply.ts';
import { desired, mornings } from '../../workers/schedules.ts';
import type { WantedSchedule } from '../../workers/schedules.ts';
import { rule, timesBetween } from '../../workers/schedule-times.ts';
import type { FiringTimes } from '../../workers/schedule-times.ts';
import { cronRule } from '../../workers/cron.ts';
import { rowOf } from '../../cli/schedule-rows.ts';
import type { ScheduleRow } from '../../cli/schedule-rows.ts';
import { ssmd } from '../support/command-line.ts';
import type { Ran } from '../support/command-line.ts';
import { keepHistory } from '../support/histories.ts';
import { seen } from '../support/until.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import type { S3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import type { TestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { shippedCalendar } from '../support/shipped-calendar.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';
import type { WorkflowJobs } from '../support/workflow-jobs.ts';

const NOW = '2026-11-22T06:00:00Z';
const now = parseIso(NOW) ?? assert.fail();
const STEP = 20n * NS_PER_MINUTE;
const equity = shippedCalendar('us-equity');
const options = { environment: 'test', dry_run: false, prune: false };

let servers: TestServers;
let stores: S3Jobs;
let jobs: WorkflowJobs;

before(async () => {
  servers = await startTestServers({ temporal: true, s3: true });
  stores = await openS3Jobs(servers.s3, NOW, { bus: null });
  const { address } = servers.temporal;
  jobs = await startWorkflowJobs(address, stores.deps, undefined, null, null, equity);
});

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

const wanted = (): WantedSchedule[] => desired({ feeds: ['tiny'] }, () => equity, now);
const outcomes = (of: readonly Applied[]): Record<string, string> =>
  Object.fromEntries(of.map((it) => [it.id, it.outcome]));

/** What the server says it would fire in `(from, to]`. */
async function matching(id: string, from: string, to: string): Promise<string[]> {
  const answer = await jobs.client.workflowService.listScheduleMatchingTimes({
    namespace: 'default',
    scheduleId: id,
    startTime: msToTs(Date.parse(from)),
    endTime: msToTs(Date.parse(to)),
  });
  return (answer.startTime ?? []).map((it) => new Date(tsToMs(it)).toISOString());
}

function own(times: FiringTimes, from: string, to: string): string[] {
  const found = timesBetween(times, Date.parse(from), Date.parse(to));
  return found.map((it) => new Date(it).toISOString());
}

type Seen = { readonly id: string; readonly outcome: unknown; readonly day: unknown };

/** Runs of a schedule that are over, by their ids, once there are `count`. */
async function runsOf(id: string, count: number): Promise<Seen[]> {
  const query = `WorkflowId STARTS_WITH "${id}-2"`;
  const over = async (): Promise<Seen[]> => {
    const found: Seen[] = [];
    for await (const { workflowId, memo, status } of jobs.client.workflow.list({ query })) {
      if (status.name === 'RUNNING') continue;
      found.push({ id: workflowId, outcome: memo?.['outcome'], day: memo?.['day'] });
    }
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };
  return seen(over, (found) => found.length >= count);
}

function cli(args: readonly string[]): Promise<Ran> {
  const env = { TEMPORAL_ADDRESS: servers.temporal.address };
  return ssmd(['schedule', ...args, '--env', 'dev'], { root: servers.dir, env });
}

test('applied once they are there, applied again nothing changes, and a pause stays', async () => {
  const { schedule } = jobs.client;
  const dry = await applySchedules(schedule, wanted(), { ...options, dry_run: true });
  assert.ok(dry.every(({ outcome }) => outcome === 'created'));
  const first = await applySchedules(schedule, wanted(), options);
  assert.deepEqual(outcomes(first), outcomes(dry));
  assert.deepEqual(Object.keys(outcomes(first)), [
    ...['daily-archive/tiny', 'daily-qa/tiny', 'archive-tier', 'audit'],
    ...['monthly-audit', 'weekly-cleanup'],
  ]);
  const again = await applySchedules(schedule, wanted(), options);
  assert.deepEqual(
    again.filter(({ outcome }) => outcome !== 'unchanged'),
    [],
    'what the server holds compares equal with what it was given',
  );
  const handle = schedule.getHandle('audit');
  await handle.pause('a disk is being replaced');
  await handle.update(({ action, policies, state }) => ({
    ...{ action, policies, state },
    spec: { calendars: [{ hour: 3 }, { hour: 9 }], intervals: [{ every: '1 day' }] },
  }));
  const mended = (await applySchedules(schedule, wanted(), options)).filter(
    ({ outcome }) => outcome !== 'unchanged',
  );
  assert.deepEqual(outcomes(mended), { audit: 'updated' });
  assert.match(mended[0]?.diff.join('\n') ?? '', /^- fires: 03:00:00$/m);
  assert.match(mended[0]?.diff.join('\n') ?? '', /^- interval: /m);
  const { state, spec } = await handle.describe();
  assert.deepEqual([state.paused, state.note], [true, 'a disk is being replaced']);
  assert.equal(spec.calendars?.length, 1);
  assert.equal(spec.intervals?.length ?? 0, 0, 'nothing of the old one is left');
  await handle.unpause('replaced');
});

test('an audit names schedules that are gone, changed or paused by a failure, and applies nothing', async () => {
  const { schedule } = jobs.client;
  const all = wanted();
  const look = (of: readonly WantedSchedule[]) => auditSchedules(schedule, of, 'test');
  assert.deepEqual(await look(all), []);
  const [first, second] = all;
  assert.ok(first !== undefined && second !== undefined);
  await schedule.getHandle(second.id).pause('the disk is being replaced');
  const extra = { ...first, id: 'daily-archive/none' };
  const changed = { ...first, catchup_ms: 60_000 };
  const found = await look([changed, ...all.slice(1), extra]);
  assert.deepEqual(
    found.map(({ kind, key }) => [kind, key]),
    [
      ['schedule_changed', first.id],
      ['schedule_missing', 'daily-archive/none'],
    ],
  );
  assert.match(found[1]?.detail ?? '', /npx ssmd schedule apply --env test$/);
  await schedule.getHandle(second.id).unpause();
  // One whose job fails, as the server notes it.
  const failing = { ...extra, input: { feed: 'nope' }, pause_on_failure: true };
  const once: WantedSchedule = { ...failing, overlap: 'SKIP' };
  await createSchedule(schedule, once, { environment: 'test', source: 'apply' });
  const handle = schedule.getHandle(once.id);
  await handle.trigger(ScheduleOverlapPolicy.SKIP);
  const paused = await seen(
    () => look([...all, once]),
    (it) => it.length > 0,
  );
  await handle.delete();
  assert.deepEqual(
    paused.map(({ kind, key }) => [kind, key]),
    [['schedule_paused', once.id]],
  );
  assert.match(paused[0]?.detail ?? '', /npx ssmd schedule resume daily-archive\/none --env test/);
  // Of schedules that are another environment's an audit has nothing to say.
  assert.deepEqual(await auditSchedules(schedule, all, 'other'), []);
  // In an environment that never applied any, there is nothing to miss.
  const others = all.map((it) => ({ ...it, id: `other/${it.id}` }));
  assert.deepEqual(await auditSchedules(schedule, others, 'other'), []);
});

test('the server fires when our own reckoning says, holidays and clock changes included', async () => {
  const [from, to] = ['2025-01-01T00:00:00Z', '2028-12-31T23:00:00Z'];
  for (const name of ['us-equity', 'cme-equity-index', 'hkex', 'fx', 'crypto']) {
    const times = mornings(shippedCalendar(name), now, 6);
    const [like] = wanted();
    assert.ok(like);
    const one = { ...like, id: `times/${name}`, times };
    await createSchedule(jobs.client.schedule, one, {
      ...{ environment: 'test', source: 'create', paused: true },
    });
    const held: string[] = [];
    for (let year = 2025; year <= 2028; year++) {
      held.push(
        ...(await matching(one.id, `${year - 1}-12-31T23:59:59Z`, `${year}-12-31T23:00:00Z`)),
      );
    }
    assert.deepEqual(held, own(times, from, to), name);
    assert.ok(held.length > 900, `${name}: ${held.length}`);
  }
});

test('in New York, once a day across both changes of the clocks', async () => {
  const [like] = wanted();
  assert.ok(like);
  const at = (cron: string): FiringTimes => {
    return { fire: [cronRule(cron)], skip: [], tz: 'America/New_York' };
  };
  for (const [id, cron, march, november] of [
    ['ny/6', '0 6 * * *', 4, 4],
    // Why such hours are refused.
    ['ny/gap', '30 2 * * *', 3, 4],
    ['ny/fold', '30 1 * * *', 4, 5],
  ] as const) {
    const times = at(cron);
    await createSchedule(
      jobs.client.schedule,
      { ...like, id, times },
      { environment: 'test', source: 'create', paused: true },
    );
    const spring = ['2026-03-07T05:00:00Z', '2026-03-11T04:00:00Z'] as const;
    const autumn = ['2026-10-31T04:00:00Z', '2026-11-04T05:00:00Z'] as const;
    assert.deepEqual(await matching(id, ...spring), own(times, ...spring), id);
    assert.deepEqual(await matching(id, ...autumn), own(times, ...autumn), id);
    assert.equal(own(times, ...spring).length, march, id);
    assert.equal(own(times, ...autumn).length, november, id);
  }
});

test('a backfill across a change of clocks, a holiday and an early close: exactly the right runs', async () => {
  // What was captured: before it there is nothing, between it days that are one gap.
  const captured = ['2025-11-03', '2025-11-28'];
  for (const day of captured)
    await writeTinyDay(stores.deps.raw, { day: day as Day, step_ns: STEP });
  const id = 'daily-archive/tiny';
  // 2 November: clocks go back. 27: Thanksgiving. 28: closes at 13:00.
  for (const [start, end] of [
    ['2025-10-31', '2025-11-03'],
    ['2025-11-24', '2025-11-30'],
  ] as const) {
    const { code, out, err } = await cli(['backfill', id, '--start', start, '--end', end]);
    assert.equal(code, 0, out + err);
  }
  const runs = await runsOf(id, 6);
  assert.deepEqual(
    runs.map((it) => `${it.id.slice(id.length + 1)} ${String(it.outcome)}`),
    [
      '2025-11-01T06:00:00Z failed',
      '2025-11-04T06:00:00Z committed',
      '2025-11-25T06:00:00Z committed',
      '2025-11-26T06:00:00Z committed',
      '2025-11-27T06:00:00Z committed',
      '2025-11-29T06:00:00Z committed',
    ],
  );
  const days = runs.map(({ day }) => day).filter((it) => it !== undefined);
  const open = ['2025-11-03', '2025-11-24', '2025-11-25', '2025-11-26', '2025-11-28'];
  assert.deepEqual(days, open, 'each run took the day before it was due');
  await keepHistory(jobs.client, 'daily-archive', `${id}-2025-11-29T06:00:00Z`, 'scheduled');
});

test('a step of a scheduled run is told of under the name that its end is told under', async () => {
  const id = 'daily-archive/tiny-2025-11-29T06:00:00Z';
  const handle = jobs.client.workflow.getHandle(id);
  await handle.result();
  const { events } = await handle.fetchHistory();
  const steps = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: it }) => it ?? []);
  const said = steps.map(({ activityType, header }) => {
    const payload = header?.fields?.[TROUBLE_HEADER];
    const trouble = payload == null ? null : defaultPayloadConverter.fromPayload<Trouble>(payload);
    return `${activityType?.name}: ${trouble?.fingerprint}`;
  });
  const fingerprint = 'run/daily-archive/tiny/2025-11-28';
  assert.equal(said.at(-1), `commitArchiveDay: ${fingerprint}`);
  assert.deepEqual(
    said.filter((it) => !it.endsWith(fingerprint)),
    ['admitJob: run/daily-archive/tiny'],
    'before its day is known there is only its name',
  );
  const fired = (events ?? []).filter((it) => it.timerFiredEventAttributes != null);
  assert.deepEqual(fired, [], 'a day of a year ago that is done in seconds is not told to be late');
});

test('runs that may not stand beside each other are backfilled one after the other, each of them', async () => {
  const [like] = wanted();
  assert.ok(like);
  const one = { ...like, id: 'one-by-one', overlap: 'BUFFER_ONE' } as const;
  await createSchedule(jobs.client.schedule, one, {
    ...{ environment: 'test', source: 'create', paused: true },
  });
  const week = ['--start', '2025-11-10', '--end', '2025-11-14'];
  const { code, out, err } = await cli(['backfill', one.id, ...week, '--json']);
  assert.equal(code, 0, err);
  const [asked] = JSON.parse(out) as { due: string[] }[];
  const due = [11, 12, 13, 14, 15].map((day) => `2025-11-${day}T06:00:00Z`);
  assert.deepEqual(asked?.due, due);
  const settled = await seen(
    async () => rowOf(await jobs.client.schedule.getHandle(one.id).describe()),
    ({ taken, buffered, overlap_skipped }) => taken + buffered + overlap_skipped === due.length,
  );
  assert.equal(settled.overlap_skipped, 0);
});

test('more than a server lists is refused, and none of it is started', async () => {
  const [like] = wanted();
  assert.ok(like);
  const times = { fire: [rule({ hours: [] })], skip: [], tz: 'UTC' };
  await createSchedule(
    jobs.client.schedule,
    { ...like, id: 'hourly', times },
    { environment: 'test', source: 'create', paused: true },
  );
  const range = ['--start', '2025-08-01', '--end', '2025-10-01'];
  const { code, err } = await cli(['backfill', 'hourly', ...range]);
  assert.equal(code, 2, err);
  assert.match(err, /hourly was due 1000 times or more.*at most 999 at once/s);
  const { info } = await jobs.client.schedule.getHandle('hourly').describe();
  assert.equal(info.numActionsTaken, 0);
});

test('a holiday that a schedule does not know of ends its run as skipped', async () => {
  const [like] = wanted();
  assert.ok(like);
  const every = {
    ...like,
    id: 'every-day',
    times: { fire: [rule({ hours: [6] })], skip: [], tz: 'UTC' },
  };
  await createSchedule(jobs.client.schedule, every, { environment: 'test', source: 'create' });
  const window = ['--start', '2025-11-27', '--end', '2025-11-27'];
  const { code, err } = await cli(['backfill', 'every-day', ...window]);
  assert.equal(code, 0, err);
  const [run] = await runsOf('every-day', 1);
  assert.deepEqual(run, {
    id: 'every-day-2025-11-28T06:00:00Z',
    outcome: 'skipped: Thanksgiving Day',
    day: '2025-11-27',
  });
  await keepHistory(jobs.client, 'daily-archive', 'every-day-2025-11-28T06:00:00Z', 'skipped');
  const { out } = await cli(['show', 'every-day', '--json']);
  const [row] = JSON.parse(out) as ScheduleRow[];
  assert.deepEqual([row?.missed, row?.overlap_skipped, row?.buffered], [0, 0, 0]);
  assert.equal(row?.taken, 1);
});

test('a run that is triggered is found by its id', async () => {
  const { code, out, err } = await cli(['trigger', 'monthly-audit', '--json']);
  assert.equal(code, 0, err);
  const [started] = JSON.parse(out) as { id: string; run: string }[];
  assert.match(started?.run ?? '', /^monthly-audit-\d{4}-/);
  const ended = await jobs.client.workflow.getHandle(started?.run ?? '').result();
  assert.equal((ended as { outcome: string }).outcome, 'reported');
  const shown = await cli(['show', 'monthly-audit']);
  assert.match(shown.out, /1 started, 0 missed/);
  assert.match(shown.out, /COMPLETED \(reported\) {2}monthly-audit-/);
});

test('a server that was away across due times starts each of them once', async () => {
  const [like] = wanted();
  assert.ok(like);
  const id = 'every-second';
  const times = { fire: [rule({ hours: [], minutes: [], seconds: [] })], skip: [], tz: 'UTC' };
  const of = { ...like, id, job: 'daily-archive', input: { feed: 'tiny', qa: false }, times };
  const begun = Math.ceil(Date.now() / 1_000);
  await createSchedule(jobs.client.schedule, of, { environment: 'test', source: 'create' });
  await runsOf(id, 2);
  await servers.temporal.kill();
  const away = Date.now();
  while (Date.now() < away + 3_000) await new Promise((resolve) => setTimeout(resolve, 100));
  await servers.temporal.restart();
  await runsOf(id, 8);
  await jobs.client.schedule.getHandle(id).pause('enough');
  const { info } = await jobs.client.schedule.getHandle(id).describe();
  const runs = await runsOf(id, info.numActionsTaken);
  const due = runs.map((it) => Date.parse(it.id.slice(id.length + 1)) / 1_000);
  const [first = 0] = due;
  assert.ok(first <= begun + 2);
  assert.deepEqual(
    due,
    due.map((_, index) => first + index),
    'nothing missed, nothing twice',
  );
  assert.equal(info.numActionsMissedCatchupWindow + info.numActionsSkippedOverlap, 0);
  assert.ok(
    due.some((it) => it * 1_000 > away && it * 1_000 < away + 3_000),
    'some were due meanwhile',
  );
});

test('paused, resumed and listed by the command line, for every feed at once', async () => {
  const paused = await cli(['pause', 'daily-archive', '--reason', 'a move']);
  assert.equal(paused.code, 0, paused.err);
  assert.match(paused.out, /^daily-archive\/tiny: paused$/m);
  const rows = async (): Promise<ScheduleRow[]> => {
    const { code, out, err } = await cli(['list', '--json']);
    assert.equal(code, 0, out + err);
    return JSON.parse(out) as ScheduleRow[];
  };
  const row = (await rows()).find(({ id }) => id === 'daily-archive/tiny');
  assert.equal(row?.paused, true);
  assert.match(row.note ?? '', /^paused by .*: a move$/);
  assert.match((await cli(['list'])).out, /daily-archive\/tiny +paused/);
  const shown = (await cli(['show', 'daily-archive/tiny'])).out;
  assert.match(shown, /next +nothing until it is resumed: npx ssmd schedule resume daily-archive/);
  const twice = await cli(['pause', 'daily-archive', '--reason', 'another']);
  assert.match(twice.out, /^daily-archive\/tiny: is paused already; it has this reason now$/m);
  assert.match((await cli(['resume', 'daily-archive'])).out, /^daily-archive\/tiny: resumed$/m);
  const awake = await cli(['resume', 'daily-archive', '--reason', 'no need']);
  assert.match(awake.out, /^daily-archive\/tiny: is not paused$/m);
  const kept = (await rows()).find(({ id }) => id === 'daily-archive/tiny')?.note ?? '';
  assert.ok(!kept.includes('no need'), kept);
  assert.equal((await rows()).find(({ id }) => id === 'daily-archive/tiny')?.paused, false);
  const none = await cli(['show', 'daily-archve']);
  assert.equal(none.code, 2);
  assert.match(none.err, /no schedule "daily-archve"; .*daily-archive/);
  const other = await cli(['apply', '--dry-run']);
  assert.match(other.err, /belongs to the environment test/, 'it is not taken over');
});

test('what is wanted no more is named, and deleted only when that is asked for', async () => {
  const { schedule } = jobs.client;
  const less = wanted().filter(({ id }) => id !== 'daily-qa/tiny');
  const of = async (prune: boolean): Promise<string | undefined> =>
    outcomes(await applySchedules(schedule, less, { ...options, prune }))['daily-qa/tiny'];
  assert.equal(await of(false), 'unwanted');
  assert.ok(await schedule.getHandle('daily-qa/tiny').describe());
  assert.equal(await of(true), 'deleted');
  await assert.rejects(schedule.getHandle('daily-qa/tiny').describe(), /not found/i);
});
