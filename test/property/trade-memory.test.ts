/** Which trades are remembered: by a plain list, and by the memory, of which copies go on alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ABSENT, EventBuffer, FIELD } from '../../codec/event-buffer.ts';
import {
  CONTENT_LENGTH,
  countOf,
  idOfCount,
  tradeContent,
  tradeIdAt,
  tradeIdOf,
} from '../../fold/trade-id.ts';
import type { TradeId } from '../../fold/trade-id.ts';
import { TRADE_IDS_MAX, createTradeMemory, rememberTrade } from '../../fold/trade-memory.ts';
import { TYPE_CODE } from '../../schema/events.ts';
import { hold } from '../support/property.ts';

/** So many more ids than are kept, and then some that may be known. */
const runs = fc.array(
  fc.record({ fresh: fc.integer({ min: 0, max: 3000 }), back: fc.integer({ min: 1, max: 6000 }) }),
  { minLength: 3, maxLength: 8 },
);

test('the oldest id is forgotten first, in a copy as in what it was copied of', () => {
  hold(
    fc.property(runs, (steps) => {
      let memory = createTradeMemory();
      const order: string[] = [];
      const known = new Set<string>();
      let next = 0;
      const hear = (id: string): void => {
        const verdict = rememberTrade(memory, id, 'one content');
        assert.equal(verdict, known.has(id) ? 'repeat' : 'new', id);
        if (verdict === 'repeat') return;
        known.add(id);
        order.push(id);
        if (known.size > TRADE_IDS_MAX) known.delete(order[order.length - known.size] ?? '');
      };
      for (const { fresh, back } of steps) {
        for (let count = 0; count < fresh; count++) hear(`id ${next++}`);
        hear(`id ${Math.max(0, next - back)}`);
        memory = structuredClone(memory);
      }
      assert.deepEqual([...memory.contents.keys()], order.slice(-TRADE_IDS_MAX));
    }),
    40,
  );
});

test('an id may be heard with several contents: each is told once, whoever repeats it', () => {
  const ids = fc.constantFrom<TradeId>(7, 8, '7a', '007');
  // Each overlaps those that may stand before and behind it; more of one id than are told apart.
  const windows = 'a'.repeat(CONTENT_LENGTH) + 'b'.repeat(CONTENT_LENGTH) + 'cdef';
  const heard = fc.array(fc.tuple(ids, fc.nat(17)), { maxLength: 60 });
  hold(
    fc.property(heard, (trades) => {
      const memory = createTradeMemory();
      const known = new Map<TradeId, number[]>();
      for (const [id, number] of trades) {
        const content = windows.slice(number, number + CONTENT_LENGTH);
        const own = known.get(id);
        const verdict = rememberTrade(memory, id, content);
        const expected = own === undefined ? 'new' : own.includes(number) ? 'repeat' : 'conflict';
        assert.equal(verdict, expected, `${id} ${number}`);
        if (own === undefined || own.length === 16) known.set(id, [number]);
        else if (expected === 'conflict') own.push(number);
      }
    }),
    500,
  );
});

const texts = fc.oneof(
  fc.stringMatching(/^\d{1,20}$/),
  fc.constantFrom('0', '00', '7', '007', '-0', '-7', '1e3', '1.0', ' 7', '', '999999999999999'),
  fc.constantFrom('1000000000000000', '9007199254740993', 'ab12-x', '0x10', '+7'),
);

test('an id is the same trade’s exactly where its text is the same, in a frame or not', () => {
  const out = new EventBuffer();
  const idOf = (text: string): TradeId => {
    const source = new TextEncoder().encode(` ${text} `);
    out.reset(source);
    out.begin(TYPE_CODE.trade, 0, 0);
    out.setTextRange(0, FIELD.trade.trade_id, 1, source.length - 1);
    return tradeIdAt(out, 0);
  };
  hold(
    fc.property(texts, texts, (one, other) => {
      assert.equal(idOf(one), tradeIdOf(one), 'as a text of its own');
      assert.equal(String(idOf(one)), one);
      assert.equal(idOf(one) === idOf(other), one === other);
      const count = countOf(idOf(one));
      assert.equal(count, /^\d+$/.test(one) ? BigInt(one) : null);
      if (count !== null && String(count) === one) assert.equal(idOfCount(count), idOf(one));
    }),
    2_000,
  );
});

type Value = [hi: number, lo: number, exponent: number];
type Trade = {
  readonly price: Value;
  readonly size: Value;
  readonly side: number;
  readonly time: [hi: number, lo: number];
};

test('contents are the same exactly where price, size, side and time are', () => {
  const half = fc.oneof(fc.constantFrom(0, 1, -1, 0x10000, 0x7fffffff, -0x80000000), fc.integer());
  const exponent = fc.constantFrom(0, -2, -64, 63, ABSENT);
  const value = fc.tuple(half, half, exponent);
  const trade: fc.Arbitrary<Trade> = fc.record({
    ...{ price: value, size: value, time: fc.tuple(half, half) },
    side: fc.constantFrom(0, 1, 2),
  });
  // One for all: what a trade leaves behind must not be the next one's.
  const out = new EventBuffer();
  const contentOf = ({ price, size, side, time }: Trade): string => {
    out.reset(new Uint8Array(0));
    out.begin(TYPE_CODE.trade, 0, 0);
    out.set(0, FIELD.trade.price, ...price);
    out.set(0, FIELD.trade.size, ...size);
    if (side !== 0) out.setSide(0, FIELD.trade.side, side as 1 | 2);
    out.setTsEvent(0, ...time);
    return tradeContent(out, 0);
  };
  const near = fc.tuple(trade, trade, fc.constantFrom('price', 'size', 'side', 'time', 'none'));
  hold(
    fc.property(near, ([one, other, field]) => {
      const changed = field === 'none' ? one : { ...one, [field]: other[field] };
      const same = JSON.stringify(one) === JSON.stringify(changed);
      assert.equal(contentOf(one) === contentOf(changed), same);
      assert.equal(contentOf(one).length, CONTENT_LENGTH);
    }),
    1_000,
  );
});
