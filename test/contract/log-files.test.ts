/** The log's files: those of the machine, and those in memory, which lose what was not synced. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { nodeFiles, unsyncedFiles } from '../../connectors/runtime/log-files.ts';
import { createMemoryDisk } from '../../connectors/simulator/memory-files.ts';
import { filesContract } from '../support/files-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'ssmd-files-'));
after(() => rmSync(root, { recursive: true, force: true }));
const scratch = (): string => mkdtempSync(join(root, 'dir-'));

filesContract('node', () => ({ files: nodeFiles, dir: scratch() }));
filesContract('node, nothing synced', () => ({ files: unsyncedFiles, dir: scratch() }));
filesContract('memory', () => {
  const { files } = createMemoryDisk();
  files.makeDirectory('/disk');
  return { files, dir: '/disk' };
});

const line = new TextEncoder().encode('0123456789');

test('memory: a power loss keeps what was synced, and of the rest what it happens to keep', async () => {
  const disk = createMemoryDisk();
  disk.files.makeDirectory('/disk');
  await disk.files.syncDirectory('/');
  const kept = disk.files.create('/disk/synced');
  disk.files.write(kept, line, 0, 10, 0);
  await disk.files.syncFile(kept);
  disk.files.write(kept, line, 0, 10, 10);
  disk.files.write(disk.files.create('/disk/new'), line, 0, 10, 0);
  disk.losePower((bytes) => (bytes === 10 ? 3 : 0));
  assert.equal(disk.content('/disk/synced')?.length, 13);
  assert.equal(disk.content('/disk/new')?.length, 3);
  disk.files.write(disk.files.create('/disk/unnamed'), line, 0, 10, 0);
  disk.files.write(disk.files.create('/disk/named'), line, 0, 10, 0);
  disk.losePower(() => 0);
  assert.deepEqual(disk.paths(), ['/disk/new', '/disk/synced'], 'names that were not synced go');
  disk.files.create('/disk/named');
  await disk.files.syncDirectory('/disk');
  disk.losePower(() => 0);
  assert.equal(disk.content('/disk/named')?.length, 0, 'a synced name stays');
});

test('memory: a directory goes with all in it until its own directory was synced', async () => {
  const disk = createMemoryDisk();
  for (const synced of [false, true]) {
    disk.files.makeDirectory('/a/b');
    const fd = disk.files.create('/a/b/file');
    disk.files.write(fd, line, 0, 10, 0);
    await disk.files.syncFile(fd);
    await disk.files.syncDirectory('/a/b');
    await disk.files.syncDirectory('/');
    if (synced) await disk.files.syncDirectory('/a');
    disk.losePower(() => 0);
    assert.deepEqual(disk.files.list('/a'), synced ? ['b'] : []);
    assert.deepEqual(disk.paths(), synced ? ['/a/b/file'] : []);
  }
});
