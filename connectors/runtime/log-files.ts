/**
 * The file system as the log needs it: synchronous where order matters, asynchronous where only
 * durability does. Tests wrap it to fill the disk or to stop the process at any write; the model of the
 * shard keeps it in memory, and loses what was not made durable. One contract suite holds all of them.
 */
import {
  closeSync,
  fdatasync,
  fsync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readSync,
  readdirSync,
  writeSync,
} from 'node:fs';
import { appendFile, readFile, rm, stat, utimes } from 'node:fs/promises';
import { promisify } from 'node:util';

const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const openAsync = promisify(open);

export type LogFiles = {
  readonly makeDirectory: (path: string) => void;
  /** Creates a file that must not exist yet; returns its descriptor. */
  readonly create: (path: string) => number;
  /** Opens a file that is there, to read and to change it; null where there is none. */
  readonly open: (path: string) => number | null;
  /** Writes all of `bytes[start, end)` at `position`, or throws with what the system said. */
  readonly write: (
    fd: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    position: number,
  ) => void;
  /** Reads up to `length` bytes from `position` into `into[at, ..)`; returns how many, 0 at the end. */
  readonly read: (
    fd: number,
    into: Uint8Array,
    at: number,
    length: number,
    position: number,
  ) => number;
  readonly truncate: (fd: number, bytes: number) => void;
  readonly close: (fd: number) => void;
  /** The file's content survives a power loss once this resolves. */
  readonly syncFile: (fd: number) => Promise<void>;
  /** So do the names in a directory. */
  readonly syncDirectory: (path: string) => Promise<void>;
  /** The names in a directory, in no order; none where there is no directory. */
  readonly list: (path: string) => readonly string[];
  /** All of a file, or null where there is none. */
  readonly readWhole: (path: string) => Promise<Uint8Array | null>;
  /** Adds to a file, which is made where there is none; durable once this resolves. */
  readonly append: (path: string, text: string) => Promise<void>;
  /** A file, or a directory with all in it; done where there is none. */
  readonly remove: (path: string) => Promise<void>;
  /** Sets and reads the instant (ms since the Unix epoch) at which a file was last touched. */
  readonly touch: (path: string, at_ms: number) => Promise<void>;
  readonly touchedMs: (path: string) => Promise<number>;
};

export const nodeFiles: LogFiles = {
  makeDirectory: (path) => void mkdirSync(path, { recursive: true }),
  create: (path) => openSync(path, 'wx+'),
  open: (path) => orNull(() => openSync(path, 'r+')),
  write(fd, bytes, start, end, position) {
    let at = start;
    while (at < end) at += writeSync(fd, bytes, at, end - at, position + at - start);
  },
  read: (fd, into, at, length, position) => readSync(fd, into, at, length, position),
  truncate: (fd, bytes) => ftruncateSync(fd, bytes),
  close: (fd) => closeSync(fd),
  syncFile: (fd) => fdatasyncAsync(fd),
  async syncDirectory(path) {
    const fd = await openAsync(path, 'r');
    try {
      await fsyncAsync(fd);
    } finally {
      closeSync(fd);
    }
  },
  list: (path) => orNull(() => readdirSync(path)) ?? [],
  async readWhole(path) {
    try {
      return await readFile(path);
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  },
  append: (path, text) => appendFile(path, text, { flush: true }),
  remove: (path) => rm(path, { recursive: true, force: true }),
  touch: (path, at_ms) => utimes(path, at_ms / 1000, at_ms / 1000),
  touchedMs: async (path) => (await stat(path)).mtimeMs,
};

/** For runs on a virtual clock: nothing of theirs has to survive a power loss. */
export const unsyncedFiles: LogFiles = {
  ...nodeFiles,
  syncFile: () => Promise.resolve(),
  syncDirectory: () => Promise.resolve(),
  append: (path, text) => appendFile(path, text),
};

function orNull<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
