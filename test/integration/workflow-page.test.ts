/** What a run leaves for whoever looks at it in the UI, on a real Temporal server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, NativeConnection, Worker, bundleWorkflowCode } from '@temporalio/worker';
import type { TellInput } from '../../activities/notices.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { keepHistory } from '../support/histories.ts';
import { seen } from '../support/until.ts';
import { readProjectFile } from '../support/project.ts';
import { openS3Jobs } from '../support/s3-jobs.ts';
import type { S3Jobs } from '../support/s3-jobs.ts';
import { startTestServers } from '../support/servers.ts';
import type { TestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { SEARCH_ATTRIBUTES, startWorkflowJobs } from '../support/workflow-jobs.ts';
import type { WorkflowJobs } from '../support/workflow-jobs.ts';

const DAY = '2026-11-20' as Day;
const ID = `daily-archive/tiny/${DAY}`;

let servers: TestServers;
let stores: S3Jobs;
let jobs: WorkflowJobs;

before(async () => {
  servers = await startTestServers({ temporal: true, s3: true });
  stores = await openS3Jobs(servers.s3, '2026-11-22T06:00:00Z', { bus: null });
  jobs = await startWorkflowJobs(servers.temporal.address, stores.deps);
});
after(async () => {
  await jobs[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

type Page = { readonly currentDetails?: string };

async function detailsOf(id: string): Promise<string> {
  const page = await jobs.client.workflow.getHandle(id).query<Page>('__temporal_workflow_metadata');
  return page.currentDetails ?? '';
}

async function filedOf(id: string): Promise<Record<string, unknown>> {
  const { typedSearchAttributes } = await jobs.client.workflow.getHandle(id).describe();
  const pairs = typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  return Object.fromEntries(pairs) as Record<string, unknown>;
}

type Event = {
  readonly userMetadata?: { readonly summary?: { readonly data?: string } };
  readonly activityTaskScheduledEventAttributes?: {
    readonly activityType: { readonly name: string };
  };
  readonly timerStartedEventAttributes?: { readonly startToFireTimeout: string };
};

async function eventsOf(id: string): Promise<readonly Event[]> {
  const history = await jobs.client.workflow.getHandle(id).fetchHistory();
  return (JSON.parse(historyToJSON(history)) as { events: Event[] }).events;
}

function summaryOf({ userMetadata }: Event): string {
  const text = Buffer.from(userMetadata?.summary?.data ?? '', 'base64').toString('utf8');
  return text === '' ? '' : (JSON.parse(text) as string);
}

test('a day that went well says what it came to, how much, and what to look at', async () => {
  await writeTinyDay(stores.deps.raw, { day: DAY, step_ns: 20n * NS_PER_MINUTE });
  await jobs.run('daily-archive', ID, { feed: 'tiny', day: DAY });
  const page = await detailsOf(ID);
  assert.match(page, /^\*\*daily-archive tiny 2026-11-20\*\*\n\n`█{24}` 6 of 6 stages\n/);
  assert.match(page, /\| x \| build \| 1 of 1 shards, \d+ records, \d+ a second; \d+ raw segments/);
  assert.match(page, /\*\*committed, complete\*\*: v1, \d+ records, \d+ bytes\. Manifest: `\S+`/);
  assert.match(page, /Look at it: `npx ssmd dataset show --feed tiny --date 2026-11-20`$/);
  const { memo } = await jobs.client.workflow.getHandle(ID).describe();
  assert.equal(memo?.['outcome'], 'committed');
  assert.equal(memo?.['complete'], true);
  assert.match(String(memo?.['manifest']), /2026-11-20\.json$/);
  assert.equal(typeof memo?.['records'], 'number');
  assert.equal((await filedOf(ID))['SsmdMode'], 'wait');
  await keepHistory(jobs.client, 'daily-archive', ID, 'filed');
});

test('each step of the timeline has words, none longer than the UI shows', async () => {
  for (const id of [ID, `qa/tiny/${DAY}/v1`]) {
    const events = await eventsOf(id);
    const steps = events.filter((it) => it.activityTaskScheduledEventAttributes !== undefined);
    assert.ok(steps.length > 2);
    for (const step of steps) {
      const words = summaryOf(step);
      const { name } = step.activityTaskScheduledEventAttributes?.activityType ?? {};
      assert.ok(words.length > 0 && words.length <= 120, `${name}: '${words}'`);
    }
  }
  const [started] = await eventsOf(`qa/tiny/${DAY}/v1`);
  assert.ok(started !== undefined);
  assert.equal(summaryOf(started), `daily-qa tiny ${DAY} v1`, 'the run that the archive started');
});

test('a day is due two hours after its run was, and the wait for that is no more once it is done', async () => {
  const events = await eventsOf(ID);
  const timer = events.find((it) => it.timerStartedEventAttributes !== undefined);
  assert.ok(timer !== undefined);
  const seconds = Number.parseFloat(timer.timerStartedEventAttributes?.startToFireTimeout ?? '');
  assert.ok(seconds > 7_100 && seconds <= 7_200, `${seconds} s`);
  assert.match(summaryOf(timer), /^warns if it is not done by \d{4}-/);
});

test('every query worth saving as a view is one the server takes', async () => {
  const [, block = ''] = /Queries worth saving as views:\n\n```text\n([^`]*)```/.exec(
    readProjectFile('docs/operating.md'),
  ) ?? [''];
  const queries = block.trim().split('\n');
  assert.ok(queries.length >= 7);
  for (const query of queries) {
    await assert.doesNotReject(jobs.client.workflow.count(query), query);
  }
  await assert.rejects(jobs.client.workflow.count('SsmdNothing="x"'));
  const filed = `SsmdFeed="tiny" AND SsmdDay="${DAY}" AND SsmdOutcome="complete"`;
  await seen(
    () => jobs.client.workflow.count(filed),
    ({ count }) => count === 1,
  );
});

test('a run that failed says where, why, and what to type', async () => {
  const id = 'qa/tiny/2026-11-10/none';
  await jobs.run('daily-qa', id, { feed: 'tiny', day: '2026-11-10' }).catch(() => null);
  const page = await detailsOf(id);
  assert.match(page, /\| ! \| version \| SSMD_NOT_FOUND: .*run daily-archive for it first/);
  assert.match(
    page,
    /\*\*It failed\*\*\. Next:\n\n- what happened: `npx ssmd job logs qa\/tiny\/2026-11-10\/none`/,
  );
  assert.match(page, /`npx ssmd job retry qa\/tiny\/2026-11-10\/none`, or with `--from-failure`/);
  const { memo } = await jobs.client.workflow.getHandle(id).describe();
  assert.equal(memo?.['outcome'], 'failed');
  assert.equal(memo?.['code'], 'SSMD_NOT_FOUND');
  assert.match(String(memo?.['why']), /run daily-archive for it first/);
  assert.equal((await filedOf(id))['SsmdOutcome'], 'failed');
  await keepHistory(jobs.client, 'daily-qa', id, 'failed');
});

test('a run that is late warns once, tells of it, and goes on', async () => {
  const told: TellInput[] = [];
  const native = await NativeConnection.connect({ address: servers.temporal.address });
  const path = (it: string): string => fileURLToPath(new URL(it, import.meta.url));
  const worker = await Worker.create({
    ...{ connection: native, taskQueue: 'late' },
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: path('../support/late-workflow.ts'),
      workflowInterceptorModules: [path('../../workflows/lib/filing.ts')],
      logger: new DefaultLogger('ERROR'),
    }),
    activities: { tellNotices: (input: TellInput) => void told.push(input) },
  });
  const options = (id: string, ms: number) => ({
    ...{ taskQueue: 'late', workflowId: id, args: [{ ms, known: SEARCH_ATTRIBUTES }] },
  });
  const page = await worker.runUntil(async () => {
    await jobs.client.workflow.execute('late', options('in-time', 60_000));
    assert.equal(told.length, 0);
    const handle = await jobs.client.workflow.start('late', options('late', 200));
    assert.deepEqual(await handle.result(), {
      ...{ outcome: 'complete', records: 3, long: ['not', 'a', 'fact'] },
    });
    return await detailsOf('late');
  });
  await native.close();
  assert.match(
    page,
    /\*\*Warning\*\*: late tiny 2026-11-20 is late: not done by \d{4}-.*It goes on/,
  );
  assert.match(page, /done$/, 'and it went on to its end');
  assert.equal(told.length, 1);
  const [notice] = told[0]?.told ?? [];
  assert.equal(notice?.title, 'late tiny 2026-11-20 is late');
  assert.deepEqual([notice?.feed, notice?.day, notice?.kind], ['tiny', '2026-11-20', 'run']);
  const stages = (await eventsOf('late')).flatMap((it) => {
    const filed = JSON.stringify(it);
    return filed.includes(Buffer.from('"late"').toString('base64')) ? [filed] : [];
  });
  assert.ok(stages.length >= 1, 'its stage says that it is late');
});
