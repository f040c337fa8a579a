/**
 * What a line says: the day's fold, from its empty beginning up to that very line, as the archive runs
 * it. Beside it, what the epoch's own facts say of the line's connection.
 */
import type { EventArena } from '../../codec/event-arena.ts';
import { LineCursor, LogLine, factOf, sliceLogLine } from '../../codec/log-line.ts';
import type { Feed } from '../../connectors/feed.ts';
import { planShardDay } from '../../dataset/day-plan.ts';
import type { Interval } from '../../dataset/day-plan.ts';
import { rawSegmentKey } from '../../dataset/keys.ts';
import { rebuildShardDay } from '../../dataset/rebuild.ts';
import { surveySegment } from '../../dataset/segment-survey.ts';
import type { SegmentContent, SegmentSurvey } from '../../dataset/segment-survey.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { EventType } from '../../schema/events.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { Facts, Inventory } from '../../schema/log.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import type { Day } from '../../schema/time.ts';
import { formatIso } from '../../schema/time.ts';
import { sha256 } from '../../storage/zstd.ts';
import type { FoundSegment } from '../log/sources.ts';
import { readPlain } from './raw-line.ts';

export type SpokenEvent = {
  readonly type: EventType;
  readonly symbol: string;
  readonly index: number;
  /** One framed Cap'n Proto message, as published and as archived. */
  readonly bytes: Uint8Array;
};

export type EpochFacts = {
  readonly opened: ReadonlyMap<number, At<Facts['_open']>>;
  readonly closed: ReadonlyMap<number, At<Facts['_close']>>;
  readonly sent: readonly At<Facts['_sent']>[];
  /** In force at the line. */
  readonly config: FoldConfig | null;
};
export type At<F> = F & { readonly t: bigint; readonly segment: string; readonly line: number };

/** What was read of a shard's day up to a line. */
export type ReadDay = {
  readonly surveys: readonly SegmentSurvey[];
  readonly facts: ReadonlyMap<number, EpochFacts>;
  readonly interval: (epoch: number, t: bigint) => Interval | null;
  readonly load: (segment: SegmentSurvey) => Promise<Uint8Array>;
};

export type DayOf = {
  readonly feed: string;
  readonly shard: string;
  readonly day: Day;
  /** Of the hour before the day on, up to the line. */
  readonly segments: readonly FoundSegment[];
  readonly inventories: readonly Inventory[];
  readonly previous_inventories: readonly Inventory[];
};

/** Plain bytes kept between the survey and the fold; what is beyond is read a second time. */
const KEPT_BYTES_MAX = 256 * 1024 * 1024;

/** Surveys every segment, and plans the day as the archive does. `t`: facts after it do not count. */
export async function readDay(
  of: DayOf,
  t: bigint,
  options: { readonly signal: AbortSignal; readonly onRead: (count: number) => void },
): Promise<ReadDay> {
  const surveys: SegmentSurvey[] = [];
  const sources = new Map<string, FoundSegment>();
  const kept = new Map<string, Uint8Array>();
  const facts = new Map<number, EpochFactsDraft>();
  let kept_bytes = 0;
  for (const found of of.segments) {
    const content = await contentOf(found, options.signal);
    const key = rawSegmentKey(found.id);
    sources.set(key, found);
    surveys.push(surveySegment(key, found.id, content, sha256));
    const draft = facts.get(found.id.epoch) ?? newDraft();
    facts.set(found.id.epoch, draft);
    gatherFacts(content.plain, found.source.name, t, draft);
    kept_bytes += content.plain.length;
    if (kept_bytes <= KEPT_BYTES_MAX) kept.set(key, content.plain);
    options.onRead(surveys.length);
  }
  const plan = planShardDay({
    ...{ feed: of.feed, shard: of.shard, day: of.day, segments: surveys },
    earlier_takes: new Map(),
    inventories: of.inventories,
    previous_inventories: of.previous_inventories,
    next_segments: [],
    bus_seen: new Map(),
  });
  return {
    surveys,
    facts,
    interval: (epoch, at) =>
      plan.intervals.find((it) => it.epoch === epoch && it.from <= at && at < it.until) ?? null,
    async load(segment) {
      const known = kept.get(segment.key);
      if (known !== undefined) return known;
      const found = sources.get(segment.key);
      if (found === undefined) throw new RangeError(`${segment.key} was never read`);
      return (await contentOf(found, options.signal)).plain;
    },
  };
}

async function contentOf(found: FoundSegment, signal: AbortSignal): Promise<SegmentContent> {
  const content = await readPlain(found.source, signal);
  if (content !== null) return content;
  const message = `${found.source.name} went away while it was read: it was shipped, or removed; try again`;
  throw new SsmdError('SSMD_LATE_RAW', message, { retryable: true });
}

type EpochFactsDraft = {
  readonly opened: Map<number, At<Facts['_open']>>;
  readonly closed: Map<number, At<Facts['_close']>>;
  readonly sent: At<Facts['_sent']>[];
  config: FoldConfig | null;
};

function newDraft(): EpochFactsDraft {
  return { opened: new Map(), closed: new Map(), sent: [], config: null };
}

function gatherFacts(plain: Uint8Array, segment: string, t: bigint, into: EpochFactsDraft): void {
  const cursor = new LineCursor(plain);
  const line = new LogLine();
  for (let number = 1; cursor.next(); number++) {
    if (!sliceLogLine(plain, cursor.start, cursor.end, line) || line.kind !== 'fact') continue;
    const at = { t: line.t, segment, line: number };
    const closed = factOf(line, '_close');
    if (closed !== null) into.closed.set(closed.c, { ...closed, ...at });
    if (line.t > t) continue;
    const opened = factOf(line, '_open');
    if (opened !== null) into.opened.set(opened.c, { ...opened, ...at });
    const sent = factOf(line, '_sent');
    if (sent !== null) into.sent.push({ ...sent, ...at });
    into.config = factOf(line, '_config')?.config ?? into.config;
  }
}

export type Spoken = {
  readonly events: readonly SpokenEvent[];
  /** By name: frames by what they were, events not spoken by why; of the line alone. */
  readonly counted: Readonly<Record<string, number>>;
};

/** The events of line `t`, which the interval's epoch speaks. */
export async function speakLine(
  read: ReadDay,
  of: {
    readonly feed: Feed;
    readonly shard: string;
    readonly day: Day;
    readonly interval: Interval;
  },
  t: bigint,
  onSegment: (count: number) => void,
): Promise<Spoken> {
  const events: SpokenEvent[] = [];
  const run = async (until: bigint, take: boolean): Promise<Record<string, number>> => {
    let count = 0;
    const counted = await rebuildShardDay({
      ...{ feed: of.feed, shard: of.shard, day: of.day },
      intervals: [{ ...of.interval, until }],
      load: read.load,
      onEvents: (arena) => {
        if (take) events.push(...eventsAt(arena, t));
      },
      onSegment: () => onSegment((count += 1)),
    });
    return flatCounts(counted.at(-1)?.counts);
  };
  const with_line = await run(t + 1n, true);
  if (events.length > 0) return { events, counted: {} };
  // Why it says nothing is what it counted: the difference to all that was counted before it.
  const before = await run(t, false);
  const counted = Object.entries(with_line)
    .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
    .filter(([, count]) => count !== 0);
  return { events, counted: Object.fromEntries(counted) };
}

function* eventsAt(arena: EventArena, t: bigint): Generator<SpokenEvent> {
  for (let event = 0; event < arena.count; event++) {
    if (arena.t[event] !== t) continue;
    yield {
      type: EVENT_TYPES[arena.type[event] as number] as EventType,
      symbol: arena.symbol[event] as string,
      index: arena.index[event] as number,
      bytes: arena.view(event).slice(),
    };
  }
}

/** Counts of whatever depth, by their path. */
function flatCounts(value: unknown, path = ''): Record<string, number> {
  if (typeof value === 'number') return { [path]: value };
  const entries =
    value instanceof Map
      ? [...value.entries()].map(([name, held]): [string, unknown] => [String(name), held])
      : typeof value === 'object' && value !== null
        ? Object.entries(value)
        : [];
  return Object.assign(
    {},
    ...entries.map(([name, held]) => flatCounts(held, path === '' ? name : `${path}.${name}`)),
  ) as Record<string, number>;
}

/** Why an epoch's line is not spoken, in words. */
export function whySilent(
  read: { readonly surveys: readonly Pick<SegmentSurvey, 'id' | 'takes'>[] },
  epoch: number,
  t: bigint,
): string {
  const own = read.surveys.filter((it) => it.id.epoch === epoch);
  const take = own.flatMap((it) => it.takes)[0];
  if (take !== undefined && t < take.t) {
    return `epoch ${epoch} was warming up: it takes the shard only at ${formatIso(take.t)}`;
  }
  // Only a younger epoch takes the shard from one: an older one's word changes nothing.
  const next = read.surveys
    .flatMap((it) => it.takes.map((of) => ({ ...of, epoch: it.id.epoch })))
    .find((it) => it.epoch > epoch && it.t <= t);
  if (next !== undefined) {
    return `epoch ${next.epoch} has the shard since ${formatIso(next.t)}, not epoch ${epoch}`;
  }
  return take === undefined
    ? `epoch ${epoch} does not speak there: its _take line is not found`
    : `epoch ${epoch} does not speak there, though it took the shard at ${formatIso(take.t)}: ` +
        'its _day line for the day is not found';
}
