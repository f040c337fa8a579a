/** Days of a few events under versions of their own, laid down as an archive lays them down. */
import { createMd1Projection, encodeMd1 } from '../../codec/md1.ts';
import { decodeEvents, encodeMarketEvent } from '../../codec/md2.ts';
import { JSON_TYPE } from '../../activities/datasets.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { writeObjects } from '../../activities/object-writer.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import type { CutObject } from '../../dataset/cutter.ts';
import { manifestKey, parseObjectKey } from '../../dataset/keys.ts';
import { buildManifest } from '../../dataset/manifest.ts';
import type { Manifest, ManifestGap, ManifestObject } from '../../dataset/manifest.ts';
import { unpackObject } from '../../dataset/object-codec.ts';
import type { Schema } from '../../dataset/version.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { NS_PER_MINUTE, dayStart, parseDay, unixNs } from '../../schema/time.ts';
import type { Day, UnixNs } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

export const DIFF_DAY = parseDay('2026-11-19') as Day;
export const DIFF_FEED = 'tiny';

/** One event of the day, in its `minute` or where it says. */
export function at<E extends MarketEvent>(event: E, minute: number, ns = 0n): E {
  const t = unixNs(dayStart(DIFF_DAY) + BigInt(minute) * NS_PER_MINUTE + ns);
  return { ...event, t, feed: DIFF_FEED, shard: 'tier1' };
}

const PRICE = { mantissa: 64_000_10n, exponent: -2 };
const SIZE = { mantissa: 5n, exponent: -1 };
const HEAD = { shard: 'tier1', feed: DIFF_FEED, symbol: 'BTCUSD', sequence: null, flags: 0 };
const START = unixNs(0n);

export const TRADE: Extract<MarketEvent, { type: 'trade' }> = {
  ...{ type: 'trade', t: START, ts_event: null, index: 0, ...HEAD },
  ...{ price: PRICE, size: SIZE, side: 'buy', trade_id: '7', order_type: null },
  ...{ first_trade_id: null, last_trade_id: null },
};

export const BOOK: Extract<MarketEvent, { type: 'book' }> = {
  ...{ type: 'book', t: START, ts_event: null, index: 0, ...HEAD },
  ...{ depth: 10, checksum: 1, first_sequence: null, prev_sequence: null, part: null, parts: null },
  bids: [{ price: PRICE, size: SIZE }],
  asks: [{ price: { ...PRICE, mantissa: 64_001_00n }, size: SIZE }],
};

export const TICKER: Extract<MarketEvent, { type: 'ticker' }> = {
  ...{ type: 'ticker', t: START, ts_event: null, index: 0, ...HEAD },
  ...{ last_price: PRICE, last_size: null, bid_price: null, bid_size: null, ask_price: null },
  ...{ ask_size: null, volume: null, quote_volume: null, vwap: null, open: null, high: null },
  ...{ low: null, change: null, change_percent: null, trades: null },
};

export type LaidDay = {
  readonly version: string;
  readonly schema?: Schema;
  /** In the order they are to lie in. */
  readonly events: readonly MarketEvent[];
  /** Minutes of the day at which a new object begins. */
  readonly cuts?: readonly number[];
  readonly gaps?: readonly ManifestGap[];
};

/** Writes the day's objects and its manifest. */
export async function layDay(deps: JobDeps, of: LaidDay): Promise<Manifest> {
  const { version, schema = 'md2', gaps = [] } = of;
  const target = { version, feed: DIFF_FEED, schema, source: 'raw' as const };
  const writer = { ...target, processor: 'test', inputs: [] };
  const signal = new AbortController().signal;
  const objects = await writeObjects(deps, writer, cutDay(of, schema), signal);
  const manifest = buildManifest(
    {
      ...{ version, feed: DIFF_FEED, day: DIFF_DAY, origin: deps.origin, schema },
      ...{ normalizer: 'tiny@1', window_hours: 1, shards: ['tier1'], objects, inputs: [], gaps },
      builds: { archiver: deps.build, connectors: ['test'] },
    },
    deps.sha256,
  );
  await deps.normalized.put(manifestKey(manifest), jsonDocument(manifest), JSON_TYPE);
  return manifest;
}

type Piece = { readonly event: MarketEvent; readonly bytes: Uint8Array };

function cutDay({ events, cuts = [] }: LaidDay, schema: Schema): CutObject[] {
  const shards = new Map<string, ReturnType<typeof createMd1Projection>>();
  const groups = new Map<string, Piece[]>();
  for (const event of events) {
    const project = shards.get(event.shard) ?? createMd1Projection();
    shards.set(event.shard, project);
    const bytes = schema === 'md2' ? encodeMarketEvent(event) : projected(project, event);
    if (bytes === null) continue;
    const minute = Number((event.t - dayStart(DIFF_DAY)) / NS_PER_MINUTE);
    const cut = Math.max(0, ...cuts.filter((it) => it <= minute));
    const name = `${event.type} ${event.symbol} ${cut} ${event.shard}`;
    groups.set(name, [...(groups.get(name) ?? []), { event, bytes }]);
  }
  return [...groups].map(([name, pieces]) => objectOf(Number(name.split(' ')[2]), pieces));
}

function projected(
  project: ReturnType<typeof createMd1Projection>,
  event: MarketEvent,
): Uint8Array | null {
  const record = project(event);
  return record === null ? null : encodeMd1(record);
}

function objectOf(minute: number, pieces: readonly Piece[]): CutObject {
  const instants = pieces.map(({ event }) => event.t);
  const ends = instants.toSorted((a, b) => (a < b ? -1 : 1));
  const [{ event }] = pieces as readonly [Piece, ...Piece[]];
  const start = unixNs(dayStart(DIFF_DAY) + BigInt(minute) * NS_PER_MINUTE);
  return {
    ...{ type: event.type, symbol: event.symbol, start, end: start },
    ...{ first_t: ends[0] as UnixNs, last_t: ends.at(-1) as UnixNs, records: pieces.length },
    plain: Buffer.concat(pieces.map(({ bytes }) => bytes)),
  };
}

type CopyDeps = Pick<JobDeps, 'normalized' | 'zstd' | 'sha256' | 'build'> & {
  /** Another store to write to. */
  readonly to?: ObjectStore;
};

/** Writes a committed day again under another version, each event as `change` leaves it (null: not). */
export async function copyDay(
  deps: CopyDeps,
  of: Manifest,
  version: string,
  change: (event: MarketEvent) => MarketEvent | null,
): Promise<Manifest> {
  const target = { version, feed: of.feed, schema: of.schema, source: 'raw' as const };
  const writer = { ...target, processor: 'test', inputs: [] };
  const objects: ManifestObject[] = [];
  const target_deps = { ...deps, normalized: deps.to ?? deps.normalized };
  for (const object of of.objects) {
    const id = parseObjectKey(object.key);
    const stored = await deps.normalized.get(object.key);
    if (id === null || stored === null) throw new RangeError(`no object ${object.key}`);
    const { plain } = unpackObject(stored.body, deps.zstd, object.key);
    const events = [...decodeEvents(plain)].map(change).filter((it) => it !== null);
    if (events.length === 0) continue;
    const pieces = events.map((event) => ({ event, bytes: encodeMarketEvent(event) }));
    const cut = { ...objectOf(0, pieces), start: id.t };
    objects.push(...(await writeObjects(target_deps, writer, [cut], new AbortController().signal)));
  }
  const manifest = buildManifest({ ...of, version, objects }, deps.sha256);
  await target_deps.normalized.put(manifestKey(manifest), jsonDocument(manifest), JSON_TYPE);
  return manifest;
}
