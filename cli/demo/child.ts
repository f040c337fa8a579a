/** Commands of `ssmd` as child processes of the demo: started, listened to, stopped. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SsmdError } from '../../schema/errors.ts';
import type { ErrorCode } from '../../schema/errors.ts';

export type Child = AsyncDisposable & {
  readonly name: string;
  readonly pid: number;
  /** Each line of standard output and standard error, as they come. */
  readonly onLine: (hear: (line: string) => void) => void;
  /** Its standard output so far. */
  readonly said: () => string;
  /** Resolves with standard output when it ends with 0; rejects with the last lines it said. */
  readonly done: Promise<string>;
  /** SIGTERM, and SIGKILL after a while. */
  readonly stop: () => Promise<void>;
};

/** What these commands leave unfinished is thrown away with the demo's data. */
const STOP_MS_MAX = 2_000;
const LINES_KEPT = 12;

export function startChild(
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Child {
  const name = `ssmd ${args.slice(0, 3).join(' ')}`;
  const child = spawn(process.execPath, [join(root, 'cli/main.ts'), ...args], {
    cwd: root,
    env: { ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C reaches the demo, which stops its children in order.
    detached: true,
  });
  const heard: ((line: string) => void)[] = [];
  const last: string[] = [];
  let output = '';
  let stopping = false;
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (stream === child.stdout) output += `${line}\n`;
      last.push(line);
      if (last.length > LINES_KEPT) last.shift();
      for (const hear of heard) hear(line);
    });
  }
  const done = once(child, 'close').then(([code, signal]) => {
    if (code === 0 || stopping) return output;
    const error = last.map(errorIn).find((it) => it !== null);
    if (error != null) throw error;
    const how = signal === null ? `exit code ${String(code)}` : String(signal);
    throw new SsmdError('SSMD_UNAVAILABLE', `${name} ended: ${how}\n${last.join('\n')}`);
  });
  done.catch(() => undefined);
  const stop = async (): Promise<void> => {
    stopping = true;
    await endProcess(child);
  };
  return {
    name,
    said: () => output,
    pid: child.pid ?? -1,
    onLine: (hear) => heard.push(hear),
    done,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A command that prints JSON prints its error as JSON too. */
function errorIn(line: string): SsmdError | null {
  if (!line.startsWith('{"error":')) return null;
  const { error } = JSON.parse(line) as { error: { code: ErrorCode; message: string } };
  return new SsmdError(error.code, error.message);
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await closed;
  clearTimeout(late);
}
