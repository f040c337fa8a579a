/** Keys in the order a venue keeps, which the scanner guesses: what a guess must leave as a look-up does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonScanner } from '../../codec/json-scanner.ts';
import { KEY_END, KEY_UNKNOWN, keyTable } from '../../codec/key-table.ts';
import type { KeyTable } from '../../codec/key-table.ts';

const utf8 = new TextEncoder();

function scannerOf(text: string, end = utf8.encode(text).length): JsonScanner {
  const scanner = new JsonScanner();
  scanner.reset(utf8.encode(`${text}\n`), 0, end);
  return scanner;
}

function keysOf(text: string, table: KeyTable): number[] {
  const scanner = scannerOf(text);
  const keys: number[] = [];
  scanner.beginObject();
  for (let key = scanner.nextKey(table); key !== KEY_END; key = scanner.nextKey(table)) {
    keys.push(key);
    scanner.skip();
  }
  assert.equal(scanner.failed, false, text);
  return keys;
}

test('a table that has seen one order reads every other', () => {
  const table = keyTable('a', 'b', 'c');
  const orders: readonly [string, readonly number[]][] = [
    ['{"a":1,"b":2,"c":3}', [0, 1, 2]],
    ['{"a":1,"b":2,"c":3}', [0, 1, 2]],
    ['{"c":3,"a":1,"b":2}', [2, 0, 1]],
    ['{"a":1,"x":0,"b":2}', [0, KEY_UNKNOWN, 1]],
    ['{"a":1,"x":0,"b":2}', [0, KEY_UNKNOWN, 1]],
    ['{ "a" : 1 , "b":2}', [0, 1]],
    ['{"b":1}', [1]],
    ['{}', []],
    ['{"a":1,"ab":2,"b":3}', [0, KEY_UNKNOWN, 1]],
  ];
  for (const [text, keys] of orders) assert.deepEqual(keysOf(text, table), keys, text);
});

test('a guess needs the comma before it, as a look-up does', () => {
  const table = keyTable('a', 'b');
  for (let seen = 0; seen < 3; seen++) keysOf('{"a":1,"b":2}', table);
  for (const text of [
    '{"a":1;"b":2}',
    '{"a":1 "b":2}',
    '{"a":1""b":2}',
    '{,"a":1}',
    '{"a":1:"b":2}',
  ]) {
    const scanner = scannerOf(text);
    scanner.beginObject();
    while (scanner.nextKey(table) !== KEY_END) scanner.skip();
    assert.equal(scanner.failed, true, text);
  }
});

test('a guessed key is the last string read, like one looked up', () => {
  const table = keyTable('first', 'second');
  keysOf('{"first":1,"second":2}', table);
  const scanner = scannerOf('{"first":"\\n","second":2}');
  scanner.beginObject();
  scanner.nextKey(table);
  assert.equal(scanner.text(), 'first');
  scanner.string();
  scanner.nextKey(table);
  assert.equal(scanner.text(), 'second');
  assert.equal(scanner.escaped, false);
});

test('after a fault no key is guessed', () => {
  const table = keyTable('a', 'b');
  keysOf('{"a":1,"b":2}', table);
  const scanner = scannerOf('{"a":1,"b":2}');
  scanner.beginObject();
  scanner.fail();
  assert.equal(scanner.nextKey(table), KEY_END);
});

test('a key that ends behind the frame is none', () => {
  const table = keyTable('a', 'b');
  keysOf('{"a":1,"b":2}', table);
  const scanner = scannerOf('{"a":1,"b":2}', '{"a":1,"b"'.length);
  scanner.beginObject();
  scanner.nextKey(table);
  scanner.skip();
  assert.equal(scanner.nextKey(table), KEY_END);
  assert.equal(scanner.failed, true);
});
