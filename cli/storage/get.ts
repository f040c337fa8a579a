/** `ssmd storage get`: an object as a file, such as a report to open in a browser. */
import { writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { SsmdError, invalidInput } from '../../schema/errors.ts';
import { openStores } from '../../workers/adapters.ts';
import type { CliContext } from '../command.ts';
import { formatBytes } from '../format.ts';
import { resolveEnvironment } from '../resolve-environment.ts';
import { getLine } from './get-line.ts';

export type GetFlags = { readonly env?: string; readonly json?: boolean; readonly out?: string };

/**
 * Writes an object to a file that is not there yet; a key says itself which bucket it is in.
 * @throws SSMD_NOT_FOUND without such an object, SSMD_INVALID_INPUT where the file cannot be written
 */
export async function getObject(text: string, flags: GetFlags, context: CliContext): Promise<void> {
  const { output, interrupted } = context;
  const key = text.replace(/^\/+/, '');
  const { environment, endpoints } = await resolveEnvironment(flags.env, context, 'stores');
  await using stores = await openStores(environment, endpoints);
  const store = key.startsWith('raw/') ? stores.raw : stores.normalized;
  const stored = await store.get(key, { signal: interrupted });
  if (stored === null) {
    throw new SsmdError('SSMD_NOT_FOUND', `${environment.name} has no object ${key}`, {
      facts: { environment: environment.name, key },
    });
  }
  const file = resolve(flags.out ?? basename(key));
  await writeFile(file, stored.body, { flag: 'wx' }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    const fault = { where: '--out', what: why, hint: 'name a file that is not there yet' };
    throw invalidInput('the command line', [fault], `${getLine(key)} --out copy`);
  });
  const bytes = stored.body.length;
  if (flags.json === true) output.json({ key, file, bytes });
  else output.line(`${file}: ${formatBytes(bytes)}`);
}
