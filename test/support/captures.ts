/** Recorded captures by other people: not part of the project, found beside it. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const projectRoot = resolve(import.meta.dirname, '..', '..');

/** `SSMD_CAPTURES`, else `../shared/data` beside the project. */
export const capturesRoot: string = resolve(
  projectRoot,
  process.env['SSMD_CAPTURES'] ?? join('..', 'shared', 'data'),
);

/** A capture's path, e.g. `capturePath('kraken-v2/book-btcusd-d10-20230730.jsonl')`. */
export function capturePath(rel: string): string {
  return join(capturesRoot, rel);
}

/**
 * For `test(..., { skip: skipWithoutCaptures }, ...)`: the reason when the captures are absent,
 * else false. With `CI=true` it is always false, so that their absence fails the test.
 */
export const skipWithoutCaptures: string | false =
  existsSync(capturesRoot) || process.env['CI'] === 'true'
    ? false
    : `no captures at ${capturesRoot}; set SSMD_CAPTURES to where they are`;
