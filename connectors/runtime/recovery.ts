/**
 * What killed connectors left on this host: each segment is cut at its last whole line, ended, shipped
 * and listed in the inventory its epoch could not write. Nothing of it is published; the archive takes
 * it from RAW.
 */
import { basename } from 'node:path';
import { LineBuffer, encodeEndLine } from '../../codec/line-buffer.ts';
import { LineCursor, LogLine, factOf, sliceLogLine } from '../../codec/log-line.ts';
import { checkSegment } from '../../codec/segment-check.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { createEpochArchive } from './archive.ts';
import { findLeftEpochs } from './epoch-files.ts';
import type { Host, LeftEpoch } from './epoch-files.ts';
import type { InventoryOf } from './inventory.ts';
import { nodeFiles } from './log-files.ts';
import type { LogFiles } from './log-files.ts';
import type { ClosedSegment, ConnectionTally } from './log-writer.ts';
import { sha256Hex } from './shipper.ts';
import type { Shipper } from './shipper.ts';

export type RecoveryReport = {
  readonly epochs: number;
  readonly segments: number;
  /** Segments that had no `_end`, and the bytes of torn lines cut from them. */
  readonly repaired: number;
  readonly cut_bytes: number;
  /** Epochs whose process may live, or that the store did not take whole: recover again later. */
  readonly unclear: number;
};

/**
 * Repairs and ships every epoch of a shard below `root` that no living process owns. `own` names the
 * directories of this process's epochs that still run. Other shards' are left to their connectors.
 */
export async function recover(
  root: string,
  of: { readonly feed: string; readonly shard: string },
  deps: Host & {
    readonly store: ObjectStore;
    readonly shipper: Shipper;
    readonly own: (dir: string) => boolean;
    readonly now_ms: number;
    readonly report: (event: string, facts: Readonly<Record<string, unknown>>) => void;
  },
): Promise<RecoveryReport> {
  const { files = nodeFiles } = deps;
  const { left: left_epochs, unclear } = await findLeftEpochs(root, of, deps);
  const total = { epochs: 0, segments: 0, repaired: 0, cut_bytes: 0, unclear };
  for (const left of left_epochs) {
    const named = Promise.resolve(!left.disputed);
    const archive = createEpochArchive({ ...deps, files: left.files, named });
    const here = new Set(left.segments.map((path) => basename(path)));
    const gone = left.recorded.filter((segment) => !here.has(basename(segment.path)));
    for (const segment of gone) archive.addShipped(segment);
    let local: 'remove' | 'keep' = 'remove';
    for (const path of left.segments) {
      const found = await completeSegment(path, left, files);
      if (found === 'unreadable') {
        // Nobody knows what it is; it is not ours to throw away.
        local = 'keep';
        deps.report('segment.unreadable_failed', { path });
      }
      if (found === 'unreadable' || found === 'empty') continue;
      archive.add(found.segment);
      total.segments += 1;
      total.repaired += found.repaired ? 1 : 0;
      total.cut_bytes += found.cut_bytes;
      if (found.repaired) {
        deps.report('segment.repaired', { path, cut_bytes: found.cut_bytes, fault: found.fault });
      }
    }
    try {
      await archive.finish(left.shutdown ? 'shutdown' : 'crash', local);
    } catch (error) {
      deps.report('inventory.failed', { dir: left.files.dir, error: String(error) });
      total.unclear += 1;
      continue;
    }
    total.epochs += 1;
    deps.report('epoch.recovered', { dir: left.files.dir, segments: archive.count() });
  }
  return total;
}

type Completed = {
  readonly segment: ClosedSegment;
  readonly repaired: boolean;
  readonly cut_bytes: number;
  readonly fault: string | null;
};

/** `empty`: without a line of its own, removed. `unreadable`: left as it is. */
type Repair = Completed | 'empty' | 'unreadable';

async function completeSegment(path: string, left: LeftEpoch, files: LogFiles): Promise<Repair> {
  const recorded = left.recorded.find((segment) => basename(segment.path) === basename(path));
  if (recorded !== undefined) {
    return { segment: { ...recorded, path }, repaired: false, cut_bytes: 0, fault: null };
  }
  return repairSegment(path, left.files.of, files);
}

/**
 * Ends a segment file that was left open: cut at the last whole line, `_end` appended. One without a
 * line of its own is removed; one that does not begin as a segment does is left alone. One whose `_end` is there is left as it is, also where it disagrees with
 * the content: readers must see that.
 */
export async function repairSegment(
  path: string,
  of: InventoryOf,
  files: LogFiles = nodeFiles,
): Promise<Repair> {
  const bytes = await files.readWhole(path);
  if (bytes === null) return 'empty';
  const check = checkSegment(bytes, sha256Hex);
  const { first, last } = check;
  if (first === null || last === null) {
    if (check.fault?.kind === 'invalid') return 'unreadable';
    await files.remove(path);
    return 'empty';
  }
  const ended = check.end !== null || check.fault?.kind === 'end';
  const plain = ended
    ? bytes
    : withEnd(bytes.subarray(0, check.good_bytes), check.good_lines, first, last);
  if (!ended) await endFile(files, path, plain, check.good_bytes);
  return {
    segment: {
      path,
      feed: of.feed,
      shard: of.shard,
      epoch: of.epoch,
      segment: check.capture?.segment ?? Number.parseInt(basename(path), 10),
      first: `${first}`,
      last: `${last}`,
      sha256: sha256Hex(plain),
      bytes: plain.length,
      lines: check.good_lines + 1,
      connections: talliesOf(plain),
    },
    repaired: !ended,
    cut_bytes: ended ? 0 : check.lost_bytes,
    fault: check.fault?.detail ?? null,
  };
}

/** Makes a file's content `plain`, whose first `good_bytes` it has already. */
async function endFile(
  files: LogFiles,
  path: string,
  plain: Uint8Array,
  good_bytes: number,
): Promise<void> {
  const fd = files.open(path);
  if (fd === null) throw new Error(`${path} went away while it was repaired`);
  try {
    files.truncate(fd, good_bytes);
    files.write(fd, plain, good_bytes, plain.length, good_bytes);
    await files.syncFile(fd);
  } finally {
    files.close(fd);
  }
}

function withEnd(good: Uint8Array, lines: number, first: bigint, last: bigint): Uint8Array {
  const end = new LineBuffer(512);
  const sha256 = sha256Hex(good);
  encodeEndLine(end, { lines, bytes: good.length, first: `${first}`, last: `${last}`, sha256 });
  return Buffer.concat([good, end.view()]);
}

/** What each connection did, read back from the lines. */
export function talliesOf(plain: Uint8Array): readonly ConnectionTally[] {
  const tallies = new Map<number, ConnectionTally>();
  const line = new LogLine();
  const cursor = new LineCursor(plain);
  const change = (c: number, with_: Partial<ConnectionTally>): void => {
    const known = tallies.get(c) ?? { c, opened: null, closed: null, frames: 0 };
    tallies.set(c, { ...known, ...with_ });
  };
  while (cursor.next()) {
    if (!sliceLogLine(plain, cursor.start, cursor.end, line)) continue;
    if (line.kind === 'frame') change(line.c, { frames: (tallies.get(line.c)?.frames ?? 0) + 1 });
    const opened = factOf(line, '_open');
    if (opened !== null) change(opened.c, { opened: `${line.t}` });
    const closed = factOf(line, '_close');
    if (closed !== null) change(closed.c, { closed: `${line.t}` });
  }
  return [...tallies.values()];
}
