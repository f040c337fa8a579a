/**
 * `ssmd gaps` over a day that the production connector captured in part, with a frame of a book lost on
 * its way: each hole with its cause, and the minutes it costs each market.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Ledger } from '../../cli/gaps/ledger.ts';
import type { Day } from '../../schema/time.ts';
import { NS_PER_MINUTE, NS_PER_SECOND, dayStart } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { ssmd } from '../support/command-line.ts';
import type { Ran } from '../support/command-line.ts';
import { scenarioEnvironmentText } from '../support/contract-stage.ts';
import { inStep, runStretch } from '../support/e2e-day.ts';
import { jobsOf, openStage } from '../support/e2e.ts';

const DAY = '2026-11-20' as Day;
const FROM = '2026-11-20T00:00:00Z';
const UNTIL = '2026-11-20T00:08:30Z';
const NOW = '2026-12-01T06:00:00Z';
/** Of all that is subscribed to, one candle is refused: it is missing until the log ends. */
const REFUSED = { kind: 'refuse', channel: 'ohlc', symbol: 'ETH/USD' } as const;
const LOST = { kind: 'drop', channel: 'book', symbol: 'ETH/USD' } as const;

const stage = await openStage();
after(() => stage[Symbol.asyncDispose]());
const { raw, bus, environment, servers, variables } = stage;
const root = servers.dir;
const file = join(root, 'test.yaml');
writeFileSync(file, scenarioEnvironmentText('test'));

const at_ns = dayStart(DAY) + 3n * NS_PER_MINUTE + 20n * NS_PER_SECOND;
await runStretch(
  {
    ...{ feed: 'kraken', seed: 5, rate: 2, market_from: '2026-11-19T12:00:00Z' },
    faults: { list: [REFUSED, { ...LOST, at_ns }] },
    ...{ from: FROM, until: UNTIL },
  },
  { store: raw, bus, dir: join(root, 'stretch'), ready: inStep(FROM) },
);
const normalized = await stage.bucket('test-normalized');
await archiveDay(jobsOf(environment, NOW, { raw, normalized, bus }), { feed: 'kraken', day: DAY });

const of = ['--env', file, '--feed', 'kraken', '--date', DAY];
const gaps = (...more: readonly string[]): Promise<Ran> =>
  ssmd(['gaps', 'list', ...of, ...more], { root, env: variables });

test('the holes of a day with their causes, and what its minutes are', async () => {
  const told = await gaps('--json');
  assert.equal(told.code, 0, told.err);
  const ledger = JSON.parse(told.out) as Ledger;
  assert.equal(ledger.complete, false);
  const checksum = ledger.gaps.filter((it) => it.cause === 'checksum');
  assert.equal(checksum.length, 1);
  const [lost] = checksum;
  assert.deepEqual([lost?.symbol, lost?.about], ['ETHUSD', ['book']]);
  assert.notEqual(lost?.expected, lost?.received);
  assert.match(lost?.from ?? '', /^2026-11-20T00:03:/);
  assert.ok((lost?.seconds ?? 0) > 0 && (lost?.seconds ?? 0) < 60);
  const refused = ledger.gaps.filter((it) => it.cause === 'refused');
  assert.deepEqual(
    refused.map((it) => [it.symbol, it.about, it.expected, it.repaired]),
    [['ETHUSD', ['ohlc'], 'subscribed to ohlc', false]],
  );
  assert.match(refused[0]?.received ?? '', /\w/);
  const ended = ledger.gaps.find(
    (it) => it.source === 'manifest' && it.to.startsWith('2026-11-21'),
  );
  assert.match(ended?.from ?? '', /^2026-11-20T00:08:/);
  // Nobody speaks in the first minute and a bit; the log ends within the ninth; one market lacks a
  // candle throughout, and a part of a book in the fourth.
  const first = ledger.gaps.find((it) => it.cause === 'before_first_take');
  assert.equal(first?.from, '2026-11-20T00:00:00.000000000Z');
  assert.ok(first.seconds > 60 && first.seconds < 120, `${first.seconds} s until the take-over`);
  const minutes = ledger.symbols.map((it) => [it.symbol, it.degraded, it.missing]);
  assert.deepEqual(minutes, [
    ['BTCUSD', 2, 1_432],
    ['ETHUSD', 8, 1_432],
  ]);
  for (const { complete, degraded, missing } of ledger.symbols) {
    assert.equal(complete + degraded + missing, 1_440);
  }
  const trace = await ssmd(['trace', lost?.event ?? '', '--env', file], { root, env: variables });
  assert.equal(trace.code, 0, trace.err);
  assert.match(trace.out, /checksum/);
});

test('of one symbol, as a table; a symbol that is not there is named with those that are', async () => {
  const shown = await gaps('--symbol', 'BTCUSD');
  assert.match(shown.out, /kraken 2026-11-20 v1: RAW incomplete/);
  assert.match(shown.out, /BTCUSD +6 +2 +1,432/);
  assert.doesNotMatch(shown.out, /checksum|ETHUSD/);
  const wrong = await gaps('--symbol', 'BTCUSDT');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /--symbol: kraken 2026-11-20 has no BTCUSDT.*BTCUSD/);
});
