/** Builds windows of a shard's day from its raw segments: one pass of the fold over the day. */
import { Cutter } from '../dataset/cutter.ts';
import type { CutObject, WindowHours } from '../dataset/cutter.ts';
import type { ShardPlan } from '../dataset/day-plan.ts';
import type { ManifestObject } from '../dataset/manifest.ts';
import { projectInto } from '../dataset/projection.ts';
import { rebuildShardDay } from '../dataset/rebuild.ts';
import type { RebuildCounts } from '../dataset/rebuild.ts';
import type { Schema } from '../dataset/version.ts';
import type { Feed } from '../connectors/feed.ts';
import type { Wanted } from '../fold/day-fold.ts';
import { dayEnd } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { writeObjects } from './object-writer.ts';
import type { WriterOf } from './object-writer.ts';
import { loadSegment } from './raw-day.ts';

export type RebuildDay = {
  readonly feed: Feed;
  readonly day: Day;
  readonly plan: ShardPlan;
  readonly window_hours: WindowHours;
  readonly schema: Schema;
  /** Of which symbols to tell; of all where left out. */
  readonly wanted_symbol?: Wanted;
  /** Reads changed segments too, to find out where they were changed; never to build. */
  readonly trust_unproven?: boolean;
};

/**
 * Rebuilds a shard's day and hands every object over as it is finished. `onObjects` is awaited, so
 * that no more is held than the running window.
 */
export async function rebuildObjects(
  deps: Pick<JobDeps, 'raw' | 'zstd' | 'unpackPrefix' | 'sha256'>,
  of: RebuildDay,
  context: Pick<JobContext, 'signal'>,
  onObjects: (objects: readonly CutObject[], t: bigint) => Promise<void>,
): Promise<RebuildCounts> {
  let finished: CutObject[] = [];
  const cutter = new Cutter(of.window_hours, (object) => finished.push(object));
  const project = projectInto(of.schema, cutter);
  const flush = async (t: bigint): Promise<void> => {
    cutter.closeUntil(t);
    const objects = finished;
    finished = [];
    await onObjects(objects, t);
  };
  const counts = await rebuildShardDay({
    feed: of.feed,
    shard: of.plan.shard,
    day: of.day,
    intervals: of.plan.intervals,
    trust_unproven: of.trust_unproven === true,
    load: (segment) => loadSegment(deps, segment, context.signal),
    onEvents: project,
    ...(of.wanted_symbol === undefined ? {} : { wanted: of.wanted_symbol }),
    onSegment: async (t) => {
      await flush(t);
      await breathe(context.signal);
    },
  });
  await flush(dayEnd(of.day));
  return counts;
}

/** Rebuilds and writes the wanted windows (by start); returns what the manifest needs of them. */
export async function writeWindowsFromRaw(
  deps: Pick<JobDeps, 'raw' | 'normalized' | 'zstd' | 'unpackPrefix' | 'sha256' | 'build'>,
  of: RebuildDay & { readonly writer: WriterOf; readonly wanted: (object: CutObject) => boolean },
  context: JobContext,
): Promise<ManifestObject[]> {
  const written: ManifestObject[] = [];
  let records = 0;
  let bytes = 0;
  const stage = `${of.feed.id} ${of.day} ${of.plan.shard}: rebuilding from raw`;
  await rebuildObjects(deps, of, context, async (objects, t) => {
    const wanted = objects.filter(of.wanted);
    const done = await writeObjects(deps, of.writer, wanted, context.signal);
    for (const object of done) {
      records += object.records;
      bytes += object.bytes;
    }
    written.push(...done);
    context.beat({ v: 1, stage, done: [t.toString()], records, bytes });
  });
  return written;
}
