/** `ssmd issue` as it is typed, against a server that knows Linear's schema. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { buildSchema, parse, validate } from 'graphql';
import { readFileSync } from 'node:fs';
import { buildProgram } from '../../cli/main.ts';
import { createOutput } from '../../cli/output.ts';
import * as operations from '../../notify/linear-operations.ts';
import { createLinearNotifier } from '../../notify/linear.ts';
import { SsmdError } from '../../schema/errors.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { LINEAR_KEY, startLinearServer } from '../support/linear-server.ts';
import { PLACE, aNotice } from '../support/notices.ts';
import { projectRoot } from '../support/project.ts';

const skip = skipWithoutCaptures;
const server = skip === false ? await startLinearServer() : null;
after(async () => server?.[Symbol.asyncDispose]());
afterEach(() => assert.deepEqual(server?.invalid ?? [], []));

/** What it prints. */
async function run(args: readonly string[], other: Record<string, string> = {}): Promise<string> {
  let said = '';
  const stdout = { write: (text: string) => (said += text) };
  const env = { LINEAR_API_KEY: LINEAR_KEY, SSMD_LINEAR_URL: server?.url ?? '', ...other };
  const program = buildProgram({
    ...{ root: projectRoot, env, interrupted: new AbortController().signal },
    output: createOutput({ stdout, stderr: stdout, env: {} }),
  });
  await program.parseAsync(['issue', ...args], { from: 'user' });
  return said;
}

async function failureOf(asked: Promise<unknown>): Promise<SsmdError> {
  const error = await asked.then(
    () => null,
    (it: unknown) => it,
  );
  assert.ok(error instanceof SsmdError, String(error));
  assert.ok(!error.message.includes(LINEAR_KEY));
  return error;
}

async function twoIssues(): Promise<void> {
  assert.ok(server !== null);
  for (const list of [server.issues, server.comments, server.attachments]) list.length = 0;
  const access = { api_key: LINEAR_KEY, url: server.url, now_ms: Date.now };
  const notifier = createLinearNotifier({ access, place: PLACE, team: 'platform' });
  const { signal } = new AbortController();
  await notifier.notify({ notice: aNotice(), count: 1 }, signal);
  await notifier.notify({ notice: aNotice({ fingerprint: 'x', team: 'dq' }), count: 1 }, signal);
}

test('open issues are listed, of one team too, and as JSON', { skip }, async () => {
  await twoIssues();
  const all = await run(['list']);
  assert.match(all, /PLA-1.*daily-archive tiny/);
  assert.match(all, /DQ-1/);
  const rows = JSON.parse(await run(['list', '--team', 'data-quality', '--json'])) as object[];
  assert.equal(rows.length, 1);
  assert.match(JSON.stringify(rows), /"id":"DQ-1".*"team":"Data Quality".*linear\.app/);
  const wrong = await failureOf(run(['list', '--team', 'datq-quality']));
  assert.match(wrong.message, /did you mean "data-quality"/);
});

test('a pull request is attached once, however often it is typed', { skip }, async () => {
  await twoIssues();
  const url = 'https://github.com/org/repo/pull/456';
  for (let times = 0; times < 2; times++) {
    assert.match(await run(['link', 'PLA-1', '--pr', url]), /PLA-1 is linked to https:.*456/);
  }
  assert.deepEqual(
    server?.attachments.map((it) => [it.url, it.title]),
    [[url, 'PR #456']],
  );
  const unknown = await failureOf(run(['link', 'PLA-1', '--pr', '456']));
  assert.match(unknown.message, /names no linear\.repository[^]*valid example/);
});

test('an issue is closed with its release, once', { skip }, async () => {
  await twoIssues();
  assert.match(
    await run(['close', 'PLA-1', '--release', 'v1.2']),
    /PLA-1 is PLA completed \(v1\.2\)/,
  );
  assert.match(await run(['close', 'PLA-1', '--release', 'v1.2']), /was closed before/);
  assert.deepEqual(
    server?.comments.map(({ body }) => body),
    ['Released in **v1.2**.'],
  );
  const rows = JSON.parse(await run(['list', '--json'])) as { id: string }[];
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['DQ-1'],
  );
  const none = await failureOf(run(['close', 'PLA-99', '--release', 'v1.2']));
  assert.equal(none.code, 'SSMD_NOT_FOUND');
});

test('without a key it says how to get one', async () => {
  const error = await failureOf(run(['list'], { LINEAR_API_KEY: '' }));
  assert.equal(error.code, 'SSMD_UNAVAILABLE');
  assert.match(
    error.message,
    /LINEAR_API_KEY is not set.*linear\.app\/settings.*export LINEAR_API_KEY/,
  );
});

test('every operation is one that the published schema takes', { skip }, () => {
  const schema = buildSchema(readFileSync(capturePath('linear/schema.graphql'), 'utf8'));
  const all = Object.entries(operations);
  assert.ok(all.length >= 10);
  for (const [name, { document }] of all) {
    assert.deepEqual(validate(schema, parse(document)), [], name);
  }
});
