/** Replays as operators start and steer them: on real Temporal, NATS and S3 servers, a process each. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  ApplicationFailure,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { NS_PER_HOUR, NS_PER_MINUTE, dayEnd, dayStart, formatIso } from '../../schema/time.ts';
import type { Day } from '../../schema/time.ts';
import type { ReplayPosition } from '../../schema/replay.ts';
import type { ReplayReport, ReplayWhere } from '../../workflows/replay.ts';
import { archiveDay } from '../support/archive-run.ts';
import { openStage } from '../support/e2e.ts';
import { keepHistory } from '../support/histories.ts';
import { memoryJobs } from '../support/memory-jobs.ts';
import { archivedContent, contentOf, readReplayStream } from '../support/replay-stream.ts';
import { replayStreams } from '../support/replay-stream.ts';
import { REPLAY_NOW, startReplayWorker } from '../support/replay-worker.ts';
import { startTestServers } from '../support/servers.ts';
import { writeTinyDay } from '../support/tiny-day.ts';
import { QUEUE } from '../support/workflow-jobs.ts';
import { seen } from '../support/until.ts';

const DAY = '2026-11-18' as Day;
const NOON = dayStart(DAY) + 12n * NS_PER_HOUR;
const WHOLE = { from: dayStart(DAY), to: dayEnd(DAY) };
const OF = { feed: 'tiny', day: DAY, version: 'v1' };

const [stage, servers] = await Promise.all([openStage(), startTestServers({ temporal: true })]);
const { environment, endpoints, variables } = stage;
const normalized = await stage.bucket(environment.spec.storage.normalized.bucket);
await writeTinyDay(stage.raw, {
  ...{ day: DAY, step_ns: 200_000_000n, end: 'shutdown' },
  ...{ start_at: NOON, stop_at: NOON + 10n * NS_PER_MINUTE },
});
await archiveDay(memoryJobs(REPLAY_NOW, { raw: stage.raw, normalized }), OF);
const { address } = servers.temporal;
const jobs = await startReplayWorker({ address, variables });
const { client } = jobs;

after(async () => {
  await jobs[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

const start = (id: string, input: object): Promise<WorkflowHandle> =>
  client.workflow.start('replay', { taskQueue: QUEUE, workflowId: `replay/${id}`, args: [input] });

/** Asks until it says what is wanted. */
function whenever(
  handle: WorkflowHandle,
  wanted: (where: ReplayWhere) => boolean,
): Promise<ReplayWhere> {
  return seen(() => handle.query<ReplayWhere>('position'), wanted);
}

const tell = (handle: WorkflowHandle, name: string, arg = {}): Promise<ReplayPosition> =>
  handle.executeUpdate<ReplayPosition, [object]>(name, { args: [arg] });

async function refusal(asked: Promise<unknown>): Promise<string> {
  const error: unknown = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WorkflowUpdateFailedError, String(error));
  return String(error.cause?.message);
}

async function streamOf(id: string) {
  return contentOf(await readReplayStream(endpoints.nats_url, environment.name, id));
}

test('a day to its end: the report, the subjects, the archive byte for byte', async () => {
  const handle = await start('whole', { feed: 'tiny', day: DAY, speed: 'max', id: 'whole' });
  const report = (await handle.result()) as ReplayReport;
  assert.deepEqual([report.outcome, report.subject], ['ended', 'replay.whole.>']);
  assert.equal(report.position.share, 1);
  const expected = await archivedContent(normalized, OF, WHOLE);
  assert.deepEqual(await streamOf('whole'), expected);
  const run = await handle.describe();
  const filed = run.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  assert.equal(Object.fromEntries(filed)['SsmdOutcome'], 'ended');
  await keepHistory(client, 'replay', 'replay/whole');
});

test('pause, resume, speed, seek, stop: answered with the position, refused with the reason', async () => {
  const handle = await start('told', { feed: 'tiny', day: DAY, id: 'told' });
  await whenever(handle, ({ position }) => position?.state === 'playing');
  assert.match(await refusal(tell(handle, 'resume')), /is not paused/);
  const paused = await tell(handle, 'pause');
  assert.equal(paused.state, 'paused');
  const { position } = await handle.query<ReplayWhere>('position');
  assert.deepEqual(position, paused);
  assert.match(await refusal(tell(handle, 'pause')), /paused already/);
  for (const speed of [0, -1, 'fast', null]) {
    assert.match(await refusal(tell(handle, 'setSpeed', { speed })), /is no speed/);
  }
  assert.match(await refusal(tell(handle, 'seek', { to: '2026-11-19' })), /outside the replay/);
  assert.match(await refusal(tell(handle, 'seek', {})), /nothing is no instant/);
  const to = formatIso(NOON + 7n * NS_PER_MINUTE);
  const sought = await tell(handle, 'seek', { to });
  assert.deepEqual([sought.at, sought.pass, sought.state], [to, 2, 'paused']);
  assert.equal((await tell(handle, 'setSpeed', { speed: 10 })).speed, 10);
  assert.equal((await tell(handle, 'resume')).state, 'playing');
  const back = await tell(handle, 'seek', { to: formatIso(NOON + 2n * NS_PER_MINUTE) });
  assert.equal(back.pass, 3);
  const last = await tell(handle, 'stop');
  assert.equal(last.state, 'stopped');
  const report = (await handle.result()) as ReplayReport;
  assert.equal(report.outcome, 'stopped');
  assert.ok(!(await replayStreams(endpoints.nats_url)).some((name) => name.endsWith('_TOLD')));
  await keepHistory(client, 'replay', 'replay/told', 'told');
});

test('a worker is killed, the next one stops: a third goes on where it was, and the stream has all of it once', async () => {
  // Nobody but the one that is to be killed takes it.
  const workerProcess = join(import.meta.dirname, '../support/replay-worker.ts');
  await using mortal = await startTestServers({ temporal: true });
  const options = { address: mortal.temporal.address, variables };
  const child = spawn(process.execPath, [workerProcess, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const { Client, Connection } = await import('@temporalio/client');
  const connection = await Connection.connect({ address: mortal.temporal.address });
  const other = new Client({ connection });
  const input = { feed: 'tiny', from: formatIso(NOON), speed: 20, id: 'mortal' };
  const handle = await other.workflow.start('replay', {
    ...{ taskQueue: QUEUE, workflowId: 'replay/mortal', args: [input] },
  });
  await whenever(handle, ({ position }) => (position?.events ?? 0) > 500);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const heir = await startReplayWorker(options);
  const before = await tell(handle, 'setSpeed', { speed: 21 });
  await whenever(handle, ({ position }) => Number(position?.t) > Number(before.t));
  // And one that stops in order hands it on at once.
  await heir[Symbol.asyncDispose]();
  await using third = await startReplayWorker(options);
  assert.ok(third);
  const told = await tell(handle, 'setSpeed', { speed: 'max' });
  assert.deepEqual([told.pass, told.speed], [1, 'max']);
  const report = (await handle.result()) as ReplayReport;
  assert.equal(report.outcome, 'ended');
  const messages = await readReplayStream(endpoints.nats_url, environment.name, 'mortal');
  const ids = messages.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const span = { from: NOON, to: WHOLE.to };
  assert.deepEqual(contentOf(messages), await archivedContent(normalized, OF, span));
  assert.ok(report.events < messages.reduce((sum, { count }) => sum + count, 0), 'it went on');
  await connection.close();
});

test('a cancelled replay ends its process and leaves no stream', async () => {
  const handle = await start('cancelled', { feed: 'tiny', day: DAY, id: 'cancelled' });
  await whenever(handle, ({ position }) => position?.state === 'playing');
  await handle.cancel();
  await assert.rejects(handle.result(), /cancelled/i);
  const { position } = await handle.query<ReplayWhere>('position');
  assert.equal(position?.state, 'stopped', 'the last position is known');
  const names = await replayStreams(endpoints.nats_url);
  assert.ok(!names.some((name) => name.endsWith('_CANCELLED')), names.join());
});

async function failureOf(id: string, input: object): Promise<ApplicationFailure> {
  const handle = await start(id, input);
  const error: unknown = await handle.result().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof WorkflowFailedError, String(error));
  let cause: unknown = error;
  while (cause instanceof Error && !(cause instanceof ApplicationFailure)) cause = cause.cause;
  assert.ok(cause instanceof ApplicationFailure);
  return cause;
}

test('a wrong input names all its faults, a span without RAW all its days; nothing is started', async () => {
  const wrong = await failureOf('wrong', {
    ...{ feed: 'tiny', from: '2026-11-19T00:00:00Z', to: '2026-11-18T00:00:00Z', speed: 0 },
    ...{ types: ['trades'], id: 'No Name' },
  });
  assert.equal(wrong.type, 'SSMD_INVALID_INPUT');
  assert.match(wrong.message, /has 4 faults/);
  assert.match(wrong.message, /from: .* is not before .*, its end/);
  assert.match(wrong.message, /speed: 0 is no speed \(a number from 0\.1 to 10000/);
  assert.match(wrong.message, /types: "trades": no type/);
  assert.match(wrong.message, /id: "No Name" is no name of a replay/);
  const open = await failureOf('open', { feed: 'tiny', from: '2026-11-30', to: '2026-12-02' });
  assert.match(open.message, /to: market still open/);
  const absent = await failureOf('absent', { feed: 'tiny', from: '2026-11-15', to: '2026-11-19' });
  assert.equal(absent.type, 'SSMD_NOT_FOUND');
  assert.match(absent.message, /nothing of tiny on 2026-11-15, 2026-11-16, 2026-11-17:/);
});
