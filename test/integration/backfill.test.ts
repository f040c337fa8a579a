/**
 * Days without a manifest, built from RAW through the production worker and its child processes on real
 * servers: the same day daily-archive would have made, and nothing of what is committed is touched.
 */
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readCurrent, readManifest } from '../../activities/datasets.ts';
import { versionOfDay } from '../../dataset/current.ts';
import { manifestKey } from '../../dataset/keys.ts';
import type { Day } from '../../schema/time.ts';
import type { AuditReport } from '../../workflows/audit.ts';
import type { BackfillReport } from '../../workflows/backfill.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { ssmd } from '../support/command-line.ts';
import { keepHistory } from '../support/histories.ts';
import { FOUR_MARKETS, importInto, openReprocessStage } from '../support/reprocess-stage.ts';
import type { ReprocessStage } from '../support/reprocess-stage.ts';

const skip = skipWithoutCaptures;
const DAY = '2021-07-22' as Day;
const FEED = FOUR_MARKETS.feed;
const RANGE = { feed: FEED, from: '2021-07-21', to: '2021-07-23' };
const stage: ReprocessStage | null = skip === false ? await prepared() : null;
after(() => stage?.[Symbol.asyncDispose]());

async function prepared(): Promise<ReprocessStage> {
  const opened = await openReprocessStage();
  await importInto(opened.raw, FOUR_MARKETS);
  return opened;
}

function onStage(): ReprocessStage {
  assert.ok(stage !== null, 'the servers run where the captures are there');
  return stage;
}

const states = ({ days }: BackfillReport): string[] => days.map((it) => it.state);

async function keysOf(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key, etag } of onStage().normalized.list('')) keys.push(`${key} ${etag}`);
  return keys;
}

test('a dry run says what would be built, and writes nothing', { skip }, async () => {
  const input = { ...RANGE, dry_run: true };
  const report = await onStage().run<BackfillReport>('backfill', 'dry', input);
  assert.equal(report.outcome, 'planned');
  assert.deepEqual(states(report), ['no_raw', 'to_build', 'no_raw']);
  assert.match(report.days[0]?.why ?? '', /RAW has nothing of it/);
  assert.ok(report.raw_bytes > 0);
  assert.deepEqual(await keysOf(), []);
});

test('a day is built, served, and what daily-archive would have made', { skip }, async () => {
  const { client, run } = onStage();
  const report = await run<BackfillReport>('backfill', 'range', RANGE);
  assert.equal(report.outcome, 'built', JSON.stringify(report));
  assert.deepEqual(states(report), ['no_raw', 'built', 'no_raw']);
  assert.deepEqual(report.counts, { no_raw: 2, built: 1 });
  const version = report.days[1]?.version ?? '';
  const current = await readCurrent(onStage(), FEED);
  assert.equal(versionOfDay(current, DAY), version);
  const manifest = await readManifest(onStage(), { version, feed: FEED, day: DAY });
  assert.equal(report.days[1]?.records, manifest?.totals.records);
  await keepHistory(client, 'backfill', 'range');
  // It refuses with a conflict where its own content is another one.
  const input = { feed: FEED, day: DAY, qa: false, force: true };
  const archived = await run<DailyArchiveReport>('daily-archive', 'same', input);
  assert.deepEqual(
    [archived.outcome, archived.content_id],
    ['already_committed', manifest?.content_id],
  );
});

test(
  'a committed day is left as it is, and one that was not served yet is served',
  { skip },
  async () => {
    const { normalized, run } = onStage();
    const before = await keysOf();
    const again = await run<BackfillReport>('backfill', 'again', RANGE);
    assert.equal(again.outcome, 'nothing_to_build');
    assert.deepEqual(states(again), ['no_raw', 'already_committed', 'no_raw']);
    assert.deepEqual(await keysOf(), before);
    const version = again.days[1]?.version ?? '';
    const pointer = `normalized/_current/${FEED}.json`;
    await normalized.delete(pointer);
    const served = await run<BackfillReport>('backfill', 'unserved', { feed: FEED, day: DAY });
    assert.deepEqual(states(served), ['already_committed']);
    assert.equal(versionOfDay(await readCurrent(onStage(), FEED), DAY), version);
    const manifest = `${manifestKey({ version, feed: FEED, day: DAY })} `;
    const etagOf = (keys: string[]) => keys.find((it) => it.startsWith(manifest));
    assert.equal(etagOf(await keysOf()), etagOf(before));
  },
);

test('by the command line: the days, and a day that is not over', { skip }, async () => {
  const root = await mkdtemp(join(tmpdir(), 'ssmd-backfill-'));
  const options = { root, env: onStage().variables };
  const today = new Date().toISOString().slice(0, 10);
  const args = ['backfill', '--feed', FEED, '--date', today, '--env', 'dev', '--json'];
  const { code, out, err } = await ssmd(args, options);
  assert.equal(code, 0, err);
  const report = JSON.parse(out) as BackfillReport & { readonly id: string };
  assert.equal(report.id, `backfill/${FEED}/${today}..${today}`);
  assert.deepEqual(states(report), ['not_over']);
  assert.match(report.days[0]?.why ?? '', /market still open until/);
  const wrong = await ssmd(
    ['backfill', '--feed', 'krakn', '--start', '2021-07-23', '--env', 'dev'],
    options,
  );
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /--feed: [^]*--start: is one end of a range/);
});

test('what the buckets hold, by the command line', { skip }, async () => {
  const { variables } = onStage();
  const options = { root: await mkdtemp(join(tmpdir(), 'ssmd-usage-')), env: variables };
  const { code, out, err } = await ssmd(['storage', 'usage', '--env', 'dev'], options);
  assert.equal(code, 0, `${out}${err}`);
  const said =
    /raw: \d+ objects[^]*oldest day 2021-07-22[^]*report: npx ssmd storage get usage\/\S+\/all-\w+\.html/;
  assert.match(out, said);
});

test(
  'the audit of a range by the command line, its report, and its exit code',
  { skip },
  async () => {
    const { normalized, variables } = onStage();
    const options = { root: await mkdtemp(join(tmpdir(), 'ssmd-audit-')), env: variables };
    const args = [
      'audit',
      '--feed',
      FEED,
      '--start',
      RANGE.from,
      '--end',
      RANGE.to,
      '--env',
      'dev',
    ];
    const { code, out, err } = await ssmd([...args, '--json'], options);
    assert.equal(code, 0, `${out}${err}`);
    const report = JSON.parse(out) as AuditReport & { readonly id: string };
    assert.equal(report.id, `audit/${FEED}/${RANGE.from}..${RANGE.to}`);
    assert.deepEqual([report.outcome, report.days_rebuilt], ['passed', 1]);
    const key = manifestKey({ version: report.days[0]?.version ?? '', feed: FEED, day: DAY });
    await normalized.delete(key);
    const found = await ssmd(args, options);
    assert.equal(found.code, 1, found.err);
    assert.match(found.out, new RegExp(`manifest_missing ${key}: `));
    assert.match(
      found.out,
      /report: npx ssmd storage get audit\/2021\/07\/23\/binance-usdm-[0-9a-f]+\.html/,
    );
  },
);
