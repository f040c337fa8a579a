/**
 * Calendars made at random, in zones made for trouble. Hypotheses of the bug: a clock change makes two
 * sessions overlap or one vanish, a search for the next open stops at a holiday or stands still, and
 * what is open at an instant is not what the list of sessions says.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { buildCalendar } from '../../calendars/calendar.ts';
import type { Calendar } from '../../calendars/calendar.ts';
import {
  WEEKDAYS,
  dayNumber,
  formatDate,
  nthWeekday,
  parseDate,
  weekdayOf,
} from '../../calendars/civil.ts';
import { specProblems } from '../../calendars/problems.ts';
import type { CalendarSpec, SessionRule } from '../../calendars/spec.ts';
import { openZone } from '../../calendars/zone.ts';
import { addDays, dayStart, parseDay, unixNs } from '../../schema/time.ts';
import type { Day, UnixNs } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

/** Clocks that change by an hour, by half of one, at midnight, across the date line, and not at all. */
const ZONES = [
  'America/New_York',
  'America/Chicago',
  'America/Santiago',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Asia/Tokyo',
  'Australia/Lord_Howe',
  'Europe/London',
  'Pacific/Apia',
  'UTC',
] as const;

const zone = fc.constantFrom(...ZONES);
const FIRST = dayNumber(2010, 1, 1);
const LAST = dayNumber(2013, 12, 31);

/** A day's hours: cuts of the time from the evening before to the next night, taken two by two. */
const spec: fc.Arbitrary<CalendarSpec> = fc
  .record({
    tz: zone,
    cuts: fc.uniqueArray(fc.integer({ min: -7, max: 26 }), { minLength: 2, maxLength: 6 }),
    offset_s: fc.constantFrom(0, 900, 1800, 3599),
    days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
    pause: fc.boolean(),
    holidays: fc.uniqueArray(fc.integer({ min: FIRST, max: LAST }), { maxLength: 30 }),
    early: fc.uniqueArray(fc.integer({ min: FIRST, max: LAST }), { maxLength: 10 }),
  })
  .map(({ tz, cuts, offset_s, days, pause, holidays, early }): CalendarSpec => {
    const sorted = cuts.toSorted((a, b) => a - b);
    const kinds = ['regular', 'pre', 'night'] as const;
    const common = { days, from: null, until: null, path: [] };
    const spans = kinds.flatMap((kind, index): SessionRule[] => {
      const [from, to] = [sorted[index * 2], sorted[index * 2 + 1]];
      if (from === undefined || to === undefined || to - from > 24) return [];
      // No file can say so: hours open the evening before or on the date, and close on it or the day after.
      if (from >= 24 || to < 0) return [];
      const open = from * 3600 + offset_s;
      const close = to * 3600 + offset_s;
      const split = (at: number): [number, number] =>
        at < 0 ? [at + 86_400, -1] : at > 86_400 ? [at - 86_400, 1] : [at, 0];
      const [open_s, open_offset] = split(open);
      const [close_s, close_offset] = split(close);
      return [{ kind, open: open_s, open_offset, close: close_s, close_offset, ...common }];
    });
    const [first] = spans;
    const day: SessionRule[] =
      pause && first !== undefined && first.open_offset === 0 && first.close - first.open > 7200
        ? [{ ...first, kind: 'break', open: first.open + 3600, close: first.close - 1800 }]
        : [];
    const dated = {
      days: null,
      except_years: [],
      observe: 'none',
      from: null,
      until: null,
    } as const;
    return {
      name: 'random',
      tz,
      valid: { from: FIRST, to: LAST },
      sessions: [...spans, ...day],
      holidays: [
        {
          ...dated,
          name: 'holiday',
          pattern: { rule: 'dates', dates: holidays },
          path: ['holidays'],
        },
      ],
      early_closes: early.map((date) => ({
        ...dated,
        name: 'early',
        pattern: { rule: 'dates', dates: [date] },
        close: (first?.open ?? 0) + 1800,
        post_close: null,
        path: ['early_closes'],
      })),
      late_opens: [],
    };
  });

/** Those that may be built: the others are refused with a reason, which is tried elsewhere. */
const calendar = spec
  .filter(
    (it) => it.sessions.length > 0 && specProblems(it).every(({ level }) => level === 'warning'),
  )
  .map((it): Calendar => buildCalendar(it));

const KINDS = ['pre', 'regular', 'post', 'night'] as const;
const [FROM, TO] = ['2010-01-10', '2013-12-20'];

/** Anywhere, and often within two days of a clock change or an edge of a session. */
const instant = fc
  .oneof(
    fc.integer({ min: Date.UTC(2010, 1, 1), max: Date.UTC(2013, 10, 30) }),
    fc
      .tuple(
        fc.constantFrom(...[2010, 2011, 2012, 2013]),
        fc.constantFrom(3, 4, 5, 8, 9, 10, 11, 12),
        fc.integer({ min: 0, max: 10 * 86_400_000 }),
      )
      .map(([year, month, ms]) =>
        Math.min(Date.UTC(year, month - 1, 1) + ms, Date.UTC(2013, 10, 30)),
      ),
  )
  .map((ms): UnixNs => unixNs(BigInt(ms) * 1_000_000n));

test('sessions are in order, last, and never overlap, whatever clocks do', () => {
  hold(
    fc.property(calendar, (it) => {
      const sessions = it.sessions(FROM, TO, KINDS);
      for (const [index, { open, close, breaks }] of sessions.entries()) {
        assert.ok(open < close, `${it.tz}: ${open} to ${close}`);
        const next = sessions[index + 1];
        if (next !== undefined)
          assert.ok(close <= next.open, `${it.tz}: ${close} after ${next.open}`);
        for (const [from, to] of breaks) assert.ok(open <= from && from <= to && to <= close);
      }
    }),
    60,
  );
});

test('open at an instant is what the sessions say', () => {
  hold(
    fc.property(calendar, fc.array(instant, { minLength: 1, maxLength: 20 }), (it, instants) => {
      const sessions = it.sessions('2010-01-02', '2013-12-30', KINDS);
      for (const at of instants) {
        const own = sessions.find(({ open, close }) => at >= open && at < close);
        const paused = own?.breaks.some(([from, to]) => at >= from && at < to) ?? false;
        assert.equal(it.isOpen(at, KINDS), own !== undefined && !paused);
        assert.equal(it.tradeDate(at), own?.date ?? null);
        const state = it.stateAt(at, KINDS);
        if (!state.open) assert.notEqual(state.why.text, '');
      }
    }),
    100,
  );
});

test('next is after, last is up to, and nothing lies between', () => {
  hold(
    fc.property(calendar, instant, (it, at) => {
      const sessions = it.sessions('2010-01-02', '2013-12-30', KINDS);
      const known =
        sessions.length > 0 &&
        (sessions.at(-1)?.close ?? 0n) > at &&
        (sessions[0]?.close ?? at) <= at;
      fc.pre(known);
      const [opens, closes] = [
        sessions.map(({ open }) => open),
        sessions.map(({ close }) => close),
      ];
      assert.equal(
        it.nextClose(at, KINDS),
        closes.find((edge) => edge > at),
      );
      assert.equal(
        it.previousOpen(at, KINDS),
        opens.findLast((edge) => edge <= at),
      );
      assert.equal(
        it.previousClose(at, KINDS),
        closes.findLast((edge) => edge <= at),
      );
      const next = opens.find((edge) => edge > at);
      if (next === undefined) return;
      assert.equal(it.nextOpen(at, KINDS), next);
      assert.ok(next > at);
    }),
    100,
  );
});

test('open time adds up: over parts, over UTC days, over sessions', () => {
  hold(
    fc.property(calendar, fc.tuple(instant, instant, instant), (it, instants) => {
      const [a, b, c] = instants.toSorted((x, y) => (x < y ? -1 : 1)) as [UnixNs, UnixNs, UnixNs];
      assert.equal(it.openNs(a, c, KINDS), it.openNs(a, b, KINDS) + it.openNs(b, c, KINDS));
      const day =
        parseDay(new Date(Number(a / 1_000_000n)).toISOString().slice(0, 10)) ?? ('' as Day);
      const week = Array.from({ length: 7 }, (_, index) => it.utcDay(addDays(day, index), KINDS));
      const sum = week.reduce((total, { open_ns }) => total + open_ns, 0n);
      assert.equal(sum, it.openNs(dayStart(day), dayStart(addDays(day, 7)), KINDS));
      for (const { open_ns, why } of week) assert.equal(open_ns === 0n, why !== null);
    }),
    60,
  );
});

test('a zone: what Intl shows, and back', () => {
  const formats = new Map(
    ZONES.map((name) => [
      name,
      new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' }),
    ]),
  );
  const zones = new Map(ZONES.map((name) => [name, openZone(name)]));
  hold(
    fc.property(
      zone,
      fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2037, 0, 1) }),
      (name, any_ms) => {
        const at_ms = Math.floor(any_ms / 1000) * 1000;
        const it = zones.get(name);
        assert.ok(it !== undefined);
        const wall = new Date(at_ms + it.offsetMs(at_ms))
          .toISOString()
          .slice(0, 19)
          .replace('T', ' ');
        assert.equal(wall, formats.get(name)?.format(at_ms));
        const day = it.dayAt(at_ms);
        const seconds = (at_ms + it.offsetMs(at_ms)) / 1000 - day * 86_400;
        const back = it.instantMs(day, seconds);
        // A time shown twice is its first.
        assert.ok(back === at_ms || back + it.offsetMs(back) === at_ms + it.offsetMs(at_ms));
        assert.ok(back <= at_ms);
      },
    ),
    2000,
  );
});

test('a later time on the wall is never an earlier instant', () => {
  hold(
    fc.property(
      zone,
      fc.integer({ min: FIRST, max: LAST }),
      fc.integer({ min: -86_400, max: 172_800 }),
      fc.integer({ min: 0, max: 90_000 }),
      (name, day, seconds, more) => {
        const it = openZone(name);
        assert.ok(it.instantMs(day, seconds) <= it.instantMs(day, seconds + more));
        assert.equal(it.instantMs(day, seconds), it.instantMs(day + 1, seconds - 86_400));
      },
    ),
    1000,
  );
});

test('dates to numbers and back; the nth weekday is one, in its month', () => {
  hold(
    fc.property(
      fc.integer({ min: 1971, max: 2170 }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(...WEEKDAYS),
      fc.constantFrom(1, 2, 3, 4, 5, -1, -2, -3, -4, -5),
      (year, month, weekday, n) => {
        const day = nthWeekday(year, month, weekday, n);
        if (day === null) return assert.equal(Math.abs(n), 5);
        const text = formatDate(day);
        assert.equal(parseDate(text), day);
        assert.equal(weekdayOf(day), weekday);
        assert.equal(text.slice(0, 7), `${year}-${String(month).padStart(2, '0')}`);
        const date = Number(text.slice(8));
        if (n > 0) assert.equal(Math.ceil(date / 7), n);
      },
    ),
    500,
  );
});
