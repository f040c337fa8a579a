/**
 * What the command line prints: results to stdout, progress and errors to stderr. Colour only on a
 * terminal, never with `NO_COLOR`. Everything printed as a table has a `--json` twin.
 */
import { CommanderError } from 'commander';
import picocolors from 'picocolors';
import type { ErrorCode } from '../schema/errors.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Report } from '../stack/report.ts';
import { plainReport } from '../stack/report.ts';
import { openLiveLines } from './live-lines.ts';
import type { LiveLines } from './live-lines.ts';
import { liveProgress, plainProgress } from './progress.ts';
import type { Progress, ProgressOptions } from './progress.ts';
import { drawTable } from './table.ts';
import type { TableOptions } from './table.ts';

export type Stream = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly write: (text: string) => unknown;
};

export type Colors = ReturnType<typeof picocolors.createColors>;

export type Output = {
  /** For standard output. */
  readonly color: Colors;
  /** For standard error. */
  readonly errorColor: Colors;
  /** Progress is shown in place, on standard error. */
  readonly isTerminal: boolean;
  /** Columns of the terminal that standard output is; infinite where it is none. */
  readonly columns: number;
  /** A line of the result, to stdout. */
  readonly line: (text?: string) => void;
  /** A line about the work, to stderr. */
  readonly note: (text: string) => void;
  /** A table to stdout. */
  readonly table: (
    head: readonly string[],
    rows: readonly (readonly string[])[],
    options?: TableOptions,
  ) => void;
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

const COLUMNS_DEFAULT = 80;

/** Builds the output of one process. */
export function createOutput(options: OutputOptions): Output {
  const { stdout, stderr, env } = options;
  const isTerminal = stderr.isTTY === true && env['TERM'] !== 'dumb' && env['CI'] !== 'true';
  const colorsOf = (stream: Stream): Colors =>
    picocolors.createColors(stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb');
  const color = colorsOf(stdout);
  const columns = stdout.isTTY === true ? (stdout.columns ?? COLUMNS_DEFAULT) : Infinity;
  const lines = openLiveLines(stderr);
  const say = (text: string): void => lines.above(() => stderr.write(`${text}\n`));
  const print = (text: string): void => lines.above(() => stdout.write(`${text}\n`));
  return {
    color,
    errorColor: colorsOf(stderr),
    isTerminal,
    columns,
    line: (text = '') => print(text),
    note: say,
    table: (head, rows, of = {}) => print(drawTable(head, rows, { columns, color, ...of })),
    json: (value) => print(toJson(value)),
    progress: (of) => (isTerminal ? liveProgress(of, lines, say) : plainProgress(of, say)),
    report: () =>
      isTerminal ? liveReport(lines, say) : plainReport((text) => void stderr.write(text)),
  };
}

/** Lines that stay, and below them the one that says what goes on. */
function liveReport(lines: LiveLines, say: (text: string) => void): Report {
  const step = lines.add();
  return {
    line(text) {
      step.remove();
      say(text);
    },
    step: (text) => step.show(() => text),
  };
}

/** JSON text of a value; bigint as decimal text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) =>
    typeof held === 'bigint' ? held.toString() : held,
  );
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
  const said = error instanceof Error ? error.message : String(error);
  // Commander writes its own label into the message.
  const message = error instanceof CommanderError ? said.replace(/^error: /, '') : said;
  if (json) {
    const code = known ? error.code : error instanceof CommanderError ? 'SSMD_INVALID_INPUT' : null;
    output.json({ error: { code, message, facts: known ? error.facts : {} } });
    return;
  }
  const label = output.errorColor.red('error');
  const trace = known || !(error instanceof Error) ? message : (error.stack ?? message);
  output.note(`${label}: ${trace}${known ? ` [${error.code}]` : ''}`);
}
