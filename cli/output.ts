/**
 * What the command line prints: results to stdout, progress and errors to stderr. Colour only on a
 * terminal, never with `NO_COLOR`. Everything printed as a table has a `--json` twin.
 */
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { CommanderError } from 'commander';
import picocolors from 'picocolors';
import type { ErrorCode } from '../schema/errors.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Report } from '../stack/report.ts';
import { plainReport } from '../stack/report.ts';

export type Stream = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly write: (text: string) => unknown;
};

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Counts up to a total, or without one. */
export type Progress = {
  /** `done` so far; `note` replaces the words behind the numbers. */
  readonly update: (done: number, note?: string) => void;
  /** Takes the bar away and leaves one line behind. */
  readonly end: (line?: string) => void;
};

export type ProgressOptions = {
  readonly label: string;
  /** Absent: the end is not known, only count and rate are shown. */
  readonly total?: number;
  /** What is counted, in the plural: `frames`. */
  readonly unit: string;
};

export type Output = {
  readonly color: Colors;
  readonly isTerminal: boolean;
  /** A line of the result, to stdout. */
  readonly line: (text?: string) => void;
  /** A line about the work, to stderr. */
  readonly note: (text: string) => void;
  /** A table to stdout. */
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => void;
  /** One JSON value on one line, to stdout; bigint as decimal text. */
  readonly json: (value: unknown) => void;
  readonly progress: (options: ProgressOptions) => Progress;
  /** For the stack: lines that stay and a line that changes, on stderr. */
  readonly report: () => Report;
};

export type OutputOptions = {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
};

const PLAIN_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\u001b[2K';

/** Builds the output of one process. */
export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, env } = options;
  const isTerminal = stderr.isTTY === true && env['TERM'] !== 'dumb' && env['CI'] !== 'true';
  const wantsColor = stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const color = picocolors.createColors(wantsColor);
  return {
    color,
    isTerminal,
    line: (text = '') => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    table: (head, rows) => void stdout.write(`${drawTable(head, rows, color)}\n`),
    json: (value) => void stdout.write(`${toJson(value)}\n`),
    progress: (of) => (isTerminal ? barProgress(of) : plainProgress(of, stderr)),
    report: () =>
      isTerminal ? terminalReport(stderr) : plainReport((text) => void stderr.write(text)),
  };
}

/** JSON text of a value; bigint as decimal text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) =>
    typeof held === 'bigint' ? held.toString() : held,
  );
}

/** `1,234,567` */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `12.3 MB`, decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1_000 && unit < units.length - 1; unit += 1) value /= 1_000;
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** `850 ms`, `12.3 s`, `4 min 05 s` */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

function drawTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  color: Colors,
): string {
  const none = '';
  const table = new Table({
    head: head.map((title) => color.bold(title)),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: {
      ...{ top: none, 'top-mid': none, 'top-left': none, 'top-right': none },
      ...{ bottom: none, 'bottom-mid': none, 'bottom-left': none, 'bottom-right': none },
      ...{ left: none, 'left-mid': none, mid: none, 'mid-mid': none },
      ...{ right: none, 'right-mid': none, middle: none },
    },
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Rate so far and time left, in words. */
function pace(of: ProgressOptions, done: number, from: number): string {
  const seconds = Math.max((performance.now() - from) / 1_000, 0.001);
  const rate = done / seconds;
  const words = `${formatCount(rate)} ${of.unit}/s`;
  if (of.total === undefined || rate === 0) return words;
  return `${words}, ${formatDuration(((of.total - done) / rate) * 1_000)} left`;
}

function amount(of: ProgressOptions, done: number): string {
  if (of.total === undefined) return `${formatCount(done)} ${of.unit}`;
  const percent = of.total === 0 ? 100 : Math.floor((done / of.total) * 100);
  return `${formatCount(done)} of ${formatCount(of.total)} ${of.unit} (${percent} %)`;
}

/** A bar on the terminal (stderr), ten times a second at most. */
function barProgress(of: ProgressOptions): Progress {
  const from = performance.now();
  const format = of.total === undefined ? '{label}  {amount}  {pace}  {note}' : undefined;
  const bar = new SingleBar({
    format: format ?? '{label}  {bar} {percentage} %  {pace}  {note}',
    barCompleteChar: '━',
    barIncompleteChar: '─',
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    fps: 10,
    gracefulExit: false,
  });
  const payload = (done: number, note: string): Record<string, string> => ({
    label: of.label,
    amount: amount(of, done),
    pace: pace(of, done, from),
    note,
  });
  bar.start(of.total ?? 0, 0, payload(0, ''));
  return {
    update: (done, note = '') => bar.update(done, payload(done, note)),
    end: (line) => {
      bar.stop();
      if (line !== undefined) process.stderr.write(`${line}\n`);
    },
  };
}

/** A line every five seconds, for logs and pipes. */
function plainProgress(of: ProgressOptions, stderr: Stream): Progress {
  const from = performance.now();
  let shown = from;
  return {
    update: (done, note = '') => {
      const now = performance.now();
      if (now - shown < PLAIN_EVERY_MS) return;
      shown = now;
      const words = [amount(of, done), pace(of, done, from), note].filter((word) => word !== '');
      stderr.write(`${of.label}: ${words.join(', ')}\n`);
    },
    end: (line) => {
      if (line !== undefined) stderr.write(`${line}\n`);
    },
  };
}

function terminalReport(stderr: Stream): Report {
  return {
    line: (text) => void stderr.write(`${CLEAR_LINE}${text}\n`),
    step: (text) => void stderr.write(`${CLEAR_LINE}${text.slice(0, (stderr.columns ?? 80) - 1)}`),
  };
}

const USAGE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SSMD_INVALID_INPUT',
  'SSMD_INVALID_CONFIG',
  'SSMD_NOT_FOUND',
  'SSMD_DAY_NOT_OVER',
]);
const ENVIRONMENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SSMD_UNAVAILABLE',
  'SSMD_TOOL_MISSING',
  'SSMD_DISK_FULL',
]);

/** 2: the command or its input is wrong; 3: the machine or a server; 130: stopped; 1: the rest. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof SsmdError)) return 1;
  if (USAGE.has(error.code)) return 2;
  if (ENVIRONMENT.has(error.code)) return 3;
  return error.code === 'SSMD_INTERRUPTED' ? 130 : 1;
}

/** Prints an error: its message, or with `json` one object `{error: {code, message, facts}}`. */
export function printError(error: unknown, output: Output, json: boolean): void {
  if (error instanceof CommanderError && !json) return; // Commander has said it.
  const known = error instanceof SsmdError;
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const code = known ? error.code : error instanceof CommanderError ? 'SSMD_INVALID_INPUT' : null;
    output.json({ error: { code, message, facts: known ? error.facts : {} } });
    return;
  }
  const label = output.color.red('error');
  const trace = known || !(error instanceof Error) ? message : (error.stack ?? message);
  output.note(`${label}: ${trace}${known ? ` [${error.code}]` : ''}`);
}
