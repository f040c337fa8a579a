/** Which environment a command means: one rule for all of them, told where nobody named one. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { chooseEnvironment, resolveEnvironment } from '../../cli/resolve-environment.ts';
import { createOutput } from '../../cli/output.ts';
import { processStart } from '../../stack/processes.ts';
import { recordEnvironmentFile, stackDir, writeStackFile } from '../../stack/state.ts';
import { ssmd } from '../support/command-line.ts';
import { readProjectFile } from '../support/project.ts';

let root: string;
let mine: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'ssmd-environment-'));
  mine = join(root, 'mine.yaml');
  const dev = readProjectFile('environments/dev.yaml');
  await writeFile(mine, dev.replace('name: dev', 'name: mine'));
});
after(() => rm(root, { recursive: true, force: true }));
beforeEach(() => rm(join(root, '.ssmd'), { recursive: true, force: true }));

/** A stack of which this process is NATS. */
async function raise(name: string, file?: string): Promise<void> {
  const started = (await processStart(process.pid)) ?? '';
  const nats = { port: 1, ui_port: null, http_port: null, pid: process.pid, started };
  const dir = stackDir(name, root);
  await writeStackFile(dir, { parts: { nats: { ...nats, version: '1', owner: null } } });
  if (file !== undefined) await recordEnvironmentFile(dir, file);
}

function where(env: Readonly<Record<string, string>> = {}): {
  readonly context: Parameters<typeof chooseEnvironment>[1];
  readonly said: string[];
} {
  const said: string[] = [];
  const out = { write: () => assert.fail('nothing of it belongs to the result') };
  const err = { write: (text: string) => said.push(text) };
  const output = createOutput({ stdout: out, stderr: err, env: {} });
  return { context: { root, env, output }, said };
}

describe('the environment a command means', () => {
  test('is the one named, then that of SSMD_ENV, and nothing is said', async () => {
    await raise('demo');
    const { context, said } = where({ SSMD_ENV: 'demo-live' });
    assert.equal(await chooseEnvironment('dev', context), 'dev');
    assert.equal(await chooseEnvironment(undefined, context), 'demo-live');
    assert.deepEqual(said, []);
  });

  test('else the one that is up, told once however often it is asked', async () => {
    await raise('demo');
    const { context, said } = where({ SSMD_ENV: '' });
    assert.equal(await chooseEnvironment(undefined, context), 'demo');
    const { environment } = await resolveEnvironment(undefined, context, 'none');
    assert.equal(environment.name, 'demo');
    assert.deepEqual(said, ['environment demo, the one that is up (--env NAME picks another)\n']);
  });

  test('also where its file lies elsewhere', async () => {
    await raise('mine', mine);
    const { context } = where();
    const { environment } = await resolveEnvironment(undefined, context, 'none');
    assert.equal(environment.name, 'mine');
    assert.equal(environment.file, mine);
  });

  test('else dev', async () => {
    const { context, said } = where();
    assert.equal(await chooseEnvironment(undefined, context), 'dev');
    assert.deepEqual(said, ['environment dev, as none is up (--env NAME picks another)\n']);
  });
});

describe('two environments that are up', () => {
  const commands = [
    ['down'],
    ['doctor'],
    ['connector', '--feed', 'kraken', '--shard', 'tier1'],
    ['import', 'package.json', '--feed', 'kraken'],
    ['sub'],
    ['dataset', 'list'],
    ['log', 'show', '--feed', 'kraken', '--shard', 'tier1'],
    ['trace', 'kraken/tier1/1763640003123456789'],
    ['worker'],
    ['job', 'list'],
    ['temporal', 'workflow', 'list'],
  ];
  for (const command of commands) {
    test(`are named by ${command.slice(0, 2).join(' ')}, which guesses none`, async () => {
      await raise('demo');
      await raise('dev');
      const { code, err } = await ssmd(command, { root, env: { PATH: '' } });
      assert.equal(code, 2, err);
      assert.match(err, /--env: is needed, for 2 environments are up: demo, dev/);
    });
  }

  test('and simulate takes demo, up takes dev: what they start has one place', async () => {
    await raise('demo');
    await raise('demo-live');
    const port = ['--port', '1', '--shard', 'nowhere'];
    const serve = await ssmd(['simulate', 'serve', '--feed', 'kraken', ...port], { root });
    assert.match(serve.err, /environment demo \(--env NAME picks another\)/);
    const interrupted = AbortSignal.abort();
    const up = await ssmd(['up', '--only', 'nats'], { root, interrupted, env: { PATH: '' } });
    assert.match(up.err, /environment dev \(--env NAME picks another\)/);
  });
});

test('ssmd temporal takes --env wherever it stands, and a path by SSMD_ENV', async () => {
  const start = ['workflow', 'start', '--type', 'daily-archive', '--input', '{"feed":"krakn"}'];
  for (const [args, env] of [
    [['--env', mine, ...start], {}],
    [[...start, `--env=${mine}`], {}],
    [start, { SSMD_ENV: mine }],
  ] as const) {
    const { code, err } = await ssmd(['temporal', ...args], { root, env: { PATH: '', ...env } });
    assert.equal(code, 2, err);
    assert.match(err, /feed: "krakn"/);
  }
  const elsewhere = await ssmd(['temporal', 'workflow', 'list'], {
    root,
    env: { PATH: '', SSMD_ENV: mine },
  });
  assert.equal(elsewhere.code, 3, 'the usual port may be of another environment');
  assert.match(
    elsewhere.err,
    /no Temporal server of \S+mine\.yaml is running here; start it: npx ssmd up/,
  );
  const absent = join(root, 'absent.yaml');
  const { code, err } = await ssmd(['temporal', 'workflow', 'list'], {
    root,
    env: { PATH: '', SSMD_ENV: absent },
  });
  assert.equal(code, 2, err);
  assert.match(err, /absent\.yaml/);
});
