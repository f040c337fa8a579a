/** Every shape file of the venue: `>` sent, `<` received, `=` a message, placeholders filled in. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { decodeText } from '../support/binance-frames.ts';

/** Kind and what it came to, for each file's message. */
const EXPECTED: Readonly<Record<string, readonly [kind: string, what: string]>> = {
  'UsdFutures_AggTrades.txt': ['data', 'trade'],
  'UsdFutures_Book.txt': ['data', 'book'],
  'UsdFutures_BookTicker.txt': ['data', 'quote'],
  'UsdFutures_Klines.txt': ['data', 'ohlc'],
  'UsdFutures_Liquidations.txt': ['data', 'liquidation'],
  'UsdFutures_MarkPrice.txt': ['data', 'mark'],
  'UsdFutures_PartialBook.txt': ['data', 'book'],
  'UsdFutures_Ticker.txt': ['ignored', 'channel_not_supported:24hrTicker'],
  // A stream of the user's own orders, which public data does not have.
  'UsdFutures_TradeUpdate.txt': ['ignored', 'channel_not_supported:TRADE_LITE'],
};

const folder = capturePath('shapes/Binance');

test('the table names every file', { skip: skipWithoutCaptures }, () => {
  const files = readdirSync(folder).filter((name) => !name.startsWith('LICENSE'));
  assert.deepEqual(files.toSorted(), Object.keys(EXPECTED).toSorted());
});

for (const [file, [kind, what]] of Object.entries(EXPECTED)) {
  test(`${file}: ${kind} ${what}`, { skip: skipWithoutCaptures }, () => {
    const text = readFileSync(`${folder}/${file}`, 'utf8').replaceAll('|1|', '7');
    const received = /^< (.*)$/m.exec(text)?.[1] ?? '';
    const ack = decodeText(received);
    assert.equal(ack.kind, 'ack');
    assert.equal(ack.request_id, '7');
    const frame = decodeText(text.slice(text.indexOf('\n= ') + 3).trim());
    assert.equal(frame.kind, kind, frame.reason);
    assert.equal(kind === 'data' ? frame.events[0]?.type : frame.reason, what);
    if (file === 'UsdFutures_PartialBook.txt') {
      assert.equal(frame.events[0]?.['depth'], 5);
      assert.equal(frame.events[0]?.flags, 1);
    }
  });
}
