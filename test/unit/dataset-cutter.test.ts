import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cutter, OBJECT_BYTES_MIN, windowOf } from '../../dataset/cutter.ts';
import type { CutObject } from '../../dataset/cutter.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import {
  NS_PER_HOUR,
  NS_PER_MINUTE,
  NS_PER_SECOND,
  dayStart,
  formatIso,
} from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';

const START = dayStart('2026-11-20' as Day);
const at = (hour: number, minute = 0, second = 0): bigint =>
  START +
  BigInt(hour) * NS_PER_HOUR +
  BigInt(minute) * NS_PER_MINUTE +
  BigInt(second) * NS_PER_SECOND;
const short = (t: bigint): string => formatIso(t).slice(11, 16);

function cut(window_hours: 1 | 4, events: readonly [t: bigint, bytes: number, symbol?: string][]) {
  const objects: CutObject[] = [];
  const cutter = new Cutter(window_hours, (object) => objects.push(object));
  for (const [t, bytes, symbol = 'BTCUSD'] of events) {
    cutter.append(TYPE_CODE.trade, symbol, t, new Uint8Array(bytes));
  }
  return { objects, cutter };
}

test('a window ends an object; a stretch without events is none', () => {
  const { objects, cutter } = cut(1, [
    [at(0, 17), 10],
    [at(0, 59, 59), 10],
    [at(3, 0), 10],
  ]);
  assert.deepEqual(
    objects.map((it) => [short(it.start), short(it.end), it.records, it.plain.length]),
    [['00:00', '01:00', 2, 20]],
  );
  cutter.closeUntil(at(3, 59, 59));
  assert.equal(objects.length, 1);
  cutter.closeUntil(at(4));
  assert.deepEqual([short(objects[1]?.start ?? 0n), objects[1]?.records], ['03:00', 1]);
  assert.equal(cutter.heldBytes(), 0);
});

test('an object ends at the first minute boundary at which it holds enough', () => {
  const half = OBJECT_BYTES_MIN / 2;
  const { objects, cutter } = cut(4, [
    [at(1, 5), half],
    [at(1, 7, 1), half],
    [at(1, 7, 59), 100],
    [at(1, 9), 7],
  ]);
  cutter.closeUntil(at(4));
  assert.deepEqual(
    objects.map((it) => [short(it.start), short(it.end), it.plain.length]),
    [
      ['00:00', '01:08', OBJECT_BYTES_MIN + 100],
      ['01:08', '04:00', 7],
    ],
  );
});

test('one byte too few does not end it', () => {
  const { objects } = cut(4, [
    [at(1, 5), OBJECT_BYTES_MIN - 1],
    [at(1, 6), 1],
    [at(1, 6, 30), 1],
    [at(1, 7), 1],
  ]);
  assert.deepEqual(
    objects.map((it) => [short(it.end), it.records]),
    [['01:07', 3]],
  );
});

test('series are cut independently of each other and of how often it is asked', () => {
  const events: [bigint, number, string][] = [];
  for (let minute = 0; minute < 180; minute++) {
    events.push([at(0, minute), 200_000, 'BTCUSD'], [at(0, minute, 1), 5, 'ETHUSD']);
  }
  const once = cut(1, events);
  once.cutter.closeUntil(at(3));
  const objects: CutObject[] = [];
  const often = new Cutter(1, (object) => objects.push(object));
  for (const [t, bytes, symbol] of events) {
    often.closeUntil(t);
    often.append(TYPE_CODE.trade, symbol, t, new Uint8Array(bytes));
    often.closeUntil(t);
  }
  often.closeUntil(at(3));
  const names = (list: CutObject[]): string[] =>
    list.map((it) => `${it.symbol} ${short(it.start)} ${it.records}`).sort();
  assert.deepEqual(names(objects), names(once.objects));
  assert.equal(names(objects).filter((name) => name.startsWith('ETHUSD')).length, 3);
  assert.ok(names(objects).filter((name) => name.startsWith('BTCUSD')).length > 6);
});

test("an event that runs backwards is a programmer's error", () => {
  assert.throws(
    () =>
      cut(1, [
        [at(1), 1],
        [at(0), 1],
      ]),
    /arrives after/,
  );
});

test('windows tile the day', () => {
  const window = windowOf(at(7, 30), 4);
  assert.deepEqual([short(window.start), short(window.end)], ['04:00', '08:00']);
});
