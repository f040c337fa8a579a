import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyLevels,
  cloneOrderBook,
  createOrderBook,
  isCrossed,
  levelsOf,
  truncateOrderBook,
  writeLevels,
} from '../../books/order-book.ts';
import type { OrderBook } from '../../books/order-book.ts';
import type { BookSide } from '../../books/book-side.ts';
import { EventBuffer, TYPE_BOOK } from '../../codec/event-buffer.ts';
import { formatDecimal, parseDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import type { BookLevel } from '../../schema/events.ts';
import { appendLevel, applyLevel } from '../support/plain-book.ts';

function decimal(text: string): Decimal {
  const value = parseDecimal(text);
  assert.ok(value !== null, text);
  return value;
}

function level(price: string, size: string): BookLevel {
  return { price: decimal(price), size: decimal(size) };
}

function set(side: BookSide, price: string, size: string): void {
  applyLevel(side, level(price, size));
}

function texts(side: BookSide): string[] {
  return levelsOf(side).map(({ price, size }) => `${formatDecimal(price)} ${formatDecimal(size)}`);
}

function bookOf(bids: readonly string[], asks: readonly string[]): OrderBook {
  const book = createOrderBook();
  for (const price of bids) set(book.bids, price, '1');
  for (const price of asks) set(book.asks, price, '1');
  return book;
}

test('each side is ordered best first', () => {
  const { bids, asks } = createOrderBook();
  for (const side of [bids, asks]) {
    for (const [price, size] of ['10 1', '12 2', '11 3'].map((level) => level.split(' '))) {
      set(side, price ?? '', size ?? '');
    }
  }
  assert.deepEqual(texts(bids), ['12 2', '11 3', '10 1']);
  assert.deepEqual(texts(asks), ['10 1', '11 3', '12 2']);
});

test('the wire scale of a price does not matter, and its newest digits are kept', () => {
  const { bids } = createOrderBook();
  set(bids, '0.50', '1.0');
  set(bids, '0.5', '2.000');
  assert.deepEqual(texts(bids), ['0.5 2.000']);
  set(bids, '0.5000', '0');
  assert.equal(bids.count, 0);
  set(bids, '0.5000', '0.00');
  assert.equal(bids.count, 0);
});

test('prices that one double cannot tell apart stay apart, and in order', () => {
  const near = ['9007199254740993', '9007199254740992', '9007199254740991.5', '9007199254740994'];
  const { bids, asks } = bookOf(near, near);
  const ascending = [near[2], near[1], near[0], near[3]].map((price) => `${price} 1`);
  assert.deepEqual(texts(asks), ascending);
  assert.deepEqual(texts(bids), ascending.reverse());
  set(asks, '9007199254740992.000', '0');
  assert.equal(asks.count, 3);
});

test('the extremes of mantissa and exponent are ordered exactly', () => {
  const prices = [
    '9223372036854775807e63',
    '9223372036854775806e63',
    '1e-64',
    '2e-64',
    '0',
    '9223372036854775807',
    '922337203685477580.7',
  ];
  const { asks } = bookOf([], prices);
  const sorted = ['0', '1e-64', '2e-64', '922337203685477580.7', '9223372036854775807'];
  const expected = [...sorted, '9223372036854775806e63', '9223372036854775807e63'];
  assert.deepEqual(
    levelsOf(asks).map(({ price }) => price),
    expected.map((price) => parseDecimal(price)),
  );
});

test('truncation keeps the best, and levels can be added again after it', () => {
  const book = createOrderBook(4);
  for (let price = 1; price <= 100; price++) {
    set(book.bids, String(price), '1');
    set(book.asks, String(100 + price), '1');
    truncateOrderBook(book, 5);
  }
  assert.deepEqual(texts(book.bids), ['100 1', '99 1', '98 1', '97 1', '96 1']);
  assert.deepEqual(texts(book.asks), ['101 1', '102 1', '103 1', '104 1', '105 1']);
});

test('crossed is a bid at or above the ask, on the exact values', () => {
  assert.equal(isCrossed(bookOf(['10'], ['11'])), false);
  assert.equal(isCrossed(bookOf(['11'], ['11.0'])), true);
  assert.equal(isCrossed(bookOf(['12'], ['11'])), true);
  assert.equal(isCrossed(bookOf(['9007199254740992'], ['9007199254740993'])), false);
  assert.equal(isCrossed(bookOf(['9007199254740993'], ['9007199254740992'])), true);
  assert.equal(isCrossed(bookOf([], ['11'])), false);
});

test('a clone goes its own way', () => {
  const book = bookOf(['10', '9'], ['11', '12']);
  const copy = cloneOrderBook(book);
  set(book.bids, '10', '7');
  book.asks.clear();
  set(copy.bids, '8', '3');
  assert.deepEqual(texts(copy.bids), ['10 1', '9 1', '8 3']);
  assert.deepEqual(texts(copy.asks), ['11 1', '12 1']);
  assert.deepEqual(texts(book.bids), ['10 7', '9 1']);
});

test('levels are applied in the order given: the last word on a price counts', () => {
  const buffer = new EventBuffer();
  const event = buffer.begin(TYPE_BOOK, 0, 0);
  buffer.beginAsks(event);
  appendLevel(buffer, level('11', '1'));
  appendLevel(buffer, level('11', '0.00'));
  appendLevel(buffer, level('12', '0'));
  appendLevel(buffer, level('12', '4'));
  appendLevel(buffer, level('13', '0'));
  buffer.endAsks(event);
  const book = createOrderBook();
  applyLevels(book, buffer, event);
  assert.deepEqual(texts(book.asks), ['12 4']);
  assert.equal(book.bids.count, 0);
});

test('what is written is what was there, best first', () => {
  const book = bookOf(['10', '9.50'], ['11', '12']);
  const buffer = new EventBuffer();
  const event = buffer.begin(TYPE_BOOK, 0, 0);
  writeLevels(book, buffer, event);
  const again = createOrderBook();
  applyLevels(again, buffer, event);
  assert.deepEqual(texts(again.bids), ['10 1', '9.50 1']);
  assert.deepEqual(texts(again.asks), ['11 1', '12 1']);
});
