/**
 * Workers killed without warning, in the long form: at each kind of moment an archive has, and at any time
 * of it. `SSMD_SOAK_KILLS` says at how many times (default 20), `FC_SEED` repeats them.
 */
import { after, test } from 'node:test';
import { skipWithoutCaptures } from '../support/captures.ts';
import { MOMENTS, anyTimes, holdKilled, openKillStage } from '../support/worker-kills.ts';

const SEED = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31);
const KILLS = Number(process.env['SSMD_SOAK_KILLS'] ?? '20');

const skip = skipWithoutCaptures;
const stage = skip === false ? await openKillStage() : null;
after(() => stage?.[Symbol.asyncDispose]());

test(`killed at ${KILLS} times of an archive and at each of its moments`, { skip }, async () => {
  if (stage === null) return;
  console.log(`# FC_SEED=${SEED}`);
  const points = (ms: number) => [...MOMENTS, ...anyTimes(SEED, KILLS, ms)];
  await holdKilled(stage, points, (words) => console.log(`# ${words}`));
});
