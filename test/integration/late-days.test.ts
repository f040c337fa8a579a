/**
 * What somebody has to hear of a scheduled day, on a real Temporal server: that it is late, which is said
 * once while the archive goes on, and over when it is committed; and that its checks, which nobody waits
 * for, could not be made.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Context } from '@temporalio/activity';
import { auditRuns } from '../../activities/audit-runs.ts';
import { plainContext } from '../../activities/deps.ts';
import { parseCalendar } from '../../environments/calendar-file.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NS_PER_MINUTE, parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { jobRunsOf } from '../../workers/job-runs.ts';
import { createSchedule } from '../../workers/schedule-apply.ts';
import { rule } from '../../workers/schedule-times.ts';
import { desired } from '../../workers/schedules.ts';
import { LATE_AFTER_MS } from '../../workflows/lib/deadline.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { openNoticeFile } from '../support/notices.ts';
import { startTestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { SEARCH_ATTRIBUTES, startWorkflowJobs } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const STEP = 20n * NS_PER_MINUTE;
const SCHEDULE = 'daily-archive/tiny';
/** A market that closes at noon: whatever time it is, its day is late two hours after its run was due. */
const { calendar } = parseCalendar(
  'noon.yaml',
  'name: noon\ntimezone: UTC\ntrading_days: [{ weekdays: [mon, tue, wed, thu, fri, sat, sun] }]\n' +
    'trading_hours: { open: "00:00", close: "12:00" }\nvalid: { from: 2024-01-01, to: 2099-12-31 }\n',
);

const servers = await startTestServers({ temporal: true });
const file = await openNoticeFile();
const now = new Date().toISOString();
const deps = memoryJobs(now);
const released = Promise.withResolvers<undefined>();
const jobs = await startJobs();
/** The run is started when its deadline is so far off: it has begun by then. */
const BEFORE_MS = 20_000;
const due_ms = Math.floor(Date.now() / 1_000) * 1_000 + BEFORE_MS - LATE_AFTER_MS;
const DUE = `${new Date(due_ms).toISOString().slice(0, 19)}Z`;
const RUN = `${SCHEDULE}-${DUE}`;
const LATE = new Date(due_ms - 86_400_000).toISOString().slice(0, 10) as Day;
after(async () => {
  released.resolve(undefined);
  await jobs[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
});

/** RAW answers when it is released; what checks read of a day's objects is broken. */
function startJobs() {
  const raw: ObjectStore = {
    ...deps.raw,
    get: async (...of) => {
      await released.promise;
      return deps.raw.get(...of);
    },
  };
  const normalized: ObjectStore = {
    ...deps.normalized,
    get: (key, ...of) => {
      const is_checked = Context.current().info.activityType === 'runQaSuite';
      if (!is_checked || !key.endsWith('.capnp.zst')) return deps.normalized.get(key, ...of);
      return Promise.reject(new SsmdError('SSMD_CORRUPT', 'the disk below it is broken', {}));
    },
  };
  const { address } = servers.temporal;
  const notices = { notifiers: [file.notifier], last_resort: file.notifier };
  const broken = { ...deps, raw, normalized };
  return startWorkflowJobs(address, broken, SEARCH_ATTRIBUTES, null, notices, calendar);
}

const about = async (fingerprint: string) =>
  (await file.lines()).filter((line) => line.fingerprint === fingerprint);

test('a scheduled day that is not committed in time is told of once, and goes on', async () => {
  await writeTinyDay(deps.raw, { day: LATE, step_ns: STEP });
  const [like] = desired({ feeds: ['tiny'] }, () => calendar, parseIso(now) ?? assert.fail());
  assert.equal(like?.id, SCHEDULE);
  const marks = { environment: 'test', source: 'create', paused: true } as const;
  const { schedule, workflow } = jobs.client;
  const due = new Date(due_ms);
  const clock = { hours: [due.getUTCHours()], minutes: [due.getUTCMinutes()] };
  const fire = [rule({ ...clock, seconds: [due.getUTCSeconds()] })];
  await createSchedule(schedule, { ...like, times: { fire, skip: [], tz: 'UTC' } }, marks);
  const window = { start: new Date(due_ms - 1), end: due, overlap: 'ALLOW_ALL' } as const;
  await schedule.getHandle(SCHEDULE).backfill(window);
  const fingerprint = `run/daily-archive/tiny/${LATE}`;
  const [told] = await seen(
    () => about(fingerprint),
    ({ length }) => length === 1,
  );
  assert.equal(told?.event, 'opened');
  assert.equal(told.title, `[test] daily-archive tiny ${LATE} is late`);
  // By its nominal time, and not by when the run began.
  const deadline = new Date(due_ms + LATE_AFTER_MS).toISOString().slice(0, 16);
  assert.match(told.body, new RegExp(`not done by ${deadline}Z\\. It goes on`));
  assert.match(told.body, new RegExp(`npx ssmd job status ${RUN}`));
  const { status, searchAttributes } = await workflow.getHandle(RUN).describe();
  assert.equal(status.name, 'RUNNING', 'it goes on');
  assert.deepEqual(searchAttributes['SsmdStage'], ['late']);
  released.resolve(undefined);
  const report = (await workflow.getHandle(RUN).result()) as DailyArchiveReport;
  assert.deepEqual([report.outcome, report.day], ['committed', LATE]);
  const lines = await seen(
    () => about(fingerprint),
    ({ length }) => length > 1,
  );
  assert.deepEqual(
    lines.map(({ event }) => event),
    ['opened', 'over'],
  );
});

test('checks that fail while nobody waits for them are told of, and an audit names them', async () => {
  released.resolve(undefined);
  const input = { feed: 'tiny', day: LATE };
  const { qa } = await jobs.run<DailyArchiveReport>('daily-archive', 'by-hand', input);
  assert.ok(qa !== null);
  await assert.rejects(jobs.client.workflow.getHandle(qa).result());
  const [told] = await seen(
    () => about(`run/daily-qa/tiny/${LATE}`),
    ({ length }) => length === 1,
  );
  assert.equal(told?.title, `[test] daily-qa tiny ${LATE} failed: SSMD_CORRUPT`);
  assert.match(told.body, /failed activity: `runQaSuite`/);
  assert.match(told.body, new RegExp(`npx ssmd job retry ${qa}`));
  const runs = jobRunsOf(jobs.client.connection, 'default');
  // Runs end by the server's clock, and are listed a little later.
  const of = { since: 0n, now: BigInt(Date.now()) * 1_000_000n, own: 'none' };
  const [finding] = await seen(
    () => auditRuns(runs, of, plainContext()),
    ({ length }) => length === 1,
  );
  assert.deepEqual([finding?.kind, finding?.key], ['run_failed', qa]);
  assert.match(finding?.detail ?? '', /daily-qa failed at .*SSMD_CORRUPT: .*the disk below it/);
});
