/** Notices on their way to Linear and to a webhook, on a real Temporal server. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import { pino } from 'pino';
import { manifestKey } from '../../dataset/keys.ts';
import { readAlerts } from '../../environments/alerts-file.ts';
import { createLinearNotifier } from '../../notify/linear.ts';
import type { SlackMessage } from '../../notify/render.ts';
import { createWebhookNotifier } from '../../notify/webhook.ts';
import type { Day } from '../../schema/time.ts';
import { NS_PER_MINUTE } from '../../schema/time.ts';
import { watchAlerts } from '../../workers/alerts.ts';
import { createNoticeDesk, openNotices } from '../../workers/notices.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { keepHistory } from '../support/histories.ts';
import { LINEAR_KEY, startLinearServer } from '../support/linear-server.ts';
import type { FakeIssue } from '../support/linear-server.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { PLACE, openNoticeFile } from '../support/notices.ts';
import { startTestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { SEARCH_ATTRIBUTES, startWorkflowJobs } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const skip = skipWithoutCaptures;
const NOW = '2026-11-22T06:00:00Z';
const DAY = '2026-11-20' as Day;

if (skip === false) await run();

async function run(): Promise<void> {
  const [servers, linear, file] = await Promise.all([
    startTestServers({ temporal: true }),
    startLinearServer(),
    openNoticeFile(),
  ]);
  const posted: SlackMessage[] = [];
  const hook = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      posted.push(JSON.parse(text) as SlackMessage);
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  const { port } = hook.address() as AddressInfo;
  const access = { api_key: LINEAR_KEY, url: linear.url, now_ms: Date.now };
  const deps = memoryJobs(NOW);
  const jobs = await startWorkflowJobs(servers.temporal.address, deps, SEARCH_ATTRIBUTES, null, {
    notifiers: [
      createLinearNotifier({ access, place: PLACE, team: 'platform' }),
      createWebhookNotifier({ url: `http://127.0.0.1:${port}/services/s`, place: PLACE }),
    ],
    last_resort: file.notifier,
  });
  const { connection } = jobs.client;

  after(async () => {
    await jobs[Symbol.asyncDispose]();
    await servers[Symbol.asyncDispose]();
    await linear[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
    hook.closeAllConnections();
    hook.close();
    assert.deepEqual(linear.invalid, []);
  });

  const archive = (id: string, input: object) => jobs.run('daily-archive', id, input);
  const issueOf = async (words: string) => {
    const found = await seen(
      () => linear.issues.filter(({ title }) => title.includes(words)),
      (issues) => issues.length > 0,
    );
    assert.equal(found.length, 1);
    return found[0] as FakeIssue;
  };
  const commentsOf = ({ id }: FakeIssue) => linear.comments.filter((it) => it.issueId === id);

  /** Runs that are filed under a ticket; the server's lists come after the runs themselves. */
  const filedUnder = async (ticket: string): Promise<string[]> => {
    const found: string[] = [];
    const query = `SsmdTicket = "${ticket}"`;
    for await (const { workflowId } of jobs.client.workflow.list({ query })) found.push(workflowId);
    return found.toSorted();
  };
  const detailsOf = async (id: string): Promise<string> => {
    const handle = jobs.client.workflow.getHandle(id);
    const page = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
    return page.currentDetails ?? '';
  };

  test('one issue, a comment on repeat, closed when it succeeds; the webhook hears it all', async () => {
    const input = { feed: 'tiny', day: DAY, qa: false };
    await assert.rejects(archive('one', input), WorkflowFailedError);
    const issue = await issueOf(`daily-archive tiny ${DAY} failed`);
    assert.match(issue.description ?? '', /npx ssmd job retry one --env test/);
    await assert.rejects(archive('two', input), WorkflowFailedError);
    await seen(
      () => commentsOf(issue),
      (comments) => comments.length === 1,
    );
    await writeTinyDay(deps.raw, { day: DAY, step_ns: 20n * NS_PER_MINUTE });
    await archive('three', input);
    await seen(
      () => linear.stateType(issue),
      (type) => type === 'completed',
    );
    await seen(
      () => posted.length,
      (count) => count === 3,
    );
    assert.match(posted[0]?.text ?? '', /^\[test\] daily-archive tiny .* failed: SSMD_NOT_FOUND$/);
    assert.match(posted[2]?.text ?? '', /^Over: /);
    assert.equal(posted[0]?.blocks[0]?.type, 'header');
  });

  test('its ticket finds the notice and every run of the trouble, and each links to it', async () => {
    const issue = await issueOf(`daily-archive tiny ${DAY} failed`);
    const { identifier: ticket, url } = issue;
    const notice = `notice/run/daily-archive/tiny/${DAY}`;
    assert.deepEqual(
      await seen(
        () => filedUnder(ticket),
        (ids) => ids.length === 4,
      ),
      [notice, 'one', 'three', 'two'],
    );
    for (const id of [notice, 'one', 'two', 'three']) {
      assert.ok((await detailsOf(id)).includes(`**Ticket**: [${ticket}](${url})`), id);
    }
    const { memo } = await jobs.client.workflow.getHandle(notice).describe();
    assert.deepEqual([memo?.['ticket'], memo?.['ticket_url']], [ticket, url]);
    await keepHistory(jobs.client, 'notice', notice, 'ticket');
    await keepHistory(jobs.client, 'daily-archive', 'three', 'ticket');
  });

  test('while Linear is away the failure stands at once, and the issue comes later', async () => {
    const before = posted.length;
    linear.setDown(true);
    const began = Date.now();
    const away = { feed: 'tiny', day: '2026-11-10' };
    const first = assert.rejects(archive('away', away), WorkflowFailedError);
    await seen(
      () => posted.length,
      (count) => count === before + 1,
    );
    assert.deepEqual(
      linear.issues.filter(({ title }) => title.includes('2026-11-10')),
      [],
    );
    // Comes again meanwhile: one issue says so.
    await Promise.all([first, assert.rejects(archive('away-2', away), WorkflowFailedError)]);
    // It waits for a ticket, and not for Linear.
    assert.ok(Date.now() - began < 60_000, `${Date.now() - began} ms`);
    linear.setDown(false);
    const issue = await issueOf('daily-archive tiny 2026-11-10 failed');
    await seen(
      () => commentsOf(issue),
      (comments) => comments.length === 1,
    );
    assert.deepEqual(await file.lines(), []);
  });

  test('what Linear refuses is kept in the file', async () => {
    const desk = createNoticeDesk(connection, 'default');
    const { aNotice } = await import('../support/notices.ts');
    // Longer in bytes than the server takes of a summary.
    const title = 'é'.repeat(300);
    await desk.told(aNotice({ fingerprint: 'nobody', team: 'no-such-team', run: null, title }));
    const [line] = await seen(file.lines, (lines) => lines.length === 1);
    assert.equal(line?.fingerprint, 'nobody');
  });

  test('an audit tells of the run that was terminated, under its own name', async () => {
    const options = { taskQueue: 'ssmd', workflowId: 'ended' };
    const input = { feed: 'tiny', day: '2026-11-21' };
    const handle = await jobs.client.workflow.start('daily-archive', { ...options, args: [input] });
    const filed = () => handle.describe().then((it) => JSON.stringify(it.searchAttributes));
    await seen(filed, (text) => text.includes('2026-11-21'));
    await handle.terminate('by hand');
    const query = 'WorkflowId = "ended" AND ExecutionStatus = "Terminated"';
    await seen(
      () => jobs.client.workflow.count(query),
      ({ count }) => count === 1,
    );
    await jobs.run('audit', 'audit/all/1', {});
    const issue = await issueOf('daily-archive ended: run failed');
    assert.match(issue.description ?? '', /terminated/);
    assert.match(issue.description ?? '', /run\/daily-archive\/tiny\/2026-11-21/);
    const own = await issueOf('that does not hold');
    await jobs.run('audit', 'audit/all/2', {});
    await seen(
      () => commentsOf(own),
      (comments) => comments.length === 1,
    );
    assert.deepEqual(commentsOf(issue), []);
  });

  test('a run begins with the ticket that is open, and hears of one that is opened meanwhile', async () => {
    const input = { feed: 'tiny', day: '2026-11-21' };
    const options = { taskQueue: 'ssmd', workflowId: 'slow', args: [input] };
    const slow = await jobs.client.workflow.start('daily-archive', options);
    const { runId: run_id } = await slow.describe();
    const { identifier: first } = await issueOf('daily-archive ended: run failed');
    await seen(
      () => detailsOf('slow'),
      (page) => page.includes(`**Ticket**: [${first}]`),
    );
    const { aNotice } = await import('../support/notices.ts');
    await createNoticeDesk(connection, 'default').told(
      aNotice({
        ...{
          fingerprint: 'run/slow',
          title: 'slow is late',
          event: `late ${run_id}`,
          day: '2026-11-21',
        },
        run: {
          ...{ type: 'daily-archive', id: 'slow', run_id, activity: null, attempt: null },
          running: true,
        },
      }),
    );
    const { identifier: ticket } = await issueOf('slow is late');
    await seen(
      () => detailsOf('slow'),
      (page) => page.includes(`, [${ticket}](`),
    );
    await seen(
      () => filedUnder(ticket),
      (ids) => ids.includes('slow'),
    );
    await slow.cancel();
    await assert.rejects(slow.result(), WorkflowFailedError);
    await keepHistory(jobs.client, 'daily-archive', 'slow', 'ticket-signal');
  });

  test('a failed check is told once a check, and is over when it passes', async () => {
    const version = 'v1';
    assert.notEqual(
      await deps.normalized.get(manifestKey({ version, feed: 'tiny', day: DAY })),
      null,
    );
    const report = await jobs.run<{ failed_checks: { name: string }[]; passed_checks: string[] }>(
      ...(['daily-qa', 'qa-1', { feed: 'tiny', day: DAY }] as const),
    );
    assert.deepEqual(report.failed_checks, []);
    assert.ok(report.passed_checks.length > 0);
    const [check = ''] = report.passed_checks;
    const desk = createNoticeDesk(connection, 'default');
    const { aNotice } = await import('../support/notices.ts');
    const fingerprint = `qa/tiny/${DAY}/${check}`;
    await desk.told(aNotice({ fingerprint, kind: 'qa', title: `check ${check} failed` }));
    const issue = await issueOf(`check ${check} failed`);
    await jobs.run('daily-qa', 'qa-2', { feed: 'tiny', day: DAY });
    await seen(
      () => linear.stateType(issue),
      (type) => type === 'completed',
    );
  });

  test('an alert that fires is an issue, closed when it is over, whichever worker looks', async () => {
    const { rules } = readAlerts(
      'a.yaml',
      'alerts:\n- {name: down, condition: ssmd_connector_up == 0, linear: {team: dq, priority: urgent}}\n',
    );
    let value = 0;
    const desk = createNoticeDesk(connection, 'default');
    const watch = (signal: AbortSignal) =>
      watchAlerts(
        {
          ...{ rules, desk, now_ms: Date.now, logger: pino({ level: 'silent' }), look_ms: 50 },
          open: () => openNotices(connection, 'default', 'alert/'),
          targets: () => Promise.resolve([]),
          own: () => Promise.resolve([{ name: 'ssmd_connector_up', labels: { feed: 'x' }, value }]),
        },
        signal,
      );
    const first = new AbortController();
    const watching = [watch(first.signal), watch(first.signal)];
    const issue = await issueOf('down: feed=x');
    assert.deepEqual([issue.identifier.slice(0, 2), issue.priority], ['DQ', 1]);
    first.abort();
    await Promise.all(watching);
    assert.ok(!issue.description?.includes('- times:'), 'both workers were counted');
    // Over while nobody looked: whoever looks next says so.
    await seen(
      () => openNotices(connection, 'default', 'alert/'),
      (open) => open.length === 1,
    );
    value = 1;
    const second = new AbortController();
    const next = watch(second.signal);
    await seen(
      () => linear.stateType(issue),
      (type) => type === 'completed',
    );
    second.abort();
    await next;
    assert.equal(commentsOf(issue).length, 1);
  });
}
