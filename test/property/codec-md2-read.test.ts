/**
 * The fast reading of md2 against its plain twin: the same events of whatever our writer wrote, of what a
 * newer one might, and of streams in which both come in turn; of damaged ones the same error.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MESSAGE_BYTES_MAX, wholeLength } from '../../codec/capnp-read.ts';
import { ColumnMemory } from '../../codec/column-memory.ts';
import { decodeEvents, encodeMarketEvent } from '../../codec/md2.ts';
import { readEvent } from '../../codec/md2-read.ts';
import { SsmdError } from '../../schema/errors.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { arbitraryEventOf, eventsOfFewNames } from '../support/arbitrary-events.ts';
import { eventsByColumns } from '../support/column-events.ts';
import { plainMd2 } from '../support/plain-md2.ts';
import { hold } from '../support/property.ts';

/** A stream, and at which offset to 8 it lies in its buffer; as a `Buffer` too, as NATS hands it out. */
const stream = fc
  .tuple(eventsOfFewNames, fc.array(fc.constantFrom(0, 0, 0, 1)), fc.nat(9), fc.boolean())
  .map(([events, wider, offset, isBuffer]) => {
    const messages = events.map((event, index) => plainMd2(event, wider[index] ?? 0));
    const bytes = Buffer.concat([new Uint8Array(offset), ...messages]);
    const { buffer } = new Uint8Array(bytes);
    return isBuffer ? Buffer.from(buffer, offset) : new Uint8Array(buffer, offset);
  });

function* plainEvents(bytes: Uint8Array): Generator<MarketEvent> {
  for (let at = 0; at < bytes.length; at += wholeLength(bytes, at)) yield readEvent(bytes, at);
}

/** All that is read, and how it ends. */
function readAll(events: Iterable<MarketEvent>): unknown[] {
  const read: unknown[] = [];
  try {
    for (const event of events) read.push(event);
  } catch (error) {
    assert.ok(error instanceof SsmdError, String(error));
    read.push(error.message);
  }
  return read;
}

const memory = new ColumnMemory();

test('whoever wrote a stream, its events and columns are what the plain twin reads', () => {
  hold(
    fc.property(stream, (bytes) => {
      const expected = [...plainEvents(bytes)];
      assert.deepEqual([...decodeEvents(bytes)], expected);
      assert.deepEqual(eventsByColumns(bytes), expected);
      assert.deepEqual(eventsByColumns(bytes, memory), expected, 'over those read before');
    }),
    150,
  );
});

/** All of it or an error: columns say nothing of what stands before the damage. */
function checkDamaged(bytes: Uint8Array, where: string): void {
  const expected = readAll(plainEvents(bytes));
  assert.deepEqual(readAll(decodeEvents(bytes)), expected, where);
  const said = expected.filter((it) => typeof it === 'string');
  const columns = readAll(lazily(() => eventsByColumns(bytes)));
  assert.deepEqual(columns, said.length > 0 ? said : expected, where);
}

function* lazily(read: () => readonly MarketEvent[]): Generator<MarketEvent> {
  yield* read();
}

test('a damaged stream is read like the plain twin reads it, and refused with its words', () => {
  const word = fc.tuple(fc.nat(), fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 16, 127, 128, 255));
  hold(
    fc.property(stream, fc.array(word, { minLength: 1, maxLength: 3 }), (whole, changes) => {
      const bytes = new Uint8Array(whole);
      if (bytes.length === 0) return;
      for (const [where, value] of changes) bytes[where % bytes.length] = value;
      checkDamaged(bytes, changes.join());
    }),
    600,
  );
});

test('markets are told apart whatever their names hold', () => {
  const [event] = fc.sample(arbitraryEventOf('quote'), { numRuns: 1, seed: 7 });
  assert.ok(event !== undefined);
  const names = [
    ['a\0b', 'c', 'd'],
    ['a', 'b\0c', 'd'],
    ['a', 'b', 'c\0d'],
    ['1', '1:', 'd'],
    ['11', ':', 'd'],
  ] as const;
  // More events than rows are made for at first.
  const all = Array.from({ length: 40 }, () => names).flat();
  const events = all.map(([shard, feed, symbol]) => ({ ...event, shard, feed, symbol }));
  const written = Buffer.concat(events.map((it) => encodeMarketEvent(it)));
  for (const bytes of [written, Buffer.concat(events.map((it) => plainMd2(it)))]) {
    assert.deepEqual([...plainEvents(bytes)], events);
    assert.deepEqual([...decodeEvents(bytes)], events);
    assert.deepEqual(eventsByColumns(bytes), events);
  }
});

test('a message longer than is read is refused, though all of it is there', () => {
  const [event] = fc.sample(arbitraryEventOf('quote'), { numRuns: 1, seed: 7 });
  assert.ok(event !== undefined);
  const message = plainMd2({ ...event, shard: 'a', feed: 'a', symbol: 'A' });
  for (const [length, isRead] of [
    [MESSAGE_BYTES_MAX, true],
    [MESSAGE_BYTES_MAX + 8, false],
  ] as const) {
    // After two that are known; what it has too much of is zeros.
    const bytes = new Uint8Array(message.length * 2 + length);
    for (const at of [0, 1, 2]) bytes.set(message, at * message.length);
    new DataView(bytes.buffer).setUint32(message.length * 2 + 4, length / 8 - 1, true);
    const expected = readAll(plainEvents(bytes));
    assert.equal(typeof expected[2] === 'object', isRead);
    checkDamaged(bytes, `${length} bytes`);
  }
});

test('a message that says it is shorter than its texts and lists is judged as the plain twin does', () => {
  const event = fc.constantFrom('book' as const, 'trade' as const).chain(arbitraryEventOf);
  hold(
    fc.property(event, fc.integer({ min: 1, max: 12 }), (one, words) => {
      const message = plainMd2({ ...one, shard: 'a', feed: 'a', symbol: 'A' });
      const bytes = new Uint8Array(Buffer.concat([message, message, message]));
      const view = new DataView(bytes.buffer, message.length);
      view.setUint32(4, Math.max(0, view.getUint32(4, true) - words), true);
      checkDamaged(bytes, `${words} words less`);
      // With a message where it ends, as it says.
      bytes.set(message, message.length * 2 - words * 8);
      checkDamaged(bytes.subarray(0, message.length * 3 - words * 8), `${words} words less, cut`);
    }),
    100,
  );
});

for (const type of EVENT_TYPES) {
  test(`each byte of a ${type} that is another one is judged as the plain twin does`, () => {
    hold(
      fc.property(arbitraryEventOf(type), fc.constantFrom(0, 1, 7, 12, 255), (event, value) => {
        // After one that is whole, so that what it begins with is known.
        const message = plainMd2({ ...event, shard: 'a', feed: 'a', symbol: 'A' });
        for (let at = 0; at < Math.min(message.length, 480); at++) {
          const bytes = new Uint8Array(Buffer.concat([message, message]));
          bytes[message.length + at] = value;
          checkDamaged(bytes, `at ${at}`);
          checkDamaged(bytes.subarray(message.length), `alone, at ${at}`);
        }
      }),
      10,
    );
  });
}
