/** Events out of RAW by asynchronous iteration, as a program that reads them does it; tardis out of its cache. */
import { readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { breathe, plainContext } from '../activities/deps.ts';
import { loadSegment } from '../activities/raw-day.ts';
import { decodeEvents } from '../codec/md2.ts';
import { replaySource } from '../connectors/runtime/replay-source.ts';
import { NS_PER_MINUTE, dayEnd, dayStart, formatIso, unixNs } from '../schema/time.ts';
import { capturePath } from '../test/support/captures.ts';
import { RECORDING } from './binance-frames.ts';
import { DAY, binanceRawDay } from './raw-day.ts';
import type { RawDay } from './raw-day.ts';
import { demandEqual } from './question.ts';
import type { Question } from './question.ts';
import { loadTardis } from './tardis.ts';
import type { Tardis, TardisMapper } from './tardis.ts';

const EXCHANGE = 'binance-futures';
const SYMBOLS = ['BTCUSDT'];
const FROM = dayEnd(DAY) - 6n * NS_PER_MINUTE;

export const question: Question = {
  name: 'iterate',
  asks: 'how fast are typed events read out of RAW by iteration?',
  clock: 'wall',
  async open() {
    const raw = await binanceRawDay();
    const tardis = await loadTardis();
    const cache = await mkdtemp(join(tmpdir(), 'ssmd-bench-'));
    process.once('exit', () => rmSync(cache, { recursive: true, force: true }));
    await writeCache(cache, tardis);
    // Nothing is to be fetched: what is not in the cache fails at once.
    tardis.init({ cacheDir: cache, endpoint: 'http://127.0.0.1:9' });
    const ours = (): Promise<string> => iterate(raw);
    const theirs = (): Promise<string> => replay(tardis);
    return [
      {
        name: 'a recording of six minutes',
        input: `${raw.frames} frames of ${RECORDING}`,
        messages: raw.frames,
        bytes: raw.plain_bytes,
        contestants: [
          { name: 'ssmd, typed events', run: ours },
          { name: 'tardis replayNormalized', run: theirs },
        ],
        goals: [{ of: 'ssmd, typed events', against: 'tardis replayNormalized', at_least: 4 }],
        async check() {
          demandEqual(await ours(), await theirs(), 'events, and the sum of their prices');
        },
      },
    ];
  },
};

/** Counts, and sums that both can form: prices as doubles, in the order of the frames. */
function tally(): {
  readonly count: Record<string, number>;
  sum: number;
} {
  return { count: { trade: 0, quote: 0, book: 0 }, sum: 0 };
}

async function iterate({ deps, feed, plan }: RawDay): Promise<string> {
  const { signal } = plainContext();
  const source = replaySource({
    feed,
    span: { from: dayStart(DAY), to: unixNs(dayEnd(DAY)) },
    types: null,
    symbols: null,
    plan: () => Promise.resolve([plan]),
    load: (segment) => loadSegment(deps, segment, signal),
    breathe,
  });
  const said = tally();
  for await (const batch of source(dayStart(DAY), signal)) {
    for (const { bytes } of batch) {
      for (const event of decodeEvents(bytes)) {
        if (event.type === 'trade') {
          said.sum += Number(`${event.price?.mantissa}e${event.price?.exponent}`);
        }
        const count = said.count[event.type];
        if (count !== undefined) said.count[event.type] = count + 1;
      }
    }
  }
  return JSON.stringify(said);
}

const KINDS: Readonly<Record<string, string>> = {
  trade: 'trade',
  book_ticker: 'quote',
  book_change: 'book',
};

async function replay(tardis: Tardis): Promise<string> {
  const said = tally();
  const options = {
    exchange: EXCHANGE,
    symbols: SYMBOLS,
    from: formatIso(unixNs(FROM)),
    to: formatIso(unixNs(dayEnd(DAY))),
  };
  const { normalizeTrades, normalizeBookChanges, normalizeBookTickers } = tardis;
  const messages = tardis.replayNormalized(
    options,
    normalizeTrades,
    normalizeBookChanges,
    normalizeBookTickers,
  );
  for await (const message of messages) {
    if (message.type === 'trade') said.sum += message.price;
    // The snapshot it waits for is no frame of the recording.
    if (message.type === 'book_change' && message.isSnapshot) continue;
    const kind = KINDS[message.type] ?? '';
    said.count[kind] = (said.count[kind] ?? 0) + 1;
  }
  return JSON.stringify(said);
}

/** What tardis would have fetched: a gzip file a minute, under the hash of what it asks for. */
async function writeCache(folder: string, tardis: Tardis): Promise<void> {
  const lines = gunzipSync(readFileSync(capturePath(RECORDING)))
    .toString()
    .trimEnd()
    .split('\n');
  const minutes = new Map<bigint, string[]>();
  for (let at = FROM; at < dayEnd(DAY); at += NS_PER_MINUTE) minutes.set(at, []);
  for (const line of lines) {
    const [ns = '', text = ''] = [line.slice(0, 19), line.slice(20)];
    if (!text.startsWith('{"stream"')) continue;
    const t = BigInt(ns);
    const all = minutes.get(t - (t % NS_PER_MINUTE)) ?? [];
    if (all.length === 0 && minutes.get(FROM) === all)
      all.push(`${stamp(t)} ${snapshotFor(lines)}`);
    all.push(`${stamp(t)} ${text}`);
  }
  const at = join(folder, 'feeds', EXCHANGE, hashOf(filtersOf(tardis)));
  for (const [minute, found] of minutes) {
    const path = formatIso(unixNs(minute)).slice(0, 16).replaceAll(/[-T:]/g, '/');
    const file = join(at, `${path}.json.gz`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, gzipSync(found.map((line) => `${line}\n`).join('')));
  }
}

/** `2024-08-08T23:54:15.0303146Z`: a time of tardis has seven decimals. */
function stamp(t: bigint): string {
  const second = formatIso(unixNs(t - (t % 1_000_000_000n))).slice(0, 19);
  return `${second}.${String(t % 1_000_000_000n)
    .padStart(9, '0')
    .slice(0, 7)}Z`;
}

/** An empty book that the first change of the recording follows. */
function snapshotFor(lines: readonly string[]): string {
  const depth = lines.find((line) => line.includes('@depth'))?.slice(20) ?? '{}';
  const { data } = JSON.parse(depth) as { readonly data: { readonly U: number } };
  const empty = { lastUpdateId: data.U, bids: [], asks: [] };
  return JSON.stringify({ stream: 'btcusdt@depthSnapshot', data: empty });
}

type Filter = { readonly channel: string; readonly symbols?: readonly string[] };

function filtersOf(tardis: Tardis): readonly Filter[] {
  const { normalizeTrades, normalizeBookChanges, normalizeBookTickers } = tardis;
  const normalizers = [normalizeTrades, normalizeBookChanges, normalizeBookTickers];
  const filters = normalizers.flatMap((normalizer) => {
    const mapper: TardisMapper = normalizer(EXCHANGE, new Date(0));
    return mapper.getFilters(SYMBOLS);
  });
  // As it sorts them before it hashes them.
  return filters.toSorted((a, b) => (a.channel < b.channel ? -1 : 1));
}

function hashOf(filters: readonly Filter[]): string {
  return createHash('sha256').update(JSON.stringify(filters)).digest('hex');
}
