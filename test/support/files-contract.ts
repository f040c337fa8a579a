/** What every adapter of the log's files has to do. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LogFiles } from '../../connectors/runtime/log-files.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** `open` yields the adapter and a folder that is there and empty. */
export function filesContract(
  adapter: string,
  open: () => { readonly files: LogFiles; readonly dir: string },
): void {
  test(`${adapter}: a file is created once, written where asked, and read back`, async () => {
    const { files, dir } = open();
    const path = join(dir, 'a', 'b', '1.jsonl');
    assert.throws(() => files.create(path), { code: 'ENOENT' });
    files.makeDirectory(join(dir, 'a', 'b'));
    files.makeDirectory(join(dir, 'a', 'b'));
    assert.equal(files.open(path), null);
    assert.equal(await files.readWhole(path), null);
    const fd = files.create(path);
    assert.throws(() => files.create(path), { code: 'EEXIST' });
    files.write(fd, bytesOf('..hello..'), 2, 7, 0);
    files.write(fd, bytesOf(' world'), 0, 6, 5);
    assert.equal(textOf(await files.readWhole(path)), 'hello world');
    files.truncate(fd, 5);
    files.write(fd, bytesOf('!'), 0, 1, 5);
    await files.syncFile(fd);
    await files.syncDirectory(join(dir, 'a', 'b'));
    files.close(fd);
    assert.equal(textOf(await files.readWhole(path)), 'hello!');
  });

  test(`${adapter}: who reads sees what another writes, and nothing at the end`, () => {
    const { files, dir } = open();
    const path = join(dir, '1.jsonl');
    const writer = files.create(path);
    const reader = files.open(path) ?? assert.fail('it is there');
    const into = new Uint8Array(8);
    assert.equal(files.read(reader, into, 0, 8, 0), 0);
    files.write(writer, bytesOf('abcd'), 0, 4, 0);
    assert.equal(files.read(reader, into, 2, 3, 1), 3);
    assert.equal(textOf(into.subarray(2, 5)), 'bcd');
    assert.equal(files.read(reader, into, 0, 8, 4), 0);
    files.close(reader);
    files.close(writer);
  });

  test(`${adapter}: lists names, appends, touches, removes files and folders`, async () => {
    const { files, dir } = open();
    assert.deepEqual(files.list(join(dir, 'none')), []);
    files.makeDirectory(join(dir, 'x', 'y'));
    const path = join(dir, 'x', 'closed.jsonl');
    await files.append(path, 'one\n');
    await files.append(path, 'two\n');
    assert.equal(textOf(await files.readWhole(path)), 'one\ntwo\n');
    assert.deepEqual([...files.list(join(dir, 'x'))].sort(), ['closed.jsonl', 'y']);
    await files.touch(path, 1_700_000_000_000);
    assert.equal(await files.touchedMs(path), 1_700_000_000_000);
    await files.remove(path);
    await files.remove(path);
    assert.deepEqual([...files.list(join(dir, 'x'))], ['y']);
    await files.remove(join(dir, 'x'));
    assert.deepEqual([...files.list(dir)], []);
    await assert.rejects(files.touch(path, 1), { code: 'ENOENT' });
    await assert.rejects(files.append(path, 'three\n'), { code: 'ENOENT' });
  });
}
