/** Events of committed objects, read back and held against the manifest. */
import { decodeEvents } from '../codec/md2.ts';
import type { ManifestObject } from '../dataset/manifest.ts';
import { unpackObject } from '../dataset/object-codec.ts';
import { SsmdError } from '../schema/errors.ts';
import type { MarketEvent } from '../schema/events.ts';
import type { JobDeps } from './deps.ts';

/**
 * All events of objects of md2, one object after the other.
 * @throws SSMD_CORRUPT where an object is not there or not what the manifest says
 */
export async function* eventsOf(
  deps: Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'>,
  objects: readonly ManifestObject[],
  signal: AbortSignal,
): AsyncGenerator<MarketEvent> {
  for (const { key, plain_sha256 } of objects) {
    const stored = await deps.normalized.get(key, { signal });
    if (stored === null) throw notAsCommitted(key, 'is not there');
    const { plain } = unpackObject(stored.body, deps.zstd, key);
    // Results name what they were made from by its hash: it has to be that.
    const found = deps.sha256(plain);
    if (found !== plain_sha256) {
      throw notAsCommitted(key, `has plain sha256 ${found}, not ${plain_sha256}`);
    }
    yield* decodeEvents(plain);
  }
}

function notAsCommitted(key: string, what: string): SsmdError {
  const message = `object ${key} of the manifest ${what}; run audit`;
  return new SsmdError('SSMD_CORRUPT', message, { facts: { key } });
}
