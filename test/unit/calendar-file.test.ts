/** Calendar files: both forms, and every fault at its line and column, all at once. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { parseCalendar } from '../../environments/calendar-file.ts';
import { SsmdError } from '../../schema/errors.ts';
import { unixNs } from '../../schema/time.ts';
import type { UnixNs } from '../../schema/time.ts';

const at = (iso: string): UnixNs => unixNs(BigInt(Date.parse(iso)) * 1_000_000n);

/** The faults of a text, `line:column: what`. */
function faultsOf(text: string): string[] {
  try {
    parseCalendar('c.yaml', text);
  } catch (error) {
    assert.ok(error instanceof SsmdError);
    assert.equal(error.code, 'SSMD_INVALID_CONFIG');
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace(/^c\.yaml:/, ''));
  }
  return [];
}

const HEAD = `calendar: a
tz: Europe/Paris
valid: { from: 2024-01-01, to: 2025-12-31 }
`;
const HOURS = `sessions:
  - { kind: regular, open: '09:00', close: '17:30', days: [mon, tue, wed, thu, fri] }
`;

test('the long form', () => {
  const { calendar, short, warnings } = parseCalendar(
    'c.yaml',
    `${HEAD}${HOURS}holidays:
  - { date: 2024-05-01, name: Labour Day }
early_closes:
  - { rule: fixed, month: 12, day: 24, close: '14:05:30', name: Christmas Eve }
`,
  );
  assert.equal(short, false);
  assert.deepEqual(warnings, []);
  assert.equal(calendar.day('2024-05-01').holiday, 'Labour Day');
  const [eve] = calendar.day('2024-12-24').sessions;
  assert.equal(eve?.close, at('2024-12-24T13:05:30Z'));
  assert.equal(calendar.local(eve?.close ?? at('2024-01-01T00:00:00Z')).time, '14:05:30');
});

const SHORT = `name: us-equity
timezone: America/New_York
trading_days:
  - weekdays: [mon, tue, wed, thu, fri]
trading_hours:
  open: "09:30"
  close: "16:00"
holidays:
  - 2025-01-01  # New Year's Day
  - 2025-11-27  # Thanksgiving
  - 2025-12-25
`;

test('the short form: its years are those of its holidays, its names their comments', () => {
  const { calendar, short, warnings } = parseCalendar('c.yaml', SHORT);
  assert.equal(short, true);
  assert.deepEqual(warnings, []);
  assert.deepEqual(calendar.valid, { from: '2025-01-01', to: '2025-12-31' });
  assert.equal(calendar.day('2025-11-27').holiday, 'Thanksgiving');
  assert.equal(calendar.day('2025-12-25').holiday, 'holiday of 2025-12-25');
  assert.equal(calendar.isOpen(at('2025-11-26T14:30:00Z')), true);
  assert.throws(() => calendar.isOpen(at('2026-11-26T14:30:00Z')), /out of range/);
});

test('days of the short form on one line each have their own name', () => {
  const [head = ''] = SHORT.split('  - 2025-01-01');
  const day = (list: string) => parseCalendar('c.yaml', `${head.trimEnd()} ${list}\n`).calendar.day;
  const two = day('[2025-01-01, 2025-11-27]  # New Year, Thanksgiving');
  assert.equal(two('2025-01-01').holiday, 'holiday of 2025-01-01');
  assert.equal(two('2025-11-27').holiday, 'holiday of 2025-11-27');
  const moved = day('\n  - 2025-12-26  # in place of 2025-12-25');
  assert.equal(moved('2025-12-26').holiday, 'in place of 2025-12-25');
});

test('a zone is named as it is spelled', () => {
  for (const zone of ['america/new_york', 'AMERICA/NEW_YORK', 'us/eastern', 'America/New_york']) {
    const [fault = ''] = faultsOf(SHORT.replace('America/New_York', zone));
    assert.ok(fault.startsWith(`2:1: timezone: unknown time zone "${zone}"`), `${zone}: ${fault}`);
  }
  for (const zone of ['US/Eastern', 'Africa/Dar_es_Salaam', 'America/Port-au-Prince', 'UTC']) {
    assert.ok(parseCalendar('c.yaml', SHORT.replace('America/New_York', zone)).short, zone);
  }
});

test('a market that never closes: 23:59 of the short form is the midnight', () => {
  const text = `name: crypto
timezone: UTC
trading_days:
  - weekdays: [mon, tue, wed, thu, fri, sat, sun]  # 24/7
trading_hours:
  open: "00:00"
  close: "23:59"
holidays: []  # Never closed
`;
  const { calendar, warnings } = parseCalendar('c.yaml', text);
  assert.equal(calendar.isOpen(at('2026-11-21T23:59:30Z')), true);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /^c\.yaml:7:3: 23:59 is read as 24:00/);
});

test('every fault of a file at once, each at its line and column', () => {
  const text = `calendar: bad
tz: America/New_Yrok
valid: { from: 2025-01-01, to: 2025-12-31 }
sessions:
  - { kind: regular, open: '09:30', close: '16:00', days: [mon, tue], colour: red }
  - { kind: pre, open: '08:00', close: '10:00', days: [tue] }
  - { kind: post, open: '20:00', close: '18:00', days: [fri] }
  - { kind: regulr, open: '25:00', close: '18:00', days: [fri] }
holidays:
  - { rule: fixd, month: 1, day: 1, name: a }
  - { date: 2025-02-30, name: b }
  - { rule: fixed, month: 2, day: 30, name: c }
  - { name: d }
holidayz: []
`;
  const faults = faultsOf(text);
  const wanted = [
    /^2:1: tz: unknown time zone "America\/New_Yrok" \(did you mean "America\/New_York"\?\)/,
    /^5:71: unknown key "colour"/,
    /^6:18: pre 08:00 to 10:00 \(sessions\.1\) overlaps regular 09:30 to 16:00 \(sessions\.0\) on tue/,
    /^7:34: close 18:00 is not after open 20:00 \(in the long form open_offset: -1 opens the evening before/,
    /^8:7: kind: .*received "regulr" \(did you mean "regular"\?\)/,
    /^8:21: open: expected a time such as "09:30", at most "24:00", received "25:00"/,
    /^10:7: holidays\.0: unknown rule "fixd" \(did you mean "fixed"\?\)/,
    /^11:7: date: expected a date such as 2025-01-09, received "2025-02-30"/,
    /^12:30: day: month 2 has no day 30/,
    /^13:5: holidays\.3: a day needs a date, dates or a rule/,
    /^14:1: unknown key "holidayz" \(did you mean "holidays"\?\)/,
  ];
  assert.equal(faults.length, wanted.length, faults.join('\n'));
  for (const [index, fault] of faults.entries()) assert.match(fault, wanted[index] ?? /none/);
});

test('of what is no YAML the first mistakes are told, and how many follow', () => {
  const faults = faultsOf(`name: a\n${'├── b.yaml # c\nd: [}\n'.repeat(40)}`);
  assert.equal(faults.length, 11);
  assert.match(faults[0] ?? '', /^\d+:\d+: /);
  assert.match(faults.at(-1) ?? '', /^and \d+ more, which may follow from these$/);
});

test('faults of the short form', () => {
  const text = SHORT.replace('timezone', 'timzone')
    .replace('"16:00"', '"09:00"')
    .replace('2025-12-25', '2025-13-25');
  assert.deepEqual(faultsOf(text), [
    '2:1: unknown key "timzone" (did you mean "timezone"?)',
    '7:3: close 09:00 is not after open 09:30 (in the long form open_offset: -1 opens the evening before, close_offset: 1 closes the day after)',
    '11:5: holidays.2: expected a date such as 2025-01-09, received "2025-13-25"',
  ]);
  const backwards = faultsOf(SHORT.replace('"16:00"', '"09:00"'));
  assert.match(backwards.join(), /^7:3: close 09:00 is not after open 09:30/);
});

test('a file that is no map is told which keys there are', () => {
  const known =
    '(known are calendar, description, tz, valid, sessions, holidays, early_closes, late_opens)';
  assert.deepEqual(faultsOf(''), [
    `1:1: expected keys such as calendar:, received nothing ${known}`,
  ]);
  assert.deepEqual(faultsOf('- a'), [
    `1:1: expected keys such as calendar:, received a list ${known}`,
  ]);
});

/** What is wrong with one part, beside hours that are right. */
const CASES: readonly (readonly [what: string, text: string, fault: RegExp])[] = [
  [
    'a break outside of the session',
    `${HEAD}${HOURS}  - { kind: break, open: '17:00', close: '18:00', days: [mon] }\n`,
    /^6:20: a break has to lie inside a session/,
  ],
  [
    'a break of a day without hours',
    `${HEAD}${HOURS}  - { kind: break, open: '12:00', close: '13:00', days: [sat] }\n`,
    /^6:20: a break has to lie inside/,
  ],
  [
    'breaks that overlap',
    `${HEAD}${HOURS}  - { kind: break, open: '12:00', close: '13:00', days: [mon] }\n  - { kind: break, open: '12:30', close: '13:30', days: [mon] }\n`,
    /^7:20: overlaps another break/,
  ],
  [
    'a session longer than a day',
    `${HEAD}sessions:\n  - { kind: regular, open: '17:00', open_offset: -1, close: '18:00', days: [mon, tue] }\n`,
    /overlaps itself from mon to the next day/,
  ],
  [
    'an overlap across midnight',
    `${HEAD}sessions:\n  - { kind: regular, open: '08:00', close: '02:00', close_offset: 1, days: [sun] }\n  - { kind: night, open: '01:00', close: '04:00', days: [mon] }\n`,
    /night 01:00 to 04:00 \(sessions\.1\) overlaps regular 08:00 to 02:00 the day after/,
  ],
  [
    'hours that open when the day is over',
    `${HEAD}sessions:\n  - { kind: regular, open: '24:00', close: '02:00', close_offset: 1, days: [mon] }\n`,
    /^5:22: open: expected a time before 24:00, which is 00:00 of the next day/,
  ],
  [
    'a range that ends before it begins',
    `${HEAD.replace('to: 2025', 'to: 2023')}${HOURS}`,
    /^3:28: valid\.to 2023-12-31 is before valid\.from 2024-01-01/,
  ],
  ['a range of centuries', `${HEAD.replace('to: 2025', 'to: 2525')}${HOURS}`, /over 200 years/],
  ['instants before 1970', `${HEAD.replace('from: 2024', 'from: 1969')}${HOURS}`, /is before 1971/],
  [
    'a date listed twice',
    `${HEAD}${HOURS}holidays:\n  - { date: 2024-05-01, name: a }\n  - { date: 2024-05-01, name: b }\n`,
    /^8:5: 2024-05-01 is listed twice: a, b/,
  ],
  [
    'a day that nobody named',
    `${HEAD}${HOURS}holidays:\n  - { date: 2024-05-01, name: May Day }\nearly_closes:\n  - { rule: day_before, of: Mai Day, close: '12:00' }\n`,
    /^9:25: no day is called "Mai Day" \(did you mean "May Day"\?\)/,
  ],
  [
    'a holiday by trading days',
    `${HEAD}${HOURS}holidays:\n  - { date: 2024-05-01, name: a }\n  - { rule: trading_day_before, of: a, name: b }\n`,
    /a holiday cannot be found by trading days/,
  ],
  [
    'an early close after the close',
    `${HEAD}${HOURS}early_closes:\n  - { date: 2024-05-02, close: '18:00' }\n`,
    /^7:25: close 18:00 is not within 09:00 to 17:30, the hours of 2024-05-02/,
  ],
  [
    'an early close in a break',
    `${HEAD}${HOURS}  - { kind: break, open: '12:00', close: '13:00', days: [thu] }\nearly_closes:\n  - { date: 2024-05-02, close: '12:30' }\n`,
    /close 12:30 is in a break \(12:00 is when it begins\)/,
  ],
  [
    'a late open in a break',
    `${HEAD}${HOURS}  - { kind: break, open: '12:00', close: '13:00', days: [thu] }\nlate_opens:\n  - { date: 2024-05-02, open: '12:00' }\n`,
    /open 12:00 is in a break \(13:00 is when it ends\)/,
  ],
  [
    'two early closes of a day',
    `${HEAD}${HOURS}early_closes:\n  - { date: 2024-05-02, close: '12:00', name: a }\n  - { rule: nth_weekday, month: 5, weekday: thu, n: 1, close: '13:00', name: b }\n`,
    /2024-05-02 is named twice: a, b/,
  ],
  [
    'a day that opens after it closes',
    `${HEAD}${HOURS}early_closes:\n  - { date: 2024-05-02, close: '12:00' }\nlate_opens:\n  - { date: 2024-05-02, open: '13:00' }\n`,
    /nothing is left of 2024-05-02/,
  ],
  [
    'no post_close where there is a post session',
    `${HEAD}${HOURS}  - { kind: post, open: '17:30', close: '20:00', days: [thu] }\nearly_closes:\n  - { date: 2024-05-02, close: '12:00' }\n`,
    /post_close is missing/,
  ],
  [
    'a post_close after the usual one',
    `${HEAD}${HOURS}  - { kind: post, open: '17:30', close: '20:00', days: [thu] }
early_closes:
  - { date: 2024-05-02, close: '12:00', post_close: '21:00' }
`,
    /^8:41: post_close 21:00 is after 20:00, the usual end/,
  ],
  [
    'a post_close before the close',
    `${HEAD}${HOURS}  - { kind: post, open: '17:30', close: '20:00', days: [thu] }
early_closes:
  - { date: 2024-05-02, close: '12:00', post_close: '11:00' }
`,
    /^8:41: post_close 11:00 is not after close 12:00/,
  ],
  [
    'a post_close where there is none',
    `${HEAD}${HOURS}early_closes:\n  - { date: 2024-05-02, close: '12:00', post_close: '13:00' }\n`,
    /^7:41: the calendar has no post session/,
  ],
  [
    'the fifth week of each month',
    `${HEAD}${HOURS}holidays:\n  - { rule: nth_weekday, month: 5, weekday: thu, n: 6, name: a }\n`,
    /^7:50: n: /,
  ],
  ['no sessions', `${HEAD}sessions: []\n`, /^4:1: sessions: /],
  ['no YAML', `${HEAD}sessions: [`, /^\d+:\d+: /],
  ['nothing', '', /is missing|expected/],
];

for (const [what, text, fault] of CASES) {
  test(`refused: ${what}`, () => {
    const faults = faultsOf(text);
    assert.equal(faults.length >= 1, true, 'it was taken');
    assert.match(faults[0] ?? '', fault, faults.join('\n'));
    if (what !== 'nothing') assert.equal(faults.length, 1, faults.join('\n'));
  });
}

test('warned of: dates that change nothing', () => {
  const { warnings } = parseCalendar(
    'c.yaml',
    `${HEAD}${HOURS}holidays:
  - { date: 2024-05-04, name: a Saturday }
  - { date: 2034-05-04, name: later }
early_closes:
  - { date: 2024-05-05, close: '12:00', name: a Sunday }
`,
  );
  assert.deepEqual(warnings, [
    'c.yaml:7:5: 2024-05-04 (a Saturday) is a sat, which has no session anyway',
    'c.yaml:8:5: 2034-05-04 (later) is outside of what is valid',
    'c.yaml:10:5: 2024-05-05 (a Sunday) is no trading day',
  ]);
});

test('sessions that meet, and hours that follow on each other, are no overlap', () => {
  const text = `${HEAD}sessions:
  - { kind: regular, open: '17:00', open_offset: -1, close: '17:00', days: [mon, tue, wed, thu, fri], until: 2024-12-31 }
  - { kind: regular, open: '00:00', close: '24:00', days: [mon, tue, wed], from: 2025-01-02 }
`;
  assert.deepEqual(faultsOf(text), []);
  // The last day of the old hours ends after the first of the new ones begins.
  const late = faultsOf(text.replace("close: '17:00', days", "close: '18:00', days"));
  assert.match(late[0] ?? '', /overlaps itself/);
  const handed = faultsOf(`${HEAD}sessions:
  - { kind: regular, open: '08:00', close: '02:00', close_offset: 1, days: [tue], until: 2024-12-31 }
  - { kind: regular, open: '01:00', close: '04:00', days: [wed], from: 2025-01-01 }
`);
  assert.match(handed.join(), /^6:22: regular 01:00 to 04:00 \(sessions\.1\) overlaps/);
});
