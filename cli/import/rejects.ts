/** Rejected lines of an import, as JSON lines in a file that is there only where there are some. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Reject } from '../../connectors/runtime/import.ts';

export type Rejects = {
  readonly write: (reject: Reject) => void;
  /** Where they are; null where there were none. */
  readonly close: () => string | null;
  /** Nothing was imported: the file goes too. */
  readonly discard: () => void;
};

/** Without a place beside the recording they go to the folder we are in. */
export function openRejects(path: string, may_move: boolean): Rejects {
  let open: { fd: number; path: string } | null = null;
  let closed: string | null = null;

  function create(): { fd: number; path: string } {
    try {
      return { fd: openSync(path, 'w'), path };
    } catch (error) {
      const here = resolve(basename(path));
      if (!may_move || here === resolve(path)) throw error;
      return { fd: openSync(here, 'w'), path: here };
    }
  }

  function close(): string | null {
    if (open !== null) {
      closeSync(open.fd);
      closed = open.path;
      open = null;
    }
    return closed;
  }

  return {
    write(reject) {
      open ??= create();
      writeSync(open.fd, `${JSON.stringify(reject)}\n`);
    },
    close,
    discard() {
      const written = close();
      if (written !== null) rmSync(written, { force: true });
    },
  };
}
