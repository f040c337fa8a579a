/** Recorded shapes of Kraken's requests and replies: each becomes what it is known to be. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openKrakenBook } from '../../connectors/kraken/book.ts';
import { BOOK } from '../../connectors/feed.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { decodeFrame, runBook } from '../support/kraken-frames.ts';

const FOLDER = 'shapes/Kraken';
const REQUEST_ID = 31;

/** The received messages of a shape file, in order, each as one text; placeholders get values. */
function received(name: string): string[] {
  const text = readFileSync(join(capturePath(FOLDER), name), 'utf8');
  const filled = text.replace(/"?\|[^|"]*\|"?/g, String(REQUEST_ID));
  return filled
    .split(/^(?=[<>=])/m)
    .filter((part) => /^[<=]/.test(part))
    .map((part) => part.replace(/^[<=]\d?/, '').trim())
    .filter((part) => part !== '');
}

/** kind, channel, reason, event types */
type Expected = readonly [string, string, string, readonly string[]];
const ack = (channel: string): Expected => ['ack', channel, '', []];
const data = (channel: string, ...types: string[]): Expected => ['data', channel, '', types];

const SHAPES: Readonly<Record<string, readonly Expected[]>> = {
  'Spot_AggBook.txt': [ack('book'), data('book', 'book')],
  // Cut down by hand: a candle without a price is none.
  'Spot_Concurrent.txt': [
    ack('ohlc'),
    ack('ohlc'),
    ['rejected', 'ohlc', 'missing_field', []],
    ['rejected', 'ohlc', 'missing_field', []],
  ],
  'Spot_IndividualBook.txt': [
    ack('level3'),
    ['ignored', 'level3', 'channel_not_supported:level3', []],
  ],
  'Spot_Kline.txt': [ack('ohlc'), data('ohlc', 'ohlc')],
  'Spot_Ticker.txt': [ack('ticker'), data('ticker', 'ticker', 'quote')],
  'Spot_Trades.txt': [ack('trade'), data('trade', 'trade')],
};

test('every shape becomes what it is', { skip: skipWithoutCaptures }, () => {
  const files = readdirSync(capturePath(FOLDER)).filter((name) => name.startsWith('Spot_'));
  assert.deepEqual(files.sort(), Object.keys(SHAPES));
  for (const [name, expected] of Object.entries(SHAPES)) {
    const decoded = received(name).map((frame) => decodeFrame(frame));
    const actual = decoded.map((it): Expected => {
      const types = it.events.map(({ type }) => type);
      return [it.kind, it.channel ?? 'none', it.reason, types];
    });
    assert.deepEqual(actual, expected, name);
    for (const it of decoded.filter(({ kind }) => kind === 'ack')) {
      assert.deepEqual([it.request_id, it.frame_symbol], [String(REQUEST_ID), 1], name);
    }
  }
});

test(
  'the book among them went through a double, and its checksum tells',
  {
    skip: skipWithoutCaptures,
  },
  () => {
    const [, frame = ''] = received('Spot_AggBook.txt');
    const run = runBook([frame], openKrakenBook(10));
    assert.deepEqual(run.verdicts, [BOOK.BROKEN | BOOK.BAD]);
    const full = frame.replace(/"qty": ([\d.]+)/g, (_, qty: string) => {
      const [whole, fraction = ''] = qty.split('.');
      return `"qty": ${whole}.${fraction.padEnd(8, '0')}`;
    });
    const padded = full.replace(/"price": ([\d.]+)/g, (_, price: string) => {
      const [whole, fraction = ''] = price.split('.');
      return `"price": ${whole}.${fraction.padEnd(4, '0')}`;
    });
    assert.deepEqual(runBook([padded], openKrakenBook(10)).verdicts, [BOOK.EMIT]);
  },
);
