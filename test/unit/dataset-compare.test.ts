/** Two versions of a day side by side: values, timing, and the lines of RAW behind what differs. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { compareDay } from '../../activities/compare.ts';
import type { DayComparison } from '../../activities/compare.ts';
import { readManifest } from '../../activities/datasets.ts';
import type { CompareDocument } from '../../dataset/compare.ts';
import { createProfiler } from '../../dataset/profile.ts';
import type { Distribution } from '../../dataset/profile.ts';
import { encodeMarketEvent } from '../../codec/md2.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { unixNs } from '../../schema/time.ts';
import { archiveDay } from '../support/archive-run.ts';
import { DIFF_DAY, TRADE, at, copyDay, layDay } from '../support/diff-day.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const NOW = '2026-11-21T06:00:00Z';

type Compared = {
  readonly figures: DayComparison;
  readonly document: CompareDocument;
  readonly html: string;
};

async function compared(deps: JobDeps, left: string, right: string): Promise<Compared> {
  const of = { feed: tinyFeed, day: DIFF_DAY, left, right };
  const figures = await compareDay(deps, of, plainContext());
  const text = async (key: string): Promise<string> =>
    new TextDecoder().decode((await deps.normalized.get(key))?.body);
  const document = JSON.parse(await text(figures.json)) as CompareDocument;
  return { figures, document, html: await text(figures.html) };
}

test('an archived day against a copy with two events changed, with the lines behind them', async () => {
  const deps = memoryJobs(NOW);
  await writeTinyDay(deps.raw, { day: DIFF_DAY, step_ns: 3_600_000_000_000n });
  await archiveDay(deps, { feed: 'tiny', day: DIFF_DAY });
  const archived = await readManifest(deps, { version: 'v1', feed: 'tiny', day: DIFF_DAY });
  assert.ok(archived !== null);
  let trades = 0;
  await copyDay(deps, archived, 'v2', (event) => {
    if (event.type !== 'trade' || event.symbol !== 'BTCUSD') return event;
    trades++;
    if (trades === 3) return null;
    return trades === 5 ? { ...event, price: { mantissa: 999_999n, exponent: 0 } } : event;
  });
  const { figures, document, html } = await compared(deps, 'current', 'v2');
  assert.deepEqual([figures.old, figures.new, figures.verdict], ['v1', 'v2', 'differs']);
  assert.deepEqual([figures.events.changed, figures.events.removed], [1, 1]);
  assert.equal(figures.values.different, 1);
  assert.equal(figures.timing.different, 1);
  assert.equal(figures.frames, 2);
  const stream = document.streams[0];
  assert.deepEqual([stream?.type, stream?.symbol], ['trade', 'BTCUSD']);
  for (const { id } of stream?.samples ?? []) {
    const frame = document.frames[id ?? ''];
    const t = (id ?? '').split('/')[2] ?? 'nothing';
    assert.ok(frame?.text.includes(t), frame?.text);
    assert.match(frame?.segment ?? '', /^raw\/tiny\/2026\/11\/19\//);
    assert.ok(html.includes(`line ${frame?.line}`));
  }
  const pair = document.profiles.find((it) => it.type === 'trade' && it.symbol === 'BTCUSD');
  assert.equal(pair?.new?.values['price']?.max, '999999');
});

test('a version against itself is the same in everything', async () => {
  const deps = memoryJobs(NOW);
  await layDay(deps, { version: 'v1', events: [at(TRADE, 1), at(TRADE, 2)] });
  await layDay(deps, { version: 'v2', events: [at(TRADE, 1), at(TRADE, 2)], cuts: [2] });
  const { figures, document } = await compared(deps, 'v1', 'v2');
  assert.equal(figures.verdict, 'identical');
  assert.deepEqual(figures.values, { same: 1, different: 0 });
  assert.deepEqual(figures.timing, { same: 1, different: 0 });
  assert.equal(document.profiles[0]?.old?.interarrival_ns?.p50, 60_000_000_000);
});

test('md1 has values, and no timing', async () => {
  const deps = memoryJobs(NOW);
  await layDay(deps, { version: 'v1', events: [at(TRADE, 1), at(TRADE, 2)] });
  await layDay(deps, { version: 'v2', events: [at(TRADE, 1), at(TRADE, 2)], schema: 'md1' });
  const { figures, document } = await compared(deps, 'v1', 'v2');
  assert.equal(figures.verdict, 'projected');
  assert.deepEqual(figures.schemas, { old: 'md2', new: 'md1' });
  const [pair] = document.profiles;
  assert.equal(pair?.new?.values['price']?.max, '64000.1');
  assert.equal(pair?.new?.interarrival_ns, null);
});

test('a value that md1 spells in another way is no other value', async () => {
  const deps = memoryJobs(NOW);
  const trade = (minute: number, mantissa: bigint): MarketEvent =>
    at(
      { ...TRADE, price: { mantissa: 25_00n, exponent: -2 }, size: { mantissa, exponent: -8 } },
      minute,
    );
  const events = [trade(1, 10n), trade(2, 190_000_000n)];
  await layDay(deps, { version: 'v1', events });
  await layDay(deps, { version: 'v2', events, schema: 'md1' });
  const { figures, document } = await compared(deps, 'v1', 'v2');
  assert.deepEqual(figures.values, { same: 1, different: 0 });
  const { price, size } = document.profiles[0]?.new?.values ?? {};
  assert.deepEqual([size?.min, size?.max, price?.max], ['0.0000001', '1.9', '25']);
});

test('current of a day that nothing serves is said to be that', async () => {
  await assert.rejects(compared(memoryJobs(NOW), 'current', 'v2'), {
    code: 'SSMD_NOT_FOUND',
    message: /no version serves tiny 2026-11-19/,
  });
});

function profiled(prices: readonly bigint[], latencies: readonly bigint[] = []) {
  const profiler = createProfiler('md2', 'trade');
  const events: MarketEvent[] = prices.map((mantissa, index) => {
    const event = at({ ...TRADE, index, price: { mantissa, exponent: -2 } }, 1);
    const late = latencies[index];
    return late === undefined ? event : { ...event, ts_event: unixNs(event.t - late) };
  });
  for (const event of events) profiler.take(encodeMarketEvent(event));
  return profiler.finish();
}

/** Within what a quantile is good for. */
function near(found: number | undefined, expected: number): void {
  const error = Math.abs((found ?? NaN) - expected);
  assert.ok(error <= Math.abs(expected) * 0.00101, `${found} is not near ${expected}`);
}

test('extremes are exact, quantiles are near', () => {
  const prices = Array.from({ length: 1_001 }, (_, at) => BigInt(at + 1) * 100n);
  const price = profiled(prices).values['price'] as Distribution;
  assert.deepEqual([price.count, price.min, price.max, price.mean], [1001, '1', '1001', 501]);
  near(price.p01, 11);
  near(price.p25, 251);
  near(price.p50, 501);
  near(price.p75, 751);
  near(price.p99, 991);
});

test('values below zero and zero stand in their order', () => {
  const price = profiled([-300n, -200n, -100n, 0n, 100n]).values['price'] as Distribution;
  assert.deepEqual([price.min, price.max], ['-3', '1']);
  near(price.p50, -1);
  near(price.p25, -2);
});

test('a venue whose clock is ahead is late by less than nothing', () => {
  const { latency_ns } = profiled([1n, 1n, 1n], [-5_000n, 10_000n, 20_000n]);
  assert.deepEqual([latency_ns?.min, latency_ns?.max], ['-5000', '20000']);
  near(latency_ns?.p50, 10_000);
});
