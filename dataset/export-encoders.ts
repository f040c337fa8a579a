/** Events to the bytes of one file, in the three formats: what is ready is handed on, little is kept. */
import type { EventType, MarketEvent } from '../schema/events.ts';
import type { ExportFormat } from '../schema/jobs.ts';
import type { OpenTable } from '../schema/table.ts';
import type { DecimalExtents } from './export-decimals.ts';
import { RowGroup, tableColumns } from './export-table.ts';
import { csvLines, jsonLines } from './export-text.ts';
import type { LineWriter } from './export-text.ts';

export type ExportEncoder = {
  /** Bytes to be written now, or null where it waits for more. @throws RangeError, see `RowGroup` */
  readonly add: (event: MarketEvent) => Uint8Array | null;
  readonly finish: () => Uint8Array;
};

/** Characters of text that wait to be written. */
const TEXT_CHARS_MAX = 1 << 20;

/** `extents` are those of all files of the type; text needs none. @throws SSMD_LIMIT */
export function exportEncoder(
  format: ExportFormat,
  type: EventType,
  extents: DecimalExtents,
  openTable: OpenTable,
): ExportEncoder {
  switch (format) {
    case 'csv':
      return textEncoder(csvLines(type));
    case 'jsonl':
      return textEncoder(jsonLines(type));
    case 'parquet':
      return tableEncoder(type, extents, openTable);
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
    add(event) {
      waiting += line(event);
      return waiting.length < TEXT_CHARS_MAX ? null : take();
    },
    finish: take,
  };
}

function tableEncoder(
  type: EventType,
  extents: DecimalExtents,
  openTable: OpenTable,
): ExportEncoder {
  const columns = tableColumns(type, extents);
  const table = openTable(columns);
  const group = new RowGroup(columns);
  return {
    add(event) {
      group.add(event);
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
