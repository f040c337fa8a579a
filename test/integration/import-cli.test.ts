/** `ssmd import` as a user runs it, into a real S3 store. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { startTestServers } from '../support/servers.ts';

const root = resolve(import.meta.dirname, '..', '..');

type Run = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

async function ssmd(
  args: readonly string[],
  env: Record<string, string>,
  cwd: string,
): Promise<Run> {
  const child = spawn(process.execPath, [join(root, 'cli', 'main.ts'), ...args], {
    cwd,
    env: { ...process.env, SSMD_ENV: 'dev', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => void (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => void (stderr += String(chunk)));
  const code = await new Promise<number | null>((settle) => child.once('close', settle));
  return { code, stdout, stderr };
}

test('wrong flags are named all at once, and nothing starts', async () => {
  const { code, stderr } = await ssmd(
    [
      'import',
      'nowhere.jsonl',
      '--feed',
      'mars',
      '--shard',
      'A b',
      '--format',
      'csv',
      '--time-from',
      'x',
    ],
    {},
    root,
  );
  assert.equal(code, 2, stderr);
  for (const where of ['FILE', '--feed', '--shard', '--format', '--time-from', 'A valid example']) {
    assert.ok(stderr.includes(where), `${where} in:\n${stderr}`);
  }
});

test(
  'a recording goes into the bucket, its bad lines into a rejects file',
  { skip: skipWithoutCaptures },
  async () => {
    await using servers = await startTestServers({ s3: true });
    const dir = await mkdtemp(join(tmpdir(), 'ssmd-import-cli-'));
    try {
      const { endpoint, accessKey, secretKey } = servers.s3;
      const env = {
        SSMD_S3_ENDPOINT: endpoint,
        AWS_ACCESS_KEY_ID: accessKey,
        AWS_SECRET_ACCESS_KEY: secretKey,
      };
      const file = join(dir, 'book.jsonl');
      const whole = await readFile(capturePath('kraken-v2/book-btcusd-d10-20230730.jsonl'), 'utf8');
      await writeFile(file, `${whole}{"error":[],"result":{"BTC/USD":{}}}\n{"cut":`);
      const args = ['import', file, '--feed', 'kraken', '--symbols', 'BTCUSD'];
      const untimed = await ssmd(args, env, dir);
      assert.equal(untimed.code, 2);
      assert.match(untimed.stderr, /--time-from: is needed: jsonl has no receive times/);

      const run = await ssmd([...args, '--time-from', 'venue', '--json'], env, dir);
      assert.equal(run.code, 0, run.stderr);
      const report = JSON.parse(run.stdout) as Record<string, unknown>;
      assert.deepEqual(
        [report['frames'], report['rejected'], report['days'], report['conflicts']],
        [510, { rest_not_raw: 1, malformed: 1 }, ['2023-07-30'], []],
      );
      const rejects = (await readFile(`${file}.rejects.jsonl`, 'utf8')).trimEnd().split('\n');
      const lines = rejects.map((line) => (JSON.parse(line) as { line: number }).line);
      assert.deepEqual(lines, [511, 512]);
      const [epoch] = report['epochs'] as { epoch: number }[];
      const key = `raw/kraken/_manifests/2023-07-30/import-${epoch?.epoch}.json`;
      const { region } = servers.s3;
      await using store = createS3ObjectStore({
        ...{ endpoint, region, bucket: 'ssmd-dev-raw' },
        access_key_id: accessKey,
        secret_access_key: secretKey,
      });
      const inventory = await store.get(key);
      assert.match(Buffer.from(inventory?.body ?? []).toString(), /"origin":"import"/);

      const strange = await ssmd(
        [
          ...['import', file, '--feed', 'binance-usdm', '--symbols', 'BTCUSDT-PERP=BTCUSDT'],
          ...['--time-from', '2023-07-30T15:29:58Z+100ms'],
        ],
        env,
        dir,
      );
      assert.equal(strange.code, 1, `a recording of another feed: ${strange.stdout}`);
      assert.match(
        strange.stdout + strange.stderr,
        /no frame is of use: no frame is data of binance-usdm/,
      );
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
);
