import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { requireConditionalWrites } from '../../storage/probe.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { portOf } from '../support/forgetful-proxy.ts';
import { contract } from '../support/store-contract.ts';

const memory = createMemoryObjectStore();
contract('memory', () => Promise.resolve(memory));

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

test('a store whose acknowledgements are lost is not taken for one that ignores conditions', async () => {
  const honest = createMemoryObjectStore();
  const lost = new Set<string>();
  /** As the adapter says it: the request is sent again and finds what it did itself. */
  const again = async <T>(key: string, act: () => Promise<T>): Promise<T> => {
    const first = !lost.has(key);
    lost.add(key);
    if (first) await act();
    return act();
  };
  const lossy: ObjectStore = {
    ...honest,
    putIfAbsent: (key, body) => again(`put ${key}`, () => honest.putIfAbsent(key, body)),
    replaceIf: (key, body, etag) => again(`if ${key}`, () => honest.replaceIf(key, body, etag)),
  };
  const options = { nonce: 'n', name: 'the raw bucket', single_writer: false };
  assert.deepEqual(await requireConditionalWrites(lossy, options), {
    if_absent: true,
    if_match: true,
  });
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
