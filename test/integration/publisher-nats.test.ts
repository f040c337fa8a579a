/** The publisher against a real nats-server that is killed, emptied and taken over. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Bus } from '../../bus/bus.ts';
import { DEFAULT_LIMITS } from '../../bus/bus.ts';
import type { Ctl } from '../../bus/ctl.ts';
import { parseCtl } from '../../bus/ctl.ts';
import { createNatsBus } from '../../bus/nats.ts';
import { factOf } from '../../codec/log-line.ts';
import { decodeEvents } from '../../codec/md2.ts';
import { openWal } from '../../connectors/runtime/wal-reader.ts';
import type { Facts } from '../../schema/log.ts';
import { assertSame, readBus, startRig } from '../support/publisher-rig.ts';
import type { TestServers } from '../support/servers.ts';
import { startTestServers } from '../support/servers.ts';
import { until } from '../support/until.ts';

let servers: TestServers;
let bus: Bus & AsyncDisposable;

before(async () => {
  servers = await startTestServers({ nats: true });
  bus = await createNatsBus({
    servers: servers.nats.url,
    environment: 'dev',
    subject_prefix: '',
    name: 'test',
    wait: false,
  });
  await bus.ensureStreams({ ...DEFAULT_LIMITS, max_bytes: 2e9 });
});
after(async () => {
  await bus.close();
  await servers[Symbol.asyncDispose]();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('five kills at full rate: every event is on the bus, once by identity, in order', async () => {
  const rig = startRig({ bus, dir: servers.dir, shard: 'kills', epoch: 1000 });
  await rig.take();
  let stop = false;
  const feeding = (async () => {
    while (!stop) {
      // As fast as the bus takes them, so that it is under way when the server dies.
      if (rig.publisher.queueRatio() < 0.5) rig.trade(200);
      await turn();
    }
  })();
  for (let kill = 0; kill < 5; kill++) {
    const before_kill = rig.publisher.position().events;
    await until('progress', () => rig.publisher.position().events > before_kill + 5_000);
    await servers.nats.kill();
    await servers.nats.restart();
    await until('reconnection', () => rig.publisher.position().connected);
  }
  stop = true;
  await feeding;
  await rig.close();
  const found = await readBus(bus, 'kills', 1000);
  assertSame(found.events, rig.offered);
  const last = await bus.lastCtl('kills', 'kraken');
  assert.equal(last?.record.events, rig.offered.length);
  assert.equal(last.record.run, 0);
  console.log(`# ${rig.offered.length} events, ${found.repeats} repeats, ${found.ctl} positions`);
});

test('an outage with a tiny queue is caught up from the log, in batches of packs', async () => {
  const shard = 'outage';
  const limits = { queue_events_max: 500, batch_events_max: 3_000 };
  const rig = startRig({ bus, dir: servers.dir, shard, epoch: 2000, limits });
  await rig.take();
  rig.trade(100);
  await servers.nats.kill();
  for (let frames = 0; frames < 6_000; frames += 100) {
    rig.trade(100);
    await turn();
  }
  rig.garbage();
  assert.equal(rig.publisher.position().backlog, true);
  assert.equal(rig.publisher.queueRatio(), 1);
  const released = rig.publisher.released();
  await servers.nats.restart();
  await until('live again', () => !rig.publisher.position().backlog);
  assert.ok(rig.publisher.released() > released);
  rig.trade(100);
  await rig.close();
  const found = await readBus(bus, shard, 2000);
  assertSame([...found.events].sort(), [...rig.offered].sort());
  assert.equal(found.repeats, 0);
  assert.ok(found.late > 0 && found.messages < rig.offered.length / 2, JSON.stringify(found));
  assert.equal((await bus.lastCtl(shard, 'kraken'))?.record.events, rig.offered.length);
});

test('a second connector takes over, and the first is fenced', async () => {
  const shard = 'take-over';
  const old = startRig({ bus, dir: servers.dir, shard, epoch: 3000 });
  await old.take();
  old.trade(50);
  await until('published', () => old.publisher.position().events === old.offered.length);
  const next = startRig({ bus, dir: servers.dir, shard, epoch: 3001 });
  await next.take();
  const take = await takenFrom(next.dir);
  assert.equal(take?.prev?.epoch, 3000);
  assert.equal(BigInt(take.prev.t) >= BigInt(lastT(old.offered)), true);
  assert.equal(Object.keys(take.ids).length > 0, true);
  old.trade(10);
  await old.publisher.fenced;
  next.trade(50);
  await next.close();
  await old.close();
  const found = await readBus(bus, shard, 3001);
  assertSame(found.events, next.offered);
  assert.equal((await bus.lastCtl(shard, 'kraken'))?.record.epoch, 3001);
});

test('an epoch that is not newer than the owner cannot claim', async () => {
  const shard = 'older';
  const owner = startRig({ bus, dir: servers.dir, shard, epoch: 3100 });
  await owner.take();
  const older = startRig({ bus, dir: servers.dir, shard, epoch: 3099 });
  await assert.rejects(older.take(), { code: 'SSMD_FENCED' });
  const twin = startRig({ bus, dir: `${servers.dir}/twin`, shard, epoch: 3100, writer: 'other' });
  await assert.rejects(twin.take(), { code: 'SSMD_FENCED' });
  await Promise.all([owner.close(), older.close(), twin.close()]);
});

test('a stream that was emptied is gone on with, and the run says so', async () => {
  const shard = 'emptied';
  const rig = startRig({ bus, dir: servers.dir, shard, epoch: 4000 });
  await rig.take();
  rig.trade(50);
  await until('published', () => rig.publisher.position().events === rig.offered.length);
  const lost = rig.offered.length;
  await purge(`*.${shard}.>`);
  rig.trade(50);
  await rig.close();
  const found = await readBus(bus, shard, 4000);
  assertSame(found.events, rig.offered.slice(lost));
  const last = await bus.lastCtl(shard, 'kraken');
  assert.equal(last?.record.run, 1);
  assert.equal(last.record.events, rig.offered.length);
});

test('a stream that was deleted is made again, and published to', async () => {
  const shard = 'deleted';
  const rig = startRig({ bus, dir: servers.dir, shard, epoch: 4100 });
  await rig.take();
  rig.trade(50);
  await until('published', () => rig.publisher.position().events === rig.offered.length);
  const lost = rig.offered.length;
  const raw = await connect({ servers: servers.nats.url, reconnect: false });
  await (await jetstreamManager(raw)).streams.delete('SSMD_DEV');
  await raw.close();
  rig.trade(50);
  await rig.close();
  assertSame((await readBus(bus, shard, 4100)).events, rig.offered.slice(lost));
  assert.ok(rig.noted.includes('publisher.message_refused'));
});

test('a frozen connector that wakes is fenced at its next position', async () => {
  const shard = 'frozen';
  const frozen = startRig({ bus, dir: servers.dir, shard, epoch: 4200 });
  await frozen.take();
  frozen.trade(50);
  await until('published', () => frozen.publisher.position().events === frozen.offered.length);
  const next = startRig({ bus, dir: servers.dir, shard, epoch: 4201 });
  await next.take();
  next.trade(50);
  // It wakes: what it publishes at once may pass, its position does not.
  frozen.trade(5);
  await frozen.publisher.fenced;
  frozen.trade(5);
  assert.equal(frozen.publisher.position().connected, false);
  await next.close();
  assertSame((await readBus(bus, shard, 4201)).events, next.offered);
  const records = (await readCtl(shard)).map(({ epoch }) => epoch);
  assert.deepEqual(records, [...records].sort());
});

test('a connector that starts without a bus speaks, and publishes when it comes', async () => {
  const shard = 'away';
  await servers.nats.kill();
  const rig = startRig({ bus, dir: servers.dir, shard, epoch: 5000 });
  await rig.take();
  rig.trade(200);
  assert.equal(rig.publisher.released(), 0n);
  await servers.nats.restart();
  await rig.close();
  const found = await readBus(bus, shard, 5000);
  assertSame(found.events, rig.offered);
  const records = await readCtl(shard);
  assert.equal(records[0]?.events, 0);
  assert.ok((records[0]?.t ?? 0n) < BigInt(rig.offered[0]?.split('/')[2] ?? 0));
});

test('a rejected frame is put aside where it can be found', async () => {
  const shard = 'garbage';
  const stop = new AbortController();
  const aside = await bus.subscribe('dlq.kraken', { signal: stop.signal });
  const rig = startRig({ bus, dir: servers.dir, shard, epoch: 6000 });
  await rig.take();
  rig.trade(1);
  rig.garbage();
  for await (const { data, header } of aside) {
    const [event] = [...decodeEvents(data)];
    assert.equal(event?.type === 'status' && event.kind, 'rejected');
    assert.deepEqual([header('shard'), header('epoch')], [shard, '6000']);
    assert.equal(header('t'), `${event?.t}`);
    stop.abort();
  }
  await rig.close();
});

/** Drops what matches from the stream, behind everybody's back. */
async function purge(filter: string): Promise<void> {
  const raw = await connect({ servers: servers.nats.url, reconnect: false });
  const manager = await jetstreamManager(raw);
  for (const kind of ['internal', 'ctl']) {
    await manager.streams.purge('SSMD_DEV', { filter: filter.replace('*', kind) });
  }
  await raw.close();
}

async function readCtl(shard: string): Promise<Ctl[]> {
  const records: Ctl[] = [];
  for await (const { subject, data } of bus.readRange({ shard, feed: 'kraken', from_seq: 1 })) {
    const record = subject.startsWith('ctl.') ? parseCtl(data) : null;
    if (record !== null) records.push(record);
  }
  return records;
}

const lastT = (offered: readonly string[]): string => offered.at(-1)?.split('/')[2] ?? '';

/** The `_take` line in an epoch's log. */
async function takenFrom(dir: string): Promise<Facts['_take'] | null> {
  const wal = openWal(dir, 0n);
  await turn();
  try {
    for (let line = wal.next(2n ** 62n); line !== null; line = wal.next(2n ** 62n)) {
      const take = factOf(line, '_take');
      if (take !== null) return take;
    }
    return null;
  } finally {
    wal.close();
  }
}
