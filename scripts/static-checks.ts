/** Checks that are programs: format, lint, types. Each counts as one test. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export type Check = {
  readonly name: string;
  /** A program in `node_modules/.bin` and its arguments. */
  readonly command: readonly [string, ...string[]];
};

/** The slow ones first, so that two processors end together. */
export const STATIC_CHECKS: readonly Check[] = [
  { name: 'lint', command: ['eslint', '--max-warnings', '0', '.'] },
  { name: 'types', command: ['tsc', '-p', '.'] },
  {
    name: 'format (npm run fix mends it)',
    command: ['prettier', '--check', '--log-level', 'warn', '.'],
  },
];

export type CheckResult = {
  readonly passed: boolean;
  readonly seconds: number;
  readonly said: string;
};

const SAID_BYTES_MAX = 256 * 1024;

/** Runs a check to its end. */
export async function runCheck(check: Check, root: string): Promise<CheckResult> {
  const from = performance.now();
  const [program, ...args] = check.command;
  const script = join(root, 'node_modules', '.bin', program);
  const child = spawn(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const hear = (chunk: Buffer): void => {
    if (said.length < SAID_BYTES_MAX) said += chunk.toString('utf8');
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const code = await new Promise<number>((settle) => {
    child.once('error', () => settle(127));
    child.once('close', (status) => settle(status ?? 1));
  });
  return { passed: code === 0, seconds: (performance.now() - from) / 1_000, said };
}
