/** Where a binary comes from: the order of the sources, versions read, and what is said when none. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { SsmdError } from '../../schema/errors.ts';
import { cachedPath, ensureBinary, findBinary } from '../../stack/binaries.ts';
import { silentReport } from '../../stack/report.ts';
import { TOOLS, isAtLeast, parseVersion } from '../../stack/tools.ts';

/** A program that answers `--version` with the text. */
async function program(path: string, says: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\nprintf '%s\\n' '${says}'\n`);
  await chmod(path, 0o755);
  return path;
}

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ssmd-binaries-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('versions are read and compared as numbers', () => {
  assert.deepEqual(parseVersion('nats-server: v2.15.2'), [2, 15, 2]);
  assert.equal(parseVersion('temporal version 0.0.0-DEV'), null);
  assert.equal(parseVersion('git'), null);
  assert.ok(isAtLeast('v2.14.0', 'v2.14.0'));
  assert.ok(isAtLeast('v2.100.0', 'v2.99.9'));
  assert.ok(!isAtLeast('v2.9.25', 'v2.14.0'));
  assert.ok(!isAtLeast('unknown', 'v1.0.0'));
});

test('the variable wins, even over a newer one on PATH', () =>
  inFolder(async (folder) => {
    const named = await program(join(folder, 'mine'), 'nats-server: v2.10.0');
    await program(join(folder, 'bin', 'nats-server'), 'nats-server: v2.15.2');
    const env = { SSMD_NATS_SERVER_BIN: named, PATH: `${join(folder, 'bin')}:/usr/bin:/bin` };
    const { binary } = await findBinary('nats-server', env);
    assert.deepEqual(binary, {
      tool: 'nats-server',
      path: named,
      version: 'v2.10.0',
      source: 'variable',
    });
  }));

test('a variable that names nothing runnable is an error, not a fallback', () =>
  inFolder(async (folder) => {
    const env = { SSMD_TEMPORAL_BIN: join(folder, 'absent'), PATH: '/usr/bin:/bin' };
    await assert.rejects(findBinary('temporal', env), (error: unknown) => {
      assert.ok(error instanceof SsmdError);
      assert.equal(error.code, 'SSMD_INVALID_CONFIG');
      assert.match(error.message, /SSMD_TEMPORAL_BIN names .*absent, which does not run/);
      return true;
    });
  }));

test('PATH serves if new enough, else the cache, and what was passed over is told', () =>
  inFolder(async (folder) => {
    const old = await program(join(folder, 'old', 'nats-server'), 'nats-server: v2.9.1');
    const env = { PATH: `${join(folder, 'old')}:/usr/bin:/bin`, SSMD_CACHE: join(folder, 'cache') };
    const none = await findBinary('nats-server', env);
    assert.equal(none.binary, null);
    assert.ok(
      none.passed.some(({ why }) => why === `${old}: it is v2.9.1, needed v2.14.0 or newer`),
    );

    const tool = TOOLS['nats-server'];
    const cached = await program(cachedPath(tool, tool.version, env), 'nats-server: v2.15.2');
    const found = await findBinary('nats-server', env);
    assert.equal(found.binary?.source, 'cache');
    assert.equal(found.binary?.path, cached);

    const newer = await program(join(folder, 'new', 'nats-server'), 'nats-server: v2.16.0');
    const both = { ...env, PATH: `${join(folder, 'old')}:${join(folder, 'new')}:/usr/bin:/bin` };
    assert.equal((await findBinary('nats-server', both)).binary?.path, newer);
  }));

test('a version that only the build information holds is found', () =>
  inFolder(async (folder) => {
    const path = await program(join(folder, 'bin', 'temporal'), 'temporal version 0.0.0-DEV');
    const padding = Buffer.alloc(5 * 1024 * 1024, 0x20);
    const mod = Buffer.from('\nmod\tgithub.com/temporalio/cli\tv1.7.3\th1:abc=\n');
    const script = Buffer.from('#!/bin/sh\necho temporal version 0.0.0-DEV\nexit 0\n');
    await writeFile(path, Buffer.concat([script, padding, mod]));
    const { binary } = await findBinary('temporal', {
      PATH: `${join(folder, 'bin')}:/usr/bin:/bin`,
    });
    assert.equal(binary?.version, 'v1.7.3');
  }));

test('with nothing to find and nothing to build with, one error names the ways out', () =>
  inFolder(async (folder) => {
    const env = { PATH: join(folder, 'empty'), SSMD_CACHE: join(folder, 'cache') };
    await assert.rejects(ensureBinary('nats-server', env, silentReport), (error: unknown) => {
      assert.ok(error instanceof SsmdError);
      assert.equal(error.code, 'SSMD_TOOL_MISSING');
      const ways = [
        /go is not on PATH/,
        /python3 is not on PATH/,
        /install Go/,
        /docker compose up/,
      ];
      for (const way of [...ways, /SSMD_NATS_SERVER_BIN/]) assert.match(error.message, way);
      return true;
    });
  }));

test('a build goes into the cache whole or not at all, and only one at a time', () =>
  inFolder(async (folder) => {
    // A stand-in for Go: counts its calls, takes a moment, writes the program into GOBIN.
    const count = join(folder, 'calls');
    const go = join(folder, 'bin', 'go');
    await program(go, '');
    await writeFile(
      go,
      `#!/bin/sh\necho call >> '${count}'\nsleep 0.3\n` +
        `[ -e '${folder}/broken' ] && { echo 'no such module' >&2; exit 1; }\n` +
        `printf '#!/bin/sh\\necho built\\n' > "$GOBIN/versitygw"\nchmod +x "$GOBIN/versitygw"\n`,
    );
    const env = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, SSMD_CACHE: join(folder, 'cache') };
    const broken = join(folder, 'broken');
    await writeFile(broken, '');
    await assert.rejects(ensureBinary('versitygw', env, silentReport), /no such module/);
    await rm(broken);
    await rm(count);
    const both = await Promise.all([
      ensureBinary('versitygw', env, silentReport),
      ensureBinary('versitygw', env, silentReport),
    ]);
    const path = cachedPath(TOOLS.versitygw, TOOLS.versitygw.version, env);
    assert.deepEqual(
      both.map((binary) => binary.path),
      [path, path],
    );
    const { readFile, readdir } = await import('node:fs/promises');
    assert.equal(await readFile(count, 'utf8'), 'call\n');
    assert.deepEqual(await readdir(dirname(path)), [`versitygw-${TOOLS.versitygw.version}`]);
  }));
