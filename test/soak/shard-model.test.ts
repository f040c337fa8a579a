/**
 * The model of the shard, longer: `SSMD_SOAK_SEEDS` seeds (default 500,000) from `SSMD_MODEL_SEED` on,
 * and each rule of the product broken in one place, which some seed has to notice.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { MODEL_MUTANTS, MUTANT_SEEDS_MAX } from '../support/model/mutants.ts';
import { runSeeds } from '../support/model/threads.ts';
import { projectRoot } from '../support/project.ts';

const FROM = Number(process.env['SSMD_MODEL_SEED'] ?? 1_000_000);
const COUNT = Number(process.env['SSMD_SOAK_SEEDS'] ?? 500_000);
console.log(`# seeds ${FROM} to ${FROM + COUNT - 1} (SSMD_MODEL_SEED, SSMD_SOAK_SEEDS)`);

const support = (name: string): string => join(projectRoot, 'test/support', name);

for (const { rule, ...mutation } of MODEL_MUTANTS) {
  test(`broken: ${rule}`, () => {
    const args = [
      ...['--import', support('mutants/hook.ts'), support('model/range.ts')],
      ...['1', String(MUTANT_SEEDS_MAX)],
    ];
    const env = { ...process.env, MUTATION: JSON.stringify(mutation) };
    const said = execFileSync(process.execPath, args, { env, encoding: 'utf8' });
    const failure = JSON.parse(said) as { seed: number; what: string } | null;
    assert.notEqual(failure, null, 'no seed noticed');
    console.log(`# seed ${failure?.seed}: ${failure?.what.slice(0, 120)}`);
  });
}

test(`${COUNT} runs of a shard`, async () => {
  const failure = await runSeeds(FROM, COUNT);
  if (failure === null) return;
  assert.fail(`seed ${failure.seed}: ${failure.what}\n${failure.trace}`);
});
