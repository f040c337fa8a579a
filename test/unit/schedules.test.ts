/** Schedules as code: which days they fire on, cron lines, and what is refused before a server is asked. */
import assert from 'node:assert/strict';
import { ServiceError } from '@temporalio/client';
import type { ScheduleClient } from '@temporalio/client';
import { test } from 'node:test';
import { admit } from '../../activities/admission.ts';
import { sessionOf } from '../../activities/session.ts';
import { calendarFolders, calendarsOf, loadCalendar } from '../../environments/calendar-files.ts';
import { parseCalendar } from '../../environments/calendar-file.ts';
import { SsmdError } from '../../schema/errors.ts';
import { describe } from '../../workers/schedule-apply.ts';
import { addDays, dayOf, daysBetween, nsFromMs, parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { parseCron } from '../../workers/cron.ts';
import { diffLines, wantedLines } from '../../workers/schedule-client.ts';
import {
  nextTimes,
  rule,
  ruleText,
  timesBetween,
  wallFault,
} from '../../workers/schedule-times.ts';
import { desired, mornings } from '../../workers/schedules.ts';
import { noticesOfResult } from '../../workflows/lib/run-notice.ts';
import { ssmd } from '../support/command-line.ts';
import { projectRoot } from '../support/project.ts';

const folders = calendarFolders(projectRoot);
const load = (name: string) => loadCalendar(name, folders).calendar;
const now = parseIso('2026-11-21T12:00:00Z') ?? assert.fail();
const at = (text: string): number => Date.parse(text);

const SHIPPED = ['us-equity', 'crypto', 'cme-equity-index', 'lse', 'hkex', 'tse', 'fx'];

for (const name of SHIPPED) {
  test(`${name}: fires on the morning after each day that is open, and on no other`, () => {
    const calendar = load(name);
    const times = mornings(calendar, now, 6);
    const first = '2025-01-02' as Day;
    const last = (
      calendar.valid.to < '2028-12-30' ? addDays(calendar.valid.to as Day, -2) : '2028-12-30'
    ) as Day;
    const expected = daysBetween(first, last).filter((it) => calendar.utcDay(it).open_ns > 0n);
    const fired = timesBetween(
      times,
      at(`${first}T12:00:00Z`),
      at(`${addDays(last, 1)}T12:00:00Z`),
    );
    assert.deepEqual(
      fired.map((it) => addDays(dayOf(nsFromMs(it)), -1)),
      expected,
    );
    assert.ok(fired.every((it) => it % 86_400_000 === 6 * 3_600_000));
    // Servers try them one by one.
    assert.ok(times.fire.length + times.skip.length <= 60, `${times.skip.length} rules`);
  });
}

test('it is the same on every day of a year', () => {
  const of = (iso: string) => mornings(load('us-equity'), parseIso(iso) ?? assert.fail(), 6);
  assert.deepEqual(of('2026-01-01T00:00:00Z'), of('2026-12-31T23:59:59Z'));
});

test('what an environment is to have: days beside each other, only cleanup stops at a failure', () => {
  const wanted = desired(
    { feeds: ['kraken', 'spy'] },
    (it) => load(it === 'spy' ? 'us-equity' : 'crypto'),
    now,
  );
  const of = (id: string) => wanted.find((it) => it.id === id) ?? assert.fail(id);
  assert.equal(wanted.length, 8);
  assert.deepEqual(of('daily-archive/kraken').times.fire.map(ruleText), ['06:00:00']);
  assert.deepEqual(of('daily-archive/spy').times.fire.map(ruleText), ['06:00:00 Tue..Sat']);
  assert.deepEqual(of('weekly-cleanup').times.fire.map(ruleText), ['02:00:00 Sun']);
  assert.deepEqual(of('monthly-audit').times.fire.map(ruleText), ['08:00:00 *-*-01']);
  const stops = wanted.filter((it) => it.pause_on_failure).map(({ id }) => id);
  assert.deepEqual(stops, ['weekly-cleanup']);
  assert.ok(wanted.every(({ catchup_ms }) => catchup_ms === 365 * 86_400_000));
  assert.ok(wanted.every(({ times }) => times.tz === 'UTC'));
  const beside = wanted.filter(({ overlap }) => overlap === 'ALLOW_ALL').map(({ job }) => job);
  assert.deepEqual([...new Set(beside)], ['daily-archive', 'daily-qa']);
});

test('a difference is told in both directions', () => {
  const [one] = desired({ feeds: ['kraken'] }, () => load('crypto'), now);
  assert.ok(one);
  const other = { ...one, times: { ...one.times, fire: [rule({ hours: [5] })] } };
  assert.deepEqual(diffLines(wantedLines(one), wantedLines(other)), [
    '- fires: 06:00:00',
    '+ fires: 05:00:00',
  ]);
  assert.deepEqual(diffLines(wantedLines(one), wantedLines(one)), []);
});

test('the day is the one before it was due, however late; a day that is named wins', () => {
  const known = { feeds: ['kraken'], shards: [{ feed: 'kraken', shard: 'tier1' }], now };
  const day = (input: object, due?: string): string => {
    const nominal = due === undefined ? {} : { nominal_ms: at(due) };
    const admitted = admit(known, { type: 'daily-archive', input, ...nominal });
    return admitted.refusal === null ? admitted.day : assert.fail(admitted.refusal.message);
  };
  assert.equal(day({ feed: 'kraken' }), '2026-11-20');
  assert.equal(day({ feed: 'kraken' }, '2026-11-14T06:00:00Z'), '2026-11-13');
  assert.equal(day({ feed: 'kraken', day: '2026-11-01' }, '2026-11-14T06:00:00Z'), '2026-11-01');
});

test('a session: open, closed with its name, half a day, and a day nobody knows', () => {
  const equity = load('us-equity');
  assert.deepEqual(sessionOf(equity, '2025-11-27' as Day), {
    ...{ calendar: 'us-equity', expected: false, open: null, close: null, half: false },
    reason: 'Thanksgiving Day',
  });
  const half = sessionOf(equity, '2025-11-28' as Day);
  assert.deepEqual([half.expected, half.half], [true, true]);
  assert.equal(half.close, String(parseIso('2025-11-28T18:00:00Z')));
  assert.equal(
    sessionOf(equity, '2025-11-29' as Day).reason,
    'no session that day of the week: sat',
  );
  const unknown = sessionOf(equity, '2035-01-02' as Day);
  assert.equal(unknown.expected, true);
  assert.match(unknown.reason ?? '', /out of range/);
});

test('a feed without a calendar never closes; one that does not exist is told by its name', () => {
  const spec = (calendar?: string) =>
    ({
      spec: { feeds: calendar === undefined ? {} : { kraken: { calendar } } },
      symbols: [{ symbol: 'BTCUSD', feeds: new Map([['kraken', 'XBT']]), depth: 'l2', shard: 'a' }],
    }) as unknown as Parameters<typeof calendarsOf>[0];
  assert.equal(calendarsOf(spec(), folders)('kraken').name, 'crypto');
  assert.equal(calendarsOf(spec('lse'), folders)('kraken').name, 'lse');
  assert.throws(() => calendarsOf(spec('us-equty'), folders), /us-equity/);
});

test('a calendar of a year or less: its first and last days are its own to know', () => {
  const { calendar } = parseCalendar(
    'a.yaml',
    `calendar: a
tz: America/New_York
valid: { from: 2026-01-01, to: 2027-01-04 }
sessions: [{ kind: regular, open: '09:30', close: '16:00', days: [mon, tue, wed, thu, fri] }]
holidays: [{ dates: [2026-01-02, 2026-12-31, 2027-01-01], name: closed }]
`,
  );
  const fired = (from: string, to: string): string[] =>
    timesBetween(mornings(calendar, now, 6), at(from), at(to)).map((it) =>
      new Date(it).toISOString().slice(0, 10),
    );
  assert.deepEqual(fired('2026-01-03T00:00:00Z', '2026-01-06T06:00:00Z'), ['2026-01-06']);
  const until = fired('2026-12-31T06:00:00Z', '2027-01-06T00:00:00Z');
  assert.deepEqual(until, ['2027-01-05'], 'from is left out, closed days are');
});

test('cron lines', () => {
  const text = (line: string): string => {
    const cron = parseCron(line);
    return 'rule' in cron ? ruleText(cron.rule) : cron.faults.map(({ what }) => what).join('; ');
  };
  assert.equal(text('0 6 * * *'), '06:00:00');
  assert.equal(text('*/20 * * * *'), '*:00,20,40:00');
  assert.equal(text('5/20 6 * * *'), '06:05,25,45:00', 'to the end of the hour');
  assert.equal(text('5 0-3,22 * * mon-fri'), '00,01,02,03,22:05:00 Mon..Fri');
  assert.equal(text('0 2 * * 7'), '02:00:00 Sun');
  assert.equal(text('0 2 * * 5-7'), '02:00:00 Sun,Fri,Sat');
  assert.equal(text('0 8 1 jan,JUL *'), '08:00:00 *-01,07-01');
  assert.equal(text('@weekly'), '00:00:00 Sun');
  assert.equal(text('0 0 29 2 *'), '00:00:00 *-02-29');
  for (const wrong of ['', '* * * *', '0 6 * * * *', '60 6 * * *', '0 24 * * *', '0 6 0 * *']) {
    assert.match(text(wrong), /has \d fields|is not in/, wrong);
  }
  assert.match(text('0 6 * * mom'), /day of the week: 'mom' is not in 0 to 7/);
  assert.match(text('0 6-2 * * *'), /hour: '6-2' ends before it begins/);
  assert.match(text('*/0 6 * * *'), /no step/);
  assert.match(text('a-b-c 6 * * *'), /no value, range or step|is not a value/);
  assert.match(text('0 0 30 2 *'), /never comes/);
  assert.match(text('0 0 1 * mon'), /days of the month and days of the week/);
});

test('next times: over a month, a leap day, a hole in the clocks', () => {
  const iso = (times: readonly number[]) =>
    times.map((it) => new Date(it).toISOString().slice(0, 16));
  const leap = { fire: [rule({ months: [2], days_of_month: [29] })], skip: [], tz: 'UTC' };
  assert.deepEqual(iso(nextTimes(leap, at('2026-11-21'), 2)), [
    '2028-02-29T00:00',
    '2032-02-29T00:00',
  ]);
  const newYork = { fire: [rule({ hours: [2], minutes: [30] })], skip: [], tz: 'America/New_York' };
  assert.deepEqual(iso(nextTimes(newYork, at('2026-03-07T00:00:00Z'), 2)), [
    '2026-03-07T07:30',
    '2026-03-09T06:30',
  ]);
  assert.deepEqual(wallFault(newYork, at('2026-01-01'), 365), {
    date: '2026-03-08',
    time: '02:30',
    fires: 0,
  });
  const twice = { ...newYork, fire: [rule({ hours: [1], minutes: [30] })] };
  assert.deepEqual(wallFault(twice, at('2026-01-01'), 365), {
    date: '2026-11-01',
    time: '01:30',
    fires: 2,
  });
  const fine = { ...newYork, fire: [rule({ hours: [6] })] };
  assert.equal(wallFault(fine, at('2026-01-01'), 400), null);
});

test('create: whatever is wrong is told at once, and no server is asked', async () => {
  const args = (...more: string[]): string[] => ['schedule', 'create', ...more, '--env', 'dev'];
  // Nothing listens there: being asked it would say so.
  const env = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const wrong = await ssmd(
    args('My Job', '--cron', '0 25 * * *', '--workflow', 'daily-archiv', '--overlap', 'no'),
    { env },
  );
  assert.equal(wrong.code, 2);
  for (const part of [
    /name: 'My Job'/,
    /hour: '25' is not in 0 to 23/,
    /there is no job 'daily-archiv'.*daily-archive/,
    /--overlap/,
  ]) {
    assert.match(wrong.err, part);
  }
  const input = await ssmd(args('my-job', '--cron', '0 6 * * *', '--workflow', 'daily-archive'), {
    env,
  });
  assert.equal(input.code, 2);
  assert.match(input.err, /--input: .*feed: is missing/s);
  const ours = ['--cron', '30 2 * * *', '--workflow', 'audit', '--timezone', 'America/New_York'];
  const gap = await ssmd(args('audit', ...ours), { env });
  assert.match(gap.err, /'audit' is a schedule of the environment/);
  assert.match(gap.err, /02:30 does not come on 20\d\d-03-\d\d in America\/New_York/);
  for (const name of ['daily-archive', 'daily-archive/mine', 'audit/mine']) {
    const taken = await ssmd(args(name, '--cron', '0 6 * * *', '--workflow', 'audit'), { env });
    assert.equal(taken.code, 2, name);
    assert.match(taken.err, /'(daily-archive|audit)' stands for schedules of the environment/);
  }
  const hourly = ['--cron', '30 * * * *', '--workflow', 'audit', '--timezone', 'America/New_York'];
  assert.equal((await ssmd(args('my-job', ...hourly), { env })).code, 3, 'each hour that there is');
  const good = await ssmd(args('my-job', '--cron', '0 6 * * *', '--workflow', 'audit'), { env });
  assert.equal(good.code, 3, 'it is asked');
  assert.match(good.err, /no Temporal server at 127\.0\.0\.1:1/);
});

test('a fault is an error of its kind', () => {
  assert.throws(
    () =>
      calendarsOf(
        {
          spec: { feeds: { a: { calendar: 'x' } } },
          symbols: [{ feeds: new Map([['a', 'b']]) }],
        } as never,
        folders,
      ),
    (error: unknown) => error instanceof SsmdError && error.code === 'SSMD_NOT_FOUND',
  );
});

test('a day on which its market was closed is nobody told of', () => {
  const run = { id: 'a', run_id: 'b', filed: {} };
  const skipped = { outcome: 'skipped: Thanksgiving Day', feed: 'spy', day: '2025-11-27' };
  for (const type of ['daily-archive', 'daily-qa']) {
    assert.deepEqual(noticesOfResult({ ...run, type }, skipped), { told: [], well: [] }, type);
  }
  const holed = { ...skipped, outcome: 'committed', complete: false, gaps: 1, content_id: 'c' };
  const { told } = noticesOfResult({ ...run, type: 'daily-archive' }, { ...holed, version: 'v1' });
  assert.equal(told.length, 1);
});

test('a server that does not say what a schedule is, is asked again, and then told of', async () => {
  const cause = Object.assign(new Error('query'), {
    code: 4,
    details: 'query timed out',
    metadata: {},
  });
  let failures = 0;
  let asked = 0;
  const found = { scheduleId: 'audit' };
  const handle = {
    describe: () => {
      asked += 1;
      if (asked > failures) return Promise.resolve(found);
      return Promise.reject(new ServiceError('Failed to describe schedule', { cause }));
    },
  };
  const client = { getHandle: () => handle } as unknown as ScheduleClient;
  failures = 2;
  assert.equal(await describe(client, 'audit'), found);
  [failures, asked] = [3, 0];
  await assert.rejects(describe(client, 'audit'), {
    code: 'SSMD_UNAVAILABLE',
    message: /the schedule 'audit' is: query timed out; try again/,
  });
  assert.equal(asked, 3);
});
