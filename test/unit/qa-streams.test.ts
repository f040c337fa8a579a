/** Channel by channel: one may die while the others of its symbol go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import type { ExpectedSymbol } from '../../qa/check.ts';
import type { CheckCall } from '../../qa/registry.ts';
import type { CheckResult } from '../../qa/results.ts';
import { typesOfChannels } from '../../qa/streams.ts';
import type { MarketEvent } from '../../schema/events.ts';
import {
  at,
  BTC,
  DAY_MS,
  event,
  gap,
  HOUR_MS,
  levels,
  only,
  quote,
  runCheck as run,
  steadyTrades,
} from '../support/qa-events.ts';

const SEQUENCE: CheckCall = { type: 'sequence', config: { max_gap_seconds: 60 } };
const EVERY_30_S = steadyTrades(30_000);
const BOOK = { bids: levels(['100', '1'], ['99', '1']), asks: levels(['101', '1']) };
const KNOWN_TYPES: ExpectedSymbol = { ...BTC, types: ['trade', 'quote', 'book', 'instrument'] };
const EVERY_HOUR = { type: 'presence', config: { min_records_per_hour: 100 } } as const;

/** Quotes every 30 s; `gone` takes some away. */
function steadyQuotes(gone: (ms: number) => boolean = () => false): MarketEvent[] {
  const instants = Array.from({ length: DAY_MS / 30_000 }, (_, index) => index * 30_000 + 2);
  return instants.filter((ms) => !gone(ms)).map((ms) => quote(ms, '100', '101'));
}

function steadyBooks(): MarketEvent[] {
  return steadyQuotes().map(({ t }) => event('book', Number((t - at(0)) / 1_000_000n), BOOK));
}

function inOrder(...streams: readonly (readonly MarketEvent[])[]): MarketEvent[] {
  return streams.flat().toSorted((a, b) => Number(a.t - b.t));
}

function statuses(results: readonly CheckResult[]): string[] {
  return results.map(({ group, status, message }) =>
    [group['symbol'], group['type'] ?? 'all', `${status}:`, message].join(' '),
  );
}

test('a book that is silent all day is seen while trades flow', () => {
  const events = inOrder(EVERY_30_S, steadyQuotes());
  const known = { symbols: [KNOWN_TYPES] };
  assert.deepEqual(statuses(run(SEQUENCE, events, known)), [
    'BTCUSD all passed: no gap over 60 s in 5760 records',
    'BTCUSD book failed: no record at all',
    'BTCUSD quote passed: no gap over 60 s in 2880 records',
  ]);
  assert.deepEqual(statuses(run(EVERY_HOUR, events, known)), [
    'BTCUSD all passed: at least 100 records in each of 24 hours',
    'BTCUSD book failed: no record at all',
    'BTCUSD quote passed: 2880 records',
    'BTCUSD trade passed: 2880 records',
  ]);
});

test('a channel that dies in the afternoon is seen, whoever knows what is captured', () => {
  const dead = (ms: number): boolean => ms > 14 * HOUR_MS;
  const events = inOrder(EVERY_30_S, steadyBooks(), steadyQuotes(dead));
  for (const symbols of [[BTC], [KNOWN_TYPES]]) {
    assert.deepEqual(statuses(run(SEQUENCE, events, { symbols })), [
      'BTCUSD all passed: no gap over 60 s in 7440 records',
      'BTCUSD book passed: no gap over 60 s in 2880 records',
      'BTCUSD quote failed: 1 gap, the longest 36029.998 s',
    ]);
  }
  const [, , silent] = run(EVERY_HOUR, events, { symbols: [KNOWN_TYPES] });
  assert.equal(silent?.message, '10 of 24 hours without a record');
  assert.equal(silent.failed_rows, 10);
});

test('trades may pause, and may not be missing for a day', () => {
  const few = EVERY_30_S.filter((_, index) => index % 1000 === 0);
  const others = inOrder(steadyQuotes(), steadyBooks());
  const known = { symbols: [KNOWN_TYPES] };
  for (const call of [SEQUENCE, EVERY_HOUR]) {
    const results = run(call, inOrder(few, others), known);
    assert.ok(
      results.every(({ status }) => status === 'passed'),
      statuses(results).join('\n'),
    );
  }
  const without = statuses(run(EVERY_HOUR, others, known)).filter((line) => / failed/.test(line));
  assert.deepEqual(without, ['BTCUSD trade failed: no record at all']);
});

test('what a known hole explains is not blamed on a channel either', () => {
  const gone = (ms: number): boolean => ms > HOUR_MS && ms < 3 * HOUR_MS;
  const events = inOrder(steadyQuotes(gone), steadyBooks());
  const opened = gap('gap_opened', HOUR_MS, { about: 'quote', from: at(HOUR_MS) });
  const closed = gap('gap_closed', 3 * HOUR_MS, {
    about: 'quote',
    from: at(HOUR_MS),
    to: at(3 * HOUR_MS),
    repaired: 1,
  });
  const results = run(SEQUENCE, inOrder(events, [opened, closed]));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['passed', 'passed', 'passed'],
  );
});

test('a market that is not there is told once, and one without a book is not asked for it', () => {
  const known = { symbols: [KNOWN_TYPES] };
  assert.deepEqual(statuses(run(SEQUENCE, [], known)), ['BTCUSD all failed: no record at all']);
  assert.deepEqual(statuses(run(EVERY_HOUR, [], known)), ['BTCUSD all failed: no record at all']);
  const l1 = { symbols: [{ ...BTC, types: ['trade', 'quote'] as const }] };
  const events = inOrder(EVERY_30_S, steadyQuotes());
  for (const call of [SEQUENCE, EVERY_HOUR]) {
    const results = run(call, events, l1);
    assert.ok(
      results.every(({ status }) => status === 'passed'),
      statuses(results).join('\n'),
    );
  }
  const book: CheckCall = { type: 'sequence', config: { dataset: 'book', max_gap_seconds: 60 } };
  assert.equal(only(run(book, events, l1)).status, 'not_evaluated');
  assert.equal(only(run(book, events, known)).status, 'failed');
});

test('every channel we subscribe to is known to become something', () => {
  for (const [id, feed] of FEEDS) {
    for (const channel of feed.protocol.channels) {
      assert.ok(typesOfChannels(feed, [channel]).length > 0, `${id} ${channel}`);
    }
  }
  const kraken = FEEDS.get('kraken');
  assert.ok(kraken !== undefined);
  assert.deepEqual(typesOfChannels(kraken, ['ticker', 'book']), ['quote', 'book', 'ticker']);
  const binance = FEEDS.get('binance-usdm');
  assert.ok(binance !== undefined);
  assert.deepEqual(typesOfChannels(binance, ['kline_1m', 'aggTrade']), ['trade', 'ohlc']);
});

test('the longest silence is told where nothing is beyond the limit, too', () => {
  const [whole, quotes] = run(SEQUENCE, inOrder(steadyQuotes((ms) => ms === 60_002)));
  assert.equal(whole?.observed['max_gap_seconds'], 60);
  assert.equal(quotes?.observed['max_gap_seconds'], 60);
  assert.equal(whole?.status, 'passed');
});
