/** The bus contract over a real nats-server, and what only a real server can show. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { connect, headers } from '@nats-io/transport-node';
import type { Bus } from '../../bus/bus.ts';
import { DEFAULT_LIMITS } from '../../bus/bus.ts';
import { createNatsBus } from '../../bus/nats.ts';
import {
  BUS_PROMISES,
  ctlMessage,
  eventMessage,
  openFor,
  readAll,
} from '../support/bus-contract.ts';
import type { TestServers } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { startTestServers } from '../support/servers.ts';

const LIMITS = { ...DEFAULT_LIMITS, max_bytes: 64e6, dlq_max_bytes: 1e6 };
let servers: TestServers;
let bus: Bus & AsyncDisposable;

before(async () => {
  servers = await startTestServers({ nats: true });
  bus = await connectTo('dev', '');
  await bus.ensureStreams(LIMITS);
});
after(async () => {
  await bus.close();
  await servers[Symbol.asyncDispose]();
});

function connectTo(environment: string, subject_prefix: string): Promise<Bus & AsyncDisposable> {
  const name = 'test';
  return createNatsBus({
    servers: servers.nats.url,
    environment,
    subject_prefix,
    name,
    wait: false,
  });
}

for (const [at, { name, run }] of BUS_PROMISES.entries()) {
  test(`nats bus ${name}`, async () => {
    const bounce = async (): Promise<void> => {
      await servers.nats.kill();
      await servers.nats.restart();
    };
    await run({ bus, bounce }, `shard${at}`);
  });
}

test('streams are brought to a changed configuration, and left alone when it is the same', async () => {
  await bus.ensureStreams(LIMITS);
  await bus.ensureStreams({ ...LIMITS, retention_hours: 12, max_bytes: 32e6 });
  await bus.ensureStreams(LIMITS);
});

test('environments that share subjects are refused, a prefix keeps them apart', async () => {
  await using overlapping = await connectTo('other', '');
  await assert.rejects(overlapping.ensureStreams(LIMITS), {
    code: 'SSMD_INVALID_CONFIG',
    message: /SSMD_OTHER .* subject prefix/,
  });
  await using apart = await connectTo('demo', 'demo');
  await apart.ensureStreams(LIMITS);
  const { publisher, put } = await openFor(apart, 'tier9');
  const stop = new AbortController();
  const live = await apart.subscribe('md.>', { signal: stop.signal });
  await put(eventMessage('tier9', 'BTCUSD', 'apart'));
  await put(ctlMessage('tier9', {}, 0));
  for await (const { subject } of live) {
    assert.equal(subject, 'md.kraken.trade.BTCUSD');
    stop.abort();
  }
  assert.deepEqual(await readAll(apart, 'tier9'), ['apart', 'ctl']);
  assert.deepEqual(await readAll(bus, 'tier9'), []);
  assert.equal((await apart.lastCtl('tier9', 'kraken'))?.record.epoch, 1);
  await publisher.close();
});

test('a range being read survives a killed server, whole and in order', async () => {
  const shard = 'ranged';
  const { publisher } = await openFor(bus, shard);
  let expected = 0;
  for (let round = 0; round < 10; round++) {
    const packs = Array.from({ length: 999 }, (_, at) =>
      eventMessage(shard, 'A', `${round * 999 + at}`.padEnd(400)),
    );
    const outcome = await publisher.publishBatch([...packs, ctlMessage(shard, {}, expected)]);
    assert.equal(outcome.type, 'stored');
    expected = outcome.type === 'stored' ? outcome.seq : 0;
  }
  const seen: number[] = [];
  for await (const { subject, data } of bus.readRange({ shard, feed: 'kraken', from_seq: 1 })) {
    if (subject.startsWith('internal')) seen.push(Number(new TextDecoder().decode(data)));
    if (seen.length === 500) {
      await servers.nats.kill();
      await servers.nats.restart();
    }
  }
  assert.equal(seen.length, 9990);
  assert.ok(seen.every((value, at) => value === at));
});

test('a batch is refused as busy while too many others are open', async () => {
  await using crowded = await connectTo('crowded', 'crowded');
  await crowded.ensureStreams(LIMITS);
  const raw = await connect({ servers: servers.nats.url, reconnect: false });
  for (let open = 0; open < 50; open++) {
    const head = headers();
    head.set('Nats-Batch-Id', `abandoned-${open}`);
    head.set('Nats-Batch-Sequence', '1');
    await raw.request('crowded.internal.tier1.kraken.trade.A', 'x', {
      headers: head,
      timeout: 30_000,
    });
  }
  const { publisher } = await openFor(crowded, 'tier1');
  const batch = [eventMessage('tier1', 'A', 'a'), ctlMessage('tier1', {}, 0)];
  const outcome = await publisher.publishBatch(batch);
  assert.equal(outcome.type === 'refused' ? outcome.reason : outcome.type, 'busy');
  assert.deepEqual(await readAll(crowded, 'tier1'), []);
  await Promise.all([raw.close(), publisher.close()]);
});

/** A signal takes a moment to reach all threads of a process. */
function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

test('a position or last messages asked of a server that dies are refused, not waited for', async () => {
  await using own = await connectTo('dying', 'dying');
  await own.ensureStreams(LIMITS);
  const publisher = await own.openPublisher({
    ...{ shard: 'tier1', feed: 'kraken', epoch: 1, normalizer: 'kraken@1' },
    ...{ onOutcome: () => undefined, connect_timeout_ms: 2_000 },
  });
  // It hears the questions, and is gone before it can answer.
  process.kill(servers.nats.pid(), 'SIGSTOP');
  await until('stopped', () => isStopped(servers.nats.pid()));
  const asked = [publisher.lastCtl(), publisher.lastMessages('internal.tier1.kraken.trade.*')];
  const answers = Promise.allSettled(asked);
  await new Promise((resolve) => setImmediate(resolve));
  await servers.nats.kill();
  await publisher.closed;
  const limit = AbortSignal.timeout(10_000);
  const late = new Promise<'late'>((resolve) => {
    limit.addEventListener('abort', () => resolve('late'), { once: true });
  });
  const outcome = await Promise.race([answers, late]);
  await servers.nats.restart();
  assert.notEqual(outcome, 'late', 'no answer, ten seconds after the connection was lost');
  assert.deepEqual(
    (await answers).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
});

test('no server is an error that says so, at once', async () => {
  const options = { environment: 'dev', subject_prefix: '', name: 'test', wait: false };
  await assert.rejects(createNatsBus({ ...options, servers: '127.0.0.1:9' }), {
    code: 'SSMD_UNAVAILABLE',
    message: /no NATS server at 127\.0\.0\.1:9/,
  });
});
