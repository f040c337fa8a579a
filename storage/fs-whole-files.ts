/**
 * Whole files in a folder of this machine. A file grows in `.tmp/` below the folder, on the same file
 * system, is made durable, and then gets its name; its folder is made durable after it. The name is given
 * by a link, which unlike a rename refuses to write over what is there.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SsmdError } from '../schema/errors.ts';
import { codeOf, makeFolder, orNull, syncFolder } from './folders.ts';
import { sameBytes } from './whole-files.ts';
import type { WholeFiles } from './whole-files.ts';

const STAGING = '.tmp';
const SUFFIX = '.tmp';

/** `folder` is made with its first file. */
export function createFolderWholeFiles(folder: string): WholeFiles {
  const staging = join(folder, STAGING);
  const made = new Set<string>();

  async function ensureFolder(path: string): Promise<void> {
    if (made.has(path)) return;
    await makeFolder(path);
    made.add(path);
  }

  async function stage(path: string, bytes: Uint8Array): Promise<string> {
    await ensureFolder(staging);
    const staged = join(staging, `${basename(path)}.${randomUUID()}${SUFFIX}`);
    try {
      const file = await open(staged, 'wx');
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (error) {
      // Somebody may have removed the folder: the next attempt makes it again.
      made.clear();
      await rm(staged, { force: true }).catch(() => undefined);
      throw error;
    }
    return staged;
  }

  return {
    name: folder,
    async put(path, bytes) {
      const final = join(folder, path);
      const staged = await stage(path, bytes);
      try {
        await ensureFolder(dirname(final));
        await link(staged, final).catch((error: unknown) => keepSame(error, final, bytes));
        await syncFolder(dirname(final));
      } catch (error) {
        made.clear();
        throw error;
      } finally {
        await rm(staged, { force: true }).catch(() => undefined);
      }
    },
    readNote: (note) => orNull(readFile(join(folder, note))),
    async writeNote(note, bytes) {
      const staged = await stage(note, bytes);
      await rename(staged, join(folder, note));
    },
    async unfinished() {
      const names = (await orNull(readdir(staging))) ?? [];
      const left: string[] = [];
      for (const name of names.filter((it) => it.endsWith(SUFFIX)).sort()) {
        const path = join(staging, name);
        // Two names: it was shown, and only this one was not taken away any more.
        if (((await orNull(stat(path)))?.nlink ?? 1) > 1) await rm(path, { force: true });
        else left.push(`${STAGING}/${name}`);
      }
      return left;
    },
  };
}

/**
 * Makes a folder where it is not there. Whether files fit into it is not asked: room may come back.
 * @throws SSMD_INVALID_INPUT where no file can ever be put into it: a file in its way, no right to write
 */
export async function requireFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (codeOf(error) === 'ENOSPC') return;
    const why = error instanceof Error ? error.message : String(error);
    const message = `no file can be put into ${folder}: ${why}; name a folder that is ours to write`;
    throw new SsmdError('SSMD_INVALID_INPUT', message, { facts: { folder }, cause: error });
  }
}

/** A name that is taken by these very bytes is our own earlier attempt's. */
async function keepSame(error: unknown, final: string, bytes: Uint8Array): Promise<void> {
  if (codeOf(error) !== 'EEXIST') throw error;
  if (sameBytes(await readFile(final), bytes)) return;
  const message = `${final}: other bytes stand under this name, and it is never written over`;
  throw new SsmdError('SSMD_VERSION_CONFLICT', message, { facts: { path: final }, cause: error });
}
