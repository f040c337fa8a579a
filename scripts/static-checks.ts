/** Checks that are programs: format, lint, types. Each counts as one test. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export type Check = {
  readonly name: string;
  /** A program in `node_modules/.bin` and its arguments. */
  readonly command: readonly [string, ...string[]];
};

const CACHE = 'node_modules/.cache/ssmd';
/** Files whose bytes are those of the last time are not looked at again. */
const FORMAT_CACHE = [
  ...['--cache', '--cache-strategy', 'content'],
  ...['--cache-location', `${CACHE}/prettier`],
];

/**
 * The slow ones first, so that two processors end together. Types and format keep what they found; lint may
 * not: its rules know types, so that a file may be wrong which nobody touched.
 */
export const STATIC_CHECKS: readonly Check[] = [
  { name: 'lint', command: ['eslint', '--max-warnings', '0', '.'] },
  {
    name: 'types',
    command: ['tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', `${CACHE}/types`],
  },
  {
    name: 'format (npm run fix mends it)',
    command: ['prettier', '--check', '--log-level', 'warn', ...FORMAT_CACHE, '.'],
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
