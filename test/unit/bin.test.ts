/** `bin/ssmd.js` on a checkout without dependencies: it brings them, or says what to do. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/project.ts';

/** A checkout of the launcher alone; `setup` stands for what npm would do. */
async function inCheckout(setup: string, use: (root: string) => void): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'ssmd-bin-'));
  try {
    for (const folder of ['bin', 'scripts', 'cli']) await mkdir(join(root, folder));
    await cp(join(projectRoot, 'bin', 'ssmd.js'), join(root, 'bin', 'ssmd.js'));
    await writeFile(join(root, 'package.json'), '{"type":"module"}');
    await writeFile(join(root, 'scripts', 'bootstrap.mjs'), setup);
    const main = "console.log('ran', process.argv.slice(2).join(' '));\n";
    await writeFile(join(root, 'cli', 'main.ts'), main);
    use(root);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function ssmd(root: string, ...args: readonly string[]) {
  const program = join(root, 'bin', 'ssmd.js');
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', timeout: 60_000 });
}

const INSTALLS = `
import { mkdirSync } from 'node:fs';
console.log('setup: installing');
mkdirSync(new URL('../node_modules/commander', import.meta.url), { recursive: true });
`;

test('it installs what is missing, once, and then runs the command', () =>
  inCheckout(INSTALLS, (root) => {
    const first = ssmd(root, 'job', 'list', '--json');
    assert.equal(first.stdout, 'ran job list --json\n', 'the output is of the command alone');
    assert.match(first.stderr, /setup: installing/);
    assert.equal(first.status, 0);
    const second = ssmd(root, '--version');
    assert.deepEqual([second.stdout, second.stderr], ['ran --version\n', '']);
  }));

test('where that fails it says what to do, and runs nothing', () =>
  inCheckout("console.log('no network'); process.exit(3);", (root) => {
    const { status, stdout, stderr } = ssmd(root, 'up');
    assert.equal(status, 3);
    assert.equal(stdout, '');
    assert.match(stderr, /no network\nssmd: its dependencies are not installed .*npm run setup/s);
  }));
