/** When a replayed event is due, and how far off it was sent, on a clock that is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPacer } from '../../connectors/runtime/replay-pacer.ts';
import { createSpacing } from '../../connectors/runtime/replay-spacing.ts';

const S = 1_000_000_000n;

test('events keep their spacing, stretched by the speed, from the first one on', () => {
  for (const [speed, stretched] of [
    [1, 6n * S],
    [2, 3n * S],
    [10, (6n * S) / 10n],
    [0.1, 60n * S],
  ] as const) {
    const pacer = createPacer(speed);
    assert.equal(pacer.due(100n * S, 7n * S), 7n * S, 'the first is not waited for');
    assert.equal(pacer.due(106n * S, 8n * S), 7n * S + stretched);
  }
});

test('at max everything is due', () => {
  const pacer = createPacer('max');
  assert.equal(pacer.due(5n * S, 3n * S), 3n * S);
  assert.equal(pacer.due(500n * S, 4n * S), 4n * S);
});

test('a pause stops the timeline, a resume goes on where it stood', () => {
  const pacer = createPacer(1);
  pacer.due(100n * S, 0n);
  // Four seconds in, with ten to go to the next event.
  pacer.pause(4n * S, 114n * S);
  assert.ok(pacer.isPaused());
  pacer.resume(50n * S);
  assert.equal(pacer.due(114n * S, 50n * S), 60n * S);
});

test('another speed holds for what is still to wait', () => {
  const pacer = createPacer(1);
  pacer.due(100n * S, 0n);
  pacer.setSpeed(10, 4n * S, 114n * S);
  assert.equal(pacer.due(114n * S, 4n * S), 5n * S);
  pacer.setSpeed('max', 4n * S, 114n * S);
  assert.equal(pacer.due(114n * S, 4n * S), 4n * S);
  pacer.setSpeed(1, 4n * S, 114n * S);
  assert.equal(pacer.due(116n * S, 4n * S), 6n * S, 'from max on: the waiting event is now');
});

test('what is late stays late until it caught up; a pause forgives it', () => {
  const pacer = createPacer(1);
  pacer.due(100n * S, 0n);
  assert.equal(pacer.due(101n * S, 5n * S), 1n * S);
  pacer.pause(5n * S, 101n * S);
  pacer.resume(9n * S);
  assert.equal(pacer.due(101n * S, 9n * S), 9n * S);
  assert.equal(pacer.due(102n * S, 9n * S), 10n * S);
});

test('a pause before the first event, and a speed told while it is paused', () => {
  const pacer = createPacer(1, true);
  pacer.setSpeed(2, 1n * S, null);
  pacer.resume(3n * S);
  assert.equal(pacer.due(100n * S, 3n * S), 3n * S);
  assert.equal(pacer.due(104n * S, 3n * S), 5n * S);
});

test('quantiles of the error are right to a bucket, and none is above the largest', () => {
  const spacing = createSpacing();
  for (let us = 1; us <= 1000; us++) spacing.count(1, us * 1_000);
  spacing.count(10, 0);
  const [real, fast] = spacing.report();
  assert.equal(real?.messages, 1000);
  for (const [found, exact] of [
    [real?.p50_us, 500],
    [real?.p90_us, 900],
    [real?.p99_us, 990],
  ] as const) {
    assert.ok(
      found !== undefined && found >= exact && found <= exact * 1.1,
      `${found} of ${exact}`,
    );
  }
  assert.equal(real?.max_us, 1000);
  const none = { speed: 10, messages: 1, p50_us: 0, p90_us: 0, p99_us: 0, max_us: 0 };
  assert.deepEqual(fast, none);
});

test('speeds above the limit are counted with the last', () => {
  const spacing = createSpacing();
  for (let speed = 1; speed <= 20; speed++) spacing.count(speed, 1_000);
  const report = spacing.report();
  assert.equal(report.length, 8);
  assert.equal(
    report.reduce((sum, { messages }) => sum + messages, 0),
    20,
  );
});
