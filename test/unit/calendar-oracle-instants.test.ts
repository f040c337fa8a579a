/** The shipped calendars at instants: edges, the next and the last, trade dates, and time that is open. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { unixNs } from '../../schema/time.ts';
import type { UnixNs } from '../../schema/time.ts';
import { PAIRS, stage, wallTime } from '../support/calendar-oracle.ts';
import type { Row, Stage } from '../support/calendar-oracle.ts';
import { skipWithoutCaptures } from '../support/captures.ts';

const skip = skipWithoutCaptures;
const ns = (ms: number): UnixNs => unixNs(BigInt(ms) * 1_000_000n);

test('open at the open, closed at the close, and a millisecond beside them', { skip }, (t) => {
  let asked = 0;
  for (const [name, oracle_name] of PAIRS) {
    const { calendar, expected } = stage(name, oracle_name);
    const always = name === 'crypto';
    for (const { date, open, close, pause } of expected) {
      const said = [open - 1, open, close - 1, close].map((ms) => calendar.isOpen(ns(ms)));
      // Where one session follows on another there is no moment between them.
      const wanted = always
        ? [date !== '2024-01-01' || said[0], true, true, true]
        : [false, true, true, false];
      assert.deepEqual(said, wanted, `${name} ${date}`);
      asked += 4;
      if (pause === null) continue;
      const paused = [pause[0] - 1, pause[0], pause[1] - 1, pause[1]].map((ms) =>
        calendar.isOpen(ns(ms)),
      );
      assert.deepEqual(paused, [true, false, false, true], `${name} ${date}`);
      asked += 4;
    }
  }
  t.diagnostic(`${asked} instants`);
});

/** Numbers that are the same in every run. */
function drawer(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const DAY_MS = 86_400_000;

/** Days on which the zone's clock changes, from a year to another. */
function clockChanges(zone: string, from_ms: number, to_ms: number): number[] {
  const found: number[] = [];
  for (let at = from_ms; at < to_ms; at += DAY_MS) {
    const noon = Math.floor(at / DAY_MS) * DAY_MS + DAY_MS / 2;
    if (wallTime(noon, zone) !== wallTime(noon - DAY_MS, zone)) found.push(noon);
  }
  return found;
}

/** 2,400 instants: a half anywhere, a half within a week of a clock change or a day without a session. */
function instants({ calendar, expected }: Stage): number[] {
  const draw = drawer(expected.length);
  const [first = 0, last = 0] = [expected[1]?.open, expected.at(-2)?.open];
  const closed = expected.flatMap((row, at) =>
    row.open - (expected[at - 1]?.open ?? row.open) > 3.5 * DAY_MS ? [row.open - DAY_MS] : [],
  );
  const near = [...clockChanges(calendar.tz, first, last), ...closed];
  return Array.from({ length: 2400 }, (_, at) => {
    const centre = near[Math.floor(draw() * near.length)];
    if (at % 2 === 0 || centre === undefined) return Math.floor(first + draw() * (last - first));
    const ms = Math.floor(centre + (draw() - 0.5) * 14 * DAY_MS);
    return Math.min(last, Math.max(first, ms));
  });
}

/** Index of the last of sorted numbers that is at most `at`. */
function lastUpTo(sorted: readonly number[], at: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

test(
  'the next and the last open and close, and the trade date, at 2,400 instants each',
  { skip },
  () => {
    for (const [name, oracle_name] of PAIRS) {
      const known = stage(name, oracle_name);
      const { calendar, expected } = known;
      const [opens, closes] = [expected.map((it) => it.open), expected.map((it) => it.close)];
      for (const ms of instants(known)) {
        const at = ns(ms);
        const [opened, closed] = [lastUpTo(opens, ms), lastUpTo(closes, ms)];
        const wanted = [opens[opened + 1], closes[closed + 1], opens[opened], closes[closed]];
        const said = [
          calendar.nextOpen(at),
          calendar.nextClose(at),
          calendar.previousOpen(at),
          calendar.previousClose(at),
        ].map((it) => Number(it / 1_000_000n));
        const where = `${name} ${new Date(ms).toISOString()}`;
        assert.deepEqual(said, wanted, where);
        const row = expected[opened];
        const inside = row !== undefined && ms < row.close;
        assert.equal(calendar.sessionAt(at)?.date ?? null, inside ? row.date : null, where);
        if (calendar.kinds.length === 1) {
          assert.equal(calendar.tradeDate(at), inside ? row.date : null, where);
        }
      }
    }
  },
);

test('open time of each session, and of each year the sum of its sessions', { skip }, () => {
  for (const [name, oracle_name] of PAIRS) {
    const { calendar, expected } = stage(name, oracle_name);
    const length = ({ open, close, pause }: Row): number =>
      close - open - (pause === null ? 0 : pause[1] - pause[0]);
    for (let at = 0; at < expected.length; at++) {
      const row = expected[at];
      const year = expected.slice(at).filter((it) => it.date.slice(0, 4) === row?.date.slice(0, 4));
      const last = year.at(-1);
      if (row === undefined || last === undefined) break;
      const wanted = year.reduce((sum, it) => sum + length(it), 0);
      assert.equal(
        calendar.openNs(ns(row.open), ns(last.close)),
        ns(wanted),
        `${name} ${row.date}`,
      );
      at += year.length - 1;
    }
    for (const row of expected) {
      assert.equal(calendar.openNs(ns(row.open), ns(row.close)), ns(length(row)), name);
    }
  }
});
