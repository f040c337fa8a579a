/** Writes the files of one day. A file that is noted as finished is not written again. */
import { captureLookup, passesClock } from '../dataset/captures.ts';
import type { CaptureSpan, ClockFilter } from '../dataset/captures.ts';
import { exportColumns } from '../dataset/export-columns.ts';
import type { ExportRow } from '../dataset/export-columns.ts';
import { DecimalSurvey, mergeExtents } from '../dataset/export-decimals.ts';
import type { DecimalExtents } from '../dataset/export-decimals.ts';
import { exportEncoder } from '../dataset/export-encoders.ts';
import { exportPath, seriesOf } from '../dataset/export-manifest.ts';
import type { ExportSeries, PinnedDay } from '../dataset/export-manifest.ts';
import { rowsOf } from '../dataset/export-rows.ts';
import type { Manifest, ManifestObject } from '../dataset/manifest.ts';
import { SsmdError } from '../schema/errors.ts';
import type { EventType } from '../schema/events.ts';
import type { ExportTarget, FileNote } from '../storage/export-target.ts';
import { readObject } from './archive-verify.ts';
import { breathe } from './deps.ts';
import type { JobContext } from './deps.ts';
import { pinnedManifest } from './export-plan.ts';
import type { ExportBrief, ExportDeps } from './export-plan.ts';

/** Of Parquet: what the decimal columns of each type hold, over all days. */
export type TypeExtents = Readonly<Partial<Record<EventType, DecimalExtents>>>;

export type ExportCount = {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
};

/** One day's part of the work, and what was done of the whole before it. */
export type ExportDayWork = {
  readonly plan: ExportBrief;
  readonly day: PinnedDay;
  readonly before: ExportCount;
};

/** Between rows that are worked on without a pause: some ten milliseconds. */
const ROWS_PER_BREATH = 4_096;

/** Reads the day whole, proves every object, and says what its decimals need. */
export async function surveyDay(
  deps: ExportDeps,
  work: ExportDayWork,
  context: JobContext,
): Promise<TypeExtents> {
  const manifest = await pinnedManifest(deps, work.plan.feed, work.day);
  const pace = createPace(deps, work, 'looking at decimals', context);
  const found: Partial<Record<EventType, DecimalExtents>> = {};
  for (const series of seriesOf(manifest, work.plan.selection)) {
    const survey = new DecimalSurvey(exportColumns(series.type, manifest.schema));
    pace.file(series);
    for (const object of series.objects) {
      for (const row of await readRows(deps, manifest, work.plan, series.type, object, context)) {
        survey.add(row);
        if (pace.row()) await pace.breath();
      }
    }
    found[series.type] = mergeExtents(found[series.type] ?? {}, survey.extents());
    pace.finished(0);
  }
  return found;
}

/** Writes what is not written yet. */
export async function writeDay(
  deps: ExportDeps,
  work: ExportDayWork & { readonly extents: TypeExtents },
  context: JobContext,
): Promise<ExportCount> {
  const { plan, day } = work;
  const manifest = await pinnedManifest(deps, plan.feed, day);
  const target = deps.openTarget(plan);
  const pace = createPace(deps, work, 'writing', context);
  const count = { files: 0, rows: 0, bytes: 0 };
  for (const series of seriesOf(manifest, plan.selection)) {
    const path = exportPath({ ...series, day: day.day }, plan.format);
    pace.file(series);
    const known = await target.noted(path);
    const note =
      known ?? (await writeFile({ ...work, deps, manifest, target, pace, context }, series, path));
    if (known !== null) pace.skip(known.rows);
    pace.finished(note.bytes);
    count.files++;
    count.rows += note.rows;
    count.bytes += note.bytes;
  }
  return count;
}

type FileWork = {
  readonly deps: ExportDeps;
  readonly plan: ExportBrief;
  readonly extents: TypeExtents;
  readonly manifest: Manifest;
  readonly target: ExportTarget;
  readonly pace: Pace;
  readonly context: JobContext;
};

async function writeFile(work: FileWork, series: ExportSeries, path: string): Promise<FileNote> {
  const { deps, plan, extents, manifest, target, pace, context } = work;
  const { type } = series;
  const columns = exportColumns(type, manifest.schema);
  const encoder = exportEncoder(plan.format, columns, extents[type] ?? {}, deps.openTable);
  const sink = await target.create(path);
  let rows = 0;
  try {
    for (const object of series.objects) {
      for (const row of await readRows(deps, manifest, plan, type, object, context)) {
        rows++;
        const bytes = encoded(path, rows, () => encoder.add(row));
        if (bytes !== null) await sink.write(bytes);
        if (pace.row() || bytes !== null) await pace.breath();
      }
    }
    await sink.write(encoder.finish());
    return await sink.finish(rows);
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

/** @throws SSMD_LIMIT where a value has no exact form in the file */
function encoded<T>(path: string, row: number, encode: () => T): T {
  try {
    return encode();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `${path}: row ${row} does not fit: ${cause.message}`;
    throw new SsmdError('SSMD_LIMIT', message, { facts: { path, row }, cause });
  }
}

/** The rows that are wanted. @throws SSMD_CORRUPT where the object is not what the manifest says */
async function readRows(
  deps: ExportDeps,
  { feed, day, version, schema, captures = [] }: Manifest,
  { selection: { clock } }: ExportBrief,
  type: EventType,
  object: ManifestObject,
  { signal }: JobContext,
): Promise<Iterable<ExportRow>> {
  const read = await readObject(deps, object, schema, signal);
  if (typeof read !== 'string') {
    const rows = rowsOf(schema, type, read);
    return clock === undefined ? rows : rowsUnder(rows, captures, clock);
  }
  throw new SsmdError(
    'SSMD_CORRUPT',
    `object ${object.key} of ${feed} ${day} ${version} is not what its manifest says: ${read}. ` +
      'Nothing was exported; audit tells what else is wrong with the day',
    { facts: { key: object.key, feed, day, version } },
  );
}

/** Rows of md2 whose line was captured as asked. */
function* rowsUnder(
  rows: Iterable<ExportRow>,
  captures: readonly CaptureSpan[],
  clock: ClockFilter,
): Generator<ExportRow> {
  const spanOf = captureLookup(captures);
  for (const row of rows) {
    const { shard, t } = row as { readonly shard: string; readonly t: bigint };
    if (passesClock(spanOf(shard, t), clock)) yield row;
  }
}

type Pace = {
  readonly file: (series: ExportSeries) => void;
  /** A row is done; whether it is time for a breath. */
  readonly row: () => boolean;
  readonly breath: () => Promise<void>;
  readonly skip: (rows: number) => void;
  readonly finished: (bytes: number) => void;
};

/** Tells how far the whole export is, in words and numbers. */
function createPace(
  deps: Pick<ExportDeps, 'now'>,
  { plan, day, before }: ExportDayWork,
  doing: string,
  context: JobContext,
): Pace {
  const began = deps.now();
  let { files, rows, bytes } = before;
  let worked = 0;
  let what = '';
  const tell = (): void => {
    const ms = Number((deps.now() - began) / 1_000_000n);
    const rate = ms < 1_000 ? '' : `, ${Math.round((worked * 1_000) / ms)} rows/s`;
    const stage = `${doing}: ${day.day} ${what} (${files} of ${plan.files} files${rate})`;
    context.beat({ v: 1, stage, done: [], records: rows, bytes });
  };
  return {
    file({ type, symbol }) {
      what = `${type} ${symbol}`;
      tell();
    },
    row() {
      rows++;
      return (worked += 1) % ROWS_PER_BREATH === 0;
    },
    async breath() {
      tell();
      await breathe(context.signal);
    },
    skip(done) {
      rows += done;
    },
    finished(more) {
      files++;
      bytes += more;
    },
  };
}
