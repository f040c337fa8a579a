// Installs the dependencies when they are missing or older than package-lock.json, and says so.
// `npm test`, `npm run demo` and `npm run check` begin with it, so a fresh clone needs no set-up.
// Plain JavaScript without dependencies for any Node from 18 up.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 24;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stamp = join(modules, '.ssmd-installed');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

/** The lockfile as installed, or '' when nothing is. */
function installed() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
}

/** An install made by hand (`npm ci`, `npm install`) left npm's own copy of the lockfile. */
function installedByHand() {
  const hidden = join(modules, '.package-lock.json');
  if (!existsSync(hidden)) return false;
  const have = JSON.parse(readFileSync(hidden, 'utf8')).packages ?? {};
  const want = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(want).every(
    ([path, entry]) =>
      path === '' || have[path]?.version === entry.version || (entry.optional && !have[path]),
  );
}

/** Whether the checkout's own Node runs and is new enough. */
function hasNode() {
  const own = join(modules, 'node', 'bin', 'node');
  if (!existsSync(own)) return false;
  const said = spawnSync(own, ['--version'], { encoding: 'utf8' }).stdout ?? '';
  return Number(/^v(\d+)/.exec(said)?.[1] ?? 0) >= NODE_MAJOR_MIN;
}

function fail(text) {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(3);
}

function install() {
  const from = Date.now();
  const why = existsSync(modules) ? 'the lockfile has changed' : 'first run';
  process.stdout.write(
    `setup: installing dependencies with npm ci (${why}; about half a minute)\n`,
  );
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const ended = spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  if (ended.error) fail(`npm does not start: ${ended.error.message}`);
  if (ended.status !== 0) fail(`npm ci ended with exit ${ended.status}; its words are above`);
  const seconds = Math.round((Date.now() - from) / 1000);
  process.stdout.write(`setup: dependencies installed in ${seconds} s\n`);
}

if (installed() !== wanted) {
  if (!installedByHand() || !hasNode()) install();
  if (!hasNode()) {
    fail(
      `the package node@${NODE_MAJOR_MIN} came without its binary: npm did not run its install ` +
        'script. Run: npm rebuild node',
    );
  }
  writeFileSync(stamp, wanted);
}
