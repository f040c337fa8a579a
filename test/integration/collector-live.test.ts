/**
 * The collector's command over real sockets: three venues with faults to a folder that DuckDB reads, kill
 * -9 and a restart, its pages, and a sink that is too slow.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { COLLECTOR_EVENTS, DROP_LINES_PER_SECOND_MAX } from '../../connectors/collector/events.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { startSimulator } from '../../connectors/simulator/server.ts';
import { readEnvironment } from '../../environments/env.ts';
import { createFolderWholeFiles } from '../../storage/fs-whole-files.ts';
import { startCollector } from '../../workers/collector.ts';
import { byConnection, readRaw } from '../support/collector.ts';
import {
  assertRelayed,
  startCollectorChild,
  startVenues,
  statusOf,
  writeThreeVenues,
} from '../support/collector-process.ts';
import type { CollectorChild } from '../support/collector-process.ts';
import { openDuck } from '../support/duckdb.ts';
import { scratchDirectory } from '../support/runtime.ts';
import { until } from '../support/until.ts';

test('three venues with faults to a folder, through kill -9 and a restart', async (t) => {
  const dir = scratchDirectory(t);
  const out = join(dir, 'out');
  const rates = { drop: 3_000, duplicate: 3_000, reorder: 3_000, garbage: 3_000, close: 300 };
  await using venues = await startVenues(60, { rates });
  const args = ['--env', writeThreeVenues(dir), '--url', venues.urls, '--out', out];
  const first = await startCollectorChild(args);
  // Some 200 frames a second come, and fewer while closed connections wait for their turn.
  await until('files', async () => (await statusOf(first)).writer.frames > 1_500);
  const { last_15_minutes, state } = await statusOf(first);
  assert.ok(last_15_minutes.totals.frames > 0 && state !== 'OFFLINE');
  await first.stop('SIGKILL');

  // What a kill in the middle of a file leaves.
  mkdirSync(join(out, '.tmp'), { recursive: true });
  writeFileSync(join(out, '.tmp', 'half.parquet.tmp'), 'PAR1');
  const second = await startCollectorChild(args);
  await until('frames again', async () => (await statusOf(second)).writer.frames > 1_000);
  await until('faults told', () => second.lines.some((it) => it.event === 'gap_detected'));
  const { offline } = await statusOf(second);
  await assertReadOnly(second);
  assert.equal(await second.stop('SIGINT'), 0);

  assert.ok(offline !== null && offline.to !== null && offline.minutes < 1);
  assert.deepEqual(Object.keys(offline.gaps).sort(), ['binance-usdm', 'bybit-linear', 'okx']);
  const [start] = second.lines;
  assert.equal(start?.event, 'collector_start');
  const unfinished = start['unfinished'] as readonly string[];
  assert.ok(unfinished.includes('.tmp/half.parquet.tmp'), unfinished.join());
  for (const { lines, strange } of [first, second]) {
    assert.deepEqual(strange, []);
    const said = new Set(lines.map((it) => it.event));
    assert.deepEqual(
      [...said].filter((it) => !COLLECTOR_EVENTS.includes(it as never)),
      [],
    );
    assert.ok(said.has('ws_connect') && said.has('state_change'));
  }
  const rows = await readRaw(out);
  assertRelayed(rows, venues, String(first.lines[0]?.['run']));
  assert.equal(new Set(rows.map((it) => it.connection.split('.')[0])).size, 2);
  const streams = new Set(rows.map((it) => `${it.exchange}/${it.stream}`));
  for (const stream of [
    'okx/books',
    'bybit-linear/publicTrade',
    'binance-usdm/aggTrade',
    'okx/control',
  ])
    assert.ok(streams.has(stream), [...streams].join());
  using duck = await openDuck();
  const where = `read_parquet('${out}/**/*.parquet', hive_partitioning = true)`;
  const astray = `SELECT count(*) FROM ${where} WHERE date <> ts_recv::DATE OR hour <> hour(ts_recv)`;
  assert.equal(await duck.one(astray), '0');
  const parsed = `SELECT count(DISTINCT decode(payload)::JSON->>'$.arg.channel') FROM ${where}
    WHERE exchange = 'okx' AND stream = 'books' AND symbol IS NOT NULL`;
  assert.equal(await duck.one(parsed), '1');
});

/** Every method on the two paths and beside them; afterwards nothing is other than it was. */
async function assertReadOnly({ url }: CollectorChild): Promise<void> {
  const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
  const before = await statusOf({ url });
  for (const method of METHODS) {
    for (const path of ['/status', '/metrics']) {
      const answer = await ask(url + path, method);
      assert.deepEqual([answer.status, answer.allow], [405, 'GET, HEAD'], `${method} ${path}`);
    }
    assert.equal((await ask(`${url}/stop`, method)).status, 404, method);
  }
  for (const path of ['/', '/health', '/status/', '/constructor', '/__proto__', '/../status'])
    assert.equal((await ask(url + path, 'GET')).status, 404, path);
  assert.equal((await ask(`${url}/status`, 'HEAD')).status, 200);
  const json = await fetch(`${url}/metrics`);
  assert.match(json.headers.get('content-type') ?? '', /^application\/json/);
  const figures = (await json.json()) as Readonly<Record<string, unknown>>;
  assert.ok(Number(figures['frames_total']) > 0);
  const text = await fetch(`${url}/metrics`, { headers: { accept: 'text/plain' } });
  assert.match(text.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(await text.text(), /^ssmd_collector_frames_total [1-9]\d*$/m);
  const after = await statusOf({ url });
  assert.equal(after.run, before.run);
  assert.ok(after.totals.frames >= before.totals.frames && after.uptime_s >= before.uptime_s);
  assert.deepEqual(
    [after.totals.queue_full, after.output, after.schema_version],
    [before.totals.queue_full, before.output, before.schema_version],
  );
}

function ask(
  url: string,
  method: string,
): Promise<{ readonly status: number; readonly allow: string | undefined }> {
  return new Promise((resolve, reject) => {
    const path = url.replace(/^http:\/\/[^/]+/, '');
    const sent = request(url, { method, path }, (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, allow: response.headers.allow });
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('a sink that is too slow: the queue fills, drops are counted, no socket is lost', async (t) => {
  const dir = scratchDirectory(t);
  const simulator = await startSimulator({
    ...{ feed: 'okx', symbols: ['BTC-USDT-SWAP', 'ETH-USDT-SWAP'], rate: 200, seed: 5 },
  });
  t.after(() => simulator.stop());
  const known = [...FEEDS.values()].map((it) => ({ id: it.id, ...it.protocol }));
  const environment = readEnvironment('three', readFileSync(writeThreeVenues(dir), 'utf8'), known);
  const real = createFolderWholeFiles(join(dir, 'out'));
  const held: (() => void)[] = [];
  const slow = { now: true };
  const said: { event: string; dropped?: number }[] = [];
  const logger = pino({}, { write: (line: string) => void said.push(JSON.parse(line) as never) });
  const running = await startCollector({
    ...{ environment, port: 0, root: dir, logger, out: join(dir, 'out') },
    endpoints: {
      nats_url: '',
      s3: { endpoint: '', region: '', access_key_id: '', secret_access_key: '' },
      temporal: { address: '', namespace: '', ui_url: null },
    },
    venues: [{ feed: FEEDS.get('okx') ?? assert.fail(), url: simulator.url }],
    queue: { frames_max: 1_500, bytes_max: 1e9 },
    files: {
      ...real,
      async put(path, bytes) {
        if (slow.now) await new Promise<void>((resolve) => void held.push(resolve));
        await real.put(path, bytes);
      },
    },
  });
  const { collector } = running;
  const began = performance.now();
  await until('drops', () => collector.status().totals.queue_full > 300);
  await until('degraded', () => collector.status().state === 'DEGRADED');
  const { open } = simulator.counts();
  slow.now = false;
  for (const release of held.splice(0)) release();
  await until('room again', () => collector.status().queue.ratio < 0.5);
  // A hole shows by the frame after it: each connection has one more.
  const framesOf = (): number[] =>
    collector.status().connections.map((it) => (it as { readonly frames: number }).frames);
  const room = framesOf();
  await until('a frame of each', () => framesOf().every((it, at) => it > (room[at] ?? 0)));
  await running.stop();
  const { totals, writer } = collector.status();
  assert.equal(open, 2);
  assert.deepEqual([totals.connects, simulator.counts().accepted], [2, 2], 'no socket was lost');
  const rows = await readRaw(join(dir, 'out'));
  assert.equal(rows.length + totals.queue_full, totals.frames);
  assert.equal(writer.frames, rows.length);
  let holes = 0;
  for (const own of byConnection(rows).values()) {
    holes += (own.at(-1)?.sequence ?? 0) - own.length;
  }
  assert.equal(holes, totals.queue_full, 'each drop is a hole in its connection’s sequence');
  const drops = said.filter((it) => it.event === 'queue_full_drop');
  const lines_max = DROP_LINES_PER_SECOND_MAX * (1 + (performance.now() - began) / 1_000);
  assert.ok(drops.length >= 1 && drops.length <= lines_max, `${drops.length} lines`);
  const told = drops.reduce((sum, it) => sum + (it.dropped ?? 0), 0);
  assert.equal(told, totals.queue_full, 'every drop is told');
});
