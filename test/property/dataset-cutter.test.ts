import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventArena } from '../../codec/event-arena.ts';
import { Cutter, OBJECT_BYTES_MIN, windowOf } from '../../dataset/cutter.ts';
import type { CutObject } from '../../dataset/cutter.ts';
import { firstDifference } from '../../dataset/compare-streams.ts';
import { encodeMarketEvent } from '../../codec/md2.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { NS_PER_DAY, NS_PER_MINUTE, dayStart, unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

const START = dayStart('2026-11-20' as Day);
const SYMBOLS = ['A', 'B'] as const;

/** Events in order of t, some large, with the places where a caller says how far it has come. */
const events = fc
  .array(
    fc.record({
      minute: fc.integer({ min: 0, max: 1439 }),
      symbol: fc.constantFrom(...SYMBOLS),
      bytes: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant(OBJECT_BYTES_MIN / 4)),
      told: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((list) => list.sort((a, b) => a.minute - b.minute));

test('cutting loses nothing, keeps order, and does not depend on how often it is asked', () => {
  const run = (list: typeof events extends fc.Arbitrary<infer T> ? T : never, tell: boolean) => {
    const objects: CutObject[] = [];
    const cutter = new Cutter(1, (object) => objects.push(object));
    list.forEach(({ minute, symbol, bytes, told }, at) => {
      const t = START + BigInt(minute) * NS_PER_MINUTE + BigInt(at);
      if (tell && told) cutter.closeUntil(t);
      cutter.append(TYPE_CODE.trade, symbol, t, new Uint8Array(bytes).fill(at % 251));
    });
    cutter.closeUntil(START + NS_PER_DAY);
    return objects;
  };
  hold(
    fc.property(events, (list) => {
      const objects = run(list, false);
      for (const symbol of SYMBOLS) {
        const own = objects.filter((it) => it.symbol === symbol);
        const expected = list.filter((it) => it.symbol === symbol);
        const total = own.reduce((sum, it) => sum + it.records, 0);
        assert.equal(total, expected.length);
        own.forEach((object, at) => {
          const window = windowOf(object.start, 1);
          assert.ok(object.start >= window.start && object.end <= window.end);
          assert.ok(object.first_t >= object.start && object.last_t < object.end);
          const enough = object.plain.length >= OBJECT_BYTES_MIN;
          assert.ok(enough || object.end === window.end, 'it ends early only when it is large');
          const next = own[at + 1];
          assert.ok(next === undefined || next.start >= object.end);
        });
      }
      const named = (list_: CutObject[]) =>
        list_.map((it) => `${it.symbol} ${it.start} ${it.end} ${it.records}`).sort();
      assert.deepEqual(named(run(list, true)), named(objects));
    }),
    60,
  );
});

const trade = (t: number, index: number, price: bigint): Uint8Array =>
  encodeMarketEvent({
    type: 'trade',
    t: unixNs(BigInt(t)),
    ts_event: null,
    index,
    shard: 's',
    feed: 'f',
    symbol: 'A',
    sequence: null,
    flags: 0,
    price: { mantissa: price, exponent: 0 },
    size: null,
    side: null,
    trade_id: null,
    order_type: null,
    first_trade_id: null,
    last_trade_id: null,
  });

test('the first event that is missing, extra or changed is the one named', () => {
  const count = fc.integer({ min: 1, max: 12 });
  hold(
    fc.property(count, fc.nat(), fc.constantFrom('lacks', 'adds', 'changes'), (n, at, kind) => {
      const place = at % n;
      const stream = Array.from({ length: n }, (_, event) => trade(event >> 1, event & 1, 7n));
      const without = stream.filter((_, event) => event !== place);
      const other = stream.with(place, trade(place >> 1, place & 1, 8n));
      const bytes = (list: readonly Uint8Array[]): Uint8Array =>
        new Uint8Array(Buffer.concat(list));
      assert.equal(firstDifference(bytes(stream), bytes(stream), 'md2'), null);
      const [archived, rebuilt] =
        kind === 'lacks'
          ? [without, stream]
          : kind === 'adds'
            ? [stream, without]
            : [other, stream];
      assert.deepEqual(firstDifference(bytes(archived), bytes(rebuilt), 'md2'), {
        kind,
        t: BigInt(place >> 1),
        index: place & 1,
      });
    }),
    60,
  );
});

test('events out of arenas are cut as those handed over one by one', () => {
  const words = fc.record({
    symbol: fc.constantFrom(...SYMBOLS),
    words: fc.integer({ min: 1, max: 40 }),
    arena: fc.integer({ min: 0, max: 1 }),
  });
  hold(
    fc.property(fc.array(words, { maxLength: 80 }), (list) => {
      const [one, other]: CutObject[][] = [[], []];
      const plain = new Cutter(1, (object) => one?.push(object));
      const cutter = new Cutter(1, (object) => other?.push(object));
      // Small enough to grow: their bytes are others then.
      const arenas = [new EventArena(64), new EventArena(64)];
      list.forEach(({ symbol, words: count, arena: which }, at) => {
        const t = START + BigInt(at);
        const bytes = Uint8Array.from({ length: count * 8 }, (_, byte) => (byte * 7 + at) & 255);
        plain.append(TYPE_CODE.trade, symbol, t, bytes);
        const arena = arenas[which] ?? assert.fail();
        const start = arena.reserve(bytes.length);
        arena.bytes.set(bytes, start);
        arena.commit(bytes.length, TYPE_CODE.trade, symbol, t, 0);
        cutter.appendFrom(arena, arena.count - 1);
        if (at % 17 === 16) arena.clear();
      });
      for (const it of [plain, cutter]) it.closeUntil(START + NS_PER_DAY);
      assert.deepEqual(other, one);
    }),
    200,
  );
});
