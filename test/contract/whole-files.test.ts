/** Whole files in a folder, and in a bucket in memory; S3 is in `test/integration/collector-s3`. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createBucketWholeFiles } from '../../storage/bucket-whole-files.ts';
import { createFolderWholeFiles, requireFolder } from '../../storage/fs-whole-files.ts';
import { createMemoryObjectStore } from '../../storage/memory.ts';
import { wholeFilesContract } from '../support/whole-files-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'ssmd-whole-'));
after(() => rmSync(root, { recursive: true, force: true }));
let opened = 0;
const scratch = (): string => join(root, `${++opened}`, 'below');

function filesBelow(dir: string): ReadonlyMap<string, Uint8Array> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
  return new Map(paths.map((it) => [it.slice(dir.length + 1), new Uint8Array(readFileSync(it))]));
}

wholeFilesContract('folder', () => {
  const dir = scratch();
  return Promise.resolve({
    files: createFolderWholeFiles(dir),
    found: () => Promise.resolve(filesBelow(dir)),
  });
});

wholeFilesContract('bucket in memory', () => {
  const store = createMemoryObjectStore();
  return Promise.resolve({
    files: createBucketWholeFiles({ store, bucket: 'b', prefix: 'collector/' }),
    async found() {
      const there = new Map<string, Uint8Array>();
      for await (const { key } of store.list('collector/')) {
        there.set(key.slice('collector/'.length), (await store.get(key))?.body ?? new Uint8Array());
      }
      return there;
    },
  });
});

test('folder: what a killed process left is told, kept, and no file', async () => {
  const dir = scratch();
  mkdirSync(join(dir, '.tmp'), { recursive: true });
  writeFileSync(join(dir, '.tmp', 'half.parquet.1.tmp'), 'PAR1 and no more');
  const files = createFolderWholeFiles(dir);
  assert.deepEqual(await files.unfinished(), ['.tmp/half.parquet.1.tmp']);
  await files.put('okx/1.parquet', new Uint8Array(1));
  assert.deepEqual(await files.unfinished(), ['.tmp/half.parquet.1.tmp']);
  assert.equal(readFileSync(join(dir, '.tmp', 'half.parquet.1.tmp'), 'utf8'), 'PAR1 and no more');
});

test('folder: one that goes away while it is written to is made again', async () => {
  const dir = scratch();
  const files = createFolderWholeFiles(dir);
  await files.put('okx/1', new Uint8Array(1));
  rmSync(dir, { recursive: true });
  await assert.rejects(files.put('okx/2', new Uint8Array(2)));
  await files.put('okx/2', new Uint8Array(2));
  assert.deepEqual([...filesBelow(dir).keys()], ['okx/2']);
  if (process.getuid?.() === 0) return;
  chmodSync(dir, 0o500);
  await assert.rejects(files.put('bybit/1', new Uint8Array(1)));
  chmodSync(dir, 0o700);
});

test('folder: one that can never be written to is told before anything is collected', async () => {
  const dir = scratch();
  const folder = join(dir, 'a', 'b');
  await requireFolder(folder);
  await requireFolder(folder);
  assert.deepEqual(await createFolderWholeFiles(folder).unfinished(), []);
  assert.ok(existsSync(folder));
  const file = join(dir, 'file');
  writeFileSync(file, 'x');
  const dangling = join(dir, 'dangling');
  symlinkSync(join(dir, 'unplugged'), dangling);
  const wrong = [file, join(file, 'below'), dangling, join(dangling, 'below')];
  if (process.platform === 'linux') wrong.push('/proc/none');
  for (const it of wrong)
    await assert.rejects(requireFolder(it), { code: 'SSMD_INVALID_INPUT' }, it);
});
