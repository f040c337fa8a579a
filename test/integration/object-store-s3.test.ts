/** The S3 adapter against a real versitygw on a folder of its own. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { openForgetfulProxy } from '../support/forgetful-proxy.ts';
import { startTestServers } from '../support/servers.ts';
import { contract } from '../support/store-contract.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined): string => new TextDecoder().decode(body);

const servers = await startTestServers({ s3: true });
const config = {
  endpoint: servers.s3.endpoint,
  region: servers.s3.region,
  access_key_id: servers.s3.accessKey,
  secret_access_key: servers.s3.secretKey,
};
const opened = createS3ObjectStore({ ...config, bucket: 'contract' });
after(async () => {
  await opened[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

test('s3: a bucket is made once', async () => {
  assert.equal(await opened.ensureBucket(), 'created');
  assert.equal(await opened.ensureBucket(), 'exists');
});

contract('s3', () => Promise.resolve(opened));

test('s3: a missing bucket and a wrong key are named', async () => {
  await using missing = createS3ObjectStore({ ...config, bucket: 'not-there' });
  await assert.rejects(missing.get('x'), { code: 'SSMD_NOT_FOUND', message: /no such bucket/ });
  await assert.rejects(missing.putIfAbsent('x', bytes('x')), { code: 'SSMD_NOT_FOUND' });
  await using wrong = createS3ObjectStore({
    ...config,
    bucket: 'contract',
    secret_access_key: 'wrong',
  });
  await assert.rejects(wrong.get('x'), { code: 'SSMD_INVALID_CONFIG' });
});

test('s3: a lost acknowledgement answers "exists", and what is there is ours', async () => {
  await using proxy = await openForgetfulProxy(Number(new URL(config.endpoint).port));
  const endpoint = `http://127.0.0.1:${proxy.port}`;
  await using store = createS3ObjectStore({ ...config, endpoint, bucket: 'contract' });
  assert.equal(await store.putIfAbsent('contract/lost-ack', bytes('ours')), 'exists');
  assert.equal(proxy.forgotten(), 1);
  assert.equal(text((await store.get('contract/lost-ack'))?.body), 'ours');
});
