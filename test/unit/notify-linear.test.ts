/** Notices as Linear issues, against a server that holds every operation to the published schema. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { createLinearNotifier } from '../../notify/linear.ts';
import type { Notifier } from '../../notify/notifier.ts';
import { SsmdError } from '../../schema/errors.ts';
import type { Notice } from '../../schema/notice.ts';
import { skipWithoutCaptures } from '../support/captures.ts';
import { LINEAR_KEY, startLinearServer } from '../support/linear-server.ts';
import { PLACE, aNotice } from '../support/notices.ts';

const NOW_MS = Date.UTC(2026, 10, 21);
const skip = skipWithoutCaptures;
const server = skip === false ? await startLinearServer() : null;
after(async () => server?.[Symbol.asyncDispose]());
afterEach(() => assert.deepEqual(server?.invalid ?? [], []));

const signal = new AbortController().signal;

function rig(key = LINEAR_KEY, team: string | null = 'platform') {
  assert.ok(server !== null);
  const { url, issues, comments, asked, attachments } = server;
  for (const list of [issues, comments, attachments, asked]) list.length = 0;
  const access = { api_key: key, url, now_ms: () => NOW_MS };
  return { server, notifier: createLinearNotifier({ access, place: PLACE, team }) };
}

const again = (event: string, other: Partial<Notice> = {}) => aNotice({ event, ...other });
const well = {
  fingerprint: aNotice().fingerprint,
  at: '2026-11-21T09:00:00Z',
  words: 'b succeeded',
};

async function failureOf(asked: Promise<unknown>): Promise<SsmdError> {
  const error = await asked.then(
    () => null,
    (it: unknown) => it,
  );
  assert.ok(error instanceof SsmdError, String(error));
  assert.ok(!JSON.stringify([error.message, error.facts]).includes(LINEAR_KEY));
  assert.equal(error.cause, undefined, 'a cause could hold the request');
  return error;
}

test('one issue for a trouble, a comment when it comes again', { skip }, async () => {
  const { server, notifier } = rig();
  const told = await notifier.notify({ notice: aNotice(), count: 1 }, signal);
  const where = 'https://linear.app/test/issue/PLA-1';
  assert.deepEqual(told, { did: 'opened', where, ticket: { id: 'PLA-1', url: where } });
  const [issue] = server.issues;
  assert.match(issue?.id ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/);
  assert.equal(issue?.title, '[test] daily-archive tiny 2026-11-20 failed: SSMD_NOT_FOUND');
  assert.equal(issue.priority, 2);
  assert.match(issue.description ?? '', /npx ssmd job retry one --env test/);
  assert.equal((await notifier.notify({ notice: again('b'), count: 2 }, signal)).did, 'commented');
  assert.equal(server.issues.length, 1);
  assert.match(server.comments[0]?.body ?? '', /^\*\*Again\*\*, the 2nd time/);
});

test('the same told again changes nothing', { skip }, async () => {
  const { server, notifier } = rig();
  await notifier.notify({ notice: aNotice(), count: 1 }, signal);
  assert.equal((await notifier.notify({ notice: aNotice(), count: 1 }, signal)).did, 'nothing');
  for (let round = 0; round < 3; round++) {
    await notifier.notify({ notice: again('b'), count: 2 }, signal);
  }
  assert.deepEqual([server.issues.length, server.comments.length], [1, 1]);
});

test('it is closed when it is over, and opened again', { skip }, async () => {
  const { server, notifier } = rig();
  const notice = aNotice();
  await notifier.notify({ notice, count: 1 }, signal);
  const [issue] = server.issues;
  assert.ok(issue !== undefined);
  assert.equal((await notifier.recovered({ well, notice, count: 1 }, signal)).did, 'closed');
  assert.equal(server.stateType(issue), 'completed');
  assert.match(server.comments.at(-1)?.body ?? '', /\*\*Over\*\*.*b succeeded/);
  assert.equal((await notifier.recovered({ well, notice, count: 1 }, signal)).did, 'nothing');
  assert.equal((await notifier.notify({ notice: again('c'), count: 1 }, signal)).did, 'reopened');
  assert.equal(server.stateType(issue), 'unstarted');
  assert.match(server.comments.at(-1)?.body ?? '', /^\*\*It is back\.\*\*/);
  for (const type of ['canceled', 'trash']) {
    if (type === 'trash') issue.trashed = true;
    else server.moveTo(issue, type);
    const event = `after ${type}`;
    assert.equal(
      (await notifier.notify({ notice: again(event), count: 2 }, signal)).did,
      'reopened',
    );
    assert.deepEqual([server.stateType(issue), issue.trashed], ['unstarted', false]);
  }
});

test('an issue that was put away is taken out again', { skip }, async () => {
  const { server, notifier } = rig();
  const notice = aNotice();
  await notifier.notify({ notice, count: 1 }, signal);
  await notifier.recovered({ well, notice, count: 1 }, signal);
  const [issue] = server.issues;
  assert.ok(issue !== undefined);
  issue.archivedAt = '2026-12-21T00:00:00.000Z';
  await notifier.notify({ notice: again('d'), count: 1 }, signal);
  assert.deepEqual([server.stateType(issue), issue.archivedAt], ['unstarted', null]);
});

test('a team is found whatever page it is on', { skip }, async () => {
  const { server, notifier } = rig(LINEAR_KEY, 'data-quality');
  await notifier.notify({ notice: aNotice(), count: 1 }, signal);
  assert.equal(server.issues[0]?.identifier, 'DQ-1');
});

test('what was never told cannot be over', { skip }, async () => {
  const { server, notifier } = rig();
  const { did } = await notifier.recovered({ well, notice: aNotice(), count: 1 }, signal);
  assert.deepEqual([did, server.issues.length], ['nothing', 0]);
});

test('an answer that is lost leaves one issue and one comment', { skip }, async () => {
  const { server, notifier } = rig();
  for (const [notice, count] of [
    [aNotice(), 1],
    [again('b'), 2],
  ] as const) {
    // Each request's answer in turn is lost, until none is.
    for (let at = 0; at < 6; at++) {
      server.fail(...Array.from({ length: at }, () => PASS), { kind: 'lost' });
      const done = await notifier.notify({ notice, count }, signal).catch(() => null);
      server.mend();
      if (done !== null) break;
    }
  }
  assert.deepEqual([server.issues.length, server.comments.length], [1, 1]);
});

/** Served as it should be. */
const PASS = { kind: 'none' } as const;

test('rate limits say for how long, in each of their forms', { skip }, async () => {
  const { server, notifier } = rig();
  const until = String(NOW_MS + 90_000);
  const far = String(NOW_MS + 86_400_000);
  const forms: readonly (readonly [Record<string, string>, number])[] = [
    [{ 'retry-after': '7' }, 7_000],
    [{ 'x-ratelimit-requests-remaining': '0', 'x-ratelimit-requests-reset': until }, 90_000],
    [{ 'x-ratelimit-complexity-remaining': '0', 'x-ratelimit-complexity-reset': until }, 90_000],
    [{ 'x-ratelimit-requests-remaining': '0', 'x-ratelimit-requests-reset': '0' }, 60_000],
    // Requests are left: it is the other window that is used up.
    [
      {
        ...{ 'x-ratelimit-requests-remaining': '5', 'x-ratelimit-requests-reset': far },
        ...{ 'x-ratelimit-complexity-remaining': '0', 'x-ratelimit-complexity-reset': until },
      },
      90_000,
    ],
    [{ 'x-ratelimit-requests-remaining': '0', 'x-ratelimit-requests-reset': far }, 3_600_000],
    [{}, 60_000],
  ];
  for (const [headers, wait] of forms) {
    server.fail({ kind: 'ratelimited', headers });
    const error = await failureOf(notifier.notify({ notice: aNotice(), count: 1 }, signal));
    assert.equal(error.retryable, true);
    assert.equal(error.facts['retry_after_ms'], wait, JSON.stringify(headers));
  }
});

test('what may pass by itself is tried again, what Linear refuses is not', { skip }, async () => {
  const { server, notifier } = rig();
  const tell = (of: Notifier = notifier, notice = aNotice()) =>
    of.notify({ notice, count: 1 }, signal);
  for (const status of [500, 502, 503]) {
    server.fail({ kind: 'status', status });
    assert.equal((await failureOf(tell())).retryable, true, String(status));
  }
  for (const type of ['internal error', 'lock timeout', 'network error']) {
    server.fail({ kind: 'error', type });
    assert.equal((await failureOf(tell())).retryable, true, type);
  }
  server.fail({ kind: 'error', type: 'invalid input' });
  assert.equal((await failureOf(tell())).retryable, false);
  const refused = await failureOf(tell(rig('lin_api_wrong').notifier));
  assert.match(refused.message, /Linear refuses the key/);
  assert.equal(refused.retryable, true);
  assert.ok(!refused.message.includes('lin_api_wrong'));
  const nowhere = await failureOf(tell(rig().notifier, aNotice({ team: 'platfrom' })));
  assert.equal(nowhere.retryable, false);
  assert.match(
    nowhere.message,
    /no team "platfrom", did you mean "platform"\?; there are Platform \(PLA\)/,
  );
  const none = await failureOf(tell(rig(LINEAR_KEY, null).notifier));
  assert.match(none.message, /no team is named; there are/);
  const gone = createLinearNotifier({
    access: { api_key: LINEAR_KEY, url: 'http://127.0.0.1:1/graphql', now_ms: () => NOW_MS },
    ...{ place: PLACE, team: null },
  });
  assert.equal((await failureOf(tell(gone))).retryable, true);
});

test('a server that does not answer is given up when its caller is', { skip }, async () => {
  const { server, notifier } = rig();
  server.fail({ kind: 'hang' });
  const late = AbortSignal.timeout(100);
  const error = await failureOf(notifier.notify({ notice: aNotice(), count: 1 }, late));
  assert.equal(error.retryable, true);
  assert.match(error.message, /did not answer/);
});

test('a team is found by its key and by its name, however written', { skip }, async () => {
  const { server, notifier } = rig();
  for (const [at, team] of ['data-quality', 'Data Quality', 'dq', 'PLA'].entries()) {
    const notice = aNotice({ team, fingerprint: `t${at}` });
    await notifier.notify({ notice, count: 1 }, signal);
  }
  assert.deepEqual(
    server.issues.map(({ identifier }) => identifier),
    ['DQ-1', 'DQ-2', 'DQ-3', 'PLA-1'],
  );
});

test('where Linear is asked elsewhere, what is away is named, without what is secret', async () => {
  const url = 'http://ana:hush@127.0.0.1:1/graphql?key=hush';
  const access = { api_key: LINEAR_KEY, url, now_ms: () => NOW_MS };
  const gone = createLinearNotifier({ access, place: PLACE, team: null });
  const { message } = await failureOf(gone.notify({ notice: aNotice(), count: 1 }, signal));
  assert.match(message, /^Linear is away: .* \(asked at http:\/\/127\.0\.0\.1:1\)$/);
  assert.ok(!message.includes('hush'), message);
});
