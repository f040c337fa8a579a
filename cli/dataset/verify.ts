/** `ssmd dataset verify`: a committed day's objects, read back and held against its manifest. */
import type { Manifest } from '../../dataset/manifest.ts';
import { plainOrFault } from '../../dataset/object-check.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { sha256, zstd } from '../../storage/zstd.ts';
import type { CliContext } from '../command.ts';

export type Verified = {
  readonly feed: string;
  readonly day: string;
  readonly version: string;
  readonly content_id: string;
  readonly objects: number;
  readonly records: number;
  readonly faults: readonly { readonly key: string; readonly fault: string }[];
};

/** Reads every object once, with progress. */
export async function verifyManifest(
  store: ObjectStore,
  manifest: Manifest,
  { output, interrupted }: CliContext,
): Promise<Verified> {
  const { feed, day, version, schema, content_id, objects, totals } = manifest;
  const label = `verifying ${feed} ${day} ${version}`;
  const bar = output.progress({ label, total: totals.bytes, unit: 'bytes' });
  const faults: { key: string; fault: string }[] = [];
  let bytes = 0;
  try {
    for (const object of objects) {
      interrupted.throwIfAborted();
      const stored = await store.get(object.key, { signal: interrupted });
      const read =
        stored === null
          ? 'it is not there'
          : plainOrFault(stored.body, object, schema, { zstd, sha256 });
      if (typeof read === 'string') faults.push({ key: object.key, fault: read });
      bytes += object.bytes;
      bar.update(bytes);
    }
  } finally {
    bar.end();
  }
  const { records } = totals;
  return { feed, day, version, content_id, objects: objects.length, records, faults };
}
