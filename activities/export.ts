/** Exports a dataset: pinned, proven object by object, shown whole or not at all. */
import { canonicalJson } from '../dataset/canonical.ts';
import { exportDay, exportDocument, exportPath, seriesOf } from '../dataset/export-manifest.ts';
import type { ExportDay, ExportFile, ExportManifest } from '../dataset/export-manifest.ts';
import { SsmdError } from '../schema/errors.ts';
import type { ExportTarget } from '../storage/export-target.ts';
import { breathe } from './deps.ts';
import type { JobContext } from './deps.ts';
import { surveyDay, writeDay } from './export-day.ts';
import type { ExportCount, ExportDayWork, TypeExtents } from './export-day.ts';
import { pinnedManifest, planExport } from './export-plan.ts';
import type { ExportDeps, ExportPlace, ExportPlan, ExportWanted } from './export-plan.ts';
import { activity } from './run.ts';

export type ExportPublication = {
  readonly plan: ExportPlan;
  /** Null where the format has no column types. */
  readonly extents: TypeExtents | null;
};

export type Published = ExportCount & {
  /** The folder, or `s3://bucket/prefix`. */
  readonly target: string;
  /** Of `export.json`. */
  readonly manifest_sha256: string;
  readonly incomplete_days: number;
  /** Rows that the filter of clocks left out; absent without one. */
  readonly left_out?: number;
};

export function createExportActivities(deps: ExportDeps) {
  return {
    planExport: activity((wanted: ExportWanted, context) => planExport(deps, wanted, context)),
    surveyExportDay: activity((work: ExportDayWork, context) => surveyDay(deps, work, context)),
    writeExportDay: activity(
      (work: ExportDayWork & { readonly extents: TypeExtents }, context): Promise<ExportCount> =>
        writeDay(deps, work, context),
    ),
    publishExport: activity((of: ExportPublication, context) => publishExport(deps, of, context)),
    discardExport: activity((place: ExportPlace) => deps.openTarget(place).discard()),
  };
}

export type ExportActivities = ReturnType<typeof createExportActivities>;

/** Puts `export.json` last; again finds it there. */
export async function publishExport(
  deps: ExportDeps,
  { plan, extents }: ExportPublication,
  context: JobContext,
): Promise<Published> {
  const target = deps.openTarget(plan);
  const days: ExportDay[] = [];
  const paths: string[] = [];
  let records = 0;
  for (const day of plan.days) {
    const manifest = await pinnedManifest(deps, plan.feed, day);
    days.push(exportDay(manifest));
    for (const series of seriesOf(manifest, plan.selection)) {
      paths.push(exportPath({ ...series, day: day.day }, plan.format));
      records += series.objects.reduce((sum, object) => sum + object.records, 0);
    }
    await breathe(context.signal);
  }
  const { feed, from, to, selection, format } = plan;
  const parts = { feed, from, to, selection, file_format: format, days, decimals: extents };
  const before = await publishedBefore(target, parts, paths);
  if (before !== null) return summaryOf(deps, plan, before);
  const files = await notedFiles(target, paths, context);
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const left_out = selection.clock === undefined ? null : records - rows;
  const made = exportDocument({ ...parts, files, build: deps.build }, left_out);
  await target.publish(made.bytes);
  return summaryOf(deps, plan, made);
}

type Document = { readonly manifest: ExportManifest; readonly bytes: Uint8Array };
type Parts = Omit<ExportManifest, 'format' | 'totals' | 'files' | 'build'>;

/** What stands there by our own doing, whose acknowledgement was lost; null where nothing does. */
async function publishedBefore(
  target: ExportTarget,
  parts: Parts,
  paths: readonly string[],
): Promise<Document | null> {
  const bytes = await target.published();
  if (bytes === null) return null;
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as ExportManifest;
  const { format: _, totals: __, files, build: ___, ...said } = manifest;
  const ours = canonicalJson([parts, [...paths].sort()]);
  if (canonicalJson([said, files.map(({ path }) => path)]) === ours) return { manifest, bytes };
  throw new SsmdError('SSMD_INVALID_INPUT', `out: ${target.name} holds another export by now`, {
    facts: { out: target.name },
  });
}

async function notedFiles(
  target: ExportTarget,
  paths: readonly string[],
  context: JobContext,
): Promise<ExportFile[]> {
  const files: ExportFile[] = [];
  const lost: string[] = [];
  for (const path of paths) {
    const note = await target.noted(path);
    if (note === null) lost.push(path);
    else files.push(note);
    context.signal.throwIfAborted();
  }
  if (lost.length === 0) return files;
  throw new SsmdError(
    'SSMD_NOT_FOUND',
    `${lost.length} of ${paths.length} files are not where ${target.name} is made, ${lost[0]} first: ` +
      'workers on several machines need a folder that all of them see, or the bucket (no out)',
    { facts: { out: target.name, missing: lost.slice(0, 10) } },
  );
}

function summaryOf(deps: ExportDeps, plan: ExportPlan, { manifest, bytes }: Document): Published {
  return {
    ...manifest.totals,
    target: plan.target,
    manifest_sha256: deps.sha256(bytes),
    incomplete_days: manifest.days.filter(({ complete }) => !complete).length,
  };
}
