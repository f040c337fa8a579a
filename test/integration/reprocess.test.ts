/**
 * Days rebuilt under versions of their own, through the production worker and its child processes, on
 * real servers: equal to what was archived however the work is shared, compared, promoted, taken back.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readCurrent, readManifest } from '../../activities/datasets.ts';
import { versionOfDay } from '../../dataset/current.ts';
import { canonicalObjectKey } from '../../dataset/keys.ts';
import type { Manifest } from '../../dataset/manifest.ts';
import type { Day } from '../../schema/time.ts';
import type { AuditReport } from '../../workflows/audit.ts';
import type { DailyArchiveReport } from '../../workflows/daily-archive.ts';
import type { PromoteReport } from '../../workflows/promote.ts';
import type { ReprocessReport } from '../../workflows/reprocess.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { projectRoot } from '../support/project.ts';
import { keepHistory } from '../support/histories.ts';
import { FOUR_MARKETS, importInto, openReprocessStage } from '../support/reprocess-stage.ts';
import type { ReprocessStage } from '../support/reprocess-stage.ts';
import { seen, until } from '../support/until.ts';

const skip = skipWithoutCaptures;
const DAY = '2021-07-22' as Day;
const LIVE = 'v1.1';
const FEED = FOUR_MARKETS.feed;
/** A build whose normalizer is another: it marks every event of the venue's frames. */
const MARK = 1 << 20;
const OTHER_BUILD = {
  file: 'connectors/binance-usdm/feed.ts',
  find: `  normalizer: 1,
  // The first capture this decoder was held to is of 2021; the launch was in 2019.
  decoders: [{ valid_from: '2019-09-01' as Day, decode: decodeBinanceUsdm }],`,
  replace: `  normalizer: 2,
  decoders: [{ valid_from: '2019-09-01', decode: (bytes, start, end, symbols, out) => {
    decodeBinanceUsdm(bytes, start, end, symbols, out);
    for (let at = 0; at < out.count; at++) out.flags[at] |= ${MARK};
  } }],`,
};

const stage: ReprocessStage | null = skip === false ? await prepared() : null;
after(() => stage?.[Symbol.asyncDispose]());

async function prepared(): Promise<ReprocessStage> {
  const opened = await openReprocessStage({ connectors: { '9.9.9': { command: otherBuild() } } });
  await importInto(opened.raw, FOUR_MARKETS);
  const input = { feed: FEED, day: DAY, qa: false, force: true };
  const { version } = await opened.run<DailyArchiveReport>('daily-archive', 'archive', input);
  // An import is of another origin than what the environment captures: it has a label of its own.
  assert.equal(version, LIVE);
  return opened;
}

function otherBuild(): string[] {
  const feed = readFileSync(join(projectRoot, OTHER_BUILD.file), 'utf8');
  assert.equal(feed.split(OTHER_BUILD.find).length, 2, 'the build is changed in one place');
  const hook = join(projectRoot, 'test/support/mutants/hook.ts');
  const mutation = `MUTATION=${JSON.stringify(OTHER_BUILD)}`;
  const program = [process.execPath, '--import', hook, join(projectRoot, 'cli/main.ts')];
  return ['/usr/bin/env', mutation, ...program];
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

test('an audit rebuilds what was rebuilt, in either schema', { skip }, async () => {
  for (const version of ['v3', 'v4']) {
    const input = { feed: FEED, day: DAY, version };
    const { outcome, days } = await onStage().run<AuditReport>('audit', `audit-${version}`, input);
    assert.equal(outcome, 'passed', JSON.stringify(days));
    const [day] = days;
    assert.ok((day?.equal ?? 0) > 0 && day?.equal === day?.objects);
  }
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
  await untilDeciding('manual');
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

test(
  'a registered build makes its own version, and the comparison says how it differs',
  { skip },
  async () => {
    const { run } = onStage();
    const input = { feed: FEED, day: DAY, connector_version: '9.9.9', promote: 'auto' };
    const report = await run<ReprocessReport>('reprocess', 'other-build', input);
    // By itself nothing is promoted that changed anything.
    assert.equal(report.outcome, 'not_promoted');
    assert.equal(report.version, 'v3.1', 'a making that is new has a label of its own');
    const { normalizer, totals } = await manifest('v3.1');
    assert.equal(normalizer, `${FEED}@2`);
    const { equal, changed, added, removed } = report.days.events;
    const status = totals.records_by_type.status ?? 0;
    assert.deepEqual([equal, changed, added, removed], [status, totals.records - status, 0, 0]);
    await assert.rejects(
      run('reprocess', 'unknown-build', { ...input, connector_version: '9.9.8' }),
      (error: Error) =>
        /input of reprocess has 1 fault.*'9\.9\.8' is not registered.*9\.9\.9/s.test(
          causesOf(error),
        ),
    );
    await assert.rejects(
      run('reprocess', 'other-label', { ...input, version: LIVE }),
      (error: Error) => /v1\.1 is bound to normalizer 1, not 2/.test(causesOf(error)),
    );
  },
);

test('a worker killed in the middle leaves the day to the next, equal', { skip }, async () => {
  const { client, variables, changeWorker } = onStage();
  const input = { feed: FEED, day: DAY, version: 'v7', parts: 2, promote: 'never' };
  await changeWorker(async () => {
    const program = join(projectRoot, 'test/support/worker-process.ts');
    const child = spawn(process.execPath, [program, JSON.stringify(variables)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await client.workflow.start('reprocess', {
      ...{ taskQueue: 'ssmd', workflowId: 'killed', args: [input] },
    });
    await untilBuilding(`killed/${DAY}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const report = (await client.workflow.getHandle('killed').result()) as ReprocessReport;
  assert.equal(report.days.verdicts.identical, 1, JSON.stringify(report.days));
  assert.deepEqual(contentOf(await manifest('v7')), contentOf(await manifest(LIVE)));
});

/** Returns while a part of the day is being built. */
async function untilBuilding(id: string): Promise<void> {
  const { client } = onStage();
  await until('a part is being built', async () => {
    const described = await client.workflow
      .getHandle(id)
      .describe()
      .catch(() => null);
    const pending = described?.raw.pendingActivities ?? [];
    return pending.some(
      (it) => it.activityType?.name === 'buildReprocessPart' && it.lastStartedTime != null,
    );
  });
}

function causesOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${causesOf(error.cause)}` : '';
}

test('days that somebody moved after they were compared are not moved', { skip }, async () => {
  const { client, run } = onStage();
  const handle = await client.workflow.start('reprocess', {
    ...{ taskQueue: 'ssmd', workflowId: 'stale' },
    args: [{ feed: FEED, day: DAY, version: 'v2' }],
  });
  await untilDeciding('stale');
  const elsewhere = { feed: FEED, day: DAY, version: 'v3', by: 'bo', reason: 'faster' };
  await run<PromoteReport>('promote', 'faster', elsewhere);
  await assert.rejects(
    handle.executeUpdate('promote', { args: [{ by: 'ana', reason: 'diff reviewed' }] }),
    (error: Error) => /moved by somebody else.*expected v1\.1, is v3/s.test(causesOf(error)),
  );
  const report = (await handle.result()) as ReprocessReport;
  assert.deepEqual([report.outcome, report.moved], ['not_promoted', null]);
  assert.equal(await serving(), 'v3');
  const back = { feed: FEED, day: DAY, version: LIVE, by: 'bo', reason: 'back' };
  await run<PromoteReport>('promote', 'and-back', back);
});

test(
  'by itself a day moves where nothing changed, and a change of schema never',
  { skip },
  async () => {
    const { run } = onStage();
    const auto = { feed: FEED, day: DAY, promote: 'auto' };
    const same = await run<ReprocessReport>('reprocess', 'auto', { ...auto, version: 'v2' });
    assert.equal(same.outcome, 'promoted');
    assert.equal(await serving(), 'v2');
    const md1 = { ...auto, version: 'v4', schema: 'md1', max_changed: 1 };
    const other = await run<ReprocessReport>('reprocess', 'auto-md1', md1);
    assert.equal(other.outcome, 'not_promoted');
    const rejected = await onStage().client.workflow.start('reprocess', {
      ...{ taskQueue: 'ssmd', workflowId: 'rejected' },
      args: [{ feed: FEED, day: DAY, version: 'v3' }],
    });
    await untilDeciding('rejected');
    await rejected.executeUpdate('reject', { args: [{ by: 'ana', reason: 'no need' }] });
    assert.equal(((await rejected.result()) as ReprocessReport).outcome, 'rejected');
    assert.equal(await serving(), 'v2');
  },
);

async function untilDeciding(id: string): Promise<void> {
  const handle = onStage().client.workflow.getHandle(id);
  await seen(
    () => handle.query<{ stage: string }>('tally'),
    ({ stage: at }) => at === 'deciding',
  );
}
