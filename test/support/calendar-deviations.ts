/**
 * Where the shipped calendars differ from the oracle, and why they are right. The comparison fails on any
 * difference that is not here, and on any entry that does not occur `count` times any more.
 */

export type Deviation = {
  readonly calendar: string;
  readonly field: 'session' | 'open' | 'close' | 'break';
  /** On the wall there; of a session, its instants in UTC or `none`. */
  readonly ours: string;
  readonly oracle: string;
  /** Trade dates, both included. */
  readonly from: string;
  readonly to: string;
  /** Which of those on which the oracle says so; without it all. */
  readonly only?: (
    date: string,
    oracle: { readonly open: number; readonly close: number },
  ) => boolean;
  readonly count: number;
  readonly why: string;
};

/** 0 is Sunday. */
const weekday = (date: string): number => new Date(`${date}T00:00:00Z`).getUTCDay();
const friday = (date: string): boolean => weekday(date) === 5;
const SANDY = ['2012-10-29', '2012-10-30'];

/** July 3 where New York closes early: on a Monday, Tuesday or Thursday, since 2013 on a Wednesday. */
function beforeIndependence(date: string): boolean {
  const days = date >= '2013' ? [1, 2, 3, 4] : [1, 2, 4];
  return date.endsWith('-07-03') && days.includes(weekday(date));
}

/** The day after the fourth Thursday of November, and December 24. */
function halfDay(date: string): boolean {
  const day = Number(date.slice(8));
  const black = date.slice(5, 7) === '11' && friday(date) && day >= 23 && day <= 29;
  return black || date.endsWith('-12-24');
}

const usual = (date: string): boolean => !beforeIndependence(date) && !SANDY.includes(date);

const CME = { calendar: 'cme-equity-index' } as const;
const EMPLOYMENT =
  'CME Group schedule of Good Friday: with an employment report that morning it trades until 08:15';
const MOURNING = 'CME Group releases: equity index products halted at 08:30, not all day';

/** A session the oracle does not have. */
function extra(date: string, open: string, close: string, why: string): Deviation {
  const ours = `${open}/${close}`;
  return { ...CME, field: 'session', ours, oracle: 'none', from: date, to: date, count: 1, why };
}

/** A trading day the oracle has and Hong Kong had not. */
function stormy(date: string, why: string): Deviation {
  const field = 'session';
  return {
    calendar: 'hkex',
    field,
    ours: 'none',
    oracle: 'open',
    from: date,
    to: date,
    count: 1,
    why,
  };
}

export const DEVIATIONS: readonly Deviation[] = [
  {
    calendar: 'us-equity',
    field: 'open',
    ours: '12:00',
    oracle: '09:30',
    from: '2002-09-11',
    to: '2002-09-11',
    count: 1,
    why: 'NYSE Special Closings: opened at noon on the first anniversary; the oracle has no late opens',
  },

  extra('2010-04-02', '2010-04-01T22:00:00Z', '2010-04-02T13:15:00Z', EMPLOYMENT),
  extra('2012-04-06', '2012-04-05T22:00:00Z', '2012-04-06T13:15:00Z', EMPLOYMENT),
  extra('2015-04-03', '2015-04-02T22:00:00Z', '2015-04-03T13:15:00Z', EMPLOYMENT),
  extra('2018-12-05', '2018-12-04T23:00:00Z', '2018-12-05T14:30:00Z', MOURNING),
  extra('2021-04-02', '2021-04-01T22:00:00Z', '2021-04-02T13:15:00Z', EMPLOYMENT),
  extra('2023-04-07', '2023-04-06T22:00:00Z', '2023-04-07T13:15:00Z', EMPLOYMENT),
  extra('2025-01-09', '2025-01-08T23:00:00Z', '2025-01-09T14:30:00Z', MOURNING),
  extra('2026-04-03', '2026-04-02T22:00:00Z', '2026-04-03T13:15:00Z', EMPLOYMENT),
  {
    ...CME,
    field: 'close',
    ours: '16:30',
    oracle: '17:00',
    from: '2010-01-01',
    to: '2012-11-16',
    only: (date) => usual(date) && !friday(date),
    count: 578,
    why: 'daily halt: until 2012-11-16 Globex stopped at 16:30; the oracle has 24 hours a day',
  },
  {
    ...CME,
    field: 'close',
    ours: '15:15',
    oracle: '17:00',
    from: '2010-01-01',
    to: '2012-11-16',
    only: (date) => usual(date) && friday(date),
    count: 144,
    why: 'until 2012-11-16 the week ended on Friday at 15:15',
  },
  {
    ...CME,
    field: 'close',
    ours: '16:15',
    oracle: '17:00',
    from: '2012-11-19',
    to: '2015-09-18',
    only: usual,
    count: 705,
    why: 'daily halt: CME Group notice, trading day to end at 16:15 from trade date 2012-11-19',
  },
  {
    ...CME,
    field: 'close',
    ours: '16:00',
    oracle: '17:00',
    from: '2015-09-21',
    to: '2027-07-31',
    only: usual,
    count: 2956,
    why: 'daily halt from 16:00 to 17:00: CME Group notice for trade date 2015-09-21',
  },
  {
    ...CME,
    field: 'close',
    ours: '10:30',
    oracle: '12:00',
    from: '2010-01-01',
    to: '2014-04-30',
    only: (date) => !halfDay(date),
    count: 26,
    why: 'CME Globex holiday schedules: equity products halted at 10:30 until the spring of 2014',
  },
  {
    ...CME,
    field: 'close',
    ours: '12:15',
    oracle: '12:00',
    from: '2010-01-01',
    to: '2027-07-31',
    only: halfDay,
    count: 27,
    why: 'CME Globex holiday schedules: 12:15 after Thanksgiving and on Christmas Eve, not 12:00',
  },
  {
    ...CME,
    field: 'close',
    ours: '12:15',
    oracle: '17:00',
    from: '2010-01-01',
    to: '2027-07-31',
    only: beforeIndependence,
    count: 9,
    why: 'CME Globex holiday schedules: 12:15 where the stock market closes early on July 3',
  },
  {
    ...CME,
    field: 'close',
    ours: '08:15',
    oracle: '17:00',
    from: '2012-10-29',
    to: '2012-10-30',
    count: 2,
    why: 'CME Group releases: equity index futures closed at 08:15 for Hurricane Sandy',
  },
  {
    ...CME,
    field: 'break',
    ours: '15:15-15:30',
    oracle: 'none',
    from: '2010-01-01',
    to: '2021-06-25',
    only: (date, { open, close }) =>
      usual(date) && close - open > 20 * 3_600_000 && (date > '2012-11-16' || !friday(date)),
    count: 2722,
    why: 'the 15-minute halt after the settlement, gone with trade date 2021-06-28; the oracle has none',
  },

  stormy('2023-09-01', 'HKEX release: no trading all day, typhoon Saola (signal 8 and above)'),
  stormy('2023-09-08', 'HKEX release: no trading all day, black rainstorm'),
  {
    calendar: 'hkex',
    field: 'break',
    ours: '12:30-14:30',
    oracle: '12:00-13:00',
    from: '2010-01-01',
    to: '2011-03-04',
    only: (date) => date !== '2011-02-02',
    count: 289,
    why: 'HKEX circular of 2010-11-24: 12:30 to 14:30 until 2011-03-04',
  },
  {
    calendar: 'hkex',
    field: 'break',
    ours: '12:00-13:30',
    oracle: '12:00-13:00',
    from: '2011-03-07',
    to: '2012-03-02',
    count: 244,
    why: 'HKEX circular of 2010-11-24: 12:00 to 13:30 from 2011-03-07 to 2012-03-02',
  },
  {
    calendar: 'hkex',
    field: 'close',
    ours: '12:30',
    oracle: '16:00',
    from: '2011-02-02',
    to: '2011-02-02',
    count: 1,
    why: "Lunar New Year's Eve: the oracle misses the half day of this year",
  },
  {
    calendar: 'hkex',
    field: 'break',
    ours: 'none',
    oracle: '12:00-13:00',
    from: '2011-02-02',
    to: '2011-02-02',
    count: 1,
    why: "Lunar New Year's Eve: no afternoon, so no break",
  },
  {
    calendar: 'tse',
    field: 'break',
    ours: '11:00-12:30',
    oracle: '11:30-12:30',
    from: '2010-01-01',
    to: '2011-11-18',
    count: 462,
    why: 'TSE notice of 2011-10-19: the morning ended at 11:00 until 2011-11-18',
  },
];
