// Brings the public tools that tests hold our bytes against: capnp and zstd. From PATH, else the
// cache, else (on Debian and its kin, without root) unpacked from the distribution's packages.
// Plain JavaScript: `node scripts/test-tools.mjs` prints the folders to put on PATH.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// The compiler that `capnp` calls for other languages is not needed, only the tool itself.
const TOOLS = [
  { name: 'capnp', package: 'capnproto', libraries: /^libcapnp-/ },
  { name: 'zstd', package: 'zstd', libraries: null },
];

/** The cache folder, by the same rule as the servers' binaries. */
function cacheFolder(env) {
  const root = env.SSMD_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ssmd');
  return join(resolve(root), 'test-tools');
}

function runs(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function onPath(name, env) {
  return (env.PATH || '').split(delimiter).some((folder) => runs(join(folder, name)));
}

function run(program, args, cwd) {
  const ended = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (ended.error) return { ok: false, out: '', why: `${program}: ${ended.error.message}` };
  const why = ended.stderr.trim().split('\n').slice(-2).join(' | ');
  return { ok: ended.status === 0, out: ended.stdout, why: `${program} ${args[0]}: ${why}` };
}

/** Package lists of our own, so that neither root nor the machine's lists are needed. */
function aptOptions(folder) {
  const state = join(folder, 'apt');
  mkdirSync(join(state, 'lists', 'partial'), { recursive: true });
  return ['-o', `Dir::State::lists=${join(state, 'lists')}`, '-o', `Dir::Cache=${state}`];
}

/** Downloads and unpacks one tool. Returns why not, or null. */
function unpack(tool, folder, log) {
  log(`test tools: unpacking ${tool.package} from the distribution's packages into ${folder}`);
  mkdirSync(folder, { recursive: true });
  const plain = (name) => run('apt-get', ['download', name], folder);
  let download = plain;
  if (!download(tool.package).ok) {
    const options = aptOptions(folder);
    const update = run('apt-get', [...options, 'update'], folder);
    if (!update.ok) return update.why;
    download = (name) => run('apt-get', [...options, 'download', name], folder);
    const again = download(tool.package);
    if (!again.ok) return again.why;
  }
  if (tool.libraries !== null) {
    const depends = run('dpkg-deb', ['-f', packageFile(folder, tool.package), 'Depends']);
    if (!depends.ok) return depends.why;
    const names = depends.out.split(',').map((word) => word.trim().split(' ')[0]);
    for (const name of names.filter((word) => tool.libraries.test(word))) {
      const library = download(name);
      if (!library.ok) return library.why;
      const opened = run('dpkg', ['-x', packageFile(folder, name), folder]);
      if (!opened.ok) return opened.why;
    }
  }
  const opened = run('dpkg', ['-x', packageFile(folder, tool.package), folder]);
  return opened.ok ? writeStarter(tool.name, folder) : opened.why;
}

function packageFile(folder, name) {
  const found = readdirSync(folder).find((file) => file.startsWith(`${name}_`));
  return join(folder, found ?? `${name}.deb`);
}

/** A script that lets the unpacked tool find its libraries. Returns why it does not run, or null. */
function writeStarter(name, folder) {
  const binary = join(folder, 'usr', 'bin', name);
  const libraries = existsSync(join(folder, 'usr', 'lib'))
    ? readdirSync(join(folder, 'usr', 'lib')).map((entry) => join(folder, 'usr', 'lib', entry))
    : [];
  const starter = join(folder, 'bin', name);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const path = [join(folder, 'usr', 'lib'), ...libraries].join(':');
  writeFileSync(starter, `#!/bin/sh\nLD_LIBRARY_PATH='${path}' exec '${binary}' "$@"\n`);
  chmodSync(starter, 0o755);
  const said = run(starter, ['--version']);
  return said.ok ? null : said.why;
}

/**
 * Makes capnp and zstd available. Returns the folder to put on PATH ('' when nothing is needed)
 * and, for each tool that could not be had, why.
 */
export function ensureTestTools(env, log) {
  const folder = cacheFolder(env);
  const missing = [];
  let needed = false;
  for (const tool of TOOLS) {
    if (onPath(tool.name, env)) continue;
    needed = true;
    if (runs(join(folder, 'bin', tool.name))) continue;
    const why = unpack(tool, folder, log);
    if (why !== null) missing.push({ name: tool.name, why });
  }
  return { folder: needed ? join(folder, 'bin') : '', missing };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { folder, missing } = ensureTestTools(process.env, (text) => console.error(text));
  console.log(folder);
  for (const { name, why } of missing) console.error(`${name}: ${why}`);
  process.exitCode = missing.length === 0 ? 0 : 1;
}
