/**
 * A connector as a child process of a worker: what it needs goes in as one line of JSON, secrets with
 * it, so that none stands in an argument or a variable; what it says comes out as lines of JSON.
 *
 * Its input stays open for as long as the worker lives: a child whose worker is gone reads its end, and
 * stops. On cancellation its whole group gets SIGTERM, and SIGKILL where that is not enough.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { SsmdError } from '../schema/errors.ts';
import type { ErrorCode } from '../schema/errors.ts';

/** Between SIGTERM and SIGKILL. */
const STOP_MS_MAX = 10_000;
/** Of its standard error, the end is kept for the message of a failure. */
const STDERR_CHARS_KEPT = 2_048;
/** What a child needs of its parent's variables; no credentials are among them. */
const VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'] as const;

export type ChildRun = {
  /** The program and the arguments that come before `args`. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly root: string;
  /** One JSON value on its standard input. */
  readonly input: unknown;
  readonly signal: AbortSignal;
  /** Each line of its standard output that is a JSON object. */
  readonly onMessage: (message: Readonly<Record<string, unknown>>) => void;
};

/**
 * Runs it to its end. Rejects with the error it told (`{"event":"error"}`), with SSMD_UNAVAILABLE
 * (retryable) where it died without a word, with an abort error where `signal` ended it.
 */
export async function runConnectorChild(run: ChildRun): Promise<void> {
  const { command, args, root, signal } = run;
  signal.throwIfAborted();
  const [program = process.execPath, ...first] = command;
  const child = spawn(program, [...first, ...args], {
    cwd: root,
    env: variables(),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  let told: SsmdError | null = null;
  let stderr = '';
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => {
      const what = `${program} cannot be started: ${cause.message}`;
      reject(new SsmdError('SSMD_TOOL_MISSING', what, { facts: { program }, cause }));
    });
  });
  failed.catch(() => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = parsedObject(line);
    if (message === null) return;
    if (message['event'] === 'error') told = errorIn(message);
    else run.onMessage(message);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_CHARS_KEPT);
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write(`${JSON.stringify(run.input)}\n`);
  const stop = (): void => void endGroup(child.pid, closed);
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, killed] = await Promise.race([closed, failed]);
    signal.throwIfAborted();
    if (told !== null) throw told as SsmdError;
    if (code === 0) return;
    const how = killed === null ? `exit code ${String(code)}` : killed;
    throw new SsmdError('SSMD_UNAVAILABLE', `the connector ended: ${how}\n${stderr}`.trimEnd(), {
      retryable: true,
      facts: { program, code, killed },
    });
  } finally {
    signal.removeEventListener('abort', stop);
    child.stdin.destroy();
  }
}

async function endGroup(pid: number | undefined, closed: Promise<unknown>): Promise<void> {
  if (pid === undefined) return;
  killGroup(pid, 'SIGTERM');
  const timer = setTimeout(() => killGroup(pid, 'SIGKILL'), STOP_MS_MAX);
  await closed.catch(() => undefined);
  clearTimeout(timer);
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It is gone already.
  }
}

function variables(): Record<string, string> {
  const own: Record<string, string> = { NO_COLOR: '1' };
  for (const name of VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) own[name] = value;
  }
  return own;
}

function parsedObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The child's own error, as it was: code, words, facts and whether trying again can help. */
function errorIn(message: Readonly<Record<string, unknown>>): SsmdError {
  const { code, text, retryable, facts } = message as {
    readonly code?: ErrorCode;
    readonly text?: string;
    readonly retryable?: boolean;
    readonly facts?: Readonly<Record<string, unknown>>;
  };
  return new SsmdError(code ?? 'SSMD_UNAVAILABLE', text ?? 'the connector failed', {
    retryable: retryable === true,
    facts: facts ?? {},
  });
}
