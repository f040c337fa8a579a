/**
 * One suite, every adapter: what the rest of ssmd rests on. The S3 adapter runs against a real
 * versitygw on a folder of its own.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { probeConditionalWrites, requireConditionalWrites } from '../../storage/probe.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { openS3Server, skipWithoutS3Server } from '../support/s3-server.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined): string => new TextDecoder().decode(body);

function contract(name: string, open: () => Promise<ObjectStore>): void {
  const at = (key: string): string => `contract/${key}`;

  test(`${name}: what is put is what is read, empty and large`, async () => {
    const store = await open();
    const large = new Uint8Array(5 * 1024 * 1024).map((_, index) => index % 251);
    await store.put(at('large'), large);
    assert.deepEqual((await store.get(at('large')))?.body, large);
    await store.put(at('empty'), new Uint8Array(0));
    assert.equal((await store.get(at('empty')))?.body.length, 0);
    const head = await store.head(at('large'));
    assert.equal(head?.bytes, large.length);
    assert.equal(head?.etag, (await store.get(at('large')))?.etag);
  });

  test(`${name}: what is not there is null, and deleting it is no error`, async () => {
    const store = await open();
    assert.equal(await store.get(at('nothing')), null);
    assert.equal(await store.head(at('nothing')), null);
    await store.delete(at('nothing'));
  });

  test(`${name}: of twenty racing writers exactly one creates, and its bytes stay`, async () => {
    const store = await open();
    const writers = Array.from({ length: 20 }, (_, writer) => writer);
    const outcomes = await Promise.all(
      writers.map((writer) => store.putIfAbsent(at('race'), bytes(`writer ${writer}`))),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 1);
    const winner = outcomes.indexOf('created');
    assert.equal(text((await store.get(at('race')))?.body), `writer ${winner}`);
  });

  test(`${name}: of racing replacements of one state exactly one wins`, async () => {
    const store = await open();
    await store.put(at('pointer'), bytes('{"revision":0}'));
    const etag = (await store.get(at('pointer')))?.etag ?? '';
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map((writer) =>
        store.replaceIf(at('pointer'), bytes(`{"revision":1,"by":${writer}}`), etag),
      ),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'replaced').length, 1);
    const winner = outcomes.indexOf('replaced') + 1;
    const kept = await store.get(at('pointer'));
    assert.equal(text(kept?.body), `{"revision":1,"by":${winner}}`);
    assert.equal(await store.replaceIf(at('pointer'), bytes('late'), etag), 'changed');
    assert.equal(await store.replaceIf(at('pointer'), bytes('next'), kept?.etag ?? ''), 'replaced');
  });

  test(`${name}: replacing what is not there is "changed"`, async () => {
    const store = await open();
    assert.equal(await store.replaceIf(at('absent'), bytes('x'), '"0123"'), 'changed');
    assert.equal(await store.get(at('absent')), null);
  });

  test(`${name}: a listing is complete, of the prefix alone, in byte order`, async () => {
    const store = await open();
    const keys = ['a-b', 'a.b', 'a/b', 'a/c/d', 'a/c-d', 'a0', 'b'].map((key) => at(`list/${key}`));
    for (const key of [...keys].reverse()) await store.put(key, bytes(key));
    const seen: string[] = [];
    for await (const item of store.list(at('list/'))) {
      assert.equal(item.bytes, item.key.length);
      seen.push(item.key);
    }
    assert.deepEqual(seen, [...keys].sort());
    const below: string[] = [];
    for await (const item of store.list(at('list/a/c'))) below.push(item.key);
    assert.deepEqual(below, [at('list/a/c-d'), at('list/a/c/d')]);
  });

  test(`${name}: more than a page of keys is listed whole`, async () => {
    const store = await open();
    const keys = Array.from({ length: 1_050 }, (_, index) =>
      at(`pages/${index.toString().padStart(5, '0')}`),
    );
    for (let first = 0; first < keys.length; first += 50) {
      await Promise.all(keys.slice(first, first + 50).map((key) => store.put(key, bytes('x'))));
    }
    const seen: string[] = [];
    for await (const item of store.list(at('pages/'))) seen.push(item.key);
    assert.deepEqual(seen, keys);
  });

  test(`${name}: an aborted signal stops a call`, async () => {
    const store = await open();
    const signal = AbortSignal.abort();
    await assert.rejects(async () => store.get(at('any'), { signal }), { name: 'AbortError' });
    await assert.rejects(async () => store.putIfAbsent(at('any'), bytes('x'), { signal }), {
      name: 'AbortError',
    });
  });

  test(`${name}: the probe finds both conditional writes and leaves nothing`, async () => {
    const store = await open();
    const nonce = randomUUID();
    assert.deepEqual(await probeConditionalWrites(store, nonce), {
      if_absent: true,
      if_match: true,
    });
    for await (const item of store.list('_probe/')) assert.fail(`${item.key} was left behind`);
  });
}

contract('memory', () => Promise.resolve(memory));
const memory = createMemoryObjectStore();

describe('s3', { skip: skipWithoutS3Server }, () => {
  const server = skipWithoutS3Server === false ? openS3Server() : null;
  const opened = server?.then(async (running) => {
    const store = createS3ObjectStore({ ...running.config, bucket: 'contract' });
    assert.equal(await store.ensureBucket(), 'created');
    assert.equal(await store.ensureBucket(), 'exists');
    return store;
  });
  contract('s3', () => opened ?? Promise.reject(new Error('no server')));

  test('s3: a missing bucket and a wrong key are named', async () => {
    const config = (await server)?.config;
    assert.ok(config);
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
    const config = (await server)?.config;
    assert.ok(config);
    await using proxy = await openForgetfulProxy(Number(new URL(config.endpoint).port));
    const endpoint = `http://127.0.0.1:${proxy.port}`;
    await using store = createS3ObjectStore({ ...config, endpoint, bucket: 'contract' });
    assert.equal(await store.putIfAbsent('contract/lost-ack', bytes('ours')), 'exists');
    assert.equal(proxy.forgotten(), 1);
    assert.equal(text((await store.get('contract/lost-ack'))?.body), 'ours');
  });

  after(async () => {
    await (await opened)?.[Symbol.asyncDispose]();
    await (await server)?.[Symbol.asyncDispose]();
  });
});

test('a store that is not there is unavailable, retryable, and says where', async () => {
  await using store = createS3ObjectStore({
    endpoint: 'http://127.0.0.1:9',
    region: 'us-east-1',
    bucket: 'nowhere',
    access_key_id: 'a',
    secret_access_key: 'b',
    attempts_max: 2,
  });
  await assert.rejects(store.get('x'), {
    code: 'SSMD_UNAVAILABLE',
    retryable: true,
    message: /get x in bucket nowhere at http:\/\/127\.0\.0\.1:9/,
  });
});

test('a store that accepts and never answers is given up after its limit', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  await using store = createS3ObjectStore({
    endpoint: `http://127.0.0.1:${portOf(silent)}`,
    region: 'us-east-1',
    bucket: 'nowhere',
    access_key_id: 'a',
    secret_access_key: 'b',
    attempts_max: 1,
    request_timeout_ms: 100,
  });
  await assert.rejects(store.get('x'), { code: 'SSMD_UNAVAILABLE', message: /[Tt]imeout/ });
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

test('a store that ignores its conditions is refused, unless one writer is promised', async () => {
  const honest = createMemoryObjectStore();
  const careless: ObjectStore = {
    ...honest,
    putIfAbsent: async (key, body) => {
      await honest.put(key, body);
      return 'created';
    },
  };
  const options = { nonce: 'n', name: 'the raw bucket' };
  await assert.rejects(requireConditionalWrites(careless, { ...options, single_writer: false }), {
    code: 'SSMD_INVALID_CONFIG',
    message: /the raw bucket ignores If-None-Match: .*single_writer: true/,
  });
  const found = await requireConditionalWrites(careless, { ...options, single_writer: true });
  assert.deepEqual(found, { if_absent: false, if_match: true });
});

/** Passes everything on, but cuts the first connection when the server's answer arrives. */
async function openForgetfulProxy(
  target: number,
): Promise<AsyncDisposable & { port: number; forgotten: () => number }> {
  let forgotten = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    sockets.add(client).add(upstream);
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      if (forgotten === 0 && !chunk.includes('100 Continue')) {
        forgotten++;
        client.destroy();
        upstream.destroy();
      } else if (!client.destroyed) client.write(chunk);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: portOf(proxy),
    forgotten: () => forgotten,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
