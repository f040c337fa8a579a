/** `ssmd replay` as a user types it: a real worker, the connector program in replay mode, real servers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { FEEDS } from '../../connectors/registry.ts';
import { endpointsOf, stackVariables } from '../../environments/endpoints.ts';
import { loadEnvironment } from '../../environments/env.ts';
import { knownFeeds } from '../../environments/known-feeds.ts';
import type { ReplayPosition } from '../../schema/replay.ts';
import { startWorker } from '../../workers/worker.ts';
import type { RunningWorker } from '../../workers/worker.ts';
import type { ReplayReport } from '../../workflows/replay.ts';
import { capturePath, skipWithoutCaptures } from '../support/captures.ts';
import { ssmd } from '../support/command-line.ts';
import type { Ran } from '../support/command-line.ts';
import { projectRoot } from '../support/project.ts';
import { until } from '../support/until.ts';
import { startTestServers } from '../support/servers.ts';
import type { TestServers } from '../support/servers.ts';

const skip = skipWithoutCaptures;
/** A recording of a book, imported with the venue's times: 510 frames in some seconds. */
const CAPTURE = 'kraken-v2/book-btcusd-d10-20230730.jsonl';
const DAY = '2023-07-30';

let servers: TestServers | null = null;
let worker: RunningWorker | null = null;
let env: Readonly<Record<string, string>> = {};

after(async () => {
  await worker?.stop();
  await servers?.[Symbol.asyncDispose]();
});

function run(args: readonly string[], options: { interrupted?: AbortSignal } = {}): Promise<Ran> {
  return ssmd([...args, '--env', 'dev'], { root: servers?.dir ?? '', env, ...options });
}

async function json<T>(...args: readonly string[]): Promise<T> {
  const { code, out, err } = await run([...args, '--json']);
  assert.equal(code, 0, `${out}${err}`);
  return JSON.parse(out) as T;
}

if (skip === false) {
  const started = await startTestServers({ nats: true, s3: true, temporal: true });
  servers = started;
  const { nats, s3, temporal } = started;
  env = stackVariables({ nats, s3, temporal: { address: temporal.address, uiUrl: null } });
  const imported = await run([
    ...['import', capturePath(CAPTURE), '--feed', 'kraken', '--symbols', 'BTCUSD'],
    ...['--time-from', 'venue'],
  ]);
  assert.equal(imported.code, 0, imported.err);
  const environment = loadEnvironment('dev', knownFeeds(FEEDS));
  worker = await startWorker({
    environment,
    endpoints: endpointsOf(environment, env),
    root: projectRoot,
    logger: pino({ level: 'silent' }),
  });
}

test('a day at max: what it printed to listen to hears every event', { skip }, async () => {
  const stop = new AbortController();
  const listening: string[] = [];
  const heard = ssmd(['sub', 'replay.fast.>', '--env', 'dev', '--json'], {
    ...{ root: servers?.dir ?? '', env, interrupted: stop.signal },
    heard: (text) => listening.push(text),
  });
  await until('it listens', () => listening.some((text) => text.includes('listening')));
  const { code, out, err } = await run([
    ...['replay', 'start', '--feed', 'kraken', '--date', DAY, '--speed', 'max', '--id', 'fast'],
    '--json',
  ]);
  assert.equal(code, 0, err);
  assert.match(err, /npx ssmd sub 'replay\.fast\.>' --env dev/);
  const report = JSON.parse(out) as ReplayReport;
  assert.ok(report.outcome === 'ended' && report.events >= 510, out);
  stop.abort();
  const lines = (await heard).out.trimEnd().split('\n');
  assert.equal(lines.length, report.events);
  const subjects = new Set(lines.map((line) => (JSON.parse(line) as { subject: string }).subject));
  assert.ok(subjects.has('replay.fast.kraken.book.BTCUSD'), [...subjects].join());
  const status = await run(['replay', 'status', 'fast']);
  assert.match(status.out, /^fast: kraken ended at 2023-07-30T/);
});

test('started apart, paused, sought, sped up, stopped', { skip }, async () => {
  const start = ['replay', 'start', '--feed', 'kraken', '--date', DAY, '--speed', '0.1'];
  const begun = await run([...start, '--id', 'slow', '--detach']);
  assert.equal(begun.code, 0, begun.err);
  assert.match(begun.out, /npx ssmd sub 'replay\.slow\.>' --env dev/);
  const again = await run([...start, '--id', 'slow', '--detach']);
  assert.equal(again.code, 2);
  assert.match(again.err, /there is a replay .*\/slow already/);
  let where = await json<{ position: ReplayPosition | null }>('replay', 'status', 'slow');
  while (where.position?.state !== 'playing') {
    where = await json<{ position: ReplayPosition | null }>('replay', 'status', 'slow');
  }
  assert.equal((await json<ReplayPosition>('replay', 'pause', 'slow')).state, 'paused');
  const twice = await run(['replay', 'pause', 'slow']);
  assert.equal(twice.code, 2);
  assert.match(twice.err, /pause slow: the replay is paused already/);
  const outside = await run(['replay', 'seek', 'slow', '2023-07-31']);
  assert.match(outside.err, /outside the replay/);
  const to = '2023-07-30T15:00:00Z';
  assert.equal((await json<ReplayPosition>('replay', 'seek', 'slow', to)).pass, 2);
  assert.equal((await json<ReplayPosition>('replay', 'speed', 'slow', '2x')).speed, 2);
  const listed = await json<{ id: string; status: string }[]>('replay', 'list');
  assert.ok(listed.some(({ id, status }) => id === 'slow' && status === 'RUNNING'));
  assert.match((await run(['replay', 'stop', 'slow'])).out, /slow: stopped/);
  const over = async (): Promise<Ran> => run(['replay', 'stop', 'slow']);
  let ended = await over();
  while (ended.code === 0 && !ended.out.includes('was over')) ended = await over();
  assert.ok(ended.code === 2 || ended.out.includes('nothing was left'), `${ended.out}${ended.err}`);
  const nobody = await run(['replay', 'resume', 'nobody']);
  assert.equal(nobody.code, 2);
  assert.match(nobody.err, /no replay "nobody"/);
});

test('a wrong command line names all its faults and starts nothing', { skip }, async () => {
  const wrong = await run([
    ...['replay', 'start', '--feed', 'krakn', '--from', 'noon', '--types', 'trades'],
    ...['--id', 'No Name'],
  ]);
  assert.equal(wrong.code, 2);
  for (const word of ['--feed', '--from', '--types', '--id', 'A valid example']) {
    assert.ok(wrong.err.includes(word), `${word} in\n${wrong.err}`);
  }
  for (const speed of ['0', '-1', 'fast']) {
    const { code } = await run(['replay', 'start', '--feed', 'kraken', `--speed=${speed}`]);
    assert.equal(code, 2);
  }
  const absent = await run(['replay', 'start', '--feed', 'kraken', '--date', '2023-07-29']);
  assert.equal(absent.code, 2);
  assert.match(absent.err, /RAW has nothing of kraken on 2023-07-29/);
  const span = ['--from', '2023-07-30T15:29:00Z', '--to', '2023-07-30T15:31:00Z', '--speed', 'max'];
  const unknown = await run(['replay', 'start', '--feed', 'kraken', ...span, '--symbols', 'NOPE']);
  assert.equal(unknown.code, 2, unknown.err);
  assert.match(unknown.err, /nothing of NOPE is in this span of kraken: nothing was replayed/);
});

test('the connector in replay mode says on its output what is wrong with its input', async () => {
  const program = join(projectRoot, 'cli/main.ts');
  const child = spawn(process.execPath, [program, 'connector', '--mode', 'replay'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk) => void (out += String(chunk)));
  child.stdin.end('{"v":2}\n');
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 1);
  const word = JSON.parse(out) as { event: string; code: string; retryable: boolean };
  assert.deepEqual(
    [word.event, word.code, word.retryable],
    ['failure', 'SSMD_INVALID_INPUT', false],
  );
});
