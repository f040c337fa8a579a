/**
 * Every property test again, with many more cases: `SSMD_SOAK_RUNS` times as many (default 50), from
 * a seed that is printed and can be given again as `FC_SEED`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const RUNS = process.env['SSMD_SOAK_RUNS'] ?? '50';
/** A runner inside a runner would report to the outer one, and run nothing. */
const { NODE_TEST_CONTEXT: _inner, ...outside } = process.env;
const SEED = process.env['FC_SEED'] ?? String(Date.now() % 2 ** 31);

for (const file of readdirSync(join(ROOT, 'test/property')).filter((it) => it.endsWith('.ts'))) {
  test(`${file}, ${RUNS} times the cases, FC_SEED=${SEED}`, () => {
    const run = spawnSync(process.execPath, ['--test', join('test/property', file)], {
      cwd: ROOT,
      env: { ...outside, FC_RUNS: RUNS, FC_SEED: SEED },
      encoding: 'utf8',
    });
    assert.equal(run.status, 0, run.stdout);
    assert.match(run.stdout, /^ℹ pass [1-9]/m, 'the file has run its tests');
  });
}
