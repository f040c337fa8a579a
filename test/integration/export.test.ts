/**
 * `export` as operators start it, on real Temporal and S3 servers, of a recorded day: DuckDB opens the
 * files as they are, and they hold what the archive holds, in all three formats the same.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CancelledFailure, Client, Connection } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { readManifest } from '../../activities/datasets.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { systemClock } from '../../connectors/runtime/clock.ts';
import { importRecording } from '../../connectors/runtime/import.ts';
import { unpackObject } from '../../dataset/object-codec.ts';
import { unscaled } from '../../dataset/export-decimals.ts';
import type { ExportManifest } from '../../dataset/export-manifest.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { EventOf, EventType, MarketEvent } from '../../schema/events.ts';
import type { Day } from '../../schema/time.ts';
import { zstd } from '../../storage/zstd.ts';
import type { ExportReport } from '../../workflows/export.ts';
import { archiveDay } from '../support/archive-run.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { ssmd } from '../support/command-line.ts';
import { testEnvironment } from '../support/connector-process.ts';
import { openDuck } from '../support/duckdb.ts';
import { feedOf, jobsOf } from '../support/e2e.ts';
import { readExport, scratchFolder } from '../support/export-run.ts';
import { keepHistory } from '../support/histories.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import { startWorkflowJobs } from '../support/workflow-jobs.ts';

const skip = skipWithoutCaptures;
const DAY = '2024-08-08' as Day;
const NOW = '2026-11-22T06:00:00Z';
const FEED = 'binance-usdm';
const SYMBOL = 'BTCUSDT-PERP';
/** Of the recording's 93,954: enough for several objects of a type. */
const LINES = 30_000;
const TYPES = ['book', 'quote', 'status', 'trade'] as const;

const [servers, plain] = await Promise.all([
  startTestServers({ temporal: true, s3: true }),
  // For a worker of other dependencies.
  startTestServers({ temporal: true }),
]);
const buckets = await openS3Jobs(servers.s3, NOW);
const { raw, normalized } = buckets.deps;
const deps = jobsOf(testEnvironment(), NOW, { raw, normalized, bus: null });
const jobs = await startWorkflowJobs(servers.temporal.address, deps);
const scratch = await scratchFolder();
const duck = await openDuck();
after(async () => {
  duck[Symbol.dispose]();
  await jobs[Symbol.asyncDispose]();
  await buckets[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
  await scratch[Symbol.asyncDispose]();
});

/** Everything the archive holds, by type, in order. */
let version = '';
const archived = new Map<EventType, MarketEvent[]>();
const out = (name: string): string => join(scratch.path, name);

async function archiveRecording(): Promise<void> {
  const feed = feedOf(FEED);
  await importRecording({
    feed,
    config: {
      ...{ feed: FEED, shard: 'import', channels: feed.protocol.channels, book_depth: 0 },
      symbols: [{ symbol: SYMBOL, external: 'BTCUSDT', depth: 'l2' }],
    },
    ...{ source: 'btcusdt', format: null, time_from: null, store: raw, host: 'test' },
    chunks: firstLines(capturePath('binance-usdm/btcusdt-20240808.jsonl.gz'), LINES),
    software: { connector_version: '0', connector_commit: 'test', connector_build: 'test' },
    ...{ clock: systemClock(), random: () => 0.5, reject: () => undefined },
  });
  const { plan } = await archiveDay(deps, { feed: FEED, day: DAY });
  version = plan.version;
  const manifest = await readManifest(deps, { version, feed: FEED, day: DAY });
  const objects = [...(manifest?.objects ?? [])].sort((a, b) => (a.first_t < b.first_t ? -1 : 1));
  for (const { key } of objects) {
    const { plain } = unpackObject((await normalized.get(key))?.body ?? raise(key), zstd, key);
    for (const event of decodeEvents(plain)) {
      const of = archived.get(event.type) ?? [];
      of.push(event);
      archived.set(event.type, of);
    }
  }
}

async function* firstLines(path: string, count: number): AsyncGenerator<Uint8Array> {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n', count);
  yield await Promise.resolve(Buffer.from(`${lines.join('\n')}\n`));
}

function raise(key: string): never {
  throw new Error(`${key} is not there`);
}

function eventsOf<T extends EventType>(type: T): readonly EventOf<T>[] {
  return (archived.get(type) ?? []) as unknown as readonly EventOf<T>[];
}

test('a recorded day in three formats, through the workflow', { skip }, async () => {
  await archiveRecording();
  for (const format of ['parquet', 'csv', 'jsonl'] as const) {
    const id = `export/${format}`;
    const input = { feed: FEED, day: DAY, format, out: out(format) };
    const report = await jobs.run<ExportReport>('export', id, input);
    const rows = [...archived.values()].reduce((sum, { length }) => sum + length, 0);
    assert.equal(report.outcome, 'exported');
    assert.deepEqual([report.rows, report.versions], [rows, [version]]);
    assert.deepEqual([report.days, report.incomplete_days], [1, 1]);
  }
});

test('without a folder it goes into the bucket, the same bytes', { skip }, async () => {
  for (const format of ['parquet', 'csv'] as const) {
    const input = { feed: FEED, from: DAY, to: DAY, types: ['trade', 'status'], format };
    const id = `export/bucket-${format}`;
    const { target } = await jobs.run<ExportReport>('export', id, input);
    const prefix = target.replace('s3://test/', '');
    const document = await normalized.get(`${prefix}/export.json`);
    const manifest = JSON.parse(new TextDecoder().decode(document?.body)) as ExportManifest;
    const whole = await readExport(out(format));
    const own = whole.files.filter(({ path }) => /^(trade|status)\//.test(path));
    assert.deepEqual(manifest.files, own);
    for (const { path, bytes } of manifest.files) {
      assert.equal((await normalized.head(`${prefix}/${path}`))?.bytes, bytes);
    }
    await keepHistory(jobs.client, 'export', id, format);
    // A range of a year has hundreds of these: none may carry the list of days.
    const { events } = await jobs.client.workflow.getHandle(id).fetchHistory();
    const inputs = (events ?? []).flatMap((event) => {
      const { activityType, input } = event.activityTaskScheduledEventAttributes ?? {};
      const [payload] = input?.payloads ?? [];
      return /ExportDay$/.test(activityType?.name ?? '')
        ? [new TextDecoder().decode(payload?.data ?? undefined)]
        : [];
    });
    assert.equal(inputs.length, format === 'parquet' ? 2 : 1);
    for (const input of inputs) assert.doesNotMatch(input, /"days"/);
  }
  const run = await jobs.client.workflow.getHandle('export/bucket-csv').describe();
  const filed = run.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  assert.deepEqual(Object.fromEntries(filed.filter(([name]) => String(name).startsWith('Ssmd'))), {
    ...{ SsmdFeed: FEED, SsmdDay: DAY, SsmdVersion: version },
    ...{ SsmdMode: 'csv', SsmdStage: 'done', SsmdOutcome: 'exported' },
  });
});

const parquet = (type: string): string => `'${out('parquet')}/${type}/*/*.parquet'`;

test(
  'DuckDB opens Parquet as it is: counts, sums and every price to the digit',
  { skip },
  async () => {
    for (const type of TYPES) {
      const count = await duck.one(`SELECT count(*) FROM ${parquet(type)}`);
      assert.equal(Number(count), eventsOf(type).length, type);
    }
    const { decimals } = await readExport(out('parquet'));
    const types = new Map(
      (await duck.rows(`DESCRIBE SELECT * FROM ${parquet('trade')}`)).map((row) => [
        String(row['column_name']),
        String(row['column_type']),
      ]),
    );
    assert.equal(types.get('t'), 'TIMESTAMP_NS');
    const price = decimals?.trade?.['price'] ?? assert.fail('no price');
    const size = decimals?.trade?.['size'] ?? assert.fail('no size');
    assert.equal(types.get('price'), `DECIMAL(18,${price.scale})`);
    const trades = eventsOf('trade');
    const wanted = trades.reduce(
      (sum, event) => sum + unscaled(event.size ?? NONE, { precision: 18, scale: size.scale }),
      0n,
    );
    const sum = await duck.one(`SELECT sum(size)::VARCHAR FROM ${parquet('trade')}`);
    assert.equal(digits(sum), wanted.toString());

    const rows = await duck.rows(
      `SELECT epoch_ns(t)::VARCHAR t, price::VARCHAR p, size::VARCHAR s, side, trade_id
     FROM ${parquet('trade')} ORDER BY t, "index"`,
    );
    const exact = (value: EventOf<'trade'>['price'], scale: number): string =>
      unscaled(value ?? NONE, { precision: 18, scale }).toString();
    assert.deepEqual(
      rows.map((row) => [
        row['t'],
        digits(row['p']),
        digits(row['s']),
        row['side'],
        row['trade_id'],
      ]),
      trades.map((it) => [
        ...[it.t.toString(), exact(it.price, price.scale), exact(it.size, size.scale)],
        ...[it.side, it.trade_id],
      ]),
    );
  },
);

const NONE = { mantissa: 0n, exponent: 0 };

/** A decimal's text without its point. */
function digits(value: unknown): string {
  return BigInt(String(value).replace('.', '')).toString();
}

test('levels of books are lists of structs that DuckDB unnests', { skip }, async () => {
  const books = eventsOf('book');
  const levels = books.reduce((sum, { bids, asks }) => sum + bids.length + asks.length, 0);
  const [found] = await duck.rows(
    `SELECT sum(len(bids) + len(asks))::BIGINT::VARCHAR n FROM ${parquet('book')}`,
  );
  assert.equal(found?.['n'], String(levels));
  const scale = (await readExport(out('parquet'))).decimals?.book?.['levels.size']?.scale ?? 0;
  const sum = books
    .flatMap(({ bids }) => bids)
    .reduce((total, it) => total + unscaled(it.size, { precision: 38, scale }), 0n);
  const told = await duck.one(
    `SELECT sum(level.size)::VARCHAR
     FROM (SELECT unnest(bids) AS level FROM ${parquet('book')})`,
  );
  assert.equal(digits(told), sum.toString());
});

test('the three formats say the same, row by row', { skip }, async () => {
  for (const type of TYPES) {
    const columns = await duck.rows(`DESCRIBE SELECT * FROM ${parquet(type)}`);
    const names = columns.map((row) => String(row['column_name']));
    const kinds = columns.map((row) => String(row['column_type']));
    const select = (cell: (name: string, kind: string) => string): string =>
      names.map((name, at) => `${cell(`"${name}"`, kinds[at] ?? '')} AS "${name}"`).join(', ');
    const isTime = (kind: string): boolean => kind === 'TIMESTAMP_NS';
    const typed = select((name, kind) =>
      isTime(kind) ? `epoch_ns(${name})::VARCHAR` : `${name}::VARCHAR`,
    );
    // Text is cast to the type of the Parquet column, and back.
    const texts = select((name, kind) =>
      isTime(kind)
        ? `${name}::BIGINT::VARCHAR`
        : kind.startsWith('STRUCT')
          ? `from_json(${name}, '${levelShape(kind)}')::VARCHAR`
          : `${name}::${kind}::VARCHAR`,
    );
    const path = (format: string): string => `'${out(format)}/${type}/*/*.${format}'`;
    const shape = names.map((name) => `"${name}": 'VARCHAR'`).join(', ');
    const views = {
      parquet: `SELECT ${typed} FROM ${path('parquet')}`,
      csv: `SELECT ${texts} FROM read_csv(${path('csv')}, all_varchar = true)`,
      jsonl: `SELECT ${texts} FROM read_json(${path('jsonl')}, columns = {${shape}})`,
    };
    for (const [a, b] of [
      ['parquet', 'csv'],
      ['parquet', 'jsonl'],
    ] as const) {
      const differing = `SELECT * FROM (${views[a]}) EXCEPT ALL SELECT * FROM (${views[b]}) LIMIT 3`;
      assert.deepEqual(await duck.rows(differing), [], `${type}: ${a} and ${b}`);
      const count = (of: string): Promise<string> => duck.one(`SELECT count(*) FROM (${of})`);
      assert.equal(await count(views[a]), await count(views[b]));
    }
  }
});

/** `STRUCT(price DECIMAL(18,2), ...)[]` as `from_json` wants it. */
function levelShape(kind: string): string {
  const fields = [...kind.matchAll(/(\w+) (DECIMAL\(\d+,\d+\))/g)].map(
    ([, name, type]) => `"${name}":"${type}"`,
  );
  return `[{${fields.join(',')}}]`;
}

test('DuckDB opens CSV as it is', { skip }, async () => {
  for (const type of TYPES) {
    const count = await duck.one(`SELECT count(*) FROM '${out('csv')}/${type}/*/*.csv'`);
    assert.equal(Number(count), eventsOf(type).length, type);
  }
  const columns = await duck.rows(`DESCRIBE SELECT * FROM '${out('csv')}/trade/*/*.csv'`);
  assert.equal(columns.find((row) => row['column_name'] === 't')?.['column_type'], 'BIGINT');
});

async function commandLine(...args: string[]) {
  return ssmd(['export', '--env', 'dev', '--feed', FEED, ...args], {
    root: servers.dir,
    env: { TEMPORAL_ADDRESS: servers.temporal.address },
  });
}

test('the command line starts it, follows it, and says what came of it', { skip }, async () => {
  const args = ['--date', DAY, '--types', 'trade', '--symbols', SYMBOL, '--format', 'csv'];
  const { code, out: said, err } = await commandLine(...args, '--out', out('cli'), '--json');
  assert.equal(code, 0, err);
  const report = JSON.parse(said) as ExportReport & { readonly id: string };
  assert.equal(report.rows, eventsOf('trade').length);
  assert.match(report.id, new RegExp(`^export/${FEED}/${DAY}..${DAY}/[0-9a-f]{8}$`));
  const [file] = (await readExport(out('cli'))).files;
  const whole: ExportManifest = await readExport(out('csv'));
  assert.deepEqual(
    file,
    whole.files.find(({ path }) => path.startsWith('trade/')),
  );

  const bucket = await commandLine(...args);
  assert.equal(bucket.code, 0, bucket.err);
  assert.match(
    bucket.out,
    /: s3:\/\/test\/export\/binance-usdm-2024-08-08-2024-08-08-[0-9a-f]{12}\n/,
  );

  const again = await commandLine(...args, '--out', out('cli'));
  assert.equal(again.code, 2);
  assert.match(again.err, /out: .*cli: it is there already/);
  const wrong = await commandLine(
    ...['--start', '2024-08-09', '--end', '2024-08-08', '--types', 'trdae', '--format', 'xls'],
  );
  assert.equal(wrong.code, 2);
  for (const words of [
    'the command line has 3 faults',
    '--start: 2024-08-09 is after 2024-08-08, its end',
    '--types: "trdae": no type of event (did you mean "trade"?)',
    '--format: "xls" is no format',
    'A valid example: npx ssmd export --feed kraken',
  ]) {
    assert.ok(wrong.err.includes(words), `${words}\nis not in\n${wrong.err}`);
  }
  assert.equal(wrong.err.includes('started'), false);
});

test(
  'Ctrl-C stops following; the job goes on, and what it waits for was said',
  { skip },
  async () => {
    const stop = new AbortController();
    const said: string[] = [];
    const options = {
      ...{ root: servers.dir, env: { TEMPORAL_ADDRESS: plain.temporal.address } },
      interrupted: stop.signal,
      heard: (text: string) => {
        said.push(text);
        if (text.includes('it waits')) stop.abort();
      },
    };
    const args = ['export', '--env', 'dev', '--feed', FEED, '--date', DAY, '--out', out('left')];
    const { code, err } = await ssmd(args, options);
    assert.equal(code, 130, err);
    assert.match(
      err,
      /it waits: no worker polls the task queue "ssmd"; start one: npx ssmd worker/,
    );
    const id = /npx ssmd job cancel (\S+)/.exec(err)?.[1] ?? '';
    const client = await Connection.connect({ address: plain.temporal.address });
    const handle = new Client({ connection: client }).workflow.getHandle(id);
    assert.equal((await handle.describe()).status.name, 'RUNNING');
    await handle.terminate();
    await client.close();
  },
);

/** Stops at the read that `when` names, and says so. */
function stuckAt(when: (key: string) => boolean) {
  const reached = Promise.withResolvers<undefined>();
  const get: typeof normalized.get = (key, options) => {
    if (!when(key)) return normalized.get(key, options);
    reached.resolve(undefined);
    return new Promise<never>((_, reject) => {
      options?.signal?.addEventListener('abort', () => reject(new Error('stopped')));
      // What is read without a signal ends by itself, long after a heartbeat told of the cancellation.
      setTimeout(
        () => reject(new SsmdError('SSMD_UNAVAILABLE', 'away', { retryable: true })),
        5_000,
      );
    });
  };
  return { reached: reached.promise, stuck: { ...deps, normalized: { ...normalized, get } } };
}

const STAGES = [
  {
    ...{ name: 'plan', activity: 'planExport', format: 'csv' },
    when: (key: string) => key.includes('/_manifests/'),
  },
  {
    ...{ name: 'survey', activity: 'surveyExportDay', format: 'parquet' },
    when: (key: string) => key.endsWith('.capnp.zst'),
  },
  // A file is begun or finished by then.
  { name: 'write', activity: 'writeExportDay', format: 'csv', when: thirdObject() },
] as const;

function thirdObject(): (key: string) => boolean {
  let reads = 0;
  return (key) => key.endsWith('.capnp.zst') && (reads += 1) % 3 === 0;
}

test('cancelled at any stage, it leaves nothing behind', { skip }, async () => {
  for (const { name, format, when } of STAGES) {
    const { reached, stuck } = stuckAt(when);
    await using other = await startWorkflowJobs(plain.temporal.address, stuck, []);
    const handle = await other.client.workflow.start('export', {
      ...{ taskQueue: 'ssmd', workflowId: `export/cancelled-${name}` },
      args: [{ feed: FEED, day: DAY, format, out: out(`cancelled-${name}`) }],
    });
    await reached;
    await handle.cancel();
    await assert.rejects(handle.result(), (it: Error) => it.cause instanceof CancelledFailure);
    const left = (await readdir(scratch.path)).filter((file) => file.includes('cancelled'));
    assert.deepEqual(left, [], name);
  }
});

test('cancelled, it ends so, though its step fails before it heard', { skip }, async () => {
  const reached = Promise.withResolvers<undefined>();
  const fail = Promise.withResolvers<never>();
  const get: typeof normalized.get = (key, options) => {
    if (!key.endsWith('.capnp.zst')) return normalized.get(key, options);
    reached.resolve(undefined);
    return fail.promise;
  };
  const failing = { ...deps, normalized: { ...normalized, get } };
  await using other = await startWorkflowJobs(plain.temporal.address, failing, []);
  const handle = await other.client.workflow.start('export', {
    ...{ taskQueue: 'ssmd', workflowId: 'export/cancelled-unheard' },
    args: [{ feed: FEED, day: DAY, format: 'csv', out: out('unheard') }],
  });
  await reached.promise;
  await handle.cancel();
  fail.reject(new SsmdError('SSMD_CORRUPT', 'rotten', {}));
  await assert.rejects(handle.result(), (it: Error) => it.cause instanceof CancelledFailure);
  assert.equal((await readdir(scratch.path)).includes('unheard'), false);
});

/** Holds the read that `when` names until it is let go, whatever its signal says. */
function slowAt(when: (key: string) => boolean) {
  const reached = Promise.withResolvers<undefined>();
  const go = Promise.withResolvers<undefined>();
  const get: typeof normalized.get = async (key, options) => {
    const held = when(key);
    const stored = await normalized.get(key, held ? {} : options);
    if (held) {
      reached.resolve(undefined);
      await go.promise;
    }
    return stored;
  };
  const slow = { ...deps, normalized: { ...normalized, get } };
  return { reached: reached.promise, slow, letGo: () => go.resolve(undefined) };
}

test('cancelled on its way into the bucket, its writer stops first', { skip }, async () => {
  const before = await keysBelow('export/');
  for (const { name, activity, format, when } of STAGES) {
    const { reached, slow, letGo } = slowAt(when);
    await using other = await startWorkflowJobs(plain.temporal.address, slow, []);
    const handle = await other.client.workflow.start('export', {
      ...{ taskQueue: 'ssmd', workflowId: `export/bucket-cancelled-${name}` },
      args: [{ feed: FEED, day: DAY, format }],
    });
    await reached;
    if (name === 'write') assert.notDeepEqual(await keysBelow('export/'), before);
    await handle.cancel();
    assert.deepEqual(await cancelledFirst(handle), [activity], name);
    letGo();
    await assert.rejects(handle.result(), (it: Error) => it.cause instanceof CancelledFailure);
    assert.deepEqual(await keysBelow('export/'), before, name);
  }
});

/** What is at work once the run has passed its cancellation on: what it began by then as well. */
async function cancelledFirst(handle: WorkflowHandle): Promise<(string | null | undefined)[]> {
  for (;;) {
    const { status, raw } = await handle.describe();
    const pending = raw.pendingActivities ?? [];
    // `CANCEL_REQUESTED` of temporal.api.enums.v1.PendingActivityState.
    const is_told = pending.some(({ state }) => Number(state) === 3);
    if (is_told || status.name !== 'RUNNING') return pending.map((it) => it.activityType?.name);
  }
}

async function keysBelow(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of normalized.list(prefix)) keys.push(key);
  return keys;
}
