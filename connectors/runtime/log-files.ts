/**
 * The file system as the log needs it: synchronous where order matters, asynchronous where only
 * durability does. Tests wrap it to fill the disk or to stop the process at any write.
 */
import {
  closeSync,
  fdatasync,
  fsync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';

const fdatasyncAsync = promisify(fdatasync);
const fsyncAsync = promisify(fsync);
const openAsync = promisify(open);

export type LogFiles = {
  readonly makeDirectory: (path: string) => void;
  /** Creates a file that must not exist yet; returns its descriptor. */
  readonly create: (path: string) => number;
  /** Writes all of `bytes[start, end)` at `position`, or throws with what the system said. */
  readonly write: (
    fd: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    position: number,
  ) => void;
  readonly truncate: (fd: number, bytes: number) => void;
  readonly close: (fd: number) => void;
  /** The file's content survives a power loss once this resolves. */
  readonly syncFile: (fd: number) => Promise<void>;
  /** So do the names in a directory. */
  readonly syncDirectory: (path: string) => Promise<void>;
};

export const nodeFiles: LogFiles = {
  makeDirectory: (path) => void mkdirSync(path, { recursive: true }),
  create: (path) => openSync(path, 'wx'),
  write(fd, bytes, start, end, position) {
    let at = start;
    while (at < end) at += writeSync(fd, bytes, at, end - at, position + at - start);
  },
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
};

/** For runs on a virtual clock: nothing of theirs has to survive a power loss. */
export const unsyncedFiles: LogFiles = {
  ...nodeFiles,
  syncFile: () => Promise.resolve(),
  syncDirectory: () => Promise.resolve(),
};
