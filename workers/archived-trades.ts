/** Trades of a committed day with where they were captured, read from a store without any worker. */
import { eventsOf } from '../activities/object-events.ts';
import { captureLookup } from '../dataset/captures.ts';
import { parseObjectKey } from '../dataset/keys.ts';
import type { Manifest } from '../dataset/manifest.ts';
import { FLAG } from '../schema/events.ts';
import type { MarketEvent } from '../schema/events.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { sha256, zstd } from '../storage/zstd.ts';

/** What stands where a manifest does not say how its lines were captured. */
export const UNKNOWN_LOCATION = 'unknown';

type Trade = Extract<MarketEvent, { readonly type: 'trade' }>;

const NOT_OF_NOW = FLAG.SNAPSHOT | FLAG.HISTORY | FLAG.BAD_TS_RECV;

/** Trades that a trusted clock received as they happened, with where: no history, no stepped clock. */
export async function* tradesOf(
  normalized: ObjectStore,
  { objects, captures = [] }: Manifest,
  symbol: string | null,
  signal: AbortSignal,
): AsyncGenerator<{ readonly trade: Trade; readonly id: string; readonly location: string }> {
  const spanOf = captureLookup(captures);
  const own = objects.filter(({ key }) => {
    const of = parseObjectKey(key);
    return of?.type === 'trade' && (symbol === null || of.symbol === symbol);
  });
  for await (const event of eventsOf({ normalized, zstd, sha256 }, own, signal)) {
    if (event.type !== 'trade') continue;
    if ((event.flags & NOT_OF_NOW) !== 0) continue;
    const location = spanOf(event.shard, event.t)?.location_id ?? UNKNOWN_LOCATION;
    yield { trade: event, id: `${event.trade_id ?? ''}`, location };
  }
}
