/** The jobs as operators start them: on real Temporal, S3 and NATS servers. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ApplicationFailure, CancelledFailure, WorkflowFailedError } from '@temporalio/client';
import type { DayAudit } from '../../activities/audit-report.ts';
import type { JobDeps } from '../../activities/deps.ts';
import type { QaReport } from '../../activities/qa.ts';
import { DEFAULT_LIMITS } from '../../bus/bus.ts';
import { createNatsBus } from '../../bus/nats.ts';
import { manifestKey, qaReportKey, qaResultsKey } from '../../dataset/keys.ts';
import { SsmdError } from '../../schema/errors.ts';
import { JOB_TYPES } from '../../schema/jobs.ts';
import { NS_PER_HOUR, NS_PER_MINUTE, dayStart, parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ArchiveTierReport } from '../../workflows/archive-tier.ts';
import { createSchedule } from '../../workers/schedule-apply.ts';
import { desired } from '../../workers/schedules.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { publishDay } from '../support/bus-day.ts';
import { keepHistory } from '../support/histories.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import { TINY_SHARD, writeTinyDay } from '../support/tiny-day.ts';
import { shippedCalendar } from '../support/shipped-calendar.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';
import { until } from '../support/until.ts';

const DAY = '2026-11-20' as Day;
const HOLED = '2026-11-18' as Day;
const NOW = '2026-11-22T06:00:00Z';
const STEP = 20n * NS_PER_MINUTE;

const [servers, plain] = await Promise.all([
  startTestServers({ temporal: true, s3: true, nats: true }),
  // For workers of other dependencies.
  startTestServers({ temporal: true }),
]);
const bus = await createNatsBus({
  servers: servers.nats.url,
  environment: 'test',
  subject_prefix: '',
  name: 'test',
  wait: false,
});
await bus.ensureStreams(DEFAULT_LIMITS);
const stores = await openS3Jobs(servers.s3, NOW, { bus });
const { deps } = stores;
const jobs = await startWorkflowJobs(servers.temporal.address, deps);

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
  await bus.close();
  await servers[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
});

/** Puts a day into RAW and, if wanted, on the bus. */
async function capture(day: Day, onBus: boolean, other: object = {}): Promise<number> {
  const written = await writeTinyDay(deps.raw, { day, step_ns: STEP, ...other });
  const epoch = Number((dayStart(day) - 2n * NS_PER_HOUR) / 1_000_000n);
  if (onBus) await publishDay(bus, written.live, { day, feed: 'tiny', epoch });
  return written.live.length;
}

async function failureOf(
  type: string,
  id: string,
  input: unknown,
  on = jobs,
): Promise<ApplicationFailure> {
  try {
    await on.run(type, id, input);
  } catch (error) {
    let cause: unknown = error;
    assert.ok(error instanceof WorkflowFailedError, String(error));
    while (cause instanceof Error && !(cause instanceof ApplicationFailure)) cause = cause.cause;
    assert.ok(cause instanceof ApplicationFailure, String(cause));
    return cause;
  }
  assert.fail(`${type} ${JSON.stringify(input)} did not fail`);
}

test('the hourly archive, the day, its checks and its audit, one after the other', async () => {
  const records = await capture(DAY, true);
  const tier = await jobs.run<ArchiveTierReport>('archive-tier', 'tier-1', { feed: 'tiny' });
  assert.equal(tier.outcome, 'archived');
  assert.equal(tier.windows, 24);
  const again = await jobs.run<ArchiveTierReport>('archive-tier', 'tier-2', {});
  assert.equal(again.outcome, 'nothing_closed');

  const id = `daily-archive/tiny/${DAY}`;
  const day = await jobs.run<DailyArchiveReport>('daily-archive', id, { feed: 'tiny', day: DAY });
  assert.equal(day.outcome, 'committed');
  assert.equal(day.complete, true);
  assert.equal(day.records, records);
  assert.equal(day.from_raw, 0);
  assert.equal(day.version, 'v1');
  assert.equal(day.manifest, manifestKey({ version: 'v1', feed: 'tiny', day: DAY }));
  assert.equal(day.qa, `qa/tiny/${DAY}/v1`);

  const qa = (await jobs.client.workflow.getHandle(day.qa ?? '').result()) as QaReport;
  assert.equal(qa.outcome, 'available', JSON.stringify(qa.reasons));
  assert.equal(qa.results, qaResultsKey('tiny', DAY));
  const results = await deps.normalized.get(qa.results);
  assert.match(new TextDecoder().decode(results?.body), /"day_condition": "available"/);
  const report = await deps.normalized.get(qaReportKey('tiny', DAY));
  assert.match(new TextDecoder().decode(report?.body), /^<!doctype html>/i);

  const audit = await jobs.run<{ outcome: string; days: DayAudit[] }>('audit', `audit/${DAY}`, {
    feed: 'tiny',
    day: DAY,
  });
  assert.equal(audit.outcome, 'passed', JSON.stringify(audit.days[0]?.findings));
  assert.equal(audit.days[0]?.equal, day.objects);
  await keepHistory(jobs.client, 'archive-tier', 'tier-1');
  await keepHistory(jobs.client, 'daily-archive', id);
  await keepHistory(jobs.client, 'daily-qa', day.qa ?? '');
  await keepHistory(jobs.client, 'audit', `audit/${DAY}`);
});

test('a run files itself under what operators look for', async () => {
  const run = await jobs.client.workflow.getHandle(`daily-archive/tiny/${DAY}`).describe();
  const filed = run.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  assert.deepEqual(Object.fromEntries(filed.filter(([name]) => String(name).startsWith('Ssmd'))), {
    SsmdFeed: 'tiny',
    SsmdDay: DAY,
    SsmdVersion: 'v1',
    SsmdStage: 'done',
    SsmdOutcome: 'complete',
    SsmdMode: 'wait',
  });
});

test('a day that is done is found done', async () => {
  const input = { feed: 'tiny', day: DAY, qa: false };
  const day = await jobs.run<DailyArchiveReport>('daily-archive', 'again', input);
  assert.equal(day.outcome, 'already_committed');
  assert.equal(day.qa, null);
});

test('a day with a hole is committed incomplete, and its checks say degraded', async () => {
  await capture(HOLED, false, { stop_at: dayStart(HOLED) + 15n * NS_PER_HOUR, end: 'crash' });
  const id = `daily-archive/tiny/${HOLED}`;
  const day = await jobs.run<DailyArchiveReport>('daily-archive', id, { feed: 'tiny', day: HOLED });
  assert.equal(day.complete, false);
  assert.equal(day.gaps, 1);
  const qa = (await jobs.client.workflow.getHandle(day.qa ?? '').result()) as QaReport;
  assert.equal(qa.outcome, 'degraded');
  assert.match(qa.reasons.join('\n'), /epoch_ended of tier1/);
  await keepHistory(jobs.client, 'daily-archive', id, 'raw');
});

test('wrong input fails at once, with every fault and a valid example', async () => {
  const { message, type, nonRetryable } = await failureOf('daily-archive', 'wrong-1', {
    feed: 'krakn',
    day: '2026-02-30',
    force: 'yes',
    dya: 1,
  });
  assert.equal(type, 'SSMD_INVALID_INPUT');
  assert.equal(nonRetryable, true);
  assert.match(message, /the input of daily-archive has 4 faults/);
  assert.match(message, /feed: "krakn" is not a feed of this environment \(it has tiny\)/);
  assert.match(message, /day: "2026-02-30" is not a day/);
  assert.match(message, /force: "yes" is neither true nor false/);
  assert.match(message, /dya: is not known .*did you mean "day"\?/);
  assert.match(message, /A valid example: \{"feed":"tiny","day":"2026-11-21"\}/);
  for (const job of JOB_TYPES) {
    const wrong = { feed: 'krakn', dya: 1 };
    const failure = await failureOf(job, `wrong-${job}`, wrong);
    assert.equal(failure.type, 'SSMD_INVALID_INPUT');
    assert.match(failure.message, new RegExp(`the input of ${job} has [2-9] faults`));
    assert.match(failure.message, /"krakn" is not a feed of this environment \(it has tiny\)/);
  }
  for (const [at, input] of ['tiny', ['tiny'], 7, null].entries()) {
    const failure = await failureOf('daily-qa', `wrong-shape-${at}`, input);
    assert.equal(failure.type, 'SSMD_INVALID_INPUT');
  }
});

test('a type that no workflow has fails at once and says which there are', async () => {
  const failure = await failureOf('daily-arcive', 'no-such-type', { feed: 'tiny' });
  assert.equal(failure.type, 'SSMD_INVALID_INPUT');
  assert.equal(failure.nonRetryable, true);
  assert.match(failure.message, /there is no workflow type "daily-arcive": this worker has /);
  for (const job of JOB_TYPES) assert.ok(failure.message.includes(`"${job}"`), failure.message);
  assert.match(failure.message, /did you mean "daily-archive"\?/);
  const { message } = await failureOf('nonsense', 'no-such-type-2', null);
  const words = JOB_TYPES.map((job) => `"${job}"`).join(', ');
  assert.ok(message.endsWith(`this worker has ${words}`), message);
});

test('whatever a job may have to wait for, it waits for hours; only the bus is not waited for', async () => {
  const waits = new Map<string, number>();
  for (const id of ['tier-1', `daily-archive/tiny/${HOLED}`, `qa/tiny/${DAY}/v1`, `audit/${DAY}`]) {
    const { events } = await jobs.client.workflow.getHandle(id).fetchHistory();
    for (const event of events ?? []) {
      const scheduled = event.activityTaskScheduledEventAttributes;
      if (scheduled == null) continue;
      const isCache = id.startsWith('daily') && scheduled.activityType?.name === 'archiveShardTier';
      const name = `${isCache ? 'cache ' : ''}${scheduled.activityType?.name}`;
      waits.set(name, Number(scheduled.scheduleToCloseTimeout?.seconds ?? 0));
      assert.equal(scheduled.retryPolicy?.maximumAttempts, isCache ? 2 : 0, name);
    }
  }
  const six_hours = 6 * 3600;
  assert.deepEqual(Object.fromEntries([...waits].toSorted()), {
    admitJob: six_hours,
    archiveShardTier: six_hours,
    auditFeedDay: six_hours,
    buildArchiveShard: six_hours,
    'cache archiveShardTier': 1800,
    commitArchiveDay: six_hours,
    findCommittedDay: six_hours,
    planArchiveDay: six_hours,
    planAudit: six_hours,
    resolveQaDay: six_hours,
    resolveSession: six_hours,
    runQaSuite: six_hours,
    verifyArchiveDay: six_hours,
    writeAuditReport: six_hours,
  });
});

test('a day that is not over is refused and gets no manifest', async () => {
  const today = '2026-11-22';
  const failure = await failureOf('daily-archive', 'open-day', { feed: 'tiny', day: today });
  assert.equal(failure.type, 'SSMD_DAY_NOT_OVER');
  assert.match(failure.message, /market still open until 2026-11-23T00:00:00Z/);
  const key = manifestKey({ version: 'v1', feed: 'tiny', day: today as Day });
  assert.equal(await deps.normalized.get(key), null);
});

test('checks of a day that was never archived say what to do first', async () => {
  const failure = await failureOf('daily-qa', 'no-day', { feed: 'tiny', day: '2026-11-10' });
  assert.equal(failure.type, 'SSMD_NOT_FOUND');
  assert.match(failure.message, /run daily-archive for it first/);
});

test('checks that a schedule starts before the archive wait for it', async () => {
  const crypto = shippedCalendar('crypto');
  const wanted = desired({ feeds: ['tiny'] }, () => crypto, parseIso(NOW) ?? assert.fail());
  const checks = wanted.find(({ job }) => job === 'daily-qa') ?? assert.fail();
  const { schedule, workflow } = jobs.client;
  const created = { environment: 'test', source: 'create', paused: true } as const;
  await createSchedule(schedule, checks, created);
  // The day is yesterday, whatever day that is: nobody archived it.
  await schedule.getHandle(checks.id).trigger();
  const query = `WorkflowId STARTS_WITH "${checks.id}-2"`;
  let id: string | null = null;
  await until('it began to wait', async () => {
    for await (const it of workflow.list({ query })) id = it.workflowId;
    const events = id === null ? [] : (await workflow.getHandle(id).fetchHistory()).events;
    assert.ok(!events?.some((it) => it.workflowExecutionFailedEventAttributes), 'it waits');
    return events?.some((it) => it.timerStartedEventAttributes);
  });
  assert.ok(id !== null);
  await workflow.getHandle(id).cancel();
  await assert.rejects(workflow.getHandle(id).result());
  await keepHistory(jobs.client, 'daily-qa', id, 'waited');
});

test('a server without our search attributes runs the jobs all the same', async () => {
  const silent: JobDeps = { ...deps, bus: null };
  const other = await startWorkflowJobs(plain.temporal.address, silent, []);
  const report = await other.run<DailyArchiveReport>('daily-archive', 'plain', {
    feed: 'tiny',
    day: DAY,
    qa: false,
  });
  assert.equal(report.outcome, 'already_committed');
  await other[Symbol.asyncDispose]();
});

test('a cancelled day stops where it is and commits nothing', async () => {
  const asked = Promise.withResolvers<undefined>();
  const get: JobDeps['raw']['get'] = (_key, options) =>
    new Promise((_, reject) => {
      asked.resolve(undefined);
      const signal = options?.signal;
      signal?.addEventListener('abort', () => reject(new Error('stopped reading')));
    });
  const stuck: JobDeps = { ...deps, bus: null, surveys: null, raw: { ...deps.raw, get } };
  const other = await startWorkflowJobs(plain.temporal.address, stuck, []);
  const day = '2026-11-17' as Day;
  await capture(day, false);
  const handle = await other.client.workflow.start('daily-archive', {
    taskQueue: 'ssmd',
    workflowId: 'cancelled',
    args: [{ feed: 'tiny', day }],
  });
  await asked.promise;
  await handle.cancel();
  await assert.rejects(handle.result(), (error: Error) => error.cause instanceof CancelledFailure);
  const key = manifestKey({ version: 'v1', feed: 'tiny', day });
  assert.equal(await deps.normalized.get(key), null);
  await other[Symbol.asyncDispose]();
});

test('a store that is away is waited for, a mistake in the code is told at once', async () => {
  let away = 2;
  const refused = new SsmdError('SSMD_UNAVAILABLE', 'connect ECONNREFUSED', { retryable: true });
  const absent: JobDeps['normalized'] = {
    ...deps.normalized,
    get: (...args) => (away-- > 0 ? Promise.reject(refused) : deps.normalized.get(...args)),
  };
  const patient = { ...deps, bus: null, normalized: absent };
  const first = await startWorkflowJobs(plain.temporal.address, patient, []);
  const qa = await first.run<QaReport>('daily-qa', 'away', { feed: 'tiny', day: DAY });
  assert.equal(qa.outcome, 'available');
  assert.ok(away < 0, 'the store was asked again');
  await first[Symbol.asyncDispose]();

  const shardsOf = (): never => {
    throw new TypeError("Cannot read properties of undefined (reading 'shards')");
  };
  const wrong = { ...deps, bus: null, raw: { ...deps.raw, get: shardsOf, list: shardsOf } };
  const second = await startWorkflowJobs(plain.temporal.address, { ...wrong, surveys: null }, []);
  const input = { feed: 'tiny', day: '2026-11-16', force: true };
  const failure = await failureOf('daily-archive', 'bug', input, second);
  assert.equal(failure.type, 'TypeError');
  assert.equal(failure.nonRetryable, true);
  await second[Symbol.asyncDispose]();
});

test('what arrives after the commit is late, and says so', async () => {
  await capture(HOLED, false);
  const input = { feed: 'tiny', day: HOLED };
  const failure = await failureOf('daily-archive', 'late', input);
  assert.equal(failure.type, 'SSMD_LATE_RAW');
  assert.match(failure.message, /a committed day never changes; build it under a new version/);
  assert.equal(TINY_SHARD, 'tier1');
});
