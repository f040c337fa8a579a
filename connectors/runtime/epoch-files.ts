/**
 * What an epoch keeps on this host beside its segments: whose it is (`owner.json`) and the segments it
 * has closed (`closed.jsonl`), since those files go once they are shipped and the inventory still has
 * to name them after a crash.
 */
import { appendFile, readFile, readdir, rm, stat, unlink, utimes } from 'node:fs/promises';
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { InventoryOf } from './inventory.ts';
import type { ClosedSegment } from './log-writer.ts';

const OWNER = 'owner.json';
const CLOSED = 'closed.jsonl';
const SHUTDOWN = '{"end":"shutdown"}';

/** Which process writes here: its id and when it started, since ids are used again. */
type Owner = {
  readonly pid: number;
  readonly started: string;
  /** Of process ids: two containers that share a folder are both process 1 of their own. */
  readonly namespace: string;
  readonly of: InventoryOf;
};

/** A process of another namespace is dead when its epoch was not touched for this long. */
export const STALE_MS = 60_000;

export type EpochFiles = {
  readonly dir: string;
  readonly of: InventoryOf;
  /** Adds to the record of closed segments; rejects where the disk refuses. */
  readonly record: (segment: ClosedSegment) => Promise<void>;
  /** The log was closed in order: what is found later is no crash. */
  readonly recordShutdown: () => Promise<void>;
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

/** Claims the directory of a new epoch; it must not exist. */
export function createEpochFiles(root: string, of: InventoryOf): EpochFiles {
  const dir = epochDirectory(root, of);
  mkdirSync(dirname(dir), { recursive: true });
  mkdirSync(dir);
  const owner: Owner = {
    pid: process.pid,
    started: processStart(process.pid),
    namespace: pidNamespace(),
    of,
  };
  writeFileSync(join(dir, OWNER), JSON.stringify(owner));
  return openEpochFiles(dir, of);
}

function openEpochFiles(dir: string, of: InventoryOf): EpochFiles {
  // On a line of its own, also behind one that a full disk or a power loss has torn.
  const append = (line: string): Promise<void> =>
    appendFile(join(dir, CLOSED), `\n${line}\n`, { flush: true });
  return {
    dir,
    of,
    record: (segment) => append(JSON.stringify(segment)),
    recordShutdown: () => append(SHUTDOWN),
    touch: (now_ms) => utimes(join(dir, OWNER), now_ms / 1000, now_ms / 1000),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** An epoch whose process is gone, with the segments it recorded and the files still here. */
export type LeftEpoch = {
  readonly files: EpochFiles;
  readonly recorded: readonly ClosedSegment[];
  /** It closed its log itself; only shipping was left. */
  readonly shutdown: boolean;
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
  { own, now_ms }: { readonly own: (dir: string) => boolean; readonly now_ms: number },
): Promise<LeftEpochs> {
  const left: LeftEpoch[] = [];
  let unclear = 0;
  const base = join(root, feed, shard);
  const entries = await readdir(base).catch(() => []);
  for (const epoch of entries.filter((name) => /^\d{1,16}$/.test(name)).sort()) {
    const dir = join(base, epoch);
    const found = own(dir) ? null : await readLeftEpoch(dir, now_ms);
    if (found === 'unclear') unclear += 1;
    else if (found !== null) left.push(found);
  }
  return { left, unclear };
}

async function readLeftEpoch(dir: string, now_ms: number): Promise<LeftEpoch | 'unclear' | null> {
  const owner = await readOwner(dir);
  const entries = (await readdir(dir)).sort();
  const segments = entries
    .filter((name) => /^\d{8}\.jsonl$/.test(name))
    .map((name) => join(dir, name));
  if (owner === null) {
    // Stopped between creating the directory and naming its owner: nothing was written yet.
    if (segments.length === 0) await rm(dir, { recursive: true, force: true });
    return null;
  }
  if (owner.namespace !== pidNamespace()) {
    const touched = await stat(join(dir, OWNER));
    if (now_ms - touched.mtimeMs <= STALE_MS) return 'unclear';
  } else if (isAlive(owner)) return null;
  // A recovery that was itself cut short has recorded some of them again.
  const recorded = new Map<number, ClosedSegment>();
  const text = await readFile(join(dir, CLOSED), 'utf8').catch(() => '');
  for (const line of text.split('\n')) {
    // A line may be torn; its segment's file is then still here and is read instead.
    const segment = line === SHUTDOWN ? null : parseJson<ClosedSegment>(line);
    if (segment !== null) recorded.set(segment.segment, segment);
  }
  const shutdown = text.split('\n').includes(SHUTDOWN);
  const files = openEpochFiles(dir, owner.of);
  return { files, recorded: [...recorded.values()], shutdown, segments };
}

export async function removeSegmentFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}

async function readOwner(dir: string): Promise<Owner | null> {
  return parseJson<Owner>(await readFile(join(dir, OWNER), 'utf8').catch(() => ''));
}

function parseJson<T>(text: string): T | null {
  try {
    return text === '' ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

function isAlive(owner: Owner): boolean {
  // Our own epochs that still run are excluded by the caller; what is left of ours has ended.
  if (owner.pid === process.pid) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return processStart(owner.pid) === owner.started;
}

/** Linux: boot and start time of a process in ticks; elsewhere '' and the id alone has to do. */
function processStart(pid: number): string {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${line.slice(line.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return '';
  }
}

/** Linux: names the set of processes whose ids can be compared; elsewhere there is one. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
