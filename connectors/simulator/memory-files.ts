/**
 * A disk in this process's memory, for connectors on a virtual clock: the log's files, held to the
 * same promises as the real ones by a contract suite, and a power loss that takes what was not synced.
 *
 * A name survives a power loss once its file or its directory was synced, as on a journaling file
 * system; content survives up to where the file was last synced. A directory survives with what is in
 * it once its own directory was synced: no sync within it makes its name durable. What was removed stays
 * removed.
 */
import type { LogFiles } from '../runtime/log-files.ts';

export type MemoryDisk = {
  readonly files: LogFiles;
  /**
   * What the disk has after the power went: of each file's unsynced bytes the first `kept(bytes)`
   * happen to be there; an unsynced name goes where `kept` leaves nothing of its file, and that of a
   * directory where `kept` leaves nothing of a byte.
   */
  readonly losePower: (kept: (bytes: number) => number) => void;
  /** Paths of all files, sorted. */
  readonly paths: () => readonly string[];
  /** A file's content; what it is from now on is not shared. */
  readonly content: (path: string) => Uint8Array | null;
};

type Content = {
  bytes: Uint8Array;
  size: number;
  /** Bytes from the start that are durable. */
  synced: number;
  named: boolean;
  touched_ms: number;
};

const EMPTY = new Uint8Array(0);
const DISK_ROOM_BYTES = 512;

export function createMemoryDisk(): MemoryDisk {
  const contents = new Map<string, Content>();
  /** Each with whether its name is durable. */
  const directories = new Map<string, boolean>();
  const open = new Map<number, Content>();
  let fd_last = 2;

  function openContent(content: Content): number {
    open.set(++fd_last, content);
    return fd_last;
  }

  function contentOf(fd: number): Content {
    const content = open.get(fd);
    if (content === undefined) throw systemError('EBADF', `no open file ${fd}`);
    return content;
  }

  function make(path: string): Content {
    if (!directories.has(parentOf(path))) throw systemError('ENOENT', `no directory for ${path}`);
    const content = { bytes: EMPTY, size: 0, synced: 0, named: false, touched_ms: 0 };
    contents.set(path, content);
    return content;
  }

  function removeNow(path: string): void {
    for (const at of [...contents.keys()]) if (isWithin(at, path)) contents.delete(at);
    for (const at of [...directories.keys()]) if (isWithin(at, path)) directories.delete(at);
  }

  const files: LogFiles = {
    makeDirectory(path) {
      for (let at = path; at !== '' && !directories.has(at); at = parentOf(at)) {
        directories.set(at, false);
      }
    },
    create(path) {
      if (contents.has(path)) throw systemError('EEXIST', `${path} is there`);
      return openContent(make(path));
    },
    open(path) {
      const content = contents.get(path);
      return content === undefined ? null : openContent(content);
    },
    write: (fd, bytes, start, end, position) => put(contentOf(fd), bytes, start, end, position),
    read(fd, into, at, length, position) {
      const { bytes, size } = contentOf(fd);
      const count = Math.max(0, Math.min(length, size - position));
      into.set(bytes.subarray(position, position + count), at);
      return count;
    },
    truncate(fd, bytes) {
      const content = contentOf(fd);
      content.size = Math.min(content.size, bytes);
      content.synced = Math.min(content.synced, bytes);
    },
    close: (fd) => void open.delete(fd),
    syncFile(fd) {
      sync(contentOf(fd));
      return Promise.resolve();
    },
    syncDirectory(path) {
      const within = path === '/' ? '' : path;
      for (const [at, content] of contents) if (parentOf(at) === within) content.named = true;
      for (const at of directories.keys()) if (parentOf(at) === within) directories.set(at, true);
      return Promise.resolve();
    },
    list(path) {
      const below = `${path}/`;
      const names = new Set<string>();
      for (const at of [...directories.keys(), ...contents.keys()]) {
        if (at.startsWith(below)) names.add(at.slice(below.length).split('/', 1)[0] as string);
      }
      return [...names];
    },
    readWhole(path) {
      const content = contents.get(path);
      return Promise.resolve(content === undefined ? null : content.bytes.slice(0, content.size));
    },
    async append(path, text) {
      const content = contents.get(path) ?? make(path);
      const bytes = new TextEncoder().encode(text);
      put(content, bytes, 0, bytes.length, content.size);
      sync(content);
      await Promise.resolve();
    },
    remove(path) {
      removeNow(path);
      return Promise.resolve();
    },
    touch(path, at_ms) {
      const content = contents.get(path);
      if (content === undefined) return Promise.reject(systemError('ENOENT', `no ${path}`));
      content.touched_ms = at_ms;
      return Promise.resolve();
    },
    touchedMs(path) {
      const content = contents.get(path);
      return content === undefined
        ? Promise.reject(systemError('ENOENT', `no ${path}`))
        : Promise.resolve(content.touched_ms);
    },
  };
  return {
    files,
    losePower(kept) {
      open.clear();
      for (const [path, named] of [...directories]) {
        if (named || kept(1) > 0) directories.set(path, true);
        else removeNow(path);
      }
      for (const [path, content] of [...contents].sort(([a], [b]) => (a < b ? -1 : 1))) {
        content.size = content.synced + kept(content.size - content.synced);
        if (content.size === 0 && !content.named) contents.delete(path);
        content.synced = content.size;
      }
    },
    paths: () => [...contents.keys()].sort(),
    content(path) {
      const content = contents.get(path);
      return content === undefined ? null : content.bytes.slice(0, content.size);
    },
  };
}

function put(into: Content, bytes: Uint8Array, start: number, end: number, position: number): void {
  const size = position + end - start;
  if (size > into.bytes.length) {
    const larger = new Uint8Array(Math.max(DISK_ROOM_BYTES, size * 2));
    larger.set(into.bytes.subarray(0, into.size));
    into.bytes = larger;
  }
  if (position > into.size) into.bytes.fill(0, into.size, position);
  into.bytes.set(bytes.subarray(start, end), position);
  into.size = Math.max(into.size, size);
  into.synced = Math.min(into.synced, position);
}

function sync(content: Content): void {
  content.synced = content.size;
  content.named = true;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
