/**
 * Days rebuilt under versions of their own, through the production worker and its child processes, on
 * real servers: equal to what was archived however the work is shared, compared, promoted, taken back.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readCurrent, readManifest } from '../../activities/datasets.ts';
import { versionOfDay } from '../../dataset/current.ts';
import { canonicalObjectKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import type { Day } from '../../schema/time.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import type { PromoteReport } from '../../workflows/promote.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { keepHistory } from '../support/histories.ts';
import { FOUR_MARKETS, importInto, openReprocessStage } from '../support/reprocess-stage.ts';
import type { ReprocessStage } from '../support/reprocess-stage.ts';

const skip = skipWithoutCaptures;
const DAY = '2021-07-22' as Day;
const LIVE = 'v1.1';
const FEED = FOUR_MARKETS.feed;
const stage: ReprocessStage | null = skip === false ? await prepared() : null;
after(() => stage?.[Symbol.asyncDispose]());

async function prepared(): Promise<ReprocessStage> {
  const opened = await openReprocessStage();
  await importInto(opened.raw, FOUR_MARKETS);
  const input = { feed: FEED, day: DAY, qa: false, force: true };
  const { version } = await opened.run<DailyArchiveReport>('daily-archive', 'archive', input);
  // An import is of another origin than what the environment captures: it has a label of its own.
  assert.equal(version, LIVE);
  return opened;
}

function onStage(): ReprocessStage {
  assert.ok(stage !== null, 'the servers run where the captures are there');
  return stage;
}

async function manifest(version: string): Promise<Manifest> {
  const found = await readManifest(onStage(), { version, feed: FEED, day: DAY });
  assert.ok(found !== null, `${version} is committed`);
  return found;
}

/** What a day says, its label left out. */
function contentOf({ objects, gaps }: Manifest): unknown {
  const said = objects.map(({ key, plain_sha256, records }) => [
    canonicalObjectKey(key).split('/').slice(2).join('/'),
    plain_sha256,
    records,
  ]);
  return { said, gaps };
}

async function serving(): Promise<string | null> {
  return versionOfDay(await readCurrent(onStage(), FEED), DAY);
}

test(
  'rebuilt under the same logic a day is equal, in one part and in three',
  { skip },
  async () => {
    const { client, run } = onStage();
    const v1 = await manifest(LIVE);
    for (const [version, parts] of [
      ['v2', 1],
      ['v3', 3],
    ] as const) {
      const input = { feed: FEED, day: DAY, version, parts, promote: 'never' };
      const report = await run<ReprocessReport>('reprocess', `same-${version}`, input);
      assert.equal(report.outcome, 'not_promoted');
      assert.deepEqual(report.days.failed, []);
      assert.deepEqual(report.days.verdicts, {
        ...{ identical: 1, projected: 0, differs: 0, nothing_to_compare: 0 },
      });
      assert.deepEqual(contentOf(await manifest(version)), contentOf(v1));
      if (parts === 3) await keepHistory(client, 'reprocess-day', `same-${version}/${DAY}`);
    }
    assert.equal(await serving(), LIVE, 'nothing that is served has changed');
  },
);

test('md1 is what its projection keeps, and says what it drops', { skip }, async () => {
  const input = { feed: FEED, day: DAY, version: 'v4', schema: 'md1', promote: 'never', parts: 2 };
  const report = await onStage().run<ReprocessReport>('reprocess', 'md1', input);
  assert.equal(report.days.verdicts.projected, 1, JSON.stringify(report.days));
  const md1 = await manifest('v4');
  assert.equal(md1.schema, 'md1');
  const { old, new: kept, equal, dropped } = report.days.events;
  assert.equal(kept, md1.totals.records);
  assert.deepEqual([equal, dropped], [kept, old - kept]);
  assert.ok(kept > 0 && dropped > 0);
});

test('a day is promoted when somebody says so, and taken back', { skip }, async () => {
  const { client, run } = onStage();
  const input = { feed: FEED, day: DAY, version: 'v2' };
  const handle = await client.workflow.start('reprocess', {
    taskQueue: 'ssmd',
    workflowId: 'manual',
    args: [input],
  });
  await assert.rejects(
    handle.executeUpdate('promote', { args: [{ by: '', reason: 'x' }] }),
    (error: Error) => /being built|"by" is missing/.test(String(error.cause)),
  );
  for (;;) {
    const { stage: at } = await handle.query<{ stage: string }>('tally');
    if (at === 'deciding') break;
  }
  const said = { by: 'ana', reason: 'diff reviewed' };
  await handle.executeUpdate('promote', { args: [said] });
  const report = (await handle.result()) as ReprocessReport;
  assert.deepEqual([report.outcome, report.days.unchanged], ['promoted', 1]);
  assert.equal(await serving(), 'v2');
  await keepHistory(client, 'reprocess', 'manual');
  const revision = report.moved?.revision ?? 0;
  const back = { feed: FEED, undo: revision, by: 'ana', reason: 'second thoughts' };
  const undone = await run<PromoteReport>('promote', 'undo', back);
  assert.equal(undone.outcome, 'moved');
  await keepHistory(client, 'promote', 'undo');
  assert.equal(await serving(), LIVE);
  const current = await readCurrent(onStage(), FEED);
  assert.deepEqual(
    current?.moves.map((it) => [it.by, it.undoes]),
    [
      ['ana', null],
      ['ana', revision],
    ],
  );
});
