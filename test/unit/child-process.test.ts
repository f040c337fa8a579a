/** A connector as a worker's child: what it is given, how it ends, and how each hears of the other's end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { readTask } from '../../workers/child-input.ts';
import { startChild } from '../../workers/child-process.ts';
import { runConnectorChild } from '../../workers/connector-child.ts';
import { projectRoot } from '../support/project.ts';

const program = (code: string): string[] => [process.execPath, '-e', code];

test('it gets its input as a line, and of our variables none that could be a secret', async () => {
  process.env['SSMD_TEST_SECRET'] = 'secret';
  const echo = `process.stdin.once('data', (it) => {
    console.log(JSON.stringify({ got: JSON.parse(it), names: Object.keys(process.env) }));
    console.error('done');
    process.exit(3);
  });`;
  const child = await startChild(program(echo), projectRoot, { key: 'a\nb' });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { got, names } = JSON.parse(line) as { got: unknown; names: string[] };
  assert.deepEqual(got, { key: 'a\nb' });
  assert.ok(names.includes('PATH') && !names.includes('SSMD_TEST_SECRET'), names.join());
  assert.deepEqual(await child.ended, { code: 3, killed: null });
  assert.equal(child.complaint(), 'done');
  child.stop();
});

test('told to stop, its whole group ends', { timeout: 60_000 }, async () => {
  const parent = `const { spawn } = require('node:child_process');
    const own = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20_000)'], { stdio: 'inherit' });
    own.once('spawn', () => console.log('started'));
    setInterval(() => {}, 1000);`;
  const child = await startChild(program(parent), projectRoot, null);
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  child.stop();
  // Its output closes only once nobody of the group holds it.
  assert.deepEqual(await child.ended, { code: null, killed: 'SIGTERM' });
});

test('what cannot be started, dies, is cancelled or fails in its own words is told so', async () => {
  const signal = new AbortController().signal;
  const run = (command: readonly string[], stop = signal) =>
    runConnectorChild({
      ...{ command, args: [], root: projectRoot, input: null, signal: stop },
      onMessage: () => undefined,
    });
  await assert.rejects(run(['/nowhere/connector']), { code: 'SSMD_TOOL_MISSING' });
  await assert.rejects(run(program('console.error("no disk"); process.exit(4)')), {
    ...{ code: 'SSMD_UNAVAILABLE', retryable: true },
    message: 'the connector ended: exit code 4\nno disk',
  });
  const word = { event: 'error', code: 'SSMD_CORRUPT', text: 'bad', retryable: false };
  const failing = program(`console.log(${JSON.stringify(JSON.stringify(word))}); process.exit(1)`);
  await assert.rejects(run(failing), { code: 'SSMD_CORRUPT', message: 'bad', retryable: false });
  const endless = program('setInterval(() => {}, 1000)');
  await assert.rejects(run(endless, AbortSignal.timeout(50)), { name: 'TimeoutError' });
});

test('a child reads one task, and hears that its worker is gone, also when both come at once', async () => {
  const input = new PassThrough();
  input.end('{"format":1}\n');
  const { input: task, gone } = await readTask(input, 'npx ssmd replay start');
  assert.deepEqual(task, { format: 1 });
  if (!gone.aborted) await once(gone, 'abort', { signal: AbortSignal.timeout(1_000) });
  for (const text of ['', 'nothing\n']) {
    const wrong = new PassThrough();
    wrong.end(text);
    await assert.rejects(readTask(wrong, 'npx ssmd replay start'), {
      code: 'SSMD_INVALID_INPUT',
      message: /driven by a worker.*such as: npx ssmd replay start/,
    });
  }
});
