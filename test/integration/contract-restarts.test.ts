/**
 * The contract through restarts: a connector that ends in the midst of things and the one that follows,
 * over real servers, on a virtual clock. Each time the archive made live is the archive made from RAW,
 * to the byte, and says of the restart what is true.
 */
import { after, test } from 'node:test';
import {
  RESTARTS,
  batchSentAgain,
  killedInBacklog,
  notRunningAtMidnight,
  restarted,
} from '../support/contract-restarts.ts';
import { hostReturns } from '../support/contract-days.ts';
import { openScenario } from '../support/contract-stage.ts';
import type { Scenario, Variation } from '../support/contract-stage.ts';
import { startTestServers } from '../support/servers.ts';

const SEED = Number(process.env['E2E_SEED'] ?? 20_261_120);
console.log(`# seed ${SEED} (E2E_SEED)`);
const VARIATION: Variation = { seed: SEED, rate: 0.2 };

const servers = await startTestServers({ nats: true, s3: true });
after(() => servers[Symbol.asyncDispose]());

function scenario(
  title: string,
  name: string,
  play: (scenario: Scenario, variation: Variation) => Promise<string>,
): void {
  void test(title, async () => {
    await using opened = await openScenario(servers, name);
    console.log(`# ${name}: ${await play(opened, VARIATION)}`);
  });
}

scenario('killed in a backlog, catching up from the log', 'backlog', killedInBacklog);

for (const [at, how] of [
  ['14:03', 'stopped'],
  ['23:59:30', 'killed'],
  ['00:00:20', 'killed'],
] as const) {
  const name = `at-${at.replaceAll(':', '-')}`;
  scenario(`${how} at ${at} and started again`, name, (opened, variation) =>
    restarted(opened, variation, { ...RESTARTS[at], how }),
  );
}

scenario('not running at 23:50, started at 00:10', 'midnight', notRunningAtMidnight);
scenario('a batch that overlaps what was stored', 'overlap', batchSentAgain);
scenario('a host that returns after the commit', 'late', hostReturns);
