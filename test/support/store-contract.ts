/**
 * What every object store adapter promises: the rest of ssmd rests on it. Run against the memory
 * adapter without servers, and against S3 with a real one.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { ObjectStore } from '../../storage/object-store.ts';
import { probeConditionalWrites } from '../../storage/probe.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined): string => new TextDecoder().decode(body);

/** Registers the suite; `open` yields a store that may hold other prefixes. */
export function contract(name: string, open: () => Promise<ObjectStore>): void {
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

  test(`${name}: a body put in pieces is there when it is finished, and whole`, async () => {
    const store = await open();
    const piece = new Uint8Array(3_000_001).map((_, index) => index % 241);
    const shared = piece.slice();
    const upload = await store.upload(at('pieces'), { contentType: 'text/plain' });
    for (let count = 0; count < 7; count++) {
      await upload.write(shared);
      // The bytes are the caller's again.
      shared.fill(0);
      shared.set(piece);
    }
    assert.equal(await store.head(at('pieces')), null, 'not finished');
    await upload.finish();
    await upload.abort();
    const body = (await store.get(at('pieces')))?.body ?? new Uint8Array(0);
    assert.equal(body.length, 7 * piece.length);
    for (let at = 0; at < body.length; at += piece.length) {
      assert.ok(Buffer.from(piece).equals(body.subarray(at, at + piece.length)), `piece at ${at}`);
    }
    const small = await store.upload(at('pieces'));
    await small.write(bytes('small'));
    await small.finish();
    assert.equal(text((await store.get(at('pieces')))?.body), 'small', 'the last one stays');
  });

  test(`${name}: a body that is given up leaves nothing`, async () => {
    const store = await open();
    const upload = await store.upload(at('given-up'));
    await upload.write(new Uint8Array(9_000_000));
    await upload.abort();
    assert.equal(await store.head(at('given-up')), null);
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
