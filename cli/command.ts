/** What a command of `ssmd` is given, and the shape its file exports. */
import type { Command } from 'commander';
import { environmentExists, environmentNotFound } from '../environments/files.ts';
import { NAME_PATTERN } from '../schema/symbols.ts';
import { invalidInput } from '../schema/errors.ts';
import type { Output } from './output.ts';

export type CliContext = {
  /** The project's folder: `environments/` and `.ssmd/` are looked for here. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  /**
   * Aborts at the first SIGINT or SIGTERM. A command that has something to stop waits for it and
   * cleans up; at a second signal the process ends at once.
   */
  readonly interrupted: AbortSignal;
  /** What `--env` says on this command line. */
  readonly env_named?: string | undefined;
};

/**
 * Adds a command (or several) to the program. Its file is loaded for every `ssmd` call, so what is
 * heavy (clients, the worker) is imported inside the action, with `await import(...)`.
 */
export type Register = (program: Command, context: CliContext) => void;

/** Headings of `ssmd --help`; each command puts itself under one with `.helpGroup(GROUPS.x)`. */
export const GROUPS = {
  start: 'Start here:',
  stack: 'The servers (NATS, S3, Temporal):',
  capture: 'Capture:',
  data: 'Look at data:',
  jobs: 'Jobs:',
} as const;

/** Ends the action with this exit code; its output has been printed already. */
export class ExitWith extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/**
 * Checks what `--env` takes: the name of an environment whose file is there, or a path to one.
 * @throws SSMD_INVALID_INPUT, SSMD_NOT_FOUND
 */
export function parseEnvName(name: string): string {
  if (environmentExists(name)) return name;
  if (name.endsWith('.yaml') || NAME_PATTERN.test(name)) throw environmentNotFound(name);
  const fault = {
    where: '--env',
    what: `'${name}' is not the name of an environment`,
    hint: 'lower-case letters, digits and dashes, at most 32',
  };
  throw invalidInput('the command line', [fault], 'dev');
}
