/** Days of schema md1 as files: its doubles as they are, in all three formats. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readCurrent } from '../../activities/datasets.ts';
import { encodeMd1 } from '../../codec/md1.ts';
import type { Md1Record } from '../../codec/md1.ts';
import { jsonDocument } from '../../dataset/canonical.ts';
import { exportColumns } from '../../dataset/export-columns.ts';
import { exportEncoder } from '../../dataset/export-encoders.ts';
import { rowsOf } from '../../dataset/export-rows.ts';
import { currentKey } from '../../dataset/keys.ts';
import type { SsmdError } from '../../schema/errors.ts';
import { FLAG } from '../../schema/events.ts';
import type { EventType } from '../../schema/events.ts';
import type { ExportFormat } from '../../schema/jobs.ts';
import { NS_PER_HOUR, unixNs } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { parquetTables } from '../../storage/parquet.ts';
import { archiveDay } from '../support/archive-run.ts';
import { BOOK, DIFF_DAY, TICKER, TRADE, at, layDay } from '../support/diff-day.ts';
import { openDuck } from '../support/duckdb.ts';
import { exportDeps, readExport, runExport, scratchFolder } from '../support/export-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';

const scratch = await scratchFolder();
const duck = await openDuck();
after(async () => {
  duck[Symbol.dispose]();
  await scratch[Symbol.asyncDispose]();
});

const of = { symbol: 'BTCUSD', exchange: 'kraken' };
const T = 1_795_132_800_123_456_789n;
const RECORDS: Readonly<Partial<Record<EventType, readonly Md1Record[]>>> = {
  trade: [
    { type: 'Trade', ...of, timestamp: T, price: 0.1, size: 1e-8, side: 'sell', trade_id: 'a"1' },
    { type: 'Trade', ...of, timestamp: 0n, price: 61234.5, size: 3, side: 'buy', trade_id: '' },
  ],
  quote: [
    {
      ...{ type: 'Quote', ...of, timestamp: T, bid_price: 1 / 3, bid_size: 2 },
      ...{ ask_price: NaN, ask_size: 5e-324 },
    },
  ],
  book: [
    {
      ...{ type: 'OrderBookSnapshot', ...of, timestamp: T, asks: [] },
      bids: [
        { price: 1.5, size: 0.25 },
        { price: 1.25, size: 1e21 },
      ],
    },
  ],
};

async function encoded(format: ExportFormat, type: EventType): Promise<string> {
  const plain = Buffer.concat((RECORDS[type] ?? []).map(encodeMd1));
  const columns = exportColumns(type, 'md1');
  const encoder = exportEncoder(format, columns, {}, parquetTables('test'));
  const parts = [...rowsOf('md1', type, plain)].flatMap((row) => encoder.add(row) ?? []);
  const path = join(scratch.path, `${type}.${format}`);
  await writeFile(path, Buffer.concat([...parts, encoder.finish()]));
  return path;
}

test('trades', async () => {
  const said = `SELECT epoch_ns(timestamp)::VARCHAR t, exchange, symbol, price, size, side, trade_id`;
  const found = await duck.rows(`${said} FROM '${await encoded('parquet', 'trade')}'`);
  assert.deepEqual(found, [
    { t: T.toString(), ...flipped(of), price: 0.1, size: 1e-8, side: 'sell', trade_id: 'a"1' },
    { t: null, ...flipped(of), price: 61234.5, size: 3, side: 'buy', trade_id: '' },
  ]);
  const csv = await duck.rows(
    `FROM read_csv('${await encoded('csv', 'trade')}', all_varchar = true)`,
  );
  assert.deepEqual(
    csv.map((row) => [row['timestamp'], row['price'], row['size'], row['trade_id']]),
    [
      [T.toString(), '0.1', '1e-8', 'a"1'],
      [null, '61234.5', '3', null],
    ],
  );
  const json = await duck.rows(`FROM read_json('${await encoded('jsonl', 'trade')}')`);
  assert.deepEqual(
    json.map((row) => [row['price'], row['size']]),
    [
      [0.1, 1e-8],
      [61234.5, 3],
    ],
  );
});

function flipped({ symbol, exchange }: typeof of) {
  return { exchange, symbol };
}

test('quotes: what is not a number is absent', async () => {
  const wanted = [{ bid_price: 1 / 3, bid_size: 2, ask_price: null, ask_size: 5e-324 }];
  const columns = Object.keys(wanted[0] ?? {}).join(', ');
  for (const format of ['parquet', 'jsonl'] as const) {
    const path = await encoded(format, 'quote');
    const from = format === 'parquet' ? `'${path}'` : `read_json('${path}', columns = {${TYPES}})`;
    assert.deepEqual(await duck.rows(`SELECT ${columns} FROM ${from}`), wanted, format);
  }
});

const TYPES = ['bid_price', 'bid_size', 'ask_price', 'ask_size']
  .map((name) => `${name}: 'DOUBLE'`)
  .join(', ');

test('books: lists of structs of doubles', async () => {
  const [book] = RECORDS.book ?? [];
  assert.ok(book?.type === 'OrderBookSnapshot');
  const { bids, asks } = book;
  const path = await encoded('parquet', 'book');
  assert.deepEqual(await duck.rows(`SELECT bids, asks FROM '${path}'`), [{ bids, asks }]);
  const json = await encoded('jsonl', 'book');
  const levels = `'STRUCT(price DOUBLE, size DOUBLE)[]'`;
  const from = `read_json('${json}', columns = {bids: ${levels}, asks: ${levels}})`;
  assert.deepEqual(await duck.rows(`SELECT bids, asks FROM ${from}`), [{ bids, asks }]);
});

test('md1 has no other types', () => {
  assert.throws(() => [...rowsOf('md1', 'ohlc', new Uint8Array(8))], /no records of type ohlc/);
});

/** A day of md1 under v2 that is served, beside one of md2 under v1. */
async function twoSchemas() {
  const jobs = memoryJobs('2026-11-24T06:00:00Z');
  const trade = at({ ...TRADE, ts_event: unixNs(T) }, 1);
  const book = at({ ...BOOK, flags: FLAG.SNAPSHOT }, 2);
  await layDay(jobs, { version: 'v2', schema: 'md1', events: [trade, book, at(TICKER, 3)] });
  await writeTinyDay(jobs.raw, { day: '2026-11-20' as Day, step_ns: 6n * NS_PER_HOUR });
  await archiveDay(jobs, { feed: 'tiny', day: '2026-11-20' });
  const current = await readCurrent(jobs, 'tiny');
  const ranges = [{ from: DIFF_DAY, to: DIFF_DAY, version: 'v2' }, ...(current?.ranges ?? [])];
  await jobs.normalized.put(currentKey('tiny'), jsonDocument({ ...current, ranges }));
  return exportDeps(jobs);
}

test('a day of md1 is exported whole, and never together with one of md2', async () => {
  const deps = await twoSchemas();
  for (const format of ['parquet', 'csv', 'jsonl'] as const) {
    const out = join(scratch.path, `day-${format}`);
    const { plan, published } = await runExport(deps, { out, format, day: DIFF_DAY });
    assert.deepEqual([plan.schema, published.files, published.rows], ['md1', 2, 2]);
    const { decimals, days, files } = await readExport(out);
    assert.deepEqual([decimals, days[0]?.schema, days[0]?.version], [null, 'md1', 'v2']);
    const paths = ['book', 'trade'].map((type) => `${type}/BTCUSD/${DIFF_DAY}.${format}`);
    assert.deepEqual(
      files.map(({ path }) => path),
      paths,
    );
  }
  const path = join(scratch.path, 'day-parquet', 'trade', 'BTCUSD', `${DIFF_DAY}.parquet`);
  const [row] = await duck.rows(
    `SELECT epoch_ns(timestamp)::VARCHAR t, price, size FROM '${path}'`,
  );
  assert.deepEqual(row, { t: T.toString(), price: 64000.1, size: 0.5 });
  const both = runExport(deps, {
    out: join(scratch.path, 'both'),
    from: DIFF_DAY,
    to: '2026-11-20',
  });
  await assert.rejects(both, (error: SsmdError) => {
    assert.match(
      error.message,
      /version: the days are of other schemas, with other columns: md1 \(2026-11-19\), md2 \(2026-11-20\)/,
    );
    return error.code === 'SSMD_INVALID_INPUT';
  });
});
