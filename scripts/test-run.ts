/** Runs node:test files, says one line a file as it ends, and gathers counts and failures. */
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

export type Failure = { readonly name: string; readonly where: string; readonly why: string };
export type Skip = Failure;

export type Tally = {
  passed: number;
  readonly failures: Failure[];
  readonly skips: Skip[];
  /** What files with failures wrote to stdout and stderr. */
  readonly printed: { readonly where: string; readonly text: string }[];
};

export type RunOptions = {
  readonly root: string;
  /** Files at the same time. */
  readonly concurrency: number;
  /** A file that takes longer has failed. */
  readonly timeout_ms: number;
};

/** Output of a file that is kept to be shown when the file fails. */
const SAID_CHARS_MAX = 64 * 1024;

export function emptyTally(): Tally {
  return { passed: 0, failures: [], skips: [], printed: [] };
}

type FileCount = { passed: number; failed: number; skipped: number; said: string };

/** Runs the files (paths from `root`) and adds what they showed to the tally. */
export async function runFiles(
  files: readonly string[],
  options: RunOptions,
  tally: Tally,
): Promise<void> {
  if (files.length === 0) return;
  const { root } = options;
  const counts = new Map<string, FileCount>();
  const countOf = (file: string | undefined): FileCount => {
    const where = file === undefined ? 'unknown file' : relative(root, file);
    const known = counts.get(where) ?? { passed: 0, failed: 0, skipped: 0, said: '' };
    counts.set(where, known);
    return known;
  };
  const events = run({
    files: files.map((file) => join(root, file)),
    concurrency: options.concurrency,
    timeout: options.timeout_ms,
    // A test that fails may leave a server or a connection open, and its file would never end.
    forceExit: true,
    cwd: root,
  });
  const hear = ({ file, message }: { file?: string; message: string }): void => {
    const count = countOf(file);
    if (count.said.length < SAID_CHARS_MAX) count.said += message;
  };
  events.on('test:stdout', hear);
  events.on('test:stderr', hear);
  // An error that came after its test had ended: the file fails for it, and no test of it does.
  events.on('test:diagnostic', ({ file, message }) => {
    if (file !== undefined && message.startsWith('Error: '))
      hear({ file, message: `${message}\n` });
  });
  events.on('test:pass', (test) => {
    if (test.details.type === 'suite') return;
    const count = countOf(test.file);
    if (test.skip === undefined && test.todo === undefined) {
      count.passed += 1;
      tally.passed += 1;
      return;
    }
    count.skipped += 1;
    const why = typeof test.skip === 'string' ? test.skip : 'no reason given';
    tally.skips.push({ name: test.name, where: whereOf(test.file, root), why });
  });
  events.on('test:fail', (test) => {
    // A parent or suite that only fails for its children adds nothing.
    if (isForChildren(test.details.error)) return;
    countOf(test.file).failed += 1;
    const where = `${whereOf(test.file, root)}${test.line === undefined ? '' : `:${test.line}`}`;
    process.stdout.write(`FAIL ${where}: ${test.name}\n`);
    tally.failures.push({ name: test.name, where, why: explain(test.details.error) });
  });
  events.on('test:summary', (summary) => {
    if (summary.file === undefined) return;
    const count = countOf(summary.file);
    if (count.passed + count.failed + count.skipped === 0) {
      const where = whereOf(summary.file, root);
      const why = 'no test of this file ran: define its tests in the file itself';
      count.failed += 1;
      tally.failures.push({ name: 'a test', where, why });
    }
    process.stdout.write(`${line(relative(root, summary.file), count, summary.duration_ms)}\n`);
  });
  await new Promise<void>((settle, refuse) => {
    events.once('end', settle);
    events.once('error', refuse);
    events.resume();
  });
  for (const [where, { failed, said }] of counts) {
    if (failed > 0 && said !== '') tally.printed.push({ where, text: said });
  }
}

function whereOf(file: string | undefined, root: string): string {
  return file === undefined ? 'unknown file' : relative(root, file);
}

function line(file: string, count: FileCount, ms: number): string {
  const { passed, failed, skipped } = count;
  const mark = failed > 0 ? 'FAIL' : 'ok  ';
  const numbers = [
    `${passed} passed`,
    failed > 0 ? `${failed} failed` : '',
    skipped > 0 ? `${skipped} skipped` : '',
  ];
  return `${mark} ${file}  ${numbers.filter(Boolean).join(', ')}  ${(ms / 1_000).toFixed(1)} s`;
}

function isForChildren(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'failureType' in error &&
    error.failureType === 'subtestsFailed'
  );
}

function explain(error: unknown): string {
  const ended = howItEnded(error);
  if (ended !== null) return ended;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (cause instanceof Error) return inspect(cause, { depth: 4, breakLength: 100 });
  return typeof cause === 'string' ? cause : inspect(cause, { depth: 4 });
}

/** Of a file whose process failed though its tests did not; null of any other failure. */
function howItEnded(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('exitCode' in error)) return null;
  const signal =
    'signal' in error && error.signal !== null ? `, signal ${inspect(error.signal)}` : '';
  return `its process ended with exit code ${inspect(error.exitCode)}${signal}`;
}
