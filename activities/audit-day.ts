/**
 * One day of one feed against everything that is known of it: RAW against its own hashes and
 * inventories, RAW against the manifest's list, objects against the manifest, the manifest against
 * itself, and the archive against a rebuild from RAW, to the byte.
 */
import { inventoryKey, manifestKey, parseRawSegmentKey } from '../dataset/keys.ts';
import { versionOfDay } from '../dataset/current.ts';
import { gapName } from '../dataset/manifest.ts';
import type { Manifest, ManifestGap } from '../dataset/manifest.ts';
import { NS_PER_MINUTE } from '../schema/time.ts';
import { objectFault } from './archive-verify.ts';
import { normalizerOf, readSources } from './archive-plan.ts';
import type { DaySources } from './archive-plan.ts';
import { checkInventories, checkManifest } from './audit-manifest.ts';
import type { AuditFinding, AuditOf, DayAudit } from './audit-report.ts';
import { compareWithRaw } from './audit-rebuild.ts';
import { readCurrent, readManifest } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';

/** Findings a report lists; a result has to stay small. */
const FINDINGS_MAX = 40;
const FOREIGN_LISTED_MAX = 10;

export async function auditDay(deps: JobDeps, of: AuditOf, context: JobContext): Promise<DayAudit> {
  const findings: AuditFinding[] = [];
  const current = await readCurrent(deps, of.feed.id);
  const version = of.version ?? versionOfDay(current, of.day);
  const manifest =
    version === null ? null : await readManifest(deps, { version, feed: of.feed.id, day: of.day });
  // Nothing remembered is believed here.
  const sources = await readSources({ ...deps, surveys: null }, of, context);
  for (const key of sources.survey.conflicts) {
    const detail = 'another content was shipped under the same name and kept beside it';
    findings.push({ kind: 'raw_conflict', key, detail });
  }
  if (manifest === null) {
    const key = version === null ? '' : manifestKey({ version, feed: of.feed.id, day: of.day });
    const where = version === null ? '' : ` in ${version}`;
    // A version that was named is one of those there are, or a word nobody has used.
    const next =
      of.version === null ? 'run daily-archive' : 'leave the version out, or see ssmd dataset list';
    const detail = `${of.feed.id} ${of.day} has no manifest${where}; ${next}`;
    findings.push({ kind: 'manifest_missing', key, detail });
    return report(deps, of, version, null, sources, findings, { equal: 0, not_comparable: 0 });
  }
  const named = { version: version ?? manifest.version, feed: of.feed.id, day: of.day };
  findings.push(...(await checkManifest(deps, named, manifest, sources)));
  findings.push(...checkInventories(sources));
  await checkRaw(deps, of, manifest, sources, findings, context);
  const edited = await checkObjects(deps, manifest, findings, context);
  const maker = normalizerOf(of.feed);
  if (manifest.normalizer !== maker) {
    const detail = `made by ${manifest.normalizer}; this worker rebuilds with ${maker} and cannot compare`;
    findings.push({ kind: 'rebuild_differs', key: manifestKey(manifest), detail });
    const compared = { equal: 0, not_comparable: manifest.objects.length };
    return report(deps, of, version, manifest, sources, findings, compared);
  }
  const compared = await compareWithRaw(
    deps,
    { ...of, manifest, sources, edited },
    findings,
    context,
  );
  return report(deps, of, version, manifest, sources, findings, compared);
}

/** RAW as it is now against what the manifest was made from. */
async function checkRaw(
  deps: JobDeps,
  of: AuditOf,
  manifest: Manifest,
  sources: DaySources,
  findings: AuditFinding[],
  context: JobContext,
): Promise<void> {
  const now = new Map(sources.inputs.map((input) => [input.key, input]));
  const surveyed = new Map(
    sources.survey.findings.flatMap((it) => it.segments).map((it) => [it.key, it]),
  );
  for (const input of manifest.inputs) {
    const segment = now.get(input.key) ?? surveyed.get(input.key);
    if (segment === undefined) {
      const stored = await deps.raw.get(input.key, { signal: context.signal });
      const kind = stored === null ? 'raw_missing' : 'raw_changed';
      const detail =
        stored === null
          ? `the manifest was made from it (sha256 ${input.sha256}), it is not there`
          : 'it is there, but nothing leads to it any more';
      findings.push({ kind, key: input.key, detail });
    } else if (segment.sha256 !== input.sha256) {
      const fault = surveyed.get(input.key)?.fault;
      const where = fault == null ? '' : `; line ${fault.line}: ${fault.detail}`;
      const detail = `was sha256 ${input.sha256}, received ${segment.sha256}${where}`;
      findings.push({ kind: 'raw_changed', key: input.key, detail });
    }
  }
  const listed = new Set(manifest.inputs.map((input) => input.key));
  for (const input of sources.inputs.filter((it) => !listed.has(it.key))) {
    const detail = 'it is not among the inputs of the manifest: it came after the commit';
    findings.push({ kind: 'raw_late', key: input.key, detail });
  }
  for (const gap of sources.gaps) unlistedGap(of, manifest, gap, findings);
}

/** A hole RAW shows now that the manifest does not know. */
function unlistedGap(
  of: AuditOf,
  manifest: Manifest,
  gap: ManifestGap,
  findings: AuditFinding[],
): void {
  const name = gapName(gap);
  if (manifest.gaps.some((known) => gapName(known) === name)) return;
  const { shard, epoch } = gap;
  if (gap.cause === 'inventory_missing' && epoch !== null) {
    const key = inventoryKey({ feed: of.feed.id, day: of.day, shard, epoch });
    findings.push({ kind: 'inventory_missing', key, detail: gap.detail });
  } else if (gap.cause === 'segment_missing' || gap.cause === 'segment_corrupt') {
    // Named above as an input of the manifest, unless it never was one.
    const known = findings.some((it) => it.kind.startsWith('raw_') && isIn(gap, it.key));
    if (!known)
      findings.push({ kind: 'gap_unlisted', key: shard, detail: `${gap.cause}: ${gap.detail}` });
  } else {
    findings.push({ kind: 'gap_unlisted', key: shard, detail: `${gap.cause}: ${gap.detail}` });
  }
}

/** Whether a segment of the gap's epoch is of a minute that the gap touches, or precedes one without length. */
function isIn({ shard, epoch, from, to }: ManifestGap, key: string): boolean {
  const id = parseRawSegmentKey(key);
  if (id?.shard !== shard || id.epoch !== epoch || id.t > BigInt(to)) return false;
  return from === to || id.t + NS_PER_MINUTE > BigInt(from);
}

/** Objects as they lie in the store against what the manifest says; returns the ones that differ. */
async function checkObjects(
  deps: JobDeps,
  manifest: Manifest,
  findings: AuditFinding[],
  context: JobContext,
): Promise<ReadonlySet<string>> {
  const edited = new Set<string>();
  for (const [index, object] of manifest.objects.entries()) {
    const fault = await objectFault(deps, object, manifest.schema, context.signal);
    if (fault !== null) {
      edited.add(object.key);
      const kind = fault === 'it is not there' ? 'object_missing' : 'object_edited';
      findings.push({ kind, key: object.key, detail: fault });
    }
    const stage = `${manifest.feed} ${manifest.day}: object ${index + 1} of ${manifest.objects.length}`;
    context.beat({ v: 1, stage, done: [], records: 0, bytes: 0 });
    await breathe(context.signal);
  }
  return edited;
}

/**
 * A day passes where every object was compared and found equal. Where one was not and nothing says why,
 * that is the finding; null else.
 */
export function uncomparedOf(
  manifest: Pick<Manifest, 'version' | 'feed' | 'day' | 'objects'> | null,
  findings: readonly AuditFinding[],
  equal: number,
): AuditFinding | null {
  if (manifest === null || findings.length > 0 || equal === manifest.objects.length) return null;
  const detail = `${equal} of ${manifest.objects.length} objects were compared with RAW`;
  return { kind: 'rebuild_differs', key: manifestKey(manifest), detail };
}

function report(
  deps: JobDeps,
  of: AuditOf,
  version: string | null,
  manifest: Manifest | null,
  sources: DaySources,
  findings: readonly AuditFinding[],
  compared: { readonly equal: number; readonly not_comparable: number },
): DayAudit {
  const uncompared = uncomparedOf(manifest, findings, compared.equal);
  const all = uncompared === null ? findings : [...findings, uncompared];
  return {
    outcome: all.length === 0 ? 'passed' : 'failed',
    feed: of.feed.id,
    day: of.day,
    version,
    manifest: manifest === null ? null : manifestKey(manifest),
    segments: sources.inputs.length,
    objects: manifest?.totals.objects ?? 0,
    ...compared,
    records: manifest?.totals.records ?? 0,
    gaps: manifest?.gaps.length ?? 0,
    findings: all.slice(0, FINDINGS_MAX),
    findings_left_off: Math.max(0, all.length - FINDINGS_MAX),
    foreign: sources.survey.foreign.slice(0, FOREIGN_LISTED_MAX),
    single_writer: deps.single_writer,
  };
}
