/**
 * Days of a range against each other: what RAW has against manifests, inventories against the bucket,
 * objects against what they were when they were last proved. Nothing is rebuilt here.
 */
import { jsonDocument } from '../dataset/canonical.ts';
import { versionOfDay } from '../dataset/current.ts';
import type { Current } from '../dataset/current.ts';
import {
  inventoryKey,
  inventoryPrefix,
  manifestKey,
  parseInventoryKey,
  parseRawSegmentKey,
  provedKey,
  rawPrefix,
} from '../dataset/keys.ts';
import type { Manifest } from '../dataset/manifest.ts';
import { SsmdError } from '../schema/errors.ts';
import type { Day } from '../schema/time.ts';
import { objectFault } from './archive-verify.ts';
import type { AuditFinding } from './audit-report.ts';
import { JSON_TYPE, readBindings, readCurrent, readManifest } from './datasets.ts';
import { daysOf } from './day-input.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';
import { headsOf } from './object-heads.ts';
import { parseInventory } from './raw-day.ts';
import { sessionOf } from './session.ts';

export type RangeAudit = {
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  /** Days RAW has anything of, or that are committed. */
  readonly days: number;
  readonly manifests: number;
  readonly objects: number;
  readonly bytes: number;
  readonly findings: readonly AuditFinding[];
  /** Beyond the `FINDINGS_MAX` that are listed. */
  readonly findings_left_off: number;
};

/** A range's findings that are listed. */
const FINDINGS_MAX = 200;

export async function auditRange(
  deps: JobDeps,
  of: { readonly feed: string; readonly from: string; readonly to: string },
  context: JobContext,
): Promise<RangeAudit> {
  const current = await readCurrent(deps, of.feed);
  const since = await capturedSince(deps, current);
  const findings: AuditFinding[] = [];
  // The first hour of a day is made from the evening before as well: one loss is told once.
  const missing = new Set<string>();
  const counts = { days: 0, manifests: 0, objects: 0, bytes: 0 };
  for (const day of daysOf(of)) {
    const stage = `${of.feed} ${day}: inventories, manifest, objects`;
    context.beat({ v: 1, stage, done: [], records: counts.objects, bytes: counts.bytes });
    await breathe(context.signal);
    const segments = await segmentsOf(deps, of.feed, day);
    const manifest = await manifestOf(deps, current, { feed: of.feed, day }, findings);
    const listed = await inventoried(deps, of.feed, day, findings);
    if (segments.size === 0 && listed.length === 0 && manifest === null) {
      const calendar = deps.calendarOf?.(of.feed);
      const closed = calendar !== undefined && !sessionOf(calendar, day).expected;
      if (since !== null && day > since && !closed) {
        const detail =
          `nothing is there of ${of.feed} ${day}, neither RAW nor a manifest, and the environment ` +
          `captures it since ${since}: no connector ran, or what it shipped was removed`;
        findings.push({ kind: 'day_missing', key: rawPrefix({ feed: of.feed, day }), detail });
      }
      continue;
    }
    counts.days++;
    if (manifest === 'unreadable') continue;
    if (manifest === null) {
      const detail =
        `RAW has ${segments.size} segments of ${of.feed} ${day} and nothing serves it; ` +
        `npx ssmd backfill --feed ${of.feed} --date ${day}`;
      findings.push({ kind: 'manifest_missing', key: rawPrefix({ feed: of.feed, day }), detail });
    }
    const inputs = (manifest?.inputs ?? []).map((it) => it.key);
    // A committed day that was made without a segment says so in its gaps.
    const known = manifest === null ? listed : listed.filter((it) => inputs.includes(it));
    for (const key of new Set([...inputs, ...known])) {
      if (missing.has(key) || segments.has(key) || (await isElsewhere(deps, key, day))) continue;
      missing.add(key);
      const why = inputs.includes(key) ? 'the manifest was made from it' : 'its inventory lists it';
      findings.push({ kind: 'raw_missing', key, detail: `${why}, it is not there` });
    }
    if (manifest === null) continue;
    counts.manifests++;
    counts.objects += manifest.objects.length;
    counts.bytes += manifest.totals.bytes;
    findings.push(...(await auditObjects(deps, manifest, context)));
  }
  const listed = findings.slice(0, FINDINGS_MAX);
  const findings_left_off = findings.length - listed.length;
  return { ...of, ...counts, findings: listed, findings_left_off };
}

/** The first day that serves of the environment's own origin: from then on each is expected. */
async function capturedSince(deps: JobDeps, current: Current | null): Promise<Day | null> {
  const bindings = await readBindings(deps);
  const own = new Set(bindings.filter((it) => it.origin === deps.origin).map((it) => it.version));
  return current?.ranges.find((it) => own.has(it.version))?.from ?? null;
}

async function segmentsOf(deps: JobDeps, feed: string, day: Day): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const { key } of deps.raw.list(rawPrefix({ feed, day }))) {
    if (parseRawSegmentKey(key) !== null) keys.add(key);
  }
  return keys;
}

/** A manifest may name segments of the evening before. */
async function isElsewhere(deps: JobDeps, key: string, day: Day): Promise<boolean> {
  const own = parseRawSegmentKey(key);
  if (own === null || key.startsWith(rawPrefix({ feed: own.feed, day }))) return false;
  return (await deps.raw.head(key)) !== null;
}

async function manifestOf(
  deps: JobDeps,
  current: Current | null,
  of: { readonly feed: string; readonly day: Day },
  findings: AuditFinding[],
): Promise<Manifest | 'unreadable' | null> {
  const version = versionOfDay(current, of.day);
  if (version === null) return null;
  const key = manifestKey({ ...of, version });
  try {
    const manifest = await readManifest(deps, { ...of, version });
    if (manifest !== null) return manifest;
    const detail = `${version} serves ${of.feed} ${of.day}, and its manifest is not there`;
    findings.push({ kind: 'manifest_missing', key, detail });
  } catch (error) {
    if (!(error instanceof SsmdError) || error.retryable) throw error;
    findings.push({ kind: 'manifest_edited', key, detail: error.message });
  }
  return 'unreadable';
}

/** Keys of segments that the day's inventories list. */
async function inventoried(
  deps: JobDeps,
  feed: string,
  day: Day,
  findings: AuditFinding[],
): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of deps.raw.list(inventoryPrefix(feed, day))) {
    const id = parseInventoryKey(key);
    const stored = id === null ? null : await deps.raw.get(key);
    if (id === null || stored === null) continue;
    const inventory = parseInventory(stored.body);
    if (inventory === null) {
      const detail = 'it is there, and no inventory that can be read';
      findings.push({ kind: 'inventory_missing', key: inventoryKey(id), detail });
    }
    keys.push(...(inventory?.segments.map((it) => it.key) ?? []));
  }
  return keys;
}

/** What the objects of a day were when every one was read and found to be what the manifest says. */
type Proved = { readonly format: 1; readonly content_id: string; readonly etags: string };

/**
 * Looks at every object without its bytes. Where that shows anything but what was proved last, or where
 * nothing was, every object is read.
 */
async function auditObjects(
  deps: JobDeps,
  manifest: Manifest,
  context: JobContext,
): Promise<AuditFinding[]> {
  const findings: AuditFinding[] = [];
  const etags: string[] = [];
  const heads = headsOf(deps, manifest.objects, (it) => it, context.signal);
  for await (const [{ key, bytes }, head] of heads) {
    etags.push(head?.etag ?? '');
    if (head === null) {
      findings.push({ kind: 'object_missing', key, detail: 'it is not there' });
    } else if (head.bytes !== bytes) {
      const detail = `it has ${head.bytes} bytes, expected ${bytes}`;
      findings.push({ kind: 'object_edited', key, detail });
    }
  }
  const { content_id, version, feed, day } = manifest;
  const now: Proved = {
    ...{ format: 1, content_id },
    etags: deps.sha256(new TextEncoder().encode(etags.join('\n'))),
  };
  const key = provedKey({ version, feed, day });
  const before = await provedBefore(deps, key);
  if (before?.content_id === content_id && before.etags === now.etags) return findings;
  const seen = new Set(findings.map((it) => it.key));
  for (const [index, object] of manifest.objects.entries()) {
    const stage = `${feed} ${day}: reading object ${index + 1} of ${manifest.objects.length}`;
    context.beat({ v: 1, stage, done: [], records: 0, bytes: 0 });
    if (seen.has(object.key)) continue;
    const detail = await objectFault(deps, object, manifest.schema, context.signal);
    if (detail !== null) findings.push({ kind: 'object_edited', key: object.key, detail });
    await breathe(context.signal);
  }
  if (findings.length === 0) await deps.normalized.put(key, jsonDocument(now), JSON_TYPE);
  return findings;
}

async function provedBefore({ normalized }: JobDeps, key: string): Promise<Proved | null> {
  const stored = await normalized.get(key);
  if (stored === null) return null;
  try {
    return JSON.parse(new TextDecoder().decode(stored.body)) as Proved;
  } catch {
    return null;
  }
}
