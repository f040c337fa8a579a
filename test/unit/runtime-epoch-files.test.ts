/** What an epoch records beside its segments, read back after its process is gone. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import {
  STALE_MS,
  createEpochFiles,
  findLeftEpochs,
} from '../../connectors/runtime/epoch-files.ts';
import type { EpochFiles } from '../../connectors/runtime/epoch-files.ts';
import type { ClosedSegment } from '../../connectors/runtime/log-writer.ts';
import { createMemoryDisk } from '../../connectors/simulator/memory-files.ts';
import { scratchDirectory } from '../support/runtime.ts';

const OF = { feed: 'kraken', shard: 's', epoch: 5, origin: 'live', host: 'h' } as const;

const segment = (number: number): ClosedSegment => ({
  ...OF,
  path: `/log/0000000${number}.jsonl`,
  segment: number,
  first: `${1_700_000_000_000_000_000n + BigInt(number)}`,
  last: `${1_700_000_000_000_000_000n + BigInt(number)}`,
  sha256: 'a'.repeat(64),
  bytes: 1,
  lines: 3,
  connections: [],
});

const NOBODY = { own: () => false, now_ms: 0 };

function epochIn(t: TestContext): { readonly root: string; readonly files: EpochFiles } {
  const root = scratchDirectory(t);
  return { root, files: createEpochFiles(root, OF) };
}

/** Segments of the epoch that are read back once its process is gone. */
async function readBack(root: string, { dir }: EpochFiles): Promise<readonly number[]> {
  const path = join(dir, 'owner.json');
  const owner = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...owner, pid: 2 ** 22 + 1, started: 'another boot' }));
  const { left } = await findLeftEpochs(root, OF, NOBODY);
  assert.ok(left[0]);
  return left[0].recorded.map((it) => it.segment);
}

test('a record torn by a full disk does not swallow the next one', async (t) => {
  const { root, files } = epochIn(t);
  await files.record(segment(0));
  appendFileSync(join(files.dir, 'closed.jsonl'), JSON.stringify(segment(1)).slice(0, 40));
  await files.record(segment(1));
  await files.record(segment(2));
  assert.deepEqual(await readBack(root, files), [0, 1, 2]);
});

test('a segment that was recorded twice is one segment', async (t) => {
  const { root, files } = epochIn(t);
  await files.record(segment(0));
  await files.record(segment(1));
  await files.record(segment(0));
  assert.deepEqual(await readBack(root, files), [0, 1]);
});

test('an epoch of a process that cannot be seen is left alone until it shows no life', async (t) => {
  const { root, files } = epochIn(t);
  const path = join(files.dir, 'owner.json');
  const owner = JSON.parse(readFileSync(path, 'utf8')) as object;
  // Another container: its process 1 is not ours, and our process 1 is not its.
  writeFileSync(path, JSON.stringify({ ...owner, namespace: 'pid:[1]' }));
  await files.touch(1_000_000);
  const look = (now_ms: number) => findLeftEpochs(root, OF, { own: () => false, now_ms });
  assert.deepEqual(await look(1_000_000 + STALE_MS), { left: [], unclear: 1 });
  assert.equal((await look(1_000_001 + STALE_MS)).left.length, 1);
});

test('whose an epoch is survives a power loss: segments of nobody are never shipped', async () => {
  const disk = createMemoryDisk();
  const { files } = disk;
  const epoch = createEpochFiles('/log', OF, { files });
  await Promise.resolve();
  disk.losePower(() => 0);
  const started_anew = {
    self: () => ({ pid: 1, started: 'after', namespace: 'host' }),
    look: () => 'dead' as const,
  };
  const { left } = await findLeftEpochs('/log', OF, {
    ...{ files, processes: started_anew, own: () => false, now_ms: 0 },
  });
  assert.deepEqual(
    left.map((it) => it.files.dir),
    [epoch.dir],
  );
});

test('a disk that refuses to close the owner file is no fault that nobody hears of', async () => {
  const unheard: unknown[] = [];
  const note = (error: unknown): void => void unheard.push(error);
  process.on('unhandledRejection', note);
  const { files } = createMemoryDisk();
  const close = (): void => {
    throw new Error('EIO');
  };
  createEpochFiles('/log', OF, { files: { ...files, close } });
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  assert.deepEqual(unheard, []);
});
