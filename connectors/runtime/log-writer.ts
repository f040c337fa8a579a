/**
 * The write-ahead log of one epoch: plain files `<dir>/<segment>.jsonl`, one line per frame and fact,
 * each handed to the kernel (`write(2)`) before the call returns, so before anything acts on it. A
 * segment holds the lines of one UTC minute of `t`; a minute without lines has none. Segments are
 * chained by hash and end with `_end`. Whether they reach the object store is the shipper's affair.
 *
 * When a write fails (disk full), the line is not in the log: the file is cut back to its last whole
 * line, the call returns false, and `failure` says why until a later write succeeds. The caller counts
 * what it could not write and records it (`_drop`).
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { join } from 'node:path';
import {
  LineBuffer,
  encodeCaptureLine,
  encodeEndLine,
  encodeFactLine,
  encodeFrameLine,
} from '../../codec/line-buffer.ts';
import { LOG_FORMAT } from '../../schema/log.ts';
import type { Capture, FactKey, Facts } from '../../schema/log.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import { nodeFiles } from './log-files.ts';
import type { LogFiles } from './log-files.ts';

/** What `_capture` says apart from what the log itself knows. Asked for at each segment's start. */
export type CaptureTemplate = Omit<Capture, 'format' | 'segment' | 'previous_sha256'>;

/** What one connection did within one segment. Instants are the lines' `t`. */
export type ConnectionTally = {
  readonly c: number;
  readonly opened: string | null;
  readonly closed: string | null;
  readonly frames: number;
};

/** A segment that is complete on disk. Counts and hash include its `_capture` and `_end` lines. */
export type ClosedSegment = {
  readonly path: string;
  readonly feed: string;
  readonly shard: string;
  readonly epoch: number;
  readonly segment: number;
  /** First and last `t`. */
  readonly first: string;
  readonly last: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly lines: number;
  readonly connections: readonly ConnectionTally[];
};

export type Log = {
  /** Appends frame `bytes[start, end)`; `t` must be above every one written before. */
  readonly frame: (t: bigint, c: number, bytes: Uint8Array, start: number, end: number) => boolean;
  readonly fact: <K extends FactKey>(t: bigint, key: K, fact: Facts[K]) => boolean;
  /** Ends the open segment if `t` is past its minute: a quiet shard's segments are shipped too. */
  readonly closeBefore: (t: bigint) => boolean;
  /** Makes what was written so far survive a power loss. */
  readonly sync: () => Promise<void>;
  /** Ends the open segment; false where that failed, and its repair is left to the next start. */
  readonly close: () => boolean;
  readonly onSegmentClosed: (listener: (segment: ClosedSegment) => void) => void;
  /** Last `t` written, 0 before the first. */
  readonly last: () => bigint;
  /** Bytes of the segment that is open. */
  readonly openBytes: () => number;
  /** Why the last write or sync failed (the system's code), null while both work. */
  readonly failure: () => string | null;
};

type OpenSegment = {
  readonly path: string;
  readonly fd: number;
  /** Whole minutes since the Unix epoch; an empty segment takes the minute of its first line. */
  minute: bigint;
  readonly segment: number;
  readonly hash: Hash;
  bytes: number;
  lines: number;
  first: bigint;
  last: bigint;
  readonly tallies: Map<number, { opened: bigint | null; closed: bigint | null; frames: number }>;
};

/** Lines are hashed when this many bytes of them have gathered. */
const HASH_BLOCK_BYTES = 128 * 1024;
/** Room they are given at first; it grows. */
const LINES_BYTES_FIRST = 16 * 1024;

export function segmentFile(segment: number): string {
  return `${segment.toString().padStart(8, '0')}.jsonl`;
}

/** Opens the log of a new epoch in `dir`, which must hold no segments yet. */
export function openLog(options: {
  readonly dir: string;
  readonly capture: () => CaptureTemplate;
  readonly files?: LogFiles;
}): Log {
  const { dir, capture } = options;
  const files = options.files ?? nodeFiles;
  const lines = new LineBuffer(LINES_BYTES_FIRST);
  const listeners: ((segment: ClosedSegment) => void)[] = [];
  let current: OpenSegment | null = null;
  let segments = 0;
  let previous_sha256: string | null = null;
  let last = 0n;
  let failure: string | null = null;
  let made = false;
  let sync_failure: string | null = null;
  let syncing = Promise.resolve();

  function fail(error: unknown): false {
    failure = codeOf(error);
    return false;
  }

  /** Writes `lines[from, used)` after the segment's last whole line; on failure they are forgotten. */
  function put(into: OpenSegment, from: number): boolean {
    const bytes = lines.used - from;
    try {
      files.write(into.fd, lines.bytes, from, lines.used, into.bytes);
    } catch (error) {
      lines.used = from;
      try {
        files.truncate(into.fd, into.bytes);
      } catch {
        // What is left behind the last whole line is overwritten, or cut off by the repair.
      }
      return fail(error);
    }
    into.bytes += bytes;
    into.lines += 1;
    if (lines.used >= HASH_BLOCK_BYTES) drainHash(into);
    return true;
  }

  function drainHash(from: OpenSegment): void {
    from.hash.update(lines.view());
    lines.clear();
  }

  function begin(minute: bigint): OpenSegment | null {
    const path = join(dir, segmentFile(segments));
    try {
      if (!made) files.makeDirectory(dir);
      made = true;
      const fd = files.create(path);
      current = {
        path,
        fd,
        minute,
        segment: segments,
        hash: createHash('sha256'),
        bytes: 0,
        lines: 0,
        first: 0n,
        last: 0n,
        tallies: new Map(),
      };
    } catch (error) {
      fail(error);
      return null;
    }
    segments += 1;
    void queueSync(() => files.syncDirectory(dir));
    return current;
  }

  /** The segment to write `t` to, with its `_capture` line, or null where there can be none. */
  function segmentFor(t: bigint): OpenSegment | null {
    const minute = t / NS_PER_MINUTE;
    if (current !== null && current.first === 0n) current.minute = minute;
    if (current !== null && current.minute !== minute && !end(current)) return null;
    const into = current ?? begin(minute);
    if (into === null || into.lines > 0) return into;
    const head: Capture = {
      format: LOG_FORMAT,
      ...capture(),
      segment: into.segment,
      previous_sha256,
    };
    encodeCaptureLine(lines, head);
    return put(into, 0) ? into : null;
  }

  function end(ending: OpenSegment): boolean {
    drainHash(ending);
    const sha256 = ending.hash.copy().digest('hex');
    const { lines: count, bytes, first, last: final } = ending;
    encodeEndLine(lines, { lines: count, bytes, first: `${first}`, last: `${final}`, sha256 });
    if (!put(ending, 0)) return false;
    drainHash(ending);
    previous_sha256 = ending.hash.digest('hex');
    current = null;
    release(ending.fd);
    const closed = describe(ending, previous_sha256, capture());
    for (const listener of listeners) listener(closed);
    return true;
  }

  /** One at a time and in order, so that no descriptor is closed while it is being synced. */
  function queueSync(step: () => Promise<void>): Promise<void> {
    syncing = syncing.then(step).then(
      () => void (sync_failure = null),
      (error: unknown) => void (sync_failure = codeOf(error)),
    );
    return syncing;
  }

  function release(fd: number): void {
    void queueSync(() => files.syncFile(fd).finally(() => files.close(fd)));
  }

  function settle(into: OpenSegment, t: bigint): true {
    if (into.first === 0n) into.first = t;
    into.last = t;
    last = t;
    failure = null;
    return true;
  }

  return {
    frame(t, c, bytes, start, stop) {
      const into = segmentFor(t);
      if (into === null) return false;
      const from = lines.used;
      encodeFrameLine(lines, t, c, bytes, start, stop);
      if (!put(into, from)) return false;
      tally(into, c).frames += 1;
      return settle(into, t);
    },
    fact(t, key, fact) {
      const into = segmentFor(t);
      if (into === null) return false;
      const from = lines.used;
      encodeFactLine(lines, t, key, fact);
      if (!put(into, from)) return false;
      if (key === '_open') tally(into, (fact as Facts['_open']).c).opened = t;
      if (key === '_close') tally(into, (fact as Facts['_close']).c).closed = t;
      return settle(into, t);
    },
    closeBefore: (t) =>
      current === null ||
      current.first === 0n ||
      current.minute === t / NS_PER_MINUTE ||
      end(current),
    sync: () =>
      queueSync(() => (current === null ? Promise.resolve() : files.syncFile(current.fd))),
    close() {
      if (current === null) return true;
      if (current.first !== 0n) return end(current);
      release(current.fd);
      current = null;
      return true;
    },
    onSegmentClosed: (listener) => void listeners.push(listener),
    last: () => last,
    openBytes: () => current?.bytes ?? 0,
    failure: () => failure ?? sync_failure,
  };
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}

function tally(into: OpenSegment, c: number) {
  let found = into.tallies.get(c);
  if (found === undefined) {
    found = { opened: null, closed: null, frames: 0 };
    into.tallies.set(c, found);
  }
  return found;
}

function describe(ended: OpenSegment, sha256: string, template: CaptureTemplate): ClosedSegment {
  return {
    path: ended.path,
    feed: template.feed,
    shard: template.shard,
    epoch: template.epoch,
    segment: ended.segment,
    first: `${ended.first}`,
    last: `${ended.last}`,
    sha256,
    bytes: ended.bytes,
    lines: ended.lines,
    connections: [...ended.tallies].map(([c, { opened, closed, frames }]) => ({
      c,
      opened: opened === null ? null : `${opened}`,
      closed: closed === null ? null : `${closed}`,
      frames,
    })),
  };
}
