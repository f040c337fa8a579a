/**
 * A replay on real servers: what it sends is what the archive holds, byte for byte; it keeps its spacing
 * and says by how much it missed it; and no live subject ever hears of it.
 */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import type { ReplayWord } from '../../activities/replay.ts';
import { openReplayControl, openReplayLink } from '../../bus/nats-replay.ts';
import type { BusMessage } from '../../bus/bus.ts';
import type { Feed } from '../../connectors/feed.ts';
import type { ReplayResult } from '../../schema/replay.ts';
import { dayEnd, dayStart } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import { replayFrom, runReplayer } from '../../workers/replayer.ts';
import type { ReplayerJob } from '../../workers/replayer.ts';
import { archiveDay } from '../support/archive-run.ts';
import { openStage } from '../support/e2e.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { until } from '../support/until.ts';
import {
  archivedContent,
  contentOf,
  readReplayStream,
  replayJob,
  replayStreams,
} from '../support/replay-stream.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { tinyFeed } from '../support/tiny-feed.ts';

const DAY = '2026-11-18' as Day;
const NOW = '2026-12-01T06:00:00Z';
const FEED = 'tiny';
const FEEDS: ReadonlyMap<string, Feed> = new Map([[FEED, tinyFeed]]);
const MINUTE = 60_000_000_000n;
/** Six dense minutes of a day, of two shards. */
const NOON = dayStart(DAY) + 12n * 60n * MINUTE;
const WHOLE = { from: dayStart(DAY), to: dayEnd(DAY) };

const stage = await openStage();
const { environment, endpoints, servers } = stage;
const normalized = await stage.bucket(environment.spec.storage.normalized.bucket);
after(() => stage[Symbol.asyncDispose]());

// Never two events at one instant: between shards the archive knows no order.
for (const [shard, step_ms, start_at] of [
  ['tier1', 100n, NOON],
  ['tier2', 137n, NOON + 500n],
] as const) {
  await writeTinyDay(stage.raw, {
    ...{ day: DAY, shard, step_ns: step_ms * 1_000_000n },
    ...{ start_at, stop_at: NOON + 6n * MINUTE, end: 'shutdown' },
  });
}
const jobs = memoryJobs(NOW, { raw: stage.raw, normalized });
const { committed } = await archiveDay(jobs, { feed: FEED, day: DAY });

const natsOptions = {
  servers: endpoints.nats_url,
  environment: environment.name,
  subject_prefix: '',
  name: 'test',
  wait: false,
};
const control = await openReplayControl(natsOptions);
after(() => control[Symbol.asyncDispose]());

/** Everything a live client could hear, from now on. */
async function listen(): Promise<{ heard: BusMessage[]; stop: () => Promise<void> }> {
  const stop = new AbortController();
  const heard: BusMessage[] = [];
  const readers: Promise<void>[] = [];
  for (const pattern of ['md.>', 'internal.>', 'ctl.>', 'dlq.>']) {
    const messages = await stage.bus.subscribe(pattern, { signal: stop.signal });
    const read = async (): Promise<void> => {
      for await (const message of messages) heard.push(message);
    };
    readers.push(read());
  }
  return {
    heard,
    async stop() {
      stop.abort();
      await Promise.all(readers);
    },
  };
}

function run(job: ReplayerJob, signal = new AbortController().signal) {
  const words: ReplayWord[] = [];
  const done = runReplayer(job, FEEDS, (word) => words.push(word), signal);
  return { words, done };
}

type Progress = Extract<ReplayWord, { readonly event: 'progress' }>;

/** What a heartbeat would hold of it. */
function lastSaid(words: readonly ReplayWord[]): Progress {
  const said = words.findLast((it) => it.event === 'progress');
  return said ?? assert.fail('it said nothing');
}

const stored = (id: string) => readReplayStream(endpoints.nats_url, environment.name, id);

test('at max the whole day is the archive, byte for byte, and live subjects hear nothing', async () => {
  const live = await listen();
  const started = performance.now();
  const job = replayJob(stage, { id: 'whole', feed: FEED, from: DAY, to: '2026-11-19' });
  const result = await run(job).done;
  const seconds = (performance.now() - started) / 1000;
  assert.equal(result.outcome, 'ended');
  assert.equal(result.events, committed.records);
  const expected = await archivedContent(
    normalized,
    { feed: FEED, day: DAY, version: 'v1' },
    WHOLE,
  );
  assert.deepEqual(contentOf(await stored('whole')), expected);
  await live.stop();
  assert.deepEqual(
    live.heard.map(({ subject }) => subject),
    [],
  );
  const { events, messages, events_per_second } = result;
  const words = `${events} events, ${messages} messages, ${seconds.toFixed(1)} s in all`;
  console.log(`# max: ${events_per_second} events/s; ${words}`);
});

test('a span of some types and symbols is that part of the archive', async () => {
  const from = '2026-11-18T12:03:00Z';
  const to = '2026-11-18T12:05:30Z';
  const job = replayJob(stage, {
    ...{ id: 'part', feed: FEED, from, to },
    symbols: ['BTCUSD', 'DOGEUSD'],
    types: ['trade', 'book'],
  });
  const result = await run(job).done;
  assert.deepEqual(result.unseen_symbols, ['DOGEUSD']);
  const span = { from: BigInt(job.from), to: BigInt(job.to) };
  const of = { feed: FEED, day: DAY, version: 'v1' };
  const all = await archivedContent(normalized, of, span);
  const wanted = [...all].filter(([name]) => ['trade BTCUSD', 'book BTCUSD'].includes(name));
  assert.equal(wanted.length, 2);
  assert.deepEqual([...contentOf(await stored('part'))], wanted);
});

test('at 10x the spacing holds, and its error is told', async () => {
  const from = '2026-11-18T12:03:00Z';
  const to = '2026-11-18T12:03:40Z';
  const job = replayJob(stage, { id: 'ten', feed: FEED, from, to, speed: 10 });
  const { done } = run(job);
  const result: ReplayResult = await done;
  const [error] = result.spacing;
  assert.ok(error !== undefined && error.speed === 10 && error.messages === result.messages);
  console.log(`# 10x: ${JSON.stringify(error)}`);
  assert.ok(error.p50_us < 20_000, `p50 ${error.p50_us} us`);
  const all = await archivedContent(
    normalized,
    { feed: FEED, day: DAY, version: 'v1' },
    { from: BigInt(job.from), to: BigInt(job.to) },
  );
  assert.deepEqual(contentOf(await stored('ten')), all);
});

test('pause, seek, speed and stop by request; a replay that was stopped goes on elsewhere', async () => {
  const job = replayJob(stage, {
    ...{ id: 'told', feed: FEED, from: DAY, to: '2026-11-19', speed: 1 },
  });
  const first = run(job);
  await until('it plays', () => first.words.some((it) => it.event === 'progress'));
  const paused = await control.ask('told', { op: 'pause' });
  assert.deepEqual([paused.refusal, paused.position.state], [null, 'paused']);
  assert.match((await control.ask('told', { op: 'pause' })).refusal ?? '', /paused already/);
  const later = (NOON + 4n * MINUTE).toString();
  const sought = await control.ask('told', { op: 'seek', to: later });
  assert.deepEqual([sought.position.pass, sought.position.t], [2, later]);
  await control.ask('told', { op: 'speed', speed: 'max' });
  await control.ask('told', { op: 'stop' });
  assert.equal((await first.done).outcome, 'stopped');

  // Another process of the same replay knows what this one was told.
  const second = run(job);
  await until('it plays again', () => second.words.some((it) => it.event === 'progress'));
  const again = await control.ask('told', { op: 'position' });
  assert.deepEqual(
    [again.position.state, again.position.pass, again.position.speed],
    ['paused', 2, 'max'],
  );
  await control.ask('told', { op: 'resume' });
  assert.equal((await second.done).outcome, 'ended');
  const messages = (await stored('told')).filter(({ pass }) => pass === 2);
  const expected = await archivedContent(
    normalized,
    { feed: FEED, day: DAY, version: 'v1' },
    { from: BigInt(later), to: WHOLE.to },
  );
  assert.deepEqual(contentOf(messages), expected);
});

test('nats-server dies with messages it never answered: they are sent again, and only they', async () => {
  const job = replayJob(stage, {
    ...{ id: 'unanswered', feed: FEED, from: DAY, to: '2026-11-19', speed: 100 },
  });
  const first = run(job);
  const failed = assert.rejects(first.done, { code: 'SSMD_UNAVAILABLE', retryable: true });
  await until('it sends', () =>
    first.words.some((it) => it.event === 'progress' && it.position.events > 0),
  );
  process.kill(servers.nats.pid(), 'SIGSTOP');
  const then = lastSaid(first.words).position.events;
  // It goes on sending into the void, and says so.
  await until('it sent more', () => lastSaid(first.words).position.events > then + 500);
  await servers.nats.kill();
  await failed;
  await servers.nats.restart();
  const before = await stored('unanswered');
  const { position, cursor } = lastSaid(first.words);
  const held = before.reduce((sum, { count }) => sum + count, 0);
  assert.ok(held < position.events, `${position.events} events sent, ${held} stored`);
  assert.ok(cursor.seq > 0 && cursor.seq <= before.length, `seq ${cursor.seq} is stored`);
  const result = await run({ ...job, cursor }).done;
  const messages = await stored('unanswered');
  const expected = await archivedContent(
    normalized,
    { feed: FEED, day: DAY, version: 'v1' },
    WHOLE,
  );
  assert.deepEqual(contentOf(messages), expected);
  assert.equal(held + result.events, committed.records);
  assert.deepEqual([...new Set(messages.map(({ pass }) => pass))], [1]);
});

test('the second of two processes at once is refused; the stream holds everything once', async () => {
  const job = replayJob(stage, { id: 'twice', feed: FEED, from: DAY, to: '2026-11-19' });
  const runs = [run(job), run(job)];
  const ends = await Promise.allSettled(runs.map(({ done }) => done));
  const failures = ends.filter((it) => it.status === 'rejected');
  for (const { reason } of failures)
    assert.equal((reason as { code: string }).code, 'SSMD_UNAVAILABLE');
  if (failures.length === 2) await run(job).done;
  const expected = await archivedContent(
    normalized,
    { feed: FEED, day: DAY, version: 'v1' },
    WHOLE,
  );
  assert.deepEqual(contentOf(await stored('twice')), expected);
});

test('an id that is taken, and days without RAW, are refused before anything is sent', async () => {
  const other = replayJob(stage, { id: 'whole', feed: FEED, from: DAY, to: '2026-11-19' });
  await assert.rejects(run({ ...other, owner: 'another' }).done, {
    code: 'SSMD_INVALID_INPUT',
    message: /"whole" is taken by test\/whole/,
  });
  const absent = replayJob(stage, {
    ...{ id: 'absent', feed: FEED, from: '2026-11-14', to: '2026-11-17' },
  });
  await assert.rejects(run(absent).done, {
    code: 'SSMD_NOT_FOUND',
    message: /nothing of tiny on 2026-11-14, 2026-11-15, 2026-11-16/,
  });
  const names = await replayStreams(endpoints.nats_url);
  assert.ok(!names.some((name) => name.endsWith('_ABSENT')), names.join());
});

test('whoever started it is gone: it stops by itself, and what is no job is refused', async () => {
  const input = new PassThrough();
  const words: ReplayWord[] = [];
  const job = replayJob(stage, { id: 'orphan', feed: FEED, from: DAY, to: '2026-11-19', speed: 1 });
  const never = new AbortController().signal;
  const done = replayFrom(input, FEEDS, (word) => words.push(word), never);
  input.write(`${JSON.stringify(job)}\n`);
  await until('it runs', () => words.length > 0);
  input.end();
  assert.equal(await done, true);
  const last = words.at(-1);
  assert.ok(last?.event === 'result' && last.result.outcome === 'stopped');

  const wrong = new PassThrough();
  wrong.end('nothing\n');
  assert.equal(await replayFrom(wrong, FEEDS, (word) => words.push(word), never), false);
  const said = words.at(-1);
  assert.ok(said?.event === 'failure' && said.code === 'SSMD_INVALID_INPUT' && !said.retryable);
});

test('nothing but its own subjects: what would go elsewhere breaks, and is not sent', async () => {
  const live = await listen();
  const place = { id: 'strict', owner: 'strict', run: '1', keep: false };
  await using link = await openReplayLink(natsOptions, place, Date.now());
  for (const [feed, symbol] of [
    ['kraken.trade', 'BTCUSD'],
    ['*', 'BTCUSD'],
    ['kraken', 'BTCUSD.x'],
    ['', 'BTCUSD'],
    ['kraken', '>'],
  ] as const) {
    assert.throws(
      () =>
        link.publish({
          ...{ feed, type: 'trade', symbol, id: 'x', normalizer: 'tiny@1', count: 1 },
          cursor: { pass: 1, t: '1', k: 1 },
          data: new Uint8Array(1),
        }),
      /replay strict never publishes to/,
    );
  }
  await live.stop();
  assert.deepEqual(live.heard, []);
  assert.equal(await control.remove('strict', 'other'), false);
  assert.equal(await control.remove('strict', 'strict'), true);
  assert.equal(await control.remove('strict', 'strict'), false);
});
