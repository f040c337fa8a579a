/**
 * Reads the log of a running epoch back from its local segment files, from a position on: how the
 * publisher catches up when the bus was behind. The writer may be appending to the last file; only
 * whole lines are read, and none beyond the position asked for. Reads are synchronous and small: what
 * is behind was written moments ago and lies in the page cache.
 */
import { join } from 'node:path';
import { LogLine, sliceLogLine } from '../../codec/log-line.ts';
import { SsmdError } from '../../schema/errors.ts';
import { nodeFiles } from './log-files.ts';
import type { LogFiles } from './log-files.ts';
import { segmentFile } from './log-writer.ts';

export type WalReader = {
  /**
   * The next frame or fact at or before `until`, valid until the next call; null where there is none
   * yet. Throws `SSMD_CORRUPT` where a segment that is needed is gone or a line cannot be read.
   */
  readonly next: (until: bigint) => LogLine | null;
  readonly close: () => void;
};

/** Room for lines at first, doubled at each read up to the most: a short look costs little. */
const ROOM_BYTES_FIRST = 8 * 1024;
const ROOM_BYTES_MAX = 256 * 1024;
const LINE_FEED = 10;

/** Opens the segments in `dir` (of one epoch) to read the lines with `t` above `after`. */
export function openWal(dir: string, after: bigint, files: LogFiles = nodeFiles): WalReader {
  const line = new LogLine();
  const file = new LineFile(files, dir, startSegment(files, dir, after));
  let held = false;
  return {
    next(until) {
      while (!held) {
        if (!file.next()) return null;
        if (!sliceLogLine(file.bytes, file.start, file.end, line)) {
          throw corrupt(dir, `segment ${file.segment} has a line that is ${line.reason}`);
        }
        held = (line.kind === 'frame' || line.kind === 'fact') && line.t > after;
      }
      if (line.t > until) return null;
      held = false;
      return line;
    },
    close: () => file.close(),
  };
}

/** Lines of consecutive segment files; the current one is `bytes[start, end)`. */
class LineFile {
  bytes = new Uint8Array(ROOM_BYTES_FIRST);
  start = 0;
  end = -1;
  segment: number;
  readonly #files: LogFiles;
  readonly #dir: string;
  #fd: number | null = null;
  /** Bytes read into the buffer, and of the file so far. */
  #used = 0;
  #offset = 0;

  constructor(files: LogFiles, dir: string, segment: number) {
    this.#files = files;
    this.#dir = dir;
    this.segment = segment;
  }

  /** Steps to the next whole line; false where there is none yet. */
  next(): boolean {
    for (;;) {
      const found = this.bytes.subarray(0, this.#used).indexOf(LINE_FEED, this.end + 1);
      if (found >= 0) {
        this.start = this.end + 1;
        this.end = found;
        return true;
      }
      if (!this.#fill() && !this.#advance()) return false;
    }
  }

  close(): void {
    if (this.#fd !== null) this.#files.close(this.#fd);
    this.#fd = null;
  }

  /** Reads more behind the line that is not whole yet. */
  #fill(): boolean {
    this.#fd ??= this.#open(this.segment);
    if (this.#fd === null) return false;
    const rest = this.end + 1;
    this.bytes.copyWithin(0, rest, this.#used);
    this.#used -= rest;
    this.end = -1;
    if (this.#used === this.bytes.length || this.bytes.length < ROOM_BYTES_MAX) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes.subarray(0, this.#used));
      this.bytes = larger;
    }
    const room = this.bytes.length - this.#used;
    const count = this.#files.read(this.#fd, this.bytes, this.#used, room, this.#offset);
    this.#used += count;
    this.#offset += count;
    return count > 0;
  }

  /** A segment that has a successor is complete: goes on to that one. */
  #advance(): boolean {
    if (this.#fd === null) return false;
    const next = this.#open(this.segment + 1);
    if (next === null) return false;
    // The writer may have ended this segment between the last read and the open.
    if (this.#fill()) {
      this.#files.close(next);
      return true;
    }
    if (this.#used > 0) throw corrupt(this.#dir, `segment ${this.segment} ends within a line`);
    this.#files.close(this.#fd);
    this.#fd = next;
    this.segment += 1;
    this.#offset = 0;
    return true;
  }

  #open(segment: number): number | null {
    return this.#files.open(join(this.#dir, segmentFile(segment)));
  }
}

/** The last segment that begins at or before `after`, else the epoch's first. */
function startSegment(files: LogFiles, dir: string, after: bigint): number {
  const segments = files
    .list(dir)
    .filter((name) => /^\d+\.jsonl$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => b - a);
  for (const segment of segments) {
    const first = firstT(files, dir, segment);
    if (first !== null && first <= after) return segment;
  }
  const oldest = segments.at(-1) ?? 0;
  if (oldest === 0) return 0;
  throw corrupt(dir, `segment ${oldest} is the oldest left, and begins after ${after}`);
}

function firstT(files: LogFiles, dir: string, segment: number): bigint | null {
  const file = new LineFile(files, dir, segment);
  const line = new LogLine();
  try {
    while (file.segment === segment && file.next()) {
      if (file.segment !== segment) return null;
      if (!sliceLogLine(file.bytes, file.start, file.end, line)) return null;
      if (line.kind === 'frame' || line.kind === 'fact') return line.t;
    }
    return null;
  } finally {
    file.close();
  }
}

function corrupt(dir: string, what: string): SsmdError {
  return new SsmdError('SSMD_CORRUPT', `the local log in ${dir} cannot be read back: ${what}`);
}
