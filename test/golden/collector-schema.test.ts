/** The collector's RAW schema, version 1, as files show it: by DuckDB, and by hand. It never changes. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  GROUP_ROWS_MAX,
  RAW_COLUMNS,
  encodeRaw,
  rawMetadata,
} from '../../connectors/collector/raw-schema.ts';
import type { RawRow } from '../../connectors/collector/raw-schema.ts';
import { parquetTables } from '../../storage/parquet.ts';
import { openDuck } from '../support/duckdb.ts';
import { readFooter } from '../support/parquet-footer.ts';
import type { ThriftStruct } from '../support/parquet-footer.ts';
import { readProjectFile } from '../support/project.ts';
import { scratchDirectory } from '../support/runtime.ts';

const T = 1_795_270_000_123_456_789n;
/** No UTF-8, an empty one, quotes and control characters. */
const PAYLOADS = [
  Buffer.from('{"e":"trade","p":"1.10"}'),
  Buffer.from([0x7b, 0xff, 0xfe, 0xc3, 0x28, 0x00, 0x7d]),
  Buffer.alloc(0),
  Buffer.from('"\r\n\t\u0000 \ud83d\ude00'),
].map((it) => new Uint8Array(it));

const ROWS: readonly RawRow[] = PAYLOADS.map((payload, at) => ({
  exchange: 'okx',
  stream: at === 0 ? 'trades' : 'unknown',
  symbol: at === 0 ? 'BTC-USDT-SWAP' : null,
  ts_event: at === 0 ? T - 5_000_001n : null,
  ts_recv: T + BigInt(at),
  connection: '1795270000000-0a1b2c.3',
  sequence: at + 7,
  payload,
}));

const encode = (rows: readonly RawRow[]): Promise<Uint8Array> =>
  encodeRaw(rows, parquetTables('ssmd 0.0.0', rawMetadata('live')), () => Promise.resolve());

/** Column, physical type, nullable, logical type, in this order, for ever. */
const SCHEMA_V1 = [
  ['exchange', 'BYTE_ARRAY', 'REQUIRED', 'StringType()'],
  ['stream', 'BYTE_ARRAY', 'REQUIRED', 'StringType()'],
  ['symbol', 'BYTE_ARRAY', 'OPTIONAL', 'StringType()'],
  ['ts_event', 'INT64', 'OPTIONAL', 'TimestampType(isAdjustedToUTC=0, NANOS)'],
  ['ts_recv', 'INT64', 'REQUIRED', 'TimestampType(isAdjustedToUTC=0, NANOS)'],
  ['connection', 'BYTE_ARRAY', 'REQUIRED', 'StringType()'],
  ['sequence', 'INT64', 'REQUIRED', 'UINT_64'],
  ['payload', 'BYTE_ARRAY', 'REQUIRED', null],
];

test('DuckDB reads schema, metadata and rows of version 1', async (t) => {
  const file = join(scratchDirectory(t), 'raw.parquet');
  writeFileSync(file, await encode(ROWS));
  using duck = await openDuck();
  const schema = await duck.rows(
    `SELECT name, type, repetition_type, logical_type, converted_type
     FROM parquet_schema('${file}') WHERE name <> 'root'`,
  );
  assert.deepEqual(
    schema.map((it) => {
      const logical = String(it['logical_type'] ?? '').replace(/TimestampType\(.*\)/, (text) =>
        /NANOS/i.test(text) && /UTC=(0|false)/i.test(text) ? SCHEMA_V1[3]?.[3] ?? '' : text,
      );
      const said = logical === '' ? it['converted_type'] : logical;
      return [it['name'], it['type'], it['repetition_type'], said ?? null];
    }),
    SCHEMA_V1,
  );
  const pairs = await duck.rows(
    `SELECT decode(key) AS k, decode(value) AS v FROM parquet_kv_metadata('${file}')`,
  );
  assert.deepEqual(
    pairs.map((it) => [it['k'], it['v']]),
    [
      ['ssmd.schema', 'ssmd.collector.raw'],
      ['ssmd.schema_version', '1'],
      ['ssmd.origin', 'live'],
    ],
  );
  const rows = await duck.rows(
    `SELECT exchange, stream, symbol, epoch_ns(ts_event)::VARCHAR AS ts_event,
       epoch_ns(ts_recv)::VARCHAR AS ts_recv, connection, sequence::VARCHAR AS sequence,
       hex(payload) AS payload FROM '${file}'`,
  );
  assert.deepEqual(
    rows,
    ROWS.map((it) => ({
      ...it,
      ts_event: it.ts_event === null ? null : `${it.ts_event}`,
      ts_recv: `${it.ts_recv}`,
      sequence: `${it.sequence}`,
      payload: Buffer.from(it.payload).toString('hex').toUpperCase(),
    })),
  );
  assert.equal(await duck.one(`SELECT decode(payload) FROM '${file}' LIMIT 1`), '{"e":"trade","p":"1.10"}');
});

test('by hand: the same schema, metadata and count stand in the footer', async () => {
  const footer = readFooter(await encode(ROWS));
  const text = (value: unknown): string => Buffer.from(value as Uint8Array).toString();
  const [root, ...columns] = footer[2] as ThriftStruct[];
  assert.deepEqual([text(root?.[4]), root?.[5]], ['root', 8]);
  // SchemaElement: 1 type (2 INT64, 6 BYTE_ARRAY), 3 repetition (0 required), 4 name, 6 converted, 10 logical.
  const UTF8 = 0;
  const UINT_64 = 14;
  assert.deepEqual(
    columns.map((it) => [text(it[4]), it[1], it[3], it[6] ?? null, Object.keys(it[10] ?? {})]),
    [
      ['exchange', 6, 0, UTF8, ['1']],
      ['stream', 6, 0, UTF8, ['1']],
      ['symbol', 6, 1, UTF8, ['1']],
      ['ts_event', 2, 1, null, ['8']],
      ['ts_recv', 2, 0, null, ['8']],
      ['connection', 6, 0, UTF8, ['1']],
      ['sequence', 2, 0, UINT_64, []],
      ['payload', 6, 0, null, []],
    ],
  );
  assert.equal(footer[3], 4n);
  const pairs = (footer[5] as ThriftStruct[]).map((it) => `${text(it[1])}=${text(it[2])}`);
  assert.deepEqual(pairs, [
    'ssmd.schema=ssmd.collector.raw',
    'ssmd.schema_version=1',
    'ssmd.origin=live',
  ]);
});

test('the page explains each column of the schema, and no other', () => {
  const page = readProjectFile('docs/collector.md');
  const named = [...page.matchAll(/^\| `(\w+)` +\| (?:STRING|TIMESTAMP|UINT64|BINARY)/gm)].map((it) => it[1]);
  assert.deepEqual(named, RAW_COLUMNS.map((it) => it.name));
});

test('a file of several groups gives way between them and holds every row once, in order', async (t) => {
  const file = join(scratchDirectory(t), 'raw.parquet');
  const [row] = ROWS as [RawRow];
  const many = Array.from({ length: 2 * GROUP_ROWS_MAX + 1 }, (_, at) => ({ ...row, sequence: at + 1 }));
  let breaths = 0;
  const table = parquetTables('test', rawMetadata('live'));
  writeFileSync(file, await encodeRaw(many, table, () => Promise.resolve(void (breaths += 1))));
  assert.equal(breaths, 2);
  using duck = await openDuck();
  const rows = await duck.rows(`SELECT sequence::INT AS s FROM '${file}'`);
  assert.deepEqual(rows.map((it) => it['s']), many.map((it) => it.sequence));
});
