/** Tables as files hold them: what a column is of, and the cells it takes. Cells of one kind only. */

/** A decimal column's one type: `scale` digits behind the point, of `precision` in all. */
export type DecimalType = { readonly precision: 18 | 38; readonly scale: number };

export type TableColumn =
  | {
      readonly name: string;
      /** An instant in ns (u63), unsigned and signed integers, a Float64, UTF-8, any bytes. */
      readonly kind: 'timestamp' | 'uint64' | 'uint32' | 'int32' | 'double' | 'text' | 'bytes';
      readonly nullable: boolean;
    }
  | {
      readonly name: string;
      readonly kind: 'decimal';
      readonly nullable: boolean;
      readonly decimal: DecimalType;
    }
  | {
      readonly name: string;
      /** A list of structs `price`, `size`; never null, it may be empty. */
      readonly kind: 'levels';
      readonly price: DecimalType;
      readonly size: DecimalType;
    }
  | {
      readonly name: string;
      /** The same of doubles. */
      readonly kind: 'double_levels';
    };

/** A level with its numbers times ten to the scale of their column. */
export type TableLevel = { readonly price: bigint; readonly size: bigint };

export type DoubleLevel = { readonly price: number; readonly size: number };

/** A decimal's cell is the number times ten to the column's scale. */
export type Cell =
  bigint | number | string | Uint8Array | null | readonly TableLevel[] | readonly DoubleLevel[];

/** A table that becomes bytes a group of rows at a time; what it yields is to be written in order. */
export type TableFile = {
  /** The cells of some rows, column by column, all of one length. */
  readonly group: (columns: readonly (readonly Cell[])[]) => Uint8Array;
  /** What stands at the end; nothing may follow. */
  readonly finish: () => Uint8Array;
};

/** Begins a table. A cell that does not fit its column is a `RangeError`, never rounded. */
export type OpenTable = (columns: readonly TableColumn[]) => TableFile;
