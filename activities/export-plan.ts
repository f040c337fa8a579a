/** What an export would be, or everything that stands against it; nothing is written here. */
import { versionOfDay } from '../dataset/current.ts';
import { seriesOf } from '../dataset/export-manifest.ts';
import type { ExportSelection, PinnedDay } from '../dataset/export-manifest.ts';
import type { Manifest } from '../dataset/manifest.ts';
import { SsmdError, invalidInput } from '../schema/errors.ts';
import type { Fault } from '../schema/errors.ts';
import type { EventType } from '../schema/events.ts';
import type { ExportFormat } from '../schema/jobs.ts';
import { suggestion } from '../schema/near-miss.ts';
import type { Day } from '../schema/time.ts';
import { daysOf } from './day-input.ts';
import type { OpenTable } from '../schema/table.ts';
import type { ExportTarget } from '../storage/export-target.ts';
import { readBindings, readCurrent, readManifest } from './datasets.ts';
import { breathe } from './deps.ts';
import type { JobContext, JobDeps } from './deps.ts';

export type ExportDeps = Pick<JobDeps, 'normalized' | 'zstd' | 'sha256' | 'build' | 'now'> & {
  /** A folder of this machine, or where `out` is null a place of its own in the normalized bucket. */
  readonly openTarget: (of: ExportPlace) => ExportTarget;
  /** Parquet. */
  readonly openTable: OpenTable;
};

export type ExportPlace = {
  readonly out: string | null;
  /** Names the export in the bucket. */
  readonly id: string;
  /** Tells its unfinished files from those of other runs. */
  readonly run: string;
};

/** What was asked for, with what was left out filled in. */
export type ExportWanted = ExportPlace & {
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly selection: ExportSelection;
  /** Null: the one that serves each day now. */
  readonly version: string | null;
  readonly format: ExportFormat;
};

/** Why nobody can say under what clock its rows were captured; empty where the manifest does. */
function clockFaults({ feed, day, version, schema, captures }: Manifest): Fault[] {
  const where = 'clock_source';
  if (schema !== 'md2') {
    const what = `${feed} ${day} ${version} is of ${schema}, whose rows have no receive time`;
    return [{ where, what, hint: 'name a version of md2' }];
  }
  if (captures !== undefined) return [];
  const what = `the manifest of ${feed} ${day} ${version} does not say how it was captured`;
  return [{ where, what, hint: 'it is of an older ssmd: rebuild the day with reprocess' }];
}

/** Small enough for a history: which files there will be is in the manifests of its days. */
export type ExportPlan = ExportWanted & {
  readonly days: readonly PinnedDay[];
  /** Of all of them: a folder of files has one set of columns. */
  readonly schema: Manifest['schema'];
  readonly target: string;
  readonly files: number;
  readonly rows: number;
};

/** What the work of one day is told: a list of all days in each would fill the history. */
export type ExportBrief = Omit<ExportPlan, 'days'>;

/** @throws SSMD_INVALID_INPUT with everything that is wrong */
export async function planExport(
  deps: ExportDeps,
  wanted: ExportWanted,
  context: JobContext,
): Promise<ExportPlan> {
  const target = deps.openTarget(wanted);
  const faults: Fault[] = [];
  const taken = await target.fault();
  if (taken !== null) faults.push({ where: 'out', what: `${target.name}: ${taken}` });
  const versions = await versionsOf(deps, wanted, faults);
  const contents = new Contents(wanted.selection);
  const days: PinnedDay[] = [];
  const without: Day[] = [];
  for (const { day, version } of versions) {
    const { feed } = wanted;
    const manifest = version === null ? null : await readManifest(deps, { version, feed, day });
    if (manifest === null) without.push(day);
    else {
      contents.add(manifest);
      if (wanted.selection.clock !== undefined) faults.push(...clockFaults(manifest));
      days.push({ day, version: manifest.version, content_id: manifest.content_id });
    }
    context.beat({ v: 1, stage: `looking at ${feed} ${day}`, done: [], records: 0, bytes: 0 });
    await breathe(context.signal);
  }
  if (without.length > 0) faults.push(daysFault(wanted, without, versions.length));
  if (days.length > 0) faults.push(...contents.faults());
  if (faults.length > 0) throw invalidInput('the export', faults, exampleOf(wanted, days));
  await target.begin();
  return { ...wanted, days, target: target.name, ...contents.summary() };
}

type DayVersion = { readonly day: Day; readonly version: string | null };

/** Each day with the version it is taken from. */
async function versionsOf(
  deps: ExportDeps,
  { feed, from, to, version }: ExportWanted,
  faults: Fault[],
): Promise<DayVersion[]> {
  const days = daysOf({ from, to });
  if (version === null) {
    const current = await readCurrent(deps, feed);
    return days.map((day) => ({ day, version: versionOfDay(current, day) }));
  }
  const known = (await readBindings(deps)).map((binding) => binding.version);
  if (!known.includes(version)) {
    const there = known.length === 0 ? 'there is none yet' : suggestion(version, known);
    faults.push({ where: 'version', what: `there is no version "${version}"`, hint: there });
    return [];
  }
  return days.map((day) => ({ day, version }));
}

/** Names an error lists; the others are counted. */
const LISTED_MAX = 40;

function listed(names: readonly string[]): string {
  const more = names.length - LISTED_MAX;
  return `${names.slice(0, LISTED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function daysFault({ feed, version }: ExportWanted, days: readonly Day[], of: number): Fault {
  const where = version === null ? '' : ` in ${version}`;
  return {
    where: 'from',
    what: `${days.length} of ${of} days of ${feed} are not committed${where}: ${listed(days)}`,
    hint: 'npx ssmd dataset list shows which are; run daily-archive for the others',
  };
}

function exampleOf({ feed, format }: ExportWanted, days: readonly PinnedDay[]): object {
  return { feed, day: days[0]?.day ?? '2026-11-20', format };
}

/** What there is to be exported, and what of the selection is nowhere. */
class Contents {
  readonly #selection: ExportSelection;
  readonly #types = new Set<EventType>();
  readonly #symbols = new Set<string>();
  readonly #schemas = new Map<Manifest['schema'], Day[]>();
  #files = 0;
  #rows = 0;

  constructor(selection: ExportSelection) {
    this.#selection = selection;
  }

  add(manifest: Manifest): void {
    const { schema, day } = manifest;
    this.#schemas.set(schema, [...(this.#schemas.get(schema) ?? []), day]);
    for (const { type, symbol } of seriesOf(manifest, { types: null, symbols: null })) {
      this.#types.add(type);
      this.#symbols.add(symbol);
    }
    for (const { objects } of seriesOf(manifest, this.#selection)) {
      this.#files++;
      this.#rows += objects.reduce((sum, { records }) => sum + records, 0);
    }
  }

  summary(): Pick<ExportPlan, 'schema' | 'files' | 'rows'> {
    const [schema = 'md2'] = this.#schemas.keys();
    return { schema, files: this.#files, rows: this.#rows };
  }

  faults(): Fault[] {
    const { types, symbols } = this.#selection;
    const faults = [
      ...missing('types', types, [...this.#types]),
      ...missing('symbols', symbols, [...this.#symbols].sort()),
      ...this.#mixed(),
    ];
    if (faults.length === 0 && this.#files === 0) {
      faults.push({ where: 'types', what: 'of these symbols there are no such events' });
    }
    return faults;
  }

  #mixed(): Fault[] {
    if (this.#schemas.size < 2) return [];
    const words = [...this.#schemas].map(([schema, days]) => `${schema} (${listed(days)})`);
    const what = `the days are of other schemas, with other columns: ${words.join(', ')}`;
    return [{ where: 'version', what, hint: 'export them apart, or name a version' }];
  }
}

function missing(where: string, wanted: readonly string[] | null, there: string[]): Fault[] {
  const none = (wanted ?? []).filter((it) => !there.includes(it));
  if (none.length === 0) return [];
  const what = `the days have no ${listed(none)}`;
  return [{ where, what, hint: `there is ${listed(there)}` }];
}

/** A pinned day's manifest, as it was when the export began. @throws SSMD_CORRUPT */
export async function pinnedManifest(
  deps: ExportDeps,
  feed: string,
  { day, version, content_id }: PinnedDay,
): Promise<Manifest> {
  const manifest = await readManifest(deps, { version, feed, day });
  if (manifest?.content_id === content_id) return manifest;
  const found = manifest === null ? 'is gone' : `says content ${manifest.content_id}`;
  throw new SsmdError(
    'SSMD_CORRUPT',
    `the manifest of ${feed} ${day} ${version} was of content ${content_id} when the export began, ` +
      `now it ${found}; a manifest never changes: run audit. Nothing was exported`,
    { facts: { feed, day, version, content_id } },
  );
}
