/** Every shape file of the venue: `>` sent, `<` received, `=` a message. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { decodeFrame } from '../support/okx-frames.ts';

/** The market of the requests, and those that the messages are of. */
const SYMBOLS = createSymbolTable(
  ['ETH-USDT', 'BTC-USDT', 'BTC-USD-SWAP'].map((external) => {
    return { symbol: external.replaceAll('-', ''), external, depth: 'l2' };
  }),
);

/** Kind and what it came to, for each file's message. */
const EXPECTED: Readonly<Record<string, readonly [kind: string, what: string]>> = {
  'Unified_ExchangeData_FundingRate.txt': ['data', 'mark BTCUSDSWAP'],
  'Unified_ExchangeData_Interest.txt': ['ignored', 'channel_not_supported:open-interest'],
  'Unified_ExchangeData_Klines.txt': ['data', 'ohlc ETHUSDT'],
  'Unified_ExchangeData_MarkPrice.txt': ['ignored', 'channel_not_supported:mark-price'],
  // Cut down by hand: the venue says `action`, without which nobody knows what the levels are.
  'Unified_ExchangeData_OrderBook.txt': ['rejected', 'missing_field'],
  'Unified_ExchangeData_SystemStatus.txt': ['ignored', 'channel_not_supported:status'],
  'Unified_ExchangeData_Ticker.txt': ['data', 'ticker BTCUSDT'],
  'Unified_ExchangeData_Trades.txt': ['data', 'trade BTCUSDT'],
};

const folder = capturePath('shapes/OKX');

function messageOf(file: string): { readonly received: string; readonly message: string } {
  const text = readFileSync(`${folder}/${file}`, 'utf8');
  const received = /^< (.*)$/m.exec(text)?.[1] ?? '';
  return { received, message: text.slice(text.indexOf('\n= ') + 3).trim() };
}

test('the table names every file', { skip: skipWithoutCaptures }, () => {
  const files = readdirSync(folder).filter((name) => !name.startsWith('LICENSE'));
  assert.deepEqual(files.toSorted(), Object.keys(EXPECTED).toSorted());
});

for (const [file, [kind, what]] of Object.entries(EXPECTED)) {
  test(`${file}: ${kind} ${what}`, { skip: skipWithoutCaptures }, () => {
    const { received, message } = messageOf(file);
    assert.equal(decodeFrame(received, SYMBOLS).kind, 'ack');
    const decoded = decodeFrame(message, SYMBOLS);
    const [event] = decoded.events;
    assert.equal(decoded.kind, kind, decoded.reason);
    assert.equal(event === undefined ? decoded.reason : `${event.type} ${event.symbol}`, what);
  });
}

test('the book among them is read once it says what it is', { skip: skipWithoutCaptures }, () => {
  const { message } = messageOf('Unified_ExchangeData_OrderBook.txt');
  const whole = message.replace('"data":', '"action": "snapshot", "data":');
  const { kind, events } = decodeFrame(whole, SYMBOLS);
  assert.equal(kind, 'data');
  assert.deepEqual(
    [events[0]?.bids?.length, events[0]?.asks?.length, events[0]?.['checksum']],
    [8, 8, 2 ** 32 - 855196043],
  );
});
