/** Public tools that tests hold our bytes against, found on the PATH: `capnp`, `zstd`. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Where a tool is: `SSMD_CAPNP_BIN` (`SSMD_ZSTD_BIN`, ...), else the PATH; null where it is nowhere.
 */
export function toolPath(name: string): string | null {
  const named = process.env[`SSMD_${name.toUpperCase()}_BIN`];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = [named ?? [], folders.map((folder) => join(folder, name))].flat();
  return candidates.find(isExecutable) ?? null;
}

/**
 * For `test(..., { skip: skipWithout('capnp') }, ...)`: the reason, or false. With `CI=true` always
 * false, so that its absence fails the test.
 */
export function skipWithout(name: string): string | false {
  return toolPath(name) !== null || process.env['CI'] === 'true'
    ? false
    : `no ${name}: put it on the PATH or set SSMD_${name.toUpperCase()}_BIN`;
}

/** Runs a tool on bytes and returns what it prints; throws with its complaint where it fails. */
export function runTool(
  name: string,
  args: readonly string[],
  input: Uint8Array | string = '',
): Buffer {
  const path = toolPath(name);
  if (path === null) throw new Error(`${name} was not found on the PATH`);
  return execFileSync(path, args, { input, maxBuffer: 256 * 1024 * 1024, timeout: 60_000 });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
