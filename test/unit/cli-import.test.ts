/** `ssmd import` without a server: what it refuses, and what a dry run says. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openRejects } from '../../cli/import/rejects.ts';
import { noDataFault } from '../../connectors/import/no-data.ts';
import { stackDir } from '../../stack/state.ts';
import { ssmd } from '../support/command-line.ts';
import type { Ran } from '../support/command-line.ts';

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'ssmd-import-'));
});
after(() => rm(root, { recursive: true, force: true }));

const TRADE = (id: number, symbol = 'BTC/USD'): string =>
  `{"channel":"trade","type":"update","data":[{"symbol":"${symbol}","side":"buy","qty":0.5,` +
  `"price":64000.1,"ord_type":"market","trade_id":${id},"timestamp":"2024-08-08T12:00:0${id}.5Z"}]}`;

async function recording(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(root, name);
  await writeFile(path, content);
  return path;
}

const run = (file: string, rest: string): Promise<Ran> =>
  ssmd(['import', file, '--feed', 'kraken', '--env', 'dev', ...rest.split(' ')], { root });

describe('an import is refused', () => {
  test('into a shard that is captured live', async () => {
    const file = await recording('live.jsonl', `${TRADE(1)}\n`);
    const { code, err } = await run(file, '--shard tier1 --time-from venue');
    assert.equal(code, 2);
    assert.match(err, /--shard: 'tier1' is captured live in dev, .*leave it out for "import"/);
  });

  test('with what the flags and the first line lack, at once and each named once', async () => {
    const file = await recording('untimed.jsonl', `\n${TRADE(1)}\n`);
    const untimed = await run(file, '--shard A');
    assert.equal(untimed.code, 2);
    assert.match(untimed.err, /2 faults:/);
    assert.match(untimed.err, /--time-from: is needed: jsonl has no receive times/);
    const wrong = await run(file, '--time-from x');
    assert.equal(wrong.err.match(/--time-from:/g)?.length, 1, wrong.err);
    const strange = await run(await recording('notes.txt', 'Dear diary\n'), '--json');
    assert.match(strange.out, /its first line is of no format known/);
    assert.match((await run(await recording('empty', '\n\n'), '--json')).out, /holds no line/);
  });

  test('for other markets or another feed, and not for its times', async () => {
    const file = await recording('other.jsonl', `${TRADE(1, 'SOL/USD')}\n`);
    const { code, err } = await run(file, '--symbols BTCUSD --time-from venue --dry-run');
    assert.equal(code, 2, err);
    assert.match(err, /--symbols: no frame is of a market named, which are BTCUSD=BTC\/USD/);
    const of = { feed: 'kraken', symbols: [] };
    assert.equal(noDataFault({ 'rejected:unknown_shape': 3 }, of).where, '--feed');
  });
});

describe('a dry run', () => {
  test('says what would be imported and rejected, and writes nothing', async () => {
    const lines = [TRADE(1), '{"cut":', TRADE(2)].join('\n');
    const file = await recording('trades.jsonl', lines);
    const files = await readdir(root);
    const { code, out } = await run(file, '--time-from venue --dry-run');
    assert.equal(code, 0);
    for (const said of [
      /would be imported/,
      /jsonl, 3 lines\)/,
      /shard import, 2024-08-08/,
      /frames +2/,
      /rejected +malformed 1/,
      /1 segment, /,
      /line 2, malformed: .*\n {4}\{"cut":/,
      /nothing was written: this was a dry run/,
    ]) {
      assert.match(out, said);
    }
    assert.deepEqual(await readdir(root), files);
    const json = await run(file, '--time-from venue --dry-run --json');
    const report = JSON.parse(json.out) as Record<string, unknown>;
    assert.deepEqual([report['frames'], report['dry_run']], [2, true]);
  });

  test('of a file cut in its compression names that, and ends with 1', async () => {
    const whole = gzipSync(Array.from({ length: 9 }, (_, at) => TRADE(at)).join('\n'));
    const file = await recording('cut.jsonl.gz', whole.subarray(0, whole.length - 12));
    const { code, out } = await run(file, '--time-from venue --dry-run');
    assert.equal(code, 1, out);
    assert.match(out, /cut\.jsonl\.gz ends in the middle of its compression/);
    assert.match(out, /truncated 1/);
    const json = await run(file, '--time-from venue --dry-run --json');
    const { problems } = JSON.parse(json.out) as { problems: readonly string[] };
    assert.deepEqual(problems, ['cut.jsonl.gz ends in the middle of its compression']);
    assert.equal(json.code, 1);
  });
});

test('a rejects file is there for what was imported only', () => {
  const path = join(root, 'rejects.jsonl');
  const reject = { line: 1, reason: 'malformed', detail: '', text: '' } as const;
  const kept = openRejects(path, true);
  kept.write(reject);
  assert.equal(kept.close(), path);
  assert.ok(existsSync(path));
  const failed = openRejects(path, true);
  failed.write(reject);
  failed.discard();
  assert.ok(!existsSync(path));
});

test('a demo refuses a recording before it touches what is there', async () => {
  const file = await recording('demo.jsonl', `${TRADE(1)}\n`);
  const dir = stackDir('demo', root);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'kept'), '');
  for (const [rest, said] of [
    ['--feed kraken', /--time-from: is needed/],
    ['--feed krakn --live --time-from venue', /--feed: .*\n {2}--live: does not go/],
    ['--feed kraken --time-from venue --symbols FOO', /--symbols: /],
  ] as const) {
    const { code, err } = await ssmd(['demo', '--capture', file, ...rest.split(' ')], { root });
    assert.equal(code, 2, err);
    assert.match(err, said);
  }
  const { err } = await ssmd(['demo', '--capture', 'absent', '--feed', 'kraken'], { root });
  assert.match(err, /--capture: 'absent' is not a file/);
  assert.ok(existsSync(join(dir, 'kept')));
});
