/**
 * Exports a dataset as files: pins each day to a version, proves and writes it, shows all of it at once.
 * Whatever ends it before that leaves nothing behind.
 */
import {
  CancellationScope,
  CancelledFailure,
  defineQuery,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Published } from '../activities/export.ts';
import type { ExportCount, TypeExtents } from '../activities/export-day.ts';
import type {
  ExportBrief,
  ExportPlace,
  ExportPlan,
  ExportWanted,
} from '../activities/export-plan.ts';
import type { ClockFilter } from '../dataset/captures.ts';
import { mergeExtents } from '../dataset/export-decimals.ts';
import type { DecimalExtents } from '../dataset/export-decimals.ts';
import { CLOCK_SOURCES, CLOCK_STATUSES } from '../schema/clock.ts';
import type { EventType } from '../schema/events.ts';
import type { ExportInput } from '../schema/jobs.ts';
import { admit } from './lib/admit.ts';
import { fileUnder } from './lib/attributes.ts';
import { entered, finished, showProgress, startProgress } from './lib/progress.ts';
import { awaited, records } from './proxies.ts';

export type ExportReport = Published & {
  readonly outcome: 'exported';
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly format: string;
  readonly days: number;
  readonly versions: readonly string[];
};

/** What a caller may ask while it runs: which stage, and how much there is to do in it. */
export type ExportProgress = {
  readonly stage: string;
  readonly rows: number;
  readonly files: number;
  /** Rows of the stage whose days are done; what the running day has done is in its heartbeat. */
  readonly rows_done: number;
};

const STAGES = ['plan', 'survey', 'write', 'publish'];

export async function runExport(input: ExportInput): Promise<ExportReport> {
  const shown = createShow();
  const { wanted, day, search_attributes: known } = await admit('export', input);
  const asked = wantedOf(wanted, day);
  const { feed, from, to, format } = asked;
  const days = from === to ? from : `${from}..${to}`;
  fileUnder(known, { SsmdFeed: feed, SsmdDay: days, SsmdStage: 'plan', SsmdMode: format });
  shown.begin(`export ${feed} ${days} as ${format}`);
  let plan: ExportPlan | null = null;
  try {
    plan = await awaited.planExport.executeWithOptions({ summary: `${feed} ${days}` }, [asked]);
    const versions = [...new Set(plan.days.map(({ version }) => version))];
    fileUnder(known, { SsmdVersion: versions.join(','), SsmdStage: 'write' });
    const typed = format === 'parquet' && plan.schema !== 'md1';
    const extents = typed ? await surveyAll(plan, shown) : null;
    await writeAll(plan, extents ?? {}, shown);
    shown.stage('publish', plan);
    const summary = plan.target.slice(-150);
    const published = await awaited.publishExport.executeWithOptions({ summary }, [
      { plan, extents },
    ]);
    fileUnder(known, { SsmdStage: 'done', SsmdOutcome: 'exported' });
    shown.end(published);
    return {
      ...{ outcome: 'exported', feed, from, to, format, days: plan.days.length, versions },
      ...published,
    };
  } catch (error) {
    // Before there is a plan nothing can be in the bucket.
    if (plan !== null || asked.out !== null) await discard(plan ?? asked);
    // A step that gave up before it heard of the cancellation: the run was cancelled all the same.
    if (CancellationScope.current().consideredCancelled) throw cancelledBy(error);
    throw error;
  }
}

function cancelledBy(error: unknown): unknown {
  return isCancellation(error) ? error : new CancelledFailure('cancelled while a step failed');
}

/** Why it ended is what is told, whatever comes of this. */
async function discard({ out, id, run }: ExportPlace): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() => records.discardExport({ out, id, run }));
  } catch (error) {
    log.warn('what was written is still there', { out, id, error: String(error) });
  }
}

function wantedOf(input: ExportInput, day: string): ExportWanted {
  const { feed, types = null, symbols = null, version = 'current' } = input;
  const from = input.from ?? day;
  const to = input.to ?? day;
  // The end of a run's id is random, its beginning is the time.
  const run = workflowInfo().runId.slice(-12);
  return {
    ...{ feed, from, to, run, id: `${feed}-${from}-${to}-${run}` },
    selection: {
      // Their order and repetitions say nothing.
      types: types === null ? null : ([...new Set(types)].sort() as EventType[]),
      symbols: symbols === null ? null : [...new Set(symbols)].sort(),
      ...clockOf(input),
    },
    version: version === 'current' ? null : version,
    format: input.format ?? 'parquet',
    out: input.out ?? null,
  };
}

/** In the words' own order; nothing where nothing is asked. */
function clockOf({ clock_source, clock_status }: ExportInput): { clock?: ClockFilter } {
  if (clock_source === undefined && clock_status === undefined) return {};
  return {
    clock: {
      sources: clock_source === undefined ? null : wordsIn(CLOCK_SOURCES, clock_source),
      statuses: clock_status === undefined ? null : wordsIn(CLOCK_STATUSES, clock_status),
    },
  };
}

function wordsIn<T extends string>(known: readonly T[], given: readonly string[]): T[] {
  return known.filter((word) => given.includes(word));
}

function briefOf({ days: _, ...brief }: ExportPlan): ExportBrief {
  return brief;
}

const NOTHING: ExportCount = { files: 0, rows: 0, bytes: 0 };

/** A column has one type in all files: what it has to hold is known before the first is written. */
async function surveyAll(plan: ExportPlan, shown: Show): Promise<TypeExtents> {
  shown.stage('survey', plan);
  const found: Partial<Record<EventType, DecimalExtents>> = {};
  for (const day of plan.days) {
    const summary = `${plan.feed} ${day.day} ${day.version}: decimals`;
    const work = { plan: briefOf(plan), day, before: NOTHING };
    const extents = await awaited.surveyExportDay.executeWithOptions({ summary }, [work]);
    for (const [type, of] of Object.entries(extents) as [EventType, DecimalExtents][]) {
      found[type] = mergeExtents(found[type] ?? {}, of);
    }
  }
  return found;
}

/** Day after day: an export is bound by one processor, and what it has written is never far. */
async function writeAll(plan: ExportPlan, extents: TypeExtents, shown: Show): Promise<void> {
  shown.stage('write', plan);
  let before = NOTHING;
  for (const day of plan.days) {
    const summary = `${plan.feed} ${day.day} ${day.version}: ${plan.format}`;
    const work = { plan: briefOf(plan), day, before, extents };
    const done = await awaited.writeExportDay.executeWithOptions({ summary }, [work]);
    before = {
      files: before.files + done.files,
      rows: before.rows + done.rows,
      bytes: before.bytes + done.bytes,
    };
    shown.done(before);
  }
}

type Show = ReturnType<typeof createShow>;

function createShow() {
  let progress = startProgress('export', STAGES);
  let told: ExportProgress = { stage: 'plan', rows: 0, files: 0, rows_done: 0 };
  setHandler(defineQuery<ExportProgress>('progress'), () => told);
  const draw = (): void => showProgress(progress);
  return {
    begin(title: string) {
      progress = entered(startProgress(title, STAGES), 'plan');
      draw();
    },
    stage(stage: string, { rows, files, days }: ExportPlan) {
      const note = `${days.length} days, ${files} files, ${rows} rows`;
      progress = entered(progress, stage, note);
      told = { stage, rows, files, rows_done: 0 };
      draw();
    },
    done({ rows, files }: ExportCount) {
      told = { ...told, rows_done: rows };
      progress = entered(progress, 'write', `${files} of ${told.files} files, ${rows} rows`);
      draw();
    },
    end({ target, files, rows, bytes }: Published) {
      progress = finished(
        progress,
        `${files} files, ${rows} rows, ${bytes} bytes in \`${target}\``,
      );
      draw();
    },
  };
}
