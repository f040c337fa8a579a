/** RAW that is not as it should be, through the jobs: what is refused, what is left alone, what goes on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditDay } from '../../activities/audit-day.ts';
import { readManifest } from '../../activities/datasets.ts';
import { resolveDay } from '../../activities/day-input.ts';
import { plainContext } from '../../activities/deps.ts';
import type { JobDeps } from '../../activities/deps.ts';
import { SsmdError } from '../../schema/errors.ts';
import { NS_PER_HOUR, dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { sha256, zstd } from '../../storage/zstd.ts';
import { archiveSource } from '../../workers/replayer.ts';
import { archiveDay } from '../support/archive-run.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-11-20' as Day;
const of = { feed: 'tiny', day: DAY } as const;
const named = { ...of, version: 'v1' } as const;
const SPAN = { from: dayStart(DAY), to: dayEnd(DAY) };
const text = new TextDecoder();

/** A day, and the key of its first segment after 12:00. */
async function dayWith() {
  const deps = memoryJobs('2026-11-22T06:00:00Z');
  const day = await writeTinyDay(deps.raw, { day: DAY, step_ns: 2n * NS_PER_HOUR });
  const noon = dayStart(DAY) + 12n * NS_PER_HOUR;
  const segment = day.epochs[0]?.segments.find((it) => BigInt(it.first ?? 0) >= noon);
  assert.ok(segment);
  return { deps, day, segment };
}

/** Rewrites a segment's lines; `proven`: with an `_end` that agrees with them. */
async function rewrite(
  deps: JobDeps,
  key: string,
  change: (line: string, number: number) => string,
  proven: boolean,
): Promise<void> {
  const plain = text.decode(zstd.decompress((await deps.raw.get(key))?.body ?? assert.fail(key)));
  const lines = plain.trimEnd().split('\n');
  const { _end: end } = JSON.parse(lines.pop() ?? '') as { _end: object };
  const content = new TextEncoder().encode(
    lines
      .map(change)
      .map((it) => `${it}\n`)
      .join(''),
  );
  const told = proven ? { ...end, bytes: content.length, sha256: sha256(content) } : end;
  const last = new TextEncoder().encode(`${JSON.stringify({ _end: told })}\n`);
  await deps.raw.put(key, zstd.compress(Buffer.concat([content, last])));
}

const replaced =
  (number: number, by: (line: string) => string) =>
  (line: string, at: number): string =>
    at === number ? by(line) : line;

/** By the archive and by a replay, in the same words. */
async function refused(deps: JobDeps): Promise<SsmdError> {
  const said = await errorOf(archiveDay(deps, of));
  assert.equal(await readManifest(deps, named), null, 'nothing was committed');
  const source = archiveSource(deps, tinyFeed, SPAN, { types: null, symbols: null });
  const replayed = await errorOf(source(SPAN.from, new AbortController().signal).next());
  assert.deepEqual([replayed.code, replayed.message], [said.code, said.message]);
  return said;
}

async function errorOf(job: Promise<unknown>): Promise<SsmdError> {
  const error: unknown = await job.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SsmdError, 'it is refused');
  return error;
}

test('RAW written by a newer version is refused, with what to do', async () => {
  for (const change of [
    replaced(0, (line) => line.replace('"format":1', '"format":2')),
    replaced(1, (line) => line.replace(/^(\{"t":"\d+",).*$/, '$1"_later":{}}')),
  ]) {
    const { deps, segment } = await dayWith();
    await rewrite(deps, segment.key, change, true);
    const error = await refused(deps);
    assert.deepEqual([error.code, error.retryable], ['SSMD_CORRUPT', false]);
    assert.ok(error.message.includes(segment.key), error.message);
    assert.match(error.message, /written by a newer version.*: upgrade this worker .* start again/);
  }
});

test('a foreign file in the bucket is named, and ignored', async () => {
  const { deps, segment } = await dayWith();
  const foreign = `${segment.key.slice(0, segment.key.lastIndexOf('/'))}/notes.txt`;
  await deps.raw.put(foreign, new TextEncoder().encode('hello'));
  const { committed } = await archiveDay(deps, of);
  const alone = await archiveDay((await dayWith()).deps, of);
  assert.equal(committed.content_id, alone.committed.content_id);
  const audit = await auditDay(deps, { ...resolveDay(deps, of), version: null }, plainContext());
  assert.deepEqual([audit.outcome, audit.foreign], ['passed', [foreign]]);
  assert.equal(text.decode((await deps.raw.get(foreign))?.body), 'hello');
});

test('two hosts that claim the interval of one epoch are named, and the day is not committed', async () => {
  const { deps, segment } = await dayWith();
  const other = replaced(0, (line) => line.replace(/"host":"[^"]*"/, '"host":"other"'));
  await rewrite(deps, segment.key, other, true);
  const error = await refused(deps);
  assert.deepEqual([error.code, error.retryable], ['SSMD_CORRUPT', false]);
  assert.match(error.message, /epoch \d+ of tier1 .* claim the same interval: .* and other/);
  assert.ok(error.message.includes(segment.key), error.message);
});

test('a line that is not ours: its segment is quarantined from there, the rest of the day goes on', async () => {
  for (const proven of [true, false]) {
    const { deps, segment } = await dayWith();
    await rewrite(
      deps,
      segment.key,
      replaced(2, () => 'hello'),
      proven,
    );
    const { committed } = await archiveDay(deps, of);
    assert.equal(committed.complete, false);
    const manifest = await readManifest(deps, named);
    const [gap, ...more] = manifest?.gaps ?? [];
    assert.deepEqual([gap?.cause, more.length], ['segment_corrupt', 0]);
    assert.ok(gap?.detail.startsWith(`${segment.key} line 3: `), gap?.detail);
    const state = manifest?.inputs.find((it) => it.key === segment.key)?.state;
    assert.equal(state, 'prefix');
    const last = manifest?.objects.map((it) => BigInt(it.last_t)).reduce((a, b) => (b > a ? b : a));
    assert.ok((last ?? 0n) > BigInt(gap?.to ?? 0), 'the day goes on behind it');
  }
});
