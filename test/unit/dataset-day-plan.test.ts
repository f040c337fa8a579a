/**
 * Which holes a day's plan finds, for lives and deaths of epochs around its midnight. Hypotheses of the
 * bug: a hole nobody tells of, and a day that waits for what cannot come.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planShardDay } from '../../dataset/day-plan.ts';
import type { ShardPlan } from '../../dataset/day-plan.ts';
import type { ShardFindings } from '../../dataset/epoch-log.ts';
import { rawSegmentKey } from '../../dataset/keys.ts';
import type { SegmentSurvey } from '../../dataset/segment-survey.ts';
import type { Inventory } from '../../schema/log.ts';
import { addDays, dayOf, dayStart, formatIso, msFromNs, parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { sampleCapture } from '../support/log.ts';

const DAY = '2026-11-20' as Day;
const EVE = addDays(DAY, -1);
const of = { feed: 'tiny', shard: 'tier1' } as const;
const MINUTE = 60_000_000_000n;

/** `20T12:30` of November 2026. */
function at(text: string): bigint {
  const t = parseIso(`2026-11-${text}:00Z`);
  assert.ok(t !== null, text);
  return t;
}

type Life = {
  readonly start: string;
  /** Its last line. */
  readonly end: string;
  /** Null: a standby that never speaks. */
  readonly take?: string | null;
  readonly prev?: { readonly epoch: string; readonly t: string } | null;
  /** What its inventories say, by day; a day without one has none. */
  readonly ends: Readonly<Partial<Record<Day, Inventory['end']>>>;
};

type Log = {
  readonly segments: readonly SegmentSurvey[];
  readonly inventories: readonly Inventory[];
};

const epochOf = (start: string): number => msFromNs(at(start));

/** A log with one segment every five minutes, as a connector would have written it. */
function log({ start, end, take, prev, ends }: Life): Log {
  const epoch = epochOf(start);
  const took = take === null ? null : at(take ?? start);
  const segments: SegmentSurvey[] = [];
  for (let t = at(start); t < at(end); t += 5n * MINUTE) {
    const last = t + 5n * MINUTE < at(end) ? t + 5n * MINUTE - 1n : at(end);
    const within = (line: bigint): boolean => line >= t && line < t + 5n * MINUTE;
    const days = [dayOf(at(start)), DAY, addDays(DAY, 1)].flatMap((day, index) => {
      const line = index === 0 ? at(start) : dayStart(day) - 10n * MINUTE;
      const taken = took !== null && took < line;
      return within(line) && (index === 0 || line > at(start)) ? [{ t: line, day, taken }] : [];
    });
    const number = segments.length;
    segments.push({
      key: rawSegmentKey({ ...of, epoch, t }),
      id: { ...of, epoch, t },
      state: 'whole',
      sha256: `${epoch}/${number}`,
      plain_bytes: 1,
      fault: null,
      capture: {
        ...sampleCapture,
        ...of,
        epoch,
        segment: number,
        previous_sha256: number === 0 ? null : `${epoch}/${number - 1}`,
      },
      first: t,
      last,
      days,
      takes:
        took !== null && within(took)
          ? [{ t: took, prev: prev ? { epoch: epochOf(prev.epoch), t: at(prev.t) } : null }]
          : [],
    });
  }
  const told_ends = Object.entries(ends) as [Day, Inventory['end']][];
  const inventories = told_ends.map(([day, end]) => ({
    format: 1 as const,
    ...of,
    epoch,
    day,
    origin: 'live' as const,
    host: 'test',
    connections: [],
    segments: segments
      .filter((it) => dayOf(it.id.t) === day)
      .map(({ key, sha256, first, last, capture }) => ({
        ...{ key, sha256, segment: capture?.segment ?? 0, bytes: 1, lines: 1 },
        ...{ first: String(first), last: String(last) },
      })),
    end,
  }));
  return { segments, inventories };
}

/** As the raw bucket would be surveyed: the day and the hour before it. */
function planOf(logs: readonly Log[], other: Partial<ShardFindings> = {}): ShardPlan {
  const inventories = logs.flatMap((it) => it.inventories);
  const all = logs.flatMap((it) => it.segments);
  const early = all.filter((it) => it.takes.length > 0 && it.id.t < at('19T23:00'));
  return planShardDay({
    ...of,
    day: DAY,
    segments: all.filter((it) => it.id.t >= at('19T23:00') && it.id.t < at('21T00:00')),
    earlier_takes: new Map(early.map((it) => [it.id.epoch, it.takes[0]?.t ?? null])),
    inventories: inventories.filter((it) => it.day === DAY),
    previous_inventories: inventories.filter((it) => it.day === EVE),
    next_segments: all.filter((it) => it.id.t === at('21T00:00')),
    bus_seen: new Map(),
    ...other,
  });
}

function told(plan: ShardPlan): string[] {
  const short = (t: string): string => formatIso(BigInt(t)).slice(8, 16);
  return plan.gaps.map(({ cause, from, to }) => `${cause} ${short(from)} ${short(to)}`);
}

const goesOn = (life: Omit<Life, 'end' | 'ends'>): Log =>
  log({ ...life, end: '21T00:02', ends: { [DAY]: 'day' } });

/** Speaks from the morning of the eve on, until it dies. */
const dead = (end: string, ends: Life['ends']): Log => log({ start: '19T08:00', end, ends });
const successor = (prev: string): Log =>
  goesOn({ start: '20T00:05', take: '20T00:06', prev: { epoch: '19T08:00', t: prev } });

test('who ended before midnight is no part of the day, whether or not it had opened it', () => {
  for (const end of ['19T23:30', '19T23:57'] as const) {
    for (const how of ['crash', 'shutdown'] as const) {
      const plan = planOf([dead(end, { [EVE]: how }), successor(end)]);
      assert.deepEqual(told(plan), [], `${how} at ${end}`);
      assert.deepEqual(
        plan.intervals.map((it) => formatIso(it.from).slice(8, 16)),
        ['20T00:06'],
      );
      const keys = plan.inputs.map((it) => it.key);
      assert.ok(!keys.some((key) => key.includes('2026/11/19/')), 'its segments are no input');
    }
  }
});

test('nothing else stands for the inventory of the day', () => {
  const hole = ['inventory_missing 20T00:00 20T00:06'];
  for (const end of ['19T23:30', '19T23:57'] as const) {
    assert.deepEqual(told(planOf([dead(end, {}), successor(end)])), hole, `none, ${end}`);
    const goes_on = planOf([dead(end, { [EVE]: 'day' }), successor(end)]);
    assert.deepEqual(told(goes_on), hole, `it goes on, ${end}`);
  }
  const lines = planOf([dead('20T00:03', { [EVE]: 'crash' }), successor('20T00:03')]);
  assert.deepEqual(told(lines), ['inventory_missing 20T00:03 20T00:06'], 'it has lines of the day');
  const unknown = dead('19T23:57', { [EVE]: 'crash' });
  const seen = new Map([[epochOf('19T08:00'), at('20T00:04')]]);
  assert.deepEqual(told(planOf([unknown, successor('20T00:04')], { bus_seen: seen })), [
    'inventory_missing 20T00:00 20T00:04',
    'log_behind_bus 20T00:00 20T00:04',
  ]);
});

test('two that died before midnight, one after the other, leave the day to the third', () => {
  const first = dead('19T23:52', { [EVE]: 'crash' });
  const prev = { epoch: '19T08:00', t: '19T23:52' };
  const life = { start: '19T23:53', take: '19T23:54', prev, end: '19T23:58' } as const;
  const third = { start: '20T00:05', take: '20T00:06' } as const;
  const took = log({ ...life, ends: { [EVE]: 'crash' } });
  const from_second = goesOn({ ...third, prev: { epoch: '19T23:53', t: '19T23:58' } });
  assert.deepEqual(told(planOf([first, took, from_second])), []);
  const never = log({ ...life, take: null, ends: { [EVE]: 'crash' } });
  const from_first = goesOn({ ...third, prev });
  assert.deepEqual(told(planOf([first, never, from_first])), []);
  const silent = log({ ...life, ends: {} });
  assert.deepEqual(told(planOf([first, silent, from_second])), [
    'inventory_missing 20T00:00 20T00:06',
  ]);
});

test('one that died the day before, and none since: the shard is absent', () => {
  const plan = planOf([dead('19T23:57', { [EVE]: 'crash' })]);
  assert.deepEqual(told(plan), ['shard_absent 20T00:00 21T00:00']);
});

test('a take that knew of none before it leaves a hole that no event tells of', () => {
  const alone = goesOn({ start: '20T00:05', take: '20T00:06', prev: null });
  const plan = planOf([dead('19T23:57', { [EVE]: 'crash' }), alone]);
  assert.deepEqual(told(plan), ['before_first_take 20T00:00 20T00:06']);
  const noon = log({ start: '19T08:00', end: '20T12:00', ends: { [EVE]: 'day', [DAY]: 'crash' } });
  const later = goesOn({ start: '20T13:00', take: '20T13:01', prev: null });
  assert.deepEqual(told(planOf([noon, later])), ['handover 20T12:00 20T13:01']);
});

test('who took over from an epoch RAW has nothing of lost what that one heard', () => {
  const first = log({
    start: '19T08:00',
    end: '20T10:00',
    ends: { [EVE]: 'day', [DAY]: 'shutdown' },
  });
  const prev = { epoch: '20T09:59', t: '20T15:00' };
  const third = goesOn({ start: '20T15:01', take: '20T15:02', prev });
  assert.deepEqual(told(planOf([first, third])), ['inventory_missing 20T10:00 20T15:00']);
  const only = goesOn({ start: '20T15:01', take: '20T15:02', prev });
  assert.deepEqual(told(planOf([only])), ['inventory_missing 20T00:00 20T15:00']);
});

test('who took over from one that no longer spoke tells only of the hole since', () => {
  // The second took the shard with the bus away and died; the first went on, and no line of it counts.
  const first = log({
    start: '19T08:00',
    end: '20T15:00',
    ends: { [EVE]: 'day', [DAY]: 'shutdown' },
  });
  const second = log({
    start: '20T12:00',
    end: '20T12:05',
    prev: null,
    ends: { [DAY]: 'shutdown' },
  });
  const prev = { epoch: '19T08:00', t: '20T15:00' };
  const third = goesOn({ start: '20T15:00', take: '20T15:01', prev });
  assert.deepEqual(told(planOf([first, second, third])), ['handover 20T12:05 20T15:00']);
});

test('an epoch whose take stands in a segment that is lost was no standby', () => {
  const first = log({ start: '19T08:00', end: '21T00:02', ends: { [EVE]: 'day', [DAY]: 'day' } });
  const prev = { epoch: '19T08:00', t: '20T12:06' };
  const life = { start: '20T12:00', take: '20T12:06', prev, end: '20T18:00' } as const;
  const second = log({ ...life, ends: { [DAY]: 'crash' } });
  assert.deepEqual(told(planOf([first, log({ ...life, take: null, ends: {} })])), []);
  const { inventories } = second;
  const segments = second.segments.filter((it) => it.takes.length === 0);
  const plan = planOf([first, { segments, inventories }]);
  assert.deepEqual(told(plan), ['not_speaking 20T12:00 20T18:00']);
  const tail = log({ ...life, take: null, ends: { [DAY]: 'crash' } });
  const cut = { segments: tail.segments.slice(0, -1), inventories: tail.inventories };
  assert.equal(told(planOf([first, cut])).length, 1, 'what it lists at its end is not there');
});

test('a standby that lives for days is no hole', () => {
  const first = log({ start: '19T08:00', end: '21T00:02', ends: { [EVE]: 'day', [DAY]: 'day' } });
  const standby = { start: '19T09:00', end: '21T00:02', take: null } as const;
  const plan = planOf([first, log({ ...standby, ends: { [EVE]: 'day', [DAY]: 'day' } })]);
  assert.deepEqual(told(plan), []);
  const waited = log({
    ...{ start: '19T09:00', end: '21T00:02', take: '20T10:00' },
    prev: { epoch: '19T08:00', t: '20T09:59' },
    ends: { [EVE]: 'day', [DAY]: 'day' },
  });
  const taken_over = planOf([first, waited]);
  assert.deepEqual(told(taken_over), []);
  assert.equal(taken_over.intervals.length, 2);
});

test('what is lost of a warm-up is a hole of the day, without length', () => {
  const whole = log({ start: '19T08:00', end: '21T00:02', ends: { [EVE]: 'day', [DAY]: 'day' } });
  const lost = whole.segments.filter((it) => it.id.t !== at('19T23:55'));
  const plan = planOf([{ segments: lost, inventories: whole.inventories }]);
  // It ends before the day: the segment that follows begins at midnight.
  assert.deepEqual(told(plan), ['segment_missing 20T00:00 20T00:00']);
  assert.ok(plan.unbroken_until < at('20T00:00'), 'and the bus stands in for none of it');
  const later = whole.segments.filter((it) => it.id.t !== at('20T12:00'));
  const missing = planOf([{ segments: later, inventories: whole.inventories }]);
  assert.deepEqual(told(missing), ['segment_missing 20T11:59 20T12:05']);
});

test('a hole that ends before an epoch speaks stands where it begins to', () => {
  const first = log({ start: '19T08:00', end: '20T12:20', ends: { [EVE]: 'day', [DAY]: 'crash' } });
  const prev = { epoch: '19T08:00', t: '20T12:20' };
  const second = goesOn({ start: '20T12:00', take: '20T12:21', prev });
  assert.deepEqual(told(planOf([first, second])), []);
  const segments = second.segments.filter((it) => it.id.t !== at('20T12:05'));
  const plan = planOf([first, { segments, inventories: second.inventories }]);
  assert.deepEqual(told(plan), ['segment_missing 20T12:21 20T12:21']);
});

test('of two that go on over midnight the one that took the shard later speaks', () => {
  const ends = { [EVE]: 'day', [DAY]: 'day' } as const;
  const first = log({ start: '19T08:00', end: '21T00:02', ends });
  // Its `_take` is hours after its start, where nobody looks for it: its `_day` line says it has one.
  const prev = { epoch: '19T08:00', t: '19T20:00' };
  const second = log({ start: '19T09:00', end: '21T00:02', take: '19T20:00', prev, ends });
  const earlier_takes = new Map([
    [epochOf('19T08:00'), at('19T08:00')],
    [epochOf('19T09:00'), null],
  ]);
  const plan = planOf([first, second], { earlier_takes });
  assert.deepEqual(
    plan.intervals.map((it) => it.epoch),
    [epochOf('19T09:00')],
  );
});

test('an inventory that forgot the last segments of its day is found out by the day after', () => {
  const ends = { [EVE]: 'day', [DAY]: 'day' } as const;
  const whole = log({ start: '19T08:00', end: '21T00:07', ends });
  assert.deepEqual(told(planOf([whole])), []);
  const kept = ({ key }: { readonly key: string }): boolean => !key.includes('/20/23/55-');
  const forgetful = {
    segments: whole.segments.filter(kept),
    inventories: whole.inventories.map((it) => ({ ...it, segments: it.segments.filter(kept) })),
  };
  assert.deepEqual(told(planOf([forgetful])), ['segment_missing 20T23:54 21T00:00']);
  const strange = whole.segments.map((it) =>
    it.key.includes('/20/23/55-') ? { ...it, sha256: 'another' } : it,
  );
  const inventories = forgetful.inventories;
  const plan = planOf([{ segments: strange, inventories }]);
  assert.deepEqual(told(plan), ['chain_broken 20T23:55 21T00:00']);
});

test('a segment that cannot be read hides none that is missing after it', () => {
  const whole = log({ start: '19T08:00', end: '21T00:02', ends: { [EVE]: 'day', [DAY]: 'day' } });
  const unreadable = whole.segments.map((it) =>
    it.id.t === at('20T12:00')
      ? {
          ...it,
          ...{ state: 'unreadable' as const, capture: null, first: null, last: null },
          fault: { line: 1, detail: 'no _capture' },
        }
      : it,
  );
  const { inventories } = whole;
  const plan = planOf([{ segments: unreadable, inventories }]);
  assert.deepEqual(told(plan), ['segment_corrupt 20T12:00 20T12:05']);
  const segments = unreadable.filter((it) => it.id.t !== at('20T12:05'));
  assert.deepEqual(told(planOf([{ segments, inventories }])), [
    'segment_corrupt 20T12:00 20T12:10',
    'segment_missing 20T12:00 20T12:10',
  ]);
});

test('events on the bus of an epoch that never spoke in RAW are a hole', () => {
  const whole = log({ start: '19T08:00', end: '21T00:02', ends: { [EVE]: 'day', [DAY]: 'day' } });
  const bus_seen = new Map([[epochOf('20T11:00'), at('20T12:00')]]);
  assert.deepEqual(told(planOf([whole], { bus_seen })), [
    'log_behind_bus 20T00:00 20T12:00',
    'inventory_missing 20T00:00 20T12:00',
  ]);
});

test('who took the shard late, after a younger one had taken it over, does not speak', () => {
  // It claimed at 12:00, stood still, was taken over from at 12:05, woke and wrote its line.
  const woken = log({
    start: '20T11:59',
    take: '20T12:06',
    end: '20T12:07',
    ends: { [DAY]: 'shutdown' },
  });
  const owner = goesOn({
    start: '20T12:04',
    take: '20T12:05',
    prev: { epoch: '20T11:59', t: '20T12:00' },
  });
  const plan = planOf([dead('20T11:58', { [EVE]: 'day', [DAY]: 'crash' }), woken, owner]);
  assert.deepEqual(
    plan.intervals.map(({ epoch, from, until }) => [epoch, from, until]),
    [
      [epochOf('19T08:00'), at('20T00:00'), at('20T12:05')],
      [epochOf('20T12:04'), at('20T12:05'), at('21T00:00')],
    ],
  );
});
