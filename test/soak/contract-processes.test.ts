/**
 * The scenarios of processes and stores for longer, at higher rates, with another seed each round.
 * `SSMD_SOAK_ROUNDS` says how many (default 5), `SSMD_SOAK_SEED` where to begin.
 */
import { after, test } from 'node:test';
import { diskFull } from '../support/contract-processes-disk.ts';
import { acknowledgementsLost } from '../support/contract-processes-lost.ts';
import { powerLost } from '../support/contract-processes-power.ts';
import {
  awayAtStart,
  awayWhileTaking,
  frozenAndWoken,
  plannedTakeOver,
  twoTogether,
} from '../support/contract-processes-scenarios.ts';
import { zombiePut } from '../support/contract-processes-zombie.ts';
import { scratchDirectory } from '../support/runtime.ts';
import { startTestServers } from '../support/servers.ts';

const ROUNDS = Number(process.env['SSMD_SOAK_ROUNDS'] ?? '5');
const FIRST_SEED = Number(process.env['SSMD_SOAK_SEED'] ?? '1');
const LONG = { events: 5_000, rate: 150 };

const servers = await startTestServers({ nats: true, s3: true, temporal: true });
after(() => servers[Symbol.asyncDispose]());

for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
  for (const [what, scenario] of [
    ['begun together', twoTogether],
    ['frozen and woken', frozenAndWoken],
    ['the bus away at the start', awayAtStart],
    ['the bus away while taking over', awayWhileTaking],
    ['a planned take-over', plannedTakeOver],
    ['the disk full', diskFull],
    ['acknowledgements lost', acknowledgementsLost],
  ] as const) {
    test(`${what}, seed ${seed}`, async (t) => {
      const name = `${what.replaceAll(' ', '-')}-${seed}`.slice(-28).replace(/^-/, '');
      await scenario({ ...LONG, servers, name, seed, dir: scratchDirectory(t) });
    });
  }

  test(`power lost, seed ${seed}`, async (t) => {
    const of = { ...LONG, servers, name: `power-${seed}`, dir: scratchDirectory(t) };
    await powerLost({ ...of, cuts: 60, seed });
  });

  for (const hour of ['11', '12', '13', '14']) {
    test(`a zombie in hour ${hour}, round ${seed}`, async () => {
      const freezes_at = new RegExp(`/BTCUSD/2026/11/20/${hour}-`);
      await zombiePut({ servers, name: `zombie-${hour}-${seed}`, freezes_at });
    });
  }
}
