/** Commands that are shown to be typed next mean the environment that was named. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CliContext } from '../../cli/command.ts';
import { createOutput } from '../../cli/output.ts';
import { printStanding } from '../../cli/reprocess/run.ts';
import type { Standing } from '../../cli/reprocess/run.ts';
import { envNamed, sameEnv } from '../../cli/same-env.ts';
import { words } from '../support/documents.ts';

test('the environment is found as it was typed, and quoted as a shell needs it', () => {
  assert.equal(envNamed(words('job list --env demo --json')), 'demo');
  assert.equal(envNamed(words('job list --env=demo')), 'demo');
  assert.equal(envNamed(words('job list --env dev --env demo')), 'demo');
  assert.equal(envNamed(words('job list')), undefined);
  assert.equal(sameEnv({ env_named: 'my envs/a.yaml' }), " --env 'my envs/a.yaml'");
  assert.equal(sameEnv({}), '');
});

test('a run that waits is decided on where it runs', () => {
  const said: string[] = [];
  const stdout = { write: (text: string) => said.push(text) };
  const context: CliContext = {
    ...{ root: '/', env: {}, interrupted: new AbortController().signal, env_named: 'demo' },
    output: createOutput({ stdout, stderr: stdout, env: {} }),
  };
  const days = { failed: [], reports: [] } as unknown as Extract<Standing, { over: false }>['days'];
  const standing: Standing = { over: false, stage: 'deciding', words: 'one day', days };
  printStanding({ id: 'reprocess/x', env: 'demo' }, standing, context);
  const typed = said.join('').match(/npx ssmd reprocess (promote|reject) .*/g) ?? [];
  assert.equal(typed.length, 2);
  for (const line of typed) assert.match(line, / --env demo$/);
});
