/** Instants, symbol tables, arenas and buffers: the fast forms against their plain twins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventArena } from '../../codec/event-arena.ts';
import { u64 } from '../../codec/halves.ts';
import { InstantReader } from '../../codec/instant.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { formatIso, nsFromMs, parseIso } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

const utf8 = new TextEncoder();
const MS_MAX = 253_402_300_799_999;

test('milliseconds become the nanoseconds of the plain twin', () => {
  const reader = new InstantReader();
  const ms = fc.oneof(
    fc.integer({ min: 0, max: MS_MAX }),
    fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
    fc.constantFrom(-1, 0, 1, 4_294_967_295, 4_294_967_296, 18_446_744_073_709, 18_446_744_073_710),
  );
  // One reader for all, as live: most times come soon after the last, or just before it.
  const steps = fc.array(fc.oneof(fc.integer({ min: -5, max: 5_000 }), fc.nat(400)), {
    maxLength: 12,
  });
  hold(
    fc.property(ms, steps, (first, distances) => {
      let value = first;
      for (const distance of [0, ...distances]) {
        value += distance;
        const exact = BigInt(value) * 1_000_000n;
        const fits = exact >= 0n && exact < 2n ** 64n;
        const hi = Math.floor(value / 4_294_967_296);
        assert.equal(reader.fromMs(hi, (value - hi * 4_294_967_296) | 0), fits);
        assert.equal(u64(reader.hi, reader.lo), fits ? nsFromMs(value) : 0n);
      }
    }),
    2000,
  );
});

/** Texts near valid instants: right, and with a piece changed. */
const isoText = fc
  .tuple(
    fc.integer({ min: 0, max: 4_102_444_799 }),
    fc.stringMatching(/^\d{0,9}$/),
    fc.option(fc.tuple(fc.nat(), fc.constantFrom(...'0123456789-:TZ. +x')), { nil: null, freq: 2 }),
  )
  .map(([seconds, fraction, change]) => {
    const whole = formatIso(BigInt(seconds) * 1_000_000_000n).slice(0, 19);
    const text = `${whole}${fraction === '' ? '' : `.${fraction}`}Z`;
    if (change === null) return text;
    const at = change[0] % text.length;
    return text.slice(0, at) + change[1] + text.slice(at + 1);
  });

test('ISO texts are read as the plain twin reads them, or refused', () => {
  const reader = new InstantReader();
  hold(
    fc.property(isoText, fc.nat(3), (text, margin) => {
      const bytes = utf8.encode('9'.repeat(margin) + text + '9');
      const read = reader.fromIso(bytes, margin, margin + text.length);
      const plain = text.includes('T') && text.endsWith('Z') ? parseIso(text) : null;
      const fits = plain !== null && text < '2554';
      assert.equal(read, fits, text);
      if (fits) assert.equal(u64(reader.hi, reader.lo), plain);
    }),
    4000,
  );
});

/** Two of a minute or so, since a time is compared with the last one's minute; some with a piece changed. */
const micros = fc
  .tuple(
    fc.integer({ min: 0, max: 90_000_000 }),
    fc.option(fc.tuple(fc.nat(26), fc.constantFrom(...'0123456789-:TZ. +x')), {
      nil: null,
      freq: 2,
    }),
  )
  .map(([us, change]) => {
    const start = 1_795_219_200_000_000_000n;
    const text = formatIso(start + BigInt(us) * 1_000n).slice(0, 26) + 'Z';
    return change === null
      ? text
      : text.slice(0, change[0]) + change[1] + text.slice(change[0] + 1);
  });

test('a time in microseconds says what every other text of it says', () => {
  const reader = new InstantReader();
  let taken = 0;
  hold(
    fc.property(micros, micros, fc.nat(3), (before, text, margin) => {
      const bytes = utf8.encode('9'.repeat(margin) + text + '9');
      reader.fromIso(utf8.encode(before), 0, before.length);
      if (!reader.fromMicros(new DataView(bytes.buffer), bytes, margin)) return;
      taken++;
      assert.equal(u64(reader.hi, reader.lo), parseIso(text));
    }),
    2000,
  );
  assert.ok(taken > 200, `${taken} taken`);
});

test('a market is found by its exact spelling and by nothing else', () => {
  const external = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).map((x) => x.toWellFormed()),
    fc.string({ unit: fc.constantFrom('A', 'B', '\\', '"', '\n'), minLength: 1, maxLength: 3 }),
  );
  hold(
    fc.property(fc.uniqueArray(external, { maxLength: 20 }), external, (spellings, other) => {
      const symbols = spellings.map((spelling, index) => ({
        symbol: `SYM${index}`,
        external: spelling,
        depth: 'l2' as const,
      }));
      const table = createSymbolTable(symbols);
      [...spellings, other].forEach((spelling) => {
        const bytes = utf8.encode(`"${spelling}"`);
        const index = spellings.indexOf(spelling);
        assert.equal(table.find(bytes, 1, bytes.length - 1), index);
        const end = 1 + bytes.subarray(1).indexOf(0x22);
        // A text that JSON writes with escapes is not what its bytes spell.
        const isPlain = bytes.subarray(1, end).every((byte) => byte >= 0x20 && byte !== 0x5c);
        const quick = table.findQuoted(bytes, 1);
        assert.equal(quick, isPlain ? table.find(bytes, 1, end) : -1);
        if (quick >= 0) assert.equal(table.lengths[quick], end - 1);
      });
      assert.equal(table.find(new Uint8Array(1), 0, 0), -1);
      assert.equal(table.findQuoted(new Uint8Array(1), 0), -1);
      symbols.forEach(({ symbol }, index) => assert.equal(table.indexOf(symbol), index));
      assert.equal(table.indexOf('NONE'), -1);
    }),
  );
});

test('an arena keeps what was committed while it grows', () => {
  hold(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (pieces) => {
      const arena = new EventArena(16);
      for (let round = 0; round < 2; round++) {
        arena.clear();
        pieces.forEach((piece, index) => {
          const at = arena.reserve(piece.length + index);
          arena.bytes.set(piece, at);
          arena.commit(piece.length, index % 9, `S${index}`, BigInt(index), index);
        });
        assert.equal(arena.count, pieces.length);
        pieces.forEach((piece, index) => {
          assert.deepEqual([...arena.view(index)], [...piece]);
          assert.equal(arena.symbol[index], `S${index}`);
          assert.equal(arena.t[index], BigInt(index));
        });
      }
    }),
  );
});
