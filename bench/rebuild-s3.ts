/**
 * A day rebuilt as `reprocess` does it, from a real store: planned, built in parts by one worker or by
 * two at once, against decompressing the same segments to nowhere. A worker is a thread whose processor
 * time is its own: where cores are shared with others that says what it takes on one of its own.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PartTask } from '../activities/builds.ts';
import { plainContext } from '../activities/deps.ts';
import { planDay } from '../activities/reprocess-day.ts';
import type { ReprocessDeps } from '../activities/reprocess.ts';
import { readRecording } from '../connectors/runtime/recording.ts';
import { createS3ObjectStore } from '../storage/s3.ts';
import { archiveDay } from '../test/support/archive-run.ts';
import { capturePath } from '../test/support/captures.ts';
import { importChunks } from '../test/support/import.ts';
import { memoryJobs } from '../test/support/memory-jobs.ts';
import { startTestServers } from '../test/support/servers.ts';
import type { TestServers } from '../test/support/servers.ts';
import { RECORDING } from './binance-frames.ts';
import { feedOf, marketsOf } from './frames.ts';
import { spreadOf } from './measure.ts';
import { WrongAnswer, demandEqual } from './question.ts';
import type { Figure, Question } from './question.ts';
import { DAY } from './raw-day.ts';
import type { Built, Order, WorkerSetup } from './rebuild-worker.ts';

const FEED = 'binance-usdm';
const NOW = '2024-08-12T00:00:00Z';
/** The recording under so many names: a day's symbols are what its workers share. */
const MARKETS = ['BTCUSDT', 'ETHUSDT'];
const [RAW, NORMALIZED] = ['bench-raw', 'bench-normalized'];

type Stage = {
  readonly servers: TestServers;
  readonly deps: ReprocessDeps;
  readonly workers: readonly Worker[];
  /** Segments as files, and their bytes in plain. */
  readonly files: readonly string[];
  readonly plain_bytes: number;
  readonly frames: number;
};

export const question: Question = {
  name: 'rebuild-s3',
  asks: 'how fast is a day rebuilt from a real store, by one worker and by two?',
  clock: 'wall',
  async open(_, { rounds }) {
    const stage = await openStage();
    const mb = Math.round(stage.plain_bytes / 1e6);
    return [
      {
        name: 'a day of two markets',
        input: `${stage.frames} frames, ${mb} MB of RAW, ${rounds} rounds; processor time`,
        watch: () => watch(stage, rounds).finally(() => close(stage)),
      },
    ];
  },
};

async function openStage(): Promise<Stage> {
  const servers = await startTestServers({ s3: true });
  const { endpoint, region, accessKey, secretKey } = servers.s3;
  const s3 = { endpoint, region, access_key_id: accessKey, secret_access_key: secretKey };
  const raw = createS3ObjectStore({ ...s3, bucket: RAW });
  const normalized = createS3ObjectStore({ ...s3, bucket: NORMALIZED });
  await Promise.all([raw.ensureBucket(), normalized.ensureBucket()]);
  const feed = feedOf(FEED);
  const jobs = memoryJobs(NOW, {
    ...{ raw, normalized, feeds: new Map([[FEED, feed]]), configuredFeeds: [FEED] },
    ...{ shardsOf: () => [], origin: 'import' as const },
  });
  const { build } = jobs;
  const facts = { ...build, normalizers: { [FEED]: feed.normalizer }, schemas: ['md2'] as const };
  const builds = {
    describe: () => Promise.resolve(facts),
    runPart: () => Promise.reject(new Error('parts are built by threads')),
  };
  const { symbols } = marketsOf(MARKETS);
  const { channels } = feed.protocol;
  const config = { feed: FEED, shard: 'import', symbols, book_depth: 0, channels };
  const { report, segments } = await importChunks(
    { feed, config, time_from: null, chunks: underNames() },
    raw,
  );
  // Archived before: by what it held then its symbols are shared out.
  await archiveDay(jobs, { feed: FEED, day: DAY });
  const files: string[] = [];
  let plain_bytes = 0;
  for (const { key } of segments) {
    const body = (await raw.get(key))?.body ?? new Uint8Array(0);
    const file = join(servers.dir, `segment-${files.length}.zst`);
    writeFileSync(file, body);
    files.push(file);
    plain_bytes += jobs.zstd.decompress(body).length;
  }
  const setup: WorkerSetup = { s3, raw: RAW, normalized: NORMALIZED, now: NOW, feed: FEED };
  const url = new URL('./rebuild-worker.ts', import.meta.url);
  // One that fails ends the process.
  const workers = [0, 1].map(() => new Worker(url, { workerData: setup }));
  const { frames } = report;
  return { servers, deps: { ...jobs, builds }, workers, files, plain_bytes, frames };
}

/**
 * Each line's time once for each market, one nanosecond apart, with what the recording has so much
 * further on: the same frame twice in a row would compress as no venue's do.
 */
async function* underNames(): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readRecording(capturePath(RECORDING))) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString('latin1').trimEnd().split('\n');
  for (const [index, line] of lines.entries()) {
    const t = BigInt(line.slice(0, 19));
    const text = MARKETS.map((name, at) => {
      const further = Math.floor((at * lines.length) / MARKETS.length);
      const own = lines[(index + further) % lines.length]?.slice(19) ?? '';
      const named = own.replaceAll('BTCUSDT', name).replaceAll('btcusdt', name.toLowerCase());
      return `${t + BigInt(at)}${named}\n`;
    });
    yield Buffer.from(text.join(''), 'latin1');
  }
}

async function close({ workers, servers }: Stage): Promise<void> {
  await Promise.all(workers.map((worker) => worker.terminate()));
  await servers[Symbol.asyncDispose]();
}

/** The first one is the archive's. */
let versions = 1;

/** Processor time of the slowest worker of so many, ns, and what they built. */
async function buildBy(
  stage: Stage,
  parts: number,
  store: Order['store'],
): Promise<{ readonly ns: number; readonly objects: readonly string[]; readonly records: number }> {
  // A version of its own: what is staged already would not be built again.
  const making = {
    ...{ feed: FEED, day: DAY, version: `v${++versions}`, schema: 'md2' as const },
    ...{ normalizer: `${FEED}@${feedOf(FEED).normalizer}`, connector_version: null },
    ...{ parts, raw_bytes: 1 },
  };
  const { tasks } = await planDay(stage.deps, feedOf(FEED), making, plainContext());
  demandEqual(tasks.length, parts, 'parts of the day');
  const built = await Promise.all(
    tasks.map((task: PartTask, at) => ask(stage.workers[at], { task, store })),
  );
  const objects = built.flatMap((it) => it.objects);
  return {
    ns: Math.max(...built.map((it) => it.processor_ns)),
    objects: objects.map((it) => it.plain_sha256).toSorted(),
    records: objects.reduce((sum, it) => sum + it.records, 0),
  };
}

function ask(worker: Worker | undefined, order: Order): Promise<Built> {
  return new Promise((resolve, reject) => {
    if (worker === undefined) return reject(new Error('more parts than workers'));
    worker.once('message', resolve);
    worker.postMessage(order);
  });
}

/** Processor time of `zstd -dc` over all segments, ns. */
function unpackNs({ files }: Stage): number {
  const shell = spawnSync(
    'bash',
    ['-c', 'zstd -dc "$@" > /dev/null && times', 'unpack', ...files],
    {
      encoding: 'utf8',
    },
  );
  // `times` says the shell's own user and system time, then its children's.
  const times = [...shell.stdout.matchAll(/(\d+)m([\d.]+)s/g)].slice(2);
  if (times.length !== 2) throw new Error(`zstd said ${shell.stdout}${shell.stderr}`);
  return times.reduce((sum, it) => sum + (Number(it[1]) * 60 + Number(it[2])) * 1e9, 0);
}

async function watch(stage: Stage, rounds: number): Promise<Figure[]> {
  const ratios: Record<string, number[]> = {};
  const note = (name: string, value: number): void => void (ratios[name] ??= []).push(value);
  let first: Awaited<ReturnType<typeof buildBy>> | null = null;
  for (let round = -1; round < rounds; round++) {
    const zstd_ns = unpackNs(stage);
    for (const store of ['memory', 's3'] as const) {
      const one = await buildBy(stage, 1, store);
      const two = await buildBy(stage, 2, store);
      first ??= one;
      for (const it of [one, two]) demandEqual(it.objects, first.objects, `objects (${store})`);
      if (round < 0) continue;
      note(`${store}, one worker to zstd -dc`, one.ns / zstd_ns);
      note(`${store}, two workers to zstd -dc`, two.ns / zstd_ns);
      note(`${store}, the slower of two workers to one alone`, two.ns / one.ns);
      note(`${store}, one worker, MB/s of RAW`, (stage.plain_bytes * 1e3) / one.ns);
    }
    if (round >= 0) note('zstd -dc, MB/s of RAW', (stage.plain_bytes * 1e3) / zstd_ns);
  }
  if (first === null || first.records === 0) throw new WrongAnswer('nothing was built');
  const goals: Readonly<Record<string, number>> = {
    'memory, two workers to zstd -dc': 2,
    's3, two workers to zstd -dc': 2.5,
    'memory, the slower of two workers to one alone': 0.625,
    's3, the slower of two workers to one alone': 0.625,
  };
  return Object.entries(ratios).map(([name, values]) => {
    const { median, low, high } = spreadOf(values);
    const unit = `(${low.toPrecision(3)} .. ${high.toPrecision(3)})`;
    return { name, value: median, unit, at_most: goals[name] ?? null };
  });
}
