import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSuite } from '../../environments/qa-suite.ts';
import { escape } from '../../qa/page.ts';
import { renderReport } from '../../qa/report.ts';
import type { DayResults } from '../../qa/results.ts';
import { runSuite } from '../../qa/suite.ts';
import { at, BTC, ETH, facts, gap, steadyTrades, TIMES, trade } from '../support/qa-events.ts';

const suite = parseSuite(
  'qa/test.yaml',
  `feed: kraken
checks:
  - { name: no-gaps, type: sequence, max_gap_seconds: 60 }
  - { name: price-sanity, type: range, field: price, max: 1000 }
`,
);

function results(): DayResults {
  const events = [
    ...steadyTrades(30_000).slice(0, 2000),
    trade(60_000_002, 9999, { price: '1001', order_type: '<script>alert(1)</script>' }),
    gap('gap_opened', 61_000_000, { detail: '"><img src=x onerror=1>' }),
  ];
  const inputs = [
    { path: 'normalized/<b>', sha256: 'ab'.repeat(32), rows: 3, min_ts: null, max_ts: null },
  ];
  return runSuite(
    suite,
    facts({ symbols: [BTC, ETH], origin: 'simulator', inputs }),
    events,
    TIMES,
  );
}

test('everything that came from data is escaped', () => {
  const html = renderReport(results());
  assert.ok(!html.includes('<script'));
  assert.ok(!html.includes('<img'));
  assert.ok(!html.includes('normalized/<b>'));
  assert.ok(html.includes('&#60;script&#62;alert(1)'));
  assert.equal(escape(`<&>"'`), '&#60;&#38;&#62;&#34;&#39;');
});

test('one file: nothing is fetched, nothing runs', () => {
  const html = renderReport(results());
  assert.ok(!/https?:\/\/|<link|<script|url\(|@import|<[^>]+ (src|href|on[a-z]+)=/.test(html));
  assert.match(html, /default-src 'none'/);
  assert.match(html, /prefers-color-scheme: dark/);
});

test('it says what the results say', () => {
  const it = results();
  const html = renderReport(it);
  assert.match(html, /<span class="badge degraded">degraded<\/span>/);
  assert.match(html, /origin: simulator/);
  assert.match(html, /check price-sanity failed/);
  assert.match(html, /price 1001 is above 1000/);
  for (const { symbol } of it.coverage)
    assert.ok(html.includes(`<span class="name">${symbol}</span>`));
  const open = html.match(/<details class="check" open>/g) ?? [];
  assert.equal(open.length, 2, 'failed checks are unfolded');
  assert.equal((html.match(/class="hole-edge"/g) ?? []).length, 1);
});

test('it is well formed', () => {
  const html = renderReport(results());
  const stack: string[] = [];
  for (const [, close, name = '', rest = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    if (['meta', 'br'].includes(name) || rest.endsWith('/')) continue;
    if (close === '/') assert.equal(stack.pop(), name);
    else stack.push(name);
  }
  assert.deepEqual(stack, []);
});

test('the results survive JSON unchanged, so that both files agree', () => {
  const it = results();
  const again = JSON.parse(JSON.stringify(it)) as DayResults;
  assert.equal(renderReport(again), renderReport(it));
});

test('a type of a market is told apart, and what one event opened is one row', () => {
  const types = ['trade', 'quote', 'book'] as const;
  const opened = ['book', 'quote', 'trade'].map((about) =>
    gap('gap_opened', 61_000_000, { about, from: at(60_999_000) }),
  );
  const events = [...steadyTrades(30_000).slice(0, 2000), ...opened];
  const it = runSuite(suite, facts({ symbols: [{ ...BTC, types }] }), events, TIMES);
  const html = renderReport(it);
  assert.match(html, /<b>BTCUSD book<\/b><\/td><td><span class="badge failed">/);
  assert.equal(it.gaps_total, 3);
  assert.equal(
    (html.match(/<td class="num">≤ [^<]*<\/td><td>BTCUSD book quote trade<\/td>/g) ?? []).length,
    1,
  );
  assert.doesNotMatch(html, /more are not shown/);
});

test('of many results the worst are shown, and the rest is counted', () => {
  const symbols = Array.from({ length: 300 }, (_, index) => ({ ...BTC, symbol: `S${index}` }));
  const events = symbols.map(({ symbol }, index) =>
    trade(index, 1, { symbol, price: index === 299 ? '1001' : '1' }),
  );
  const prices = { ...suite, checks: suite.checks.filter(({ type }) => type === 'range') };
  const html = renderReport(runSuite(prices, facts({ symbols }), events, TIMES));
  assert.match(html, /1 of 300 · S299: 1 of 1 values out of bounds/);
  assert.match(html, /<b>S299<\/b><\/td><td><span class="badge failed">/);
  assert.match(html, /<p class="soft">100 more are not shown\.<\/p>/);
});
