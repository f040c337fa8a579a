/** What rigid readers share: markets by words as the table has them, and numbers as the scanner reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventBuffer } from '../../codec/event-buffer.ts';
import { i64, u64 } from '../../codec/halves.ts';
import { InstantReader } from '../../codec/instant.ts';
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
  const list = mostly((amount) => fc.array(fc.tuple(amount, amount), { maxLength: 40 }));
  // The columns are full at 256.
  const befores = fc.oneof(fc.nat(300), fc.integer({ min: 216, max: 256 }));
  hold(
    fc.property(list, befores, (levels, before) => {
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

test('a list of levels ends with its bracket, whether its numbers are long or not', () => {
  for (const size of ['2.5', '1234567890.5']) {
    for (const end of ['', '}', ',', '"', ',]', '[', '0']) {
      const reader = opened(`["1.5","${size}"]${end}`);
      assert.ok(!rigidLevels(reader, new EventBuffer()), `${size} and ${end}`);
    }
    assert.ok(rigidLevels(opened(`["1.5","${size}"]]`), new EventBuffer()));
  }
});

test('a reader goes on where the next bytes lie, wherever their buffer begins', () => {
  const reader = new RigidReader();
  const buffer = utf8.encode('1111111111111 2222222222222 3333333333333\n').buffer;
  for (const [from, ms] of [
    [0, 1_111_111_111_111n],
    [14, 2_222_222_222_222n],
    [28, 3_333_333_333_333n],
  ] as const) {
    reader.open(new Uint8Array(buffer, from), 0);
    assert.ok(reader.ms());
    assert.equal(u64(reader.instant.hi, reader.instant.lo), ms * 1_000_000n);
  }
});

test('texts behind a level are passed over where they are plain', () => {
  const read = (text: string): boolean =>
    rigidLevels(opened(`["1.5","2.5","0","${text}"]]`), new EventBuffer(), true);
  for (const text of ['', '12', 'any', '\u20ac', '~']) assert.ok(read(text), text);
  for (const text of ['\u0001', '\t', '\\', '\u001f', '1"', '1",']) assert.ok(!read(text), text);
});

test('milliseconds one after the other are the nanoseconds they are, up to the last that fit', () => {
  const last = 18_446_744_073_709;
  const near = fc.tuple(
    fc.constantFrom(0, 1_700_000_000_000, last - 9_000, last - 4_294, last - 1),
    fc.integer({ min: -5_000, max: 9_000 }),
  );
  hold(
    fc.property(fc.array(near, { maxLength: 12 }), (steps) => {
      const instant = new InstantReader();
      for (const [base, more] of steps) {
        const ms = base + more;
        const fits = ms >= 0 && ms <= last;
        assert.equal(instant.fromWholeMs(ms), fits, `${ms}`);
        if (fits) assert.equal(u64(instant.hi, instant.lo), BigInt(ms) * 1_000_000n, `${ms}`);
      }
    }),
    1_000,
  );
});

test('a time of the minute of the last one, a byte changed, is what a reader without it says', () => {
  const known = utf8.encode('2026-08-16T23:37:05.815233Z');
  for (let at = 0; at < known.length; at++) {
    for (const byte of utf8.encode('0123456789-:.TZ "/;')) {
      const changed = known.slice();
      changed[at] = byte;
      const [warm, cold] = [new InstantReader(), new InstantReader()];
      assert.ok(warm.fromIso(known, 0, known.length));
      const isRead = cold.fromIso(changed, 0, changed.length);
      const view = new DataView(changed.buffer);
      const isNear = warm.fromMicros(view, changed, 0);
      const said = String.fromCharCode(...changed);
      assert.ok(isRead || !isNear, said);
      if (isNear) assert.deepEqual([warm.hi, warm.lo], [cold.hi, cold.lo], said);
      if (at > 16 && at !== 19 && at < 26) assert.equal(isNear, isRead, said);
    }
  }
});

test('each year has the days it has', () => {
  const instant = new InstantReader();
  for (let year = 1970; year < 2554; year++) {
    for (const day of ['01-01', '02-28', '02-29', '02-30', '03-01', '12-31', '12-32']) {
      const text = `${year}-${day}T00:00:00Z`;
      const ms = Date.parse(text);
      const isDay = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(`${year}-${day}`);
      assert.equal(instant.fromIso(utf8.encode(text), 0, text.length), isDay, text);
      if (isDay) assert.equal(u64(instant.hi, instant.lo), BigInt(ms) * 1_000_000n, text);
    }
  }
});
