/** Does a manifest agree with itself, with its version's binding and with the RAW it names? */
import { canonicalJson } from '../dataset/canonical.ts';
import {
  canonicalObjectKey,
  inventoryKey,
  manifestKey,
  parseRawSegmentKey,
  versionKey,
} from '../dataset/keys.ts';
import { captureSpans } from '../dataset/captures.ts';
import type { CaptureSpan } from '../dataset/captures.ts';
import { buildManifest, gapName } from '../dataset/manifest.ts';
import type { GapCause, Manifest } from '../dataset/manifest.ts';
import { dayStart } from '../schema/time.ts';
import type { AuditFinding } from './audit-report.ts';
import type { DaySources } from './archive-plan.ts';
import { readBindings } from './datasets.ts';
import type { JobDeps } from './deps.ts';

/** Gaps that rest on more than RAW, or that RAW which came late closes without another trace. */
const MAY_VANISH: readonly GapCause[] = ['shard_absent', 'log_behind_bus', 'inventory_missing'];

/** What a manifest says of a day, piece by piece; each disagreement is a finding. */
export async function checkManifest(
  deps: JobDeps,
  of: Pick<Manifest, 'version' | 'feed' | 'day'>,
  manifest: Manifest,
  sources: DaySources,
): Promise<AuditFinding[]> {
  const details = [
    ...ownDisagreements(deps, of, manifest),
    ...(await bindingDisagreements(deps, of, manifest)),
    ...rawDisagreements(manifest, sources),
  ];
  const key = manifestKey(of);
  return details.map((detail) => ({ kind: 'manifest_edited', key, detail }));
}

function ownDisagreements(
  deps: JobDeps,
  of: Pick<Manifest, 'version' | 'feed' | 'day'>,
  manifest: Manifest,
): string[] {
  const details: string[] = [];
  for (const name of ['version', 'feed', 'day'] as const) {
    if (manifest[name] === of[name]) continue;
    details.push(`it says ${name} ${manifest[name]}, its name says ${of[name]}`);
  }
  const again = buildManifest(manifest, deps.sha256);
  if (again.content_id !== manifest.content_id) {
    details.push(
      `it says content_id ${manifest.content_id}, what it lists has ${again.content_id}`,
    );
  }
  if (again.complete !== manifest.complete) {
    details.push(`complete is ${manifest.complete} with ${manifest.gaps.length} gaps`);
  }
  if (canonicalJson(again.totals) !== canonicalJson(manifest.totals)) {
    const [said, found] = [canonicalJson(manifest.totals), canonicalJson(again.totals)];
    details.push(`it says totals ${said}, its objects add up to ${found}`);
  }
  const seen = new Set<string>();
  for (const { key } of manifest.objects) {
    const name = canonicalObjectKey(key);
    if (seen.has(name)) details.push(`it lists ${name} more than once, also as ${key}`);
    seen.add(name);
  }
  return details;
}

/** A version is bound to one way of making its days. */
async function bindingDisagreements(
  deps: JobDeps,
  of: Pick<Manifest, 'version' | 'feed'>,
  manifest: Manifest,
): Promise<string[]> {
  const binding = (await readBindings(deps)).find((it) => it.version === of.version);
  if (binding === undefined) return [`its version is not bound: ${versionKey(of.version)}`];
  const bound = {
    origin: binding.origin,
    schema: binding.schema,
    window_hours: binding.window_hours,
    normalizer: `${of.feed}@${binding.normalizers[of.feed]}`,
  };
  return (['origin', 'schema', 'window_hours', 'normalizer'] as const)
    .filter((name) => manifest[name] !== bound[name])
    .map((name) => `it says ${name} ${manifest[name]}, ${of.version} is bound to ${bound[name]}`);
}

function rawDisagreements(manifest: Manifest, sources: DaySources): string[] {
  const details: string[] = [];
  if (sources.inputs.length > 0 && manifest.origin !== sources.origin) {
    details.push(`it says origin ${manifest.origin}, RAW says ${sources.origin}`);
  }
  const now = new Map(sources.inputs.map((input) => [input.key, input]));
  const shards = new Set(manifest.inputs.map(({ key }) => parseRawSegmentKey(key)?.shard ?? key));
  for (const shard of shards) {
    if (!manifest.shards.includes(shard))
      details.push(`its shards lack ${shard}, its inputs do not`);
  }
  let unchanged = manifest.inputs.length === sources.inputs.length;
  for (const { key, sha256, state } of manifest.inputs) {
    const input = now.get(key);
    if (input?.sha256 !== sha256) unchanged = false;
    else if (input.state !== state) {
      details.push(`it says ${key} is ${state}, the same content is ${input.state}`);
    }
  }
  // Where RAW changed that is named for itself.
  if (!unchanged) return details;
  const shown = new Set(sources.gaps.map(gapName));
  for (const gap of manifest.gaps) {
    if (shown.has(gapName(gap)) || MAY_VANISH.includes(gap.cause)) continue;
    details.push(
      `it lists a gap that RAW does not show: ${gap.shard}: ${gap.cause}: ${gap.detail}`,
    );
  }
  // An inventory that came late may move where an epoch's part ends: then the gaps differ as well.
  const alike =
    manifest.gaps.length === shown.size && manifest.gaps.every((it) => shown.has(gapName(it)));
  if (alike && saysOtherwise(manifest, captureSpans(sources.survey.plans))) {
    details.push('it says of its captures what the headers of RAW do not');
  }
  return details;
}

/** A manifest of an older ssmd says nothing of them. */
function saysOtherwise({ captures }: Manifest, spans: readonly CaptureSpan[]): boolean {
  return captures !== undefined && canonicalJson(captures) !== canonicalJson(spans);
}

/** Inventories that keep silent about segments which are there. */
export function checkInventories(sources: DaySources): AuditFinding[] {
  const findings: AuditFinding[] = [];
  for (const { feed, day, segments, inventories } of sources.survey.findings) {
    for (const { shard, epoch, segments: listed } of inventories) {
      const keys = new Set(listed.map((it) => it.key));
      const own = segments.filter((it) => it.id.epoch === epoch && it.id.t >= dayStart(day));
      const silent = own.filter((it) => !keys.has(it.key));
      if (silent.length === 0) continue;
      const key = inventoryKey({ feed, day, shard, epoch });
      const detail = `it does not list ${silent.length} segments that are there, first ${silent[0]?.key}`;
      findings.push({ kind: 'inventory_missing', key, detail });
    }
  }
  return findings;
}
