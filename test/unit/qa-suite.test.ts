import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FEEDS } from '../../connectors/registry.ts';
import { readEnvironment } from '../../environments/env.ts';
import { parseSuite } from '../../environments/qa-suite.ts';
import type { Hole } from '../../qa/check.ts';
import { runSuite } from '../../qa/suite.ts';
import type { Suite } from '../../qa/suite.ts';
import { expectedSymbols, readSuite } from '../../workers/quality.ts';
import { capturesRoot, skipWithoutCaptures } from '../support/captures.ts';
import {
  at,
  BTC,
  DAY_MS,
  ETH,
  event,
  facts,
  gap,
  HOUR_MS,
  quote,
  steadyTrades,
  TIMES,
  trade,
} from '../support/qa-events.ts';
import { formatEventId } from '../../schema/event-id.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { unixNs } from '../../schema/time.ts';

const root = join(import.meta.dirname, '..', '..');

function suiteOf(checks: string): Suite {
  return parseSuite('qa/test.yaml', `feed: kraken\nchecks:\n${checks}`);
}

function faultsOf(text: string): string {
  try {
    parseSuite('qa/test.yaml', text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'accepted';
}

test('the suites we ship load', () => {
  for (const feed of FEEDS.keys()) {
    const file = `qa/${feed}.yaml`;
    const suite = parseSuite(file, readFileSync(join(root, file), 'utf8'));
    assert.equal(suite.feed, feed);
    assert.ok(suite.checks.length >= 6);
    assert.equal(suite.checks[0]?.source.file, file);
  }
});

test('the sample of the requirements loads unchanged', { skip: skipWithoutCaptures }, () => {
  const requirements = readFileSync(join(capturesRoot, '..', 'requirements', 'ssmd.md'), 'utf8');
  const sample = /```yaml\n(# qa\/kraken-checks\.yaml\n[\s\S]*?)```/.exec(requirements)?.[1] ?? '';
  const suite = parseSuite('qa/kraken-checks.yaml', sample);
  assert.deepEqual(
    suite.checks.map(({ name, type, source }) => [name, type, source.line]),
    [
      ['no-gaps', 'sequence', 4],
      ['price-sanity', 'range', 8],
      ['symbol-coverage', 'presence', 14],
      ['timestamp-order', 'monotonic', 19],
    ],
  );
  const results = runSuite(suite, facts({ symbols: [BTC, ETH] }), steadyTrades(30_000), TIMES);
  assert.deepEqual(
    results.results.map(({ name, group, status }) => `${name} ${group['symbol']} ${status}`),
    [
      'no-gaps BTCUSD passed',
      'no-gaps ETHUSD not_evaluated',
      'price-sanity BTCUSD passed',
      'price-sanity ETHUSD not_evaluated',
      'symbol-coverage BTCUSD passed',
      'symbol-coverage ETHUSD failed',
      'timestamp-order BTCUSD passed',
      'timestamp-order ETHUSD not_evaluated',
    ],
  );
  // With what is captured known, a channel that is dead all day fails it.
  const types = ['trade', 'quote'] as const;
  const dead = runSuite(
    suite,
    facts({ symbols: [{ ...BTC, types }] }),
    steadyTrades(30_000),
    TIMES,
  );
  assert.deepEqual(
    dead.results
      .filter(({ status }) => status === 'failed')
      .map(({ name, group, message }) => [name, group, message]),
    [
      ['no-gaps', { symbol: 'BTCUSD', type: 'quote' }, 'no record at all'],
      ['symbol-coverage', { symbol: 'BTCUSD', type: 'quote' }, 'no record at all'],
      ['symbol-coverage', { symbol: 'ETHUSD' }, 'no record at all'],
    ],
  );
});

test('every fault of a suite at once, with its place and what was meant', () => {
  const message = faultsOf(`feed: kraken
calender: crypto
checks:
  - name: no-gaps
    type: sequense
    max_gap_seconds: 60
  - name: no-gaps-2
    type: sequence
    max_gap_second: 60
  - name: price
    type: range
    field: prize
  - name: empty
    type: sequence
  - { name: twice, type: crossed }
  - { name: twice, type: crossed, warn_if: "many" }
  - { name: twice, type: crossed }
  - { name: typeless }
`);
  for (const line of [
    'qa/test.yaml has 9 errors',
    'qa/test.yaml:2:1: unknown key "calender" (did you mean "calendar"?)',
    'qa/test.yaml:5:5: unknown check type "sequense" (did you mean "sequence"?)',
    'qa/test.yaml:9:5: unknown key "max_gap_second" (did you mean "max_gap_seconds"?)',
    'qa/test.yaml:12:5: field: unknown word "prize" (did you mean "price"?)',
    'qa/test.yaml:13:5: a sequence check needs max_gap_seconds or rule',
    'warn_if: expected such as "> 10", received "many"',
    'qa/test.yaml:16:7: name "twice" is used twice',
    'qa/test.yaml:17:7: name "twice" is used twice',
    'qa/test.yaml:18:5: a check needs a type',
  ]) {
    assert.ok(message.includes(line), `${line}\nis not in\n${message}`);
  }
});

test('not YAML, no checks, nothing at all', () => {
  assert.match(faultsOf('feed: [kraken'), /qa\/test\.yaml:1:/);
  assert.match(faultsOf('feed: kraken\nchecks: []\n'), /checks/);
  assert.match(faultsOf(''), /error/);
  assert.match(faultsOf('- a\n'), /error/);
});

test('severity, bounds and mostly decide what failing rows mean', () => {
  const checks = `
  - { name: fails, type: range, field: price, max: 100 }
  - { name: warns, type: range, field: price, max: 100, severity: warn }
  - { name: few, type: range, field: price, max: 100, warn_if: "> 0", fail_if: "> 3" }
  - { name: many, type: range, field: price, max: 100, warn_if: "> 0", fail_if: "> 2" }
  - { name: mostly, type: range, field: price, max: 100, mostly: 0.5 }
  - { name: off, type: range, field: price, max: 100, enabled: false }
  - { name: order, type: monotonic, field: timestamp }`;
  const events = [1, 2, 3, 4, 5, 6, 7].map((id) =>
    trade(8 - id, id, { price: id <= 3 ? '101' : '99' }),
  );
  const { results, statistics, day_condition } = runSuite(suiteOf(checks), facts(), events, TIMES);
  assert.deepEqual(
    results.map(({ name, status }) => [name, status]),
    [
      ['fails', 'failed'],
      ['warns', 'warned'],
      ['few', 'warned'],
      ['many', 'failed'],
      ['mostly', 'passed'],
      ['off', 'not_evaluated'],
      ['order', 'warned'],
    ],
  );
  assert.deepEqual(statistics, {
    checks: 7,
    passed: 1,
    warned: 3,
    failed: 2,
    not_evaluated: 1,
    errored: 0,
  });
  assert.equal(day_condition, 'degraded');
});

test('a share that is asked for fails even where single rows only warn', () => {
  const suite = suiteOf(
    '  - { name: book, type: checksum, min_verified_ratio: 0.6, warn_if: "> 0" }',
  );
  const proven = event('book', 1);
  const wrong = gap('gap_opened', 2, { cause: 'checksum' });
  const status = (events: MarketEvent[]): string | undefined =>
    runSuite(suite, facts(), events, TIMES).results[0]?.status;
  assert.equal(status([proven]), 'passed');
  assert.equal(status([proven, proven, wrong]), 'warned');
  assert.equal(status([proven, wrong]), 'failed');
});

test('a share stays asked for beside a bound on rows', () => {
  const book = (bounds: string) => suiteOf(`  - { name: book, type: checksum, ${bounds} }`);
  const [proven, wrong] = [event('book', 1), gap('gap_opened', 2, { cause: 'checksum' })];
  const status = (suite: Suite, events: MarketEvent[]): string | undefined =>
    runSuite(suite, facts(), events, TIMES).results[0]?.status;
  const both = book('min_verified_ratio: 0.6, fail_if: "> 10"');
  assert.equal(status(both, [proven, wrong]), 'failed', 'half is less than the share');
  assert.equal(status(both, [proven, proven, wrong]), 'passed');
  assert.equal(status(book('fail_if: "> 1"'), [proven, wrong]), 'passed');
  assert.equal(status(book('fail_if: "> 1"'), [proven, wrong, wrong]), 'failed');
  assert.equal(status(book('warn_if: "> 0"'), [proven, wrong]), 'warned');
});

test('a share of rows is refused where failing things are no rows', () => {
  for (const check of [
    '{ name: it, type: sequence, max_gap_seconds: 60, mostly: 0.9 }',
    '{ name: it, type: crossed, mostly: 0.9 }',
    '{ name: it, type: checksum, mostly: 0.9 }',
  ]) {
    const message = faultsOf(`feed: kraken\nchecks:\n  - ${check}\n`);
    assert.match(message, /qa\/test\.yaml:3:\d+: a \w+ check counts more than rows/, check);
  }
});

test('a suite is of the feed it is asked for', () => {
  assert.equal(readSuite(root, 'kraken').feed, 'kraken');
  assert.throws(() => readSuite(root, 'nowhere'), { code: 'SSMD_NOT_FOUND' });
  const other = mkdtempSync(join(tmpdir(), 'ssmd-suite-'));
  mkdirSync(join(other, 'qa'));
  copyFileSync(join(root, 'qa', 'kraken.yaml'), join(other, 'qa', 'nowhere.yaml'));
  assert.throws(() => readSuite(other, 'nowhere'), {
    code: 'SSMD_INVALID_CONFIG',
    message: 'qa/nowhere.yaml is of feed kraken, not of nowhere',
  });
  rmSync(other, { recursive: true });
});

test('markets are expected with what is captured of them', () => {
  const feeds = [...FEEDS.values()].map(({ id, protocol }) => ({ id, ...protocol }));
  const text = readFileSync(join(root, 'environments', 'dev.yaml'), 'utf8');
  const of = (yaml: string) => expectedSymbols(readEnvironment('dev.yaml', yaml, feeds), 'kraken');
  const [btc] = of(text);
  assert.equal(btc?.external, 'BTC/USD');
  assert.deepEqual(btc.types, ['trade', 'quote', 'book', 'ohlc', 'ticker', 'instrument']);
  const [l1] = of(text.replace('      tier: 1\n', '      tier: 1\n      depth: l1\n'));
  assert.deepEqual(l1?.types, ['trade', 'quote', 'ohlc', 'ticker', 'instrument']);
});

test('a market is not expected to have what its feed does not ask for it', () => {
  const feeds = [...FEEDS.values()].map(({ id, protocol }) => ({ id, ...protocol }));
  const text = readFileSync(join(root, 'environments', 'dev.yaml'), 'utf8')
    .replace('feed: kraken\n      external: BTC/USD', 'feed: okx\n      external: BTC-USDT')
    .replace('feed: kraken\n      external: ETH/USD', 'feed: okx\n      external: ETH-USDT-SWAP');
  const [spot, swap] = expectedSymbols(readEnvironment('dev.yaml', text, feeds), 'okx');
  assert.deepEqual(spot?.types, ['trade', 'quote', 'book', 'ohlc', 'ticker']);
  assert.deepEqual(swap?.types, ['trade', 'quote', 'book', 'ohlc', 'ticker', 'mark']);
});

const SEQUENCE = '  - { name: no-gaps, type: sequence, max_gap_seconds: 60 }';

function hole(from_ms: number, to_ms: number): Hole {
  return {
    source: 'manifest',
    symbol: null,
    shard: 'tier1',
    about: null,
    cause: 'epoch_ended',
    from: unixNs(at(from_ms)),
    to: unixNs(at(to_ms)),
    detail: 'log ends',
    ...{ expected: null, received: null, event: null },
    repaired: false,
  };
}

test('the condition of a day', () => {
  const full = steadyTrades(30_000);
  const condition = (known: Parameters<typeof facts>[0], events = full): string =>
    runSuite(suiteOf(SEQUENCE), facts(known), events, TIMES).day_condition;
  assert.equal(condition({}), 'available');
  assert.equal(condition({}, []), 'missing');
  assert.equal(condition({ pending: true }), 'pending');
  assert.equal(condition({ complete: false }), 'degraded');
  assert.equal(condition({}, full.slice(10)), 'degraded', 'a check failed');
  const unjudged = runSuite(suiteOf('  - { name: book, type: checksum }'), facts(), full, TIMES);
  assert.equal(unjudged.day_condition, 'degraded', 'nothing judged is no pass');
});

test('checks with nothing to judge are one reason each, of many one in all', () => {
  const full = steadyTrades(30_000);
  const reasons = (count: number): readonly string[] => {
    const checks = Array.from({ length: count }, (_, at) => `  - { name: c${at}, type: checksum }`);
    const known = facts({ symbols: [BTC, ETH] });
    return runSuite(suiteOf(checks.join('\n')), known, full, TIMES).condition_reasons;
  };
  assert.equal(reasons(1).length, 1);
  assert.match(reasons(1)[0] ?? '', /^check c0 had nothing to judge/);
  assert.equal(reasons(2).length, 2);
  assert.deepEqual(reasons(3), ['3 checks had nothing to judge: c0, c1, c2']);
});

test('a partial day passes its checks and is degraded all the same, its holes listed', () => {
  const events = steadyTrades(30_000).filter(({ t }) => t >= at(HOUR_MS) && t < at(2 * HOUR_MS));
  const holes = [hole(0, HOUR_MS), hole(2 * HOUR_MS, DAY_MS)];
  const results = runSuite(suiteOf(SEQUENCE), facts({ complete: false, holes }), events, TIMES);
  assert.equal(results.results[0]?.status, 'passed');
  assert.equal(results.day_condition, 'degraded');
  assert.deepEqual(
    results.gaps.map(({ from, to, cause, seconds }) => [
      from.slice(11, 19),
      to.slice(8, 19),
      cause,
      seconds,
    ]),
    [
      ['00:00:00', '20T01:00:00', 'epoch_ended', 3600],
      ['02:00:00', '21T00:00:00', 'epoch_ended', 79_200],
    ],
  );
  assert.match(results.condition_reasons.join('\n'), /epoch_ended of tier1: 2026-11-20T02:00:00Z/);
});

test('gaps of the events are listed with what was compared', () => {
  const events = [
    trade(1, 1),
    gap('gap_opened', 10, { cause: 'checksum', expected: '7', received: '8', from: at(9) }),
    gap('gap_closed', 30, { cause: 'checksum', from: at(9), to: at(30) }),
    gap('gap_opened', 40, { symbol: '_FEED-tier1', about: null, cause: 'drop' }),
  ];
  const { gaps, gaps_total } = runSuite(suiteOf(SEQUENCE), facts(), events, TIMES);
  assert.equal(gaps_total, 2);
  assert.deepEqual(gaps[0], {
    source: 'events',
    symbol: 'BTCUSD',
    shard: 'tier1',
    about: ['book'],
    cause: 'checksum',
    from: '2026-11-20T00:00:00.009000000Z',
    to: '2026-11-20T00:00:00.030000000Z',
    seconds: 0.021,
    detail: '',
    ...{ expected: '7', received: '8' },
    event: formatEventId(events[1] as MarketEvent),
    repaired: false,
  });
  assert.equal(gaps[1]?.symbol, null);
  assert.equal(gaps[1]?.to, '2026-11-21T00:00:00.000000000Z');
});

test('a check that throws is a result, and the others go on', () => {
  const events = [trade(1, 1), { ...trade(2, 2), price: { mantissa: 1n } } as never, trade(3, 3)];
  const checks = `
  - { name: breaks, type: range, field: price, max: 1000 }
  - { name: order, type: monotonic, field: timestamp }`;
  const { results, day_condition } = runSuite(suiteOf(checks), facts(), events, TIMES);
  assert.deepEqual(
    results.map(({ name, status }) => [name, status]),
    [
      ['breaks', 'passed'],
      ['order', 'passed'],
    ].with(0, ['breaks', 'errored']),
  );
  assert.match(results[0]?.message ?? '', /2026-11-20T00:00:00\.002/);
  assert.equal(day_condition, 'degraded');
});

test('coverage counts records where they fall; status events are none', () => {
  const events = [
    trade(0, 1),
    trade(599_999, 2),
    trade(600_000, 3),
    quote(DAY_MS - 1, '1', '2'),
    gap('gap_opened', 5),
  ];
  const { coverage, records, records_by_type } = runSuite(
    suiteOf(SEQUENCE),
    facts({ symbols: [BTC, ETH] }),
    events,
    TIMES,
  );
  assert.equal(records, 4);
  assert.deepEqual(records_by_type, { trade: 3, quote: 1, status: 1 });
  const btc = coverage.find(({ symbol }) => symbol === 'BTCUSD');
  assert.equal(btc?.counts.length, 144);
  assert.deepEqual([btc?.counts[0], btc?.counts[1], btc?.counts[143]], [2, 1, 1]);
  assert.equal(coverage.find(({ symbol }) => symbol === 'ETHUSD')?.records, 0);
});
