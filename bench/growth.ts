/**
 * Whether a message costs the same after many as after few, with many symbols as with one, and a day the
 * same where many lie before it: frames through fold, publisher's queue and cutter, and whole days
 * archived into one store. Against itself, so that the ratio is of the same work.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { liveMessages } from '../connectors/runtime/publisher-messages.ts';
import { PUBLISHER_LIMITS } from '../connectors/runtime/publisher-limits.ts';
import { PublisherQueue } from '../connectors/runtime/publisher-queue.ts';
import { Cutter } from '../dataset/cutter.ts';
import { createShardFold } from '../fold/shard-fold.ts';
import { NS_PER_DAY, NS_PER_MINUTE, addDays, dayStart } from '../schema/time.ts';
import type { Day } from '../schema/time.ts';
import { archiveDay } from '../test/support/archive-run.ts';
import { capturePath } from '../test/support/captures.ts';
import { importChunks } from '../test/support/import.ts';
import { memoryJobs } from '../test/support/memory-jobs.ts';
import { RECORDING } from './binance-frames.ts';
import { feedOf, marketsOf } from './frames.ts';
import { spreadOf } from './measure.ts';
import { demandEqual } from './question.ts';
import type { Figure, Question } from './question.ts';
import { DAY } from './raw-day.ts';

const FEED = 'binance-usdm';
const FEW = 100_000;
/** So many more: by default, and as the goal has it. */
const MANY = { short: 1_000_000, whole: 10_000_000 };
const SYMBOLS = [1, 10, 100, 500];
const DAYS = { short: 8, whole: 30 };
/** Of each day: enough that a day costs more than its beginning. */
const FRAMES_A_DAY = 15_000;
/** Days measured at either end. */
const DAYS_COMPARED = 3;
/** Flat, as the goal has it. */
const FLAT = 1.1;
const COVER_MESSAGES = 8_192;
const STEP_NS = 1_000_000n;

export const question: Question = {
  name: 'growth',
  asks: 'does a message cost more the more there are?',
  clock: 'thread',
  open(_, { rounds, whole }) {
    const many = whole ? MANY.whole : MANY.short;
    const days = whole ? DAYS.whole : DAYS.short;
    const input = `trades and quotes through fold, queue and cutter, ${rounds} rounds`;
    return Promise.resolve([
      { name: `from ${FEW} to ${many} messages`, input, watch: () => byMessages(rounds, many) },
      { name: 'from 1 to 500 symbols', input, watch: () => bySymbols(rounds) },
      {
        name: `from 1 to ${days} days`,
        input: `days of ${FRAMES_A_DAY} recorded frames, archived into one store`,
        watch: () => byDays(days),
      },
    ]);
  },
};

/** A shard that speaks, and frames to feed it with for ever. */
class Shard {
  readonly #fold = createShardFold(feedOf(FEED), 'bench');
  readonly #queue = new PublisherQueue();
  readonly #cutter = new Cutter(1, () => undefined);
  readonly #names: readonly string[];
  readonly #frame = Buffer.alloc(512);
  #t = dayStart(DAY) as bigint;
  #messages = 0;
  #events = 0;

  constructor(symbols: number) {
    this.#names = Array.from({ length: symbols }, (_, at) => `COIN${at}USDT`);
    const { channels } = feedOf(FEED).protocol;
    const { symbols: configs } = marketsOf(this.#names);
    const config = { feed: FEED, shard: 'bench', symbols: configs, channels, book_depth: 0 };
    const fold = this.#fold;
    fold.fact(++this.#t, '_day', { day: DAY, taken: false });
    fold.fact(++this.#t, '_config', { sha256: 'x', config });
    fold.fact(++this.#t, '_open', { c: 1, url: 'wss://x', day: DAY });
    fold.fact(++this.#t, '_take', { prev: null, ids: {} });
    this.#fold.out.clear();
    this.#queue.begin(this.#t);
  }

  /** Processor time of a message, ns, over so many. */
  feed(messages: number): number {
    const from = process.threadCpuUsage();
    for (let message = 0; message < messages; message++) this.#message();
    const { user, system } = process.threadCpuUsage(from);
    return ((user + system) * 1_000) / messages;
  }

  /** Fails unless every message became one event. */
  demandAll(): void {
    demandEqual(this.#events, this.#messages, 'events, and messages');
  }

  #message(): void {
    const fold = this.#fold;
    const length = this.#frame.write(this.#text(this.#messages++), 'latin1');
    this.#t += STEP_NS;
    fold.frame(this.#t, 1, this.#frame, 0, length);
    const { out } = fold;
    this.#events += out.count;
    const queue = this.#queue;
    queue.push(liveMessages({ shard: 'bench', feed: FEED, epoch: 1 }, out, PUBLISHER_LIMITS));
    while (queue.peek() !== null) queue.sent();
    for (let event = 0; event < out.count; event++) {
      const type = out.type[event] ?? 0;
      this.#cutter.append(type, out.symbol[event] ?? '', this.#t, out.view(event));
    }
    out.clear();
    if (this.#messages % COVER_MESSAGES === 0) {
      queue.cover(queue.boundary);
      this.#cutter.closeUntil(this.#t - (this.#t % NS_PER_MINUTE));
    }
  }

  /** A trade or a quote, of each symbol in turn, as the venue writes them. */
  #text(message: number): string {
    const name = this.#names[(message >> 1) % this.#names.length] ?? '';
    const stream = name.toLowerCase();
    const id = Math.floor((message >> 1) / this.#names.length) + 1;
    const at = 1_723_075_200_000 + message;
    if (message % 2 === 0) {
      return (
        `{"stream":"${stream}@trade","data":{"e":"trade","E":${at},"T":${at},"s":"${name}",` +
        `"t":${id},"p":"61800.30","q":"0.006","X":"MARKET","m":false}}`
      );
    }
    return (
      `{"stream":"${stream}@bookTicker","data":{"e":"bookTicker","u":${id},"s":"${name}",` +
      `"b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":${at},"E":${at}}}`
    );
  }
}

function byMessages(rounds: number, many: number): Promise<Figure[]> {
  new Shard(1).feed(FEW);
  const ratios: number[] = [];
  const first: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const few = new Shard(1);
    const few_ns = few.feed(FEW);
    const shard = new Shard(1);
    shard.feed(many - FEW);
    const last_ns = shard.feed(FEW);
    for (const it of [few, shard]) it.demandAll();
    first.push(few_ns);
    ratios.push(last_ns / few_ns);
  }
  return Promise.resolve([
    {
      name: `of the first ${FEW}`,
      value: spreadOf(first).median,
      unit: 'ns a message',
      at_most: null,
    },
    flat(`of the last ${FEW} of ${many}, to that`, ratios),
  ]);
}

function bySymbols(rounds: number): Promise<Figure[]> {
  const costs = new Map<number, number[]>(SYMBOLS.map((symbols) => [symbols, []]));
  for (let round = -1; round < rounds; round++) {
    for (const symbols of SYMBOLS) {
      const shard = new Shard(symbols);
      // What is only done once for each symbol is done before.
      shard.feed(FEW);
      const ns = shard.feed(FEW);
      shard.demandAll();
      if (round >= 0) costs.get(symbols)?.push(ns);
    }
  }
  const [one = []] = costs.values();
  return Promise.resolve([
    { name: 'of 1 symbol', value: spreadOf(one).median, unit: 'ns a message', at_most: null },
    ...SYMBOLS.slice(1).map((symbols) =>
      flat(
        `of ${symbols} symbols, to that`,
        (costs.get(symbols) ?? []).map((ns, round) => ns / (one[round] ?? NaN)),
      ),
    ),
  ]);
}

async function byDays(days: number): Promise<Figure[]> {
  await archiveDays(DAYS_COMPARED);
  const spent = await archiveDays(days);
  const first = spreadOf(spent.slice(0, DAYS_COMPARED)).median;
  const last = spent.slice(-DAYS_COMPARED).map((ns) => ns / first);
  return [
    { name: `of the first ${DAYS_COMPARED} days`, value: first, unit: 'ns a frame', at_most: null },
    flat(`of the last ${DAYS_COMPARED} of ${days}, to that`, last),
  ];
}

/** Processor time of a frame, ns, of each day. */
async function archiveDays(days: number): Promise<number[]> {
  const feed = feedOf(FEED);
  const deps = memoryJobs('2024-12-01T00:00:00Z', {
    ...{ feeds: new Map([[FEED, feed]]), configuredFeeds: [FEED] },
    ...{ shardsOf: () => [], origin: 'import' as const },
  });
  const { symbols } = marketsOf(['BTCUSDT']);
  const { channels } = feed.protocol;
  const config = { feed: FEED, shard: 'import', symbols, book_depth: 0, channels };
  const lines = gunzipSync(readFileSync(capturePath(RECORDING)))
    .toString('latin1')
    .split('\n');
  const some = lines.slice(0, FRAMES_A_DAY);
  const spent: number[] = [];
  let events = 0;
  for (let day = 0; day < days; day++) {
    const chunks = later(some, BigInt(day) * NS_PER_DAY);
    const { report } = await importChunks({ feed, config, time_from: null, chunks }, deps.raw);
    const from = process.threadCpuUsage();
    const of = { feed: FEED, day: addDays(DAY, day) as Day };
    const { committed } = await archiveDay(deps, of);
    const { user, system } = process.threadCpuUsage(from);
    spent.push(((user + system) * 1_000) / report.frames);
    if (day === 0) events = committed.records;
    demandEqual(committed.records, events, `events of ${of.day}, and of the first day`);
  }
  return spent;
}

async function* later(lines: readonly string[], by: bigint): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(
    Buffer.from(lines.map((it) => `${BigInt(it.slice(0, 19)) + by}${it.slice(19)}\n`).join('')),
  );
}

function flat(name: string, ratios: readonly number[]): Figure {
  const { median, low, high } = spreadOf(ratios);
  const unit = `(${low.toFixed(2)} .. ${high.toFixed(2)})`;
  return { name, value: median, unit, at_most: FLAT };
}
