/** The comparison at the heart of an audit: the day rebuilt from RAW against its objects. */
import type { CutObject } from '../dataset/cutter.ts';
import type { ShardPlan } from '../dataset/day-plan.ts';
import { firstDifference } from '../dataset/compare-streams.ts';
import type { StreamDifference } from '../dataset/compare-streams.ts';
import {
  canonicalObjectKey,
  objectKey,
  parseObjectKey,
  parseRawSegmentKey,
} from '../dataset/keys.ts';
import type { Manifest, ManifestObject } from '../dataset/manifest.ts';
import { unpackObject } from '../dataset/object-codec.ts';
import { lineNumberOf } from '../dataset/segment-survey.ts';
import type { SegmentSurvey } from '../dataset/segment-survey.ts';
import { formatIso } from '../schema/time.ts';
import type { AuditFinding, AuditOf, FindingKind } from './audit-report.ts';
import { rebuildObjects } from './archive-raw.ts';
import type { DaySources } from './archive-plan.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { loadSegment } from './raw-day.ts';

export type Comparison = AuditOf & {
  readonly manifest: Manifest;
  readonly sources: DaySources;
  /** Objects already known not to be what the manifest says. */
  readonly edited: ReadonlySet<string>;
};

/** Rebuilds every shard; adds what differs to `findings`. */
export async function compareWithRaw(
  deps: JobDeps,
  of: Comparison,
  findings: AuditFinding[],
  context: JobContext,
): Promise<{ equal: number; not_comparable: number }> {
  const archived = new Map(of.manifest.objects.map((it) => [canonicalObjectKey(it.key), it]));
  const rebuilt_keys = new Set<string>();
  let equal = 0;
  let not_comparable = 0;
  const sound = soundUntil(of);
  for (const plan of of.sources.survey.plans) {
    const until = sound.get(plan.shard) ?? 0n;
    const { window_hours, schema } = of.manifest;
    const rebuild = { feed: of.feed, day: of.day, plan, window_hours, schema };
    await rebuildObjects(deps, rebuild, context, async (objects, t) => {
      for (const object of objects) {
        const key = objectKey({
          ...object,
          version: of.manifest.version,
          feed: of.feed.id,
          t: object.start,
        });
        rebuilt_keys.add(key);
        const there = archived.get(key);
        if (object.end > until) not_comparable++;
        else if (await isEqual(deps, of, object, key, there, findings, context)) equal++;
      }
      const stage = `${of.feed.id} ${of.day} ${plan.shard}: rebuilt up to ${formatIso(t)}`;
      context.beat({ v: 1, stage, done: [], records: 0, bytes: 0 });
    });
    await locateChanges(deps, of, plan, findings, context);
  }
  for (const [key, object] of archived) {
    const t = parseObjectKey(key)?.t ?? 0n;
    const damaged = [...sound.values()].some((until) => t >= until || until === 0n);
    if (rebuilt_keys.has(key) || damaged) continue;
    const detail = `RAW yields no such object; the archive holds ${object.records} events in it`;
    findings.push({ kind: 'rebuild_differs', key: object.key, detail });
  }
  return { equal, not_comparable };
}

/**
 * How far each shard can be rebuilt as it was when it was archived: up to the first segment that is
 * not what it was then. A hole the manifest was built with is no obstacle: it is rebuilt with it.
 */
function soundUntil(of: Comparison): Map<string, bigint> {
  const then = new Map(of.manifest.inputs.map((it) => [it.key, it.sha256]));
  const now = new Set(of.sources.inputs.map((it) => it.key));
  const sound = new Map<string, bigint>();
  for (const plan of of.sources.survey.plans) {
    const segments = plan.intervals.flatMap((it) => it.segments);
    let until = 2n ** 62n;
    for (const segment of segments) {
      if (then.get(segment.key) !== segment.sha256 && segment.id.t < until) until = segment.id.t;
    }
    for (const key of then.keys()) {
      const t = now.has(key) ? null : missingAt(key, plan.shard);
      if (t !== null && t < until) until = t;
    }
    sound.set(plan.shard, until);
  }
  return sound;
}

function missingAt(key: string, shard: string): bigint | null {
  const id = parseRawSegmentKey(key);
  return id?.shard === shard ? id.t : null;
}

async function isEqual(
  deps: JobDeps,
  of: Comparison,
  object: CutObject,
  key: string,
  there: ManifestObject | undefined,
  findings: AuditFinding[],
  context: JobContext,
): Promise<boolean> {
  if (there === undefined) {
    const detail = `RAW yields ${object.records} events here, the manifest lists no such object`;
    findings.push({ kind: 'rebuild_differs', key, detail });
    return false;
  }
  const same = deps.sha256(object.plain) === there.plain_sha256;
  if (same && !of.edited.has(there.key)) return true;
  const plain = await readPlain(deps, there.key, context.signal);
  const difference =
    plain === null ? null : firstDifference(plain, object.plain, of.manifest.schema);
  if (difference !== null) findings.push(named(there.key, object, difference));
  return false;
}

async function readPlain(
  deps: JobDeps,
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const stored = await deps.normalized.get(key, { signal });
  if (stored === null) return null;
  try {
    return unpackObject(stored.body, deps.zstd, key).plain;
  } catch {
    return null;
  }
}

const KIND_OF: { readonly [K in StreamDifference['kind']]: FindingKind } = {
  lacks: 'event_missing',
  adds: 'event_added',
  changes: 'event_changed',
  breaks_off: 'event_changed',
};

function named(key: string, object: CutObject, difference: StreamDifference): AuditFinding {
  const { type, symbol } = object;
  const { t, index, kind } = difference;
  const event =
    t === null
      ? index === null
        ? 'its bytes are no records from some point on'
        : `first at record ${index + 1} of ${type} ${symbol}`
      : `first at ${type} ${symbol} t ${t} index ${index} (${formatIso(t)})`;
  return {
    kind: KIND_OF[kind],
    key,
    detail: `against RAW the object ${WORDS[kind]} an event: ${event}`,
  };
}

const WORDS: { readonly [K in StreamDifference['kind']]: string } = {
  lacks: 'lacks',
  adds: 'has, which RAW does not yield,',
  changes: 'has other content for',
  breaks_off: 'breaks off before',
};

/**
 * A segment whose content changed proves no line of its own. Rebuilt all the same, its first event
 * that the archive does not have says where it was changed.
 */
async function locateChanges(
  deps: JobDeps,
  of: Comparison,
  plan: ShardPlan,
  findings: AuditFinding[],
  context: JobContext,
): Promise<void> {
  const changed = plan.intervals
    .flatMap((it) => it.segments)
    .filter((it) => it.state === 'unreadable' && it.capture !== null);
  const [segment] = changed;
  if (segment === undefined) return;
  const archived = new Map(of.manifest.objects.map((it) => [canonicalObjectKey(it.key), it]));
  const rebuild = {
    feed: of.feed,
    day: of.day,
    plan,
    window_hours: of.manifest.window_hours,
    schema: of.manifest.schema,
    trust_unproven: true,
  };
  let first: bigint | null = null;
  await rebuildObjects(deps, rebuild, context, async (objects) => {
    for (const object of objects) {
      const key = objectKey({
        ...object,
        version: of.manifest.version,
        feed: of.feed.id,
        t: object.start,
      });
      const there = archived.get(key);
      if (there === undefined || deps.sha256(object.plain) === there.plain_sha256) continue;
      const plain = await readPlain(deps, there.key, context.signal);
      const t =
        plain === null
          ? null
          : (firstDifference(plain, object.plain, of.manifest.schema)?.t ?? null);
      if (t !== null && (first === null || t < first)) first = t;
    }
  });
  await nameLine(deps, segment, first, findings, context);
}

async function nameLine(
  deps: JobDeps,
  segment: SegmentSurvey,
  first: bigint | null,
  findings: AuditFinding[],
  context: JobContext,
): Promise<void> {
  const plain = await loadSegment(deps, segment, context.signal);
  const inside =
    first !== null &&
    segment.first !== null &&
    segment.last !== null &&
    first >= segment.first &&
    first <= segment.last;
  const detail = inside
    ? `changed at line ${lineNumberOf(plain, first ?? 0n)} (t ${first}): its event is not the archived one`
    : 'changed in a line that yields no event of the archive, or only in how it is written';
  const at = findings.findIndex((it) => it.kind === 'raw_changed' && it.key === segment.key);
  if (at < 0) findings.push({ kind: 'raw_changed', key: segment.key, detail });
  else {
    const known = findings[at] as AuditFinding;
    findings[at] = { ...known, detail: `${detail}; ${known.detail}` };
  }
}
