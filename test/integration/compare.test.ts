/**
 * A real recording, archived and laid down again with events changed, compared by all ways there are: the
 * job, the command line through it, straight from the store, and between two environments.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { DayComparison } from '../../activities/compare.ts';
import { readManifest } from '../../activities/datasets.ts';
import type { CompareDocument } from '../../dataset/compare.ts';
import type { DiffDocument } from '../../dataset/diff.ts';
import { FLAG } from '../../schema/events.ts';
import type { MarketEvent } from '../../schema/events.ts';
import type { Day } from '../../schema/time.ts';
import { createS3ObjectStore } from '../../storage/s3.ts';
import { sha256, zstd } from '../../storage/zstd.ts';
import { endpointsOf } from '../../environments/endpoints.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { ssmd } from '../support/command-line.ts';
import type { Ran } from '../support/command-line.ts';
import { copyDay } from '../support/diff-day.ts';
import { keepHistory } from '../support/histories.ts';
import { FOUR_MARKETS, importInto, openReprocessStage } from '../support/reprocess-stage.ts';
import type { ReprocessStage } from '../support/reprocess-stage.ts';

const skip = skipWithoutCaptures;
const DAY = '2021-07-22' as Day;
const FEED = FOUR_MARKETS.feed;
/** An import is of another origin than what the environment captures: it has a label of its own. */
const LIVE = 'v1.1';
const COPY = 'v9';

const stage: ReprocessStage | null = skip === false ? await prepared() : null;
const files = await mkdtemp(join(tmpdir(), 'ssmd-compare-'));
after(async () => {
  await stage?.[Symbol.asyncDispose]();
  await rm(files, { recursive: true, force: true });
});

function onStage(): ReprocessStage {
  assert.ok(stage !== null, 'the servers run where the captures are there');
  return stage;
}

async function prepared(): Promise<ReprocessStage> {
  const opened = await openReprocessStage();
  await importInto(opened.raw, FOUR_MARKETS);
  const input = { feed: FEED, day: DAY, qa: false, force: true };
  const { version } = await opened.run<DailyArchiveReport>('daily-archive', 'archive', input);
  assert.equal(version, LIVE);
  const archived = await readManifest(opened, { version: LIVE, feed: FEED, day: DAY });
  assert.ok(archived !== null);
  await copyDay(depsOf(opened), archived, COPY, mutant());
  return opened;
}

function depsOf({ raw, normalized }: Pick<ReprocessStage, 'raw' | 'normalized'>) {
  const build = { version: '0', commit: 'test', build: 'test' };
  return { raw, normalized, zstd, sha256, build, origin: 'import' as const };
}

const BOOKS = 255;
const QUOTES_LESS = 1;

/** Every book of a market is said to be unverified, or not to be; a quote is lost. */
function mutant(): (event: MarketEvent) => MarketEvent | null {
  let quotes = 0;
  return (event) => {
    if (event.symbol !== 'SUSHIUSDT-PERP') return event;
    if (event.type === 'book') return { ...event, flags: event.flags ^ FLAG.UNVERIFIED };
    return event.type === 'quote' && ++quotes === 100 ? null : event;
  };
}

function assertFound(diff: Pick<DiffDocument, 'events' | 'verdict'>): void {
  assert.equal(diff.verdict, 'differs');
  const { changed, removed, added } = diff.events;
  assert.deepEqual([changed, removed, added], [BOOKS, QUOTES_LESS, 0]);
}

async function documentAt<T>(key: string): Promise<T> {
  const stored = await onStage().normalized.get(key);
  return JSON.parse(new TextDecoder().decode(stored?.body)) as T;
}

test('the job names what was changed, with its fields and its raw frames', { skip }, async () => {
  const { client, run } = onStage();
  const input = { feed: FEED, day: DAY, left: 'current', right: COPY };
  const found = await run<DayComparison>('compare', 'compare-1', input);
  assert.deepEqual([found.old, found.new], [LIVE, COPY]);
  assertFound(found);
  const document = await documentAt<CompareDocument>(found.json);
  const books = document.streams.find((it) => it.type === 'book' && it.counts.changed > 0);
  assert.deepEqual(books?.fields, { flags: BOOKS });
  assert.equal(found.frames, 6);
  for (const { id } of books?.samples ?? []) {
    assert.match(document.frames[id ?? '']?.text ?? '', /"e":"depthUpdate"|snapshot|"U":/);
  }
  const html = await onStage().normalized.get(found.html);
  assert.match(new TextDecoder().decode(html?.body), /npx ssmd trace binance-usdm\//);
  const filed = (await client.workflow.getHandle('compare-1').describe()).typedSearchAttributes;
  const outcome = filed.getAll().find(({ key }) => key.name === 'SsmdOutcome');
  assert.equal(outcome?.value, 'differs');
  await keepHistory(client, 'compare', 'compare-1');
});

test('a version that has not the day fails the job with its name', { skip }, async () => {
  const input = { feed: FEED, day: DAY, left: LIVE, right: 'v77' };
  await assert.rejects(onStage().run('compare', 'compare-2', input), (error: Error) => {
    let cause: unknown = error;
    while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
    return /2021-07-22 is not committed in v77/.test(String(cause));
  });
});

async function environmentFile(name: string): Promise<string> {
  const file = join(files, `${name}.yaml`);
  const text = `apiVersion: ssmd/v1
kind: Environment
metadata: { name: ${name} }
spec:
  symbols:
    BTCUSDT-PERP: { feeds: { binance-usdm: { external: BTCUSDT } }, tier: 1 }
  shards:
    tier1: { selector: { tier: 1 } }
  transport:
    type: nats
    subjects:
      internal: 'internal.{shard}.{feed}.{type}.{symbol}'
      client: 'md.{feed}.{type}.{symbol}'
  storage:
    raw: { bucket: ${name}-raw, retention_days: -1 }
    normalized: { bucket: ${name}-normalized, retention_days: -1 }
  jetstream: { retention_hours: 48, max_bytes: 1GB }
  origin: simulator
`;
  await writeFile(file, text);
  return file;
}

async function command(...args: readonly string[]): Promise<Ran> {
  return await ssmd(args, { root: files, env: onStage().variables });
}

test('one version under two names is not compared', { skip }, async () => {
  const env = await environmentFile('test');
  const of = ['--feed', FEED, '--date', DAY, '--env', env];
  for (const args of [
    ['compare', ...of, '--left', 'current', '--right', LIVE],
    ['reprocess', 'diff', ...of, '--old', 'current', '--new', LIVE],
  ]) {
    const { code, err } = await command(...args);
    assert.equal(code, 2, err);
    assert.match(err, /2021-07-22: both sides are v1\.1; name another version/);
  }
});

test('ssmd compare starts the job and says what it found', { skip }, async () => {
  const env = await environmentFile('test');
  const args = ['--feed', FEED, '--date', DAY, '--left', LIVE, '--right', COPY, '--env', env];
  const told = await command('compare', ...args, '--json');
  assert.equal(told.code, 0, told.err);
  assertFound(JSON.parse(told.out) as DayComparison);
  const shown = await command('compare', ...args);
  assert.match(shown.out, /v1\.1\.\.v9: differs/);
  assert.match(
    shown.out,
    /report: npx ssmd storage get compare\/binance-usdm\/2021\/07\/22\/v1\.1\.\.v9\.html/,
  );
});

test('ssmd reprocess diff reads the store itself', { skip }, async () => {
  const env = await environmentFile('test');
  const args = ['--feed', FEED, '--date', DAY, '--old', LIVE, '--new', COPY, '--env', env];
  const told = await command('reprocess', 'diff', ...args, '--json');
  assert.equal(told.code, 0, told.err);
  assertFound(JSON.parse(told.out) as DiffDocument);
  const shown = await command('reprocess', 'diff', ...args);
  assert.match(shown.out, /book fields: flags 255/);
});

test('ssmd reprocess run follows until somebody has to decide', { skip }, async () => {
  const env = await environmentFile('test');
  const args = ['--feed', FEED, '--date', DAY, '--to', 'v2', '--env', env];
  const said = ['--by', 'ana', '--reason', 'looked at it', '--env', env];
  const nothing = await command('dataset', 'rollback', '--feed', FEED, ...said);
  assert.equal(nothing.code, 2, nothing.err);
  assert.match(nothing.err, /no day of .* was ever moved .*: there is nothing to take back/);
  for (const verb of ['reject', 'promote']) {
    const told = await command('reprocess', 'run', ...args, '--json');
    assert.equal(told.code, 0, told.err);
    const {
      id,
      over,
      stage: at,
    } = JSON.parse(told.out) as Record<'id' | 'over' | 'stage', unknown>;
    assert.deepEqual([over, at], [false, 'deciding']);
    const decided = await command('reprocess', verb, String(id), ...said);
    assert.equal(decided.code, 0, decided.err);
  }
  const serves = await command('dataset', 'current', '--feed', FEED, '--env', env);
  assert.match(serves.out, /2021-07-22 .*v2/);
  const listed = await command('dataset', 'list', '--feed', FEED, '--env', env);
  assert.match(listed.out, / v2 +yes /);
  const back = await command('dataset', 'rollback', '--feed', FEED, ...said);
  assert.equal(back.code, 0, back.err);
  const again = await command('dataset', 'current', '--feed', FEED, '--env', env);
  assert.match(again.out, new RegExp(`2021-07-22 .*${LIVE.replace('.', '\\.')}`));
});

test('a word that no worker would hear is not said', { skip }, async () => {
  const workflowId = 'reprocess/unheard';
  const run = { taskQueue: 'nobody-polls-it', workflowId, args: [{ feed: FEED, day: DAY }] };
  const handle = await onStage().client.workflow.start('reprocess', run);
  const env = await environmentFile('test');
  const said = ['--by', 'ana', '--reason', 'looked at it', '--env', env];
  const { code, err } = await command('reprocess', 'promote', workflowId, ...said);
  assert.equal(code, 3, err);
  assert.match(err, /no worker answered for reprocess\/unheard; start one: npx ssmd worker/);
  const { events } = await handle.fetchHistory();
  assert.equal(
    events?.some((it) => it.workflowExecutionUpdateAcceptedEventAttributes != null),
    false,
  );
  await handle.terminate();
});

test('ssmd env compare puts two environments side by side', { skip }, async () => {
  const { raw, normalized, environment, variables } = onStage();
  const [baseline, candidate] = [await environmentFile('test'), await environmentFile('pr-123')];
  const endpoint = endpointsOf(environment, variables).s3;
  await using other = createS3ObjectStore({ ...endpoint, bucket: 'pr-123-normalized' });
  await other.ensureBucket();
  const report = join(files, 'diff-report.json');
  const args = ['--baseline', baseline, '--candidate', candidate, '--feed', FEED, '--date', DAY];
  const asked = ['env', 'compare', ...args, '--candidate-version', 'v5', '--output', report];
  const without = await command(...asked);
  assert.equal(without.code, 2);
  assert.match(without.err, /environment pr-123: .*2021-07-22 is not committed in v5/);
  const archived = await readManifest({ normalized }, { version: LIVE, feed: FEED, day: DAY });
  assert.ok(archived !== null);
  await copyDay({ ...depsOf({ raw, normalized }), to: other }, archived, 'v5', mutant());
  const { code, out, err } = await command(...asked);
  assert.equal(code, 0, err);
  assert.match(out, /v1\.1\.\.v5: differs/);
  const document = JSON.parse(await readFile(report, 'utf8')) as CompareDocument;
  assertFound(document);
  assert.match(await readFile(report.replace('.json', '.html'), 'utf8'), /^<!doctype html>/);
});
