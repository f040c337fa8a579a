/** Whatever an event holds, the three formats say it: nothing absent, rounded, cut or mixed up. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { exportColumns } from '../../dataset/export-columns.ts';
import type { ExportColumn } from '../../dataset/export-columns.ts';
import {
  DecimalSurvey,
  decimalTypeOf,
  mergeExtents,
  unscaled,
} from '../../dataset/export-decimals.ts';
import type { DecimalExtents } from '../../dataset/export-decimals.ts';
import { exportEncoder } from '../../dataset/export-encoders.ts';
import { formatDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { EVENT_TYPES } from '../../schema/events.ts';
import type { BookLevel, EventType, MarketEvent } from '../../schema/events.ts';
import type { ExportFormat } from '../../schema/jobs.ts';
import { parquetTables } from '../../storage/parquet.ts';
import { arbitraryDecimal, arbitraryEventOf } from '../support/arbitrary-events.ts';
import { openDuck } from '../support/duckdb.ts';
import { scratchFolder } from '../support/export-run.ts';
import { hold, holdAsync } from '../support/property.ts';

const scratch = await scratchFolder();
const duck = await openDuck();
after(async () => {
  duck[Symbol.dispose]();
  await scratch[Symbol.asyncDispose]();
});
let written = 0;
/** A file of a name of its own: DuckDB keeps the bytes of a file by its name, size and time. */
const newFile = (): string => join(scratch.path, `${written++}.parquet`);

/** Decimals that 38 digits hold, and instants that a timestamp does: the rest is refused, below. */
function fitting(value: unknown): unknown {
  if (typeof value === 'bigint') return BigInt.asUintN(62, value);
  if (Array.isArray(value)) return value.map(fitting);
  if (typeof value !== 'object' || value === null) return value;
  if ('mantissa' in value) {
    const { mantissa, exponent } = value as Decimal;
    return { mantissa, exponent: (exponent % 8) - 5 };
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, it]) => [name, KEPT.has(name) ? it : fitting(it)]),
  );
}
/** Unsigned integers of all 64 bits. */
const KEPT = new Set(['sequence', 'first_trade_id', 'last_trade_id', 'trades']);

const events = (type: EventType): fc.Arbitrary<readonly MarketEvent[]> =>
  fc.array(
    arbitraryEventOf(type).map((event) => fitting(event) as MarketEvent),
    { minLength: 1, maxLength: 12 },
  );

function encoded(
  format: ExportFormat,
  type: EventType,
  of: readonly MarketEvent[],
  extents: DecimalExtents = {},
): Uint8Array {
  const encoder = exportEncoder(format, exportColumns(type, 'md2'), extents, parquetTables('test'));
  const parts = of.flatMap((event) => encoder.add(event) ?? []);
  return Buffer.concat([...parts, encoder.finish()]);
}

function surveyed(type: EventType, of: readonly MarketEvent[]): DecimalExtents {
  const survey = new DecimalSurvey(exportColumns(type, 'md2'));
  for (const event of of) survey.add(event);
  return survey.extents();
}

const cellsOf = (event: MarketEvent): Readonly<Record<string, unknown>> => event;
const levels = (value: unknown): readonly BookLevel[] => value as readonly BookLevel[];

/** What a cell says as text; null where it is absent. */
function textOf({ name, kind }: ExportColumn, event: MarketEvent): unknown {
  const value = cellsOf(event)[name];
  if (value === null || value === undefined) return null;
  if (kind === 'decimal') return formatDecimal(value as Decimal);
  if (kind !== 'levels') return String(value);
  return levels(value).map((it) => [formatDecimal(it.price), formatDecimal(it.size)]);
}

const asPairs = (value: unknown): unknown =>
  (value as { price: string; size: string }[]).map(({ price, size }) => [price, size]);

/** RFC 4180 and nothing more: cells, null where nothing stands. */
function parseCsv(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/y;
  for (let row: (string | null)[] = []; cell.lastIndex < text.length;) {
    const [, found = '', end = ''] = cell.exec(text) ?? assert.fail(`no CSV: ${text}`);
    const quoted = found.startsWith('"');
    row.push(quoted ? found.slice(1, -1).replaceAll('""', '"') : found === '' ? null : found);
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

for (const type of EVENT_TYPES) {
  const columns = exportColumns(type, 'md2');

  test(`${type}: JSON lines say it`, () => {
    const property = fc.property(events(type), (of) => {
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(encoded('jsonl', type, of));
      const rows = text.split('\n');
      assert.equal(rows.pop(), '');
      const found = rows.map((row) => JSON.parse(row) as Record<string, unknown>);
      for (const [at, event] of of.entries()) {
        const row = found[at] ?? {};
        assert.deepEqual(
          Object.keys(row),
          columns.map(({ name }) => name),
        );
        for (const column of columns) {
          const value = row[column.name];
          const said =
            column.kind === 'levels' ? asPairs(value) : value === null ? null : String(value);
          assert.deepEqual(said, textOf(column, event), column.name);
        }
      }
    });
    hold(property, 40);
  });

  test(`${type}: CSV says it`, () => {
    const property = fc.property(events(type), (of) => {
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(encoded('csv', type, of));
      const [head, ...rows] = parseCsv(text);
      assert.deepEqual(
        head,
        columns.map(({ name }) => name),
      );
      assert.equal(rows.length, of.length);
      for (const [at, event] of of.entries()) {
        for (const [index, column] of columns.entries()) {
          const cell = rows[at]?.[index] ?? null;
          const said = column.kind === 'levels' ? asPairs(JSON.parse(cell ?? '')) : cell;
          assert.deepEqual(said, textOf(column, event), column.name);
        }
      }
    });
    hold(property, 40);
  });

  test(`${type}: DuckDB reads it from Parquet`, async () => {
    const select = columns.map(({ name, kind }) => {
      if (kind === 'instant') return `epoch_ns("${name}")::VARCHAR AS "${name}"`;
      // The client would lose a text's byte order mark.
      if (kind === 'text') return `hex(encode("${name}")) AS "${name}"`;
      return kind === 'levels' ? `"${name}"` : `"${name}"::VARCHAR AS "${name}"`;
    });
    const property = fc.asyncProperty(events(type), async (of) => {
      const extents = surveyed(type, of);
      const file = newFile();
      await writeFile(file, encoded('parquet', type, of, extents));
      const rows = await duck.rows(`SELECT ${select.join(', ')} FROM '${file}'`);
      assert.equal(rows.length, of.length);
      const digits = (text: unknown): string => BigInt(String(text).replace('.', '')).toString();
      const inType = (value: Decimal, name: string): string =>
        unscaled(value, decimalTypeOf(name, extents[name])).toString();
      for (const [at, event] of of.entries()) {
        for (const column of columns) {
          const { name, kind } = column;
          const cell = rows[at]?.[name] ?? null;
          const value = cellsOf(event)[name];
          if (kind === 'levels') {
            const said = asPairs(cell) as string[][];
            assert.deepEqual(
              said.map((level) => level.map(digits)),
              levels(value).map(({ price, size }) => [
                inType(price, 'levels.price'),
                inType(size, 'levels.size'),
              ]),
            );
          } else if (kind === 'decimal' && value !== null) {
            assert.equal(digits(cell), inType(value as Decimal, name), name);
          } else if (kind === 'text' && cell !== null) {
            assert.equal(Buffer.from(String(cell), 'hex').toString(), value, name);
          } else assert.deepEqual(cell, textOf(column, event), name);
        }
      }
    });
    await holdAsync(property, 12);
  });
}

test('a column of any decimals has a type that holds each, or is refused by its name', () => {
  const lists = fc.array(arbitraryDecimal, { minLength: 1, maxLength: 5 });
  const property = fc.property(lists, lists, (one, two) => {
    const trade = (price: Decimal): MarketEvent =>
      ({ type: 'trade', price, size: null }) as MarketEvent;
    const [a, b] = [one, two].map((of) => surveyed('trade', of.map(trade)));
    const merged = mergeExtents(a ?? {}, b ?? {});
    assert.deepEqual(merged, surveyed('trade', [...one, ...two].map(trade)), 'in any parts');
    const { scale = 0, whole = 0 } = merged['price'] ?? {};
    const all = [...one, ...two];
    if (scale + whole > 38) {
      assert.throws(() => decimalTypeOf('price', merged['price']), { code: 'SSMD_LIMIT' });
      return;
    }
    const type = decimalTypeOf('price', merged['price']);
    for (const value of all) {
      const cell = unscaled(value, type);
      const back = formatDecimal({ mantissa: cell, exponent: -type.scale });
      const plain = (text: string): string =>
        text.includes('.') ? text.replace(/\.?0+$/, '') : text;
      assert.equal(
        plain(back).replace(/^-0$/, '0'),
        plain(formatDecimal(value)).replace(/^-0$/, '0'),
      );
    }
  });
  hold(property, 300);
});

test('what a column does not hold is refused, never rounded', () => {
  const type = { precision: 18, scale: 2 } as const;
  assert.equal(unscaled({ mantissa: 5n, exponent: -1 }, type), 50n);
  for (const odd of [
    { mantissa: 5n, exponent: -3 },
    { mantissa: 10n ** 16n, exponent: 0 },
    { mantissa: -1n, exponent: 17 },
  ]) {
    assert.throws(() => unscaled(odd, type), /is no DECIMAL\(18,2\)/);
  }
});

test('a row group ends where it is full, and what it held is handed on', async () => {
  const [event] = fc.sample(
    arbitraryEventOf('quote').map((it) => fitting(it) as MarketEvent),
    1,
  );
  assert.ok(event !== undefined);
  const encoder = exportEncoder(
    'parquet',
    exportColumns('quote', 'md2'),
    surveyed('quote', [event]),
    parquetTables('test'),
  );
  const parts: Uint8Array[] = [];
  for (let row = 1; row <= 120_000; row++) {
    const bytes = encoder.add(event);
    assert.equal(bytes !== null, row % 50_000 === 0, `row ${row}`);
    if (bytes !== null) parts.push(bytes);
  }
  const file = newFile();
  await writeFile(file, Buffer.concat([...parts, encoder.finish()]));
  const groups = await duck.rows(
    `SELECT DISTINCT row_group_id, row_group_num_rows::INTEGER n FROM parquet_metadata('${file}')
     ORDER BY row_group_id`,
  );
  assert.deepEqual(
    groups.map((it) => it['n']),
    [50_000, 50_000, 20_000],
  );
});
