/** Subjects of `ssmd sub`: what can match is taken, what never will is told word by word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subjectFaults } from '../../cli/subject.ts';
import { ssmd } from '../support/command-line.ts';

const PUBLISHED = {
  environment: 'dev',
  markets: [
    { feed: 'kraken', symbol: 'BTCUSD', shard: 'tier1' },
    { feed: 'kraken', symbol: 'ETHUSD', shard: 'tier2' },
    { feed: 'binance-usdm', symbol: 'BTCUSDT-PERP', shard: 'tier1' },
  ],
};

const faultsOf = (subject: string): string[] =>
  subjectFaults(subject, PUBLISHED).map(({ what, hint }) => `${what}; ${hint ?? ''}`);

test('subjects that can match an event are taken', () => {
  for (const subject of [
    ...['md.>', 'md.kraken.>', 'md.*.*.BTCUSD', 'md.kraken.trade.BTCUSD', 'md.*.book.>'],
    ...['internal.tier1.kraken.trade.BTCUSD', 'internal.*.binance-usdm.>', 'internal.>'],
    ...['dlq.kraken', 'dlq.*', 'dlq.>', 'md.kraken.status._FEED-tier1'],
    // Which replays there are, and what markets were then, no file says.
    ...['replay.>', 'replay.noon.>', 'replay.noon.kraken.trade.OLDUSD', 'replay.*.kraken.>'],
  ]) {
    assert.deepEqual(faultsOf(subject), [], subject);
  }
});

test('of a replay, feed and type are still checked', () => {
  assert.match(faultsOf('replay.noon.krakn.>').join(), /unknown feed 'krakn'/);
  assert.match(faultsOf('replay.noon.kraken.trades.>').join(), /unknown type 'trades'/);
  assert.match(faultsOf('replay.noon').join(), /'replay.noon' is not whole/);
});

test('a word nobody publishes is named with what was meant', () => {
  assert.deepEqual(faultsOf('md.krakn.>'), [
    `unknown feed 'krakn' in environment dev; did you mean "kraken"?`,
  ]);
  assert.deepEqual(faultsOf('md.krakn.trades.BTCUSDD'), [
    `unknown feed 'krakn' in environment dev; did you mean "kraken"?`,
    `unknown type 'trades'; did you mean "trade"?`,
    `unknown symbol 'BTCUSDD' in environment dev; did you mean "BTCUSD"?`,
  ]);
  // A symbol of another feed is none of this one.
  assert.match(faultsOf('md.kraken.trade.BTCUSDT-PERP')[0] ?? '', /unknown symbol 'BTCUSDT-PERP'/);
  assert.match(faultsOf('internal.teir1.>')[0] ?? '', /unknown shard 'teir1'.*"tier1"/);
});

test('a subject that no event can have is told what would do', () => {
  assert.deepEqual(faultsOf('md.kraken'), [`'md.kraken' is not whole; say md.kraken.>`]);
  assert.deepEqual(faultsOf('md.kraken.trade.BTCUSD.>'), [
    'nothing follows md.kraken.trade.BTCUSD; say md.kraken.trade.BTCUSD',
  ]);
  assert.match(faultsOf('mds.kraken.>')[0] ?? '', /'mds' begins no subject; did you mean "md"\?/);
  assert.match(faultsOf('md.kraken.trade.BTCUSD.x')[0] ?? '', /expected md\.\{feed\}/);
  assert.match(faultsOf('md.kr aken.>')[0] ?? '', /expected md\.\{feed\}/);
});

test('ssmd sub refuses it before it asks for a server', async () => {
  const { code, err } = await ssmd(['sub', 'md.krakn.>', '--env', 'dev']);
  assert.equal(code, 2);
  assert.match(err, /unknown feed 'krakn'.*\n.*A valid example/);
});
