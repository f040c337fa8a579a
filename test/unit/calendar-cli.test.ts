/** `ssmd calendar`: what it prints, its JSON, its exit codes, and what it writes. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { ssmd } from '../support/command-line.ts';
import type { Ran } from '../support/command-line.ts';
import { projectRoot } from '../support/project.ts';

const root = mkdtempSync(join(tmpdir(), 'ssmd-calendar-'));
after(() => rmSync(root, { recursive: true, force: true }));

const run = (...args: readonly string[]): Promise<Ran> => ssmd(['calendar', ...args], { root });

/** What `--json` prints, as one object. */
async function json(
  ...args: readonly string[]
): Promise<Record<string, unknown> & { code: number }> {
  const { out, code } = await run(...args, '--json');
  return { ...(JSON.parse(out) as Record<string, unknown>), code };
}

function fileOf(name: string, text: string): string {
  const file = join(root, name);
  writeFileSync(file, text);
  return file;
}

/** As the requirements print it: ten right dates, a closure and three early closes too few. */
const SAMPLE = `name: us-equity
timezone: America/New_York
trading_days:
  - weekdays: [mon, tue, wed, thu, fri]
trading_hours:
  open: "09:30"
  close: "16:00"
holidays:
  - 2025-01-01  # New Year's Day
  - 2025-01-20  # MLK Day
  - 2025-02-17  # Presidents Day
  - 2025-04-18  # Good Friday
  - 2025-05-26  # Memorial Day
  - 2025-06-19  # Juneteenth
  - 2025-07-04  # Independence Day
  - 2025-09-01  # Labor Day
  - 2025-11-27  # Thanksgiving
  - 2025-12-25  # Christmas
`;

test('list: all that are shipped, with the dates they know', async () => {
  const { code, out } = await run('list');
  assert.equal(code, 0);
  for (const name of ['us-equity', 'crypto', 'cme-equity-index', 'lse', 'hkex', 'tse', 'fx']) {
    assert.match(out, new RegExp(`^${name} `, 'm'));
  }
  assert.match(out, /us-equity +America\/New_York +2000-01-01 to 2028-12-31/);
  const { calendars, broken } = await json('list');
  assert.equal((calendars as unknown[]).length, 7);
  assert.deepEqual(broken, []);
});

test('show and holidays: a year, with what changes its hours', async () => {
  const shown = await run('show', 'us-equity', '2025');
  assert.equal(shown.code, 0);
  assert.match(shown.out, /regular +09:30 to 16:00 +mon tue wed thu fri/);
  assert.match(shown.out, /2025-01-09 +thu +closed +National Day of Mourning for President Carter/);
  assert.match(shown.out, /2025-07-03 +thu +closes 13:00 +day before Independence Day/);
  assert.match(shown.out, /2025: 250 days with sessions/);
  const listed = await run('holidays', 'us-equity', '--year', '2025');
  assert.ok(shown.out.endsWith(listed.out));
  assert.equal(listed.out.trimEnd().split('\n').length, 1 + 11 + 3);
  const { holidays, early_closes, trading_days } = await json(
    'holidays',
    'us-equity',
    '--year',
    '2025',
  );
  assert.equal(trading_days, 250);
  assert.equal((holidays as unknown[]).length, 11);
  assert.deepEqual(
    (early_closes as { closes: string }[]).map((it) => it.closes),
    ['13:00', '13:00', '13:00'],
  );
  assert.match((await run('holidays', 'crypto', '--year', '2025')).out, /no holidays/);
  const never = await run('holidays', 'us-equity', '--year', '1999');
  assert.equal(never.code, 2);
  assert.match(never.err, /1999 is out of range/);
});

test('sessions: on the wall and in UTC, with breaks and reasons', async () => {
  const { out } = await run('sessions', 'hkex', '--from', '2026-02-16', '--to', '2026-02-20');
  assert.match(out, /2026-02-16 +regular +09:30 +12:00 .*early: Lunar New Year's Eve/);
  assert.match(out, /2026-02-17 +closed +Lunar New Year's Day/);
  assert.match(
    out,
    /2026-02-20 .*2026-02-20T01:30:00Z to 2026-02-20T08:00:00Z +break 12:00 to 13:00/,
  );
  const { sessions } = await json('sessions', 'cme-equity-index', '--date', '2026-03-09');
  assert.deepEqual(sessions, [
    {
      date: '2026-03-09',
      kind: 'regular',
      early: false,
      late: false,
      open: '1773007200000000000',
      close: '1773090000000000000',
      open_utc: '2026-03-08T22:00:00Z',
      close_utc: '2026-03-09T21:00:00Z',
      open_local: '2026-03-08 17:00',
      close_local: '2026-03-09 16:00',
      breaks: [],
    },
  ]);
  const year = await json('sessions', 'us-equity', '--year', '2025', '--kinds', 'pre,regular,post');
  assert.equal((year['sessions'] as unknown[]).length, 750);
  // Without a day: a week from today.
  assert.equal((await run('sessions', 'crypto')).out.trimEnd().split('\n').length, 8);
});

test('is-open: exit 0 and until when, exit 1 and why, exit 2 where nobody knows', async () => {
  const open = await run('is-open', 'us-equity', '--at', '2025-11-28T17:00:00Z');
  assert.equal(open.code, 0);
  assert.equal(
    open.out,
    'open: regular session of 2025-11-28, closes 2025-11-28 13:00 America/New_York (2025-11-28T18:00:00Z)\n',
  );
  const closed = await run('is-open', 'us-equity', '--at', '2025-11-27T10:00:00-05:00');
  assert.equal(closed.code, 1);
  assert.match(
    closed.out,
    /^closed: holiday: Thanksgiving Day; opens 2025-11-28 09:30 America\/New_York/,
  );
  const paused = await json('is-open', 'tse', '--at', '1780455600000000000');
  assert.equal(paused.code, 1);
  assert.deepEqual(paused['why'], { reason: 'break', name: null, text: 'in a break' });
  assert.equal(paused['resumes'], '1780457400000000000');
  const unknown = await run('is-open', 'us-equity', '--at', '2035-11-27T15:00:00Z');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /out of range: .*2000-01-01 to 2028-12-31.*\[SSMD_INVALID_INPUT\]/);
  assert.equal((await run('is-open', 'crypto')).code, 0);
});

test('next: in the order in which it comes', async () => {
  const { out } = await run('next', 'hkex', '--at', '2026-06-03T04:30:00Z');
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.slice(0, 25)),
    ['resumes  2026-06-03 13:00', 'closes   2026-06-03 16:00', 'opens    2026-06-04 09:30'],
  );
  const { next_open_utc, next_close_utc, resumes } = await json(
    'next',
    'us-equity',
    '--at',
    '2025-11-26T22:00:00Z',
  );
  assert.deepEqual(
    [next_open_utc, next_close_utc, resumes],
    ['2025-11-28T14:30:00Z', '2025-11-28T18:00:00Z', null],
  );
  // The last day of a calendar: it closes, and what comes then is not known.
  const last = await run('next', 'tse', '--at', '2027-12-30T05:00:00Z');
  assert.match(last.out, /closes +2027-12-30 15:30 .*\nopens +after what the calendar knows/);
});

test('wrong words on the command line: all at once, with what was meant', async () => {
  const { code, err } = await run(
    'is-open',
    'us-equity',
    '--at',
    '2025-11-27T15:00:00',
    '--kinds',
    'prx',
  );
  assert.equal(code, 2);
  assert.match(
    err,
    /2 faults:\n +--at: .*it needs a zone: Z or -05:00\n +--kinds: 'prx' .*did you mean "pre"/,
  );
  assert.match(
    (await run('show', 'us-equit')).err,
    /did you mean "us-equity"\?.*\[SSMD_NOT_FOUND\]/,
  );
  assert.match(
    (await run('is-open', 'fx', '--kinds', 'pre')).err,
    /fx has no such sessions \(it has regular\)/,
  );
  const days = await run(
    'sessions',
    'fx',
    '--date',
    '2026-01-05',
    '--from',
    '2026-01-07',
    '--to',
    '2026-01-01',
  );
  assert.equal(days.code, 2);
  assert.match(days.err, /only one of --date, --year and --from/);
  assert.equal((await run('show', 'us-equity', '25')).code, 2);
  assert.equal((await run('show', '../environments/dev')).code, 2);
});

const OWN = 'environments/calendars';

test('add: checked, put beside the environments, never over another unasked', async () => {
  const mine = SAMPLE.replace('name: us-equity', 'name: my-venue');
  const file = fileOf('mine.yaml', mine);
  const added = await json('add', 'my-venue', '--from-file', file);
  assert.deepEqual([added.code, added['outcome']], [0, 'added']);
  const there = join(root, OWN, 'my-venue.yaml');
  assert.equal(added['file'], there);
  assert.equal(readFileSync(there, 'utf8'), mine);
  assert.deepEqual(readdirSync(join(root, OWN)), ['my-venue.yaml']);
  assert.match((await run('list')).out, /^my-venue +America\/New_York +2025-01-01 to 2025-12-31/m);
  assert.match(
    (await run('is-open', 'my-venue', '--at', '2025-11-27T15:00:00Z')).out,
    /holiday: Thanksgiving/,
  );

  assert.match((await run('add', 'my-venue', '--from-file', file)).out, /the same to the byte/);
  const other = fileOf('other.yaml', mine.replace('16:00', '17:00'));
  const refused = await run('add', 'my-venue', '--from-file', other);
  assert.equal(refused.code, 2);
  assert.match(
    refused.err,
    /'my-venue' is there already, with other content: .*--replace overwrites it/,
  );
  assert.equal(readFileSync(there, 'utf8'), mine);
  const replaced = await json('add', 'my-venue', '--from-file', other, '--replace');
  assert.deepEqual([replaced.code, replaced['outcome']], [0, 'replaced']);
  assert.match(readFileSync(there, 'utf8'), /17:00/);
});

test('add: a shipped one stays the shipped one, unless its place is taken', async () => {
  const shipped = join(projectRoot, 'calendars', 'us-equity.yaml');
  const before = readFileSync(shipped, 'utf8');
  const same = await json('add', 'us-equity', '--from-file', shipped);
  assert.deepEqual([same.code, same['outcome'], same['file']], [0, 'same', shipped]);
  const sample = fileOf('sample.yaml', SAMPLE);
  const refused = await run('add', 'us-equity', '--from-file', sample);
  assert.equal(refused.code, 2);
  assert.match(refused.err, /--replace takes its place/);
  // What the list lacks is told before it takes the place of the rules.
  assert.match(refused.err, /also close on one day: 2025-01-09 \(National Day of Mourning/);
  assert.equal(existsSync(join(root, OWN, 'us-equity.yaml')), false);

  const { code, err } = await run('add', 'us-equity', '--from-file', sample, '--replace');
  assert.equal(code, 0);
  assert.match(err, /also close on one day: 2025-01-09/);
  const early = /close early on 3 days: (.*)/.exec(err)?.[1] ?? '';
  assert.deepEqual(early.match(/\d{4}-\d\d-\d\d|\d\d:\d\d/g), [
    ...['2025-07-03', '13:00', '2025-11-28', '13:00', '2025-12-24', '13:00'],
  ]);
  assert.equal(readFileSync(shipped, 'utf8'), before);
  // And each time it is loaded.
  const asked = await run('is-open', 'us-equity', '--at', '2025-01-09T15:00:00Z');
  assert.equal(asked.code, 0);
  assert.match(asked.err, /^warning: .*us-equity\.yaml.* 2025-01-09/m);
  const { warnings } = await json('holidays', 'us-equity', '--year', '2025');
  assert.equal((warnings as unknown[]).length, 2);
  rmSync(join(root, OWN, 'us-equity.yaml'));
});

test('add: a file that is wrong, or is called otherwise, is not taken', async () => {
  const bad = fileOf('bad.yaml', SAMPLE.replace('America/New_York', 'America/New_Yrok'));
  const refused = await run('add', 'us-equity', '--from-file', bad, '--replace');
  assert.equal(refused.code, 2);
  assert.match(refused.err, /bad\.yaml:2:1: timezone: unknown time zone .*\[SSMD_INVALID_CONFIG\]/);
  assert.match(
    (await run('add', 'lse', '--from-file', fileOf('s.yaml', SAMPLE))).err,
    /is called "us-equity", expected "lse"/,
  );
  assert.equal((await run('add', 'lse', '--from-file', join(root, 'none.yaml'))).code, 2);
  assert.match((await run('add', 'lse')).err, /--from-file: is needed|--from-file/);
  assert.equal(existsSync(join(root, OWN, 'lse.yaml')), false);
});

test('list: one that is broken hides none of the others', async () => {
  const name = join(root, OWN, 'broken.yaml');
  writeFileSync(name, 'calendar: broken\n');
  const { code, out, err } = await run('list');
  rmSync(name);
  assert.equal(code, 2);
  assert.match(out, /^us-equity /m);
  assert.match(err, /broken\.yaml has \d+ errors:/);
});
