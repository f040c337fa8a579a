/** Wrong command lines of `ssmd collector`: all faults at once, exit code 2, and nothing is made. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startSimulator } from '../../connectors/simulator/server.ts';
import { writeThreeVenues } from '../support/collector-process.ts';
import { ssmd } from '../support/command-line.ts';

let root: string;
let env: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'ssmd-collector-'));
  env = writeThreeVenues(root);
});
after(() => rm(root, { recursive: true, force: true }));

async function refused(args: readonly string[], ...said: readonly RegExp[]): Promise<void> {
  const { code, out, err } = await ssmd(['collector', ...args], { root });
  for (const words of said) assert.match(err, words, args.join(' '));
  assert.deepEqual([code, out], [2, ''], err);
  assert.deepEqual(await readdir(root), ['three.yaml']);
}

test('every fault of the command line is told at once', async () => {
  await refused(
    ['--feed', 'okx,bybit-linaer', '--url', 'http://x', '--out', 's3://bucket/x'],
    /has 3 faults/,
    /--feed: .*'bybit-linaer' \(did you mean "bybit-linear"\?\)/,
    /--url: expected ws:\/\/ or wss:\/\//,
    /--out: expected a folder, or s3, received 's3:\/\/bucket\/x'/,
  );
  await refused(['--url', 'ws://127.0.0.1:1'], /of which feed\? expected binance-usdm=ws:\/\//);
  await refused(['--feed', 'okx', '--url', 'kraken=ws://127.0.0.1:1'], /expected okx=ws:\/\//);
  await refused(['--feed', 'okx', '--url', 'wss://me:secret@host'], /must not hold a user name/);
  await refused(['--feed', ','], /names parted by commas/);
});

test('feeds, shards and symbols have to be of the environment', async () => {
  const url = ['--url', 'okx=ws://127.0.0.1:1'];
  await refused(
    ['--env', env, '--feed', 'kraken', '--url', 'ws://127.0.0.1:1'],
    /no symbols of feed "kraken"/,
  );
  await refused(
    ['--env', env, '--feed', 'okx', ...url, '--shard', 'tier9'],
    /shard "tier9" has no/,
  );
  await refused(['--env', env, '--feed', 'okx', ...url, '--symbols', 'DOGE'], /has no symbol DOGE/);
});

test('a simulated environment never takes a real venue, nor the reverse', async (t) => {
  await refused(['--env', env], /--url: is needed: environment three is of simulated venues/);
  const simulator = await startSimulator({ feed: 'binance-usdm', symbols: ['BTCUSDT'] });
  t.after(() => simulator.stop());
  const args = ['--env', 'dev', '--feed', 'binance-usdm', '--url', simulator.url];
  await refused(args, /a simulated venue is there, and environment dev holds live data/);
});

test('what the environment has none of is told, and its help says where the files are explained', async () => {
  const { err } = await ssmd(['collector', '--env', 'demo'], { root });
  assert.match(err, /environment demo has no markets of bybit-linear, okx/);
  const { out } = await ssmd(['collector', '--help'], { root });
  assert.match(out, /docs\/collector\.md/);
  assert.match(out, /npx ssmd collector --feed binance-usdm,okx --out raw-parquet/);
});
