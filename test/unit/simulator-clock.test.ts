import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as realSleep } from 'node:timers/promises';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';

const START = 1_763_683_200_000_000_000n;

test('timers run by instant, ties in the order they were set', () => {
  const clock = virtualClock(START);
  const seen: string[] = [];
  clock.setTimeout(() => seen.push('b5'), 5);
  clock.setTimeout(() => seen.push('a1'), 1);
  clock.setTimeout(() => seen.push('c5'), 5);
  clock.setTimer(() => seen.push('d1.5'), START + 1_500_000n);
  clock.advanceTo(START + 4_999_999n);
  assert.deepEqual(seen, ['a1', 'd1.5']);
  assert.equal(clock.wallNs(), START + 4_999_999n);
  clock.advanceTo(START + 5_000_000n);
  assert.deepEqual(seen, ['a1', 'd1.5', 'b5', 'c5']);
});

test('a timer sees its own instant, and what it sets runs in the same sweep', () => {
  const clock = virtualClock(START);
  const seen: bigint[] = [];
  const again = (): void => {
    seen.push(clock.wallNs() - START);
    if (seen.length < 3) clock.setTimeout(again, 10);
  };
  clock.setTimeout(again, 10);
  clock.advanceTo(START + 25_000_000n);
  assert.deepEqual(seen, [10_000_000n, 20_000_000n]);
  assert.equal(clock.nextTimerNs(), START + 30_000_000n);
  assert.equal(clock.monoNs(), 25_000_000n);
});

test('a cleared timer does not run, clearing twice is nothing', () => {
  const clock = virtualClock(START);
  let ran = 0;
  const handle = clock.setTimeout(() => ran++, 1);
  clock.clearTimeout(handle);
  clock.clearTimeout(handle);
  clock.advanceTo(START + 10_000_000n);
  assert.equal(ran, 0);
  assert.equal(clock.nextTimerNs(), null);
});

test('a wall step moves the wall clock alone', () => {
  const clock = virtualClock(START);
  let ran = false;
  clock.setTimeout(() => (ran = true), 5);
  clock.stepWall(-3_600_000_000_000n);
  assert.equal(clock.wallNs(), START - 3_600_000_000_000n);
  assert.equal(clock.monoNs(), 0n);
  clock.advanceTo(START + 5_000_000n);
  assert.equal(ran, true);
});

test('many timers in random order come out sorted', () => {
  const clock = virtualClock(START);
  const seen: number[] = [];
  let x = 7;
  for (let i = 0; i < 2000; i++) {
    x = (x * 1103515245 + 12345) % 2147483648;
    const at = x % 500;
    const handle = clock.setTimeout(() => seen.push(at), at);
    if (i % 7 === 0) clock.clearTimeout(handle);
  }
  clock.advanceTo(START + 1_000_000_000n);
  assert.equal(seen.length, 2000 - Math.ceil(2000 / 7));
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
});

test('runUntil hears real I/O between timers and waits for ready', async () => {
  const clock = virtualClock(START);
  const seen: string[] = [];
  let pending: Promise<void> | undefined;
  clock.setTimeout(() => {
    seen.push('start');
    pending = realSleep(5).then(() => {
      seen.push('stored');
      pending = undefined;
    });
  }, 1);
  clock.setTimeout(() => seen.push('later'), 2);
  await clock.runUntil(START + 10_000_000n, { ready: () => pending });
  assert.deepEqual(seen, ['start', 'stored', 'later']);
  assert.equal(clock.wallNs(), START + 10_000_000n);
});

test('runUntil runs a timer that a promise sets after the last one', async () => {
  const clock = virtualClock(START);
  let ran = false;
  clock.setTimeout(() => {
    void Promise.resolve().then(() => clock.setTimeout(() => (ran = true), 1));
  }, 1);
  await clock.runUntil(START + 10_000_000n, { yield_every: 1000 });
  assert.equal(ran, true);
});

test('the system clock reads the wall clock, with digits below a millisecond', () => {
  const clock = systemClock();
  let last_mono = clock.monoNs();
  let fine = false;
  for (let i = 0; i < 10_000; i++) {
    const before = BigInt(Date.now()) * 1_000_000n;
    const wall = clock.wallNs();
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    assert.ok(wall >= before && wall < after, `${before} <= ${wall} < ${after}`);
    if (wall % 1_000_000n !== 0n) fine = true;
    const mono = clock.monoNs();
    assert.ok(mono >= last_mono);
    last_mono = mono;
  }
  assert.ok(fine);
});

test('the system clock runs timers and forgets cleared ones', async () => {
  const clock = systemClock();
  let cleared = false;
  clock.clearTimeout(clock.setTimeout(() => (cleared = true), 1));
  await new Promise<void>((resolve) => void clock.setTimeout(resolve, 2));
  assert.equal(cleared, false);
});
