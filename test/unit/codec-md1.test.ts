/** md1: what it shows of md2, correctly rounded, and its bytes against the public `capnp` tool. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { createMd1Projection, decodeMd1, encodeMd1, MD1_LEVELS_MAX } from '../../codec/md1.ts';
import type { Md1Book, Md1Record } from '../../codec/md1.ts';
import { SsmdError } from '../../schema/errors.ts';
import { parseDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { FLAG } from '../../schema/events.ts';
import type { BookLevel, EventOf } from '../../schema/events.ts';
import { arbitraryEvent, arbitraryEventOf } from '../support/arbitrary-events.ts';
import { hold } from '../support/property.ts';
import { runTool, skipWithout } from '../support/tools.ts';

const schema = fileURLToPath(new URL('../../codec/md1.capnp', import.meta.url));

function decimal(text: string): Decimal {
  const value = parseDecimal(text);
  assert.ok(value);
  return value;
}

const level = (price: string, size: string): BookLevel => ({
  price: decimal(price),
  size: decimal(size),
});

const [template] = fc.sample(arbitraryEventOf('book'), { seed: 3, numRuns: 1 });

function book(fields: Partial<EventOf<'book'>>): EventOf<'book'> {
  assert.ok(template?.type === 'book');
  const plain = { depth: null, part: null, parts: null, flags: 0, bids: [], asks: [] };
  return { ...template, ...plain, feed: 'kraken', symbol: 'BTCUSD', ...fields };
}

test('quotes and trades show what they can', () => {
  const project = createMd1Projection();
  hold(
    fc.property(arbitraryEvent, (event) => {
      const record = project(event);
      if (event.type === 'trade' && event.side !== null) {
        assert.ok(record?.type === 'Trade');
        assert.equal(record.timestamp, event.ts_event ?? 0n);
        const { price } = event;
        const expected = price === null ? NaN : Number(`${price.mantissa}e${price.exponent}`);
        assert.ok(Object.is(record.price, expected));
        assert.deepEqual([record.side, record.exchange], [event.side, event.feed]);
      } else if (event.type === 'quote') assert.equal(record?.type, 'Quote');
      else if (event.type !== 'book') assert.equal(record, null);
    }),
    500,
  );
});

test('a book is shown while it is whole and verified, ten a side, best first', () => {
  const project = createMd1Projection();
  const show = (fields: Partial<EventOf<'book'>>): Md1Book | null => {
    const record = project(book(fields));
    return record?.type === 'OrderBookSnapshot' ? record : null;
  };
  assert.equal(show({ bids: [level('1', '1')] }), null, 'a delta without a snapshot');
  const bids = Array.from({ length: 12 }, (_, index) => level(`${100 - index}.50`, '1'));
  const first = show({
    flags: FLAG.SNAPSHOT,
    bids,
    asks: [level('101', '2'), level('100.7', '3')],
  });
  assert.equal(first?.bids.length, MD1_LEVELS_MAX);
  assert.deepEqual(first.bids[0], { price: 100.5, size: 1 });
  assert.deepEqual(first.asks, [
    { price: 100.7, size: 3 },
    { price: 101, size: 2 },
  ]);
  const second = show({ bids: [level('100.5', '0.00'), level('99.500', '7')], depth: 11 });
  assert.deepEqual(second?.bids.slice(0, 2), [
    { price: 99.5, size: 7 },
    { price: 98.5, size: 1 },
  ]);
  assert.equal(show({ flags: FLAG.UNVERIFIED, asks: [level('100.7', '9')] }), null);
  assert.deepEqual(show({})?.asks[0], { price: 100.7, size: 9 }, 'it was applied all the same');
  assert.equal(show({ flags: FLAG.MAYBE_BAD_BOOK }), null);
  assert.equal(show({}), null, 'bad until the next snapshot');
  assert.equal(show({ flags: FLAG.SNAPSHOT, part: 1, parts: 2, bids: [level('5', '1')] }), null);
  const parts = show({ flags: FLAG.SNAPSHOT, part: 2, parts: 2, asks: [level('6', '1')] });
  assert.deepEqual([parts?.bids, parts?.asks], [[{ price: 5, size: 1 }], [{ price: 6, size: 1 }]]);
  assert.equal(project(book({ symbol: 'ETHUSD' })), null, 'each market has a book of its own');
});

const records: readonly Md1Record[] = fc
  .sample(
    fc.oneof(arbitraryEventOf('trade'), arbitraryEventOf('quote'), arbitraryEventOf('book')),
    {
      seed: 5,
      numRuns: 200,
    },
  )
  .flatMap((event) => {
    const whole = event.type === 'book' ? { ...event, flags: FLAG.SNAPSHOT, part: null } : event;
    return createMd1Projection()(whole) ?? [];
  });

test('records come back from their bytes, and cut bytes are corrupt', () => {
  assert.ok(records.length > 100);
  for (const record of records) {
    const bytes = encodeMd1(record);
    assert.deepEqual([...decodeMd1(record.type, bytes)], [record]);
    assert.throws(
      () => [...decodeMd1(record.type, bytes.subarray(0, bytes.length - 8))],
      (error) => error instanceof SsmdError && error.code === 'SSMD_CORRUPT',
    );
  }
});

test('capnp reads our bytes, and its bytes are read back', { skip: skipWithout('capnp') }, () => {
  for (const type of ['Quote', 'Trade', 'OrderBookSnapshot'] as const) {
    const ours = records.filter((record) => record.type === type);
    const bytes = Buffer.concat(ours.map(encodeMd1));
    const text = runTool('capnp', ['decode', '--short', schema, type], bytes);
    assert.equal(text.toString().trimEnd().split('\n').length, ours.length);
    const theirs = runTool('capnp', ['encode', schema, type], text);
    assert.deepEqual([...decodeMd1(type, theirs)], ours, 'doubles print exactly, both ways');
  }
});

test('a known trade reads as it should', { skip: skipWithout('capnp') }, () => {
  const bytes = encodeMd1({
    type: 'Trade',
    symbol: 'BTCUSD',
    timestamp: 1690730998343415000n,
    exchange: 'kraken',
    price: 29430.2,
    size: 0.1,
    side: 'sell',
    trade_id: '42',
  });
  assert.equal(
    runTool('capnp', ['decode', '--short', schema, 'Trade'], bytes).toString().trim(),
    '(symbol = "BTCUSD", price = 29430.2, size = 0.1, side = sell, ' +
      'timestamp = (epochNanos = 1690730998343415000), tradeId = "42", exchange = "kraken")',
  );
});
