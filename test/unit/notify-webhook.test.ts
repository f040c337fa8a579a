/** Notices as a webhook gets them, and as they read. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createWebhookNotifier } from '../../notify/webhook.ts';
import { bodyOf, retryCommand, slackTold } from '../../notify/render.ts';
import type { SlackMessage } from '../../notify/render.ts';
import { SsmdError } from '../../schema/errors.ts';
import { PLACE, aNotice } from '../support/notices.ts';

const SECRET = '/services/T000/secret-of-the-address';
const posted: SlackMessage[] = [];
let answer: { status: number; headers?: Record<string, string>; text?: string } = { status: 200 };
const server = createServer((request, response) => {
  let text = '';
  request.on('data', (chunk: Buffer) => (text += chunk.toString()));
  request.on('end', () => {
    assert.equal(request.url, SECRET);
    assert.equal(request.headers['content-type'], 'application/json');
    posted.push(JSON.parse(text) as SlackMessage);
    response.writeHead(answer.status, answer.headers).end(answer.text ?? 'ok');
  });
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const url = `http://127.0.0.1:${port}${SECRET}`;
after(() => server.close());

const notifier = createWebhookNotifier({ url, place: PLACE });
const { signal } = new AbortController();
const told = { notice: aNotice(), count: 1 };

async function failureOf(asked: Promise<unknown>): Promise<SsmdError> {
  const error = await asked.then(
    () => null,
    (it: unknown) => it,
  );
  assert.ok(error instanceof SsmdError, String(error));
  assert.ok(!JSON.stringify([error.message, error.facts, error.stack]).includes('secret-of'));
  assert.equal(error.cause, undefined);
  return error;
}

test('it is told and told that it is over, in the JSON Slack takes', async () => {
  answer = { status: 200 };
  await notifier.notify(told, signal);
  const well = { fingerprint: 'x', at: '2026-11-21T09:00:00Z', words: 'b succeeded' };
  await notifier.recovered({ ...told, well }, signal);
  const [first, second] = posted;
  assert.equal(first?.text, '[test] daily-archive tiny 2026-11-20 failed: SSMD_NOT_FOUND');
  assert.deepEqual(
    first.blocks.map(({ type }) => type),
    ['header', 'section'],
  );
  const link = '<http://127.0.0.1:8233/namespaces/default/workflows/one/01a20009/history|01a20009>';
  assert.ok(first.blocks[1]?.text.text.includes(link), first.blocks[1]?.text.text);
  assert.match(second?.text ?? '', /^Over: \[test\]/);
});

test('what Slack reads as marks is escaped', () => {
  const text = '<!channel> & <b>bold</b> **strong**';
  const [, section] = slackTold({ ...told, notice: aNotice({ text }) }, PLACE).blocks;
  assert.match(
    section?.text.text ?? '',
    /^&lt;!channel&gt; &amp; &lt;b&gt;bold&lt;\/b&gt; \*strong\*/,
  );
});

test('a title that shouts is no shout in Slack', () => {
  const { text } = slackTold({ ...told, notice: aNotice({ title: '<!here> fails' }) }, PLACE);
  assert.equal(text, '[test] &lt;!here&gt; fails');
});

test('what passes by itself is tried again, after as long as it asks; a refusal is not', async () => {
  answer = { status: 429, headers: { 'retry-after': '30' } };
  const limited = await failureOf(notifier.notify(told, signal));
  assert.deepEqual([limited.retryable, limited.facts['retry_after_ms']], [true, 30_000]);
  answer = { status: 502 };
  assert.equal((await failureOf(notifier.notify(told, signal))).retryable, true);
  answer = { status: 404, text: `no_such_hook ${url}` };
  const refused = await failureOf(notifier.notify(told, signal));
  assert.equal(refused.retryable, false);
  assert.match(refused.message, /the webhook answered 404: no_such_hook \(address\)/);
  for (const part of [SECRET, 'secret-of-the-address', encodeURI(SECRET)]) {
    answer = { status: 404, text: `Cannot POST ${part}` };
    const echoed = await failureOf(notifier.notify(told, signal));
    assert.match(echoed.message, /404: Cannot POST \(address\)$/);
  }
  const gone = createWebhookNotifier({ url: `http://127.0.0.1:1${SECRET}`, place: PLACE });
  assert.match((await failureOf(gone.notify(told, signal))).message, /is away: /);
  const broken = createWebhookNotifier({ url: `not a url ${SECRET}`, place: PLACE });
  await failureOf(broken.notify(told, signal));
});

test('the body has all that whoever is woken needs, and nothing that is not known', () => {
  const manifest = 'normalized/v1/_manifests/tiny/2026-11-20.json';
  const body = bodyOf({ notice: aNotice({ manifest }), count: 3 }, PLACE);
  for (const part of [
    ...['- environment: test', '- feed: tiny', '- day: 2026-11-20', '- version: v1'],
    ...['- job: daily-archive `one`', '- failed activity: `planArchiveDay`, attempt 3'],
    ...[`- manifest: \`${manifest}\``, '- times: 3', '1. `SSMD_NOT_FOUND: nothing was captured`'],
    'npx ssmd job retry one --env test',
  ]) {
    assert.ok(body.includes(part), `${part} is not in\n${body}`);
  }
  assert.ok(!body.includes('null') && !body.includes('- report'));
  const bare = bodyOf(
    { notice: aNotice({ run: null, kind: 'alert' }), count: 1 },
    { ...PLACE, ui_url: null },
  );
  assert.ok(!bare.includes('job retry') && !bare.includes('http'));
});

test('the command to try again can be pasted, whatever the id', () => {
  const run = aNotice().run ?? assert.fail();
  const commandOf = (id: string) => retryCommand(aNotice({ run: { ...run, id } }), PLACE);
  assert.equal(commandOf('daily-qa/kraken-1'), 'npx ssmd job retry daily-qa/kraken-1 --env test');
  assert.equal(commandOf("it's $(x)"), "npx ssmd job retry 'it'\\''s $(x)' --env test");
});
