/** What changed of a day between two versions: read from the store, compared, reported. */
import type { Feed } from '../connectors/feed.ts';
import { jsonDocument } from '../dataset/canonical.ts';
import { buildDiff, droppedStream, streamDiff } from '../dataset/diff.ts';
import type { DiffDocument, GapsDiff, StreamDiff } from '../dataset/diff.ts';
import { planDiff } from '../dataset/diff-plan.ts';
import type { PlannedRun, StreamPlan } from '../dataset/diff-plan.ts';
import { openComparison } from '../dataset/diff-streams.ts';
import type { Comparison, Run } from '../dataset/diff-streams.ts';
import { createTally } from '../dataset/diff-tally.ts';
import { diffKey, manifestKey } from '../dataset/keys.ts';
import type { Manifest, ManifestObject } from '../dataset/manifest.ts';
import { unpackObject } from '../dataset/object-codec.ts';
import { MD1_STRUCT } from '../dataset/profile.ts';
import type { Schema } from '../dataset/version.ts';
import { renderDiff } from '../qa/diff-report.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import { JSON_TYPE, readManifest } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { headsOf } from './object-heads.ts';

export type DiffDay = {
  readonly feed: Feed;
  readonly day: Day;
  readonly old: string;
  readonly new: string;
};

/** The comparison in a few figures; the report has the rest. */
export type DayDiff = {
  readonly feed: string;
  readonly day: string;
  readonly old: string;
  readonly new: string;
  /**
   * - `identical`: every record of every stream is equal to the byte, and so are the gaps
   * - `projected`: the new one is md1, and is exactly what its projection keeps of the old
   * - `differs`: anything else
   */
  readonly verdict: 'identical' | 'projected' | 'differs';
  /** Events (records) by what became of them. `dropped`: what a projection leaves out by its rule. */
  readonly events: {
    readonly old: number;
    readonly new: number;
    readonly equal: number;
    readonly changed: number;
    readonly added: number;
    readonly removed: number;
    readonly dropped: number;
  };
  /** `added`: only the new one has them, `gone`: only the old one; both, where one took another's place. */
  readonly gaps: Pick<GapsDiff, 'old' | 'new' | 'equal' | 'added' | 'gone'>;
  readonly schemas: { readonly old: Schema; readonly new: Schema };
  /** Keys of the whole comparison. */
  readonly json: string;
  readonly html: string;
};

type DiffDeps = Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'>;

/** Compares, and writes the report as JSON and as HTML. @throws SSMD_NOT_FOUND, SSMD_CORRUPT */
export async function diffDay(deps: DiffDeps, of: DiffDay, context: JobContext): Promise<DayDiff> {
  const old = await manifestOf(deps, of, of.old);
  const now = await manifestOf(deps, of, of.new);
  const sides = { old: { ...deps, manifest: old }, new: { ...deps, manifest: now } };
  const document = await compareDays(sides, context);
  const name = { feed: of.feed.id, day: of.day, old: of.old, new: of.new };
  const keys = { json: diffKey({ ...name, as: 'json' }), html: diffKey({ ...name, as: 'html' }) };
  const html = new TextEncoder().encode(renderDiff(document));
  await deps.normalized.put(keys.html, html, { contentType: 'text/html; charset=utf-8' });
  await deps.normalized.put(keys.json, jsonDocument(document), JSON_TYPE);
  return { ...name, ...diffFigures(document), ...keys };
}

/** What a document says, in a few figures. */
export function diffFigures(
  document: DiffDocument,
): Pick<DayDiff, 'verdict' | 'events' | 'gaps' | 'schemas'> {
  const { verdict, events, old: before, new: now } = document;
  const { old, new: new_, equal, added, gone } = document.gaps;
  const gaps = { old, new: new_, equal, added, gone };
  return { verdict, events, gaps, schemas: { old: before.schema, new: now.schema } };
}

export async function manifestOf(
  deps: Pick<JobDeps, 'normalized'>,
  of: Pick<DiffDay, 'feed' | 'day'>,
  version: string,
): Promise<Manifest> {
  const name = { version, feed: of.feed.id, day: of.day };
  const manifest = await readManifest(deps, name);
  if (manifest !== null) return manifest;
  const message =
    `${name.feed} ${name.day} is not committed in ${version}; ` +
    'ssmd dataset list shows which versions a day has';
  throw new SsmdError('SSMD_NOT_FOUND', message, {
    facts: { ...name, key: manifestKey(name) },
  });
}

/** A day of a version, and the store it lies in. */
export type DiffSource = Pick<JobDeps, 'normalized' | 'zstd' | 'sha256'> & {
  readonly manifest: Manifest;
};
export type DiffSources = { readonly old: DiffSource; readonly new: DiffSource };

/** The whole comparison; writes nothing. */
export async function compareDays(sides: DiffSources, context: JobContext): Promise<DiffDocument> {
  const [old, now] = [sides.old.manifest, sides.new.manifest];
  for (const side of [sides.old, sides.new]) await refuseMissing(side, context.signal);
  const plans = planDiff(old, now);
  const streams: StreamDiff[] = [];
  const progress = { records: 0, bytes: 0 };
  for (const [index, plan] of plans.entries()) {
    const stage =
      `${now.feed} ${now.day}: ${plan.type} ${plan.symbol}, ` +
      `stream ${index + 1} of ${plans.length}`;
    const beat = (object: ManifestObject): void => {
      progress.records += object.records;
      progress.bytes += object.bytes;
      context.beat({ v: 1, stage, done: [], ...progress });
    };
    streams.push(await diffStream(sides, plan, { ...context, read: beat }));
  }
  return buildDiff(old, now, streams);
}

type Reading = Pick<JobContext, 'signal'> & { readonly read: (object: ManifestObject) => void };

async function diffStream(
  sides: DiffSources,
  plan: StreamPlan,
  reading: Reading,
): Promise<StreamDiff> {
  const schemas = { old: sides.old.manifest.schema, new: sides.new.manifest.schema };
  const is_known = MD1_STRUCT[plan.type] !== undefined;
  const projects = schemas.old === 'md2' && schemas.new === 'md1';
  if (projects && !is_known && plan.new.length === 0) return droppedStream(plan);
  const tally = createTally();
  const open = openComparison({ type: plan.type, ...schemas }, tally);
  for (const stretch of plan.stretches) {
    const left = { old: [...stretch.old], new: [...stretch.new] };
    const comparison = open();
    for (let asked = comparison.next(); asked.done !== true;) {
      const side = asked.value;
      const run = left[side].shift();
      const loaded = run === undefined ? null : await loadRun(sides[side], run, reading);
      asked = resumed(comparison, loaded, plan, run);
      await breathe(reading.signal);
    }
  }
  return streamDiff(plan, tally);
}

/** What is no message is named by the object it lies in. */
function resumed(
  comparison: Comparison,
  run: Run | null,
  { type, symbol }: StreamPlan,
  planned: PlannedRun | undefined,
): ReturnType<Comparison['next']> {
  try {
    return comparison.next(run);
  } catch (error) {
    if (!(error instanceof SsmdError)) throw error;
    const key = planned?.objects[0]?.key ?? `${type} ${symbol}`;
    throw new SsmdError(error.code, `${key}: ${error.message}`, {
      facts: { ...error.facts, key },
      cause: error,
    });
  }
}

async function loadRun(source: DiffSource, run: PlannedRun, reading: Reading): Promise<Run> {
  const plains: Uint8Array[] = [];
  for (const object of run.objects) {
    plains.push(await loadObject(source, object, reading.signal));
    reading.read(object);
  }
  return { plains, place: run.place };
}

/** What is equal by its hash is not read: that it is there, and as long as it was, is looked at. */
async function refuseMissing(
  { normalized, manifest }: DiffSource,
  signal: AbortSignal,
): Promise<void> {
  const heads = headsOf({ normalized }, manifest.objects, (it) => it, signal);
  for await (const [{ key, bytes }, head] of heads) {
    const received = head?.bytes ?? null;
    if (received === bytes) continue;
    const what = received === null ? 'is not there' : `has ${received} bytes, expected ${bytes}`;
    const message = `${key} ${what}; ${auditWords(manifest)}`;
    throw new SsmdError('SSMD_CORRUPT', message, { facts: { key, expected: bytes, received } });
  }
}

function auditWords({ feed, day, version }: Manifest): string {
  return `ssmd audit of ${feed} ${day} ${version} names the damage`;
}

/** An object's plain stream, proven by its hash. */
export async function loadObject(
  { normalized, zstd, sha256, manifest }: DiffSource,
  { key, plain_sha256 }: ManifestObject,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const stored = await normalized.get(key, { signal });
  const audit = auditWords(manifest);
  if (stored === null) {
    throw new SsmdError('SSMD_CORRUPT', `${key} is not there, its manifest names it; ${audit}`, {
      facts: { key },
    });
  }
  const { plain } = unpackObject(stored.body, zstd, key);
  const received = sha256(plain);
  if (received === plain_sha256) return plain;
  const message = `${key}: expected plain sha256 ${plain_sha256}, received ${received}; ${audit}`;
  throw new SsmdError('SSMD_CORRUPT', message, {
    facts: { key, expected: plain_sha256, received },
  });
}
