/** Ports and the state file: a busy port is named with its owner, a dead part is not believed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { LOOPBACK, choosePort, freePort, isPortFree, usualPorts } from '../../stack/ports.ts';
import { diagnose } from '../../stack/doctor.ts';
import { processStart } from '../../stack/processes.ts';
import { readS3Credentials, s3Credentials } from '../../stack/servers.ts';
import {
  findRunningStacks,
  readStackFile,
  readStackState,
  recordEnvironmentFile,
  stackDir,
  writeStackFile,
} from '../../stack/state.ts';
import type { PartState } from '../../stack/state.ts';

test('a busy port is named with its owner and another is chosen', async () => {
  const server = createServer();
  await new Promise<void>((settle) => server.listen(0, LOOPBACK, settle));
  const { port } = server.address() as AddressInfo;
  try {
    assert.equal(await isPortFree(port), false);
    const chosen = await choosePort(port);
    assert.notEqual(chosen.port, port);
    if (process.platform === 'linux') {
      assert.match(chosen.note ?? '', new RegExp(`taken by node \\(process ${process.pid}\\)`));
    }
  } finally {
    server.close();
  }
  const free = await freePort();
  assert.deepEqual(await choosePort(free), { port: free, note: null });
});

test('the demo has usual ports of its own, and doctor lists those', async () => {
  const demo = Object.values(usualPorts('demo'));
  assert.deepEqual(
    demo.filter((port) => Object.values(usualPorts('dev')).includes(port)),
    [],
  );
  await inRoot(async (root) => {
    const { ports } = await diagnose(stackDir('demo', root), { PATH: process.env['PATH'] });
    assert.deepEqual(
      ports.map(({ port }) => port),
      demo,
    );
  });
});

async function inRoot(run: (root: string) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'ssmd-state-'));
  try {
    await run(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function part(changes: Partial<PartState> = {}): Promise<PartState> {
  return {
    port: 4222,
    ui_port: null,
    http_port: null,
    pid: process.pid,
    started: (await processStart(process.pid)) ?? 'gone',
    version: 'v2.15.2',
    owner: null,
    ...changes,
  };
}

test('a running part is read back; one whose process is another by now is not', () =>
  inRoot(async (root) => {
    assert.equal(await readStackState('dev', root), null);
    const dir = stackDir('dev', root);
    const other = await part({ started: '1', port: 7233, ui_port: 8233 });
    await writeStackFile(dir, { parts: { nats: await part(), temporal: other } });
    const state = await readStackState('dev', root);
    assert.deepEqual(state?.nats, { url: 'nats://127.0.0.1:4222' });
    assert.equal(state?.temporal, null);
    await writeStackFile(dir, { parts: { temporal: other } });
    assert.equal(await readStackState('dev', root), null);
    await writeStackFile(dir, { parts: {} });
    assert.equal(await readStackFile(dir), null);
  }));

test('a state file that is none of ours is taken for none', () =>
  inRoot(async (root) => {
    const dir = stackDir('dev', root);
    await writeStackFile(dir, { parts: { nats: await part() } });
    for (const text of ['', '{', '[]', '{"parts":{"nats":{"pid":"x"}}}']) {
      await writeFile(join(dir, 'stack.json'), text);
      assert.equal(await readStackFile(dir), null, text);
    }
  }));

test('the stacks that are up are found, each with the file it was started with', () =>
  inRoot(async (root) => {
    assert.deepEqual(await findRunningStacks(root), []);
    const up = { parts: { nats: await part() } };
    await writeStackFile(stackDir('mine', root), up);
    await writeStackFile(stackDir('dev', root), up);
    await recordEnvironmentFile(stackDir('mine', root), '/elsewhere/mine.yaml');
    await writeStackFile(stackDir('over', root), {
      parts: { nats: { ...(await part()), started: 'long ago' } },
    });
    assert.deepEqual(await findRunningStacks(root), [
      { name: 'dev', file: null },
      { name: 'mine', file: '/elsewhere/mine.yaml' },
    ]);
  }));

test('credentials are made once and readable by their owner only', () =>
  inRoot(async (dir) => {
    assert.equal(await readS3Credentials(dir), null);
    const made = await s3Credentials(dir);
    assert.match(made.secret_key, /^[\w-]{32}$/);
    assert.deepEqual(await s3Credentials(dir), made);
    const { mode } = await stat(join(dir, 's3', 'credentials.json'));
    assert.equal(mode & 0o777, 0o600);
  }));
