/**
 * The contract through days, in its long form: the scenarios of the short one with other markets, at
 * other rates. `SSMD_SOAK_ROUNDS` says how many (default 6), `SSMD_SOAK_SEED` where to begin.
 */
import { after, test } from 'node:test';
import { Random } from '../../connectors/simulator/random.ts';
import {
  buildAtNoon,
  buildBeforeArchive,
  clockSteps,
  idsBeginAnew,
  idsComeAgain,
  shardMissing,
  skewedMidnight,
  streamGone,
} from '../support/contract-days.ts';
import { openScenario } from '../support/contract-stage.ts';
import type { Scenario, Variation } from '../support/contract-stage.ts';
import { startTestServers } from '../support/servers.ts';

const ROUNDS = Number(process.env['SSMD_SOAK_ROUNDS'] ?? '6');
const FIRST_SEED = Number(process.env['SSMD_SOAK_SEED'] ?? '1');

const servers = await startTestServers({ nats: true, s3: true });
after(() => servers[Symbol.asyncDispose]());

type Play = (scenario: Scenario, variation: Variation) => Promise<string>;

const PLAYS: Readonly<Record<string, Play>> = {
  'slow-old': (opened, variation) => skewedMidnight(opened, variation, 'old'),
  'slow-new': (opened, variation) => skewedMidnight(opened, variation, 'new'),
  'ids-anew': idsBeginAnew,
  'ids-again': idsComeAgain,
  clock: clockSteps,
  'build-noon': buildAtNoon,
  'build-night': buildBeforeArchive,
  stream: streamGone,
  shards: shardMissing,
};

for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
  const random = new Random(seed, 'contract');
  for (const [name, play] of Object.entries(PLAYS)) {
    const rate = 0.2 + 0.5 * random.unit();
    void test(`seed ${seed}: ${name}`, async () => {
      await using opened = await openScenario(
        servers,
        `${name}-${seed}`,
        name === 'shards' ? 2 : 1,
      );
      console.log(`# ${name}-${seed}: ${await play(opened, { seed, rate })}`);
    });
  }
}
