/** The steps of `export`: what is refused, what is written, and that nothing half-done is seen. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readManifest } from '../../activities/datasets.ts';
import { plainContext } from '../../activities/deps.ts';
import { planExport } from '../../activities/export-plan.ts';
import { publishExport } from '../../activities/export.ts';
import { writeDay } from '../../activities/export-day.ts';
import type { SsmdError } from '../../schema/errors.ts';
import { NS_PER_HOUR } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { createFolderTarget } from '../../storage/fs-target.ts';
import { archiveDay } from '../support/archive-run.ts';
import {
  exportDeps,
  readExport,
  runExport,
  scratchFolder,
  wantedOf,
} from '../support/export-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';

const DAY = '2026-11-20' as Day;
const jobs = memoryJobs('2026-11-24T06:00:00Z');
const tiny = await writeTinyDay(jobs.raw, { day: DAY, step_ns: 2n * NS_PER_HOUR });
await archiveDay(jobs, { feed: 'tiny', day: DAY });
const scratch = await scratchFolder();
after(() => scratch[Symbol.asyncDispose]());
const deps = exportDeps(jobs);
const NONE = { files: 0, rows: 0, bytes: 0 };
let outs = 0;
const newOut = (): string => join(scratch.path, `out-${(outs += 1)}`);

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((it) => it.isFile())
    .map((it) => join(it.parentPath, it.name).slice(folder.length + 1))
    .sort();
}

async function refusal(asked: Parameters<typeof wantedOf>[0]): Promise<string> {
  const before = await readdir(scratch.path);
  const error = await planExport(deps, wantedOf(asked), plainContext()).then(
    () => assert.fail('it was planned'),
    (thrown: SsmdError) => thrown,
  );
  assert.equal(error.code, 'SSMD_INVALID_INPUT');
  assert.deepEqual(await readdir(scratch.path), before, 'nothing was started');
  return error.message;
}

for (const format of ['parquet', 'csv', 'jsonl'] as const) {
  test(`${format}: a file for each type, symbol and day, and a manifest that holds`, async () => {
    const out = newOut();
    const { published } = await runExport(deps, { out, format });
    const manifest = await readExport(out);
    const files = await filesBelow(out);
    const kinds = ['book', 'quote', 'status', 'trade'];
    const wanted = kinds.flatMap((type) =>
      ['BTCUSD', 'ETHUSD'].map((symbol) => `${type}/${symbol}/${DAY}.${format}`),
    );
    assert.deepEqual(files, [...wanted, 'export.json'].sort());
    assert.deepEqual(
      manifest.files.map(({ path }) => path),
      wanted,
    );
    for (const { path, sha256, bytes } of manifest.files) {
      const body = await readFile(join(out, path));
      assert.equal(createHash('sha256').update(body).digest('hex'), sha256);
      assert.equal(body.length, bytes);
    }
    const rows = (type: string, symbol: string): number =>
      tiny.live.filter((it) => it.type === type && it.symbol === symbol).length;
    assert.deepEqual(
      manifest.files.map((file) => file.rows),
      wanted.map((path) => rows(path.split('/')[0] ?? '', path.split('/')[1] ?? '')),
    );
    const day = await readManifest(jobs, { version: 'v1', feed: 'tiny', day: DAY });
    assert.deepEqual(
      manifest.days.map((it) => [it.day, it.version, it.content_id, it.manifest]),
      [[DAY, 'v1', day?.content_id, `normalized/v1/_manifests/tiny/${DAY}.json`]],
    );
    assert.equal(published.rows, tiny.live.length);
    assert.deepEqual(
      await readdir(scratch.path).then((all) => all.filter((it) => it.startsWith('.'))),
      [],
    );
  });
}

test('what is wrong is said at once, and nothing is started', async () => {
  const out = newOut();
  await mkdir(out);
  const all = await refusal({ out, symbols: ['XRPUSD', 'BTCUSD'], types: ['mark', 'trade'] });
  assert.match(all, /the export has 3 faults/);
  assert.match(all, /out: .*out-\d+: it is there already, and is never written over/);
  assert.match(all, /symbols: the days have no XRPUSD \(there is BTCUSD, ETHUSD\)/);
  assert.match(all, /types: the days have no mark \(there is trade, quote, book, status\)/);
  assert.match(all, /A valid example: \{"feed":"tiny","day":"2026-11-20","format":"jsonl"\}/);

  const range = { out: newOut(), from: '2026-11-18', to: '2026-11-21' };
  const days = await refusal(range);
  assert.match(
    days,
    /3 of 4 days of tiny are not committed: 2026-11-18, 2026-11-19, 2026-11-21 \(/,
  );
  assert.match(await refusal({ ...range, version: 'v1' }), /are not committed in v1: 2026-11-18, /);
  assert.match(
    await refusal({ ...range, version: 'v7' }),
    /version: there is no version "v7" \(did you mean "v1"\?\)/,
  );
  assert.match(
    await refusal({ out: join(scratch.path, 'none', 'out') }),
    /none is not there on the worker's machine/,
  );
  const file = newOut();
  await writeFile(file, '');
  assert.match(await refusal({ out: join(file, 'out') }), /is no folder/);
});

test('without a folder it is a prefix of the bucket, there when its export.json is', async () => {
  const list = async (): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of jobs.normalized.list('export/')) keys.push(key);
    return keys;
  };
  const { plan, published } = await runExport(deps, { id: 'one', types: ['trade'] });
  assert.equal(published.target, 's3://test/export/one');
  const paths = ['BTCUSD', 'ETHUSD'].map((symbol) => `export/one/trade/${symbol}/${DAY}.jsonl`);
  assert.deepEqual(await list(), ['export/one/export.json', ...paths]);
  const again = await publishExport(deps, { plan, extents: null }, plainContext());
  assert.deepEqual(again, published);
  const out = newOut();
  await runExport(deps, { out, types: ['trade'] });
  for (const key of await list()) {
    const path = key.slice('export/one/'.length);
    assert.deepEqual(
      (await jobs.normalized.get(key))?.body,
      new Uint8Array(await readFile(join(out, path))),
    );
  }
  assert.match(
    await refusal({ id: 'one' }),
    /s3:\/\/test\/export\/one: something is there already/,
  );
  await deps.openTarget(plan).discard();
  assert.equal((await list()).length, 3, 'what is published stays');

  const half = await planExport(deps, wantedOf({ id: 'two' }), plainContext());
  const [day] = half.days;
  assert.ok(day !== undefined);
  await writeDay(deps, { plan: half, day, extents: {}, before: NONE }, plainContext());
  assert.ok((await list()).some((key) => key.startsWith('export/_staging/two/')));
  await deps.openTarget(half).discard();
  assert.equal((await list()).length, 3, 'nothing else is left');
});

test('what was discarded does not come back by whoever still writes', async () => {
  const list = async (id: string): Promise<string[]> => {
    const keys: string[] = [];
    for (const prefix of [`export/${id}/`, `export/_staging/${id}/`]) {
      for await (const { key } of jobs.normalized.list(prefix)) keys.push(key);
    }
    return keys;
  };
  const path = `trade/BTCUSD/${DAY}.jsonl`;
  const target = deps.openTarget({ out: null, id: 'late', run: 'late' });
  await target.begin();
  const [late, early] = [await target.create(path), await target.create(path)];
  await early.finish(0);
  await target.discard();
  const ended = { code: 'SSMD_INVALID_INPUT', message: /its export ended while this was written/ };
  await assert.rejects(late.finish(0), ended);
  await assert.rejects(target.create(path), ended);
  await assert.rejects(target.publish(new Uint8Array(2)), ended);
  assert.deepEqual(await list('late'), []);

  // An attempt that was frozen while another one went on to the end does no harm.
  const shown = deps.openTarget({ out: null, id: 'shown', run: 'shown' });
  await shown.begin();
  const [frozen, other] = [await shown.create(path), await shown.create(path)];
  await other.finish(0);
  await shown.publish(new Uint8Array(2));
  await frozen.finish(0);
  await shown.publish(new Uint8Array(2));
  assert.deepEqual(await list('shown'), ['export/shown/export.json', `export/shown/${path}`]);
});

test('a selection is a smaller export of the same rows', async () => {
  const [whole, part] = [newOut(), newOut()];
  await runExport(deps, { out: whole });
  const { published } = await runExport(deps, { out: part, types: ['trade'], symbols: ['ETHUSD'] });
  const path = `trade/ETHUSD/${DAY}.jsonl`;
  assert.deepEqual(await filesBelow(part), ['export.json', path]);
  assert.equal(published.files, 1);
  assert.deepEqual(await readFile(join(part, path)), await readFile(join(whole, path)));
});

test('the same export twice is the same bytes', async () => {
  for (const format of ['parquet', 'csv', 'jsonl'] as const) {
    const [one, two] = [newOut(), newOut()];
    const first = await runExport(deps, { out: one, format, run: 'one' });
    const second = await runExport(deps, { out: two, format, run: 'two' });
    assert.equal(first.published.manifest_sha256, second.published.manifest_sha256);
  }
});

test('an object that is not what its manifest says stops it, by its name', async () => {
  const manifest = await readManifest(jobs, { version: 'v1', feed: 'tiny', day: DAY });
  const key = manifest?.objects.find((it) => it.key.includes('/trade/ETHUSD/'))?.key ?? '';
  const bent: typeof jobs.normalized = {
    ...jobs.normalized,
    async get(...args) {
      const stored = await jobs.normalized.get(...args);
      if (args[0] === key && stored !== null) stored.body[9] = (stored.body[9] ?? 0) ^ 1;
      return stored;
    },
  };
  for (const format of ['parquet', 'csv'] as const) {
    const out = newOut();
    const asked = runExport({ ...deps, normalized: bent }, { out, format });
    const error = await asked.then(
      () => assert.fail('it was exported'),
      (it: SsmdError) => it,
    );
    assert.equal(error.code, 'SSMD_CORRUPT');
    assert.ok(error.message.includes(key), error.message);
    await assert.rejects(stat(out), /ENOENT/);
    await deps.openTarget({ out, run: 'test', id: 'test' }).discard();
  }
  assert.deepEqual(
    (await readdir(scratch.path)).filter((it) => it.startsWith('.')),
    [],
  );
});

test('a manifest that is another than it was when the export began stops it', async () => {
  const out = newOut();
  const plan = await planExport(deps, wantedOf({ out }), plainContext());
  const [day] = plan.days;
  assert.ok(day !== undefined);
  const changed = { plan, day: { ...day, content_id: 'other' }, extents: {}, before: NONE };
  await assert.rejects(writeDay(deps, changed, plainContext()), /was of content other when/);
  await deps.openTarget(plan).discard();
});

test('a worker that dies goes on with the file it was at; until the end nothing is seen', async () => {
  const out = newOut();
  const plan = await planExport(deps, wantedOf({ out, format: 'csv' }), plainContext());
  const [day] = plan.days;
  assert.ok(day !== undefined);
  const work = { plan, day, extents: {}, before: NONE };
  const created: string[] = [];
  const dying = (after: number): typeof deps => ({
    ...deps,
    openTarget(of) {
      const target = deps.openTarget(of);
      const create: typeof target.create = async (path) => {
        created.push(path);
        const sink = await target.create(path);
        if (created.length <= after) return sink;
        const dies = async (): Promise<never> => {
          await sink.abort();
          throw new Error('power is off');
        };
        return { write: sink.write, finish: dies, abort: () => Promise.resolve() };
      };
      return { ...target, create };
    },
  });
  await assert.rejects(writeDay(dying(3), work, plainContext()), /power is off/);
  await assert.rejects(stat(out), /ENOENT/);
  await assert.rejects(
    publishExport(deps, { plan, extents: null }, plainContext()),
    /5 of 8 files/,
  );
  const beats: number[] = [];
  const context = {
    ...plainContext(),
    beat: ({ records }: { records: number }) => void beats.push(records),
  };
  const count = await writeDay(dying(100), work, context);
  assert.equal(created.length, 4 + 5, 'three files were not written again');
  assert.equal(count.rows, tiny.live.length);
  assert.equal(beats.at(-1), tiny.live.length - lastRows());
  const first = await publishExport(deps, { plan, extents: null }, plainContext());
  // Its acknowledgement was lost: it is found done.
  assert.deepEqual(await publishExport(deps, { plan, extents: null }, plainContext()), first);
  const twin = await runExport(deps, { out: newOut(), format: 'csv' });
  assert.equal(first.manifest_sha256, twin.published.manifest_sha256);
  const other = { ...plan, selection: { types: ['trade' as const], symbols: null } };
  await assert.rejects(
    publishExport(deps, { plan: other, extents: null }, plainContext()),
    /holds another export/,
  );
});

function lastRows(): number {
  return tiny.live.filter((it) => it.type === 'status' && it.symbol === 'ETHUSD').length;
}

test('what was put there meanwhile stays, and the export is refused', async () => {
  const out = newOut();
  const plan = await planExport(deps, wantedOf({ out }), plainContext());
  const [day] = plan.days;
  assert.ok(day !== undefined);
  await writeDay(deps, { plan, day, extents: {}, before: NONE }, plainContext());
  await mkdir(out);
  await writeFile(join(out, 'mine'), 'mine');
  await assert.rejects(
    publishExport(deps, { plan, extents: null }, plainContext()),
    (error: SsmdError) =>
      error.code === 'SSMD_INVALID_INPUT' && /something was put there/.test(error.message),
  );
  await deps.openTarget(plan).discard();
  assert.deepEqual(await filesBelow(out), ['mine']);
  // A writer that wakes up now brings nothing back.
  await assert.rejects(
    writeDay(deps, { plan, day, extents: {}, before: NONE }, plainContext()),
    /cannot write there any more/,
  );
  assert.deepEqual(
    (await readdir(scratch.path)).filter((it) => it.startsWith('.')),
    [],
  );
});

test('cancelled, it stops between two rows', async () => {
  const out = newOut();
  const plan = await planExport(deps, wantedOf({ out }), plainContext());
  const [day] = plan.days;
  assert.ok(day !== undefined);
  const stop = new AbortController();
  stop.abort();
  const context = plainContext(stop.signal);
  await assert.rejects(writeDay(deps, { plan, day, extents: {}, before: NONE }, context), /abort/);
  await deps.openTarget(plan).discard();
});

test('a folder that takes no folders is an error at once, not a wait for ever', async () => {
  const target = createFolderTarget({ out: '/proc/export', run: 'r' });
  await assert.rejects(target.begin(), /ENOENT|\/proc/);
});
