/** What `export` says to its input before anything is started. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admit } from '../../activities/admission.ts';
import type { Known } from '../../activities/admission.ts';
import { parseIso, unixNs } from '../../schema/time.ts';

const KNOWN: Known = {
  feeds: ['kraken'],
  shards: [{ feed: 'kraken', shard: 'tier1' }],
  now: parseIso('2026-11-22T06:00:00Z') ?? unixNs(0n),
};

function said(input: object): string {
  const { refusal } = admit(KNOWN, { type: 'export', input: { feed: 'kraken', ...input } });
  return refusal === null ? 'taken' : `${refusal.code} ${refusal.message}`;
}

test('what is well-formed is taken', () => {
  for (const input of [
    {},
    { day: '2026-11-20', version: 'current', format: 'csv' },
    { from: '2026-11-01', to: '2026-11-21', version: 'v1.2' },
    { from: '2026-11-20', to: '2026-11-20', symbols: ['BTCUSD', '_FEED-tier1'], types: ['status'] },
    { from: '2025-11-20', to: '2026-11-20' },
    { out: '/data/a b/kraken.20' },
  ]) {
    assert.equal(said(input), 'taken', JSON.stringify(input));
  }
});

test('every fault is named at once', () => {
  const message = said({
    ...{ from: '2026-11-20', to: '2026-11-01', day: '2026-11-02', types: ['trades', 7] },
    ...{ symbols: 'BTCUSD', version: 'latest', format: 'Parquet', out: 'kraken', dya: 1 },
  });
  for (const line of [
    'the input of export has 7 faults',
    'day: stands beside a range (give one day, or both ends of a range)',
    'types: "trades", 7: no type of event (did you mean "trade"?)',
    'symbols: "BTCUSD" is no list of symbols (a list of our names, such as ["BTCUSD"]',
    'version: "latest" is no version (such as "v1" or "v1.1")',
    'format: "Parquet" is no format (did you mean "parquet"?)',
    `out: "kraken" is no folder (an absolute path on the worker's machine`,
    'dya: is not known (known are feed, day, from, to, symbols, types, version, format, out,',
    'A valid example: {"feed":"kraken","day":"2026-11-21"}',
  ]) {
    assert.ok(message.includes(line), `${line}\nis not in\n${message}`);
  }
});

test('a range has two ends, in order, is over and not without end', () => {
  const cases = [
    [{ from: '2026-11-20' }, /from: is one end of a range/],
    [{ to: '2026-11-20' }, /to: is one end of a range/],
    [
      { from: '2026-11-20', to: '2026-11-19' },
      /1 fault.*from: 2026-11-20 is after 2026-11-19, its end/s,
    ],
    [{ from: '2026-11-31', to: '2026-11-20' }, /from: "2026-11-31" is not a day/],
    [{ from: '2026-11-20', to: '2026-11-22' }, /to: market still open until 2026-11-23T00:00:00Z/],
    [{ from: '2025-11-20', to: '2026-11-21' }, /from: 367 days \(an export has at most 366/],
    [{ day: '2026-11-22' }, /^SSMD_DAY_NOT_OVER kraken 2026-11-22: market still open/],
  ] as const;
  for (const [input, expected] of cases) assert.match(said(input), expected);
});

test('what could leave its folder, or is none, is refused', () => {
  const odd = ['', '/', 'a', './a', '/a/', '/a/../b', '/a/./b', '/a//b', '/a\nb', 7, null, ['/a']];
  for (const out of odd) assert.match(said({ out }), /out: .* is no folder/, JSON.stringify(out));
  for (const symbols of [[], [''], ['btc'], ['../x'], ['A/B'], {}]) {
    assert.match(said({ symbols }), /symbols: /, JSON.stringify(symbols));
  }
  for (const types of [[], [''], 'trade', [null]]) {
    assert.match(said({ types }), /types: /, JSON.stringify(types));
  }
});
