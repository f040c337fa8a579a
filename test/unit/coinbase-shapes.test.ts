/** Every shape file of the venue: `>` sent, `<` received, `=` a message. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { decodeAdvanced } from '../../connectors/coinbase/decode.ts';
import { createSymbolTable } from '../../codec/symbol-table.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { decodeFrame } from '../support/coinbase-frames.ts';

const SYMBOLS = createSymbolTable([{ symbol: 'ETHUSDT', external: 'ETH-USDT', depth: 'l2' }]);

/** Kind and what it came to, for each file's message; and what the answer before it acknowledges. */
const EXPECTED: Readonly<Record<string, readonly [kind: string, what: string, ack: string]>> = {
  'AdvancedTrade_BatchTicker.txt': ['data', 'ticker', 'ticker_batch 0'],
  'AdvancedTrade_Heartbeat.txt': ['heartbeat', '', 'heartbeats -1'],
  'AdvancedTrade_Klines.txt': ['data', 'ohlc', 'candles 0'],
  'AdvancedTrade_Symbol.txt': ['data', 'instrument', 'status 0'],
  'AdvancedTrade_Ticker.txt': ['data', 'ticker', 'ticker 0'],
  'AdvancedTrade_Trades.txt': ['data', 'trade trade', 'market_trades 0'],
};

const folder = capturePath('shapes/Coinbase');

test('the table names every file', { skip: skipWithoutCaptures }, () => {
  const files = readdirSync(folder).filter((name) => !name.startsWith('LICENSE'));
  assert.deepEqual(files.toSorted(), Object.keys(EXPECTED).toSorted());
});

for (const [file, [kind, what, ack]] of Object.entries(EXPECTED)) {
  test(file, { skip: skipWithoutCaptures }, () => {
    const text = readFileSync(`${folder}/${file}`, 'utf8');
    const received = /^< (.*)$/m.exec(text)?.[1] ?? '';
    const answer = decodeFrame(received, decodeAdvanced, SYMBOLS);
    assert.equal(answer.kind, 'ack');
    const named = answer.subscribed?.map(({ channel, symbol }) => `${channel} ${symbol}`);
    assert.deepEqual(named, [ack]);
    const message = text.slice(text.indexOf('\n= ') + 3).trim();
    const decoded = decodeFrame(message, decodeAdvanced, SYMBOLS);
    assert.deepEqual([decoded.kind, decoded.reason], [kind, '']);
    assert.equal(decoded.events.map(({ type }) => type).join(' '), what);
  });
}

test(
  'the recorded trades come out in the order they were made',
  { skip: skipWithoutCaptures },
  () => {
    const text = readFileSync(`${folder}/AdvancedTrade_Trades.txt`, 'utf8');
    const message = text.slice(text.indexOf('\n= ') + 3).trim();
    const { events, frame_sequence } = decodeFrame(message, decodeAdvanced, SYMBOLS);
    assert.equal(frame_sequence, 2);
    assert.deepEqual(
      events.map((event) => [event['trade_id'], event['side'], event.sequence]),
      [
        ['22381690', 'sell', '2'],
        ['22381691', 'sell', '2'],
      ],
    );
  },
);
