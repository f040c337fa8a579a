/** What changed of a day between two versions, put together from its streams: the document of a diff. */
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import type { StreamPlan } from './diff-plan.ts';
import type { DiffCounts, DiffSample, DropReason, Tally } from './diff-tally.ts';
import { gapName } from './manifest.ts';
import type { Build, Manifest, ManifestGap } from './manifest.ts';
import type { Schema } from './version.ts';

/**
 * - `identical`: every record of every stream is equal to the byte, and so are the gaps
 * - `projected`: the new one is md1, and is exactly what its projection keeps of the old
 * - `differs`: anything else
 */
export type DiffVerdict = 'identical' | 'projected' | 'differs';

/** One of the two, as its manifest says. */
export type DiffSide = {
  readonly version: string;
  readonly schema: Schema;
  readonly normalizer: string;
  readonly origin: string;
  readonly window_hours: number;
  readonly records: number;
  readonly objects: number;
  readonly plain_bytes: number;
  readonly complete: boolean;
  readonly content_id: string;
  readonly archiver: Build;
  readonly connectors: readonly string[];
};

/** A count by name, the names of its kind in order. */
export type CountsByName = Readonly<Record<string, number>>;

export type StreamDiff = {
  readonly type: EventType;
  readonly symbol: string;
  readonly counts: DiffCounts;
  /** How many changed records differ in a field, by its name. */
  readonly fields: CountsByName;
  readonly dropped_by: CountsByName;
  /** Objects that were equal by name and hash, and those that had to be read. */
  readonly objects_equal: number;
  readonly objects_read: number;
  readonly samples: readonly DiffSample[];
};

export type TypeDiff = Pick<StreamDiff, 'type' | 'counts' | 'fields' | 'dropped_by'> & {
  readonly streams: number;
  readonly streams_differing: number;
};

export type GapsDiff = {
  readonly old: number;
  readonly new: number;
  readonly equal: boolean;
  /** How many only the new one has, and how many only the old one: by what they are, not their words. */
  readonly added: number;
  readonly gone: number;
  /** Of those, the first. */
  readonly only_old: readonly ManifestGap[];
  readonly only_new: readonly ManifestGap[];
};

export type DiffDocument = {
  readonly format: 1;
  readonly feed: string;
  readonly day: string;
  readonly old: DiffSide;
  readonly new: DiffSide;
  readonly verdict: DiffVerdict;
  readonly events: DiffCounts;
  readonly dropped_by: CountsByName;
  readonly gaps: GapsDiff;
  readonly types: readonly TypeDiff[];
  /** All of them, what differs first. */
  readonly streams: readonly StreamDiff[];
};

/** Gaps a document lists of each side; the others are counted. */
export const GAPS_LISTED_MAX = 100;

/** One stream's part of the document. */
export function streamDiff(plan: StreamPlan, tally: Tally): StreamDiff {
  const { counts } = tally;
  const same = plan.same_records;
  return {
    type: plan.type,
    symbol: plan.symbol,
    counts: {
      ...counts,
      old: counts.old + same,
      new: counts.new + same,
      equal: counts.equal + same,
    },
    fields: byCount(tally.fields),
    dropped_by: byCount(tally.dropped),
    objects_equal: plan.same_objects,
    objects_read: plan.old.length + plan.new.length - 2 * plan.same_objects,
    samples: tally.samples,
  };
}

/** A stream of a type that the projection leaves out as a whole is not read. */
export function droppedStream(plan: StreamPlan): StreamDiff {
  const records = plan.old.reduce((sum, object) => sum + object.records, 0);
  const reason: DropReason = 'other_type';
  return {
    type: plan.type,
    symbol: plan.symbol,
    counts: { ...NOTHING, old: records, dropped: records },
    fields: {},
    dropped_by: { [reason]: records },
    objects_equal: 0,
    objects_read: 0,
    samples: [],
  };
}

/** Puts the document together. */
export function buildDiff(
  old: Manifest,
  now: Manifest,
  streams: readonly StreamDiff[],
): DiffDocument {
  const events = sumOf(streams.map((it) => it.counts));
  const gaps = gapsDiff(old, now);
  const types = EVENT_TYPES.map((type) => typeDiff(type, streams)).filter((it) => it.streams > 0);
  const differing = (stream: StreamDiff): number => (isEqual(stream.counts) ? 1 : 0);
  return {
    format: 1,
    feed: now.feed,
    day: now.day,
    old: sideOf(old),
    new: sideOf(now),
    verdict: verdictOf(old, now, events, gaps),
    events,
    dropped_by: sumNames(streams.map((it) => it.dropped_by)),
    gaps,
    types,
    streams: [...streams].sort((a, b) => differing(a) - differing(b)),
  };
}

/** Nothing of it changed, came or went; what a projection drops is no difference. */
export function isEqual({ changed, added, removed }: DiffCounts): boolean {
  return changed + added + removed === 0;
}

function verdictOf(old: Manifest, now: Manifest, events: DiffCounts, gaps: GapsDiff): DiffVerdict {
  if (!isEqual(events) || !gaps.equal) return 'differs';
  if (old.schema === now.schema) return 'identical';
  return now.schema === 'md1' ? 'projected' : 'differs';
}

function sideOf(manifest: Manifest): DiffSide {
  const { version, schema, normalizer, origin, window_hours, complete, content_id } = manifest;
  const { totals, builds } = manifest;
  return {
    ...{ version, schema, normalizer, origin, window_hours, complete, content_id },
    records: totals.records,
    objects: totals.objects,
    plain_bytes: totals.plain_bytes,
    archiver: builds.archiver,
    connectors: builds.connectors,
  };
}

function gapsDiff(old: Manifest, now: Manifest): GapsDiff {
  const only_old = lackingIn(now.gaps, old.gaps);
  const only_new = lackingIn(old.gaps, now.gaps);
  return {
    old: old.gaps.length,
    new: now.gaps.length,
    equal: only_old.length + only_new.length === 0,
    added: only_new.length,
    gone: only_old.length,
    only_old: only_old.slice(0, GAPS_LISTED_MAX),
    only_new: only_new.slice(0, GAPS_LISTED_MAX),
  };
}

/** Of `gaps` those that `others` has not, each as often as it is there more often. */
function lackingIn(others: readonly ManifestGap[], gaps: readonly ManifestGap[]): ManifestGap[] {
  const left = new Map<string, number>();
  for (const gap of others) left.set(gapName(gap), (left.get(gapName(gap)) ?? 0) + 1);
  return gaps.filter((gap) => {
    const there = left.get(gapName(gap)) ?? 0;
    left.set(gapName(gap), there - 1);
    return there <= 0;
  });
}

function typeDiff(type: EventType, streams: readonly StreamDiff[]): TypeDiff {
  const own = streams.filter((it) => it.type === type);
  return {
    type,
    counts: sumOf(own.map((it) => it.counts)),
    fields: sumNames(own.map((it) => it.fields)),
    dropped_by: sumNames(own.map((it) => it.dropped_by)),
    streams: own.length,
    streams_differing: own.filter((it) => !isEqual(it.counts)).length,
  };
}

const NOTHING: DiffCounts = {
  ...{ old: 0, new: 0, equal: 0, changed: 0, added: 0, removed: 0, dropped: 0 },
};

function sumOf(all: readonly DiffCounts[]): DiffCounts {
  return all.reduce(
    (sum, it) => ({
      old: sum.old + it.old,
      new: sum.new + it.new,
      equal: sum.equal + it.equal,
      changed: sum.changed + it.changed,
      added: sum.added + it.added,
      removed: sum.removed + it.removed,
      dropped: sum.dropped + it.dropped,
    }),
    NOTHING,
  );
}

function sumNames(all: readonly CountsByName[]): CountsByName {
  const sums = new Map<string, number>();
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) {
      sums.set(name, (sums.get(name) ?? 0) + count);
    }
  }
  return byCount(sums);
}

/** The most first. */
function byCount(counts: ReadonlyMap<string, number>): CountsByName {
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}
