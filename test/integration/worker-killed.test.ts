/**
 * Workers killed without warning while they archive a day, on real servers: the day has one manifest, its
 * content is the same as if nobody had been killed, and nothing lies about that a cleanup does not name.
 * `FC_SEED` repeats the times at which they are killed; all moments, and more times, are in the soak.
 */
import { after, test } from 'node:test';
import { skipWithoutCaptures } from '../support/captures.ts';
import { MOMENTS, anyTimes, holdKilled, openKillStage } from '../support/worker-kills.ts';

const SEED = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);
const HERE = ['a part was uploaded', 'before the commit', 'after the commit, unheard'];
const TIMES = 3;

const skip = skipWithoutCaptures;
const stage = skip === false ? await openKillStage() : null;
after(() => stage?.[Symbol.asyncDispose]());

test('a worker killed while it archives leaves the day to another', { skip }, async (t) => {
  if (stage === null) return;
  t.diagnostic(`FC_SEED=${SEED}`);
  const moments = MOMENTS.filter(({ name }) => HERE.includes(name));
  const points = (ms: number) => [...moments, ...anyTimes(SEED, TIMES, ms)];
  await holdKilled(stage, points, (words) => t.diagnostic(words));
});
