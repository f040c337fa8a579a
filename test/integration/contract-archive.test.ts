/**
 * The contract up to the archive: normalizers that change, a stream that loses what it had, a shard that is
 * not there; over real servers, on a virtual clock. Each time the archive made live is the archive made
 * from RAW, to the byte, and its manifest says what is true.
 */
import { after, test } from 'node:test';
import {
  buildAtNoon,
  buildBeforeArchive,
  shardMissing,
  streamGone,
} from '../support/contract-days.ts';
import { openScenario } from '../support/contract-stage.ts';
import type { Scenario, Variation } from '../support/contract-stage.ts';
import { startTestServers } from '../support/servers.ts';

const SEED = Number(process.env['E2E_SEED'] ?? 20_261_120);
console.log(`# seed ${SEED} (E2E_SEED)`);

const servers = await startTestServers({ nats: true, s3: true });
after(() => servers[Symbol.asyncDispose]());

type Play = (scenario: Scenario, variation: Variation) => Promise<string>;

function scenario(title: string, name: string, play: Play, { shards = 1, rate = 0.2 } = {}): void {
  void test(title, async () => {
    await using opened = await openScenario(servers, name, shards === 2 ? 2 : 1);
    console.log(`# ${name}: ${await play(opened, { seed: SEED, rate })}`);
  });
}

scenario('another normalizer since noon', 'build-noon', buildAtNoon, { rate: 0.1 });
scenario(
  'another normalizer since 03:00, before the day before is archived',
  'build-night',
  buildBeforeArchive,
  { rate: 0.05 },
);
scenario('the stream aged out in part, then emptied, before the archive', 'stream', streamGone);
scenario('two shards, one of them missing when the day is archived', 'shards', shardMissing, {
  shards: 2,
});
