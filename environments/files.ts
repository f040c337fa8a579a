/** Where the environment files are, which there are, and what a missing one is told. Loads no YAML. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { SsmdError } from '../schema/errors.ts';
import { suggestion } from '../schema/near-miss.ts';
import { NAME_PATTERN } from '../schema/symbols.ts';

/** Folder of the shipped environments. */
const HERE = import.meta.dirname;
const SUFFIX = '.yaml';

/** Names of the environments in this folder. */
export function listEnvironments(): string[] {
  return readdirSync(HERE)
    .filter((it) => it.endsWith(SUFFIX))
    .map((it) => it.slice(0, -SUFFIX.length))
    .sort();
}

/** The file of `environments/NAME.yaml`, or of a path that ends in `.yaml`. */
export function environmentFile(nameOrPath: string): string {
  return nameOrPath.endsWith(SUFFIX)
    ? path.resolve(nameOrPath)
    : path.join(HERE, `${nameOrPath}${SUFFIX}`);
}

/** Its name: a file is called after its environment. */
export function environmentName(nameOrPath: string): string {
  return path.basename(nameOrPath, SUFFIX);
}

/** Whether what `--env` takes names a file that is there. */
export function environmentExists(nameOrPath: string): boolean {
  return NAME_PATTERN.test(environmentName(nameOrPath)) && existsSync(environmentFile(nameOrPath));
}

/** SSMD_NOT_FOUND: the file looked for, those there are, and what was probably meant. */
export function environmentNotFound(nameOrPath: string, cause?: unknown): SsmdError {
  const file = environmentFile(nameOrPath);
  const known = listEnvironments();
  const hint = suggestion(nameOrPath, known);
  const meant = hint.startsWith('did you mean') ? `; ${hint}` : '';
  const message =
    `environment "${nameOrPath}" not found: no file ${file}; there are ${known.join(', ')}${meant} ` +
    '(a file elsewhere is named by its path: --env FOLDER/NAME.yaml)';
  return new SsmdError('SSMD_NOT_FOUND', message, {
    cause,
    facts: { environment: nameOrPath, file, known },
  });
}
