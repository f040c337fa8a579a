/**
 * The contract through restarts, in its long form: the scenarios of the short one with other markets, at
 * other rates, and restarts in the midst of whole days. `SSMD_SOAK_ROUNDS` says how many markets
 * (default 6), `SSMD_SOAK_SEED` where to begin.
 */
import { after, test } from 'node:test';
import { Random } from '../../connectors/simulator/random.ts';
import { DAY, NEXT } from '../support/contract-archive.ts';
import { hostReturns } from '../support/contract-days.ts';
import {
  RESTARTS,
  batchSentAgain,
  killedInBacklog,
  notRunningAtMidnight,
  restarted,
} from '../support/contract-restarts.ts';
import type { Restart } from '../support/contract-restarts.ts';
import { openScenario } from '../support/contract-stage.ts';
import type { Scenario, Variation } from '../support/contract-stage.ts';
import { startTestServers } from '../support/servers.ts';

const ROUNDS = Number(process.env['SSMD_SOAK_ROUNDS'] ?? '6');
const FIRST_SEED = Number(process.env['SSMD_SOAK_SEED'] ?? '1');

const servers = await startTestServers({ nats: true, s3: true });
after(() => servers[Symbol.asyncDispose]());

/** A whole day and the minutes after it, restarted at `at`, in hour `hour` of it. */
function wholeDay(at: string, hour: number): Omit<Restart, 'how'> {
  // The first hour has begun before the connector did.
  const hours = Array.from({ length: 23 }, (_, index) => index + 1);
  return {
    ...{ at: `${DAY}T${at}Z`, from: `${DAY}T00:02:00Z`, until: `${NEXT}T00:10:00Z` },
    bus_hours: [hours.filter((it) => it !== hour), []],
  };
}

const PLAYS: Readonly<
  Record<string, (scenario: Scenario, variation: Variation) => Promise<string>>
> = {
  backlog: killedInBacklog,
  midnight: notRunningAtMidnight,
  overlap: batchSentAgain,
  late: hostReturns,
};

for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
  const random = new Random(seed, 'contract');
  const variation: Variation = { seed, rate: 0.2 + 0.4 * random.unit() };
  const play = (name: string, run: (scenario: Scenario) => Promise<string>): void => {
    void test(`seed ${seed}: ${name}`, async () => {
      await using opened = await openScenario(servers, `${name}-${seed}`);
      console.log(`# ${name}-${seed}: ${await run(opened)}`);
    });
  };
  for (const [name, run] of Object.entries(PLAYS)) play(name, (it) => run(it, variation));
  for (const how of ['killed', 'stopped'] as const) {
    for (const [at, restart] of Object.entries(RESTARTS)) {
      const name = `${how}-${at.replaceAll(':', '-')}`;
      play(name, (it) => restarted(it, variation, { ...restart, how }));
    }
    const slower = { ...variation, rate: variation.rate / 2 };
    play(`${how}-whole-day`, (it) => restarted(it, slower, { ...wholeDay('14:03:00', 14), how }));
  }
}
