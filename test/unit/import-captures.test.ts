/** Real recordings into RAW: every line accounted for, every frame to the byte, every segment proven. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { decodeEvents } from '../../codec/md2.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { readRecording } from '../../connectors/runtime/recording.ts';
import { createFrameReader, readTimeFrom } from '../../connectors/import/times.ts';
import type { Feed } from '../../connectors/feed.ts';
import { createShardFold } from '../../fold/shard-fold.ts';
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { FoldConfig } from '../../schema/symbols.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { importChunks } from '../support/import.ts';
import type { Imported, ReadLine } from '../support/import.ts';

const skip = skipWithoutCaptures;

function feedOf(id: string): Feed {
  const feed = FEEDS.get(id);
  assert.ok(feed);
  return feed;
}

function configOf(feed: Feed, externals: readonly string[], suffix: string): FoldConfig {
  const symbols = externals.map((external) => ({
    symbol: external.replace('/', '') + suffix,
    external,
    depth: 'l2' as const,
  }));
  return { feed: feed.id, shard: 'import', symbols, channels: ['book'], book_depth: 10 };
}

function framesOf(lines: readonly ReadLine[]): string[] {
  return lines.flatMap((line) => ('frame' in line ? [line.frame] : []));
}

function factsOf(lines: readonly ReadLine[]): string[] {
  return lines.flatMap((line) => ('key' in line ? [line.key] : []));
}

/** The events the fold makes of an imported log. */
function foldLines(feed: Feed, lines: readonly ReadLine[]): MarketEvent[] {
  const fold = createShardFold(feed, 'import');
  for (const line of lines) {
    if ('key' in line) fold.fact(line.t, line.key, line.fact);
    else {
      const bytes = new TextEncoder().encode(`${line.frame}\n`);
      fold.frame(line.t, line.c, bytes, 0, bytes.length - 1);
    }
  }
  return [...decodeEvents(fold.out.bytes.subarray(0, fold.out.used))];
}

/** What holds of every import. */
function assertSound({ report, segments, inventories, lines, rejects }: Imported): void {
  assert.deepEqual(
    segments.filter(({ check }) => check.fault !== null),
    [],
  );
  const chain = segments.map(({ check }) => check.capture?.segment);
  assert.deepEqual(chain, [...chain.keys()]);
  assert.ok(segments.every(({ check }) => check.capture?.origin === 'import'));
  const times = lines.map(({ t }) => t);
  assert.ok(times.every((t, index) => index === 0 || t > (times[index - 1] ?? 0n)));
  const listed = inventories.flatMap((inventory) => inventory.segments.map(({ key }) => key));
  assert.deepEqual(listed.sort(), segments.map(({ key }) => key).sort());
  const { frames, other, blank } = report;
  assert.equal(frames, framesOf(lines).length);
  assert.equal(frames + other + blank + rejects.length, report.lines);
}

test('the Kraken book capture, with the times of the venue', { skip }, async () => {
  const path = capturePath('kraken-v2/book-btcusd-d10-20230730.jsonl');
  const feed = feedOf('kraken');
  const options = {
    feed,
    config: configOf(feed, ['BTC/USD'], ''),
    source: 'book-btcusd-d10-20230730.jsonl',
    time_from: readTimeFrom('venue'),
  };
  const store = createMemoryObjectStore();
  const imported = await importChunks({ ...options, chunks: readRecording(path) }, store);
  assertSound(imported);
  const { report, lines, rejects } = imported;
  assert.deepEqual([report.format, report.lines, report.frames], ['jsonl', 510, 510]);
  assert.deepEqual(rejects, []);
  assert.deepEqual(report.decoded, { data: 510 });
  assert.equal(report.bad_ts_recv, true);
  assert.deepEqual(report.days, ['2023-07-30']);
  assert.deepEqual(framesOf(lines), readFileSync(path, 'utf8').trimEnd().split('\n'));
  assert.deepEqual(factsOf(lines), ['_day', '_config', '_clock', '_open', '_take', '_close']);

  const events = foldLines(feed, lines);
  const books = events.filter((event) => event.type === 'book');
  assert.equal(books.length, 510, 'every message proven by its checksum');
  assert.ok(events.every((event) => (event.flags & FLAG.BAD_TS_RECV) !== 0));
  assert.ok(books.every((event) => (event.flags & FLAG.MAYBE_BAD_BOOK) === 0));
  const gaps = events.filter((event) => event.type === 'status' && event.kind === 'gap_opened');
  const opening = gaps.filter((event) => event.type === 'status' && event.cause === 'opening');
  assert.equal(opening.length, 1, 'before its snapshot the book is not known');
  const [taken, ...ending] = gaps.filter((event) => !opening.includes(event));
  assert.equal(taken?.type === 'status' && taken.cause, 'take_over');
  assert.ok(ending.every((event) => event.t === lines.at(-1)?.t));
  assert.ok(ending.length > 0, 'where the recording ends a gap opens');

  const again = await importChunks({ ...options, chunks: readRecording(path) }, store);
  assert.deepEqual(again.report, report, 'the same file again is found to be there');
  assert.deepEqual(again.report.conflicts, []);
});

test(
  'the hftbacktest Binance capture, gzip, with its REST snapshot rejected',
  { skip },
  async () => {
    const path = capturePath('binance-usdm/btcusdt-20240808.jsonl.gz');
    const feed = feedOf('binance-usdm');
    const imported = await importChunks({
      feed,
      config: configOf(feed, ['BTCUSDT'], '-PERP'),
      time_from: null,
      chunks: readRecording(path),
    });
    assertSound(imported);
    const { report, rejects, lines } = imported;
    assert.deepEqual([report.format, report.lines, report.frames], ['ns-json', 93_954, 93_953]);
    assert.deepEqual(report.rejected, { rest_not_raw: 1 });
    assert.deepEqual([report.nudged, report.back_steps, report.bad_ts_recv], [0, 0, false]);
    assert.deepEqual(report.decoded, { data: 93_953 });
    const source = gunzipSync(readFileSync(path)).toString().trimEnd().split('\n');
    const expected = source.filter((_, index) => index + 1 !== rejects[0]?.line);
    const written = lines.flatMap((line) => ('frame' in line ? [`${line.t} ${line.frame}`] : []));
    assert.deepEqual(written, expected, 'every frame and every receive time is the recording’s');
  },
);

test('the cryptofeed Binance capture, with its connection', { skip }, async () => {
  const path = capturePath('binance-usdm/cryptofeed-20210722.txt');
  const feed = feedOf('binance-usdm');
  const imported = await importChunks({
    feed,
    config: configOf(feed, ['SUSHIUSDT', 'AKROUSDT', 'KEEPUSDT', 'CTKUSDT'], '-PERP'),
    time_from: null,
    chunks: readRecording(path),
  });
  assertSound(imported);
  const { report, rejects, lines } = imported;
  assert.equal(report.format, 'cryptofeed');
  assert.equal(report.frames + rejects.length, 1535);
  assert.deepEqual(report.rejected, {});
  const [open] = lines.filter((line) => 'key' in line && line.key === '_open');
  assert.ok(open !== undefined && 'fact' in open && 'url' in open.fact);
  assert.match(String(open.fact.url), /^wss:\/\/fstream\.binance\.com\/stream/);
  assert.equal(lines.find((line) => 'frame' in line)?.t, 1_626_992_741_062_170_000n);
});

test(
  'the cryptofeed OKX capture: nothing is rejected, every event is there, no alarm is false',
  { skip },
  async () => {
    const path = capturePath('okx-v5/cryptofeed-20220513.txt');
    const feed = feedOf('okx');
    const externals = ['BTC-USD-220527', 'UNI-USD-SWAP', 'BTC-USDT'];
    const imported = await importChunks({
      feed,
      config: { ...configOf(feed, externals, ''), channels: ['books', 'trades', 'tickers'] },
      time_from: null,
      chunks: readRecording(path),
    });
    assertSound(imported);
    const { report, rejects, lines } = imported;
    assert.deepEqual(
      [report.format, report.lines, report.frames, report.other, rejects, report.decoded],
      ['cryptofeed', 414, 410, 4, [], { ack: 18, data: 392 }],
    );
    const events = foldLines(feed, lines);
    const count = (type: string): number => events.filter((it) => it.type === type).length;
    assert.deepEqual(['book', 'trade', 'ticker'].map(count), [290, 74, 28]);
    const books = events.filter((it) => it.type === 'book');
    const unverified = books.filter(({ flags }) => (flags & FLAG.UNVERIFIED) !== 0);
    assert.equal(unverified.length, 2, 'those that change nothing among the 25 best');
    const gaps = events.flatMap((it) => (it.type === 'status' ? [`${it.kind} ${it.cause}`] : []));
    assert.deepEqual(
      gaps.filter((it) => /sequence|checksum|crossed|book$/.test(it)),
      [],
      'no alarm is false',
    );
  },
);

test(
  'the Coinbase Exchange capture: every message into RAW, and out as events',
  { skip },
  async () => {
    const path = capturePath('coinbase-exchange/cryptofeed-20210417.txt');
    const feed = feedOf('coinbase');
    const externals = [
      ...['SKL-USD', 'SKL-BTC', 'BAND-GBP', 'NMR-EUR', 'BAND-BTC'],
      ...['YFI-BTC', 'DASH-BTC', 'NU-GBP', 'CRV-EUR', 'SKL-GBP'],
    ];
    const imported = await importChunks({
      feed,
      config: { ...configOf(feed, externals, ''), channels: ['level2', 'matches', 'ticker'] },
      time_from: null,
      chunks: readRecording(path),
    });
    assertSound(imported);
    const { report, rejects, lines } = imported;
    assert.deepEqual(
      [report.format, report.frames, report.other, rejects, report.decoded],
      ['cryptofeed', 9_946, 4, [], { ack: 3, data: 9_943 }],
    );
    const events = foldLines(feed, lines);
    const count = (type: string): number => events.filter((it) => it.type === type).length;
    // The ten last matches are older than the connection: history, which adds nothing here.
    assert.deepEqual(['book', 'trade', 'ticker'].map(count), [9_729, 97, 107]);
    const books = events.filter((it) => it.type === 'book');
    assert.ok(
      books.every(({ flags }) => (flags & FLAG.UNVERIFIED) !== 0),
      'nothing proves them',
    );
    const gaps = events.flatMap((it) => (it.type === 'status' ? [`${it.kind} ${it.cause}`] : []));
    assert.deepEqual(
      gaps.filter((it) => /sequence|checksum|crossed|book$/.test(it)),
      [],
      'no alarm is false',
    );
  },
);

test('without receive times the day is that of the decoder which finds one of its own', () => {
  const feed = feedOf('coinbase');
  const reader = createFrameReader(feed, configOf(feed, ['BTC-USD'], ''));
  const read = (text: string): string => {
    const bytes = new TextEncoder().encode(`${text}\n`);
    return reader.read(bytes, 0, bytes.length - 1, null).kind;
  };
  const match = (time: string): string =>
    `{"type":"match","trade_id":1,"side":"sell","size":"1","price":"1","product_id":"BTC-USD","time":"${time}"}`;
  assert.equal(read('{"type":"nothing"}'), 'ignored');
  assert.equal(read(match('2026-04-17T00:00:00Z')), 'ignored', 'no frame of that day looks so');
  assert.equal(read(match('2021-04-17T00:00:00Z')), 'data');
  assert.equal(reader.venueTime(), 1_618_617_600_000_000_000n);
  assert.equal(read('{"type":"subscriptions","channels":[]}'), 'ack', 'the day is known now');
});
