/** What every adapter of whole files promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsmdError } from '../../schema/errors.ts';
import type { WholeFiles } from '../../storage/whole-files.ts';

export type OpenedFiles = {
  readonly files: WholeFiles;
  /** What a reader finds below the place: paths and bytes, notes too. */
  readonly found: () => Promise<ReadonlyMap<string, Uint8Array>>;
};

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

export function wholeFilesContract(name: string, open: () => Promise<OpenedFiles>): void {
  test(`${name}: a file is there whole, under its path, and alone`, async () => {
    const { files, found } = await open();
    const large = new Uint8Array(3_000_000).map((_, at) => at % 251);
    await files.put('a/b c/date=2026-11-21/1.parquet', large);
    await files.put('a/empty', new Uint8Array(0));
    const there = await found();
    assert.deepEqual([...there.keys()].sort(), ['a/b c/date=2026-11-21/1.parquet', 'a/empty']);
    assert.deepEqual(there.get('a/b c/date=2026-11-21/1.parquet'), large);
    assert.deepEqual(await files.unfinished(), []);
  });

  test(`${name}: a name is never written over; the same bytes again change nothing`, async () => {
    const { files, found } = await open();
    await files.put('x/1', bytes('one'));
    await files.put('x/1', bytes('one'));
    await assert.rejects(
      files.put('x/1', bytes('two')),
      (it) => it instanceof SsmdError && it.code === 'SSMD_VERSION_CONFLICT',
    );
    assert.deepEqual([...(await found())], [['x/1', bytes('one')]]);
  });

  test(`${name}: of two puts of one name at once one stands`, async () => {
    const { files, found } = await open();
    const bodies = ['one', 'two', 'three'].map(bytes);
    const done = await Promise.allSettled(bodies.map((body) => files.put('x/1', body)));
    const won = done.flatMap(({ status }, at) => (status === 'fulfilled' ? [bodies[at]] : []));
    assert.equal(won.length, 1);
    assert.deepEqual((await found()).get('x/1'), won[0]);
  });

  test(`${name}: a note is written over, and null before`, async () => {
    const { files } = await open();
    assert.equal(await files.readNote('note.json'), null);
    await files.writeNote('note.json', bytes('first'));
    await files.writeNote('note.json', bytes('second'));
    assert.equal(Buffer.from((await files.readNote('note.json')) ?? []).toString(), 'second');
  });
}
