/** The windows of a planned day as they are staged, and what they come to. */
import type { ManifestObject } from '../dataset/manifest.ts';
import { SsmdError } from '../schema/errors.ts';
import type { ArchivePlan } from './archive-plan.ts';
import { readStagedWindow } from './datasets.ts';
import type { StagedWindow } from './datasets.ts';
import type { JobDeps } from './deps.ts';

/** What a step did, small enough for a history. */
export type Written = {
  readonly objects: number;
  readonly records: number;
  readonly bytes: number;
};

/** Every window of the day, staged as it was planned, or `SSMD_LATE_RAW`: then it is planned again. */
export async function plannedWindows(deps: JobDeps, plan: ArchivePlan): Promise<StagedWindow[]> {
  const found: StagedWindow[] = [];
  for (const { shard, windows } of plan.shards) {
    const hours = windows.map((it) => it.hour);
    const staged = await stagedWindows(deps, plan, shard, hours);
    for (const [index, window] of staged.entries()) {
      const planned = windows[index]?.source;
      const usable =
        window?.source === planned && (planned === 'bus' || window?.basis === plan.inputs_id);
      if (window === null || !usable) {
        throw new SsmdError(
          'SSMD_LATE_RAW',
          `window ${hours[index]} of ${plan.feed} ${plan.day} ${shard} is not staged as planned ` +
            `(from ${planned}); the day is planned again`,
          { facts: { replan: true, shard, hour: hours[index], planned } },
        );
      }
      found.push(window);
    }
  }
  return found;
}

/** Some windows of a shard; null where one is not staged. */
export function stagedWindows(
  deps: JobDeps,
  plan: ArchivePlan,
  shard: string,
  hours: readonly number[],
): Promise<(StagedWindow | null)[]> {
  const { version, feed, day } = plan;
  return Promise.all(
    hours.map((hour) => readStagedWindow(deps, { version, feed, day, shard, hour })),
  );
}

export function countOf(objects: readonly ManifestObject[]): Written {
  let records = 0;
  let bytes = 0;
  for (const object of objects) {
    records += object.records;
    bytes += object.bytes;
  }
  return { objects: objects.length, records, bytes };
}
