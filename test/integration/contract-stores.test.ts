/**
 * What the contract says of stores and disks that do what they are not asked for: puts that are done
 * and not told of, puts that come long after their sender was given up, logs cut where power went.
 */
import { after, describe, test } from 'node:test';
import { acknowledgementsLost } from '../support/contract-processes-lost.ts';
import { powerLost } from '../support/contract-processes-power.ts';
import { zombiePut } from '../support/contract-processes-zombie.ts';
import { scratchDirectory } from '../support/runtime.ts';
import { startTestServers } from '../support/servers.ts';

const servers = await startTestServers({ nats: true, s3: true, temporal: true });
after(() => servers[Symbol.asyncDispose]());

const SHORT = { events: 300, rate: 40, seed: Number(process.env['E2E_SEED'] ?? 17) };
console.log(`# seed ${SHORT.seed} (E2E_SEED)`);

describe('stores and disks', { concurrency: 2 }, () => {
  test('every put is done and its answer lost: shipper, objects, manifest', async (t) => {
    const dir = scratchDirectory(t);
    const { records } = await acknowledgementsLost({ ...SHORT, servers, name: 'lost-acks', dir });
    console.log(`# lost acknowledgements: ${records} events archived twice, alike`);
  });

  for (const [what, name, freezes_at] of [
    ['an object', 'zombie-object', /trade\/BTCUSD\/2026\/11\/20\/13-/],
    ['the manifest', 'zombie-manifest', /\/_manifests\/tiny\//],
  ] as const) {
    test(`a zombie worker's put of ${what} arrives after the commit: nothing changes`, async () => {
      const { held, late } = await zombiePut({ servers, name, freezes_at });
      console.log(`# zombie: ${held.join(', ')}; beside the day: ${late.join(', ') || 'nothing'}`);
    });
  }

  test('power lost within the last second: the archive is what is left, the hole is told', async (t) => {
    const of = { ...SHORT, servers, name: 'power', dir: scratchDirectory(t), cuts: 8 };
    const { cuts, behind_bus } = await powerLost(of);
    console.log(`# power: cut at ${cuts.join(', ')}; the bus knew more ${behind_bus} times`);
  });
});
