/** The steps of `export` without a workflow server, into folders of this machine. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainContext } from '../../activities/deps.ts';
import type { JobContext, JobDeps } from '../../activities/deps.ts';
import { publishExport } from '../../activities/export.ts';
import type { Published } from '../../activities/export.ts';
import { surveyDay, writeDay } from '../../activities/export-day.ts';
import type { TypeExtents } from '../../activities/export-day.ts';
import { planExport } from '../../activities/export-plan.ts';
import type { ExportDeps, ExportPlan, ExportWanted } from '../../activities/export-plan.ts';
import { mergeExtents } from '../../dataset/export-decimals.ts';
import type { ExportManifest } from '../../dataset/export-manifest.ts';
import { exportPorts } from '../../workers/exports.ts';

export function exportDeps(jobs: JobDeps, other: Partial<ExportDeps> = {}): ExportDeps {
  const { normalized } = jobs;
  return { ...jobs, ...exportPorts({ normalized, bucket: 'test', version: 'test' }), ...other };
}

/** A folder that goes when the test does. */
export async function scratchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'ssmd-export-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export type Asked = Partial<Omit<ExportWanted, 'selection'>> &
  Partial<ExportWanted['selection']> & { readonly day?: string };

export function wantedOf(asked: Asked): ExportWanted {
  const { day = '2026-11-20', types = null, symbols = null, clock, ...rest } = asked;
  return {
    ...{ feed: 'tiny', from: day, to: day, version: null, format: 'jsonl', out: null },
    ...{ run: 'test', id: 'test', ...rest },
    selection: { types, symbols, ...(clock === undefined ? {} : { clock }) },
  };
}

/** Plans, looks, writes and publishes, as the workflow does. */
export async function runExport(
  deps: ExportDeps,
  asked: Asked,
  context: JobContext = plainContext(),
): Promise<{ readonly plan: ExportPlan; readonly published: Published }> {
  const plan = await planExport(deps, wantedOf(asked), context);
  const extents: Record<string, Record<string, never>> = {};
  let before = { files: 0, rows: 0, bytes: 0 };
  const typed = plan.format === 'parquet' && plan.schema !== 'md1';
  if (typed) {
    for (const day of plan.days) {
      const found = await surveyDay(deps, { plan, day, before }, context);
      for (const [type, of] of Object.entries(found)) {
        Object.assign(extents, { [type]: mergeExtents(extents[type] ?? {}, of) });
      }
    }
  }
  for (const day of plan.days) {
    before = await writeDay(deps, { plan, day, before, extents: extents as TypeExtents }, context);
  }
  const of = { plan, extents: typed ? (extents as TypeExtents) : null };
  return { plan, published: await publishExport(deps, of, context) };
}

export async function readExport(out: string): Promise<ExportManifest> {
  return JSON.parse(await readFile(join(out, 'export.json'), 'utf8')) as ExportManifest;
}
