/** When a rigid reader is not asked any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RigidTries } from '../../codec/rigid-tries.ts';

/** How many of so many frames are tried, when all are missed. */
function missed(tries: RigidTries, stream: number, frames: number): number {
  let tried = 0;
  for (let frame = 0; frame < frames; frame++) {
    if (!tries.worth(stream)) continue;
    tried++;
    tries.tried(stream, false);
  }
  return tried;
}

test('a stream that always misses is tried 64 times, then once in a thousand', () => {
  const tries = new RigidTries(2);
  assert.equal(missed(tries, 1, 64), 64);
  assert.equal(missed(tries, 1, 1_025), 0);
  assert.equal(missed(tries, 1, 10_260), 10);
  assert.ok(tries.worth(0), 'the other stream goes on');
});

test('one frame taken, and the stream has all its tries again', () => {
  const tries = new RigidTries(1);
  assert.equal(missed(tries, 0, 63), 63);
  assert.ok(tries.worth(0));
  assert.ok(tries.tried(0, true));
  assert.equal(missed(tries, 0, 100), 64);
  for (let frame = 0; !tries.worth(0); frame++) assert.ok(frame < 1_025);
  tries.tried(0, true);
  assert.equal(missed(tries, 0, 64), 64);
});
