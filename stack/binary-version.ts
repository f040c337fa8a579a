/**
 * What version a found binary is. Most say so when asked; one built by `go install` may only carry
 * it in its build information, which is plain text inside the file.
 */
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Tool } from './tools.ts';
import { parseVersion } from './tools.ts';

const run = promisify(execFile);
const CHUNK_BYTES = 4 * 1024 * 1024;
const ASK_TIMEOUT_MS = 10_000;

/** `v1.2.3`, or null when the file cannot be run; `unknown` when it runs and does not say. */
export async function binaryVersion(tool: Tool, path: string): Promise<string | null> {
  let said: string;
  try {
    const answer = await run(path, ['--version'], { timeout: ASK_TIMEOUT_MS });
    said = `${answer.stdout}\n${answer.stderr}`;
  } catch {
    return null;
  }
  // Only the first line: Temporal names the server it embeds behind its own version.
  const own = parseVersion((said.trim().split('\n')[0] ?? '').replace(/\(.*\)/, ''));
  if (own !== null) return `v${own.join('.')}`;
  return (await versionFromBuildInfo(path, tool.module)) ?? 'unknown';
}

/** Go writes `mod <TAB> module <TAB> version` into each binary it builds from a module. */
async function versionFromBuildInfo(path: string, module: string): Promise<string | null> {
  const mark = Buffer.from(`mod\t${module}\tv`);
  const buffer = Buffer.alloc(CHUNK_BYTES + mark.length + 32);
  const file = await open(path, 'r');
  try {
    for (let at = 0; ; at += CHUNK_BYTES) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      const found = buffer.subarray(0, bytesRead).indexOf(mark);
      if (found >= 0 && found < CHUNK_BYTES) {
        const start = found + mark.length - 1;
        const version = parseVersion(buffer.toString('latin1', start, start + 32));
        return version === null ? null : `v${version.join('.')}`;
      }
      if (bytesRead < buffer.length) return null;
    }
  } finally {
    await file.close();
  }
}
