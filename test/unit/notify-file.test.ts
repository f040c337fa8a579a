/** Notices in a file: whole lines, and never more than two files of them. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FILE_BYTES_MAX, createFileNotifier } from '../../notify/file.ts';
import { PLACE, aNotice } from '../support/notices.ts';

test('a file that is full is put aside, over the one before', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'ssmd-notices-'));
  try {
    const path = join(dir, 'notices.jsonl');
    const notifier = createFileNotifier({ path, place: PLACE, log: () => undefined });
    const tell = () =>
      notifier.notify({ notice: aNotice(), count: 1 }, new AbortController().signal);
    await tell();
    const line = await readFile(path, 'utf8');
    await writeFile(`${path}.1`, 'of before');
    await truncate(path, FILE_BYTES_MAX);
    await tell();
    assert.equal(await readFile(`${path}.1`, 'utf8'), 'of before', 'the limit itself fits');
    await tell();
    assert.equal(await readFile(path, 'utf8'), line);
    assert.equal((await stat(`${path}.1`)).size, FILE_BYTES_MAX + line.length);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
