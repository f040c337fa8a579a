/** Breaks rules one at a time, and wants the named test to say so. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, readProjectFile } from '../project.ts';
import type { RuleMutant } from './mutant.ts';

const HOOK = new URL('./hook.ts', import.meta.url).pathname;
/** A mutant that makes its test hang is found, too: no answer is a failure. */
const ANSWER_MS = 60_000;

/** Holds that there is one place where the rule can be broken, and a file of the test that finds it. */
export function assertPlaced({ file, find, by }: RuleMutant): void {
  const found = readProjectFile(file).split(find).length - 1;
  assert.equal(found, 1, `${file} holds the mutant's place ${found} times: move it along`);
  assert.ok(existsSync(join(projectRoot, by.file)), `${by.file} is not there`);
}

/** Holds that the test a mutant names fails by an assertion where the rule is broken. */
export async function assertNoticed(mutant: RuleMutant): Promise<void> {
  const { by } = mutant;
  assertPlaced(mutant);
  const said = await runBroken(mutant);
  assert.ok(
    said.includes(`not ok 1 - ${by.test}\n`),
    `${by.file} does not notice, or has no test '${by.test}':\n${said.slice(-2_000)}`,
  );
  // A program that falls over its own feet says nothing of the rule.
  assert.match(said, /AssertionError|ERR_ASSERTION/, `${by.file} fails by no assertion`);
  const says = mutant.says ?? '';
  assert.ok(said.includes(says), `${by.file} fails, but not by ${says}:\n${said.slice(0, 2_000)}`);
}

/** The output of the named test alone, with the rule broken. */
async function runBroken({ file, find, replace, by }: RuleMutant): Promise<string> {
  const pattern = `/^${by.test.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$/`;
  // The runner above us would have its own format instead of text.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(
    process.execPath,
    ['--import', HOOK, '--test-reporter=tap', `--test-name-pattern=${pattern}`, by.file],
    {
      cwd: projectRoot,
      // One seed: what finds a mutant today finds it tomorrow.
      env: { FC_SEED: '1', ...env, MUTATION: JSON.stringify({ file, find, replace }) },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: ANSWER_MS,
    },
  );
  let said = '';
  for await (const chunk of child.stdout) said += String(chunk);
  for await (const chunk of child.stderr) said += String(chunk);
  return said;
}
