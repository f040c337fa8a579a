/** Rows as cells of a table, a group of rows at a time. */
import type { Decimal } from '../schema/decimal.ts';
import type { BookLevel } from '../schema/events.ts';
import type { Cell, DoubleLevel, TableColumn } from '../schema/table.ts';
import type { ExportColumn, ExportRow } from './export-columns.ts';
import {
  LEVEL_PRICE,
  LEVEL_SIZE,
  decimalTypeOf,
  unscaled,
  unscaledLevels,
} from './export-decimals.ts';
import type { DecimalExtents } from './export-decimals.ts';

/** The columns of a table. @throws SSMD_LIMIT where a column's decimals fit no type */
export function tableColumns(
  columns: readonly ExportColumn[],
  extents: DecimalExtents,
): TableColumn[] {
  return columns.map((column) => tableColumn(column, extents));
}

function tableColumn({ name, kind, nullable }: ExportColumn, extents: DecimalExtents): TableColumn {
  switch (kind) {
    case 'decimal':
      return { name, kind, nullable, decimal: decimalTypeOf(name, extents[name]) };
    case 'levels':
      return {
        name,
        kind,
        price: decimalTypeOf(`${name}.price`, extents[LEVEL_PRICE]),
        size: decimalTypeOf(`${name}.size`, extents[LEVEL_SIZE]),
      };
    case 'double_levels':
      return { name, kind };
    case 'double':
      return { name, kind, nullable };
    case 'instant':
      return { name, kind: 'timestamp', nullable };
    case 'u64':
      return { name, kind: 'uint64', nullable };
    case 'u32':
      return { name, kind: 'uint32', nullable };
    case 'flags':
      return { name, kind: 'int32', nullable };
    case 'side':
    case 'text':
      return { name, kind: 'text', nullable };
    default:
      return kind satisfies never;
  }
}

/** Rows a group holds, and levels of books: whichever comes first ends it. */
export const GROUP_ROWS_MAX = 50_000;
export const GROUP_LEVELS_MAX = 250_000;

/** Rows that wait to become a group. */
export class RowGroup {
  rows = 0;
  #levels = 0;
  #cells: Cell[][];
  readonly #columns: readonly TableColumn[];

  constructor(columns: readonly TableColumn[]) {
    this.#columns = columns;
    this.#cells = columns.map(() => []);
  }

  get full(): boolean {
    return this.rows >= GROUP_ROWS_MAX || this.#levels >= GROUP_LEVELS_MAX;
  }

  /** @throws RangeError where a cell's type does not hold it */
  add(row: ExportRow): void {
    for (let at = 0; at < this.#columns.length; at++) {
      const column = this.#columns[at] as TableColumn;
      const cell = cellOf(column, row[column.name]);
      (this.#cells[at] as Cell[]).push(cell);
      if (typeof cell === 'object' && cell !== null) this.#levels += cell.length;
    }
    this.rows++;
  }

  /** The rows so far, column by column; none are left. */
  take(): readonly (readonly Cell[])[] {
    const taken = this.#cells;
    this.#cells = this.#columns.map(() => []);
    this.rows = 0;
    this.#levels = 0;
    return taken;
  }
}

/** Instants that a signed 64-bit integer holds: until the year 2262. */
const TIMESTAMP_MAX = 2n ** 63n - 1n;

function cellOf(column: TableColumn, value: unknown): Cell {
  if (value === null || value === undefined) return null;
  switch (column.kind) {
    case 'decimal':
      return unscaled(value as Decimal, column.decimal);
    case 'levels':
      return unscaledLevels(value as readonly BookLevel[], column);
    case 'timestamp':
      if ((value as bigint) > TIMESTAMP_MAX)
        throw new RangeError(`${String(value)} is no timestamp`);
      return value as bigint;
    case 'uint64':
      return value as bigint;
    case 'double_levels':
      return value as readonly DoubleLevel[];
    case 'uint32':
    case 'int32':
    case 'double':
      return value as number;
    case 'text':
      return value as string;
    case 'bytes':
      return value as Uint8Array;
    default:
      return column satisfies never;
  }
}
