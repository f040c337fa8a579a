/** Folders of this machine, made so that what is put into them is still there after a power loss. */
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * A folder and those above it, one by one, each entry durable: a recursive mkdir never ends where a folder
 * that is there says ENOENT of its child, as /proc does.
 */
export async function makeFolder(folder: string): Promise<void> {
  const found = await orNull(stat(folder));
  if (found?.isDirectory() === true) return;
  if (found !== null) throw new Error(`${folder} is no folder`);
  await makeFolder(dirname(folder));
  await makeEntry(folder);
  await syncFolder(dirname(folder));
}

/** In a folder that has to be there; what is there already stays. */
export async function makeEntry(folder: string): Promise<void> {
  await mkdir(folder).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Null where nothing is there. */
export async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return null;
    throw error;
  }
}

export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null;
}
