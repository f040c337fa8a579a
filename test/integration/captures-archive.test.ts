/**
 * Real recordings all the way: import, fold, bus, archive, checks. Every archived event is held against
 * what the recording itself says, read with nothing but JSON.parse; counts are exact; a recording of
 * some seconds is a degraded day with its holes named.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { qaReportKey } from '../../dataset/keys.ts';
import type { CheckResult } from '../../qa/results.ts';
import { formatDecimal } from '../../schema/decimal.ts';
import type { Decimal } from '../../schema/decimal.ts';
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import { dayEnd, dayStart, parseIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { marketEvents, runCapture } from '../support/e2e-capture.ts';
import type { CaptureRun } from '../support/e2e-capture.ts';
import { openStage } from '../support/e2e.ts';
import type { Stage } from '../support/e2e.ts';

const skip = skipWithoutCaptures;
const stage: Stage | null = skip === false ? await openStage() : null;
after(() => stage?.[Symbol.asyncDispose]());

function onStage(): Stage {
  assert.ok(stage !== null, 'the servers run where the captures are there');
  return stage;
}

function linesOf(path: string): string[] {
  const bytes = readFileSync(capturePath(path));
  const plain = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  return plain.toString('utf8').trimEnd().split('\n');
}

/** JSON with every number as its own text, so that no digit is lost. */
function parseTexts(json: string): unknown {
  return JSON.parse(json, (_, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' ? context?.source : value,
  );
}

const text = (value: Decimal | null): string => (value === null ? 'none' : formatDecimal(value));
type Levels = readonly (readonly [string, string])[];
const side = (levels: Levels): string => levels.map((level) => level.join(' ')).join(',');

/** An event in one line, in the words of the venue; null for a type the recordings have none of. */
function rowOf(event: MarketEvent): string | null {
  const head = `${event.type} ${event.symbol} ${event.ts_event}`;
  switch (event.type) {
    case 'quote': {
      const { bid_price, bid_size, ask_price, ask_size } = event;
      return `${head} ${[bid_price, bid_size, ask_price, ask_size].map(text).join(' ')}`;
    }
    case 'trade':
      return `${head} ${text(event.price)} ${text(event.size)} ${event.side} ${event.trade_id}`;
    case 'book': {
      const levels = [event.bids, event.asks].map((it) =>
        side(it.map(({ price, size }) => [text(price), text(size)])),
      );
      const ids = [event.prev_sequence, event.first_sequence, event.sequence];
      return `${head} ${event.checksum ?? ids.join(' ')} | ${levels.join(' | ')}`;
    }
    case 'ticker':
      return `${head} ${text(event.last_price)} ${text(event.volume)}`;
    case 'ohlc': {
      const { open, high, low, close, volume } = event;
      return `${head} ${[open, high, low, close, volume].map(text).join(' ')}`;
    }
    default:
      return null;
  }
}

type BinanceData = Readonly<
  Record<'e' | 'E' | 's' | 'b' | 'B' | 'a' | 'A' | 'p' | 'q' | 't', string>
> & {
  readonly m: boolean;
  readonly k: Readonly<Record<'o' | 'h' | 'l' | 'c' | 'v', string>>;
  readonly U: string;
  readonly u: string;
  readonly pu: string;
};

/** What a Binance frame says, in the same words. */
function binanceRow(json: string): string {
  const { data } = parseTexts(json) as { data: BinanceData };
  const { e, s, p, q, t, a, m, k } = data;
  // A transaction has a time of its own, beside that of its sending.
  const { T } = data as unknown as { readonly T?: string };
  const at = `${T ?? data.E}000000`;
  const head = (type: string): string => `${type} ${s}-PERP ${at}`;
  if (e === 'bookTicker') return `${head('quote')} ${data.b} ${data.B} ${a} ${data.A}`;
  const taker = m ? 'sell' : 'buy';
  if (e === 'trade') return `${head('trade')} ${p} ${q} ${taker} ${t}`;
  if (e === 'aggTrade') return `${head('trade')} ${p} ${q} ${taker} ${a}`;
  if (e === 'kline') return `ohlc ${s}-PERP ${data.E}000000 ${k.o} ${k.h} ${k.l} ${k.c} ${k.v}`;
  assert.equal(e, 'depthUpdate');
  const [bids, asks] = [data.b, data.a].map((it) => side(it as unknown as Levels));
  return `${head('book')} ${data.pu} ${data.U} ${data.u} | ${bids} | ${asks}`;
}

type KrakenBook = {
  readonly type: string;
  readonly data: readonly [
    {
      readonly symbol: string;
      readonly checksum: string;
      readonly timestamp?: string;
      readonly bids: readonly { readonly price: string; readonly qty: string }[];
      readonly asks: readonly { readonly price: string; readonly qty: string }[];
    },
  ];
};

function krakenRow(json: string): string {
  const { symbol, checksum, timestamp, bids, asks } = (parseTexts(json) as KrakenBook).data[0];
  const levels = [bids, asks].map((it) => side(it.map(({ price, qty }) => [price, qty])));
  const at = timestamp === undefined ? null : parseIso(timestamp);
  return `book ${symbol.replace('/', '')} ${at} ${checksum} | ${levels.join(' | ')}`;
}

/** The archive holds these events, in this order, and no others. */
function assertRows(events: readonly MarketEvent[], wanted: readonly string[]): void {
  const at = wanted.findIndex((row, index) => {
    const event = events[index];
    return event === undefined || rowOf(event) !== row;
  });
  const found = at < 0 ? undefined : events[at];
  assert.equal(
    found === undefined ? null : rowOf(found),
    at < 0 ? null : wanted[at],
    `event ${at}`,
  );
  assert.equal(events.length, wanted.length);
}

/** A day that began late and ended early: degraded, with both holes and the absent shard named. */
async function assertDegraded(
  run: CaptureRun,
  of: { readonly day: Day; readonly first: bigint; readonly last: bigint },
): Promise<void> {
  const { manifest, results, report, twins } = run;
  assert.equal(manifest.complete, false);
  assert.equal(manifest.origin, 'import');
  const shard = report.shard;
  const holes = manifest.gaps.map((it) => [it.shard, it.cause, BigInt(it.from), BigInt(it.to)]);
  const begun = BigInt(report.first ?? 0);
  assert.ok(begun < of.first && of.first - begun < 1_000n, 'it speaks from right before its first');
  assert.deepEqual(holes, [
    [shard, 'before_first_take', dayStart(of.day), begun],
    ['tier1', 'shard_absent', dayStart(of.day), dayEnd(of.day)],
    [shard, 'epoch_ended', of.last + 1n, dayEnd(of.day)],
  ]);
  assert.equal(results.day_condition, 'degraded');
  assert.equal(run.qa.outcome, 'degraded');
  for (const [of_shard, cause] of holes) {
    const said = results.condition_reasons.filter((it) =>
      it.startsWith(`${cause} of ${of_shard}:`),
    );
    assert.equal(said.length, 1, `${cause} is a reason`);
  }
  const listed = results.gaps.filter((it) => it.source === 'manifest').map((it) => it.cause);
  assert.deepEqual(listed.sort(), ['before_first_take', 'epoch_ended', 'shard_absent']);
  assert.equal(results.statistics.errored, 0);
  const page = await twins.live.normalized.get(qaReportKey(manifest.feed, of.day));
  assert.match(new TextDecoder().decode(page?.body), /epoch_ended/);
  assert.equal(
    twins.compared.from_bus,
    0,
    'no window of the day is whole, on the bus or elsewhere',
  );
}

function checkOf({ results }: CaptureRun, name: string, symbol: string): CheckResult {
  const found = results.results.find((it) => it.name === name && it.group['symbol'] === symbol);
  return found ?? assert.fail(`no result of ${name} for ${symbol}`);
}

test('Kraken: 510 book messages, each proven by its checksum', { skip }, async () => {
  const path = 'kraken-v2/book-btcusd-d10-20230730.jsonl';
  const day = '2023-07-30' as Day;
  const run = await runCapture(onStage(), {
    ...{ feed: 'kraken', path, day, time_from: 'venue' },
    symbols: { 'BTC/USD': 'BTCUSD' },
  });
  const lines = linesOf(path);
  assert.equal(lines.length, 510);
  const { report, manifest } = run;
  assert.deepEqual([report.lines, report.frames, report.rejected], [510, 510, {}]);
  // The take-over from nobody; gaps: a quote, a ticker and an instrument that never came; a book until it came, and after the end.
  assert.deepEqual(manifest.totals.records_by_type, { book: 510, status: 9 });
  const events = await marketEvents(run);
  assertRows(events, lines.map(krakenRow));
  assert.ok(events.every(({ flags }) => (flags & FLAG.BAD_TS_RECV) !== 0));
  const snapshots = events.filter(({ flags }) => (flags & FLAG.SNAPSHOT) !== 0);
  assert.deepEqual(
    snapshots.map((it) => events.indexOf(it)),
    [0],
  );
  const { status, observed } = checkOf(run, 'book-checksum', 'BTCUSD');
  assert.deepEqual([status, observed['verified'], observed['mismatches']], ['passed', 510, 0]);
  const times = lines.flatMap(
    (line) => parseIso((JSON.parse(line) as KrakenBook).data[0].timestamp ?? '') ?? [],
  );
  await assertDegraded(run, { day, first: times[0] ?? 0n, last: times.at(-1) ?? 0n });
});

type OkxData = Readonly<
  Record<
    'instId' | 'ts' | 'px' | 'sz' | 'side' | 'tradeId' | 'last' | 'vol24h' | 'checksum',
    string
  >
> & { readonly bids: Levels; readonly asks: Levels };

/** What an OKX frame says, in the same words; null for an acknowledgement. */
function okxRow(json: string): string | null {
  const { arg, data } = parseTexts(json) as {
    readonly arg: { readonly channel: string; readonly instId: string };
    readonly data?: readonly [OkxData];
  };
  if (data === undefined) return null;
  const [it] = data;
  const of = `${arg.instId.replaceAll('-', '')} ${it.ts}000000`;
  switch (arg.channel) {
    case 'trades':
      return `trade ${of} ${it.px} ${it.sz} ${it.side} ${it.tradeId}`;
    case 'tickers':
      return `ticker ${of} ${it.last} ${it.vol24h}`;
    default: {
      const levels = [it.bids, it.asks].map((all) =>
        side(all.map(([price, size]) => [price, size])),
      );
      return `book ${of} ${Number(it.checksum) >>> 0} | ${levels.join(' | ')}`;
    }
  }
}

test('OKX: 290 book messages, each proven by its signed checksum', { skip }, async () => {
  const path = 'okx-v5/cryptofeed-20220513.txt';
  const day = '2022-05-13' as Day;
  const run = await runCapture(onStage(), {
    ...{ feed: 'okx', path, day, time_from: null },
    symbols: {
      'BTC-USD-220527': 'BTCUSD220527',
      'UNI-USD-SWAP': 'UNIUSDSWAP',
      'BTC-USDT': 'BTCUSDT',
    },
  });
  const { report, manifest } = run;
  const counted = [report.lines, report.frames, report.other, report.rejected];
  assert.deepEqual(counted, [414, 410, 4, {}]);
  assert.deepEqual(report.decoded, { ack: 18, data: 392 }, 'events + acknowledgements = frames');
  const frames = linesOf(path).flatMap((line) => {
    const [, seconds = '', fraction = '', json = ''] = /^(\d+)\.(\d+): (.*)$/.exec(line) ?? [];
    return json === '' ? [] : [{ t: BigInt(seconds + fraction.padEnd(9, '0')), json }];
  });
  const events = await marketEvents(run);
  assertRows(
    events,
    frames.flatMap(({ json }) => okxRow(json) ?? []),
  );
  const { records_by_type } = manifest.totals;
  assert.deepEqual(
    { ...records_by_type, status: 0 },
    { book: 290, status: 0, ticker: 28, trade: 74 },
  );
  const proven = ['BTCUSD220527', 'UNIUSDSWAP', 'BTCUSDT'].map((symbol) => {
    const { status, observed } = checkOf(run, 'book-chain', symbol);
    return [status, observed['verified'], observed['unverified'], observed['mismatches']];
  });
  assert.deepEqual(proven, [
    ['passed', 99, 0, 0],
    ['passed', 91, 2, 0],
    ['passed', 98, 0, 0],
  ]);
  const opened = / (\d+)\.(\d+)$/.exec(linesOf(path)[0] ?? '') ?? [];
  const first = BigInt(`${opened[1]}${(opened[2] ?? '').padEnd(9, '0')}`);
  await assertDegraded(run, { day, first, last: frames.at(-1)?.t ?? 0n });
});

type Plain = { readonly e: string; readonly pu: number; readonly u: number };

const CRYPTOFEED = 'binance-usdm/cryptofeed-20210722.txt';
const CRYPTOFEED_DAY = '2021-07-22' as Day;

/** Frames with their times, the connection's line left out. */
function cryptofeedFrames(): { readonly t: bigint; readonly json: string }[] {
  return linesOf(CRYPTOFEED).flatMap((line) => {
    const match = /^(\d+)\.(\d+): (.*)$/.exec(line);
    if (match === null) return [];
    const [, seconds = '', fraction = '', json = ''] = match;
    return [{ t: BigInt(seconds + fraction.padEnd(9, '0')), json }];
  });
}

test('cryptofeed: 1,535 frames of four markets', { skip }, async () => {
  const run = await runCapture(onStage(), {
    ...{ feed: 'binance-usdm', path: CRYPTOFEED, day: CRYPTOFEED_DAY, time_from: null },
    symbols: {
      SUSHIUSDT: 'SUSHIUSDT-PERP',
      AKROUSDT: 'AKROUSDT-PERP',
      KEEPUSDT: 'KEEPUSDT-PERP',
      CTKUSDT: 'CTKUSDT-PERP',
    },
  });
  const frames = cryptofeedFrames();
  assert.equal(frames.length, 1_535);
  const { report, manifest } = run;
  const counted = [report.lines, report.frames, report.other, report.rejected];
  assert.deepEqual(counted, [1_536, 1_535, 1, {}]);
  // The take-over from nobody. Of each market: its book until it came, and a mark price that never did; the feed's end is one more.
  const by_type = { book: 764, ohlc: 67, quote: 613, status: 31, trade: 91 };
  assert.deepEqual(manifest.totals.records_by_type, by_type);
  const events = await marketEvents(run);
  assert.deepEqual(
    events.map(({ t }) => t),
    frames.map(({ t }) => t),
  );
  assertRows(
    events,
    frames.map(({ json }) => binanceRow(json)),
  );
  await assertDegraded(run, {
    day: CRYPTOFEED_DAY,
    first: connectedAt(),
    last: frames.at(-1)?.t ?? 0n,
  });
});

/** When the recorder connected: the first thing its file tells. */
function connectedAt(): bigint {
  const [, seconds = '', fraction = ''] = / (\d+)\.(\d+)$/.exec(linesOf(CRYPTOFEED)[0] ?? '') ?? [];
  return BigInt(seconds + fraction.padEnd(9, '0'));
}

test(
  'cryptofeed with one of its markets: the others are ignored by name, and counted',
  { skip },
  async () => {
    // In a raw bucket of its own: the same hours of another shard are another day.
    const raw = await onStage().bucket('one-market-raw');
    const run = await runCapture(
      { ...onStage(), raw },
      {
        ...{ feed: 'binance-usdm', path: CRYPTOFEED, day: CRYPTOFEED_DAY, time_from: null },
        ...{ symbols: { SUSHIUSDT: 'SUSHIUSDT-PERP' }, shard: 'one' },
      },
    );
    const frames = cryptofeedFrames();
    const own = frames.filter(({ json }) => json.includes('"s":"SUSHIUSDT"'));
    assert.deepEqual([frames.length, own.length], [1_535, 622]);
    assert.deepEqual(run.report.decoded, { data: 622, 'ignored:symbol_not_configured': 913 });
    assert.equal(run.report.frames, 1_535, 'RAW holds them all the same');
    const events = await marketEvents(run);
    assertRows(
      events,
      own.map(({ json }) => binanceRow(json)),
    );
    const { records_by_type } = run.manifest.totals;
    assert.deepEqual(records_by_type, { book: 255, ohlc: 22, quote: 305, status: 10, trade: 40 });
  },
);

test('Binance: 93,954 lines, all accounted for, no gap in the chain', { skip }, async () => {
  const path = 'binance-usdm/btcusdt-20240808.jsonl.gz';
  const day = '2024-08-08' as Day;
  const run = await runCapture(onStage(), {
    ...{ feed: 'binance-usdm', path, day, time_from: null },
    symbols: { BTCUSDT: 'BTCUSDT-PERP' },
  });
  const lines = linesOf(path).map((line) => {
    const at = line.indexOf(' ');
    const json = line.slice(at + 1);
    const { data } = JSON.parse(json) as { data?: Plain };
    return { t: BigInt(line.slice(0, at)), json, data };
  });
  const frames = lines.filter(({ data }) => data !== undefined);
  assert.deepEqual([lines.length, frames.length], [93_954, 93_953]);
  const { report, manifest, rejects } = run;
  assert.equal(report.lines, lines.length);
  assert.deepEqual(report.decoded, { data: 93_953 }, 'none is ignored');
  const rest = lines.findIndex(({ data }) => data === undefined) + 1;
  assert.deepEqual(
    rejects.map((it) => [it.line, it.reason]),
    [[rest, 'rest_not_raw']],
  );

  const { records_by_type } = manifest.totals;
  assert.deepEqual(records_by_type, { book: 6_551, quote: 66_089, status: 9, trade: 21_313 });
  const kinds: Record<string, number> = {};
  let followed: number | null = null;
  for (const { e, pu, u } of frames.flatMap(({ data }) => data ?? [])) {
    kinds[e] = (kinds[e] ?? 0) + 1;
    if (e !== 'depthUpdate') continue;
    assert.ok(followed === null || pu === followed, 'the chain of pu holds in the recording');
    followed = u;
  }
  assert.deepEqual(kinds, { depthUpdate: 6_551, bookTicker: 66_089, trade: 21_313 });
  const events = await marketEvents(run);
  const rejected = Object.values(report.rejected).reduce((a, b) => a + b, 0);
  assert.equal(events.length + rejected, lines.length, 'events + ignored (0) + rejected = lines');
  assert.deepEqual(
    events.map(({ t }) => t),
    frames.map(({ t }) => t),
    'the recorded times, all of them',
  );
  assertRows(
    events,
    frames.map(({ json }) => binanceRow(json)),
  );

  const { observed } = checkOf(run, 'book-chain', 'BTCUSDT-PERP');
  // Without a snapshot nothing proves the levels, and it says so; the chain itself never broke.
  assert.deepEqual(
    [observed['mismatches'], observed['unverified'], observed['verified']],
    [0, 6_551, 0],
  );
  await assertDegraded(run, { day, first: frames[0]?.t ?? 0n, last: frames.at(-1)?.t ?? 0n });
});
