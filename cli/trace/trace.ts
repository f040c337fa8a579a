/** `ssmd trace`: from the name of an event to its frame, and all that is known of both. */
import type { Bus } from '../../bus/bus.ts';
import type { Feed } from '../../connectors/feed.ts';
import { parseInventoryKey, parseRawSegmentKey, inventoryPrefix } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import { SsmdError } from '../../schema/errors.ts';
import { formatEventId } from '../../schema/event-id.ts';
import type { EventId, LineId } from '../../schema/event-id.ts';
import type { Facts, Inventory } from '../../schema/log.ts';
import { addDays, dayEnd, dayOf, dayStart, formatIso } from '../../schema/time.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { countOf } from '../format.ts';
import { shardSources } from '../log/sources.ts';
import type { Bucket, FoundShard } from '../log/sources.ts';
import { identifyFrame, requestFor } from './asked.ts';
import type { FrameIs } from './asked.ts';
import { findLine } from './raw-line.ts';
import type { LineFound, Nearest, RawLine } from './raw-line.ts';
import { readDay, speakLine, whySilent } from './speak.ts';
import type { At, EpochFacts, ReadDay, Spoken } from './speak.ts';
import { equalBytes, findInObjects, findOnBus, manifestsOfDay } from './stored.ts';
import type { Stored } from './stored.ts';

export type TraceDeps = {
  readonly feed: Feed;
  readonly raw: Bucket | null;
  readonly normalized: Bucket | null;
  readonly bus: Bus | null;
  readonly log_dir: string | null;
  readonly signal: AbortSignal;
  /** Told of what could not be looked at, and of what lies there that is not ours. */
  readonly note: (text: string) => void;
  readonly onProgress: (done: number, total: number, stage: string) => void;
};

export type TraceOptions = {
  readonly line: LineId;
  /** Null: all that the line says. */
  readonly event: EventId | null;
  readonly around: number;
  /** Reads the day up to the line and folds it; else the line alone is shown. */
  readonly fold: boolean;
};

export type TracedEvent = {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly stored: readonly (Stored & { readonly equal: boolean })[];
};

export type Trace = {
  readonly of: string;
  readonly hit: LineFound;
  readonly segment_key: string | null;
  /** Of the segment's plain content; null where it was not folded. */
  readonly segment_sha256: string | null;
  /** Versions whose day was made from this very segment, and those that were made from another. */
  readonly versions: readonly { readonly version: string; readonly same_segment: boolean | null }[];
  readonly is: FrameIs | null;
  readonly opened: At<Facts['_open']> | null;
  readonly closed: At<Facts['_close']> | null;
  readonly asked: At<Facts['_sent']> | null;
  readonly speaks: Spoken | null;
  readonly silent: string | null;
  readonly events: readonly TracedEvent[];
  /** What copies of it were looked for in. */
  readonly looked: { readonly archive: boolean; readonly bus: boolean };
};

/** @throws SSMD_NOT_FOUND naming what was looked at and which lines are nearest */
export async function traceEvent(options: TraceOptions, deps: TraceDeps): Promise<Trace> {
  const { line } = options;
  const day = dayOf(line.t);
  const shard = await shardSources(
    { feed: line.feed, shard: line.shard, from: dayStart(day) - HOUR_NS, to: dayEnd(day) },
    { bucket: deps.raw, log_dir: deps.log_dir },
  );
  for (const name of shard.foreign) deps.note(`ignored, no segment of ours: ${name}`);
  const { found, nearest } = await findLine(line.t, shard.segments, options.around, deps.signal);
  if (found.length === 0) throw await notFound(options, deps, shard, nearest);
  const manifests =
    deps.normalized === null
      ? []
      : await manifestsOfDay(deps.normalized.store, line.feed, day).catch(unreachable(deps));
  const read = options.fold ? await readUpTo(line, shard, deps) : null;
  const hit = found.find((it) => speaks(read, it, line.t)) ?? (found[0] as LineFound);
  const about = aboutLine(hit, read, deps.feed);
  const spoken = read === null ? null : await speak(read, hit, options, deps);
  const events = await withStored(spoken?.events ?? [], options, manifests, deps);
  const key =
    parseRawSegmentKey(keyOf(hit.of.source.name)) === null ? null : keyOf(hit.of.source.name);
  const survey = read?.surveys.find(
    (it) => it.id.epoch === hit.of.id.epoch && it.id.t === hit.of.id.t,
  );
  const sha256 = survey?.sha256 ?? null;
  if (options.event !== null && spoken !== null && events.length === 0) {
    throw otherEvents(
      options.event,
      hit,
      spoken.events.map((it) => formatEventId({ ...line, ...it })),
      {
        counted: spoken.counted,
        silent: spoken.silent,
        is: about.is,
      },
    );
  }
  return {
    of:
      options.event === null
        ? `${line.feed}/${line.shard}/${line.t}`
        : formatEventId(options.event),
    hit,
    segment_key: key,
    segment_sha256: sha256,
    versions: manifests.map((it) => ({
      version: it.version,
      same_segment: sameSegment(it, key, sha256),
    })),
    ...about,
    speaks: spoken === null ? null : { events: spoken.events, counted: spoken.counted },
    silent: spoken?.silent ?? null,
    events,
    looked: { archive: deps.normalized !== null, bus: deps.bus !== null },
  };
}

const HOUR_NS = 3_600_000_000_000n;

function keyOf(name: string): string {
  return name.replace(/^s3:\/\/[^/]+\//, '');
}

function sameSegment(
  manifest: Manifest,
  key: string | null,
  sha256: string | null,
): boolean | null {
  const input = manifest.inputs.find((it) => it.key === key);
  return input === undefined || sha256 === null ? null : input.sha256 === sha256;
}

/** The day up to the line's minute, read and planned. */
async function readUpTo(line: LineId, shard: FoundShard, deps: TraceDeps): Promise<ReadDay> {
  const day = dayOf(line.t);
  const segments = shard.segments.filter(({ id }) => id.t <= line.t);
  const store = deps.raw?.store ?? null;
  return await readDay(
    {
      ...{ feed: line.feed, shard: line.shard, day, segments },
      inventories: await inventoriesOf(store, line, day),
      previous_inventories: await inventoriesOf(store, line, addDays(day, -1)),
    },
    line.t,
    {
      signal: deps.signal,
      onRead: (count) => deps.onProgress(count, segments.length, 'reading'),
    },
  );
}

async function inventoriesOf(
  store: ObjectStore | null,
  { feed, shard }: LineId,
  day: ReturnType<typeof dayOf>,
): Promise<Inventory[]> {
  const found: Inventory[] = [];
  if (store === null) return found;
  for await (const { key } of store.list(inventoryPrefix(feed, day))) {
    if (parseInventoryKey(key)?.shard !== shard) continue;
    const stored = await store.get(key);
    try {
      if (stored !== null)
        found.push(JSON.parse(new TextDecoder().decode(stored.body)) as Inventory);
    } catch {
      // One that cannot be read vouches for nothing.
    }
  }
  return found.filter((it) => Array.isArray(it.segments));
}

function speaks(read: ReadDay | null, { of }: LineFound, t: bigint): boolean {
  return read === null || read.interval(of.id.epoch, t) !== null;
}

/** Its frame, its connection, and what was asked for on it. */
function aboutLine(
  { of, line }: LineFound,
  read: ReadDay | null,
  feed: Feed,
): Pick<Trace, 'is' | 'opened' | 'closed' | 'asked'> {
  const facts: EpochFacts | null = read?.facts.get(of.id.epoch) ?? null;
  const config = facts?.config ?? null;
  const c = line.frame?.c ?? connectionOf(line);
  const is = line.frame === null ? null : identifyFrame(feed, config, line.t, line.frame.bytes);
  const of_c = { c: c ?? -1, t: line.t };
  return {
    is,
    opened: c === null ? null : (facts?.opened.get(c) ?? null),
    closed: c === null ? null : (facts?.closed.get(c) ?? null),
    asked:
      is === null || config === null
        ? null
        : requestFor(feed, config, { ...of_c, is }, facts?.sent ?? []),
  };
}

function connectionOf({ fact }: RawLine): number | null {
  if (fact === null || !('c' in fact.fact)) return null;
  return fact.fact.c;
}

async function speak(
  read: ReadDay,
  { of, line }: LineFound,
  options: TraceOptions,
  deps: TraceDeps,
): Promise<Spoken & { readonly silent: string | null }> {
  const { epoch } = of.id;
  const interval = read.interval(epoch, line.t);
  if (interval === null) return { events: [], counted: {}, silent: whySilent(read, epoch, line.t) };
  const { shard, t } = options.line;
  const total = interval.segments.length;
  const spoken = await speakLine(
    read,
    { feed: deps.feed, shard, day: dayOf(t), interval },
    t,
    (count) => deps.onProgress(count, total, 'folding'),
  );
  return { ...spoken, silent: null };
}

async function withStored(
  spoken: Spoken['events'],
  { line, event }: TraceOptions,
  manifests: readonly Manifest[],
  deps: TraceDeps,
): Promise<TracedEvent[]> {
  const wanted = spoken.filter(
    (it) =>
      event === null ||
      (it.type === event.type && it.symbol === event.symbol && it.index === event.index),
  );
  const traced: TracedEvent[] = [];
  let bus = deps.bus;
  for (const { type, symbol, index, bytes } of wanted) {
    const id: EventId = { ...line, type, symbol, index };
    const stored: Stored[] = [];
    if (deps.normalized !== null) {
      stored.push(
        ...(await findInObjects(deps.normalized.store, manifests, id).catch(unreachable(deps))),
      );
    }
    if (bus !== null) {
      const on_bus = await findOnBus(bus, id, deps.signal).catch((error: unknown) => {
        unreachable(deps)(error);
        bus = null;
        return null;
      });
      if (on_bus !== null) stored.push(on_bus);
    }
    const compared = stored.map((it) => ({
      ...it,
      equal: it.bytes !== null && equalBytes(it.bytes, bytes),
    }));
    traced.push({ id: formatEventId(id), bytes, stored: compared });
  }
  return traced;
}

/** What cannot be looked at is said, and the rest of the trace goes on. */
function unreachable(deps: TraceDeps): (error: unknown) => never[] {
  return (error) => {
    if (!(error instanceof SsmdError)) throw error;
    deps.note(`not looked at: ${error.message}`);
    return [];
  };
}

/** No segment has such a line: what was looked at, and what is nearest. */
async function notFound(
  { line, event }: TraceOptions,
  deps: TraceDeps,
  shard: FoundShard,
  nearest: Nearest,
): Promise<SsmdError> {
  const name = event === null ? `${line.feed}/${line.shard}/${line.t}` : formatEventId(event);
  const minute = shard.segments.filter(
    ({ id }) => id.t <= line.t && line.t < id.t + 60_000_000_000n,
  );
  const places = [
    deps.raw === null ? 'no bucket' : `s3://${deps.raw.name}`,
    deps.log_dir ?? 'no log',
  ];
  const lines = [
    `no line of ${line.feed} ${line.shard} has t ${line.t} (${formatIso(line.t)}), so there is no ${name}`,
    `  looked at ${places.join(' and ')}: ${countOf(shard.segments.length, 'segment')} of the day, of that minute ` +
      (minute.length === 0 ? 'none' : minute.map(({ source }) => source.name).join(', ')),
    `  the line before: ${nearestText(nearest.before)}`,
    `  the line after: ${nearestText(nearest.after)}`,
    ...(shard.segments.length === 0 ? await otherDays(deps, line) : []),
  ];
  return new SsmdError('SSMD_NOT_FOUND', lines.join('\n'), {
    facts: {
      event: name,
      looked: shard.looked,
      segments: minute.map(({ source }) => source.name),
      before: nearest.before?.t.toString() ?? null,
      after: nearest.after?.t.toString() ?? null,
    },
  });
}

/** The shard may be spelled otherwise: those that have segments in that hour. */
async function otherDays({ raw }: TraceDeps, { feed, t }: LineId): Promise<string[]> {
  if (raw === null) return [];
  const shards = new Set<string>();
  const iso = formatIso(t);
  const prefix = `raw/${feed}/${iso.slice(0, 10).replaceAll('-', '/')}/`;
  for await (const { key } of raw.store.list(prefix)) {
    const id = parseRawSegmentKey(key);
    if (id !== null) shards.add(id.shard);
  }
  return shards.size === 0 ? [] : [`  shards with segments of that day: ${[...shards].join(', ')}`];
}

function nearestText(line: RawLine | null): string {
  if (line === null) return 'none in the minutes beside it';
  const what = line.fact?.key ?? `a frame of c${line.frame?.c ?? 0}`;
  return `${what} at t ${line.t} (${formatIso(line.t)}), ${line.segment} line ${line.line}`;
}

/** The line is there and says something else, or nothing. */
function otherEvents(
  event: EventId,
  { of, line }: LineFound,
  says: readonly string[],
  why: { counted: Spoken['counted']; silent: string | null; is: FrameIs | null },
): SsmdError {
  const counts = Object.entries(why.counted).filter(
    ([name]) => !/^(frames|kinds\.data)$/.test(name),
  );
  const reason =
    why.silent ??
    (counts.length > 0
      ? `the fold counted it as ${counts.map(([name, count]) => `${name} ${count}`).join(', ')}`
      : 'it yields no event');
  const lines = [
    `the line is there and does not say ${formatEventId(event)}`,
    `  ${of.source.name} line ${line.line}, byte ${line.at}: ` +
      (line.fact?.key ?? `a ${why.is?.kind ?? ''} frame, channel ${why.is?.channel ?? 'none'}`),
    ...(says.length > 0 ? ['  it says:', ...says.map((id) => `    ${id}`)] : [`  ${reason}`]),
  ];
  return new SsmdError('SSMD_NOT_FOUND', lines.join('\n'), {
    facts: {
      event: formatEventId(event),
      segment: of.source.name,
      line: line.line,
      at: line.at,
      says,
      counted: why.counted,
      silent: why.silent,
    },
  });
}
