/** Jobs on the command line: what is started is judged first, and listed by what came of it. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { notCommitted } from '../../cli/dataset/chosen.ts';
import { outcomeOf, plainDetails } from '../../cli/commands/job.ts';
import { refuseWrongStart, startsJob } from '../../cli/job-start.ts';
import type { JobRow } from '../../cli/job-runs.ts';
import { nsFromMs } from '../../schema/time.ts';
import { ssmd } from '../support/command-line.ts';
import { words } from '../support/documents.ts';

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'ssmd-jobs-'));
});
after(() => rm(root, { recursive: true, force: true }));

const KNOWN = {
  feeds: ['binance-usdm', 'kraken'],
  shards: ['binance-usdm', 'kraken'].map((feed) => ({ feed, shard: 'tier1' })),
  now: nsFromMs(Date.UTC(2026, 10, 21, 12)),
};

const start = (rest: string): string[] => words(`workflow start --task-queue ssmd ${rest}`);

test('a job is told by its queue or its type; what is not ours is passed on', () => {
  assert.ok(startsJob(start('--type daily-archive')));
  assert.ok(startsJob(words('workflow execute -t ssmd --type nonsense')));
  assert.ok(startsJob(words('schedule create --type=audit --task-queue=other')));
  assert.ok(!startsJob(words('workflow start --type theirs --task-queue other')));
  assert.ok(!startsJob(words('workflow list --query audit')));
  assert.ok(!startsJob([]));
});

test('right starts are let through', async () => {
  const example = `--type daily-archive --input '{"feed":"kraken","day":"2026-11-20"}'`;
  await refuseWrongStart(start(example), KNOWN);
  await refuseWrongStart(start('--type=audit'), KNOWN);
  await refuseWrongStart(start('--type daily-archive --input-file job.json'), KNOWN);
});

test('every bad field is named in one error, with a valid example', async () => {
  const input = `'{"feed":"krakn","day":"2026-11-41","forced":true}'`;
  await assert.rejects(
    refuseWrongStart(start(`--type daily-archive --input ${input}`), KNOWN),
    (error: Error) => {
      for (const said of [
        /feed: "krakn".*did you mean "kraken"/,
        /day: "2026-11-41"/,
        /forced: /,
      ]) {
        assert.match(error.message, said);
      }
      assert.match(error.message, /A valid example: \{"feed":/);
      return true;
    },
  );
  await assert.rejects(refuseWrongStart(start('--type daily-archiv'), KNOWN), {
    code: 'SSMD_INVALID_INPUT',
    message: /no job 'daily-archiv' \(did you mean "daily-archive"\?\)/,
  });
  await assert.rejects(
    refuseWrongStart(start(`--type audit --task-queue smd --input '{feed:kraken}'`), KNOWN),
    /2 faults:\n {2}--task-queue: our workers poll "ssmd".*\n {2}--input: is no JSON/,
  );
  await assert.rejects(
    refuseWrongStart(start(`--type audit --input '{"day":"2026-11-21"}'`), KNOWN),
    { code: 'SSMD_DAY_NOT_OVER' },
  );
});

test('ssmd temporal refuses it with 2 before anything is looked for', async () => {
  const args = ['temporal', ...start(`--type daily-archive --input '{"feed":"krakn"}'`)];
  const { code, err } = await ssmd(args, { root, env: { PATH: '' } });
  assert.equal(code, 2, err);
  assert.match(err, /feed: "krakn"/);
  assert.deepEqual(await readdir(root), []);
});

const ROW: JobRow = {
  ...{ type: 'daily-archive', id: 'x', run_id: 'y', feed: 'kraken', day: '2026-11-20' },
  ...{ version: null, status: 'FAILED', started: '', closed: null, stage: 'build' },
  ...{ outcome: null, failure: 'SSMD_LATE_RAW' },
};

test('the outcome of a job is what came of it, never the stage it failed in', () => {
  assert.equal(outcomeOf(ROW), 'SSMD_LATE_RAW');
  const filed = { ...ROW, outcome: 'failed' };
  assert.equal(outcomeOf(filed), 'SSMD_LATE_RAW', 'the code says more than that it failed');
  assert.equal(outcomeOf({ ...ROW, status: 'TERMINATED', failure: null }), '');
  assert.equal(outcomeOf({ ...ROW, status: 'RUNNING', failure: null }), 'at build');
  assert.equal(
    outcomeOf({ ...ROW, status: 'COMPLETED', failure: null, outcome: 'complete' }),
    'complete',
  );
});

test('a day that is not there is told with those that are', () => {
  const day = (text: string, version = 'v1') => ({ day: text, version });
  const wanted = { feed: 'kraken', date: '2026-11-20' };
  const said = (days: readonly { day: string; version: string }[], more = {}): string =>
    notCommitted(days, { ...wanted, ...more }).message;
  assert.match(said([]), /kraken has no committed day at all/);
  assert.match(said([day('2026-11-19')]), /not committed; there are 2026-11-19$/);
  const many = Array.from({ length: 9 }, (_, index) => day(`2026-10-0${index + 1}`));
  assert.match(said(many), /there are 2026-10-03, .*2026-10-09 and 2 before$/);
  const versions = [day('2026-11-20', 'v1'), day('2026-11-20', 'v1.1')];
  assert.match(said(versions, { datasetVersion: 'v2' }), /no version v2; it has v1, v1\.1/);
});

test('flags of dataset and job are checked before a server is asked', async () => {
  const show = words('dataset show --feed krakn --date yesterday --dataset-version 3 --env dev');
  const { code, err } = await ssmd(show, { root });
  assert.equal(code, 2);
  for (const said of [
    /--feed: .*did you mean "kraken"/,
    /--date: 'yesterday'/,
    /--dataset-version/,
  ]) {
    assert.match(err, said);
  }
  const list = await ssmd(['job', 'list', '--feed', 'krakn', '--env', 'dev'], { root });
  assert.equal(list.code, 2);
  assert.match(list.err, /received 'krakn' \(did you mean "kraken"\?\)/);
});

test('what a run shows of itself is told without the marks of its page', () => {
  const page =
    '**daily-archive kraken 2026-11-10**\n\n| | stage | |\n|---|---|---|\n' +
    '| ok | bus | 3 windows |\n| > | plan |  |\n|   | build |  |\nnote';
  const lines = ['daily-archive kraken 2026-11-10', '', '  ok bus  3 windows'];
  assert.equal(plainDetails(page), [...lines, '  >  plan', '     build', 'note'].join('\n'));
});
