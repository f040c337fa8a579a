/**
 * The model of the shard: connectors that are killed, frozen, woken, cut off from their disk, their
 * bus, their store and their venue, over a midnight, and after each run four equalities
 * (`test/support/model/equalities.ts`). What runs is the production code over adapters in memory.
 *
 * `SSMD_MODEL_SEED` moves the range; a failing seed is printed with the least script that fails.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { REGRESSIONS } from '../support/model/regressions.ts';
import { faultOf } from '../support/model/seeds.ts';
import { storedZstd } from '../support/model/stored-zstd.ts';
import { runSeeds } from '../support/model/threads.ts';

const FROM = Number(process.env['SSMD_MODEL_SEED'] ?? 1);
const COUNT = 20_000;
console.log(`# seeds ${FROM} to ${FROM + COUNT - 1} (SSMD_MODEL_SEED)`);

/** On two busy processors; a minute on quiet ones. */
const LIMIT_MS = 600_000;

test(`${COUNT} runs of a shard, whatever befalls it`, { timeout: LIMIT_MS }, async () => {
  const failure = await runSeeds(FROM, COUNT);
  if (failure === null) return;
  assert.fail(`seed ${failure.seed}: ${failure.what}\n${failure.trace}`);
});

for (const { what, script } of REGRESSIONS) {
  test(what, async () => assert.equal(await faultOf(script), null));
}

test("the model's stored frames are zstd to everybody", () => {
  for (const bytes of [0, 1, 5_000, 300_000]) {
    const plain = new Uint8Array(bytes).map((_, at) => at * 31);
    const packed = storedZstd.compress(plain);
    assert.deepEqual(new Uint8Array(zstdDecompressSync(packed)), plain);
    assert.deepEqual(storedZstd.decompress(packed), plain);
  }
});
