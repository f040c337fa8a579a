/** Which trades are remembered: by a plain list, and by the memory, of which copies go on alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TRADE_IDS_MAX, createTradeMemory, rememberTrade } from '../../fold/trade-memory.ts';
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
