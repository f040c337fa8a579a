/**
 * Words on the command line that are no command. Commander answers `--help` before it looks at them, so
 * a misspelt command with `--help` would show the general help and succeed.
 */
import type { Command } from 'commander';
import { SsmdError } from '../schema/errors.ts';
import { JOB_TYPES } from '../schema/jobs.ts';
import { nearMiss } from '../schema/near-miss.ts';

/** `help COMMAND` as it is spelt by others: `COMMAND --help`. */
export function withHelpWord(args: readonly string[]): readonly string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : args;
}

/** @throws SSMD_INVALID_INPUT at the first word that is no command of the program */
export function refuseUnknownCommand(program: Command, args: readonly string[]): void {
  let at = program;
  for (const word of args) {
    if (at.commands.length === 0 || word.startsWith('-') || word === 'help') return;
    const next = at.commands.find((it) => it.name() === word || it.aliases().includes(word));
    if (next === undefined) throw unknown(at, word);
    at = next;
  }
}

function unknown(group: Command, word: string): SsmdError {
  const names = group.commands.map((it) => it.name());
  const path = group.parent === null ? '' : ` of ${group.name()}`;
  const message = `unknown command '${word}'${path}; ${meant(group, word, names)}`;
  return new SsmdError('SSMD_INVALID_INPUT', message, { facts: { word, known: names } });
}

function meant(group: Command, word: string, names: readonly string[]): string {
  const near = nearMiss(word, names);
  if (near !== null) return `did you mean ${near}?`;
  // Jobs are no commands, and are looked for here all the same.
  const jobs = [...JOB_TYPES, ...JOB_TYPES.flatMap((type) => type.split('-'))];
  if (group.parent === null && nearMiss(word, jobs) !== null) {
    return `jobs (${JOB_TYPES.join(', ')}) are started by Temporal: npx ssmd job --help`;
  }
  return `there are ${names.join(', ')}`;
}
