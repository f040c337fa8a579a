/** Long-lived commands of `ssmd` that the demo starts: their output goes to a file, they can stay up. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SsmdError } from '../../schema/errors.ts';
import type { Companion } from '../../stack/companions.ts';
import { processStart } from '../../stack/processes.ts';
import { stopProcess } from '../../stack/supervisor.ts';

export type Service = AsyncDisposable & {
  readonly companion: Companion;
  /** The first match in its output, or an error with what it said instead. */
  readonly said: (pattern: RegExp) => Promise<string>;
  /** Resolves with why it ended, with the last lines it said. */
  readonly ended: Promise<string>;
};

export type ServiceOptions = {
  readonly name: string;
  readonly args: readonly string[];
  readonly root: string;
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
};

const START_MS_MAX = 30_000;
const POLL_MS = 50;
const LINES_SHOWN = 12;

export async function startService(options: ServiceOptions): Promise<Service> {
  const { name, args, root, dataDir, env } = options;
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const log = join(dataDir, 'logs', `${name}.log`);
  const file = openSync(log, 'w');
  const child = spawn(process.execPath, [join(root, 'cli/main.ts'), ...args], {
    cwd: root,
    env: { ...env, NO_COLOR: '1' },
    stdio: ['ignore', file, file],
    // A group of its own: Ctrl-C reaches the demo, which stops its services in order.
    detached: true,
  });
  closeSync(file);
  child.unref();
  const tail = async (): Promise<string> => {
    const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
    return `${lines.slice(-LINES_SHOWN).join('\n')}\n(all of it: ${log})`;
  };
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${name} did not start: ${error.message}`));
    child.once('exit', (code, signal) => {
      void tail().then((lines) =>
        resolve(`${name} ended: ${signal ?? `exit code ${code}`}\n${lines}`),
      );
    });
  });
  const pid = child.pid ?? -1;
  const companion = { name, pid, started: (await processStart(pid)) ?? 'unknown' };
  const matched = async (pattern: RegExp, stop: AbortSignal): Promise<string> => {
    const deadline = performance.now() + START_MS_MAX;
    while (!stop.aborted && performance.now() < deadline) {
      const match = pattern.exec(await readFile(log, 'utf8'));
      if (match?.[1] !== undefined) return match[1];
      await sleep(POLL_MS);
    }
    throw new SsmdError('SSMD_UNAVAILABLE', `${name} did not start\n${await tail()}`);
  };
  return {
    companion,
    ended,
    async said(pattern) {
      const stop = new AbortController();
      const over = ended.then((how) => {
        throw new SsmdError('SSMD_UNAVAILABLE', how);
      });
      try {
        return await Promise.race([matched(pattern, stop.signal), over]);
      } finally {
        stop.abort();
      }
    },
    async [Symbol.asyncDispose]() {
      await stopProcess(companion.pid, companion.started);
    },
  };
}
