/**
 * Every shape file of the venue: `>` sent, `<` received, `=` a message. No recording of this venue is at
 * hand; these are what a client library's tests keep, with placeholders where ids were.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { decodeFrame } from '../support/bybit-frames.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';

type Outcome = readonly [kind: string, what: string];

/** What each file's answer and message come to. */
const EXPECTED: Readonly<Record<string, readonly [answer: Outcome, message: Outcome]>> = {
  'V5_Linear_Liquidations.txt': [
    ['ack', ''],
    ['data', 'liquidation ETHUSDT-PERP'],
  ],
  'V5_Linear_Ticker.txt': [
    ['ack', ''],
    ['data', 'ticker BTCUSDT-PERP, mark BTCUSDT-PERP'],
  ],
  'V5_Linear_Trades.txt': [
    ['ack', ''],
    ['data', 'trade BTCUSDT-PERP'],
  ],
  // Options have depths of their own, and another form of answer.
  'V5_Option_Book.txt': [
    ['ignored', 'answer_of_options'],
    ['ignored', 'channel_not_supported:orderbook.25'],
  ],
  // Its topic says a month, the candle in it five minutes.
  'V5_Option_Klines.txt': [
    ['ignored', 'answer_of_options'],
    ['rejected', 'bad_interval'],
  ],
};

const folder = capturePath('shapes/Bybit');

function partsOf(file: string): { readonly answer: string; readonly message: string } {
  const text = readFileSync(`${folder}/${file}`, 'utf8');
  const answer = /^< (.*)$/m.exec(text)?.[1] ?? '';
  return {
    answer: answer.replaceAll('|1|', '41'),
    message: text.slice(text.indexOf('\n= ') + 3).trim(),
  };
}

function outcomeOf(text: string): Outcome {
  const { kind, reason, events } = decodeFrame(text);
  const told = events.map(({ type, symbol }) => `${type} ${symbol}`).join(', ');
  return [kind, told === '' ? reason : told];
}

test('the table names every file', { skip: skipWithoutCaptures }, () => {
  const files = readdirSync(folder).filter((name) => !name.startsWith('LICENSE'));
  assert.deepEqual(files.toSorted(), Object.keys(EXPECTED).toSorted());
});

test('messages are events, named ignores and rejections', { skip: skipWithoutCaptures }, () => {
  const kinds = Object.keys(EXPECTED).map((file) => outcomeOf(partsOf(file).message)[0]);
  const count = (kind: string): number => kinds.filter((it) => it === kind).length;
  assert.deepEqual([count('data'), count('ignored'), count('rejected')], [3, 1, 1]);
});

for (const [file, expected] of Object.entries(EXPECTED)) {
  test(`${file}: ${expected.flat().join(' ')}`, { skip: skipWithoutCaptures }, () => {
    const { answer, message } = partsOf(file);
    assert.deepEqual([outcomeOf(answer), outcomeOf(message)], expected);
    const asked = expected[0][0] === 'ack' ? '41' : null;
    assert.equal(decodeFrame(answer).request_id, asked);
  });
}

test(
  'the two of options are read in the words of this socket',
  { skip: skipWithoutCaptures },
  () => {
    const book = partsOf('V5_Option_Book.txt').message.replace('orderbook.25', 'orderbook.50');
    const [state] = decodeFrame(book).events;
    assert.deepEqual(
      [state?.bids, state?.asks, state?.ts_event],
      [
        ['16493.50 0.006', '16493.00 0.100'],
        ['16611.00 0.029', '16612.00 0.213'],
        '1672304484976000000',
      ],
    );
    const candles = partsOf('V5_Option_Klines.txt').message.replace('kline.M', 'kline.5');
    const [candle] = decodeFrame(candles).events;
    assert.deepEqual(
      [candle?.['close'], candle?.['interval_s'], candle?.['closed']],
      ['16677', 300, 0],
    );
  },
);
