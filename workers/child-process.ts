/**
 * A connector as a child process of a worker: what it needs goes in as one line of JSON, secrets with
 * it, so that none stands in an argument or a variable; what it says comes out as lines. `child-input.ts`
 * is the other end.
 *
 * Its input stays open for as long as the worker lives: a child whose worker is gone reads its end, and
 * stops. It leads a group of its own, so that what it starts ends with it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { SsmdError } from '../schema/errors.ts';

/** Between SIGTERM and SIGKILL. */
const STOP_MS_MAX = 10_000;
/** Of its standard error, the end is kept for the message of a failure. */
const COMPLAINT_CHARS_MAX = 2_048;
/** What a child needs of its parent's variables; no credentials are among them. */
const VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'] as const;

export type Child = {
  readonly pid: number;
  /** To be read to its end: `ended` waits for it. */
  readonly stdout: Readable;
  /** The end of its standard error. */
  readonly complaint: () => string;
  /** Exit code or signal, once it is gone and all it said was read. */
  readonly ended: Promise<ChildEnd>;
  /** SIGTERM to its group; SIGKILL ten seconds later. */
  readonly stop: () => void;
};

export type ChildEnd = { readonly code: number | null; readonly killed: string | null };

/**
 * Starts `command`, a program and its arguments, and writes `input` to it.
 * @throws SSMD_TOOL_MISSING where it cannot be started
 */
export async function startChild(
  [program = process.execPath, ...args]: readonly string[],
  root: string,
  input: unknown,
): Promise<Child> {
  const child = spawn(program, args, {
    ...{ cwd: root, env: variables(), detached: true },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let over = false;
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('close', (code, killed) => {
      over = true;
      resolve({ code, killed });
    });
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-COMPLAINT_CHARS_MAX);
  });
  child.stdin.on('error', () => undefined);
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const what = `${program} cannot be started: ${why}`;
    throw new SsmdError('SSMD_TOOL_MISSING', what, { facts: { program }, cause });
  }
  const { pid = -1 } = child;
  child.stdin.write(`${JSON.stringify(input)}\n`);
  return {
    pid,
    stdout: child.stdout,
    complaint: () => complaint.trim(),
    ended,
    stop() {
      if (over) return;
      endGroup(pid, 'SIGTERM');
      const late = setTimeout(() => endGroup(pid, 'SIGKILL'), STOP_MS_MAX);
      void ended.then(() => clearTimeout(late));
    },
  };
}

/** Signals a child and all it started; one that is gone already is no fault. */
export function endGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
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
