/**
 * An export as a folder of this machine. Files grow in `.tmp-{name}-{run}` beside it, on the same file
 * system; one `rename` shows them all. A crash leaves that folder and nothing else.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SsmdError } from '../schema/errors.ts';
import { codeOf, makeEntry, orNull, syncFolder } from './folders.ts';
import { parseNote } from './export-target.ts';
import type { ExportTarget, FileSink } from './export-target.ts';

/** `out` is absolute; `run` tells the runs that may write there apart, and a retry from none. */
export function createFolderTarget(of: {
  readonly out: string;
  readonly run: string;
}): ExportTarget {
  const { out, run } = of;
  const staging = join(dirname(out), `.tmp-${basename(out)}-${run}`);
  const files = join(staging, 'files');
  const notes = join(staging, 'notes');
  const parts = join(staging, 'parts');
  const noteOf = (path: string): string => join(notes, `${path}.json`);
  return {
    name: out,
    fault: () => faultOf(out),
    begin: () =>
      explained(out, async () => {
        for (const folder of [staging, files, notes, parts]) await makeEntry(folder);
      }),
    noted: async (path) => {
      const text = await orNull(readFile(noteOf(path), 'utf8'));
      const note = text === null ? null : parseNote(text, path);
      const there = note === null ? null : await orNull(stat(join(files, path)));
      return there?.size === note?.bytes ? note : null;
    },
    create: (path) =>
      explained(out, async () => {
        await makeFolders(files, path);
        await makeFolders(notes, path);
        const part = join(parts, randomUUID());
        return openSink(path, { part, final: join(files, path), note: noteOf(path) });
      }),
    publish: (manifest) => explained(out, () => publish({ out, staging, files }, manifest)),
    published: () => orNull(readFile(join(out, 'export.json'))),
    discard: () => rm(staging, { recursive: true, force: true }),
  };
}

async function faultOf(out: string): Promise<string | null> {
  if ((await orNull(lstat(out))) !== null) return 'it is there already, and is never written over';
  const parent = dirname(out);
  const found = await orNull(stat(parent));
  if (found === null) return `${parent} is not there on the worker's machine`;
  if (!found.isDirectory()) return `${parent} is no folder`;
  const writable = await access(parent, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return writable ? null : `the worker may not write into ${parent}`;
}

/** Below a root that has to be there: what was discarded does not come back. */
async function makeFolders(root: string, path: string): Promise<void> {
  let folder = root;
  for (const part of dirname(path).split('/')) {
    folder = join(folder, part);
    await makeEntry(folder);
  }
}

type Places = { readonly part: string; readonly final: string; readonly note: string };

async function openSink(path: string, { part, final, note }: Places): Promise<FileSink> {
  const file = await open(part, 'wx');
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    async write(some) {
      hash.update(some);
      bytes += some.length;
      await file.appendFile(some);
    },
    async finish(rows) {
      await file.datasync();
      await file.close();
      await rename(part, final);
      const noted = { path, sha256: hash.digest('hex'), bytes, rows };
      await writeFile(`${part}.note`, JSON.stringify(noted));
      await rename(`${part}.note`, note);
      return noted;
    },
    async abort() {
      await file.close().catch(() => undefined);
      await rm(part, { force: true });
    },
  };
}

type Folders = { readonly out: string; readonly staging: string; readonly files: string };

async function publish({ out, staging, files }: Folders, manifest: Uint8Array): Promise<void> {
  const file = await open(join(files, 'export.json'), 'w');
  try {
    await file.writeFile(manifest);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(files, out);
  await syncFolder(dirname(out));
  await rm(staging, { recursive: true, force: true });
}

const STANDS_THERE = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'];
const NO_WAY = ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENAMETOOLONG'];

/** What waiting does not cure is said as what it is; a full disk is waited for. */
async function explained<T>(out: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const code = codeOf(cause);
    if (code !== null && [...STANDS_THERE, ...NO_WAY].includes(code)) {
      const why = STANDS_THERE.includes(code)
        ? 'something was put there while the export ran'
        : `the worker cannot write there any more (${code})`;
      throw new SsmdError('SSMD_INVALID_INPUT', `out: ${out}: ${why}; nothing was published`, {
        facts: { out, code },
        cause,
      });
    }
    throw cause;
  }
}
