import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  SETTLE_NS,
  SLEW_PPM_MAX,
  STEP_NS,
  createLogClock,
} from '../../connectors/runtime/log-clock.ts';
import type { LogClock } from '../../connectors/runtime/log-clock.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { NS_PER_SECOND } from '../../schema/time.ts';
import { hold } from '../support/property.ts';

const START = 1_763_683_200_000_000_000n;
const next = (clock: LogClock): bigint => clock.issue(clock.peek());

test('t grows by one where no time has passed', () => {
  const log = createLogClock(virtualClock(START));
  assert.deepEqual([next(log), next(log), next(log)], [START, START + 1n, START + 2n]);
});

test('whatever the wall clock does, t increases strictly', () => {
  const move = fc.record({
    pass_ms: fc.integer({ min: 0, max: 5_000 }),
    step_ms: fc.oneof(fc.constant(0), fc.integer({ min: -90_000, max: 90_000 })),
  });
  hold(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const clock = virtualClock(START);
      const log = createLogClock(clock);
      let last = next(log);
      for (const { pass_ms, step_ms } of moves) {
        clock.stepWall(BigInt(step_ms) * 1_000_000n);
        clock.advanceTo(clock.nowNs() + BigInt(pass_ms) * 1_000_000n);
        const t = next(log);
        assert.ok(t > last, `${t} after ${last}`);
        last = t;
      }
    }),
  );
});

test('what is issued follows all that was, whatever is asked for', () => {
  const clock = createLogClock(virtualClock(START));
  const first = clock.issue(clock.peek());
  assert.equal(clock.issue(first - 5n), first + 1n);
  assert.equal(clock.issue(first + 1n), first + 2n);
});

test('a drift is slewed away within the greatest rate, and is no step', () => {
  const clock = virtualClock(START);
  const log = createLogClock(clock);
  next(log);
  clock.stepWall(20_000_000n);
  let before = next(log);
  for (let second = 0; second < 300; second++) {
    clock.advanceTo(clock.nowNs() + NS_PER_SECOND);
    const t = next(log);
    const rate_ppm = ((t - before - NS_PER_SECOND) * 1_000_000n) / NS_PER_SECOND;
    assert.ok(rate_ppm <= SLEW_PPM_MAX && rate_ppm >= -SLEW_PPM_MAX, `${rate_ppm} ppm`);
    before = t;
  }
  assert.equal(log.takeStep(), null);
  const error = clock.wallNs() - before;
  assert.ok(error >= 0n && error < 1_000_000n, `still ${error} ns apart`);
});

test('a step forward is followed, reported bad, and good again once settled', () => {
  const clock = virtualClock(START);
  const log = createLogClock(clock);
  next(log);
  clock.stepWall(3n * NS_PER_SECOND);
  clock.advanceTo(clock.nowNs() + NS_PER_SECOND);
  assert.equal(next(log), clock.wallNs());
  const step = log.takeStep();
  assert.equal(step?.bad, true);
  assert.equal(step?.step_ns, 3n * NS_PER_SECOND);
  for (let second = 0n; second < SETTLE_NS / NS_PER_SECOND; second++) {
    assert.equal(log.takeStep(), null, `second ${second}`);
    clock.advanceTo(clock.nowNs() + NS_PER_SECOND);
    next(log);
  }
  assert.deepEqual(log.takeStep()?.bad, false);
  assert.equal(log.takeStep(), null);
});

test('a step back never turns t back: it goes on, slowed, and stays bad until wall time has caught up', () => {
  const clock = virtualClock(START);
  const log = createLogClock(clock);
  next(log);
  clock.stepWall(-NS_PER_SECOND);
  clock.advanceTo(clock.nowNs() + NS_PER_SECOND);
  const first = next(log);
  assert.ok(first > START);
  assert.equal(log.takeStep()?.step_ns, -NS_PER_SECOND);
  clock.advanceTo(clock.nowNs() + 100n * NS_PER_SECOND);
  next(log);
  const slowed = next(log) - first;
  assert.ok(slowed < 100n * NS_PER_SECOND, 'slower than the monotonic clock');
  assert.equal(log.takeStep(), null, 'still bad, not reported twice');
  for (let minute = 0; minute < 60; minute++) {
    clock.advanceTo(clock.nowNs() + 60n * NS_PER_SECOND);
    next(log);
  }
  assert.equal(log.takeStep()?.bad, false);
  assert.ok(next(log) - clock.wallNs() <= STEP_NS);
});

test('a position another machine reached is passed', () => {
  const clock = virtualClock(START);
  const log = createLogClock(clock);
  next(log);
  log.advancePast(START + 500n);
  assert.equal(next(log), START + 501n);
});
