/**
 * What an epoch keeps on this host beside its segments: whose it is (`owner.json`) and the segments it
 * has closed (`closed.jsonl`), since those files go once they are shipped and the inventory still has
 * to name them after a crash.
 */
import { dirname, join } from 'node:path';
import { systemProcesses } from './host-processes.ts';
import type { HostProcess, HostProcesses } from './host-processes.ts';
import type { InventoryOf } from './inventory.ts';
import { nodeFiles } from './log-files.ts';
import type { LogFiles } from './log-files.ts';
import type { ClosedSegment } from './log-writer.ts';

const OWNER = 'owner.json';
const CLOSED = 'closed.jsonl';
const SHUTDOWN = '{"end":"shutdown"}';
const DISPUTED = '{"name":"disputed"}';

/** Which process writes here. */
type Owner = HostProcess & { readonly of: InventoryOf };

/** The machine as an epoch sees it: this one, where left out. */
export type Host = { readonly files?: LogFiles; readonly processes?: HostProcesses };

/** A process of another namespace is dead when its epoch was not touched for this long. */
export const STALE_MS = 60_000;

export type EpochFiles = {
  readonly dir: string;
  readonly of: InventoryOf;
  /** Adds to the record of closed segments; rejects where the disk refuses. */
  readonly record: (segment: ClosedSegment) => Promise<void>;
  /** The log was closed in order: what is found later is no crash. */
  readonly recordShutdown: () => Promise<void>;
  /** The epoch's name is another host's: nothing of it goes where that one's is. */
  readonly recordDisputed: () => Promise<void>;
  /** Once a second: the sign of life for those who cannot see our process. */
  readonly touch: (now_ms: number) => Promise<void>;
  readonly remove: () => Promise<void>;
};

export function epochDirectory(
  root: string,
  of: Pick<InventoryOf, 'feed' | 'shard' | 'epoch'>,
): string {
  return join(root, of.feed, of.shard, `${of.epoch}`);
}

/** What the system says of a disk that takes nothing now and may do so later. */
const DISK_CODES = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE']);

/** The system's code where an error means that the disk refused for now, else null. */
export function diskRefusal(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' && DISK_CODES.has(error.code) ? error.code : null;
}

/** The greatest epoch of a shard that lies on this host, 0 where there is none. */
export function lastEpochHere(
  root: string,
  { feed, shard }: Pick<InventoryOf, 'feed' | 'shard'>,
  { files = nodeFiles }: Host = {},
): number {
  const numbers = files
    .list(join(root, feed, shard))
    .filter(isEpochName)
    .map(Number);
  return numbers.reduce((greatest, it) => Math.max(greatest, it), 0);
}

const isEpochName = (name: string): boolean =>
  /^\d{1,16}$/.test(name) && Number.isSafeInteger(Number(name));

/**
 * Claims the directory of a new epoch, which nobody may have claimed before. Where the disk refuses,
 * nothing of the claim is left.
 * @throws what the system says: `EEXIST` where it is claimed, and see `diskRefusal`
 */
export function createEpochFiles(root: string, of: InventoryOf, host: Host = {}): EpochFiles {
  const { files = nodeFiles, processes = systemProcesses } = host;
  const dir = epochDirectory(root, of);
  files.makeDirectory(dir);
  const owner: Owner = { ...processes.self(), of };
  const bytes = new TextEncoder().encode(JSON.stringify(owner));
  let fd: number | null = null;
  try {
    fd = files.create(join(dir, OWNER));
    files.write(fd, bytes, 0, bytes.length, 0);
  } catch (error) {
    if (fd !== null) files.close(fd);
    // Not where another has claimed it: what is in it is theirs.
    const ours = fd !== null || files.list(dir).length === 0;
    if (ours) void files.remove(dir).catch(() => undefined);
    throw error;
  }
  // Segments nobody owns are never shipped: the name must outlive a power loss as they do. One that
  // cannot be made durable is there all the same while the machine runs.
  void files
    .syncFile(fd)
    .finally(() => files.close(fd))
    .catch(() => undefined);
  syncNames(files, dir, root);
  return openEpochFiles(dir, of, files);
}

/** So must the names that lead to it: a directory that is lost takes all that was synced in it along. */
function syncNames(files: LogFiles, dir: string, root: string): void {
  for (let at = dir; at !== dirname(root) && at !== dirname(at);) {
    at = dirname(at);
    void files.syncDirectory(at).catch(() => undefined);
  }
}

function openEpochFiles(dir: string, of: InventoryOf, files: LogFiles): EpochFiles {
  // On a line of its own, also behind one that a full disk or a power loss has torn.
  const append = (line: string): Promise<void> => files.append(join(dir, CLOSED), `\n${line}\n`);
  return {
    dir,
    of,
    record: (segment) => append(JSON.stringify(segment)),
    recordShutdown: () => append(SHUTDOWN),
    recordDisputed: () => append(DISPUTED),
    touch: (now_ms) => files.touch(join(dir, OWNER), now_ms),
    remove: () => files.remove(dir),
  };
}

/** An epoch whose process is gone, with the segments it recorded and the files still here. */
export type LeftEpoch = {
  readonly files: EpochFiles;
  readonly recorded: readonly ClosedSegment[];
  /** It closed its log itself; only shipping was left. */
  readonly shutdown: boolean;
  /** Its name is another host's. */
  readonly disputed: boolean;
  /** Paths of segment files, in order. */
  readonly segments: readonly string[];
};

export type LeftEpochs = {
  readonly left: readonly LeftEpoch[];
  /** Epochs of processes that cannot be seen from here and were touched lately: look again. */
  readonly unclear: number;
};

/** A shard's epochs that no living process owns. `own`: epochs of this process that still run. */
export async function findLeftEpochs(
  root: string,
  { feed, shard }: { readonly feed: string; readonly shard: string },
  options: Host & { readonly own: (dir: string) => boolean; readonly now_ms: number },
): Promise<LeftEpochs> {
  const { own, now_ms, files = nodeFiles, processes = systemProcesses } = options;
  const left: LeftEpoch[] = [];
  let unclear = 0;
  const base = join(root, feed, shard);
  const entries = files.list(base).filter(isEpochName);
  for (const epoch of entries.sort()) {
    const dir = join(base, epoch);
    const found = own(dir) ? null : await readLeftEpoch(dir, now_ms, { files, processes });
    if (found === 'unclear') unclear += 1;
    else if (found !== null) left.push(found);
  }
  return { left, unclear };
}

async function readLeftEpoch(
  dir: string,
  now_ms: number,
  { files, processes }: Required<Host>,
): Promise<LeftEpoch | 'unclear' | null> {
  const owner = parseJson<Owner>(await textOf(files, join(dir, OWNER)));
  const names = files.list(dir).filter((name) => /^\d{8}\.jsonl$/.test(name));
  const segments = [...names].sort().map((name) => join(dir, name));
  if (owner === null) {
    // Stopped between creating the directory and naming its owner: nothing was written yet.
    if (segments.length === 0) await files.remove(dir);
    return null;
  }
  // Our own epochs that still run are excluded by the caller; what is left of ours has ended.
  const life = processes.look(owner);
  if (life === 'alive') return null;
  if (life === 'unseen') {
    const touched_ms = await files.touchedMs(join(dir, OWNER));
    if (now_ms - touched_ms <= STALE_MS) return 'unclear';
  }
  // A recovery that was itself cut short has recorded some of them again.
  const recorded = new Map<number, ClosedSegment>();
  const text = await textOf(files, join(dir, CLOSED));
  for (const line of text.split('\n')) {
    // A line may be torn; its segment's file is then still here and is read instead.
    const fact = line === SHUTDOWN || line === DISPUTED;
    const segment = fact ? null : parseJson<ClosedSegment>(line);
    if (segment !== null) recorded.set(segment.segment, segment);
  }
  const shutdown = text.split('\n').includes(SHUTDOWN);
  const disputed = text.split('\n').includes(DISPUTED);
  const own_files = openEpochFiles(dir, owner.of, files);
  return { files: own_files, recorded: [...recorded.values()], shutdown, disputed, segments };
}

/** What cannot be read says nothing. */
async function textOf(files: LogFiles, path: string): Promise<string> {
  const bytes = await files.readWhole(path).catch(() => null);
  return bytes === null ? '' : new TextDecoder().decode(bytes);
}

function parseJson<T>(text: string): T | null {
  try {
    return text === '' ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}
