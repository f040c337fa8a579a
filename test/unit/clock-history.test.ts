/** What RAW tells of clocks, and how clocks are put in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAgo, formatOffset } from '../../cli/clock/words.ts';
import { clockHistory, clockJumps, latestCaptures } from '../../qa/clock-history.ts';
import type { ClockSegment } from '../../qa/clock-history.ts';
import { createSkewSeries } from '../../qa/skew-series.ts';
import type { Capture } from '../../schema/log.ts';
import { NS_PER_MINUTE, NS_PER_SECOND } from '../../schema/time.ts';
import { sampleCapture } from '../support/log.ts';

const segment = (
  minute: bigint,
  of: Partial<Capture> = {},
  steps: ClockSegment['steps'] = [],
): ClockSegment => ({ capture: { ...sampleCapture, ...of }, t: minute * NS_PER_MINUTE, steps });

const step = (second: bigint, step_ns: string, bad: boolean) => ({
  ...{ t: second * NS_PER_SECOND, step_ns, bad },
  detail: bad ? 'wall clock ahead' : 'they agree again',
});

test('a jump ends when the clocks agree again; what a day says again is the same jump', () => {
  const jumps = clockJumps([
    segment(2n, {}, [step(130n, '900000000', true), step(200n, '0', false)]),
    segment(0n, {}, [step(10n, '-1500000000', true)]),
    segment(1n, {}, [step(60n, '-1500000000', true), step(90n, '0', false)]),
    segment(9n, {}, [step(540n, '300000000', true)]),
  ]);
  assert.deepEqual(
    jumps.map(({ t, by_us, until }) => [BigInt(t) / NS_PER_SECOND, by_us, until]),
    [
      [10n, -1_500_000, `${90n * NS_PER_SECOND}`],
      [130n, 900_000, `${200n * NS_PER_SECOND}`],
      [540n, 300_000, null],
    ],
  );
});

test('a second jump before the first is over is a jump of its own', () => {
  const jumps = clockJumps([
    segment(0n, {}, [step(10n, '900000000', true), step(20n, '-900000000', true)]),
  ]);
  assert.deepEqual(
    jumps.map(({ by_us, until }) => [by_us, until]),
    [
      [900_000, null],
      [-900_000, null],
    ],
  );
});

test('jumps of two hosts of one shard are kept apart', () => {
  const jumps = clockJumps([
    segment(0n, { host: 'a' }, [step(10n, '900000000', true)]),
    segment(0n, { host: 'b', epoch: 7 }, [step(11n, '900000000', true)]),
  ]);
  assert.deepEqual(
    jumps.map(({ host }) => host),
    ['a', 'b'],
  );
});

test('history goes by epoch, and the newest header is that of each place', () => {
  const segments = [
    segment(1n, { clock_sync_status: 'degraded' }),
    segment(0n),
    segment(2n, { clock_sync_status: 'degraded', epoch: 5 }),
    segment(3n, { location_id: 'other' }),
  ];
  assert.deepEqual(
    clockHistory(segments).map((it) => [
      it.epoch,
      BigInt(it.from) / NS_PER_MINUTE,
      it.clock_sync_status,
    ]),
    [
      [sampleCapture.epoch, 0n, 'synced'],
      [sampleCapture.epoch, 1n, 'degraded'],
      [sampleCapture.epoch, 3n, 'synced'],
      [5, 2n, 'degraded'],
    ],
  );
  assert.deepEqual(
    latestCaptures(segments).map(({ capture, t }) => [capture.location_id, t / NS_PER_MINUTE]),
    [
      ['lab', 2n],
      ['other', 3n],
    ],
  );
});

test('a series tells when its skew changed, and its hours', () => {
  const series = createSkewSeries();
  assert.equal(series.told(), null);
  for (let minute = 0n; minute < 240n; minute++) {
    for (const way of [-200, 0, 200]) {
      series.add(minute * NS_PER_MINUTE, (minute < 120n ? 25_000 : 500_000) + way);
    }
  }
  const told = series.told();
  assert.equal(told?.word, 'shifted');
  assert.equal(told.shift?.at_s, 7_200);
  assert.ok(Math.abs((told.shift?.by_us ?? 0) - 475_000) < 10_000);
  const hours = series.steps(6);
  assert.deepEqual(
    hours.map(({ t, count }) => [BigInt(t) / NS_PER_MINUTE, count]),
    [
      [0n, 180],
      [60n, 180],
      [120n, 180],
      [180n, 180],
    ],
  );
});

test('offsets and ages in words', () => {
  const offsets = [0, 12, -830, 999.6, 1_200, -99_960, 2_500_000, null];
  assert.deepEqual(offsets.map(formatOffset), [
    ...['+0μs', '+12μs', '-830μs', '+1.0ms', '+1.2ms', '-100ms', '+2.5s', '-'],
  ]);
  const ages = [0, 5_000, 200_000, 7_200_000, 400_000_000, null];
  assert.deepEqual(ages.map(formatAgo), [
    ...['<1s ago', '5s ago', '3 min ago', '2 h ago', '4 d ago', '-'],
  ]);
});
