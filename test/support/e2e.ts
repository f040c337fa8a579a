/**
 * What an end-to-end test stands on: real servers, an environment on them, the jobs' dependencies over
 * its buckets, and two independent ways to say what a shard's events are: what the bus holds, and what
 * its RAW folds to.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import type { JobDeps } from '../../activities/deps.ts';
import { readManifest } from '../../activities/datasets.ts';
import type { QaDeps } from '../../activities/qa.ts';
import type { Bus } from '../../bus/bus.ts';
import { parseRawSegmentKey } from '../../dataset/keys.ts';
import { decodeEvents, messageLength, readHeader } from '../../codec/md2.ts';
import type { Feed } from '../../connectors/feed.ts';
import { FEEDS } from '../../connectors/registry.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { unpackObject } from '../../dataset/object-codec.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import type { Endpoints } from '../../environments/endpoints.ts';
import { feedsOf, shardsOf } from '../../environments/env.ts';
import type { Environment } from '../../environments/env.ts';
import { parseSuite } from '../../environments/qa-suite.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import { renderReport } from '../../qa/report.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { EventOf } from '../../schema/events.ts';
import { dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { zstd } from '../../storage/zstd.ts';
import { openBus, openStores } from '../../workers/adapters.ts';
import { expectedSymbols } from '../../workers/quality.ts';
import { archiveDay } from './archive-run.ts';
import { testEnvironment } from './connector-process.ts';
import { memoryJobs } from './memory-jobs.ts';
import { projectRoot } from './project.ts';
import { factsOf, readSegment } from './runtime.ts';
import type { ReadLine } from './runtime.ts';
import { startTestServers } from './servers.ts';
import type { TestServers } from './servers.ts';

export type Stage = AsyncDisposable & {
  readonly servers: TestServers;
  readonly environment: Environment;
  readonly endpoints: Endpoints;
  /** The same as variables, for processes of their own. */
  readonly variables: Readonly<Record<string, string>>;
  readonly raw: ObjectStore;
  readonly bus: Bus;
  /** A normalized bucket of its own on the same server. */
  readonly bucket: (name: string) => Promise<ObjectStore>;
};

export function feedOf(id: string): Feed {
  const feed = FEEDS.get(id);
  if (feed === undefined) throw new Error(`no feed ${id}`);
  return feed;
}

/** nats-server, versitygw, and the test environment's buckets and stream on them. */
export async function openStage(): Promise<Stage> {
  const servers = await startTestServers({ nats: true, s3: true });
  const environment = testEnvironment();
  const { nats, s3 } = servers;
  const variables = {
    ...stackVariables({ nats, s3, temporal: null }),
    TEMPORAL_ADDRESS: 'none',
  };
  const endpoints = endpointsOf(environment, variables);
  const stores = await openStores(environment, endpoints);
  const bus = await openBus(environment, endpoints, { name: 'e2e', wait: false });
  const buckets: AsyncDisposable[] = [stores];
  return {
    ...{ servers, environment, endpoints, variables, bus },
    raw: stores.raw,
    async bucket(name) {
      const store = createS3ObjectStore({ ...endpoints.s3, bucket: name });
      await store.ensureBucket();
      buckets.push(store);
      return store;
    },
    async [Symbol.asyncDispose]() {
      await bus.close();
      for (const bucket of buckets) await bucket[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
    },
  };
}

/** What a worker of the environment would hand its jobs, at the instant `now` (ISO text). */
export function jobsOf(
  environment: Environment,
  now: string,
  other: Pick<JobDeps, 'raw' | 'normalized' | 'bus'> & Partial<JobDeps>,
): JobDeps & QaDeps {
  return {
    ...memoryJobs(now, {
      feeds: FEEDS,
      shardsOf: (feed) => shardsOf(environment, feed),
      configuredFeeds: feedsOf(environment),
      ...other,
    }),
    suiteOf(feed) {
      const file = `qa/${feed}.yaml`;
      return parseSuite(file, readFileSync(join(projectRoot, file), 'utf8'));
    },
    expectedSymbols: (feed) => expectedSymbols(environment, feed),
    renderReport,
  };
}

/** The lines of every epoch of a feed that the raw bucket holds, each checked; by epoch. */
export async function readEpochs(
  store: ObjectStore,
  feed: string,
): Promise<ReadonlyMap<number, readonly ReadLine[]>> {
  const keys: { readonly key: string; readonly epoch: number }[] = [];
  for await (const { key } of store.list(`raw/${feed}/`)) {
    const id = parseRawSegmentKey(key);
    if (id !== null) keys.push({ key, epoch: id.epoch });
  }
  const segments: { epoch: number; segment: number; lines: ReadLine[] }[] = [];
  for (let first = 0; first < keys.length; first += GETS_MAX) {
    const some = keys.slice(first, first + GETS_MAX).map(async ({ key, epoch }) => {
      const stored = await store.get(key);
      if (stored === null) throw new Error(`${key} went away`);
      return { epoch, ...readSegment(zstdDecompressSync(stored.body)) };
    });
    segments.push(...(await Promise.all(some)));
  }
  segments.sort((a, b) => a.epoch - b.epoch || a.segment - b.segment);
  const epochs = new Map<number, ReadLine[]>();
  for (const { epoch, lines } of segments) {
    const known = epochs.get(epoch);
    if (known === undefined) epochs.set(epoch, lines);
    else for (const line of lines) known.push(line);
  }
  return epochs;
}
const GETS_MAX = 8;

/** Events by identity `{epoch} {t} {type} {symbol} {index}`: the bytes of each. */
export type Events = Map<string, Uint8Array>;

/** What the bus holds of a shard; a repeat has to be the same to the byte. */
export async function eventsOnBus(
  bus: Bus,
  of: { readonly shard: string; readonly feed: string },
): Promise<{ readonly events: Events; readonly repeats: number; readonly late: number }> {
  const events: Events = new Map();
  let repeats = 0;
  let late = 0;
  const { first_seq } = await bus.bounds();
  for await (const message of bus.readRange({ ...of, from_seq: first_seq })) {
    if (message.subject.startsWith('ctl.')) continue;
    const [, , , type = '', symbol = ''] = message.subject.split('.');
    if (message.header('late') === '1') late++;
    for (const { t, index, bytes } of eventsIn(message.data)) {
      const id = `${message.header('epoch')} ${t} ${type} ${symbol} ${index}`;
      const known = events.get(id);
      if (known === undefined) events.set(id, bytes);
      else {
        repeats++;
        assert.ok(Buffer.compare(known, bytes) === 0, `${id} came twice, with other bytes`);
      }
    }
  }
  return { events, repeats, late };
}

/** The messages of a Cap'n Proto stream of ours, one an event. */
export function* eventsIn(
  data: Uint8Array,
): Generator<{ readonly t: bigint; readonly index: number; readonly bytes: Uint8Array }> {
  for (let at = 0; at < data.length;) {
    const length = messageLength(data, at);
    const { t, index } = readHeader(data, at);
    yield { t, index, bytes: data.subarray(at, at + length) };
    at += length;
  }
}

/** What one epoch's lines fold to, both days of a midnight included: what its connector published. */
export function foldLines(
  feed: Feed,
  of: { readonly shard: string; readonly epoch: number },
  lines: readonly ReadLine[],
): Events {
  const fold = createShardFold(feed, of.shard);
  const events: Events = new Map();
  for (const line of lines) {
    if (line.type === 'fact') fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = Buffer.from(`${line.frame}\0`, 'latin1');
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
    const { out } = fold;
    for (let at = 0; at < out.count; at++) {
      const [event] = eventsIn(out.view(at));
      if (event === undefined) throw new Error('an event of the fold has no bytes');
      const type = EVENT_TYPES[out.type[at] as number];
      const id = `${of.epoch} ${event.t} ${type} ${out.symbol[at]} ${event.index}`;
      events.set(id, event.bytes.slice());
    }
    out.clear();
  }
  return events;
}

/** Fails with the first events of which one side has other bytes, or none. */
export function assertSameEvents(found: Events, wanted: Events, what: string): void {
  const wrong: string[] = [];
  for (const [id, bytes] of wanted) {
    const there = found.get(id);
    if (there === undefined) wrong.push(`${id} is missing`);
    else if (Buffer.compare(there, bytes) !== 0) wrong.push(`${id} has other bytes`);
  }
  for (const id of found.keys()) if (!wanted.has(id)) wrong.push(`${id} should not be there`);
  assert.deepEqual(
    wrong.slice(0, 5),
    [],
    `${what}: ${wrong.length} of ${wanted.size} events differ`,
  );
}

/** `t` of an event's identity. */
export const tOf = (id: string): bigint => BigInt(id.split(' ')[1] ?? '');
/** When and after whom an epoch took the shard. */
export const takeOf = (lines: readonly ReadLine[]) => factsOf(lines, '_take')[0];

/**
 * Holds the bus against what each epoch's log folds to: of every epoch the bus has a beginning, equal
 * to the byte, and nothing else. Returns what is missing of each at its end.
 */
export function assertEpochsOnBus(
  feed: string,
  onBus: Events,
  epochs: readonly (readonly [number, readonly ReadLine[]])[],
  shard = 'tier1',
): { readonly missing: readonly (readonly string[])[]; readonly spoken: Events } {
  const missing: string[][] = [];
  const spoken: Events = new Map();
  for (const [index, [epoch, lines]] of epochs.entries()) {
    const folded = foldLines(feedOf(feed), { shard, epoch }, lines);
    const until = takeOf(epochs[index + 1]?.[1] ?? [])?.at ?? 2n ** 62n;
    for (const [id, bytes] of folded) {
      if (tOf(id) < until) spoken.set(id.slice(id.indexOf(' ') + 1), bytes);
    }
    const own = new Map([...onBus].filter(([id]) => id.startsWith(`${epoch} `)));
    const last_t = [...own.keys()].map(tOf).reduce((a, b) => (b > a ? b : a), 0n);
    const tail = [...folded.keys()].filter((id) => !own.has(id));
    assert.ok(
      tail.every((id) => tOf(id) >= last_t),
      `of epoch ${epoch} only a tail is missing`,
    );
    for (const id of tail) folded.delete(id);
    assertSameEvents(own, folded, `epoch ${epoch} on the bus`);
    missing.push(tail);
  }
  return { missing, spoken };
}

/** The archive of a day is what its epochs spoke, each until the next one took over. */
export async function assertArchiveIsSpoken(
  jobs: JobDeps,
  of: { readonly version: string; readonly feed: string; readonly day: Day },
  spoken: Events,
): Promise<void> {
  const archived = await eventsArchived(jobs, of);
  const wanted = [...spoken].filter(([id]) => {
    const t = BigInt(id.slice(0, id.indexOf(' ')));
    return t >= dayStart(of.day) && t < dayEnd(of.day);
  });
  assertSameEvents(archived, new Map(wanted), `the archive of ${of.day} against each epoch's fold`);
}

/** Every hole between two epochs is in the archive: from the last position to where the next speaks. */
export function assertTakeOvers(
  status: readonly EventOf<'status'>[],
  epochs: readonly (readonly [number, readonly ReadLine[]])[],
): void {
  const gaps = status.filter((it) => it.cause === 'take_over' && it.kind === 'gap_opened');
  const takes = epochs.flatMap(([, lines]) => takeOf(lines) ?? []);
  assert.deepEqual(
    gaps.map(({ from, to }) => [from, to]),
    takes.map(({ prev, at }) => (prev === null ? [null, null] : [BigInt(prev.t), at])),
  );
}

export async function statusEvents(
  jobs: JobDeps,
  of: { readonly version: string; readonly feed: string; readonly day: Day },
): Promise<EventOf<'status'>[]> {
  const { objects } = await manifestOf(jobs, of);
  const events: EventOf<'status'>[] = [];
  for (const { key } of objects.filter((it) => it.key.includes(`/${of.feed}/status/`))) {
    for (const event of decodeEvents(await plainOf(jobs, key))) {
      if (event.type === 'status') events.push(event);
    }
  }
  return events;
}

export type Compared = {
  readonly objects: number;
  readonly records: number;
  readonly bytes: number;
  readonly from_bus: number;
};

/**
 * Holds two archives of one day against each other, object by object, by the plain bytes read back
 * from the store: not by what their manifests say of themselves.
 */
export async function assertSameArchive(
  one: JobDeps,
  other: JobDeps,
  of: { readonly version: string; readonly feed: string; readonly day: Day },
): Promise<Compared> {
  const [left, right] = [await manifestOf(one, of), await manifestOf(other, of)];
  assert.deepEqual(
    left.objects.map(({ key, records }) => [key, records]),
    right.objects.map(({ key, records }) => [key, records]),
    'the same objects, and none beside them',
  );
  let bytes = 0;
  for (const { key } of left.objects) {
    const [a, b] = [await plainOf(one, key), await plainOf(other, key)];
    assert.ok(a.length > 0 && Buffer.compare(a, b) === 0, `${key} differs`);
    bytes += a.length;
  }
  assert.equal(left.content_id, right.content_id);
  assert.deepEqual(left.gaps, right.gaps);
  assert.deepEqual(left.inputs, right.inputs);
  return {
    objects: left.objects.length,
    records: left.totals.records,
    bytes,
    from_bus: left.objects.filter(({ source }) => source === 'bus').length,
  };
}

/** Every event of an archived day, as `{t} {type} {symbol} {index}`, read from its objects. */
export async function eventsArchived(
  jobs: JobDeps,
  of: { readonly version: string; readonly feed: string; readonly day: Day },
): Promise<Events> {
  const events: Events = new Map();
  for (const { key } of (await manifestOf(jobs, of)).objects) {
    const [, , , type, symbol] = key.split('/');
    for (const { t, index, bytes } of eventsIn(await plainOf(jobs, key))) {
      const id = `${t} ${type} ${symbol} ${index}`;
      assert.ok(!events.has(id), `${id} is archived twice`);
      events.set(id, bytes);
    }
  }
  return events;
}

export type Twins = {
  readonly live: JobDeps;
  readonly version: string;
  readonly compared: Compared;
  /** Hours of the day that came from the bus, in the archive that had one. */
  readonly bus_hours: readonly number[];
  readonly complete: boolean;
};

let twins = 0;

/** Archives a shard's day twice, with the bus and from RAW alone, and holds one against the other. */
export async function archiveBoth(
  { environment, raw, bus, bucket }: Stage,
  { feed, day, now }: { readonly feed: string; readonly day: Day; readonly now: string },
): Promise<Twins> {
  const of = { feed, day };
  const name = `twin-${++twins}`;
  const live = jobsOf(environment, now, { raw, bus, normalized: await bucket(`${name}-live`) });
  const rebuilt = jobsOf(environment, now, {
    ...{ raw, bus: null, normalized: await bucket(`${name}-rebuilt`) },
  });
  const { plan, committed } = await archiveDay(live, of);
  const other = await archiveDay(rebuilt, of);
  assert.equal(other.committed.from_bus, 0, 'the other one has never seen the bus');
  const windows = plan.shards.flatMap((it) => it.windows);
  const bus_hours = windows.filter((it) => it.source === 'bus').map((it) => it.hour);
  const { version } = plan;
  assert.equal(other.plan.version, version);
  const compared = await assertSameArchive(live, rebuilt, { ...of, version });
  assert.equal(committed.from_bus, compared.from_bus);
  return { live, version, compared, bus_hours, complete: committed.complete };
}

export async function manifestOf(
  jobs: JobDeps,
  of: { readonly version: string; readonly feed: string; readonly day: Day },
): Promise<Manifest> {
  const manifest = await readManifest(jobs, of);
  assert.ok(manifest, `${of.feed} ${of.day} has a manifest`);
  return manifest;
}

/** The Cap'n Proto stream of an object as it lies in the store. */
export async function plainOf({ normalized }: JobDeps, key: string): Promise<Uint8Array> {
  const stored = await normalized.get(key);
  assert.ok(stored, `${key} is there`);
  return unpackObject(stored.body, zstd, key).plain;
}
