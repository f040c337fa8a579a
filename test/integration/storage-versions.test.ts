/** Versions of objects on a real store that keeps them, and on one that does not, by the command line. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stackVariables } from '../../environments/endpoints.ts';
import { prunable } from '../../storage/object-versions.ts';
import type { ObjectVersion } from '../../storage/object-versions.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { openVersionedBucket } from '../../storage/s3-versions.ts';
import { ssmd } from '../support/command-line.ts';
import { startS3WithoutVersions, startTestServers } from '../support/servers.ts';
import type { TestS3 } from '../support/servers.ts';
import { seen } from '../support/until.ts';

const KEY = 'normalized/_current/kraken.json';
const servers = await startTestServers({ s3: true });
const bucket = 'ssmd-dev-normalized';
const store = createS3ObjectStore(configOf(servers.s3));
await store.ensureBucket();
after(async () => {
  await store[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

function configOf({ endpoint, region, accessKey, secretKey }: TestS3) {
  const keys = { access_key_id: accessKey, secret_access_key: secretKey };
  return { endpoint, region, bucket, ...keys };
}

async function run(args: readonly string[], s3: TestS3 = servers.s3) {
  const env = stackVariables({ nats: null, s3, temporal: null });
  return ssmd(['storage', ...args, '--env', 'dev'], { root: servers.dir, env });
}

async function json<T>(...args: readonly string[]): Promise<T> {
  const { code, out, err } = await run([...args, '--json']);
  assert.equal(code, 0, `${out}${err}`);
  return JSON.parse(out) as T;
}

const versions = (): Promise<ObjectVersion[]> => json<ObjectVersion[]>('versions', `/${KEY}`);
const text = async (): Promise<string | null> => {
  const stored = await store.get(KEY);
  return stored === null ? null : new TextDecoder().decode(stored.body);
};
const put = (words: string): Promise<void> => store.put(KEY, new TextEncoder().encode(words));

test('versioning is switched on, said, and suspended', async () => {
  type States = { bucket: string; versioning: string }[];
  const [before] = await json<States>('versioning', 'status', 'normalized');
  assert.deepEqual(before, { bucket, versioning: 'off' });
  assert.deepEqual(await json<States>('versioning', 'enable', bucket), [
    { bucket, versioning: 'enabled' },
  ]);
  assert.equal((await json<States>('versioning', 'suspend', bucket))[0]?.versioning, 'suspended');
  await json<States>('versioning', 'enable', 'normalized');
  const { code, err } = await run(['versioning', 'enabel']);
  assert.equal(code, 2);
  assert.match(err, /2 faults[^]*action: 'enabel' is none of[^]*bucket: is needed/);
});

test('what was overwritten, and what was deleted, is had back', async () => {
  for (const words of ['one', 'two']) await put(words);
  const [newest, oldest] = await versions();
  assert.deepEqual([newest?.latest, oldest?.latest], [true, false]);
  await json('restore', KEY, '--version-id', oldest?.version_id ?? '');
  assert.equal(await text(), 'one');
  assert.equal((await versions()).length, 3);
  await store.delete(KEY);
  assert.equal(await text(), null);
  const [mark, last] = await versions();
  assert.deepEqual([mark?.deleted, mark?.latest], [true, true]);
  await json('restore', KEY, '--version-id', last?.version_id ?? '');
  assert.equal(await text(), 'one');
});

test('a version is removed for good; the one readers get is not', async () => {
  const all = await versions();
  const newest = all.find((it) => it.latest)?.version_id ?? '';
  const refused = await run(['delete', KEY, '--version-id', newest]);
  assert.equal(refused.code, 2);
  assert.match(refused.err, /it is what readers get/);
  const again = await run(['restore', KEY, '--version-id', newest]);
  assert.match(again.err, /it is the newest already/);
  const old = all.at(-1)?.version_id ?? '';
  await json('delete', KEY, '--version-id', old);
  assert.ok((await versions()).every((it) => it.version_id !== old));
  const unknown = await run(['delete', KEY, '--version-id', 'nonsense']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /has no version 'nonsense'; it has /);
  const missing = await run(['versions', 'normalized/nothing.json']);
  assert.equal(missing.code, 2);
  assert.match(
    missing.err,
    /has no version of normalized\/nothing\.json \(versioning is enabled\)/,
  );
});

test('old versions are pruned, never the newest ones, and never RAW', async () => {
  await store.delete(KEY);
  for (let at = 0; at < 5; at++) await put(`${at}`);
  const before = await versions();
  const args = ['prune', 'normalized', '--keep', '2', '--older-than', '0d'];
  // The store's clock tells seconds: what was replaced within this one is too young.
  await seen(
    () => json<{ versions: number }>(...args, '--dry-run'),
    ({ versions }) => versions === before.length - 2,
  );
  assert.equal((await versions()).length, before.length, 'a dry run removes nothing');
  await json(...args);
  const left = await versions();
  assert.deepEqual([left.length, left[0]?.latest], [2, true]);
  assert.equal(await text(), '4');
  const raw = await run(['prune', 'raw']);
  assert.equal(raw.code, 2);
  assert.match(raw.err, /every version of it stays/);
});

test('more than a page of versions is listed whole, each key in one piece', async () => {
  using bucketOf = openVersionedBucket(configOf(servers.s3));
  const keys = Array.from({ length: 520 }, (_, at) => `pages/${String(at).padStart(4, '0')}`);
  for (let first = 0; first < keys.length; first += 40) {
    const some = keys.slice(first, first + 40);
    for (const _ of [1, 2]) {
      await Promise.all(some.map((key) => store.put(key, new Uint8Array([first]))));
    }
  }
  const seen: string[] = [];
  for await (const { key, latest } of bucketOf.list('pages/')) seen.push(`${key} ${latest}`);
  assert.deepEqual(
    seen,
    keys.flatMap((key) => [`${key} true`, `${key} false`]),
  );
});

test('a store without versions says so, and what to do', async () => {
  const bare = await startS3WithoutVersions(await mkdtemp(join(tmpdir(), 'ssmd-bare-')));
  try {
    const own = createS3ObjectStore(configOf(bare));
    await own.ensureBucket();
    await own.put(KEY, new Uint8Array(1));
    await own[Symbol.asyncDispose]();
    const { code, err } = await run(['versioning', 'enable', 'normalized'], bare);
    assert.equal(code, 3, err);
    assert.match(err, /keeps no versions of the objects of .*--versioning-dir/);
  } finally {
    await bare.stop();
  }
});

test('a policy lets go what another version took the place of long ago', () => {
  const of = (version_id: string, modified_ms: number, latest = false): ObjectVersion => ({
    ...{ key: 'k', version_id, modified_ms, latest, deleted: false, bytes: 1, etag: '' },
  });
  const all = [of('d', 400, true), of('c', 300), of('b', 200), of('a', 100)];
  const gone = (keep: number, before_ms: number): string[] =>
    prunable(all, { keep, before_ms }).map((it) => it.version_id);
  assert.deepEqual(gone(1, 1_000), ['c', 'b', 'a']);
  assert.deepEqual(gone(3, 1_000), ['a']);
  // It was replaced when the next one came, however old it is itself.
  assert.deepEqual(gone(1, 301), ['b', 'a']);
  assert.deepEqual(gone(1, 100), []);
});

test('an object as a file, which is never written over', async () => {
  await put('as it is');
  const out = join(await mkdtemp(join(tmpdir(), 'ssmd-get-')), 'pointer.json');
  type Got = { key: string; file: string; bytes: number };
  assert.deepEqual(await json<Got>('get', `/${KEY}`, '--out', out), {
    key: KEY,
    file: out,
    bytes: 8,
  });
  assert.equal(await readFile(out, 'utf8'), 'as it is');
  await put('later');
  const again = await run(['get', KEY, '--out', out]);
  assert.equal(again.code, 2);
  assert.match(again.err, /--out: EEXIST/);
  assert.equal(await readFile(out, 'utf8'), 'as it is');
  const absent = await run(['get', 'qa/none.html']);
  assert.match(absent.err, /dev has no object qa\/none\.html/);
  assert.equal(absent.code, 2);
});
