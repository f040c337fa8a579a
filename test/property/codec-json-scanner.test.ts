/** The scanner against `JSON.parse`: it accepts what that accepts, and reads the same out of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ABSENT } from '../../codec/event-buffer.ts';
import { i64 } from '../../codec/halves.ts';
import { frameForm } from '../../codec/frame-form.ts';
import { DEPTH_MAX, JsonScanner } from '../../codec/json-scanner.ts';
import { KEY_END, KEY_UNKNOWN, keyTable } from '../../codec/key-table.ts';
import { EXPONENT_MAX, EXPONENT_MIN, parseDecimal } from '../../schema/decimal.ts';
import { hold } from '../support/property.ts';

const utf8 = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** White space to put between tokens. */
const space = fc.stringMatching(/^[ \t\n\r]{0,3}$/);
/** Characters as themselves, as short escapes and as \u escapes, lone surrogates included. */
const stringLiteral = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 4 }).map((s) => JSON.stringify(s).slice(1, -1)),
      fc.constantFrom('\\/', '\\"', '\\\\', '\\b', '\\f', '\\n', '\\r', '\\t', '\ufeff', '\x7f'),
      fc.integer({ min: 0, max: 0xffff }).map((c) => `\\u${c.toString(16).padStart(4, '0')}`),
    ),
    { maxLength: 4 },
  )
  .map((parts) => `"${parts.join('')}"`);
/**
 * Keys without a backslash: once V8 has seen a key that is one, its `JSON.parse` takes the next escaped
 * key at that place for it (`{"x":1,"\\":1}`, then `{"x":1,"\n":1}`; Node 24.21), so it is no oracle.
 */
const keyLiteral = stringLiteral.filter((key) => !String(JSON.parse(key)).includes('\\'));
const digits = fc.stringMatching(/^\d{1,22}$/);
const whole = fc.oneof(
  fc.stringMatching(/^[1-9]\d{0,21}$/),
  fc.constantFrom('0', '9007199254740993'),
);
const numberLiteral = fc
  .tuple(
    fc.constantFrom('', '-'),
    whole,
    fc.option(
      digits.map((text) => `.${text}`),
      { nil: '' },
    ),
    fc.option(fc.stringMatching(/^[eE][+-]?\d{1,4}$/), { nil: '' }),
  )
  .map((parts) => parts.join(''));
const { json: jsonText } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('true', 'false', 'null', '[]', '{}'),
    stringLiteral,
    numberLiteral,
    fc
      .tuple(space, fc.array(fc.tuple(space, tie('json'), space), { maxLength: 4 }))
      .map(([inner, items]) => `[${inner}${items.map((item) => item.join('')).join(',')}]`),
    fc
      .tuple(
        space,
        fc.array(fc.tuple(space, keyLiteral, space, space, tie('json'), space), {
          maxLength: 4,
        }),
      )
      .map(([inner, pairs]) => {
        const items = pairs.map(([a, key, b, c, value, d]) => `${a}${key}${b}:${c}${value}${d}`);
        return `{${inner}${items.join(',')}}`;
      }),
  ),
}));

/** The value as the scanner reads it, in the shape `JSON.parse` gives. */
function readValue(scanner: JsonScanner): unknown {
  const byte = scanner.peek();
  if (byte === 0x22) return scanner.string() ? scanner.text() : undefined;
  if (byte === 0x7b) {
    const record: Record<string, unknown> = {};
    scanner.beginObject();
    while (scanner.nextKey(NO_KEYS) !== KEY_END) {
      const key = scanner.text();
      Object.defineProperty(record, key, {
        value: readValue(scanner),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return record;
  }
  if (byte === 0x5b) {
    const list: unknown[] = [];
    scanner.beginArray();
    while (scanner.nextElement()) list.push(readValue(scanner));
    return list;
  }
  if (byte === 0x74 || byte === 0x66 || byte === 0x6e) {
    const word = scanner.literal();
    return word === 0x6e ? null : word === 0x74;
  }
  if (!scanner.number()) return undefined;
  return Number(strict.decode(scanner.bytes.subarray(scanner.from, scanner.to)));
}

const NO_KEYS = keyTable();

/** The text inside other bytes, so that reading past its end would show. */
function scannerOf(bytes: Uint8Array): JsonScanner {
  const padded = new Uint8Array(bytes.length + 8).fill(0x31);
  padded.set(bytes, 4);
  padded[4 + bytes.length] = 10;
  const scanner = new JsonScanner();
  scanner.reset(padded, 4, 4 + bytes.length);
  return scanner;
}

function parses(bytes: Uint8Array): boolean {
  try {
    JSON.parse(strict.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  for (const character of text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '')) {
    if (character === '[' || character === '{') most = Math.max(most, ++depth);
    if (character === ']' || character === '}') depth--;
  }
  return most;
}

test('what JSON.parse reads, the scanner skips, and reads the same', () => {
  hold(
    fc.property(space, jsonText, space, (before, text, after) => {
      fc.pre(depthOf(text) <= DEPTH_MAX);
      const bytes = utf8.encode(before + text + after);
      const skipper = scannerOf(bytes);
      assert.ok(skipper.skip() && skipper.atEnd());
      const reader = scannerOf(bytes);
      const value = readValue(reader);
      assert.ok(!reader.failed && reader.atEnd());
      assert.deepEqual(value, JSON.parse(text));
    }),
    600,
  );
});

test('bytes damaged anywhere are accepted iff JSON.parse accepts them', () => {
  const damage = fc.tuple(
    fc.nat(),
    fc.constantFrom('set', 'insert', 'delete'),
    fc.oneof(fc.constantFrom(...utf8.encode('{}[]",:\\0123.eE+-tfnu \n\t\0\x1f')), fc.nat(127)),
  );
  hold(
    fc.property(jsonText, fc.array(damage, { minLength: 1, maxLength: 3 }), (text, changes) => {
      const bytes = [...utf8.encode(text)];
      for (const [where, kind, byte] of changes) {
        const at = where % (bytes.length + 1);
        if (kind === 'insert') bytes.splice(at, 0, byte);
        else if (kind === 'delete') bytes.splice(at, 1);
        else bytes[at] = byte;
      }
      const damaged = Uint8Array.from(bytes);
      const form = frameForm(damaged, 0, damaged.length);
      try {
        strict.decode(damaged);
      } catch {
        assert.equal(form, 'base64');
        return;
      }
      const scanner = scannerOf(damaged);
      const accepted = scanner.skip() && scanner.atEnd();
      fc.pre(depthOf(strict.decode(damaged)) <= DEPTH_MAX);
      assert.equal(accepted, parses(damaged), strict.decode(damaged));
      const oneLine = !damaged.includes(10) && !damaged.includes(13);
      assert.equal(form, accepted && oneLine ? 'raw' : 'text');
    }),
    3000,
  );
});

test('nesting is read to its limit and refused beyond', () => {
  for (const depth of [1, DEPTH_MAX - 1, DEPTH_MAX, DEPTH_MAX + 1, 5000]) {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ]) {
      const text = `${open?.repeat(depth)}1${close?.repeat(depth)}`;
      const scanner = scannerOf(utf8.encode(text));
      assert.equal(scanner.skip() && scanner.atEnd(), depth <= DEPTH_MAX);
    }
  }
});

test('numbers, quoted or not, are the decimals they spell', () => {
  hold(
    fc.property(numberLiteral, (text) => {
      const expected = parseDecimal(text);
      for (const quoted of [false, true]) {
        const scanner = scannerOf(utf8.encode(quoted ? `"${text}"` : text));
        assert.ok(quoted ? scanner.quotedNumber() : scanner.number());
        assert.ok(scanner.atEnd());
        assert.equal(scanner.overflow, expected === null, text);
        if (expected === null) continue;
        assert.deepEqual(
          { mantissa: i64(scanner.hi, scanner.lo), exponent: scanner.exp },
          expected,
        );
        assert.ok(scanner.exp >= EXPONENT_MIN && scanner.exp <= EXPONENT_MAX);
      }
    }),
    2000,
  );
});

test('what is quoted but no number is a fault where it begins', () => {
  for (const text of [
    '""',
    '" 1"',
    '"1 "',
    '"1e"',
    '"-"',
    '"01"',
    '".5"',
    '"1."',
    '"NaN"',
    '"0x1"',
  ]) {
    const scanner = scannerOf(utf8.encode(text));
    assert.equal(scanner.quotedNumber(), false, text);
    assert.ok(scanner.failed);
    assert.equal(scanner.skip(), false, 'after a fault nothing succeeds');
    assert.equal(scanner.peek(), 0);
  }
  const nothing = scannerOf(utf8.encode('null'));
  assert.ok(nothing.maybeNumber() && nothing.exp === ABSENT && nothing.atEnd());
});

test('keys are found by what they spell, in any order and escape', () => {
  const names = ['price', 'qty', 'side', 'ord_type', 'a', 'b', '', 'pЯ', 'trade_id'];
  const table = keyTable(...names);
  const spelled = fc.constantFrom(...names, 'other', 'qtx', 'pric', 'prices').chain((name) =>
    fc.boolean().map((escape) => ({
      name,
      literal: escape
        ? `"${[...name].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
        : JSON.stringify(name),
    })),
  );
  hold(
    fc.property(fc.array(fc.tuple(spelled, jsonText), { maxLength: 6 }), (pairs) => {
      fc.pre(pairs.every(([, value]) => depthOf(value) < DEPTH_MAX));
      const text = `{${pairs.map(([key, value]) => `${key.literal}:${value}`).join(' , ')}}`;
      const scanner = scannerOf(utf8.encode(text));
      const found: number[] = [];
      scanner.beginObject();
      for (;;) {
        const key = scanner.nextKey(table);
        if (key === KEY_END) break;
        found.push(key);
        scanner.skip();
      }
      assert.ok(!scanner.failed && scanner.atEnd());
      const expected = pairs.map(([{ name }]) =>
        names.includes(name) ? names.indexOf(name) : KEY_UNKNOWN,
      );
      assert.deepEqual(found, expected);
    }),
    300,
  );
});
