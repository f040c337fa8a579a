/** What rigid readers share: markets by words as the table has them, and numbers as the scanner reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { i64 } from '../../codec/halves.ts';
import { rigidLevels } from '../../codec/rigid-levels.ts';
import { RigidReader } from '../../codec/rigid-reader.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { hold } from '../support/property.ts';
import { mostly } from '../support/rigid-twins.ts';

const utf8 = new TextEncoder();

function opened(text: string): RigidReader {
  const reader = new RigidReader();
  reader.open(utf8.encode(`    ${text}\n`), 4);
  return reader;
}

const name = fc.oneof(
  fc.stringMatching(/^[A-Z0-9]{1,12}(-USD|USDT)?$/),
  fc.constantFrom('A', 'AB', 'ABC', 'BTCUSDT', 'BTCUSDC', '1000SHIBUSDT', 'ÄÖ-USDT', '币安USDT'),
);

test('a market is found by words as it is byte by byte', () => {
  hold(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 60 }), name, (names, other) => {
      const symbols = createSymbolTable(
        names.map((external) => ({ symbol: external, external, depth: 'l2' as const })),
      );
      for (const text of [...names, other, '']) {
        const bytes = utf8.encode(text);
        const reader = opened(`${text}"`);
        const found = reader.market(symbols);
        assert.equal(found, symbols.find(bytes, 0, bytes.length));
        if (found >= 0) assert.equal(reader.at, 4 + bytes.length);
      }
    }),
    300,
  );
});

test('a name that JSON would escape is left to others', () => {
  const external = String.raw`A\u0042`;
  const symbols = createSymbolTable([{ symbol: 'AB', external, depth: 'l2' }]);
  assert.equal(opened(`${external}"`).market(symbols), -1);
});

/** Digits and exponent as the columns have them. */
const exact = (text: string): readonly [bigint, number] => {
  const [whole = '', fraction = ''] = text.split('.');
  return [BigInt(whole + fraction), fraction === '' ? 0 : -fraction.length];
};
const PLAIN = /^(0|[1-9]\d*)(\.\d+)?$/;
const isShort = (text: string): boolean => text.replace('.', '').length <= 18;

test('levels are read with every digit, or not at all', () => {
  const amount = mostly((it) => it);
  const list = fc.array(fc.tuple(amount, amount), { maxLength: 40 });
  hold(
    fc.property(list, fc.nat(300), (levels, before) => {
      const out = new EventBuffer();
      for (let level = 0; level < before; level++) out.level(0, level, 0, 0, level, 0);
      const text = levels.map(([price, size]) => `["${price}","${size}"]`).join(',');
      const reader = opened(`${text}]`);
      const read = rigidLevels(reader, out);
      if (levels.flat().every((it) => PLAIN.test(it) && isShort(it))) assert.ok(read);
      if (!levels.flat().every((it) => PLAIN.test(it))) assert.ok(!read);
      if (!read) return;
      assert.equal(reader.at, 4 + text.length);
      assert.equal(out.levels, before + levels.length);
      levels.forEach(([price, size], index) => {
        const at = before + index;
        const mantissa = (hi: Int32Array, lo: Int32Array): bigint => i64(hi[at] ?? 0, lo[at] ?? 0);
        const prices = [mantissa(out.price_hi, out.price_lo), out.price_exp[at]];
        const sizes = [mantissa(out.size_hi, out.size_lo), out.size_exp[at]];
        assert.deepEqual([prices, sizes], [exact(price), exact(size)]);
      });
    }),
    600,
  );
});
