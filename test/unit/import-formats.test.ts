/** Formats of recordings: how each is told apart, read and refused; files packed in every way. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { LINE_BYTES_MAX } from '../../connectors/import/format.ts';
import { judgeFrame } from '../../connectors/import/judge.ts';
import { FORMATS, detectFormat } from '../../connectors/import/registry.ts';
import { readTimeFrom } from '../../connectors/import/times.ts';
import { FEEDS } from '../../connectors/registry.ts';
import { createLineSplitter } from '../../connectors/runtime/line-splitter.ts';
import { readRecording } from '../../connectors/runtime/recording.ts';
import { chunksOf, importChunks } from '../support/import.ts';

const utf8 = new TextEncoder();
const text = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.subarray(from, to)).toString();

/** What a line says, its ranges as text. */
function read(id: string, line: string): Record<string, unknown> {
  const format = FORMATS.find((each) => each.id === id);
  assert.ok(format);
  const bytes = utf8.encode(`#${line}#`);
  const said = format.read(bytes, 1, bytes.length - 1);
  if (!('from' in said)) return said;
  const { from, to, ...rest } = said;
  return { ...rest, text: text(bytes, from, to) };
}

test('each format is told by its first line', () => {
  const lines = {
    '{"channel":"book"}': 'jsonl',
    '[1,2]': 'jsonl',
    '1723161255030314667 {"stream":"x"}': 'ns-json',
    '1723161255030 {"stream":"x"}': 'ns-json',
    '2024-08-08T23:54:15.0303146Z {"stream":"x"}': 'tardis',
    'wss://venue/v2 <-> 1626992740.179554': 'cryptofeed',
    'wss://venue/v2 <- 1626992740.1: {"op":"subscribe"}': 'cryptofeed',
    '1626992741.06217: {"stream":"x"}': 'cryptofeed',
    'time,price,size': null,
    '#': null,
  };
  for (const [line, id] of Object.entries(lines)) {
    const bytes = utf8.encode(line);
    assert.equal(detectFormat(bytes, 0, bytes.length)?.id ?? null, id, line);
  }
});

test('lines are read to the byte, times to the nanosecond', () => {
  assert.deepEqual(read('jsonl', '{"a":1}'), { kind: 'frame', t: null, text: '{"a":1}' });
  const frame = { kind: 'frame', text: '{"a": 1}' };
  assert.deepEqual(read('ns-json', '1723161255030314667 {"a": 1}'), {
    ...frame,
    t: 1723161255030314667n,
  });
  assert.deepEqual(read('tardis', '2024-08-08T23:54:15.0303146Z {"a": 1}'), {
    ...frame,
    t: 1723161255030314600n,
  });
  assert.deepEqual(read('cryptofeed', '1626992741.06217: {"a": 1}'), {
    ...frame,
    t: 1626992741062170000n,
  });
  assert.deepEqual(read('cryptofeed', '1626992741: {"a": 1}'), {
    ...frame,
    t: 1626992741000000000n,
  });
  assert.deepEqual(read('cryptofeed', 'wss://v/é <-> 1626992740.179554'), {
    kind: 'open',
    t: 1626992740179554000n,
    url: 'wss://v/é',
  });
  assert.deepEqual(read('cryptofeed', 'wss://v/é <- 1626992740.5: {"op":"é"}'), {
    kind: 'sent',
    t: 1626992740500000000n,
    text: '{"op":"é"}',
  });
  assert.equal(read('cryptofeed', 'https://v/depth -> 1626992740.5: {}')['reason'], 'rest_not_raw');
  assert.deepEqual(read('tardis', ''), { kind: 'lost' });
  assert.deepEqual(read('cryptofeed', ''), { kind: 'blank' });
  for (const line of ['1723161255030 {}', '1723161255030314667', 'x {}', ' {}']) {
    assert.equal(read('ns-json', line)['reason'], 'malformed', line);
  }
  for (const line of ['2024-13-08T23:54:15Z {}', '2024-08-08 {}', '{}']) {
    assert.equal(read('tardis', line)['reason'], 'malformed', line);
  }
  for (const line of ['{}', 'wss://v <=> 1', '12: {}']) {
    assert.equal(read('cryptofeed', line)['reason'], 'malformed', line);
  }
});

test('what is no frame of the socket is told from what is', () => {
  const judge = (feed: string, frame: string | Uint8Array): string | null => {
    const bytes = typeof frame === 'string' ? utf8.encode(frame) : frame;
    const judged = judgeFrame(feed, bytes, 0, bytes.length);
    return judged?.kind === 'reject' ? judged.reason : null;
  };
  const depth = '{"lastUpdateId":1,"E":2,"bids":[],"asks":[]}';
  assert.equal(judge('binance-usdm', depth), 'rest_not_raw');
  assert.equal(judge('kraken', depth), null, 'another venue’s shape is left to its decoder');
  assert.equal(judge('binance-usdm', '{"stream":"a","data":{"lastUpdateId":1}}'), null);
  assert.equal(judge('kraken', '{"error":[],"result":{"XXBTZUSD":[]}}'), 'rest_not_raw');
  assert.equal(judge('kraken', '{"method":"subscribe","result":{},"error":"x"}'), null);
  assert.equal(judge('kraken', '[1,{},"trade"]'), null);
  assert.equal(judge('okx', 'pong'), null);
  for (const bad of [
    '',
    'pang',
    '{"a":',
    '1',
    '"x"',
    '{"a":1}}',
    Uint8Array.of(0x7b, 0xff, 0x7d),
  ]) {
    assert.equal(judge('kraken', bad), 'malformed', String(bad));
  }
});

test('--time-from is a rule or a named fault', () => {
  assert.deepEqual(readTimeFrom('venue'), { kind: 'venue' });
  assert.deepEqual(readTimeFrom('2023-07-30T15:29:58Z+100ms'), {
    kind: 'steps',
    start: 1690730998000000000n,
    step_ns: 100_000_000n,
  });
  assert.equal(
    (readTimeFrom('2023-07-30T17:29:58+02:00+1s') as { start: bigint }).start,
    1690730998000000000n,
  );
  for (const bad of ['', 'now', '2023-07-30', '2023-07-30T15:29:58Z', '2023-07-30T15:29:58Z+0ms']) {
    assert.equal(readTimeFrom(bad), null, bad);
  }
});

test('lines are the same however the chunks fall', () => {
  const whole = 'one\n\ntwo\r\n' + 'x'.repeat(50) + '\nlast';
  for (let size = 1; size < whole.length + 2; size++) {
    const lines: string[] = [];
    const splitter = createLineSplitter(
      {
        line(bytes, start, end) {
          assert.notEqual(bytes[end], undefined, 'one byte past the line is readable');
          lines.push(text(bytes, start, end));
        },
        tooLong: (bytes) => void lines.push(`too long: ${bytes}`),
      },
      40,
    );
    const bytes = utf8.encode(whole);
    for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
    splitter.end();
    assert.deepEqual(lines, ['one', '', 'two', 'too long: 50', 'last'], `chunks of ${size}`);
  }
  assert.ok(LINE_BYTES_MAX > 1024 * 1024);
});

const dir = await mkdtemp(join(tmpdir(), 'ssmd-recording-'));
after(() => rm(dir, { recursive: true, force: true }));

async function fileText(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, bytes);
  let out = '';
  let consumed = 0;
  for await (const chunk of readRecording(path, (count) => (consumed += count))) {
    out += Buffer.from(chunk).toString();
  }
  assert.equal(consumed, bytes.length);
  return out;
}

test('a file is read whole, however it is packed', async () => {
  const pieces = ['a'.repeat(300_000), 'b\n'.repeat(1000), 'tail'];
  const whole = pieces.join('');
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const frames = pieces.map((piece) => zstdCompressSync(piece));
  const packed = {
    plain: utf8.encode(whole),
    gzip: gzipSync(whole),
    'gzip of members': Buffer.concat(pieces.map((piece) => gzipSync(piece))),
    zstd: zstdCompressSync(whole),
    'zstd of frames': Buffer.concat(frames),
    'zstd with skippable frames': Buffer.concat([skippable, ...frames, skippable]),
    'zstd of unknown size': Buffer.concat([
      zstdCompressSync(whole, { pledgedSrcSize: whole.length }),
    ]),
    empty: new Uint8Array(0),
  };
  for (const [name, bytes] of Object.entries(packed)) {
    assert.equal(await fileText(name, bytes), name === 'empty' ? '' : whole, name);
  }
});

test('a file that ends inside its compression is imported as far as it goes', async () => {
  const feed = FEEDS.get('kraken');
  assert.ok(feed);
  const frame = (n: number): string => `17231612550303${String(n).padStart(5, '0')} {"n":${n}}\n`;
  const whole = Array.from({ length: 3000 }, (_, n) => frame(n)).join('');
  const config = { feed: 'kraken', shard: 'import', symbols: [], channels: [], book_depth: 10 };
  for (const [name, bytes] of [
    ['cut.gz', gzipSync(whole)],
    ['cut.zst', zstdCompressSync(whole)],
  ] as const) {
    const path = join(dir, name);
    await writeFile(path, bytes.subarray(0, bytes.length - 40));
    const options = { feed, config, time_from: null };
    const { report, rejects } = await importChunks({ ...options, chunks: readRecording(path) });
    assert.equal(report.rejected['truncated'], 1, name);
    assert.equal(rejects.at(-1)?.line, report.lines);
    assert.equal(report.frames + rejects.length, report.lines);
  }
});

test('a file of no known format says which there are', async () => {
  const feed = FEEDS.get('kraken');
  assert.ok(feed);
  const config = { feed: 'kraken', shard: 'import', symbols: [], channels: [], book_depth: 10 };
  await assert.rejects(
    importChunks({ feed, config, time_from: null, chunks: chunksOf('time,price\n1,2\n') }),
    /is of no format known.*cryptofeed/s,
  );
});

test('a fault of this program is not told as a truncated file', async () => {
  const feed = FEEDS.get('kraken');
  assert.ok(feed);
  const config = { feed: 'kraken', shard: 'import', symbols: [], channels: [], book_depth: 10 };
  const progress = (): never => {
    throw new TypeError('no such thing');
  };
  const chunks = chunksOf('1723161255030300000 {"n":1}\n');
  await assert.rejects(
    importChunks({ feed, config, time_from: null, chunks, progress }),
    TypeError,
  );
});
