/**
 * What an export is: its plan, fixed before anything is written, and `export.json`, which is put last. An
 * export exists when its `export.json` does, and then consists of exactly the files that it names. Nothing
 * of it depends on when, where or in what order it was written.
 */
import { EVENT_TYPES } from '../schema/events.ts';
import type { EventType } from '../schema/events.ts';
import type { ExportFormat } from '../schema/jobs.ts';
import type { Day } from '../schema/time.ts';
import { jsonDocument } from './canonical.ts';
import { manifestKey, parseObjectKey } from './keys.ts';
import type { DecimalExtents } from './export-decimals.ts';
import type { ClockFilter } from './captures.ts';
import type { Build, Manifest, ManifestObject } from './manifest.ts';

/** Which events: lists in order, null for all. */
export type ExportSelection = {
  readonly types: readonly EventType[] | null;
  readonly symbols: readonly string[] | null;
  /** Rows captured under such a clock alone; absent: all. */
  readonly clock?: ClockFilter;
};

/** A day as it was pinned: a manifest never changes, `content_id` proves that it did not. */
export type PinnedDay = {
  readonly day: Day;
  readonly version: string;
  readonly content_id: string;
};

/** All events of a type and symbol on a day: one file, made from these objects in order. */
export type ExportSeries = {
  readonly type: EventType;
  readonly symbol: string;
  readonly objects: readonly ManifestObject[];
};

/** The series of a day that are wanted, by type and symbol. */
export function seriesOf(
  { objects }: Pick<Manifest, 'objects'>,
  { types, symbols }: ExportSelection,
): ExportSeries[] {
  const found = new Map<string, { type: EventType; symbol: string; objects: ManifestObject[] }>();
  for (const object of objects) {
    const id = parseObjectKey(object.key);
    if (id === null) continue;
    const { type, symbol } = id;
    if (types !== null && !types.includes(type)) continue;
    if (symbols !== null && !symbols.includes(symbol)) continue;
    const name = `${EVENT_TYPES.indexOf(type)} ${symbol}`;
    const series = found.get(name) ?? { type, symbol, objects: [] };
    series.objects.push(object);
    found.set(name, series);
  }
  const order = ({ first_t, key }: ManifestObject): string => `${first_t.padStart(20, '0')} ${key}`;
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, series]) => ({
      ...series,
      objects: series.objects.sort((a, b) => (order(a) < order(b) ? -1 : 1)),
    }));
}

/** `{type}/{symbol}/{YYYY}-{MM}-{DD}.{format}` */
export function exportPath(
  of: { readonly type: EventType; readonly symbol: string; readonly day: Day },
  format: ExportFormat,
): string {
  return `${of.type}/${of.symbol}/${of.day}.${format}`;
}

export type ExportFile = {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
};

/** Where a day's rows come from, and what is known to be missing there. */
export type ExportDay = Pick<
  Manifest,
  'day' | 'version' | 'schema' | 'normalizer' | 'origin' | 'content_id' | 'complete'
> & { readonly manifest: string; readonly gaps: number };

export type ExportManifest = {
  readonly format: 1;
  readonly feed: string;
  readonly from: string;
  readonly to: string;
  readonly selection: ExportSelection;
  readonly file_format: ExportFormat;
  readonly days: readonly ExportDay[];
  readonly files: readonly ExportFile[];
  /** Of Parquet: by type, what each decimal column holds; null for text. */
  readonly decimals: Readonly<Partial<Record<EventType, DecimalExtents>>> | null;
  readonly totals: {
    readonly files: number;
    readonly rows: number;
    readonly bytes: number;
    /** Rows that `selection.clock` left out; absent without one. */
    readonly left_out?: number;
  };
  readonly build: Build;
};

export function exportDay(manifest: Manifest): ExportDay {
  const { day, version, schema, normalizer, origin, content_id, complete, gaps } = manifest;
  return {
    ...{ day, version, schema, normalizer, origin, content_id, complete },
    ...{ manifest: manifestKey(manifest), gaps: gaps.length },
  };
}

/** `export.json`, as it is written. */
export function exportDocument(
  parts: Omit<ExportManifest, 'format' | 'totals'>,
  left_out: number | null = null,
): {
  readonly manifest: ExportManifest;
  readonly bytes: Uint8Array;
} {
  const files = [...parts.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const sum = (of: (file: ExportFile) => number): number =>
    files.reduce((total, file) => total + of(file), 0);
  const totals = {
    files: files.length,
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
    ...(left_out === null ? {} : { left_out }),
  };
  const manifest: ExportManifest = { ...parts, format: 1, files, totals };
  return { manifest, bytes: jsonDocument(manifest) };
}
