/**
 * Runs servers and ends them. Each is the leader of its own process group, so a Ctrl-C on the
 * terminal reaches us alone and we stop them in order; where the system can, the kernel ends them
 * when we are killed. A server that dies is not restarted: it is reported, with its last words.
 */
import { spawn } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SsmdError } from '../schema/errors.ts';
import { throwIfInterrupted } from './interrupted.ts';
import { isAlive, processStart } from './processes.ts';
import type { ServerSpec } from './server.ts';

export type RunningServer = {
  readonly spec: ServerSpec;
  readonly pid: number;
  /** Tells this process from a later one with its id. */
  readonly started: string;
  /** Settles when the server has ended, however it ended, with how. */
  readonly ended: Promise<string>;
};

/** A server's process from its first moment. */
export type Spawned = { readonly pid: number; readonly started: string };

const POLL_MS = 25;
const STOP_TIMEOUT_MS = 10_000;
const KILL_TIMEOUT_MS = 5_000;
const LOG_BYTES_MAX = 16 * 1024 * 1024;
const TAIL_LINES = 12;
const TAIL_BYTES = 16 * 1024;

/**
 * Starts a server and waits until it answers.
 * @throws SSMD_UNAVAILABLE with its last log lines when it ends or does not answer in time;
 * SSMD_INTERRUPTED when the signal aborts before it answers.
 */
export async function startServer(
  spec: ServerSpec,
  options: {
    readonly outlive_us?: boolean;
    /** Called as soon as its process is there, before it answers. */
    readonly onSpawned?: (process: Spawned) => Promise<void>;
    /** Ends it when this aborts before it answers. */
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<RunningServer> {
  const log = await openLog(spec.log_file);
  const from = (await stat(spec.log_file)).size;
  const command = await commandFor(spec, options.outlive_us === true);
  const child = spawn(command[0] ?? spec.binary.path, command.slice(1), {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { ...baseEnv(), ...spec.env },
  });
  let how: string | null = null;
  const ended = new Promise<string>((settle) => {
    child.once('error', (error) => settle(error.message));
    child.once('exit', (code, signal) => settle(signal ?? `exit ${code}`));
  }).then((text) => (how = text));
  await log.close();
  child.unref();
  const pid = child.pid ?? 0;
  const started = (await processStart(pid)) ?? 'unknown';
  try {
    if (pid > 0) await options.onSpawned?.({ pid, started });
  } catch (error) {
    await stopProcess(pid);
    throw error;
  }
  const deadline = performance.now() + spec.ready_timeout_ms;
  while (!(await spec.probe())) {
    if (how !== null || performance.now() > deadline) {
      const what = how === null ? `did not answer in ${spec.ready_timeout_ms} ms` : `ended: ${how}`;
      if (how === null) await stopProcess(pid);
      throw await startFailed(spec, what, from);
    }
    if (options.signal?.aborted === true) await stopProcess(pid);
    throwIfInterrupted(options.signal);
    await sleep(POLL_MS);
  }
  // Another server on our port may have answered for one that could not listen.
  if (how !== null) throw await startFailed(spec, `ended: ${how}`, from);
  return { spec, pid, started, ended };
}

/** Ends a process group: SIGTERM, then SIGKILL after 10 s. Returns when it is gone. */
export async function stopProcess(pid: number, started?: string): Promise<void> {
  if (pid <= 0) return;
  const there = async (): Promise<boolean> => {
    const now = await processStart(pid);
    return now !== null && (started === undefined || started === now);
  };
  if (!(await there())) return;
  signalGroup(pid, 'SIGTERM');
  if (await gone(there, STOP_TIMEOUT_MS)) return;
  signalGroup(pid, 'SIGKILL');
  await gone(there, KILL_TIMEOUT_MS);
}

/** The last lines of a log, for an error message. */
export async function logTail(file: string, from = 0): Promise<string> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  const text = bytes.subarray(Math.max(from, bytes.length - TAIL_BYTES)).toString('utf8');
  return text.trim().split('\n').slice(-TAIL_LINES).join('\n');
}

async function gone(there: () => Promise<boolean>, timeout_ms: number): Promise<boolean> {
  const deadline = performance.now() + timeout_ms;
  while (await there()) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      if (!isAlive(pid)) return;
    }
  }
}

/**
 * The command line, wrapped so that the kernel ends the server when we are killed hard. util-linux
 * has the wrapper; elsewhere a leftover is recognised by the state file at the next start.
 */
async function commandFor(spec: ServerSpec, outlive_us: boolean): Promise<readonly string[]> {
  const own = [spec.binary.path, ...spec.args];
  if (outlive_us || process.platform !== 'linux') return own;
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const setpriv = join(folder, 'setpriv');
    if (!existsSync(setpriv)) continue;
    const runs = await access(setpriv, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return [setpriv, '--pdeathsig', 'TERM', '--', ...own];
  }
  return own;
}

/** What a server needs of our environment, so that no setting of ours reaches it by accident. */
function baseEnv(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'XDG_CONFIG_HOME']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** Appends; a log over 16 MiB is set aside once as `.1` before the start. */
async function openLog(file: string): Promise<Awaited<ReturnType<typeof open>>> {
  await mkdir(dirname(file), { recursive: true });
  const bytes = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (bytes > LOG_BYTES_MAX) await rename(file, `${file}.1`);
  return await open(file, 'a');
}

async function startFailed(spec: ServerSpec, what: string, from: number): Promise<SsmdError> {
  const tail = await logTail(spec.log_file, from);
  return new SsmdError(
    'SSMD_UNAVAILABLE',
    `${spec.binary.tool} ${spec.binary.version} at ${spec.url} ${what}; its last lines:\n` +
      `${tail || '(none)'}\nwhole log: ${spec.log_file}`,
    { retryable: true, facts: { part: spec.part, url: spec.url, log: spec.log_file } },
  );
}
