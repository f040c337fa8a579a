/** Faults at exact moments: a lost acknowledgement, a log that cannot be read back, a silent server. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Bus, OutMessage } from '../../bus/bus.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import type { PublisherLimits } from '../../connectors/runtime/publisher-limits.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { assertSame, readBus, startRig } from '../support/publisher-rig.ts';

const START = 1_795_252_499_000_000_000n;
const dir = mkdtempSync(join(tmpdir(), 'ssmd-faults-'));
after(() => rmSync(dir, { recursive: true, force: true }));

async function setUp(shard: string, limits: Partial<PublisherLimits> = {}) {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 0.1) });
  const rig = startRig({ bus, dir, shard, epoch: 1, clock, limits });
  const pass = (ms: number): Promise<void> =>
    clock.runUntil(clock.nowNs() + BigInt(Math.round(ms * 1e6)));
  const taking = rig.take();
  await pass(10);
  await taking;
  return { clock, bus, rig, pass };
}

/** Runs until one more `ctl` is stored, and cuts the connection before its answer is heard. */
async function loseNextCtlAck({ bus, pass }: Awaited<ReturnType<typeof setUp>>): Promise<void> {
  const count = (): number =>
    bus.stored().filter(({ subject }) => subject.startsWith('ctl')).length;
  const before = count();
  for (let tries = 0; count() === before; tries++) {
    assert.ok(tries < 100_000, 'no ctl was stored');
    await pass(0.05);
  }
  bus.disconnect();
}

test('a position whose acknowledgement was lost is found, and nothing is sent twice', async () => {
  const at = await setUp('live-ack');
  at.rig.trade(20);
  await loseNextCtlAck(at);
  at.bus.forgetIds();
  await at.pass(3_000);
  const found = await readBus(at.bus, 'live-ack', 1);
  assertSame(found.events, at.rig.offered);
  assert.equal(found.repeats, 0);
  assert.equal((await at.bus.lastCtl('live-ack', 'kraken'))?.record.run, 0);
});

test('a batch whose acknowledgement was lost is not sent again', async () => {
  const limits = { queue_events_max: 20, batch_events_max: 60 };
  const at = await setUp('batch-ack', limits);
  at.bus.kill();
  at.rig.trade(200);
  at.bus.restart();
  const late = (): boolean => at.bus.stored().some(({ header }) => header('late') === '1');
  for (let tries = 0; !late(); tries++) {
    assert.ok(tries < 100_000, 'no batch was stored');
    await at.pass(0.05);
  }
  at.bus.disconnect();
  await at.pass(5_000);
  const found = await readBus(at.bus, 'batch-ack', 1);
  assert.equal(found.repeats, 0);
  assertSame([...found.events].sort(), [...at.rig.offered].sort());
  assert.equal((await at.bus.lastCtl('batch-ack', 'kraken'))?.record.run, 0);
});

test('a log that cannot be read back is a new run, and publishing goes on', async () => {
  const at = await setUp('no-log', { queue_events_max: 20 });
  at.bus.kill();
  at.rig.trade(100);
  for (const name of readdirSync(at.rig.dir)) rmSync(join(at.rig.dir, name));
  at.bus.restart();
  await at.pass(3_000);
  assert.ok(at.rig.noted.includes('publisher.backlog_lost'));
  const published = at.rig.offered.length;
  at.rig.trade(5);
  await at.pass(3_000);
  const found = await readBus(at.bus, 'no-log', 1);
  assertSame(found.events.slice(-5), at.rig.offered.slice(published).slice(-5));
  assert.equal((await at.bus.lastCtl('no-log', 'kraken'))?.record.run, 1);
});

test('a position that was stored behind a message that was refused covers nothing', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 0.1) });
  let refusals = 0;
  const refusing: Bus = {
    ...bus,
    async openPublisher(options) {
      const own = await bus.openPublisher({
        ...options,
        // The server takes what follows before its answers are heard.
        onOutcome: (...told) => void clock.setTimeout(() => options.onOutcome(...told), 20),
      });
      const publish = (message: OutMessage): number => {
        const refused = message.subject.includes('.trade.') && refusals++ === 0;
        // No sequence that a subject's first message could follow.
        return own.publish(refused ? { ...message, expected: 1 } : message);
      };
      return { ...own, publish };
    },
  };
  const limits = { ctl_messages: 1 };
  const rig = startRig({ bus: refusing, dir, shard: 'refused', epoch: 1, clock, limits });
  const taking = rig.take();
  await clock.runUntil(clock.nowNs() + 100_000_000n);
  await taking;
  rig.trade(20);
  await clock.runUntil(clock.nowNs() + 3_000_000_000n);
  assert.ok(refusals > 1 && rig.noted.includes('publisher.message_refused'));
  const found = await readBus(bus, 'refused', 1);
  assertSame([...found.events].sort(), [...rig.offered].sort());
});

test('a server that does not answer is given up after the limit', async () => {
  const at = await setUp('silent', { ack_timeout_ms: 2_000 });
  at.bus.freeze();
  at.rig.trade(5);
  await at.pass(1_500);
  assert.equal(at.rig.noted.includes('publisher.server_silent'), false);
  await at.pass(1_500);
  assert.equal(at.rig.noted.includes('publisher.server_silent'), true);
  at.bus.release();
  await at.pass(2_000);
  assertSame((await readBus(at.bus, 'silent', 1)).events, at.rig.offered);
});

test('a quiet shard tells its position every second: the log clock is now', async () => {
  const at = await setUp('quiet');
  await at.pass(10_000);
  const last = await at.bus.lastCtl('quiet', 'kraken');
  assert.equal(last?.record.events, 2, 'that it was taken, and no more');
  assert.ok(at.clock.nowNs() - (last?.record.t ?? 0n) < 1_200_000_000n);
  assert.ok(at.rig.publisher.released() > at.clock.nowNs() - 1_200_000_000n);
  const positions = at.bus.stored().length;
  assert.ok(positions >= 10 && positions <= 12, `${positions} positions in 10 s`);
});
