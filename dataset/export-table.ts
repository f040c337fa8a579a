/** Events as cells of a table, a group of rows at a time. */
import type { Decimal } from '../schema/decimal.ts';
import type { BookLevel, EventType, MarketEvent } from '../schema/events.ts';
import type { Cell, TableColumn } from '../schema/table.ts';
import { cellsOf, exportColumns } from './export-columns.ts';
import type { ExportColumn } from './export-columns.ts';
import {
  LEVEL_PRICE,
  LEVEL_SIZE,
  decimalTypeOf,
  unscaled,
  unscaledLevels,
} from './export-decimals.ts';
import type { DecimalExtents } from './export-decimals.ts';

/** The columns of a type's table. @throws SSMD_LIMIT where a column's decimals fit no type */
export function tableColumns(type: EventType, extents: DecimalExtents): TableColumn[] {
  return exportColumns(type).map((column) => tableColumn(column, extents));
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
  add(event: MarketEvent): void {
    const cells = cellsOf(event);
    for (let at = 0; at < this.#columns.length; at++) {
      const column = this.#columns[at] as TableColumn;
      (this.#cells[at] as Cell[]).push(cellOf(column, cells[column.name]));
    }
    this.rows++;
    if (event.type === 'book') this.#levels += event.bids.length + event.asks.length;
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
    case 'uint32':
    case 'int32':
      return value as number;
    case 'text':
      return value as string;
    default:
      return column satisfies never;
  }
}
