/**
 * The contract through days: midnights, ids, clocks; over real servers, on a virtual clock. Each time the
 * archive made live is the archive made from RAW, to the byte, and its manifest says what is true.
 */
import { after, test } from 'node:test';
import {
  clockSteps,
  idsBeginAnew,
  idsComeAgain,
  skewedMidnight,
} from '../support/contract-days.ts';
import { openScenario } from '../support/contract-stage.ts';
import type { Scenario, Variation } from '../support/contract-stage.ts';
import { startTestServers } from '../support/servers.ts';

const SEED = Number(process.env['E2E_SEED'] ?? 20_261_120);
console.log(`# seed ${SEED} (E2E_SEED)`);

const servers = await startTestServers({ nats: true, s3: true });
after(() => servers[Symbol.asyncDispose]());

type Play = (scenario: Scenario, variation: Variation) => Promise<string>;

function scenario(title: string, name: string, play: Play, rate = 0.2): void {
  void test(title, async () => {
    await using opened = await openScenario(servers, name);
    console.log(`# ${name}: ${await play(opened, { seed: SEED, rate })}`);
  });
}

for (const slow of ['old', 'new'] as const) {
  scenario(
    `midnight, the ${slow} day's connections seconds behind: no trade lost, none repeated`,
    `slow-${slow}`,
    (opened, variation) => skewedMidnight(opened, variation, slow),
    0.5,
  );
}
scenario('trade ids that begin anew', 'ids-anew', idsBeginAnew);
scenario('trade ids that come again with other content', 'ids-again', idsComeAgain);
scenario('the wall clock steps an hour forward and 2 s back', 'clock', clockSteps);
