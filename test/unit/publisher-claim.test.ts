/** When a shard may be claimed: pure rules over the last position, on a virtual clock. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { StoredCtl } from '../../bus/ctl.ts';
import { parseCtl } from '../../bus/ctl.ts';
import { createMemoryBus } from '../../bus/memory.ts';
import { mayClaim } from '../../connectors/runtime/publisher-claim.ts';
import type { VirtualClock } from '../../connectors/simulator/clock.ts';
import { virtualClock } from '../../connectors/simulator/clock.ts';
import { unixNs } from '../../schema/time.ts';
import type { Rig } from '../support/publisher-rig.ts';
import { startRig } from '../support/publisher-rig.ts';

const START = 1_795_252_499_000_000_000n;
const SECOND = 1_000_000_000n;
const dir = mkdtempSync(join(tmpdir(), 'ssmd-claim-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const last = (epoch: number, at: bigint): StoredCtl => ({
  seq: 7,
  record: {
    epoch,
    writer: 'other',
    t: unixNs(at),
    events: 0,
    run: 0,
    at: unixNs(at),
    normalizer: 'kraken@1',
  },
});
const now = 1_000n * SECOND;
const view = { epoch: 2, now, since: now, standby: false, warm: false };

test('a shard nobody has, or whose connector is silent, is claimed at once', () => {
  assert.equal(mayClaim(null, view), true);
  assert.equal(mayClaim(last(1, now - 4n * SECOND), view), false);
  assert.equal(mayClaim(last(1, now - 6n * SECOND), view), true);
});

test('a living connector is given way to until this one is warm, or for a minute', () => {
  const living = last(1, now);
  assert.equal(mayClaim(living, { ...view, warm: true }), true);
  assert.equal(mayClaim(living, { ...view, since: now - 59n * SECOND }), false);
  assert.equal(mayClaim(living, { ...view, since: now - 61n * SECOND }), true);
});

test('one that was fenced waits for ten seconds of silence, warm or not', () => {
  const standby = { ...view, standby: true, warm: true, since: 0n };
  assert.equal(mayClaim(last(1, now - 9n * SECOND), standby), false);
  assert.equal(mayClaim(last(1, now - 11n * SECOND), standby), true);
});

test('an epoch that is not newer is told so', () => {
  for (const epoch of [2, 3]) {
    assert.throws(() => mayClaim(last(epoch, 0n), view), { code: 'SSMD_FENCED' });
  }
});

async function pass(clock: VirtualClock, seconds: number): Promise<void> {
  await clock.runUntil(clock.nowNs() + BigInt(seconds) * SECOND);
}

function rigOn(clock: VirtualClock, bus: ReturnType<typeof createMemoryBus>, epoch: number): Rig {
  return startRig({ bus, dir: join(dir, `${epoch}`), shard: 'claims', epoch, clock });
}

/** Symbols of what was offered, without the feed's own. */
function tradedOf(offered: readonly string[]): string[] {
  const symbols = new Set(offered.map((it) => it.split('/')[1] ?? ''));
  return [...symbols].filter((it) => !it.startsWith('_FEED')).sort();
}

test('the next connector takes over where the last position and trade ids left off', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 0.1) });
  const first = rigOn(clock, bus, 1);
  void first.take();
  await pass(clock, 1);
  first.trade(20);
  await pass(clock, 2);
  const { signal } = new AbortController();
  const second = rigOn(clock, bus, 2);
  let claimed = false;
  const claim = second.publisher
    .claim({ standby: false, warm: () => false, signal })
    .finally(() => (claimed = true));
  await pass(clock, 59);
  assert.equal(claimed, false);
  await pass(clock, 3);
  const { prev, ids, seen } = await claim;
  const last = BigInt(first.offered.at(-1)?.split('/')[2] ?? 0);
  assert.equal(prev?.epoch, 1);
  assert.ok((prev?.t ?? 0n) > last);
  assert.deepEqual(seen, { epoch: 1, t: last });
  assert.deepEqual(tradedOf(first.offered), Object.keys(ids).sort());
  let fenced = false;
  void first.publisher.fenced.then(() => (fenced = true));
  await pass(clock, 2);
  assert.equal(fenced, true);
});

test('of two that read the same position, one has the shard', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 5) });
  const stop = new AbortController();
  const claimed: number[] = [];
  const refused: number[] = [];
  const claims = [6, 7].map((epoch) =>
    rigOn(clock, bus, epoch)
      .publisher.claim({ standby: false, warm: () => false, signal: stop.signal })
      .then(
        () => claimed.push(epoch),
        () => refused.push(epoch),
      ),
  );
  await pass(clock, 3);
  assert.equal(claimed.length, 1, `claimed by ${claimed.join(' and ')}`);
  const owner = await bus.lastCtl('claims', 'kraken');
  assert.equal(owner?.record.epoch, claimed[0]);
  stop.abort();
  await pass(clock, 1);
  await Promise.all(claims);
  assert.equal(refused.length, 1);
});

test('a clock behind the last position speaks after it all the same', async () => {
  const ahead = virtualClock(START + 60n * SECOND);
  const bus = createMemoryBus({ schedule: (run) => void ahead.setTimeout(run, 0.1) });
  const first = rigOn(ahead, bus, 8);
  void first.take();
  await pass(ahead, 1);
  first.trade(20);
  await pass(ahead, 2);
  const last = await bus.lastCtl('claims', 'kraken');
  const behind = virtualClock(START);
  const second = rigOn(behind, bus, 9);
  const taken = second.take();
  for (let turn = 0; turn < 3; turn++) {
    await pass(ahead, 1);
    await pass(behind, 1);
  }
  await taken;
  const claims: bigint[] = [];
  for await (const { subject, data } of bus.readRange({
    ...{ shard: 'claims', feed: 'kraken', from_seq: 1 },
  })) {
    const record = subject.startsWith('ctl.') ? parseCtl(data) : null;
    if (record?.epoch === 9) claims.push(record.t);
  }
  assert.ok(claims.length > 0);
  assert.ok(
    claims.every((t) => t >= (last?.record.t ?? 0n)),
    'its positions go on from there',
  );
});

test('a message that cannot be read keeps nobody from taking the shard', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 0.1) });
  const first = rigOn(clock, bus, 15);
  void first.take();
  await pass(clock, 1);
  first.trade(20);
  await pass(clock, 2);
  const newer = await bus.openPublisher({
    ...{ shard: 'claims', feed: 'kraken', epoch: 15, normalizer: 'kraken@2' },
    ...{ onOutcome: () => undefined, connect_timeout_ms: 1_000 },
  });
  const data = new TextEncoder().encode('not an event of this version');
  for (const subject of ['internal.claims.kraken.trade.NEWUSD', 'internal.claims.kraken.odd.NEW']) {
    const message = { subject, count: 1, late: false, t: null, data };
    newer.publish({ ...message, id: null, expected: null });
  }
  await pass(clock, 1);
  const second = rigOn(clock, bus, 16);
  const { signal } = new AbortController();
  const claim = second.publisher.claim({ standby: false, warm: () => true, signal });
  let claimed = false;
  void claim.then(() => (claimed = true));
  await pass(clock, 5);
  assert.equal(claimed, true);
  const { prev, ids, seen } = await claim;
  const last = BigInt(first.offered.at(-1)?.split('/')[2] ?? 0);
  assert.equal(prev?.epoch, 15);
  assert.deepEqual(seen, { epoch: 15, t: last });
  assert.deepEqual(Object.keys(ids).sort(), tradedOf(first.offered));
  assert.ok(second.noted.includes('publisher.message_unreadable'));
});

test('a bus that goes away before the claim: the shard is taken over as it was last seen', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 0.1) });
  const first = rigOn(clock, bus, 11);
  void first.take();
  await pass(clock, 1);
  first.trade(20);
  await pass(clock, 2);
  const { signal } = new AbortController();
  const second = rigOn(clock, bus, 12);
  const claim = second.publisher.claim({ standby: false, warm: () => false, signal });
  await pass(clock, 2);
  const seen = await bus.lastCtl('claims', 'kraken');
  bus.kill();
  await pass(clock, 5);
  const { prev, ids } = await claim;
  assert.equal(prev?.epoch, 11);
  assert.ok((seen?.record.t ?? 0n) - (prev?.t ?? 0n) <= 2n * SECOND, 'of the last look but few');
  assert.deepEqual(Object.keys(ids).sort(), tradedOf(first.offered));
});

test('a standby does not take a shard while the bus is away', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 0.1) });
  bus.kill();
  const rig = rigOn(clock, bus, 3);
  const stop = new AbortController();
  let claimed = false;
  const claim = rig.publisher.claim({ standby: true, warm: () => true, signal: stop.signal });
  void claim.then(
    () => (claimed = true),
    () => undefined,
  );
  await pass(clock, 30);
  assert.equal(claimed, false);
  bus.restart();
  await pass(clock, 1);
  assert.equal(claimed, true);
});

test('an abort ends the wait', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 0.1) });
  bus.kill();
  const rig = rigOn(clock, bus, 4);
  const stop = new AbortController();
  const claim = rig.publisher.claim({ standby: true, warm: () => true, signal: stop.signal });
  const rejected = assert.rejects(claim, { name: 'AbortError' });
  stop.abort();
  await pass(clock, 2);
  await rejected;
});

test('aborted while its claim is on the wire, it lets go of the bus and of its timers', async () => {
  const clock = virtualClock(START);
  const bus = createMemoryBus({ schedule: (run) => void clock.setTimeout(run, 5) });
  const rig = rigOn(clock, bus, 5);
  const stop = new AbortController();
  const claim = rig.publisher.claim({ standby: false, warm: () => true, signal: stop.signal });
  const rejected = assert.rejects(claim, { name: 'AbortError' });
  await clock.runUntil(clock.nowNs() + 7_000_000n);
  stop.abort();
  await rig.publisher.close({ deadline_ms: 0 });
  await pass(clock, 1);
  await rejected;
  assert.equal(clock.nextTimerNs(), null);
});
