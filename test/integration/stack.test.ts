/** The stack with real servers: up, reused, found by others, stopped, and what a kill leaves. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../../stack/ports.ts';
import { processStart } from '../../stack/processes.ts';
import { silentReport } from '../../stack/report.ts';
import { startStack, stopStack } from '../../stack/stack.ts';
import { readStackFile, readStackState, stackDir } from '../../stack/state.ts';
import { projectRoot } from '../support/project.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);

async function ports(): Promise<{
  nats: number;
  s3: number;
  temporal: number;
  temporal_ui: number;
}> {
  return {
    nats: await freePort(),
    s3: await freePort(),
    temporal: await freePort(),
    temporal_ui: await freePort(),
  };
}

/** A project folder of its own, so that a stack of the checkout is not met. */
async function inProject(use: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'ssmd-stack-'));
  try {
    await use(root);
  } finally {
    for (const name of ['dev', 'other']) await stopStack(stackDir(name, root));
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

test('a stack is started once, found by its environment, and stopped by who started it', () =>
  inProject(async (root) => {
    const dataDir = stackDir('dev', root);
    const options = { dataDir, ports: await ports(), env: process.env, log: silentReport };
    const first = await startStack(options);
    assert.deepEqual(first.started, ['nats', 's3', 'temporal']);
    const second = await startStack(options);
    assert.deepEqual(second.started, []);
    assert.equal(second.nats.url, first.nats.url);

    const state = await readStackState('dev', root);
    assert.equal(state?.nats?.url, first.nats.url);
    assert.equal(state?.s3?.secretKey, first.s3.secretKey);
    assert.equal(state?.temporal?.uiUrl, first.temporal.uiUrl);
    assert.equal((await fetch(`${first.temporal.uiUrl}/`)).status, 200);

    await second.stop();
    assert.ok(
      (await readStackState('dev', root))?.nats !== null,
      'it stopped what it did not start',
    );
    await first.stop();
    assert.equal(await readStackState('dev', root), null);
  }));

test('two starts at once are one after the other: no two servers on one data folder', () =>
  inProject(async (root) => {
    const only = ['nats', 's3'] as const;
    const dataDir = stackDir('dev', root);
    const options = { dataDir, only, ports: await ports(), env: process.env, log: silentReport };
    const stacks = await Promise.all([startStack(options), startStack(options)]);
    const started = stacks.map((stack) => stack.started.join()).toSorted();
    assert.deepEqual(started, ['', 'nats,s3']);
    assert.equal(stacks[0].nats.url, stacks[1].nats.url);
    for (const stack of stacks) await stack.stop();
  }));

test('a part that ends by itself is told with how, and the port of another is left alone', () =>
  inProject(async (root) => {
    const chosen = await ports();
    const lines: string[] = [];
    const log = { line: (text: string) => void lines.push(text), step: () => undefined };
    const only = ['nats'] as const;
    const shared = { ports: chosen, env: process.env, log, only };
    const one = await startStack({ ...shared, dataDir: stackDir('dev', root) });
    const two = await startStack({ ...shared, dataDir: stackDir('other', root) });
    assert.notEqual(one.nats.url, two.nats.url);
    const pid = (await readStackFile(stackDir('dev', root)))?.parts.nats?.pid ?? 0;
    const note = lines.find((text) => text.includes('is taken by')) ?? '';
    assert.match(note, new RegExp(`port ${chosen.nats} is taken by \\S+ \\(process ${pid}\\)`));
    process.kill(pid, 'SIGKILL');
    assert.match(await one.failed, /nats \(process \d+\) ended by itself: SIGKILL; log /);
    await one.stop();
    await two.stop();
  }));

test('a server that cannot start is an error with its last words', () =>
  inProject(async (root) => {
    const dataDir = stackDir('dev', root);
    // The store's folder cannot be made: a file stands in its place.
    await mkdir(join(dataDir, 'nats'), { recursive: true });
    await cp(join(projectRoot, 'package.json'), join(dataDir, 'nats', 'data'));
    const options = { dataDir, env: process.env, log: silentReport, only: ['nats'] as const };
    await assert.rejects(
      startStack(options),
      /nats-server v[\d.]+ at .* ended: exit 1; its last lines:/,
    );
    assert.equal(await readStackState('dev', root), null);
  }));

const ssmd = join(projectRoot, 'bin', 'ssmd.js');

type TestEnvironment = {
  readonly name: string;
  /** What `--env` takes: it lies outside of the checkout. */
  readonly file: string;
  /** Where its servers keep their data, in the checkout. */
  readonly dir: string;
};

/** An environment that only this test has; its file and its data go at the end. */
async function inEnvironment(use: (of: TestEnvironment) => Promise<void>): Promise<void> {
  const name = `test-${process.pid}`;
  const dir = stackDir(name, projectRoot);
  const folder = await mkdtemp(join(tmpdir(), 'ssmd-environment-'));
  const file = join(folder, `${name}.yaml`);
  const dev = await readFile(join(projectRoot, 'environments', 'dev.yaml'), 'utf8');
  await writeFile(file, dev.replace('name: dev', `name: ${name}`));
  try {
    await use({ name, file, dir });
  } finally {
    await stopStack(dir);
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
    await rm(folder, { recursive: true, force: true });
  }
}

async function upArgs(file: string): Promise<string[]> {
  const chosen = await ports();
  return [
    ...['up', '--env', file, '--nats-port', `${chosen.nats}`, '--s3-port', `${chosen.s3}`],
    ...['--temporal-port', `${chosen.temporal}`, '--ui-port', `${chosen.temporal_ui}`],
  ];
}

/** Starts `ssmd up` and waits until it says that all is up. */
async function openUp(file: string): Promise<{ child: ChildProcess; said: () => string }> {
  const child = spawn('node', [ssmd, ...(await upArgs(file))], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  await until(
    'ssmd up is up',
    async () => said.includes('Ctrl-C stops') || child.exitCode !== null,
  );
  return { child, said: () => said };
}

async function pidsOf(dir: string): Promise<number[]> {
  const file = await readStackFile(dir);
  return Object.values(file?.parts ?? {}).map((part) => part.pid);
}

async function allGone(pids: readonly number[]): Promise<boolean> {
  const starts = await Promise.all(pids.map((pid) => processStart(pid)));
  return starts.every((start) => start === null);
}

test('ssmd up stops all it started at SIGTERM and leaves nothing behind when killed', () =>
  inEnvironment(async ({ name, file, dir }) => {
    const { child, said } = await openUp(file);
    const pids = await pidsOf(dir);
    assert.equal(pids.length, 3, said());
    const temporal = ['temporal', 'operator', 'namespace', 'list', '-o', 'json'];
    const { stdout } = await run('node', [ssmd, ...temporal], {
      env: { ...process.env, SSMD_ENV: name },
    });
    assert.match(stdout, /"name": "default"/);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null], said());
    assert.ok(await allGone(pids), 'a server outlived ssmd up');
    assert.match(said(), /stopped nats, s3, temporal/);

    const again = await openUp(file);
    const left = await pidsOf(dir);
    const owner = (await readStackFile(dir))?.parts.nats?.owner?.pid ?? 0;
    process.kill(owner, 'SIGKILL');
    await once(again.child, 'exit');
    if (process.platform === 'linux') {
      await until('the kernel ends the servers', () => allGone(left));
    }
    const { child: third, said: says } = await openUp(file);
    assert.match(says(), /nats\s+started/);
    third.kill('SIGTERM');
    assert.deepEqual(await once(third, 'exit'), [0, null], says());
  }));

test('a detached start that is killed half-way leaves nothing that down does not know', () =>
  inEnvironment(async ({ file, dir }) => {
    const args = [join(projectRoot, 'cli', 'main.ts'), ...(await upArgs(file)), '--detach'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    await until('three processes are written down', async () => (await pidsOf(dir)).length === 3);
    const pids = await pidsOf(dir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.doesNotMatch(said, /left running/, 'it was not killed half-way');
    const alive = await Promise.all(pids.map((pid) => processStart(pid)));
    assert.ok(alive.some((start) => start !== null));
    const down = await run('node', [ssmd, 'down', '--env', file]);
    assert.match(down.stderr, /: stopped /);
    assert.ok(await allGone(pids), 'a server outlived ssmd down');
  }));

test('a start that is told to stop stops what it started', () =>
  inProject(async (root) => {
    const dataDir = stackDir('dev', root);
    const stop = new AbortController();
    const log = { line: () => undefined, step: () => undefined };
    const starting = startStack({
      ...{ dataDir, log, ports: await ports(), env: process.env },
      signal: stop.signal,
    });
    const refusal = assert.rejects(starting, { code: 'SSMD_INTERRUPTED' });
    await until('a process is written down', async () => (await pidsOf(dataDir)).length > 0);
    const pids = await pidsOf(dataDir);
    stop.abort();
    await refusal;
    assert.ok(await allGone(pids), 'a server outlived the start');
    assert.equal(await readStackState('dev', root), null);
  }));

test('ssmd doctor and down say what is there', () =>
  inEnvironment(async ({ file, dir }) => {
    await run('node', [ssmd, ...(await upArgs(file)), '--detach', '--only', 'nats,s3']);
    const { stdout } = await run('node', [ssmd, 'doctor', '--env', file, '--json']);
    const found = JSON.parse(stdout) as {
      binaries: { tool: string; version: string | null }[];
      problems: unknown[];
      ports: { part: string; port: number; ours: boolean }[];
      stack: Record<string, string | null>;
    };
    assert.deepEqual(found.problems, []);
    assert.equal(found.binaries.length, 3);
    assert.ok(found.stack['nats']?.startsWith('nats://127.0.0.1:'));
    const bus = found.ports.find(({ part }) => part === 'nats');
    assert.equal(found.stack['nats'], `nats://127.0.0.1:${bus?.port}`, 'the port in use is listed');
    assert.equal(bus?.ours, true);
    assert.equal(found.stack['temporal'], null);
    const broken = { ...process.env, SSMD_TEMPORAL_BIN: join(dir, 'absent') };
    const sick = await run('node', [ssmd, 'doctor', '--env', file], { env: broken }).catch(
      (error: { code: number; stdout: string }) => error,
    );
    assert.ok('code' in sick && sick.code === 1);
    assert.match(sick.stdout, /wrong: SSMD_TEMPORAL_BIN names .*absent/);
    const dead = (await readStackFile(dir))?.parts.nats?.pid ?? 0;
    process.kill(dead, 'SIGKILL');
    assert.ok(await allGone([dead]));
    const half = await run('node', [ssmd, 'doctor', '--env', file]).catch(
      (error: { code: number; stdout: string }) => error,
    );
    assert.ok('code' in half && half.code === 1);
    assert.match(half.stdout, /wrong: nats of the stack .* has died, other parts are up/);
    const down = await run('node', [ssmd, 'down', '--env', file]);
    assert.match(down.stderr, /: stopped s3/);
    assert.match((await run('node', [ssmd, 'down', '--env', file])).stderr, /nothing was running/);
  }));
