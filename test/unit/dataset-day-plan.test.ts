/**
 * Which holes a day's plan finds, for lives and deaths of epochs around its midnight. Hypotheses of the
 * bug: a hole nobody tells of, and a day that waits for what cannot come.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIso } from '../../schema/time.ts';
import { DAY, EVE, at, epochOf, goesOn, log, planOf, told } from '../support/shard-lives.ts';
import type { Life, Log } from '../support/shard-lives.ts';

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

test('what one published that had lost the shard and did not know yet is no hole', () => {
  // It stood still from the eve on, woke after midnight, and the bus took some of its events.
  const ends: Life['ends'] = { [EVE]: 'day', [DAY]: 'shutdown' };
  const woken = log({ start: '19T08:00', end: '20T00:31', ends });
  const prev = { epoch: '19T08:00', t: '19T23:30' };
  const second = log({
    ...{ start: '19T23:40', take: '19T23:41', prev, end: '21T00:02' },
    ends: { [EVE]: 'day', [DAY]: 'day' },
  });
  const bus_seen = new Map([[epochOf('19T08:00'), at('20T00:30')]]);
  assert.deepEqual(told(planOf([woken, second], { bus_seen })), []);
  // Of what it published RAW has the beginning alone.
  const cut = log({ start: '19T08:00', end: '20T00:20', ends });
  assert.deepEqual(told(planOf([cut, second], { bus_seen })), ['log_behind_bus 20T00:20 20T00:30']);
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
