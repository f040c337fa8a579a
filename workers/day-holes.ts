/** The holes of a committed day, read from a store without any worker. */
import { eventsOf } from '../activities/object-events.ts';
import { parseObjectKey } from '../dataset/keys.ts';
import type { Manifest } from '../dataset/manifest.ts';
import type { Hole } from '../qa/check.ts';
import { manifestHole, trackHoles } from '../qa/holes.ts';
import { SsmdError } from '../schema/errors.ts';
import { dayEnd } from '../schema/time.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { sha256, zstd } from '../storage/zstd.ts';

/**
 * Of the manifest and of the status events, by where they begin. Nothing else is read, so a day of any
 * size takes no longer than its gaps.
 * @throws SSMD_INVALID_INPUT for md1, whose records have no gaps; SSMD_CORRUPT as `eventsOf`
 */
export async function holesOf(
  normalized: ObjectStore,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<Hole[]> {
  const { feed, day, version, schema, gaps, objects } = manifest;
  if (schema !== 'md2') {
    const what = `${feed} ${day} ${version} is of ${schema}, which has no gaps among its records`;
    throw new SsmdError('SSMD_INVALID_INPUT', `${what}: name a version of md2`, {
      facts: { feed, day, version, schema },
    });
  }
  const tracker = trackHoles({ to: dayEnd(day) });
  const statuses = objects.filter(({ key }) => parseObjectKey(key)?.type === 'status');
  for await (const event of eventsOf({ normalized, zstd, sha256 }, statuses, signal)) {
    tracker.step(event);
  }
  return [...gaps.map(manifestHole), ...tracker.finish()].sort((a, b) =>
    a.from < b.from ? -1 : a.from > b.from ? 1 : 0,
  );
}
