/**
 * Tables as Parquet files, a row group at a time. Instants are TIMESTAMP NANOS that are not adjusted to
 * UTC though they are UTC: DuckDB cuts adjusted ones to microseconds. Unsigned integers carry the
 * converted type alone: the library writes their logical type so that DuckDB refuses the file.
 */
import { zstdCompressSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Cell, DecimalType, OpenTable, TableColumn } from '../schema/table.ts';

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number];
type ColumnData = Parameters<ParquetWriter['write']>[0]['columnData'][number]['data'];

const compressors = { ZSTD: (input: Uint8Array) => new Uint8Array(zstdCompressSync(input)) };

/**
 * `createdBy` and the pairs of `metadata` are written into each file. Bytes are a function of these,
 * columns, cells and groups alone.
 */
export function parquetTables(
  createdBy: string,
  metadata: Readonly<Record<string, string>> = {},
): OpenTable {
  const kvMetadata = Object.entries(metadata).map(([key, value]) => ({ key, value }));
  return (columns) => {
    const bytes = new ByteWriter(1 << 20);
    const schema = [
      { name: 'root', num_children: columns.length },
      ...columns.flatMap((column) => elementsOf(column)),
    ];
    const file = new ParquetWriter({
      writer: bytes,
      schema,
      codec: 'ZSTD',
      compressors,
      createdBy,
      ...(kvMetadata.length === 0 ? {} : { kvMetadata }),
    });
    const taken = (): Uint8Array => {
      const some = bytes.getBytes().slice();
      bytes.index = 0;
      return some;
    };
    return {
      group(cells) {
        const rows = cells[0]?.length ?? 0;
        const columnData = columns.map(({ name, kind }, at) => ({
          name,
          data: dataOf(cells[at] ?? []),
          ...(kind === 'bytes' ? OPAQUE : {}),
        }));
        if (rows > 0) void file.write({ columnData, rowGroupSize: rows });
        return taken();
      },
      finish() {
        void file.finish();
        return taken();
      },
    };
  };
}

/** Bytes rarely repeat and mean nothing to a reader's filters: no dictionary is tried for them. */
const OPAQUE = { encoding: 'PLAIN', statistics: false } as const;

/** The library only reads it. */
function dataOf(cells: readonly Cell[]): ColumnData {
  return cells as ColumnData;
}

function elementsOf(column: TableColumn): SchemaElement[] {
  const { name } = column;
  if (column.kind === 'levels') {
    return listOf(name, [
      decimalElement('price', 'REQUIRED', column.price),
      decimalElement('size', 'REQUIRED', column.size),
    ]);
  }
  if (column.kind === 'double_levels') {
    const double = { type: 'DOUBLE', repetition_type: 'REQUIRED' } as const;
    return listOf(name, [
      { name: 'price', ...double },
      { name: 'size', ...double },
    ]);
  }
  const repetition_type = column.nullable ? 'OPTIONAL' : 'REQUIRED';
  switch (column.kind) {
    case 'decimal':
      return [decimalElement(name, repetition_type, column.decimal)];
    case 'timestamp': {
      const logical_type = { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'NANOS' } as const;
      return [{ name, type: 'INT64', repetition_type, logical_type }];
    }
    case 'uint64':
      return [{ name, type: 'INT64', repetition_type, converted_type: 'UINT_64' }];
    case 'uint32':
      return [{ name, type: 'INT32', repetition_type, converted_type: 'UINT_32' }];
    case 'int32':
      return [{ name, type: 'INT32', repetition_type }];
    case 'double':
      return [{ name, type: 'DOUBLE', repetition_type }];
    case 'bytes':
      return [{ name, type: 'BYTE_ARRAY', repetition_type }];
    case 'text': {
      const logical_type = { type: 'STRING' } as const;
      return [{ name, type: 'BYTE_ARRAY', repetition_type, converted_type: 'UTF8', logical_type }];
    }
    default:
      return column satisfies never;
  }
}

/** A list of structs of these two. */
function listOf(name: string, fields: readonly SchemaElement[]): SchemaElement[] {
  return [
    {
      ...{ name, repetition_type: 'REQUIRED', num_children: 1 },
      ...{ converted_type: 'LIST', logical_type: { type: 'LIST' } },
    },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'REQUIRED', num_children: fields.length },
    ...fields,
  ];
}

function decimalElement(
  name: string,
  repetition_type: 'OPTIONAL' | 'REQUIRED',
  { precision, scale }: DecimalType,
): SchemaElement {
  const form =
    precision === 18
      ? ({ type: 'INT64' } as const)
      : ({ type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16 } as const);
  return {
    ...{ name, repetition_type, ...form, converted_type: 'DECIMAL', precision, scale },
    logical_type: { type: 'DECIMAL', precision, scale },
  };
}
