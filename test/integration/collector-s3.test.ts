/** The collector to a real S3 server: objects whole and each once, and what an adapter promises. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { stackVariables } from '../../environments/endpoints.ts';
import { createBucketWholeFiles } from '../../storage/bucket-whole-files.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import type { S3ObjectStore } from '../../storage/s3.ts';
import { readRaw } from '../support/collector.ts';
import {
  assertRelayed,
  startCollectorChild,
  startVenues,
  statusOf,
  writeThreeVenues,
} from '../support/collector-process.ts';
import { scratchDirectory } from '../support/runtime.ts';
import { startTestServers } from '../support/servers.ts';
import { wholeFilesContract } from '../support/whole-files-contract.ts';
import { until } from '../support/until.ts';

const servers = await startTestServers({ s3: true });
const { s3 } = servers;
after(() => servers[Symbol.asyncDispose]());

function bucket(name: string): S3ObjectStore {
  return createS3ObjectStore({
    ...{ endpoint: s3.endpoint, region: s3.region, bucket: name },
    ...{ access_key_id: s3.accessKey, secret_access_key: s3.secretKey },
  });
}

let opened = 0;
wholeFilesContract('bucket on S3', async () => {
  const store = bucket('whole-files');
  await store.ensureBucket();
  const prefix = `contract-${++opened}/`;
  return {
    files: createBucketWholeFiles({ store, bucket: 'whole-files', prefix }),
    async found() {
      const there = new Map<string, Uint8Array>();
      for await (const { key } of store.list(prefix)) {
        const body = (await store.get(key))?.body ?? new Uint8Array();
        there.set(key.slice(prefix.length), new Uint8Array(body));
      }
      return there;
    },
  };
});

test('to S3: whole objects, each once, and the note of a start after it', async (t) => {
  const dir = scratchDirectory(t);
  await using venues = await startVenues(30);
  const variables = stackVariables({ nats: null, s3, temporal: null });
  const args = ['--env', writeThreeVenues(dir), '--url', venues.urls, '--out', 's3'];
  const first = await startCollectorChild(args, variables);
  await until('objects', async () => (await statusOf(first)).writer.files > 12);
  assert.equal(await first.stop('SIGTERM'), 0);
  const second = await startCollectorChild(args, variables);
  await until('a frame', async () => (await statusOf(second)).totals.frames > 0);
  const { offline, output } = await statusOf(second);
  assert.equal(await second.stop('SIGTERM'), 0);
  assert.equal(output, 's3://three-raw/collector');
  assert.ok(offline !== null && offline.minutes < 1);
  await using store = bucket('three-raw');
  const out = join(dir, 'copy');
  for await (const { key } of store.list('collector/')) {
    const file = join(out, key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, (await store.get(key))?.body ?? new Uint8Array());
  }
  const rows = await readRaw(out);
  assertRelayed(rows, venues);
  assert.ok(rows.length > 100);
  assert.ok(existsSync(join(out, 'collector', 'collector-standing.json')));
  assert.ok(readdirSync(join(out, 'collector')).includes('okx'));
});
