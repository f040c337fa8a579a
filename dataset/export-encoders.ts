/** Rows to the bytes of one file, in the three formats: what is ready is handed on, little is kept. */
import type { ExportFormat } from '../schema/jobs.ts';
import type { OpenTable } from '../schema/table.ts';
import type { ExportColumn, ExportRow } from './export-columns.ts';
import type { DecimalExtents } from './export-decimals.ts';
import { RowGroup, tableColumns } from './export-table.ts';
import { csvLines, jsonLines } from './export-text.ts';
import type { LineWriter } from './export-text.ts';

export type ExportEncoder = {
  /** Bytes to be written now, or null where it waits for more. @throws RangeError, see `RowGroup` */
  readonly add: (row: ExportRow) => Uint8Array | null;
  readonly finish: () => Uint8Array;
};

/** Characters of text that wait to be written. */
const TEXT_CHARS_MAX = 1 << 20;

/** `extents` are those of all files of the type; text needs none. @throws SSMD_LIMIT */
export function exportEncoder(
  format: ExportFormat,
  columns: readonly ExportColumn[],
  extents: DecimalExtents,
  openTable: OpenTable,
): ExportEncoder {
  switch (format) {
    case 'csv':
      return textEncoder(csvLines(columns));
    case 'jsonl':
      return textEncoder(jsonLines(columns));
    case 'parquet':
      return tableEncoder(columns, extents, openTable);
    default:
      return format satisfies never;
  }
}

function textEncoder({ head, line }: LineWriter): ExportEncoder {
  const utf8 = new TextEncoder();
  let waiting = head;
  const take = (): Uint8Array => {
    const bytes = utf8.encode(waiting);
    waiting = '';
    return bytes;
  };
  return {
    add(row) {
      waiting += line(row);
      return waiting.length < TEXT_CHARS_MAX ? null : take();
    },
    finish: take,
  };
}

function tableEncoder(
  columns: readonly ExportColumn[],
  extents: DecimalExtents,
  openTable: OpenTable,
): ExportEncoder {
  const typed = tableColumns(columns, extents);
  const table = openTable(typed);
  const group = new RowGroup(typed);
  return {
    add(row) {
      group.add(row);
      return group.full ? table.group(group.take()) : null;
    },
    finish() {
      const last = table.group(group.take());
      const end = table.finish();
      const bytes = new Uint8Array(last.length + end.length);
      bytes.set(last);
      bytes.set(end, last.length);
      return bytes;
    },
  };
}
