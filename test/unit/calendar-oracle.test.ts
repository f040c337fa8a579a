/** The shipped calendars against sessions computed by others: to the second, both ways, all of them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { DEVIATIONS } from '../support/calendar-deviations.ts';
import type { Deviation } from '../support/calendar-deviations.ts';
import { PAIRS, oracleSays, oracleSummary, ourRows, stage } from '../support/calendar-oracle.ts';
import type { Stage } from '../support/calendar-oracle.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { readProjectFile } from '../support/project.ts';

const skip = skipWithoutCaptures;
const FIELDS = ['open', 'close', 'break'] as const;

/** What differs, each as the deviation that would allow it. */
function differing({ calendar, range, oracle }: Stage): [date: string, key: string][] {
  const theirs = new Map(oracle.map((row) => [row.date, row]));
  const ours = new Map(ourRows(calendar, ...range).map((row) => [row.date, row]));
  const iso = (ms: number): string => new Date(ms).toISOString().replace('.000', '');
  const found: [string, string][] = [];
  for (const date of new Set([...ours.keys(), ...theirs.keys()])) {
    const [mine, its] = [ours.get(date), theirs.get(date)];
    if (mine === undefined) found.push([date, 'session none open']);
    else if (its === undefined) {
      found.push([date, `session ${iso(mine.open)}/${iso(mine.close)} none`]);
    } else {
      for (const field of FIELDS) {
        const same =
          field === 'break' ? String(mine.pause) === String(its.pause) : mine[field] === its[field];
        const [said, says] = [mine, its].map((row) => oracleSays(field, row, calendar.tz));
        if (!same) found.push([date, `${field} ${said} ${says}`]);
      }
    }
  }
  return found;
}

const keyOf = ({ field, ours, oracle }: Deviation): string => `${field} ${ours} ${oracle}`;

for (const [name, oracle_name] of PAIRS) {
  test(
    `${name}: sessions, opens, closes and breaks are ${oracle_name}'s, but for what is listed`,
    { skip },
    (t) => {
      const { calendar, range, oracle, expected } = stage(name, oracle_name);
      assert.ok(oracle.length > 1000);
      assert.deepEqual(ourRows(calendar, ...range), expected);

      const found = differing(stage(name, oracle_name));
      const own = DEVIATIONS.filter((it) => it.calendar === name);
      const unlisted = found.filter(
        ([date, key]) => !own.some((it) => keyOf(it) === key && date >= it.from && date <= it.to),
      );
      assert.deepEqual(unlisted, []);
      const counts = own.map((it) => {
        const count = found.filter(
          ([date, key]) => keyOf(it) === key && date >= it.from && date <= it.to,
        ).length;
        return `${it.from} ${keyOf(it)}: ${count}`;
      });
      assert.deepEqual(
        counts,
        own.map((it) => `${it.from} ${keyOf(it)}: ${it.count}`),
      );
      t.diagnostic(
        `${oracle.length} sessions of ${oracle_name}, ${range.join(' to ')}; ${found.length} listed differences`,
      );
    },
  );
}

test('the page names the number of sessions that are compared', { skip }, () => {
  const total = PAIRS.reduce((sum, [name, theirs]) => sum + stage(name, theirs).oracle.length, 0);
  assert.ok(
    readProjectFile('docs/calendars.md').includes(`${total.toLocaleString('en')} sessions`),
  );
});

test('early closes and late opens are the summaries, with their times', { skip }, () => {
  for (const [name, oracle_name] of PAIRS) {
    const { calendar, range } = stage(name, oracle_name);
    const summary = oracleSummary(oracle_name);
    const own = DEVIATIONS.filter((it) => it.calendar === name);
    const listed = (date: string): boolean =>
      own.some((it) => it.field !== 'break' && it.from <= date && date <= it.to && it.count < 40);
    const days = calendar.days(...range);
    const early = days.flatMap(({ date, sessions }) =>
      sessions
        .filter((it) => it.kind === 'regular' && it.early)
        .map((it) => [date, calendar.local(it.close).time] as const),
    );
    const theirs = Object.entries(summary.early_closes_local).filter(
      ([date]) => date >= range[0] && date <= range[1],
    );
    const plain = (
      them: readonly (readonly [string, string])[],
    ): readonly (readonly [string, string])[] =>
      name === 'cme-equity-index' ? [] : them.filter(([date]) => !listed(date));
    assert.deepEqual(plain(early), plain(theirs), name);
    // Of every day the oracle closes early we do as well.
    const dates = new Set(early.map(([date]) => date));
    assert.deepEqual(
      theirs.filter(([date]) => !dates.has(date)),
      [],
      name,
    );
    const late = days.filter((it) => it.late_open !== null && !listed(it.date));
    assert.deepEqual(
      late.map(({ date }) => date),
      Object.keys(summary.late_opens_local),
      name,
    );
  }
});
