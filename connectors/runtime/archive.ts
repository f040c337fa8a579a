/**
 * From closed segments to the object store: records each on this host, ships it, and writes the
 * inventory of every day that is over once all of the day is there.
 */
import { inventoryKey } from '../../dataset/keys.ts';
import type { Inventory } from '../../schema/log.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { EpochFiles } from './epoch-files.ts';
import { buildInventory, daysOf, openAfter, segmentDay } from './inventory.ts';
import type { ClosedSegment, ConnectionTally } from './log-writer.ts';
import type { Shipper } from './shipper.ts';

export type EpochArchive = {
  /** Takes a segment whose file is complete. */
  readonly add: (segment: ClosedSegment) => void;
  /** Takes one that was recorded and shipped by a process that is gone. */
  readonly addShipped: (segment: ClosedSegment) => void;
  /** Writes the inventories of days before `day` that are shipped and have none. Call it often. */
  readonly settleBefore: (day: Day) => void;
  /** After the log is closed: ships the rest, writes what inventories are missing. */
  readonly finish: (end: 'shutdown' | 'crash', local?: 'remove' | 'keep') => Promise<void>;
  /** Those of the days that have no inventory yet: an epoch may live for months. */
  readonly segments: () => readonly ClosedSegment[];
  /** All there ever were. */
  readonly count: () => number;
};

export function createEpochArchive(deps: {
  readonly files: EpochFiles;
  readonly store: ObjectStore;
  readonly shipper: Shipper;
  readonly report: (event: string, facts: Readonly<Record<string, unknown>>) => void;
  /** Whether the epoch's name is its own: nothing leaves this host before that is known. It is by default. */
  readonly named?: Promise<boolean>;
}): EpochArchive {
  const { files, store, shipper, report, named = Promise.resolve(true) } = deps;
  let segments: ClosedSegment[] = [];
  /** Connections that outlived the days whose segments were let go. */
  let open_connections: readonly ConnectionTally[] = [];
  let count = 0;
  const pending = new Map<Day, number>();
  const written = new Set<Day>();
  const writing = new Set<Day>();

  const open = new Set<Promise<void>>();

  async function archive(segment: ClosedSegment): Promise<void> {
    let recorded = false;
    const before = async (): Promise<void> => {
      if (!recorded) await files.record(segment);
      recorded = true;
    };
    await shipper.ship(segment, { before, disputed: !(await named) });
    // One that was lost is listed too: that it is not there is then a hole, not a silence.
    const day = segmentDay(segment);
    pending.set(day, (pending.get(day) ?? 0) - 1);
  }

  async function write(day: Day, end: Inventory['end']): Promise<void> {
    segments.sort((a, b) => a.segment - b.segment);
    const inventory = buildInventory(files.of, segments, day, end, open_connections);
    const body = new TextEncoder().encode(`${JSON.stringify(inventory)}\n`);
    const key = inventoryKey({ ...files.of, day });
    if (!(await named) || (await isOthers(key))) {
      written.add(day);
      report('inventory.disputed', { key, segments: inventory.segments.length, end });
      return;
    }
    await store.put(key, body, { contentType: 'application/json' });
    written.add(day);
    report('inventory.written', { key, segments: inventory.segments.length, end });
  }

  /** Another host's epoch of this name has written its own: it stays. */
  async function isOthers(key: string): Promise<boolean> {
    const stored = await store.get(key);
    if (stored === null) return false;
    try {
      const { host } = JSON.parse(new TextDecoder().decode(stored.body)) as { host?: unknown };
      return typeof host === 'string' && host !== files.of.host;
    } catch {
      return false;
    }
  }

  /** Lets go of the days that are over and have their inventory, oldest first. */
  function forgetWritten(before: Day): void {
    for (const day of daysOf(segments)) {
      if (day >= before || !written.has(day)) return;
      open_connections = openAfter(open_connections, segments, day);
      segments = segments.filter((segment) => segmentDay(segment) !== day);
      pending.delete(day);
      written.delete(day);
    }
  }

  return {
    add(segment) {
      segments.push(segment);
      count += 1;
      const day = segmentDay(segment);
      pending.set(day, (pending.get(day) ?? 0) + 1);
      const archiving = archive(segment)
        .catch((error: unknown) =>
          report('segment.not_shipped', { path: segment.path, error: String(error) }),
        )
        .finally(() => open.delete(archiving));
      open.add(archiving);
    },
    addShipped(segment) {
      segments.push(segment);
      count += 1;
    },
    settleBefore(day) {
      // Asked each second: the segments of a day are looked through only once there is one to let go.
      if (writing.size === 0 && [...written].some((it) => it < day)) forgetWritten(day);
      for (const [over, count] of pending) {
        if (over >= day || count > 0 || written.has(over) || writing.has(over)) continue;
        writing.add(over);
        write(over, 'day')
          .catch((error: unknown) =>
            report('inventory.failed', { day: over, error: String(error) }),
          )
          .finally(() => writing.delete(over));
      }
    },
    async finish(end, local = 'remove') {
      await Promise.all([...open]);
      const days = daysOf(segments);
      for (const day of days) {
        if ((pending.get(day) ?? 0) > 0) return;
        if (!written.has(day)) await write(day, day === days.at(-1) ? end : 'day');
      }
      if (local === 'remove') await files.remove();
    },
    segments: () => segments,
    count: () => count,
  };
}
