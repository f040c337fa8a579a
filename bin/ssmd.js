#!/usr/bin/env node
// Hands over to cli/main.ts on Node 24 or newer. Plain JavaScript for any Node from 18 up: the
// checkout brings its own newer Node as a package, so whichever one is installed will do. On a fresh
// clone it installs the dependencies first, as `npm run setup` does.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 24;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
const EXIT_ENVIRONMENT = 3;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Major version of this process or of a binary; 0 when it does not run. */
function major(version) {
  return Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0);
}

function findNode() {
  if (major(process.versions.node) >= NODE_MAJOR_MIN) return process.execPath;
  const own = join(root, 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(own)) return null;
  const said = spawnSync(own, ['--version'], { encoding: 'utf8' });
  return major(said.stdout ?? '') >= NODE_MAJOR_MIN ? own : null;
}

function refuse(text) {
  process.stderr.write(`ssmd: ${text}\n`);
  process.exit(EXIT_ENVIRONMENT);
}

/** The Node to run on, once all is installed; null where something is missing. */
function ready() {
  const node = findNode();
  return node !== null && existsSync(join(root, 'node_modules', 'commander')) ? node : null;
}

/** Installs what is missing. Its words go to standard error: the output is the command's. */
function setUp() {
  const script = join(root, 'scripts', 'bootstrap.mjs');
  const ended = spawnSync(process.execPath, [script], { cwd: root, stdio: ['ignore', 2, 2] });
  if (ended.status === 0) return;
  refuse(
    `its dependencies are not installed in ${root}, and installing them failed (see above); ` +
      `mend that and run there: npm run setup\n` +
      `(it needs Node ${NODE_MAJOR_MIN}, which that installs; this is ${process.version})`,
  );
}

if (ready() === null) setUp();
const node = ready();
if (node === null) refuse(`no Node ${NODE_MAJOR_MIN} in ${root}; run there: npm run setup`);

// What Node made of the sources the last time: half of a short command is that. It is Node that checks
// that they are the same, and that does without where it cannot write.
const cache = join(root, 'node_modules', '.cache', 'ssmd', 'node');
const env = { NODE_COMPILE_CACHE: cache, ...process.env };

// Of a live capture a message lives until it is acknowledged, a second or so: a young generation of 64 MiB
// holds on to memory and saves no work (docs/performance.md, depth1000).
const [command, ...rest] = process.argv.slice(2);
const isLive =
  command === 'connector' && !rest.some((it) => /^(--mode=)?re(play|process)$/.test(it));
const flags = isLive ? ['--max-semi-space-size=8'] : [];

const child = spawn(
  node,
  [
    '--disable-warning=ExperimentalWarning',
    ...flags,
    join(root, 'cli', 'main.ts'),
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', env },
);
// A terminal sends Ctrl-C to both of us; we stay until the child has ended, so that its exit code
// and its last words are the ones seen. A signal sent to us alone is passed on.
for (const signal of SIGNALS) {
  process.on(signal, () => {
    const fromTerminal = signal === 'SIGINT' && process.stdin.isTTY;
    if (!fromTerminal) child.kill(signal);
  });
}
child.on('error', (error) => refuse(`${node} does not start: ${error.message}`));
child.on('exit', (code, signal) => {
  process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0));
});
